"""The store: what is packed is what is read, by anybody, and what is not so is said."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import pickle
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.datasets.prepared import Lost, NotPreparedError, Prepared, verify
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation import packing
from benchmarks.preparation.packing import Clip, Packer, seal, write


def jpeg(level: int, side: int = 256) -> bytes:
    """A picture of a ramp, brighter with ``level``."""
    ramp = np.linspace(0, 100, side)[None, :, None] + np.full((side, side, 3), level)
    content = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(content, "JPEG", quality=90)
    return content.getvalue()


def clip(n: int, frames: int = 3) -> Clip:
    return Clip(
        id=f"clip {n}",
        waveform=np.arange(-100 * n, 1000 - 100 * n, dtype=np.int16),
        frames=[jpeg(20 * n + k) for k in range(frames)],
        times=[0.5 * k for k in range(frames)],
        attributes={"n_sources": n % 2 + 1, "labels": [f"/m/{n}"]},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lost = [
        Lost(id="gone", status="missing", reason="Private video", attributes={"split": "eval"}),
        Lost(id="broken", status="damaged", reason="no audio track"),
    ]
    write(tmp_path / "audioset", [clip(0), lost[0], clip(1, frames=0), clip(2), lost[1]], options={"fps": 2})
    return tmp_path / "audioset"


def test_what_is_packed_is_what_is_read(folder: Path) -> None:
    opened = Prepared(folder)
    assert (opened.name, opened.sample_rate, len(opened), opened.options) == ("audioset", 11_025, 3, {"fps": 2})
    assert opened.ids == ["clip 0", "clip 1", "clip 2"]
    assert [opened.frame_count(i) for i in range(3)] == [3, 0, 3]
    for i in (2, 0, 1):
        expected = clip(i, frames=opened.frame_count(i))
        np.testing.assert_array_equal(opened.waveform(i), expected.waveform)
        assert opened.waveform(i).dtype == np.int16
        np.testing.assert_array_equal(opened.frame_times(i), expected.times)
        for k, content in enumerate(expected.frames):
            truth = np.asarray(Image.open(io.BytesIO(content)))  # another decoder
            np.testing.assert_array_equal(opened.frame(i, k), truth)
    np.testing.assert_array_equal(opened.frames(2, [2, 0]), [opened.frame(2, 2), opened.frame(2, 0)])
    assert opened.frames(2, []).shape == (0, 256, 256, 3)
    assert not opened.waveform(0).flags.writeable


def test_the_manifest_tells_without_touching_the_media(folder: Path) -> None:
    opened = Prepared(folder)
    for path in folder.glob("*.arrow"):
        path.write_bytes(b"\0" * path.stat().st_size)
    assert opened.columns == ["labels", "n_sources"]
    assert opened.column("n_sources") == [1, 2, 1]
    assert opened.column("labels") == [["/m/0"], ["/m/1"], ["/m/2"]]
    assert [opened.samples(i) for i in range(3)] == [1000] * 3
    with pytest.raises(KeyError, match="has no column 'fold'; it has labels, n_sources"):
        opened.column("fold")


def test_coverage_says_what_is_missing_and_why(folder: Path) -> None:
    opened = Prepared(folder)
    assert str(opened.coverage) == "3 of 5 (missing 1, damaged 1)"
    assert opened.coverage.reasons == {"gone": "missing: Private video", "broken": "damaged: no audio track"}
    assert opened.lost[0].attributes == {"split": "eval"}


def test_indices_outside_are_refused(folder: Path) -> None:
    opened = Prepared(folder)
    with pytest.raises(IndexError, match="clip 3 of 3"):
        opened.waveform(3)
    with pytest.raises(IndexError, match="clip -1 of 3"):
        opened.frame_times(-1)
    with pytest.raises(IndexError, match="frame 3 of clip 2, which has 3"):
        opened.frame(2, 3)
    with pytest.raises(IndexError, match="frame 0 of clip 1, which has 0"):
        opened.frame(1, 0)


def read_all(opened: Prepared, out: Any) -> None:
    out.put([(int(opened.waveform(i).sum()), [int(opened.frame(i, k).sum()) for k in range(opened.frame_count(i))])
             for i in range(len(opened))])  # fmt: skip


@pytest.mark.parametrize(("method", "readers"), [("fork", 2), ("spawn", 1)])
def test_several_processes_read_it(folder: Path, method: str, readers: int) -> None:
    opened = Prepared(folder)
    opened.frame(0, 0)  # the memory map is open when the others begin
    context = multiprocessing.get_context(method)
    out = context.Queue()
    running = [context.Process(target=read_all, args=(opened, out)) for _ in range(readers)]
    for reader in running:
        reader.start()
    results = [out.get(timeout=60) for _ in running]
    for reader in running:
        reader.join()
    read_all(Prepared(folder), out)
    assert results == [out.get(timeout=60)] * readers


def test_it_is_pickled_without_its_maps(folder: Path) -> None:
    opened = Prepared(folder)
    opened.frame(2, 1)
    again = pickle.loads(pickle.dumps(opened))
    np.testing.assert_array_equal(again.frame(2, 1), opened.frame(2, 1))
    assert again.fingerprint == opened.fingerprint


def test_the_fingerprint_is_of_content_and_order(tmp_path: Path) -> None:
    def of(name: str, clips: Sequence[Clip], **options: Any) -> str:
        return write(tmp_path / name, clips, **options).fingerprint

    clips = [clip(0), clip(1)]
    first = of("first", clips, options={"a": 1})
    assert of("again", clips, options={"a": 2}) == first
    louder = Clip(id="clip 1", waveform=clip(1).waveform + 1, frames=clip(1).frames, times=clip(1).times,
                  attributes=clip(1).attributes)  # fmt: skip
    graded = Clip(id="clip 1", waveform=clip(1).waveform, frames=clip(1).frames, times=clip(1).times)
    later = Clip(id="clip 1", waveform=clip(1).waveform, frames=clip(1).frames, times=[0, 1, 2],
                 attributes=clip(1).attributes)  # fmt: skip
    different = [
        of("order", clips[::-1]),
        of("louder", [clips[0], louder]),
        of("graded", [clips[0], graded]),
        of("later", [clips[0], later]),
        of("fewer", clips[:1]),
        of("rate", clips, sample_rate=22_050),
    ]
    assert len({first, *different}) == 7


def test_shards_and_what_a_kill_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SHARD_BYTES", 30_000)
    folder = tmp_path / "set"
    packer = Packer(folder)
    packed = [packer.append(clip(n)) for n in range(4)]
    assert {p.shard for p in packed} == {0, 1, 2, 3} or len({p.shard for p in packed}) > 1
    # A process that was killed after its clip was written and before it was accounted for.
    packer.append(clip(7))
    packed.append(Packer(folder, packed).append(clip(4)))
    seal(folder, packed[::-1])
    opened = Prepared(folder)
    assert opened.ids == [f"clip {n}" for n in (4, 3, 2, 1, 0)]
    for i, n in enumerate((4, 3, 2, 1, 0)):
        np.testing.assert_array_equal(opened.waveform(i), clip(n).waveform)
    assert verify(folder) == {}
    # The same with nothing after it: the files hold what the manifest lists, and no more.
    for n in range(5, 8):
        Packer(folder, packed).append(clip(n))
    seal(folder, packed)
    held = []
    for path in sorted(folder.glob("*.arrow")):
        with pa.memory_map(str(path)) as file:
            held += pa.ipc.open_stream(file).read_all()["id"].to_pylist()
    assert held == [f"clip {n}" for n in range(5)]


def test_anybody_can_read_the_arrow_files(folder: Path) -> None:
    with pa.memory_map(str(folder / "clips-00000.arrow")) as file:
        rows = pa.ipc.open_stream(file).read_all().to_pylist()
    assert [row["id"] for row in rows] == ["clip 0", "clip 1", "clip 2"]
    assert rows[2]["frames"] == clip(2).frames
    assert rows[0]["waveform"] == clip(0).waveform.tolist()
    assert json.loads(rows[2]["attributes"]) == clip(2).attributes


def test_hugging_face_datasets_opens_them(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_file(str(folder / "clips-00000.arrow"))
    assert rows[2]["times"] == [0.0, 0.5, 1.0]


def test_verify_finds_a_byte_that_changed(folder: Path) -> None:
    assert verify(folder) == {}
    path = folder / "clips-00000.arrow"
    content = bytearray(path.read_bytes())
    place = content.find(clip(2).frames[1]) + 500
    content[place] ^= 1
    path.write_bytes(content)
    seen: list[tuple[int, int]] = []
    assert verify(folder, lambda done, total: seen.append((done, total))) == {
        "clip 2": "its content is not what was packed (another hash)"
    }
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_damage_is_said_with_the_remedy(folder: Path) -> None:
    path = folder / "clips-00000.arrow"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(DamagedError, match=r"shorter than .* run `cavl-bench prepare audioset"):
        Prepared(folder)
    path.write_bytes(b"\xff" * len(whole))
    opened = Prepared(folder)
    with pytest.raises(DamagedError, match="clip 0 cannot be read"):
        opened.waveform(0)
    assert set(verify(folder)) == {"clip 0", "clip 1", "clip 2"}
    (folder / "manifest.json").write_text('{"format": 1, "clips": {"id": [1]}, "columns": {}}')
    with pytest.raises(DamagedError, match=r"manifest.json is damaged"):
        Prepared(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(DamagedError, match=r"manifest.json is damaged"):
        Prepared(folder)
    (folder / "manifest.json").write_text('{"format": 99, "clips": {}, "columns": {}}')
    with pytest.raises(DamagedError, match="is of format 99, not 1"):
        Prepared(folder)


@pytest.mark.parametrize("flip", [0x80, 0x10, 0xFF])
def test_damaged_lengths_and_offsets_are_said_and_not_followed(folder: Path, flip: int) -> None:
    """Arrow believes what a record batch says of itself: unchecked, some of these end the process."""
    path, opened = folder / "clips-00000.arrow", Prepared(folder)
    whole, start = path.read_bytes(), opened._clips["offset"][2]
    for place in range(start + flip % 7, start + 1000, 9):
        content = bytearray(whole)
        content[place] ^= flip
        path.write_bytes(content)
        assert set(verify(folder)) <= {"clip 2"}
        with contextlib.suppress(DamagedError):
            Prepared(folder).waveform(2)


def test_verify_finds_a_manifest_that_changed(folder: Path) -> None:
    manifest = folder / "manifest.json"
    changed = manifest.read_text().replace('"n_sources":[1,2,1]', '"n_sources":[1,1,1]')
    manifest.write_text(changed)
    with pytest.raises(DamagedError, match=r"manifest.json is damaged \(it is not what was written\)"):
        Prepared(folder)
    manifest.write_text(changed.rpartition(',"sha256_of_all_above"')[0] + "}")  # as older versions wrote it
    assert Prepared(folder).column("n_sources") == [1, 1, 1]
    with pytest.raises(DamagedError, match=r"manifest.json is damaged \(its fingerprint is not"):
        verify(folder)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("shards",), None),
        (("shards", 0), "x"),
        (("clips", "id", 0), []),
        (("clips", "shard", 0), None),
        (("clips", "offset", 1), 1e400),
        (("clips", "size", 1), -1),
        (("clips", "frames", 2), True),
        (("lost", 0, "attributes"), None),
        (("lost", 0, "id"), 5),
        (("lost", 0), "x"),
        (("options",), None),
    ],
)
def test_one_entry_of_another_type_is_damage_also_where_no_seal_says_so(
    folder: Path, place: tuple[Any, ...], value: Any
) -> None:
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text().rpartition(',"sha256_of_all_above"')[0] + "}")
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    manifest.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match=r"manifest\.json is damaged .*; run `cavl-bench prepare"):
        Prepared(folder)


def test_the_remedy_for_a_subset_is_its_own_command(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match=r"prepare audioset --subset instrument --root"):
        Prepared(tmp_path / "audioset_instrument")


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


@pytest.mark.parametrize("content", [b"no picture", jpeg(3)[:300], jpeg(3, side=64), png_that_claims(1 << 30, 1 << 30)])
def test_a_frame_that_is_none_is_damage(tmp_path: Path, content: bytes) -> None:
    waveform = np.zeros(10, np.int16)
    opened = write(tmp_path / "set", [Clip(id="a", waveform=waveform, frames=[content], times=[0.0])])
    with pytest.raises(DamagedError, match="frame 0 of a cannot be decoded"):
        opened.frame(0, 0)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match=r"cavl-bench prepare music --root") as error:
        Prepared(tmp_path / "music")
    assert isinstance(error.value, FileNotFoundError)


def test_what_is_there_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(FileExistsError, match="holds a prepared data set already"):
        write(folder, [clip(0)])


@pytest.mark.parametrize(
    ("waveform", "frames", "times"),
    [
        (np.zeros(10, np.float32), [], []),
        (np.zeros((2, 5), np.int16), [], []),
        (np.zeros(10, np.int16), [b""], []),
        (np.zeros(10, np.int16), [b"", b""], [1.0, 0.0]),
    ],
)
def test_clips_that_are_none_are_refused(waveform: npt.NDArray[Any], frames: list[bytes], times: list[float]) -> None:
    with pytest.raises(ValueError, match="a: "):
        Clip(id="a", waveform=waveform, frames=frames, times=times)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=5),
            st.lists(st.integers(-32768, 32767), max_size=50),
            st.lists(st.binary(max_size=30), max_size=4),
            st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9), st.text(max_size=3))),
        ),
        max_size=5,
        unique_by=lambda c: c[0],
    )
)
def test_any_clips_come_back(tmp_path_factory: pytest.TempPathFactory, content: list[Any]) -> None:
    clips = [
        Clip(id=name, waveform=np.array(samples, np.int16), frames=frames, times=range(len(frames)), attributes=more)
        for name, samples, frames, more in content
    ]
    folder = tmp_path_factory.mktemp("any") / "set"
    opened = write(folder, clips)
    assert opened.ids == [c.id for c in clips]
    for i, c in enumerate(clips):
        np.testing.assert_array_equal(opened.waveform(i), c.waveform)
        assert opened._row(i, "frames").as_py() == list(c.frames)
        assert {k: v for k in opened.columns if (v := opened.column(k)[i]) is not None} == {
            k: v for k, v in c.attributes.items() if v is not None
        }
    assert verify(folder) == {}
