"""Convolution trunks (§4.2, §6.2): VGGish for sound, VGG16 for vision, and scaled ones in the same notation.

A trunk is a plan: output channels of 3 x 3 convolutions, "M" a 2 x 2 max-pooling. §6.2 drops VGGish's fully-connected
layers and its last pooling (512 x 432 -> 64 x 54 x 512), and likewise VGG16's (256 x 256 -> 16 x 16 x 512).
"""

from __future__ import annotations

from torch import nn

Plan = tuple[int | str, ...]

#: Hershey et al. 2017, without the last pooling.
VGGISH: Plan = (64, "M", 128, "M", 256, 256, "M", 512, 512)
#: Simonyan & Zisserman 2014, configuration D, without the last pooling.
VGG16: Plan = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
#: For 64 x 64 inputs: 16 x 16 points of 64 channels.
SMALL: Plan = (16, "M", 32, "M", 64, 64)


def conv_trunk(plan: Plan, in_channels: int, *, batch_norm: bool = True, width: float = 1.0) -> nn.Sequential:
    """Build the trunk; its state-dict keys are torchvision's (``vgg16().features``), so that published weights fit.

    ``width`` multiplies every layer's channels. Convolutions start from He's normal initialisation (fan out) with zero
    bias, as torchvision's VGG does. The maps stay ReLU outputs: non-negative.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for item in plan:
        if item == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        if not isinstance(item, int):
            raise ValueError(f"a trunk's plan holds channel numbers and 'M', not {item!r}")
        out = max(1, round(item * width))
        conv = nn.Conv2d(channels, out, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        layers += [conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True)] if batch_norm else [conv, nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers)


def out_channels(plan: Plan, width: float = 1.0) -> int:
    """Channels of the trunk's maps."""
    return max(1, round([c for c in plan if isinstance(c, int)][-1] * width))
