"""UCF-101 and HMDB-51: videos of human actions, cut into clips by torchvision, in their official splits.

The official layouts::

    UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi, ...   101 folders, 13,320 videos
    ucfTrainTestlist/trainlist01.txt, testlist01.txt, ...      three folds
    hmdb51/brush_hair/*.avi, ...                               51 folders, 6,766 videos
    testTrainMulti_7030_splits/brush_hair_test_split1.txt, ... one list per class and fold

Classes and videos are those of the official lists, whatever else lies in the folders. torchvision decodes videos with
torchcodec, an optional part of this package: ``pip install "cavl-bench[video]"``; it uses the system's FFmpeg
libraries. Fingerprints need neither.

A video that is missing or damaged is counted and named in ``coverage`` and never replaced. All files of a fold are read
once a process for their hashes; opening a split decodes three frames of each of its videos.

References
----------
Soomro, Zamir and Shah, "UCF101: A dataset of 101 human actions classes from videos in the wild", CRCV-TR-12-01, 2012.
Kuehne et al., "HMDB: A large video database for human motion recognition", ICCV 2011.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from benchmarks.datasets.scene import Coverage, Scene, checked, reason_of
from registry.console import Console
from registry.files import expanded, require_regular
from registry.text_files import lines_of

if TYPE_CHECKING:  # as slow to import as torch, and every program names the task that can be asked of videos
    from torchvision.datasets.video_utils import VideoClips

Data = Literal["ucf101", "hmdb51"]
Names = tuple[str, ...]  # of videos: "class folder/file name"

FOLDS = (1, 2, 3)
SPLITS = ("train", "validation", "test")
SIDE = 240  # pixels, the height of the published videos

TITLES = {"ucf101": "UCF-101", "hmdb51": "HMDB-51"}
SOURCES = {
    "ucf101": "get UCF101.rar and UCF101TrainTestSplits-RecognitionTask.zip from the Center for Research in Computer "
    "Vision of the University of Central Florida, unpack them, and name the folder that holds the class folders and "
    "the one that holds trainlist01.txt",
    "hmdb51": "get hmdb51_org.rar and test_train_splits.rar from the Serre Lab of Brown University, unpack them (the "
    "first holds an archive per class), and name the folder that holds the class folders and the one that holds "
    "brush_hair_test_split1.txt",
}
REMEDY = (
    'install it with pip install "cavl-bench[video]" (with NPP of NVIDIA, which its wheels link to), and FFmpeg with '
    "the system's package manager (Debian: apt-get install ffmpeg)"
)


class DecoderError(ValueError):
    """Videos cannot be decoded here, or one of them cannot any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The videos of one official fold, and what their files hold."""

    data: Data
    fold: int
    classes: Names  # in the order of their labels
    lists: Mapping[str, Names]  # "train" and "test", as published
    files: Mapping[str, tuple[int, str]]  # of those that can be read: bytes, sha256
    reasons: Mapping[str, str]  # of those that cannot, of entries that name a video again, and of lines that name none
    refused: Mapping[str, Names]  # "train" and "test": lines that name no video; where they stand

    def names(self, split: str, held_out: int) -> Names:
        """The videos of a split; ``held_out`` or a few more are taken from the official training list for validation.

        All videos of a group (one source film, or one person before one background) go together, as between the
        official lists. Groups are taken in an order that depends on their names only.
        """
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r} of {TITLES[self.data]}; known: {', '.join(SPLITS)}")
        if split == "test":
            return self.lists["test"]
        groups: dict[str, list[str]] = {}
        for name in self.lists["train"]:
            groups.setdefault(group_of(name), []).append(name)
        held: set[str] = set()
        for group in sorted(groups, key=lambda g: hashlib.sha256(g.encode()).digest()):
            if len(held) >= held_out:
                break
            held.update(groups[group])
        if len(held) == len(self.lists["train"]):
            raise ValueError(f"{held_out} videos held out of {len(held)} in the training list leave none; take fewer")
        return tuple(name for name in self.lists["train"] if (name in held) == (split == "validation"))

    def fingerprint(self, split: str, held_out: int) -> str:
        """Sha256 of the classes and of name, size and content hash of every video of the split that is there."""
        lines = [f"{self.data} fold {self.fold} {split}", *self.classes]
        for name in self.names(split, held_out):
            if name in self.files:
                lines.append(" ".join((name, *map(str, self.files[name]))))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def group_of(name: str) -> str:
    """Where a video comes from, by its name: "v_Archery_g08", or HMDB-51's film."""
    folder, _, file = name.rpartition("/")
    known = re.match(r"(v_.+_g\d+)_c\d+\.avi$", file) or re.match(rf"(.+)_{re.escape(folder)}_", file)
    return known[1] if known else name


