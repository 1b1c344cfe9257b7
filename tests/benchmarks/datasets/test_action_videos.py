"""UCF-101 and HMDB-51 in small: folders and lists of their form, with real videos of a few uncompressed frames.

What decodes is tested twice: with torchcodec where it can be loaded, and with a stand-in that reads just these videos.
"""

import functools
import os
import re
import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.datasets import action_videos
from benchmarks.datasets.action_videos import ActionVideos, DecoderError, group_of, probe, read_manifest, square

SIZE = (24, 32)  # H, W of the frames


# ---- videos and folders ---------------------------------------------------------------------------------------------


def frames_of(n: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(n, H, W, 3): frame t has the brightness 4 t, but for red 200 in its four leftmost columns."""
    frames = np.repeat(np.arange(n, dtype=np.uint8) * 4, size[0] * size[1] * 3).reshape(n, *size, 3)
    frames[:, :, :4, 0] = 200
    return frames


def avi(frames: np.ndarray, fps: int = 25) -> bytes:
    """An AVI file of uncompressed frames (n, H, W, 3)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    n, height, width, _ = frames.shape
    size = height * width * 3
    head = struct.pack("<14I", 1_000_000 // fps, size * fps, 0, 0x10, n, 0, 1, size, width, height, 0, 0, 0, 0)
    stream = b"vidsDIB " + struct.pack("<IHHIIIIIIII4H", 0, 0, 0, 0, 1, fps, 0, n, size, 0, 0, 0, 0, width, height)
    form = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, size, 0, 0, 0, 0)
    upside_down = frames[:, ::-1, :, ::-1]  # as bitmaps are, and blue first
    header = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    movie = b"".join(chunk(b"00db", frame.tobytes()) for frame in upside_down)
    index = b"".join(b"00db" + struct.pack("<III", 0x10, 4 + i * (size + 8), size) for i in range(n))
    parts = chunk(b"LIST", b"hdrl" + chunk(b"avih", head) + header) + chunk(b"LIST", b"movi" + movie)
    return chunk(b"RIFF", b"AVI " + parts + chunk(b"idx1", index))


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


UCF_TRAIN = [f"{a}/v_{a}_g{g:02d}_c{c:02d}" for a in ("Archery", "Bowling") for g in (8, 9, 10) for c in (1, 2)]
UCF_TEST = [f"{a}/v_{a}_g01_c{c:02d}" for a in ("Archery", "Bowling") for c in (1, 2)]


@pytest.fixture
def ucf(tmp_path):
    """(videos, lists): two classes; six videos of each to train on, in three groups, and two to test."""
    root, lists = tmp_path / "UCF-101", tmp_path / "lists"
    for number, name in enumerate(sorted(UCF_TRAIN + UCF_TEST)):
        write(root / f"{name}.avi", avi(frames_of(20 + number)))
    for fold in (1, 2, 3):
        label = {"Archery": 1, "Bowling": 2}
        train = "".join(f"{name}.avi {label[name.split('/')[0]]}\n" for name in UCF_TRAIN)
        write(lists / f"trainlist{fold:02d}.txt", train)
        write(lists / f"testlist{fold:02d}.txt", "".join(f"{name}.avi\r\n" for name in UCF_TEST))
    return root, lists


@pytest.fixture
def hmdb(tmp_path):
    """(videos, lists) of two classes whose frames differ in size; a third of the videos is in neither list."""
    root, lists = tmp_path / "hmdb51", tmp_path / "splits"
    sizes = {"brush_hair": (24, 32), "wave": (30, 20)}
    for action, size in sizes.items():
        lines = []
        for number, (film, tag) in enumerate([("April_09", 1), ("Films!_(1)", 1), ("April_09", 2), ("Old", 0)]):
            name = f"{film}_{action}_u_nm_np1_ba_goo_{number}.avi"
            write(root / action / name, avi(frames_of(30, size)))
            lines.append(f"{name} {tag} \n")
        for fold in (1, 2, 3):
            write(lists / f"{action}_test_split{fold}.txt", "".join(lines))
    return root, lists


# ---- decoders -------------------------------------------------------------------------------------------------------


class StandIn:
    """torchcodec's VideoDecoder for the files of :func:`avi`."""

    def __init__(self, path, dimension_order="NCHW"):
        content = Path(path).read_bytes()
        if content[:4] != b"RIFF":
            raise RuntimeError("Could not open input file")
        at = content.index(b"avih") + 8
        period, promised, width, height = (struct.unpack_from("<I", content, at + o)[0] for o in (0, 16, 32, 36))
        at, size = content.index(b"movi") + 4, height * width * 3
        frames = []
        while content[at : at + 4] == b"00db" and at + 8 + size <= len(content):
            data = content[at + 8 : at + 8 + size]
            frames.append(np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1, :, ::-1])
            at += 8 + size
        self.frames = torch.from_numpy(np.array(frames))
        if dimension_order == "NCHW":
            self.frames = self.frames.permute(0, 3, 1, 2)
        self.metadata = SimpleNamespace(
            num_frames=len(frames), num_frames_from_header=promised, average_fps=1e6 / period
        )

    def get_frames_at(self, indices):
        return SimpleNamespace(data=self.frames[indices])


