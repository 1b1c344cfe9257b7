"""Commands ``prepare``: the real data sets are prepared once, listed, verified."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from benchmarks.cli.options import Names, folders
from cavl.methods import named
from registry.cli.options import choice, count, flag, option, path
from registry.cli.program import App, examples
from registry.files import DiskFullError, expanded, require_writable

if TYPE_CHECKING:  # slow to import: a command does so when its words have been understood
    from benchmarks.datasets.composite import CompositeConfig, CompositeDataModule
    from benchmarks.preparation.download import Fetcher
    from benchmarks.preparation.item import Plan
    from benchmarks.preparation.pipeline import How

app = App(
    help="""Real data sets: prepare them once, see what is there.

    Preparing fetches, cuts and packs a data set; every item ends as found, missing or damaged, with the reason. Killed
    or interrupted, the same command goes on. Prepared data sets lie in folders of --root, or else of $CAVL_DATA, or
    else of the user's cache folder. docs/data.md says where the official files are and what may be done with them.
    Preparing needs `pip install 'cavl-bench[prepare]'`.

    Exit code: 0; 1 when something is damaged (verify), or nothing could be prepared; 2 for a wrong command or file; 130
    when interrupted.
    """,
    epilog=examples("""\
examples:
  cavl-bench prepare audioset --ontology ontology.json \\
      --segments balanced_train_segments.csv
  cavl-bench prepare esc50
  cavl-bench prepare music --help
  cavl-bench prepare status            what is there, and why the rest is not
  cavl-bench prepare status audioset --csv items.csv
                                       every item with its reason
  cavl-bench prepare verify            compare everything with its hashes
"""),
)

ROOT = path("prepared data sets lie in folders of it (default: $CAVL_DATA, else the user's cache folder)")
QUALITY = option("of the JPEG frames", "Q", 90)
RETRY = {"missing": {"missing"}, "damaged": {"damaged"}, "all": {"missing", "damaged"}}


def file(help: str, default: Any = None) -> Any:
    return path(help, "FILE", default)


def media(help: str, default: Any = None) -> Any:
    return path(help, "DIR...", default, "--from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Options of a preparation: where to, how many at a time, what to try again."""

    root: Path | None = ROOT
    limit: int | None = count("N items only, evenly over the lists, to rehearse")
    retry: str | None = choice("try again what was missing, damaged, or both", RETRY, metavar="[missing|damaged|all]")
    jobs: int | None = count("items at a time (default: all cores)")
    timeout: float = option("seconds in which an item is decoded", "S", 120)
    memory: int = count("most memory of one job", "MIB", 3072)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """Fetching with yt-dlp."""

    no_fetch: bool = flag("--no-fetch", "use the media in --from only; what is not there is missing")
    url_template: str | None = option("address of a video, {id} standing for its id (default: YouTube's)", "URL")
    rate: float = option("videos a second at most; YouTube serves a guest some 300 an hour", "R", 0.1)
    back_off: float = option(
        "pause when the server is busy (429, 5xx, no answer), doubled each time, at most 600 s, an hour where it asks "
        "for it",
        "S",
        10,
    )
    fetch_timeout: float = option("seconds to fetch a video; --retry goes on with what was fetched by then", "S", 900)
    patience: int = count("give up when so many fetches in a row have failed", default=30)
    format: str | None = option("yt-dlp's format selection (default: at most 360 lines, in one file or two)", "F")
    sections: bool = flag(
        "--sections",
        "fetch segments alone and not whole videos: far less traffic, but it needs the ffmpeg program, which encodes "
        "them anew",
    )
    cookies: Path | None = file("cookies.txt of a browser, handed to yt-dlp")
    max_mb: int = count("fetch no file larger than this", default=1024)
    keep_media: bool = flag("--keep-media", "keep what was fetched, in ROOT/NAME/fetched")


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare audioset --ontology ontology.json \\
      --segments balanced_train_segments.csv eval_segments.csv
  cavl-bench prepare audioset --subset instrument --ontology ontology.json \\
      --segments unbalanced_train_segments.csv balanced_train_segments.csv
  ... --from /data/audioset --no-fetch  media you have, nothing is fetched
  ... --limit 16                        a rehearsal
  ... --retry                           what was missing last time

