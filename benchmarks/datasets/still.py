"""Stills as a viewer shows them: upright, in colour, on white where they are transparent."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
from PIL import Image, ImageOps

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit: readers look at the size before they decode, and name it

#: Tag of EXIF that says how a still is to be turned; 1, or nothing, leaves it as it is.
ORIENTATION = 0x0112


def as_shown(picture: Image.Image) -> Image.Image:
    """An opened picture as RGB of 8 bits a channel; ``picture`` itself where that is all it is.

    Raises what Pillow raises over damaged files.
    """
    picture.load()
    upright = _upright(picture)
    if upright.mode.startswith("I"):  # 16 bits, which Pillow's own conversion cuts at 255
        upright = _of_8_bits(upright)
    if upright.mode.endswith(("A", "a")) or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def _upright(picture: Image.Image) -> Image.Image:
    """Turned or mirrored as its EXIF says."""
    with contextlib.suppress(Exception), warnings.catch_warnings():  # a picture with damaged EXIF is a picture
        warnings.simplefilter("ignore")
        if picture.getexif().get(ORIENTATION, 1) != 1:
            return ImageOps.exif_transpose(picture)
    return picture


def _of_8_bits(picture: Image.Image) -> Image.Image:
    """Grey of 0 to 65,535 as grey of 0 to 255, with the level that is transparent, if there is one."""
    levels = np.asarray(picture).astype(np.float64)
    grey = Image.fromarray(np.clip(np.rint(levels / 257), 0, 255).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey
