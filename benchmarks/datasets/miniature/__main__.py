"""``python -m benchmarks.datasets.miniature sheet --out FILE.png``"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from registry.files import disk_errors


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.datasets.miniature",
        description="The miniature world: procedural audiovisual scenes of 1 to 5 sources among 12 kinds, the same "
        "bytes on every machine. Look at it before you believe a score on it.",
        epilog="example: python -m benchmarks.datasets.miniature sheet --out world.png --size 128",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sheet = commands.add_parser(
        "sheet",
        help="draw example scenes with boxes, spectrograms, envelopes and video frames",
        description="Draws the twelve kinds, one test scene each of 1 to 5 sources (image with boxes, spectrogram "
        "of the mixture, envelope of every source) and a row of video frames. About five seconds.",
    )
    sheet.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write: .png, .pdf or .svg")
    sheet.add_argument("--seed", type=int, default=0, help="seed of the world (default: 0, the world of the presets)")
    sheet.add_argument("--size", type=int, default=64, help="pixels of an image's side, 32 or more (default: 64)")
    chosen = parser.parse_args(arguments)

    from benchmarks.datasets.preview import data_module_of, preview  # matplotlib is slow to import, --help is not

    try:
        with disk_errors(chosen.out):
            world = {"world": {"world": chosen.seed, "image_size": chosen.size}}
            written = preview(data_module_of("miniature", world), chosen.out)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"wrote {written}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
