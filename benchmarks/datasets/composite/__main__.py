"""``python -m benchmarks.datasets.composite kinds`` and ``... sheet --out FILE.png``"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.arguments import comma_separated
from registry.files import disk_errors


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.datasets.composite",
        description="Composite scenes: real photographs of objects on real backgrounds, with real recordings mixed. "
        "Look at them, and at what they are made of, before you believe a score on them.",
        epilog="example: python -m benchmarks.datasets.composite sheet --photographs /data/caltech101 "
        "--recordings /data/ESC-50,/data/instruments --out composite.png",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--photographs",
        metavar="DIR",
        help="folder with a folder of photographs for each kind (default: caltech101 in $CAVL_DATA)",
    )
    where.add_argument(
        "--recordings",
        type=comma_separated,
        default=(),
        metavar="DIR,...",
        help="folders with a folder of recordings for each label, or ESC-50 (default: ESC-50 and instruments in "
        "$CAVL_DATA)",
    )
    where.add_argument("--pairs", metavar="FILE", help="table that pairs the kinds (default: the one that is shipped)")
    commands.add_parser(
        "kinds",
        parents=[where],
        help="list the kinds, with the photographs and recordings there are for training, validation and test",
        description="Lists the kinds, with the photographs and recordings that there are for training, validation and "
        "test; which kinds are left out, and which files are missing or damaged, and why.",
    )
    sheet = commands.add_parser(
        "sheet",
        parents=[where],
        help="draw example scenes with boxes, objects and spectrograms",
        description="Draws scenes of 1 to 5 sources: the image with the boxes of what sounds (dashed: silent things), "
        "whose each pixel is, and the spectrograms of the mixture and of every source.",
    )
    sheet.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write: .png, .pdf or .svg")
    sheet.add_argument("--seed", type=int, default=0, help="seed of the scenes (default: 0, that of the preset)")
    sheet.add_argument("--size", type=int, default=96, help="pixels of an image's side, 32 or more (default: 96)")
    sheet.add_argument(
        "--split", choices=("train", "validation", "test"), default="train", help="which files (default: train)"
    )
    chosen = parser.parse_args(arguments)

    # Slow to import, and --help is not.
    from benchmarks.datasets.composite import CompositeConfig, CompositeData, CompositeDataModule
    from benchmarks.datasets.composite.kinds import report
    from benchmarks.datasets.data_module import data_folder
    from benchmarks.datasets.preview import preview

    try:
        scenes = CompositeConfig(
            **({"world": chosen.seed, "image_size": chosen.size} if chosen.command == "sheet" else {})
        )
        data = CompositeData(
            photographs=chosen.photographs, recordings=chosen.recordings, pairs=chosen.pairs, scenes=scenes
        )
        source = CompositeDataModule(data, data_folder())
        if chosen.command == "kinds":
            print(report(source.gathered()))
            return 0
        with disk_errors(chosen.out):
            written = preview(source, chosen.out, chosen.split)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"wrote {written}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
