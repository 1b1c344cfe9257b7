"""ResNet-18 (He et al. 2016) as a visual trunk of separation systems, and what its weights may know beforehand.

The layers are torchvision's under its names, so that its published weights fit; without pooling and classifier.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from cavl.named_file import read_named
from cavl.trunks import Plan, conv_trunk, out_channels

#: ResNet-18, or a scaled trunk in the notation of :mod:`cavl.trunks`.
Trunk = Literal["resnet18"] | Plan


def trunk(plan: Trunk, channels: int = 3, dilated: bool = False) -> tuple[nn.Sequential, int]:
    """A trunk of pictures (or of spectrograms: ``channels=1``) -> (it, the channels of its maps).

    ResNet-18 gives (B, 512, H / 32, W / 32); ``dilated``, H / 16 and W / 16 (Sound-of-Pixels): the last group has no
    stride, and its other 3 x 3 convolutions read every second place.
    """
    if plan != "resnet18":
        return conv_trunk(plan, channels), out_channels(plan)
    from torchvision.models import resnet18  # here: as slow to import as torch

    network = resnet18(weights=None)
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    if dilated:
        for layer in network.layer4.modules():
            if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
                layer.stride = (1, 1)
            elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                layer.dilation = layer.padding = (2, 2)
    layers = nn.Sequential()
    for name, layer in list(network.named_children())[:-2]:
        layers.add_module(name, layer)
    return layers, 512


def pictures_knowledge(weights: str) -> str:
    """What a row knows beforehand that starts from ``weights``; "" for none."""
    return f"pretrained picture network ({Path(weights).name})" if weights else ""


def load_known(network: nn.Sequential, weights: str) -> None:
    """Give a ResNet-18 trunk known ``weights``: torchvision's by name, or those of a file.

    One of other input channels keeps its first convolution.

    Raises
    ------
    ValueError
        If they cannot be fetched or read, are not what the file's name says, or of another network.
    """
    known = {name: tensor for name, tensor in _known(weights).items() if not name.startswith("fc.")}
    own = network.state_dict()
    if "conv1.weight" in own and own["conv1.weight"].shape[1] != 3:
        known["conv1.weight"] = own["conv1.weight"]
    try:
        network.load_state_dict(known)
    except RuntimeError as error:
        raise ValueError(f"weights={weights!r} are not those of a ResNet-18 as torchvision has it: {error}") from error


def _known(weights: str) -> dict[str, Tensor]:
    from torchvision.models import ResNet18_Weights

    if weights in ResNet18_Weights.__members__:
        try:
            state: dict[str, Tensor] = ResNet18_Weights[weights].get_state_dict(progress=False, check_hash=True)
        except OSError as error:
            url = ResNet18_Weights[weights].url
            raise ValueError(
                f"weights={weights!r} cannot be fetched ({error}); fetch {url} elsewhere and give the file: "
                "weights=FILE"
            ) from error
        return state
    content = read_named(weights)
    try:
        found: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises whatever it likes
        raise ValueError(f"{weights} holds no weights that torch can read: {error}") from error
    return found