@pytest.fixture(params=["torchcodec", "stand-in"])
def decoder(request, monkeypatch):
    if request.param == "torchcodec":
        try:
            action_videos.require_decoder()
        except DecoderError as error:
            pytest.skip(str(error))
    else:
        stand_in(monkeypatch)


def stand_in(monkeypatch):
    fake = ModuleType("torchcodec")
    fake.decoders = ModuleType("torchcodec.decoders")
    fake.decoders.VideoDecoder = StandIn
    monkeypatch.setitem(sys.modules, "torchcodec", fake)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", fake.decoders)


@pytest.fixture
def no_decoder(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)


@pytest.fixture(autouse=True)
def _forget():
    """Manifests are kept for the process."""
    action_videos._read_manifest.cache_clear()


def opened(folders, split="test", data="ucf101", **kwargs):
    return ActionVideos(*folders, data, split, **{"side": 24, "held_out": 2, **kwargs})


def times(clip: np.ndarray) -> list[int]:
    """The frames' numbers, by their brightness."""
    return (clip[:, 12, 12, 2] // 4).tolist()


# ---- what needs no decoder ------------------------------------------------------------------------------------------


def test_libraries_of_npp_are_loaded_first(tmp_path, monkeypatch):
    """torchcodec's wheels find them nowhere by themselves; here one that is damaged shows that they are looked for."""
    library = tmp_path / "nvidia" / "cu13" / "lib" / "libnppc.so.13"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"no library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    with pytest.raises(DecoderError, match=re.escape(str(library))):
        action_videos.require_decoder()


def test_the_official_lists_are_the_splits(ucf, no_decoder):
    manifest = read_manifest(*ucf, "ucf101", 2)
    assert manifest.classes == ("Archery", "Bowling")
    assert manifest.names("train", 0) == tuple(f"{name}.avi" for name in UCF_TRAIN)
    assert manifest.names("validation", 0) == ()
    assert manifest.names("test", 0) == tuple(f"{name}.avi" for name in UCF_TEST)


def test_of_hmdb_the_tags_are_the_splits(hmdb, no_decoder):
    manifest = read_manifest(*hmdb, "hmdb51", 1)
    assert manifest.classes == ("brush_hair", "wave")
    assert [name[-5] for name in manifest.names("train", 0)] == ["0", "1"] * 2
    assert manifest.names("test", 5) == tuple(f"{a}/April_09_{a}_u_nm_np1_ba_goo_2.avi" for a in ("brush_hair", "wave"))


@pytest.mark.parametrize("held_out", [1, 2, 3, 9])
def test_videos_of_a_group_are_held_out_together(ucf, no_decoder, held_out):
    manifest = read_manifest(*ucf, "ucf101", 1)
    train, validation = (manifest.names(split, held_out) for split in ("train", "validation"))
    assert sorted(train + validation) == sorted(manifest.lists["train"])
    assert not {group_of(n) for n in train} & {group_of(n) for n in validation}
    assert held_out <= len(validation) <= held_out + 1
    assert manifest.names("test", held_out) == manifest.lists["test"]
    if held_out > 1:  # the order of groups is one: a larger choice holds the smaller
        assert set(manifest.names("validation", held_out - 1)) <= set(validation)


def test_not_all_videos_can_be_held_out(ucf, no_decoder):
    with pytest.raises(ValueError, match="leave none; take fewer"):
        read_manifest(*ucf, "ucf101", 1).names("train", 12)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Archery/v_Archery_g08_c01.avi", "v_Archery_g08"),
        ("wave/April_09_wave_u_nm_np1_ba_goo_0.avi", "April_09"),
        ("wave/other.avi", "wave/other.avi"),
    ],
)
def test_groups_are_read_from_names(name, group):
    assert group_of(name) == group