files in --from are known by their names, in any subfolders, sound and video
in one file or in two:
  ID.mp4, YID.wav, "Title [ID].webm", "Title [ID].f137.mp4", and with the
  segment's beginning: ID_30.mp4, ID_30_40.mp4, ID_30.000_40.000.mp4,
  ID_30000_40000.mp4 (milliseconds), ID_000030.mp4, ID_000030_000040.mp4
A file that lasts about as long as the segment is taken for the segment, a
longer one for the video. docs/data.md has all names and extensions.

ontology.json is in the GitHub repository audioset/ontology; the lists are on
AudioSet's download page (research.google.com/audioset/download.html).
""")
)
def audioset(
    working: Working,
    fetching: Fetching,
    segments: list[Path] = path(
        "Google's lists: balanced_train_segments.csv, eval_segments.csv, unbalanced_train_segments.csv", "FILE...", ...
    ),
    ontology: Path = file("Google's ontology.json", ...),
    subset: str = choice(
        "instrument: segments with one of 15 musical instruments (AudioSet-Instrument), into audioset_instrument",
        ("all", "instrument"),
        "all",
    ),
    fps: float | None = option("frames kept a second (default: 25; of --subset instrument 1)", "F"),
    quality: int = QUALITY,
    own: list[Path] | None = media("folders of media that you have: they are used where they hold a clip"),
) -> int:
    """Segments of YouTube videos from Google's lists.

    AudioSet: of every segment of the lists its sound (mono, 11,025 Hz) and frames (256 x 256).

    Frames are kept at 25 a second, at which AVTS watches (25 frames for its second of sound); CAVL and the other
    methods take any one of them. That is some 3.5 MB a clip, 70 GB for the balanced list; --fps 1, a tenth of that,
    will do where nothing watches videos, and is the default of --subset instrument.
    """

    lists = {"segments": segments, "ontology": ontology, "subset": subset}
    return _prepare("audioset", working, own, fetching, **lists, fps=fps, quality=quality)


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare music --solo MUSIC_solo_videos.json \\
      --duet MUSIC_duet_videos.json
  ... --from /data/music --no-fetch  videos you have, nothing is fetched
  ... --mixtures test_mixtures.txt   a published list of test mixtures, kept
                                     beside the clips

files in --from are known by their names, whole videos: ID.mp4,
"Title [ID].webm", in any subfolder.

The lists are in the GitHub repository roudimit/MUSIC_dataset.
""")
)
def music(
    working: Working,
    fetching: Fetching,
    solo: Path | None = file("MUSIC_solo_videos.json"),
    duet: Path | None = file("MUSIC_duet_videos.json"),
    mixtures: Path | None = file("test mixtures: two ids of videos a line; without it pairs are drawn from the seed"),
    fps: float = option("frames kept a second", "F", 1),
    quality: int = QUALITY,
    own: list[Path] | None = media("folders of videos that you have: they are used where they hold one of the list"),
) -> int:
    """YouTube videos of solos and duets.

    MUSIC: every video of the lists cut into clips of 10 s (mono, 11,025 Hz) with frames (256 x 256).

    The lists name whole videos, and all that can be cut out of them is kept, in the order of the video: "all the videos
    are randomly splitted into 10s clips" (section 4.1) leaves open how. What is left at the end is dropped. One frame a
    second is enough here, since nothing that learns on MUSIC watches motion.
    """

    return _prepare("music", working, own, fetching, solo=solo, duet=duet, mixtures=mixtures, fps=fps, quality=quality)


@app.command(
    "kinetics_sounds",
    epilog=examples("""\
examples:
  cavl-bench prepare kinetics_sounds --lists train.csv validate.csv test.csv
  ... --from /data/kinetics --no-fetch  videos you have, nothing is fetched
  ... --fps 5                           a fifth of the disk; AVTS needs 25

files in --from are known by their names, as those of AudioSet are:
  ID.mp4, ID_000030_000040.mp4, "Title [ID].webm", in any subfolder

The lists are Kinetics' CSV files with the columns label, youtube_id,
time_start, time_end, split.
"""),
)
def kinetics_sounds(
    working: Working,
    fetching: Fetching,
    lists: list[Path] = path("Kinetics' lists: train.csv, validate.csv, test.csv", "FILE...", ...),
    fps: float = option("frames kept a second", "F", 25),
    quality: int = QUALITY,
    own: list[Path] | None = media("folders of videos that you have: they are used where they hold a clip"),
) -> int:
    """Clips of YouTube videos with one of 34 labels.

    Kinetics-Sounds: of every clip of its 34 kinds in Kinetics' lists the sound (mono, 11,025 Hz) and frames (256 x
    256). Rows of other kinds are passed over.

    L3-Net's supervised baselines learn from their labels.
    """

    return _prepare("kinetics_sounds", working, own, fetching, lists=lists, fps=fps, quality=quality)