def read_manifest(root: str | Path, annotations: str | Path, data: Data, fold: int) -> Manifest:
    """Read the official lists and hash every video, once a process for each fold.

    Raises ``FileNotFoundError`` if a folder or a list is missing, naming it and where to get it; ``ValueError`` for a
    list that is not of the official form, another fold or another data set.
    """
    if data not in get_args(Data):
        raise ValueError(f"data={data!r}; allowed: {', '.join(map(repr, get_args(Data)))}")
    if fold not in FOLDS:
        raise ValueError(f"fold must be 1, 2 or 3, not {fold}")
    return _read_manifest(*_folders(root, annotations), data, fold)


def shown(names: Names, what: str) -> Iterable[str]:
    """The names, with a bar and an estimate on the terminal; nothing where the output is no terminal."""
    console = Console(stderr=True)
    return track(names, description=what, console=console, transient=True, disable=not console.is_terminal)


def _folders(root: str | Path, annotations: str | Path) -> tuple[Path, Path]:
    return expanded(root), expanded(annotations)


@functools.cache
def _read_manifest(root: Path, annotations: Path, data: Data, fold: int) -> Manifest:
    for folder in (root, annotations):
        if not folder.is_dir():
            raise FileNotFoundError(f"{TITLES[data]}: there is no folder {folder}; {SOURCES[data]}")
    listed, refused = _ucf101_lists(annotations, fold) if data == "ucf101" else _hmdb51_lists(annotations, fold)
    lists = {split: tuple(dict.fromkeys(names)) for split, names in listed.items()}
    if both := set(lists["train"]) & set(lists["test"]):
        raise ValueError(f"{annotations}: {min(both)} is on the training list and on the test list")
    classes = tuple(sorted({class_of(name) for names in lists.values() for name in names}))
    if not any((root / action).is_dir() for action in classes):
        why = f"it has none of the folders {', '.join(classes[:3])}, ..."
        raise FileNotFoundError(f"{TITLES[data]}: {root} is not its folder ({why}); {SOURCES[data]}")
    files = {}
    reasons = {
        again(name): f"damaged: {annotations} lists it more than once"
        for name, times in Counter((*listed["train"], *listed["test"])).items()
        if times > 1
    } | {line: f"damaged: {line} names no video" for lines in refused.values() for line in lines}
    for name in shown((*lists["train"], *lists["test"]), f"reading {TITLES[data]}"):
        try:
            require_regular(root / name)
            with open(root / name, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                files[name] = file.tell(), digest
        except (FileNotFoundError, NotADirectoryError):
            reasons[name] = f"missing: no file {root / name}"
        except OSError as error:
            reasons[name] = f"damaged: {root / name} cannot be read ({error})"
    return Manifest(data=data, fold=fold, classes=classes, lists=lists, files=files, reasons=reasons, refused=refused)


def again(name: str) -> str:
    """What the further entries of a video are called that is listed more than once."""
    return f"{name}, again"


def class_of(name: str) -> str:
    """The folder of a video: its class."""
    return name.partition("/")[0]


def _ucf101_lists(annotations: Path, fold: int) -> tuple[dict[str, Names], dict[str, Names]]:
    """What the lists of both splits name, and their lines that name no video."""
    lists, refused = {}, {}
    for split in ("train", "test"):
        path = annotations / f"{split}list{fold:02d}.txt"
        found, refused[split] = _lines(path, r"((?!\.)[^/\s]+/[^/\s]+\.avi)(?: \d+)?", "ucf101")
        lists[split] = tuple(match[1] for match in found)
    return lists, refused


def _hmdb51_lists(annotations: Path, fold: int) -> tuple[dict[str, Names], dict[str, Names]]:
    """The same of a list for each class; which classes there are, the lists of all folds say.

    A line that names no video may be of either split.
    """
    found = (re.fullmatch(r"([^.].*)_test_split[123]\.txt", path.name) for path in annotations.iterdir())
    actions = sorted({match[1] for match in found if match})
    if not actions:
        raise FileNotFoundError(f"HMDB-51: {annotations} holds no list *_test_split{fold}.txt; {SOURCES['hmdb51']}")
    names: dict[str, list[str]] = {"1": [], "2": [], "0": []}  # training, test, in neither
    refused: list[str] = []
    for action in actions:
        listed, none = _lines(annotations / f"{action}_test_split{fold}.txt", r"([^/\s]+\.avi) +([012])", "hmdb51")
        refused += none
        for match in listed:
            names[match[2]].append(f"{action}/{match[1]}")
    return {"train": tuple(names["1"]), "test": tuple(names["2"])}, dict.fromkeys(("train", "test"), tuple(refused))


def _lines(path: Path, form: str, data: Data) -> tuple[list[re.Match[str]], Names]:
    """The lines of a list that name a video, and those that do not: file, line and what stands there.

    Raises ``ValueError`` where these are as many: it is another kind of file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{TITLES[data]}: there is no list {path}; {SOURCES[data]}")
    found: list[re.Match[str]] = []
    refused: list[str] = []
    for where, line in lines_of(path, comments=False):  # names of HMDB-51's videos may begin with "#"
        match = re.fullmatch(form, line)
        if match and line.isprintable():
            found.append(match)
        elif not (line.startswith("# ") and line.isprintable()):
            refused.append(f"{path.parent / where}: {line[:80]!r}")
    if len(refused) >= len(found):
        raise ValueError(f"{refused[0] if refused else path} names no video; {SOURCES[data]}")
    return found, tuple(refused)


class ActionVideos:
    """The videos of a split that are there (a ``Dataset``); an item is a whole video.

    Parameters
    ----------
    root, annotations
        The folder that holds the class folders; the folder that holds the lists of the splits.
    data, fold
        "ucf101" or "hmdb51"; which of the three official folds.
    split
        "train", "validation" or "test". There is no official validation set.
    held_out
        So many videos of the official training list, rounded up to whole groups, are the validation set and not
        trained on; 0: none are.
    side
        Pixels of the square that is seen of each frame: the shorter side is scaled to it (published videos have it),
        and the longer one loses its ends.

    Attributes
    ----------
    classes
        Names by label: the class folders of the lists in alphabetical order, as torchvision has them.
    ids, labels
        (n,) each: "class folder/file name" without ".avi"; class numbers.
    groups
        (n,): :func:`group_of` each.
    coverage
        Found, missing and damaged videos, with a reason for each that is not found.
    fingerprint
        Digest of the manifest: name, size and content hash of every video.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_manifest`, or for a split without any video.
    DecoderError
        If torchcodec cannot be loaded.
    """

    sample_rate = 11_025  # Hz, of the silence that stands for the sound

    def __init__(
        self,
        root: str | Path,
        annotations: str | Path,
        data: Data,
        split: str,
        *,
        fold: int = 1,
        held_out: int = 60,
        side: int = SIDE,
    ) -> None:
        if side < 1:
            raise ValueError(f"side must be at least 1 pixel, not {side}")
        manifest = read_manifest(root, annotations, data, fold)
        self.root, _ = _folders(root, annotations)
        self.split, self.fold, self.side = split, fold, side
        self.classes = manifest.classes
        listed = manifest.names(split, held_out)
        self.fingerprint = manifest.fingerprint(split, held_out)
        require_decoder()

        entries = [entry for name in listed for entry in (name, again(name))]
        entries += manifest.refused["test" if split == "test" else "train"]
        reasons = {entry: manifest.reasons[entry] for entry in entries if entry in manifest.reasons}
        streams = {}
        for name in shown(listed, f"looking into {TITLES[data]}, {split}"):
            if name in manifest.files:
                try:
                    streams[name] = probe(self.root / name)
                except DecoderError as error:
                    reasons[name] = f"damaged: {reason_of(error)}"
        if not streams:
            raise ValueError(f"{TITLES[data]}: none of the {len(listed)} videos of the {split} split is in {self.root}")
        self.coverage = Coverage.of(len(streams), reasons)
        self._names = tuple(sorted(streams, key=lambda name: name.split("/")))
        self._lengths = [streams[name] for name in self._names]
        self._videos = self._opened()
        self.ids = tuple(name.removesuffix(".avi") for name in self._names)
        self.groups = tuple(map(group_of, self._names))
        numbers = {action: number for number, action in enumerate(self.classes)}
        self.labels: npt.NDArray[np.int64] = np.array([numbers[class_of(n)] for n in self._names], dtype=np.int64)

    def _opened(self) -> VideoClips:
        """torchvision's clips of the videos; it is told how long they are.

        Its dataset classes take every folder that lies beside for a class, and look for lists by patterns that
        brackets in a folder's name break; left to itself it would look into every video, and end at the first damaged
        one.
        """
        from torchvision.datasets.video_utils import VideoClips

        known = {
            "video_paths": [str(self.root / name) for name in self._names],
            "video_pts": [torch.arange(frames) for frames, _ in self._lengths],
            "video_fps": [rate for _, rate in self._lengths],
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of videos that are shorter than a clip
            return VideoClips(known["video_paths"], clip_length_in_frames=1, _precomputed_metadata=known)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Scene:
        """A video: its middle frame, silence as long as it lasts, and its label as the one kind."""
        index = checked(index, len(self), "video")
        frames, rate = self._lengths[index]
        return Scene(
            id=self.ids[index],
            waveform=np.zeros(max(1, round(frames / rate * self.sample_rate)), np.int16),
            n_sources=1,
            image=self._seen(self._videos.subset([index]), frames // 2, index)[0],
            kinds=(int(self.labels[index]),),
            fold=self.fold,
            split=self.split,
        )

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """Frames (n_frames, side, side, 3) of the clip that begins next to ``start_s``.

        torchvision's ``VideoClips`` cuts a video, brought to ``fps``, into clips that follow one another from its
        start; a last one that is not whole is left out. A video shorter than one clip is repeated. Raises
        ``ValueError`` if no such clip can be meant; :class:`DecoderError` if the video cannot be decoded.
        """
        clips = self._clips(index, n_frames, fps)
        nearest = int(start_s * fps / n_frames + 0.5) if start_s > 0 else 0
        frames = self._seen(clips, min(nearest, clips.num_clips() - 1), index)
        return np.take(frames, np.arange(n_frames) % len(frames), axis=0)

    def clip_starts(self, index: int, n_frames: int, fps: float) -> list[float]:
        """Where the clips begin, in seconds, by which a video is judged: all of them."""
        return [clip * n_frames / fps for clip in range(self._clips(index, n_frames, fps).num_clips())]

    def _clips(self, index: int, n_frames: int, fps: float) -> Any:
        """The ``VideoClips`` of one video: clips of ``n_frames``, or one of as many as there are."""
        if n_frames < 1 or not fps > 0:
            raise ValueError(f"a clip has at least one frame and a positive rate, not n_frames={n_frames}, fps={fps}")
        clips = self._videos.subset([checked(index, len(self), "video")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there may be no clip: looked at here
            for rate in (fps, None):  # None: a video too short for a single frame at ``fps``
                clips.compute_clips(1, 1, rate)
                if there := clips.num_clips():
                    clips.compute_clips(min(n_frames, there), min(n_frames, there), rate)
                    break
        return clips

    def _seen(self, clips: Any, number: int, index: int) -> npt.NDArray[np.uint8]:
        try:
            frames = clips.get_clip(number)[0]
        except Exception as error:  # FFmpeg's errors come as any type
            raise DecoderError(
                f"{self.root / self._names[index]} cannot be decoded any more ({reason_of(error)})"
            ) from error
        return square(frames, self.side)


def require_decoder() -> Any:
    """torchcodec's decoders; raises :class:`DecoderError` with the remedy if they cannot be loaded."""
    try:
        _load_npp()
        from torchcodec import decoders

        _require_ffmpeg(decoders)
    except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: without FFmpeg's libraries
        why = str(error).strip().partition("\n")[0]
        raise DecoderError(
            f"torchvision decodes videos with torchcodec, which cannot be loaded ({why}); {REMEDY}"
        ) from error
    return decoders


def _load_npp() -> None:
    """torchcodec's wheels link to NPP, also where there is no GPU, but do not look where NPP's own wheel puts it."""
    namespace = find_spec("nvidia")
    for folder in namespace.submodule_search_locations or () if namespace else ():
        for library in sorted(Path(folder).glob("cu*/lib/libnpp*.so.*")):  # libnppc, which the others need, comes first
            ctypes.CDLL(str(library))


def _require_ffmpeg(decoders: Any) -> None:
    """Newer versions of torchcodec can be imported without FFmpeg's libraries, and then decode nothing."""
    try:
        decoders.VideoDecoder(b"")
    except Exception as error:  # what is said of no video does not matter
        if "Could not load libtorchcodec" in str(error):
            raise RuntimeError(str(error)) from error


def probe(path: Path) -> tuple[int, float]:
    """Number of frames and frames a second of a video whose first, middle and last frame can be decoded.

    Raises :class:`DecoderError`, saying what is wrong with it.
    """
    if not path.stat().st_size:
        raise DecoderError(f"{path} is empty (0 bytes)")
    try:
        decoder = require_decoder().VideoDecoder(str(path))
        frames, rate = decoder.metadata.num_frames, decoder.metadata.average_fps
        promised = decoder.metadata.num_frames_from_header or 0
        if frames:
            decoder.get_frames_at(indices=sorted({0, frames // 2, frames - 1}))
    except Exception as error:  # FFmpeg's errors come as any type
        raise DecoderError(f"{path} cannot be decoded ({str(error).strip()[:200]})") from error
    if not frames or not rate:
        raise DecoderError(f"{path} has no frames")
    if frames < promised / 2:
        raise DecoderError(f"{path} holds {frames} of the {promised} frames that its header names; is it cut off?")
    return int(frames), float(rate)


def square(frames: Tensor, side: int) -> npt.NDArray[np.uint8]:
    """Frames (F, H, W, 3) uint8 -> (F, side, side, 3): the shorter side scaled, the longer one cut."""
    from torchvision.transforms.v2.functional import center_crop, resize

    moved = frames.permute(0, 3, 1, 2)
    if min(moved.shape[-2:]) != side:
        moved = resize(moved, [side], antialias=True)
    return center_crop(moved, [side, side]).permute(0, 2, 3, 1).contiguous().numpy()
