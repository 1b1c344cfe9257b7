"""The paper's shapes (§6.2) and torchvision's VGG16 as the reference."""

from itertools import pairwise

import pytest
import torch
from torchvision.models import vgg16, vgg16_bn

from cavl.trunks import SMALL, VGG16, VGGISH, conv_trunk, out_channels


@pytest.mark.parametrize(("batch_norm", "reference"), [(False, vgg16), (True, vgg16_bn)])
def test_vgg16_takes_torchvisions_weights_and_gives_its_maps(batch_norm, reference):
    ours = conv_trunk(VGG16, 3, batch_norm=batch_norm).eval()
    theirs = reference(weights=None).features[:-1].eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(image), theirs(image))


def test_paper_sizes():
    with torch.no_grad():
        assert conv_trunk(VGG16, 3)(torch.zeros(1, 3, 256, 256)).shape == (1, 512, 16, 16)
        assert conv_trunk(VGGISH, 1)(torch.zeros(1, 1, 512, 432)).shape == (1, 512, 64, 54)


def test_vggish_has_the_published_number_of_parameters():
    """3 x 3 convolutions 1-64-128-256-256-512-512 with biases, by hand."""
    widths = [1, 64, 128, 256, 256, 512, 512]
    by_hand = sum(9 * a * b + b for a, b in pairwise(widths))
    assert sum(p.numel() for p in conv_trunk(VGGISH, 1, batch_norm=False).parameters()) == by_hand == 4_499_712


def test_width_scales_channels():
    assert conv_trunk(SMALL, 3, width=0.5)(torch.zeros(2, 3, 64, 64)).shape == (2, 32, 16, 16)
    assert out_channels(SMALL, 0.5) == 32


def test_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="'A'"):
        conv_trunk((8, "A"), 3)