@app.command(
    "flickr_soundnet",
    epilog=examples("""\
examples:
  cavl-bench prepare flickr_soundnet --from /data/flickr \\
      --annotations annotations.json --test test_250.json
  ... --all              all annotated images, to train on them as well

layout of --from: <id>.jpg (or .png) and <id>.wav (or .mp3, .flac, .mp4), in
any subfolders. --annotations is the public release's folder of one <id>.xml
per image, or a JSON file of the same boxes. Pictures and sounds are those of
Aytar et al. 2016 (SoundNet), the boxes those of Senocak et al. 2018; both are
given out for research by their authors.
"""),
)
def flickr_soundnet(
    working: Working,
    own: list[Path] = media("folders with the pictures and sounds", ...),
    annotations: Path = path("JSON file, or folder of XML files", "PATH", ...),
    test: Path = file("test ids: JSON, text or CSV, one a line (id, id.png, or id and further columns)", ...),
    everything: bool = flag("--all", "all images with boxes, not the test list alone"),
    corrected: bool = flag("--corrected", "test 3908875350, of which 3908875357 on the published list is a misprint"),
) -> int:
    """Pictures and sounds with human boxes, from a folder.

    SoundNet-Flickr: the picture (256 x 256) and the sound (mono, 11,025 Hz, up to 30 s) of every test image with boxes.
    """

    lists = {"annotations": annotations, "test": test, "everything": everything, "corrected": corrected}
    return _prepare("flickr_soundnet", working, own, **lists)


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare esc50                          fetches 650 MB
  cavl-bench prepare esc50 --archive ESC-50-master.zip
  cavl-bench prepare esc50 --from /data/ESC-50      holds audio/ and meta/
""")
)
def esc50(
    working: Working,
    own: list[Path] | None = media("the folder that holds audio/ and meta/; nothing is fetched then"),
    archive: str | None = option("the official archive (default: the GitHub repository's)", "URL|FILE"),
    checksum: list[str] | None = option(
        'of the archive, "sha256:..." or "md5:..." (default: those that are known); "none" trusts it unseen', "HASH..."
    ),
) -> int:
    """Recordings of 5 s in 50 classes.

    ESC-50: the sound (mono, 11,025 Hz) of every recording of the official list, fetched from the official repository
    or from a folder.
    """

    return _prepare(
        "esc50", working, own, root=root_of(working.root), own=own or (), archive=archive, checksums=checksum
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialOptions:
    """Options that name the files of which scenes are composed."""

    photographs: Path | None = path("a folder of photographs for each kind (default: ROOT/caltech101)")
    recordings: list[Names] | None = option(
        "folders with a folder of recordings for each label, or ESC-50 (default: ROOT/ESC-50, ROOT/instruments)",
        "DIR...",
        parser=folders,
    )
    pairs: Path | None = file("table that pairs the kinds (default: the one that is shipped)")
    root: Path | None = ROOT

    def data_module(self, scenes: CompositeConfig | None = None) -> CompositeDataModule:
        from benchmarks.datasets.composite import SECOND, CompositeData, CompositeDataModule

        data = CompositeData(
            photographs=str(self.photographs) if self.photographs else None,
            recordings=tuple(place for places in self.recordings or () for place in places),
            pairs=str(self.pairs) if self.pairs else None,
            scenes=scenes or SECOND,
        )
        return CompositeDataModule(data, root_of(self.root))


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare composite --photographs /data/caltech101 \\
      --recordings /data/ESC-50 /data/instruments
""")
)
def composite(material: MaterialOptions) -> None:
    """Nothing to prepare: says what its folders hold.

    Composite scenes are drawn from photographs and recordings as they are (docs/composite.md): this reads every file
    once and lists what there is of each kind for training, validation and test, what is missing or damaged, and which
    kinds are left out, and why.
    """
    from benchmarks.datasets.composite.kinds import report

    print(report(material.data_module().gathered()))


