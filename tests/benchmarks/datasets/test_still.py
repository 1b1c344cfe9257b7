"""A still is read as a viewer shows it, by every reader of pictures."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets.composite.photograph import decode
from benchmarks.datasets.prepared import decode as pixels
from benchmarks.datasets.still import as_shown
from benchmarks.preparation.decode import photograph

#: Dark at the left and bright at the right; the upper half a little darker.
GREY = np.tile(np.linspace(40, 250, 200), (100, 1)) - np.where(np.arange(100) < 50, 30, 0)[:, None]
SHOWN = Image.fromarray(GREY.astype(np.uint8)).convert("RGB")
#: Orientation of EXIF -> how a picture is stored that is shown upright.
STORED = {
    1: lambda p: p,
    2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
    4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
    6: lambda p: p.transpose(Image.Transpose.ROTATE_90),
    7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
    8: lambda p: p.transpose(Image.Transpose.ROTATE_270),
    9: lambda p: p,  # means nothing
}


def encoded(picture: Image.Image, form: str, **options) -> bytes:
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def masked(picture: Image.Image) -> Image.Image:
    """The right half is transparent, and black below that."""
    layer = picture.convert("RGBA")
    layer.paste((0, 0, 0, 0), (100, 0, 200, 100))
    return layer


def indexed(picture: Image.Image) -> Image.Image:
    return picture.quantize(256, dither=Image.Dither.NONE)


SIXTEEN = Image.fromarray(GREY.astype(np.uint16) * 257)
PALE = SHOWN.copy()
PALE.paste("white", (100, 0, 200, 100))
FORMS = {
    **{
        f"{form} {n}": (encoded(STORED[n](SHOWN), form, exif=turned(n)), SHOWN)
        for form in ("JPEG", "PNG")
        for n in STORED
    },
    "damaged EXIF": (encoded(SHOWN, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0\0"), SHOWN),
    "16 bit": (encoded(SIXTEEN, "PNG"), SHOWN),
    "16 bit turned": (encoded(STORED[6](SIXTEEN), "PNG", exif=turned(6)), SHOWN),
    "palette": (encoded(indexed(SHOWN), "PNG"), SHOWN),
    "grey with alpha": (encoded(SHOWN.convert("LA"), "PNG"), SHOWN),
    "CMYK": (encoded(SHOWN.convert("CMYK"), "JPEG"), SHOWN),
    "YCbCr": (encoded(SHOWN.convert("YCbCr"), "JPEG"), SHOWN),
    "alpha": (encoded(masked(SHOWN), "PNG"), PALE),
    "palette with alpha": (encoded(masked(SHOWN).quantize(64, Image.Quantize.FASTOCTREE), "PNG"), PALE),
    "a colour that is transparent": (
        encoded(Image.new("RGB", (200, 100), (9, 8, 7)), "PNG", transparency=(9, 8, 7)),
        Image.new("RGB", (200, 100), "white"),
    ),
    "16 bits that are transparent": (
        encoded(Image.fromarray(np.full((100, 200), 700, np.uint16)), "PNG", transparency=700),
        Image.new("RGB", (200, 100), "white"),
    ),
}


def far(seen: Image.Image, truth: Image.Image) -> float:
    assert seen.size == truth.size
    return float(np.abs(np.asarray(seen).astype(int) - np.asarray(truth)).mean())


@pytest.mark.parametrize("form", FORMS)
def test_every_reader_sees_what_is_shown(form: str, tmp_path: Path) -> None:
    content, truth = FORMS[form]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the damaged EXIF
        with Image.open(io.BytesIO(content)) as picture:
            shown = as_shown(picture)
        assert (shown.mode, far(shown, truth) < 4) == ("RGB", True)
        (tmp_path / "a.png").write_bytes(content)
        frame = Image.fromarray(pixels(photograph(tmp_path / "a.png", 95)))
        assert far(frame, truth.resize((256, 256), Image.Resampling.BICUBIC)) < 5
        assert far(decode(content, "a"), truth.resize((160, 80), Image.Resampling.BICUBIC)) < 5


def test_a_frame_that_is_one_stays_as_it_is_unless_it_lies(tmp_path: Path) -> None:
    square = SHOWN.resize((256, 256))
    for n in (1, 6):
        (tmp_path / f"{n}.jpg").write_bytes(encoded(square, "JPEG", exif=turned(n)))
    assert photograph(tmp_path / "1.jpg", 95) == (tmp_path / "1.jpg").read_bytes()
    lying = pixels(photograph(tmp_path / "6.jpg", 95))
    assert far(Image.fromarray(lying), square.transpose(Image.Transpose.ROTATE_270)) < 5