def test_the_fingerprint_is_that_of_the_content(ucf, hmdb, no_decoder, tmp_path):
    def found(split="test", held_out=2, fold=1, data="ucf101", folders=ucf):
        action_videos._read_manifest.cache_clear()
        return read_manifest(*folders, data, fold).fingerprint(split, held_out)

    own = found()
    assert len(own) == 64
    others = [found("train"), found("validation"), found("train", 4), found(fold=2), found(data="hmdb51", folders=hmdb)]
    assert len({own, *others}) == 6
    assert found(held_out=4) == own  # of the training list
    write(ucf[0] / "Archery" / "notes.txt", "not a video")
    moved = tmp_path / "elsewhere"
    ucf[0].rename(moved)
    assert found(folders=(moved, ucf[1])) == own
    video = moved / f"{UCF_TEST[0]}.avi"
    content = bytearray(video.read_bytes())
    content[-200] ^= 1  # same name, same size
    video.write_bytes(content)
    assert found(folders=(moved, ucf[1])) not in {own, *others}
    video.unlink()
    assert found(folders=(moved, ucf[1])) not in {own, *others}


def test_files_are_hashed_once_a_process(ucf, no_decoder, monkeypatch):
    read = []
    monkeypatch.setattr(
        action_videos.hashlib, "file_digest", lambda file, name: read.append(file) or SimpleNamespace(hexdigest=str)
    )
    for _ in range(3):
        read_manifest(str(ucf[0]), ucf[1], "ucf101", 1).fingerprint("train", 2)
    assert len(read) == 16


def test_missing_folders_and_lists_are_named_with_the_remedy(ucf, hmdb, no_decoder):
    def refused(said, root, lists, data="ucf101", fold=1, error=FileNotFoundError):
        action_videos._read_manifest.cache_clear()
        with pytest.raises(error, match=said) as caught:
            read_manifest(root, lists, data, fold)
        if error is FileNotFoundError:
            assert "unpack" in str(caught.value)

    root, lists = ucf
    refused("no folder .*nowhere", root / "nowhere", lists)
    refused("no folder .*nowhere", root, lists / "nowhere")
    refused("is not its folder", root / "Archery", lists)
    (lists / "testlist03.txt").unlink()
    refused(r"no list .*testlist03\.txt", root, lists, fold=3)
    (hmdb[1] / "wave_test_split2.txt").unlink()
    refused(r"no list .*wave_test_split2\.txt", *hmdb, data="hmdb51", fold=2)
    refused("fold must be 1, 2 or 3, not 4", *hmdb, data="hmdb51", fold=4, error=ValueError)
    refused("data='kinetics'; allowed", *hmdb, data="kinetics", error=ValueError)


@pytest.mark.parametrize("data", ["ucf101", "hmdb51"])
def test_classes_are_those_of_the_lists_whatever_lies_around(data, ucf, hmdb, decoder, tmp_path):
    root, lists = {"ucf101": ucf, "hmdb51": hmdb}[data]
    before = opened((root, lists), data=data)
    for beside in ("Empty", ".ipynb_checkpoints", "__MACOSX/Archery", "Another"):
        (root / beside).mkdir(parents=True)
    for path in (root / "__MACOSX/Archery/._v_Archery_g01_c01.avi", lists / "._wave_test_split1.txt"):
        path.write_bytes(b"\0\5\x16\7")
    write(root / "Another" / "v_Another_g01_c01.avi", avi(frames_of(3)))
    action = before.classes[0]
    (root / action).rename(tmp_path / "another disk")
    (root / action).symlink_to(tmp_path / "another disk")
    action_videos._read_manifest.cache_clear()
    again = opened((root, lists), data=data)
    assert again.classes == before.classes
    assert again.fingerprint == before.fingerprint
    assert (again.ids, str(again.coverage)) == (before.ids, str(before.coverage))
    assert len(again.classes) == 2