SETS = typer.Argument(None, metavar="[NAME...]", help="data sets (default: all in the root)")


@app.command()
def status(
    names: list[str] | None = SETS,
    root: Path | None = ROOT,
    csv: Path | None = file("write every item, with status and reason"),
    json: bool = flag("--json", "print JSON instead of a table"),
    reasons: int = option("reasons shown", "N", 5),
) -> None:
    """How many items were found, and why the others were not."""
    from benchmarks.cli import data_sets
    from registry.cli.printing import beside, print_json

    folders = data_sets.folders(root_of(root), names or ())
    if csv:
        data_sets.write_csv(folders, csv)
        with beside(csv):
            print(f"wrote {csv}")
    elif json:
        print_json({folder.name: data_sets.figures(folder, reasons) for folder in folders})
    else:
        data_sets.show(folders, reasons)


@app.command()
def verify(names: list[str] | None = SETS, root: Path | None = ROOT) -> int:
    """Read every clip again and compare it with its hash."""
    from benchmarks.cli import data_sets

    whole = [data_sets.verified(folder) for folder in data_sets.folders(root_of(root), names or ())]
    return 0 if all(whole) else 1


# -- how it is prepared ------------------------------------------------------------------------------------------------


def _prepare(
    name: str, working: Working, own: list[Path] | None, fetching: Fetching | None = None, /, **lists: Any
) -> int:
    """Prepare what the ``plan`` of a data set makes of its lists, and say what came of it."""
    with _remedies():
        from benchmarks.cli import data_sets
        from benchmarks.preparation.item import limited

        plan: Callable[..., Plan] = named(f"benchmarks.preparation.{name}:plan")
        how = how_of(working, own, fetching)
        root = root_of(working.root)
        require_writable(root, "name another folder with --root")
        return data_sets.prepare(root, limited(plan(**lists), working.limit), how)


@contextlib.contextmanager
def _remedies() -> Iterator[None]:
    """Say what to do where the disk is full or something is not installed."""
    try:
        yield
    except DiskFullError:
        raise DiskFullError(
            "the disk is full: make room, or move the prepared data and name their place with --root; what was "
            "finished is kept, the same command goes on from here"
        ) from None
    except ModuleNotFoundError as error:
        raise ValueError(f"{error}; install what preparing needs: pip install 'cavl-bench[prepare]'") from None


def root_of(root: Path | None) -> Path:
    """The folder that holds the prepared data sets."""
    from benchmarks.datasets.data_module import data_folder  # slow to import

    return expanded(root or data_folder())


def how_of(working: Working, own: list[Path] | None, fetching: Fetching | None) -> How:
    """The way of working that the options ask for.

    Raises ``ValueError`` or ``FileNotFoundError`` for values that make no sense, folders and files that are not there,
    or where yt-dlp is not installed.
    """
    from benchmarks.preparation.local_media import LocalMedia
    from benchmarks.preparation.pipeline import How

    of_fetching: dict[str, Any] = {}
    if fetching:
        same = ("rate", "patience", "fetch_timeout", "keep_media")
        of_fetching = {name: getattr(fetching, name) for name in same}
        of_fetching |= {"pause": fetching.back_off, "fetcher": _fetcher(fetching, own)}
    return How(
        jobs=working.jobs or os.cpu_count() or 1,
        timeout=working.timeout,
        memory=working.memory << 20,
        retry=frozenset(RETRY[working.retry] if working.retry else ()),
        own=LocalMedia(own) if own else None,
        **of_fetching,
    )


def _fetcher(fetching: Fetching, own: list[Path] | None) -> Fetcher | None:
    from benchmarks.preparation.download import FORMAT, YOUTUBE, Fetcher

    if fetching.no_fetch:
        if not own:
            raise ValueError("--no-fetch needs --from: without either there are no media")
        return None
    if fetching.cookies and not fetching.cookies.is_file():
        raise FileNotFoundError(f"--cookies {fetching.cookies}: there is no such file")
    return Fetcher(
        template=fetching.url_template or YOUTUBE,
        form=fetching.format or FORMAT,
        cookies=fetching.cookies,
        sections=fetching.sections,
        most_bytes=fetching.max_mb << 20,
    )
