"""Eqs 4, 5 and 7 against hand-computed cases and plain loops."""

import pytest
import torch

from cavl.alignment import contrastive_loss, mismatched, nearest_centres, nearest_distances, scene_distance
from cavl.clustering import Clusters


def clusters(*items):
    """Clusters from lists of centres, padded and masked."""
    most = max(len(item) for item in items)
    dim = len(items[0][0])
    centres, mask = torch.zeros(len(items), most, dim), torch.zeros(len(items), most, dtype=torch.bool)
    for i, item in enumerate(items):
        centres[i, : len(item)] = torch.tensor(item)
        mask[i, : len(item)] = True
    return Clusters(centres, torch.zeros(len(items), 1, most), mask)


AUDIO = clusters([[0.0, 0.0]], [[3.0, 0.0], [0.0, 4.0]])
VISUAL = clusters([[0.0, 1.0], [9.0, 9.0]], [[3.0, 0.0], [0.0, 0.0], [0.0, 2.0]])


def test_eq_4_by_hand():
    # Sound 0 (centre 0,0): image 0 nearest 0,1 -> 1; image 1 has 0,0 -> 0.
    # Sound 1 (3,0 and 0,4): image 0: sqrt(10) and 3; image 1: 0 and 2.
    expected = torch.tensor([[1.0, 0.0], [10**0.5 + 3, 2.0]])
    assert torch.allclose(scene_distance(AUDIO, VISUAL), expected, atol=1e-5)


def test_masked_centres_neither_add_nor_attract():
    # The padding of sound 0 and of image 0 lies at the origin; were it used, sound 0 in image 0 would be at distance 0.
    assert nearest_distances(AUDIO, VISUAL)[0, 0].tolist() == pytest.approx([1.0, 0.0], abs=1e-5)


def test_eq_7_by_hand():
    assert nearest_centres(AUDIO, VISUAL)[0, 0] == 0
    assert nearest_centres(AUDIO, VISUAL)[1].tolist() == [0, 2]


D = torch.tensor([[[0.2, 0.0], [0.7, 0.0]], [[0.5, 0.6], [0.3, 0.4]]])  # sound 0 has one centre, sound 1 two
K = torch.tensor([1, 2])


@pytest.mark.parametrize(
    ("options", "by_hand"),
    [
        # S = [[.2, .7], [1.1, .7]]; positives .04 + .49; negatives (1 - .7)^2 and (2 - 1.1)^2
        ({}, (0.04 + 0.49 + 0.09 + 0.81) / 4),
        # fixed margin: the second negative is max(1 - 1.1, 0)^2 = 0
        ({"margin_per_source": False}, (0.04 + 0.49 + 0.09 + 0.0) / 4),
        # sum of squares: positives .04 + (.09 + .16); negatives .3^2 and .5^2 + .4^2, the padded centre adding nothing
        ({"reduction": "sum_of_squares"}, (0.04 + 0.25 + 0.09 + 0.41) / 4),
        ({"negatives": torch.tensor([1, 0])}, (0.04 + 0.49 + 0.09 + 0.81) / 4),
        # the terms of sound 0 by 1, those of sound 1 by 2 ** -2
        ({"weights": torch.tensor([1.0, 0.25])}, (0.04 + 0.49 / 4 + 0.09 + 0.81 / 4) / 4),
    ],
)
def test_eq_5_by_hand(options, by_hand):
    assert float(contrastive_loss(D, K, margin=1.0, **options)) == pytest.approx(by_hand, abs=1e-6)


def test_eq_5_in_batch_equals_a_double_loop():
    torch.manual_seed(0)
    d, k = torch.rand(5, 5, 1), torch.ones(5)
    total = sum(
        float(d[i, j]) ** 2 if i == j else max(0.8 - float(d[i, j]), 0) ** 2 for i in range(5) for j in range(5)
    )
    assert float(contrastive_loss(d, k, margin=0.8)) == pytest.approx(total / 10, abs=1e-6)


def test_sampled_negatives_are_other_scenes_and_come_from_the_draw():
    first, again = (mismatched(50, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert (first != torch.arange(50)).all()
    assert set(first.tolist()) <= set(range(50))


def test_gradient_check():
    torch.manual_seed(0)
    d = torch.rand(3, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: contrastive_loss(x, torch.tensor([2, 2, 2]), margin=1.0), d)


def test_one_scene_is_refused():
    with pytest.raises(ValueError, match="at least two scenes"):
        contrastive_loss(torch.zeros(1, 1, 1), torch.ones(1), margin=1.0)