@pytest.mark.parametrize("data", ["ucf101", "hmdb51"])
@pytest.mark.parametrize("name", ["{} [51], of 2", "{}*", "{}?"])
def test_folders_of_any_name_and_lists_as_editors_save_them(data, name, ucf, hmdb, decoder):
    root, lists = {"ucf101": ucf, "hmdb51": hmdb}[data]
    before = opened((root, lists), data=data)
    clip = before.clip(1, 0.0, 4, 25.0)
    for path in lists.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    other = lists.rename(lists.with_name(name.format("lists")))
    again = opened((root.rename(root.with_name(name.format("videos"))), other), data=data)
    assert again.fingerprint == before.fingerprint
    np.testing.assert_array_equal(again.clip(1, 0.0, 4, 25.0), clip)
    assert again.labels.tolist() == before.labels.tolist()


def test_a_video_that_is_listed_again_is_counted(ucf, decoder):
    with open(ucf[1] / "testlist01.txt", "a") as file:
        file.write(f"{UCF_TEST[0]}.avi\n")
    videos = opened(ucf)
    assert videos.ids == tuple(UCF_TEST)
    assert str(videos.coverage) == "4 of 5 (missing 0, damaged 1)"
    assert opened(ucf, "train").coverage.complete


def test_a_video_of_both_lists_is_refused(ucf, no_decoder):
    write(ucf[1] / "testlist01.txt", f"{UCF_TEST[0]}.avi\n{UCF_TRAIN[0]}.avi\n")
    with pytest.raises(ValueError, match=rf"{UCF_TRAIN[0]}\.avi is on the training list and on the test list"):
        read_manifest(*ucf, "ucf101", 1)


@pytest.mark.parametrize("line", ["../../etc/passwd 1", "Archery/a.mp4 1", "<html>", "a/b/c.avi 1"])
def test_lists_of_another_form_are_refused(ucf, no_decoder, line):
    write(ucf[1] / "trainlist01.txt", f"{UCF_TRAIN[0]}.avi 1\n{line}\n")
    with pytest.raises(ValueError, match=r"trainlist01\.txt, line 2"):
        read_manifest(*ucf, "ucf101", 1)
    write(ucf[1] / "trainlist01.txt", "\n")
    with pytest.raises(ValueError, match="names no video"):
        read_manifest(*ucf, "ucf101", 1)


def test_a_line_that_names_no_video_costs_itself_and_stays_in_the_coverage(ucf, hmdb, decoder):
    before = opened(ucf).fingerprint
    for lists, split in ((ucf[1], "testlist01"), (hmdb[1], "wave_test_split1")):
        with open(lists / f"{split}.txt", "a") as file:
            file.write("../../x.avi 1\n")
    action_videos._read_manifest.cache_clear()
    videos = opened(ucf)
    assert (videos.ids, videos.classes, videos.fingerprint) == (tuple(UCF_TEST), ("Archery", "Bowling"), before)
    assert str(videos.coverage) == "4 of 5 (missing 0, damaged 1)"
    assert list(videos.coverage.reasons) == [f"{ucf[1]}/testlist01.txt, line 5: '../../x.avi 1'"]
    assert opened(ucf, "train").coverage.complete
    for split in ("train", "test"):  # of HMDB-51's lists a line may be of either
        assert opened(hmdb, split, data="hmdb51", held_out=0).coverage.damaged == 1


def test_a_pipe_in_the_place_of_a_video_is_damaged(ucf, no_decoder):
    path = ucf[0] / f"{UCF_TEST[0]}.avi"
    path.unlink()
    os.mkfifo(path)
    reasons = read_manifest(*ucf, "ucf101", 1).reasons
    assert list(reasons) == [f"{UCF_TEST[0]}.avi"]
    assert "is no regular file" in reasons[f"{UCF_TEST[0]}.avi"]


def test_without_torchcodec_the_error_says_what_to_install(ucf, no_decoder):
    with pytest.raises(DecoderError, match=r'pip install "cavl-bench\[video\]"'):
        opened(ucf)


def test_without_ffmpeg_the_error_says_what_to_install(ucf, tmp_path, monkeypatch):
    write(tmp_path / "torchcodec" / "__init__.py", "raise RuntimeError('Could not load libtorchcodec')")
    monkeypatch.delitem(sys.modules, "torchcodec", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DecoderError, match=r"Could not load libtorchcodec.*FFmpeg with the system"):
        opened(ucf)


def test_without_ffmpeg_newer_decoders_are_imported_and_then_decode_nothing(ucf, monkeypatch):
    class Unloaded:
        def __init__(self, source, **options):
            raise RuntimeError("Could not load libtorchcodec. Likely causes: ...")

    stand_in(monkeypatch)
    monkeypatch.setattr(sys.modules["torchcodec.decoders"], "VideoDecoder", Unloaded)
    with pytest.raises(DecoderError, match=r"Could not load libtorchcodec.*FFmpeg with the system"):
        opened(ucf)


