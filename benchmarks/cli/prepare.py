"""Commands on the real data sets: prepare them once, see what is there, verify it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.cli.options import Names, comma_separated, directory
from registry.cli.options import folder, one_of
from registry.cli.program import App, examples
from registry.files import DiskFullError, expanded, require_writable

if TYPE_CHECKING:  # slow to import: a command does so when its words have been understood
    from benchmarks.datasets.composite import CompositeSource
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

Root = Annotated[
    Path | None,
    directory("prepared data sets lie in folders of it (default: $CAVL_DATA, else the user's cache folder)"),
]
Quality = Annotated[int, typer.Option(metavar="Q", help="of the JPEG frames")]
RETRY = {"missing": {"missing"}, "damaged": {"damaged"}, "all": {"missing", "damaged"}}


def file(help: str) -> Any:
    return typer.Option(parser=folder, metavar="FILE", help=help)


def media(help: str) -> Any:
    return typer.Option("--from", parser=folder, metavar="DIR...", help=help)


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """Where to, how many at a time, what to try again."""

    root: Root = None
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="N items only, evenly over the lists, to rehearse")
    ] = None
    retry: Annotated[
        str | None,
        typer.Option(
            parser=one_of(RETRY), metavar="[missing|damaged|all]", help="try again what was missing, damaged, or both"
        ),
    ] = None
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="items at a time (default: all cores)")] = None
    timeout: Annotated[float, typer.Option(metavar="S", help="seconds in which an item is decoded")] = 120
    memory: Annotated[int, typer.Option(min=1, metavar="MIB", help="most memory of one job")] = 3072


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """Fetching with yt-dlp."""

    no_fetch: Annotated[
        bool, typer.Option("--no-fetch", help="use the media in --from only; what is not there is missing")
    ] = False
    url_template: Annotated[
        str | None,
        typer.Option(metavar="URL", help="address of a video, {id} standing for its id (default: YouTube's)"),
    ] = None
    rate: Annotated[
        float,
        typer.Option(metavar="R", help="videos a second at most; YouTube serves a guest some 300 an hour"),
    ] = 0.1
    back_off: Annotated[
        float,
        typer.Option(
            metavar="S",
            help="pause when the server is busy (429, 5xx, no answer), doubled each time, at most 600 s, an hour where "
            "it asks for it",
        ),
    ] = 10
    fetch_timeout: Annotated[
        float,
        typer.Option(
            metavar="S", help="seconds in which a video is fetched; --retry goes on with what was fetched by then"
        ),
    ] = 900
    patience: Annotated[
        int, typer.Option(min=1, metavar="N", help="give up when so many fetches in a row have failed")
    ] = 30
    format: Annotated[
        str | None,
        typer.Option(metavar="F", help="yt-dlp's format selection (default: at most 360 lines, in one file or two)"),
    ] = None
    sections: Annotated[
        bool,
        typer.Option(
            "--sections",
            help="fetch segments alone and not whole videos: far less traffic, but it needs the ffmpeg program, which "
            "encodes them anew",
        ),
    ] = False
    cookies: Annotated[Path | None, file("cookies.txt of a browser, handed to yt-dlp")] = None
    max_mb: Annotated[int, typer.Option(min=1, metavar="N", help="fetch no file larger than this")] = 1024
    keep_media: Annotated[bool, typer.Option("--keep-media", help="keep what was fetched, in ROOT/NAME/fetched")] = (
        False
    )


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
  ID.mp4, YID.wav, "Title [ID].webm", and with the segment's beginning:
  ID_30.mp4, ID_30_40.mp4, ID_30.000_40.000.mp4, ID_30000_40000.mp4
  (milliseconds), ID_000030.mp4, ID_000030_000040.mp4
A file that lasts about as long as the segment is taken for the segment, a
longer one for the video.

ontology.json is in the GitHub repository audioset/ontology; the lists are on
AudioSet's download page (research.google.com/audioset/download.html).
"""),
)
def audioset(
    segments: Annotated[
        list[Path],
        file("Google's lists: balanced_train_segments.csv, eval_segments.csv, unbalanced_train_segments.csv"),
    ],
    ontology: Annotated[Path, file("Google's ontology.json")],
    working: Working,
    fetching: Fetching,
    subset: Annotated[
        str,
        typer.Option(
            parser=one_of(("all", "instrument")),
            metavar="all|instrument",
            help="instrument: segments with one of 15 musical instruments (AudioSet-Instrument), into "
            "audioset_instrument",
        ),
    ] = "all",
    fps: Annotated[
        float | None, typer.Option(metavar="F", help="frames kept a second (default: 25; of --subset instrument 1)")
    ] = None,
    quality: Quality = 90,
    own: Annotated[
        list[Path] | None, media("folders of media that you have: they are used where they hold a clip")
    ] = None,
) -> int:
    """Segments of YouTube videos from Google's lists.

    AudioSet: of every segment of the lists its sound (mono, 11,025 Hz) and frames (256 x 256).

    Frames are kept at 25 a second, at which AVTS watches (25 frames for its second of sound); CAVL and the other
    methods take any one of them. That is some 3.5 MB a clip, 70 GB for the balanced list; --fps 1, a tenth of that,
    will do where nothing watches videos, and is the default of --subset instrument.
    """

    def plan(root: Path) -> Plan:
        from benchmarks.preparation import audioset

        return audioset.plan(segments=segments, ontology=ontology, subset=subset, fps=fps, quality=quality)

    return _prepare(plan, working, own, fetching)


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
"""),
)
def music(
    working: Working,
    fetching: Fetching,
    solo: Annotated[Path | None, file("MUSIC_solo_videos.json")] = None,
    duet: Annotated[Path | None, file("MUSIC_duet_videos.json")] = None,
    mixtures: Annotated[
        Path | None, file("test mixtures: two ids of videos a line; without it pairs are drawn from the seed")
    ] = None,
    fps: Annotated[float, typer.Option(metavar="F", help="frames kept a second")] = 1,
    quality: Quality = 90,
    own: Annotated[
        list[Path] | None, media("folders of videos that you have: they are used where they hold one of the list")
    ] = None,
) -> int:
    """YouTube videos of solos and duets.

    MUSIC: every video of the lists cut into clips of 10 s (mono, 11,025 Hz) with frames (256 x 256).

    The lists name whole videos, and all that can be cut out of them is kept, in the order of the video: "all the videos
    are randomly splitted into 10s clips" (section 4.1) leaves open how. What is left at the end is dropped. One frame a
    second is enough here, since nothing that learns on MUSIC watches motion.
    """

    def plan(root: Path) -> Plan:
        from benchmarks.preparation import music

        return music.plan(solo=solo, duet=duet, mixtures=mixtures, fps=fps, quality=quality)

    return _prepare(plan, working, own, fetching)


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
    own: Annotated[list[Path], media("folders with the pictures and sounds")],
    annotations: Annotated[Path, typer.Option(parser=folder, metavar="PATH", help="JSON file, or folder of XML files")],
    test: Annotated[Path, file("test ids: JSON, or one a line")],
    working: Working,
    everything: Annotated[bool, typer.Option("--all", help="all images with boxes, not the test list alone")] = False,
) -> int:
    """Pictures and sounds with human boxes, from a folder.

    SoundNet-Flickr: the picture (256 x 256) and the sound (mono, 11,025 Hz, up to 30 s) of every test image with boxes.
    """

    def plan(root: Path) -> Plan:
        from benchmarks.preparation import flickr_soundnet

        return flickr_soundnet.plan(annotations=annotations, test=test, everything=everything)

    return _prepare(plan, working, own)


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare esc50                          fetches 650 MB
  cavl-bench prepare esc50 --archive ESC-50-master.zip
  cavl-bench prepare esc50 --from /data/ESC-50      holds audio/ and meta/
"""),
)
def esc50(
    working: Working,
    own: Annotated[list[Path] | None, media("the folder that holds audio/ and meta/; nothing is fetched then")] = None,
    archive: Annotated[
        str | None, typer.Option(metavar="URL|FILE", help="the official archive (default: the GitHub repository's)")
    ] = None,
    checksum: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HASH",
            help='of the archive, "sha256:..." or "md5:..." (default: those that are known); "none" trusts it unseen',
        ),
    ] = None,
) -> int:
    """Recordings of 5 s in 50 classes.

    ESC-50: the sound (mono, 11,025 Hz) of every recording of the official list, fetched from the official repository
    or from a folder.
    """

    def plan(root: Path) -> Plan:
        from benchmarks.preparation import esc50

        return esc50.plan(root=root, own=own or (), archive=archive, checksums=checksum)

    return _prepare(plan, working, own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Of what scenes are composed."""

    photographs: Annotated[
        Path | None, directory("a folder of photographs for each kind (default: ROOT/caltech101)")
    ] = None
    recordings: Annotated[
        list[Names] | None,
        typer.Option(
            parser=comma_separated,
            metavar="DIR...",
            help="folders with a folder of recordings for each label, or ESC-50 (default: ROOT/ESC-50, "
            "ROOT/instruments)",
        ),
    ] = None
    pairs: Annotated[Path | None, file("table that pairs the kinds (default: the one that is shipped)")] = None
    root: Root = None

    def source(self, **scenes: Any) -> CompositeSource:
        from benchmarks.datasets.composite import CompositeConfig, CompositeData, CompositeSource

        data = CompositeData(
            photographs=str(self.photographs) if self.photographs else None,
            recordings=tuple(place for places in self.recordings or () for place in places),
            pairs=str(self.pairs) if self.pairs else None,
            scenes=CompositeConfig(**scenes),
        )
        return CompositeSource(data, root_of(self.root))


@app.command(
    epilog=examples("""\
examples:
  cavl-bench prepare composite --photographs /data/caltech101 \\
      --recordings /data/ESC-50 /data/instruments
"""),
)
def composite(material: Material) -> None:
    """Nothing to prepare: says what its folders hold.

    Composite scenes are drawn from photographs and recordings as they are (docs/composite.md): this reads every file
    once and lists what there is of each kind for training, validation and test, what is missing or damaged, and which
    kinds are left out, and why.
    """
    from benchmarks.datasets.composite.kinds import report

    print(report(material.source().gathered()))


Sets = Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="data sets (default: all in the root)")]


@app.command()
def status(
    names: Sets = None,
    root: Root = None,
    csv: Annotated[Path | None, file("write every item, with status and reason")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    reasons: Annotated[int, typer.Option(metavar="N", help="reasons shown")] = 5,
) -> None:
    """How many items were found, and why the others were not."""
    from benchmarks.cli import data_sets
    from registry.cli.printing import print_json

    folders = data_sets.folders(root_of(root), names or ())
    if csv:
        data_sets.write_csv(folders, csv)
        print(f"wrote {csv}")
    elif json:
        print_json({folder.name: data_sets.figures(folder, reasons) for folder in folders})
    else:
        data_sets.show(folders, reasons)


@app.command()
def verify(names: Sets = None, root: Root = None) -> int:
    """Read every clip again and compare it with its hash."""
    from benchmarks.cli import data_sets

    whole = [data_sets.verified(folder) for folder in data_sets.folders(root_of(root), names or ())]
    return 0 if all(whole) else 1


# -- how it is prepared ------------------------------------------------------------------------------------------------


def _prepare(
    plan: Callable[[Path], Plan], working: Working, own: list[Path] | None, fetching: Fetching | None = None
) -> int:
    """Prepare what ``plan`` makes of the root, and say what came of it."""
    with _remedies():
        from benchmarks.cli import data_sets
        from benchmarks.preparation.item import limited

        how = how_of(working, own, fetching)
        root = root_of(working.root)
        require_writable(root, "name another folder with --root")
        return data_sets.prepare(root, limited(plan(root), working.limit), how)


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

    Raises
    ------
    ValueError, FileNotFoundError
        For values that make no sense, folders and files that are not there, or where yt-dlp is not installed.
    """
    from benchmarks.preparation.local_media import OwnMedia
    from benchmarks.preparation.pipeline import How

    of_fetching: dict[str, Any] = {}
    if fetching:
        of_fetching = {
            "rate": fetching.rate,
            "pause": fetching.back_off,
            "patience": fetching.patience,
            "fetch_timeout": fetching.fetch_timeout,
            "keep_media": fetching.keep_media,
            "fetcher": _fetcher(fetching, own),
        }
    return How(
        jobs=working.jobs or os.cpu_count() or 1,
        timeout=working.timeout,
        memory=working.memory << 20,
        retry=frozenset(RETRY[working.retry] if working.retry else ()),
        own=OwnMedia(own) if own else None,
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
