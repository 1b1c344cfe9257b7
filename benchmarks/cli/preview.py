"""Commands ``preview``: examples of generated scenes, to be looked at before a score on them is believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.cli.prepare import MaterialOptions
from registry.cli.options import choice, option, path
from registry.cli.printing import beside
from registry.cli.program import App, examples
from registry.files import disk_errors

app = App(
    help="Draw example scenes of a data set that is generated. Look at them before you believe a score on them.",
    epilog=examples("""\
examples:
  cavl-bench preview miniature --out world.png --size 128
  cavl-bench preview composite --photographs /data/caltech101 \\
      --recordings /data/ESC-50 /data/instruments --out composite.png
"""),
)

OUT = path("picture to write: .png, .pdf or .svg", "FILE", ...)
SEED = option("seed of the scenes; that of the presets is 0", "N", 0)
SIZE = "pixels of an image's side, 32 or more"
GENERATOR = option("how scenes are drawn: 2 as in the presets, 1 as in the presets NAME-v1", "N", 2)


@app.command()
def miniature(out: Path = OUT, seed: int = SEED, size: int = option(SIZE, "N", 64), generator: int = GENERATOR) -> None:
    """The miniature world, drawn and synthesised.

    Procedural scenes of 1 to 5 sources among 12 kinds, the same bytes on every machine. Draws the twelve kinds, one
    test scene each of 1 to 5 sources (image with boxes, spectrogram of the mixture, envelope of every source) and a
    row of video frames. About five seconds.
    """
    from benchmarks.datasets.miniature import SECOND, MiniatureConfig
    from benchmarks.datasets.preview import data_module_of, preview  # matplotlib is slow to import, --help is not

    usual = SECOND if generator == 2 else MiniatureConfig(generator=generator)
    with disk_errors(out):
        data = data_module_of("miniature", {"world": replace(usual, world=seed, image_size=size)})
        written = preview(data, out)
        with beside(written):
            print(f"wrote {written}")


@app.command()
def composite(
    material: MaterialOptions,
    out: Path = OUT,
    seed: int = SEED,
    size: int = option(SIZE, "N", 96),
    generator: int = GENERATOR,
    split: str = choice("of which files", ("train", "validation", "test"), "train"),
) -> None:
    """Scenes composed of photographs and recordings.

    Photographs of objects on real backgrounds, recordings mixed. Draws scenes of 1 to 5 sources: the image with the
    boxes of what sounds (dashed: silent things), whose each pixel is, and the spectrograms of the mixture and of every
    source. `cavl-bench prepare composite` says of which files.
    """
    from benchmarks.datasets.composite import SECOND, CompositeConfig
    from benchmarks.datasets.preview import preview

    usual = SECOND if generator == 2 else CompositeConfig(generator=generator)
    with disk_errors(out):
        scenes = replace(usual, world=seed, image_size=size)
        written = preview(material.data_module(scenes), out, split)
        with beside(written):
            print(f"wrote {written}")