def test_unknown_splits_and_sizes_are_refused(ucf, no_decoder):
    with pytest.raises(ValueError, match="unknown split 'dev' of UCF-101"):
        opened(ucf, "dev")
    with pytest.raises(ValueError, match="side must be at least 1"):
        opened(ucf, side=0)


def test_frames_become_squares():
    frames = torch.from_numpy(frames_of(3, (24, 32)))
    np.testing.assert_array_equal(square(frames, 24), frames_of(3, (24, 32))[:, :, 4:28])
    ramp = torch.arange(0, 240, 2, dtype=torch.uint8)[None, None, :, None].expand(2, 60, 120, 3)
    small = square(ramp, 30)
    assert small.shape == (2, 30, 30, 3)
    # The middle half of the width, four pixels for two.
    np.testing.assert_allclose(small[0, 15, :, 0], np.linspace(61, 177, 30), atol=1.1)


# ---- what decodes ---------------------------------------------------------------------------------------------------


def test_a_video_says_what_it_is(ucf, decoder):
    videos = opened(ucf)
    assert (len(videos), videos.classes, str(videos.coverage)) == (4, ("Archery", "Bowling"), "4 of 4")
    assert videos.ids == tuple(UCF_TEST)
    assert videos.labels.tolist() == [0, 0, 1, 1]
    scene = videos[3]
    place = sorted(UCF_TRAIN + UCF_TEST).index(UCF_TEST[3])
    frames = 20 + place
    assert (scene.id, scene.kinds, scene.n_sources) == (UCF_TEST[3], (1,), 1)
    assert (scene.fold, scene.split) == (1, "test")
    assert scene.waveform.dtype == np.int16
    assert scene.waveform.shape == (round(frames / 25 * 11_025),)
    assert not scene.waveform.any()
    np.testing.assert_array_equal(scene.image, frames_of(frames)[frames // 2, :, 4:28])


def test_splits_are_the_lists(ucf, decoder):
    sets = {split: opened(ucf, split) for split in ("train", "validation", "test")}
    manifest = read_manifest(*ucf, "ucf101", 1)
    for split, videos in sets.items():
        assert sorted(videos.ids) == sorted(n.removesuffix(".avi") for n in manifest.names(split, 2))
        assert videos.fingerprint == manifest.fingerprint(split, 2)
        assert [videos.classes[label] for label in videos.labels] == [i.split("/")[0] for i in videos.ids]


def test_hmdb_is_seen_in_one_size(hmdb, decoder):
    videos = opened(hmdb, "train", "hmdb51", held_out=0)
    assert len(videos) == 4
    clips = np.stack([videos.clip(i, 0.0, 3, 25.0) for i in range(4)])
    assert clips.shape == (4, 3, 24, 24, 3)
    assert all(times(clip) == [0, 1, 2] for clip in clips)
    assert videos.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("n_frames", "fps", "expected"),
    [
        (4, 5.0, [[0, 5, 10, 15]]),  # every fifth; the eighth one would be number 35
        (3, 5.0, [[0, 5, 10], [15, 20, 25]]),
        (4, 8.0, [[0, 3, 6, 9], [12, 15, 18, 21]]),  # 25 / 8 = 3.125, rounded down
        (8, 25.0, [list(range(8 * i, 8 * i + 8)) for i in range(3)]),
        (8, 50.0, [[4 * i + j // 2 for j in range(8)] for i in range(7)]),
    ],
)
def test_clips_follow_one_another(ucf, decoder, n_frames, fps, expected):
    write(ucf[0] / f"{UCF_TEST[0]}.avi", avi(frames_of(31)))
    videos = opened(ucf)
    starts = videos.clip_starts(0, n_frames, fps)
    clips = [videos.clip(0, start, n_frames, fps) for start in starts]
    assert [times(clip) for clip in clips] == expected
    assert starts == [pytest.approx(i * n_frames / fps) for i in range(len(starts))]
    assert all(clip.shape == (n_frames, 24, 24, 3) and clip.dtype == np.uint8 for clip in clips)


def test_any_moment_gives_the_nearest_clip(ucf, decoder):
    write(ucf[0] / f"{UCF_TEST[0]}.avi", avi(frames_of(30)))
    videos = opened(ucf)
    first = {start: times(videos.clip(0, start, 10, 25.0))[0] for start in (0.0, 0.19, 0.21, 0.59, 0.61, 0.79, 9.0)}
    assert first == {0.0: 0, 0.19: 0, 0.21: 10, 0.59: 10, 0.61: 20, 0.79: 20, 9.0: 20}


def test_short_videos_are_repeated(ucf, decoder):
    write(ucf[0] / f"{UCF_TEST[0]}.avi", avi(frames_of(5)))
    write(ucf[0] / f"{UCF_TEST[1]}.avi", avi(frames_of(2)))
    videos = opened(ucf)
    assert times(videos.clip(0, 0.0, 8, 25.0)) == [0, 1, 2, 3, 4, 0, 1, 2]
    assert times(videos.clip(1, 0.5, 4, 8.0)) == [0, 1, 0, 1]  # shorter than one frame at this rate
    assert videos.clip_starts(0, 8, 25.0) == videos.clip_starts(1, 4, 8.0) == [0.0]


@pytest.mark.parametrize(("n_frames", "fps"), [(0, 8.0), (4, 0.0)])
def test_impossible_clips_are_refused(ucf, decoder, n_frames, fps):
    with pytest.raises(ValueError, match="at least one frame"):
        opened(ucf).clip(0, 0.0, n_frames, fps)


def test_missing_and_damaged_videos_are_counted_and_named(ucf, decoder):
    root = ucf[0]
    bad = [root / f"{name}.avi" for name in UCF_TRAIN[:5]]
    bad[0].unlink()
    bad[1].write_bytes(b"")
    bad[2].write_bytes(b"<html>not found</html>" * 10)
    bad[3].write_bytes(avi(frames_of(3))[:40])
    bad[4].write_bytes(avi(np.zeros((0, 24, 32, 3), np.uint8)))
    videos = opened(ucf, "train", held_out=0)
    assert str(videos.coverage) == "7 of 12 (missing 1, damaged 4)"
    reasons = videos.coverage.reasons
    assert list(reasons) == [f"{name}.avi" for name in UCF_TRAIN[:5]]
    assert [why.split(":")[0] for why in reasons.values()] == ["missing", *["damaged"] * 4]
    assert "is empty" in reasons[f"{UCF_TRAIN[1]}.avi"]
    assert videos.ids == tuple(UCF_TRAIN[5:])
    assert videos.labels.tolist() == [0] + [1] * 6
    assert [len(videos[i].waveform) > 0 for i in range(7)] == [True] * 7
    assert opened(ucf, "test").coverage.complete
    for name in UCF_TEST:
        (root / f"{name}.avi").write_bytes(b"")
    action_videos._read_manifest.cache_clear()
    with pytest.raises(ValueError, match="none of the 4 videos of the test split"):
        opened(ucf, "test")


def test_a_video_damaged_after_opening_is_named(ucf, decoder):
    videos = opened(ucf)
    (ucf[0] / f"{UCF_TEST[2]}.avi").write_bytes(b"gone")
    for use in (functools.partial(videos.clip, 2, 0.0, 4, 8.0), functools.partial(videos.__getitem__, 2)):
        with pytest.raises(DecoderError, match=rf"{UCF_TEST[2]}\.avi cannot be decoded any more"):
            use()


def test_indices_outside_are_refused(ucf, decoder):
    videos = opened(ucf)
    for index in (-1, 4):
        with pytest.raises(IndexError, match="of a dataset of 4"):
            videos[index]


def test_what_a_video_holds_is_found(tmp_path, decoder):
    write(tmp_path / "video.avi", avi(frames_of(12), fps=30))
    frames, rate = probe(tmp_path / "video.avi")
    assert (frames, rate) == (12, pytest.approx(30, rel=1e-3))


def test_a_video_that_is_cut_off_is_damaged(tmp_path, decoder):
    whole = avi(frames_of(40))

    def cut_off(name, share):
        write(tmp_path / name, whole[: whole.rindex(b"00db", 0, int(share * len(whole)))])  # between two frames

    cut_off("most.avi", 3 / 4)
    assert 25 <= probe(tmp_path / "most.avi")[0] < 35
    cut_off("little.avi", 1 / 4)
    with pytest.raises(DecoderError, match=r"little\.avi holds \d+ of the 40 frames .* is it cut off"):
        probe(tmp_path / "little.avi")
