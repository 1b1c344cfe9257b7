"""A file on disk is the old one or the new one."""

import errno
import hashlib
import os
import resource
import stat
import threading
import time
from pathlib import Path

import pytest

from benchmarks.datasets.cache import kept
from benchmarks.datasets.scene import DamagedError
from registry import files
from registry.files import (
    DiskFullError,
    age,
    atomic_copy,
    atomic_write,
    digest_file,
    disk_errors,
    home,
    require_regular,
    write_at,
)


def fail_with(number: int):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_home_is_the_variable_or_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x"
    monkeypatch.delenv("CAVL_HOME")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / "runs"


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    atomic_write(path, "ä")
    assert path.read_bytes() == b"\xc3\xa4"
    atomic_write(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "f", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_permissions_are_never_asked_for_by_setting_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a umask is another, so are the permissions of what other threads make."""

    def read(folder: Path) -> None:
        if not folder.is_dir():
            raise DamagedError("there is none")

    before = os.umask(0o027)
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask is set"))
    try:
        atomic_write(tmp_path / "f", "x")
        kept(tmp_path / "world", read, lambda folder: None, needed=0)
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "world").stat().st_mode) == 0o750


def test_the_age_of_a_file_is_told_by_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").touch()
    monkeypatch.setattr(time, "time", lambda: 0.0)  # this machine's clock is decades behind
    assert abs(age(tmp_path / "f")) < 60
    os.utime(tmp_path / "f", (1e9, 1e9))
    assert age(tmp_path / "f") > 1e8
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    with pytest.raises(FileNotFoundError):
        age(tmp_path / "g")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_leaves_the_old_file_and_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    path = tmp_path / "run.json"
    atomic_write(path, "old")
    monkeypatch.setattr(files.os, call, fail_with(number))
    with pytest.raises(DiskFullError, match=r"run\.json.*bytes are free.*CAVL_HOME elsewhere") as caught:
        atomic_write(path, "new")
    assert caught.value.errno == number
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_other_errors_stay_themselves(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        atomic_write(tmp_path / "file" / "below", "x")
    with pytest.raises(PermissionError), disk_errors(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_the_innermost_full_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="inner"), disk_errors(tmp_path / "outer"), disk_errors(tmp_path / "inner"):
        raise OSError(errno.ENOSPC, "no room")


def test_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with files.replacing(tmp_path / "f") as aside:
            aside.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_copy_and_digest(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "from").write_bytes(data)
    atomic_copy(tmp_path / "from", tmp_path / "to")
    assert (tmp_path / "to").read_bytes() == data
    assert digest_file(tmp_path / "to") == hashlib.sha256(data).hexdigest()


def test_write_at_cuts_what_followed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_at(path, 0, b"12345")
    write_at(path, 2, b"ab")
    assert path.read_bytes() == b"12ab"


def test_write_at_undoes_a_write_that_found_room_for_a_part(tmp_path: Path, child) -> None:
    """The kernel itself writes a part: the process may write files of at most 1,000 bytes."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * 900)

    def write() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError, match="File too large"):
            write_at(path, 900, b"y" * 500)

    assert os.waitpid(child(write), 0)[1] == 0
    assert path.read_bytes() == b"x" * 900


# ---- outputs that are no regular files -------------------------------------------------------------------------------


def kind(path: Path) -> int:
    return stat.S_IFMT(path.lstat().st_mode)


def test_a_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    """Copies of the devices: a mistake here must not replace those of the machine."""
    try:
        os.mknod(tmp_path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        atomic_write(tmp_path / "null", "x")
    except OSError as error:
        pytest.skip(f"devices need rights ({error})")
    (tmp_path / "link").symlink_to("null")
    atomic_write(tmp_path / "link", "x")
    with pytest.raises(DiskFullError, match=r"no room to write .*full"):
        atomic_write(tmp_path / "full", "x")
    assert [kind(p) for p in sorted(tmp_path.iterdir())] == [stat.S_IFCHR, stat.S_IFLNK, stat.S_IFCHR]


def test_a_pipe_gets_all_of_it_also_where_its_reader_comes_later(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Timer(0.3, lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    atomic_write(tmp_path / "pipe", data)
    reader.join()
    assert (got, kind(tmp_path / "pipe")) == ([data], stat.S_IFIFO)


def test_a_pipe_that_nobody_reads_is_no_endless_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no process reads from it; start that one first"):
        atomic_write(tmp_path / "pipe", "x")


def test_a_write_that_fails_sends_nothing_down_a_pipe(tmp_path: Path) -> None:
    def write_half() -> None:
        with files.replacing(tmp_path / "pipe") as aside:
            aside.write(b"half")
            raise KeyboardInterrupt

    os.mkfifo(tmp_path / "pipe")
    listening = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert os.read(listening, 10) == b""
    os.close(listening)


@pytest.mark.parametrize("place", ["/dev/fd/{}", "/proc/self/fd/{}", "{tmp}/link"])
def test_a_descriptor_is_written_to_behind_what_is_there(tmp_path: Path, place: str) -> None:
    """As /dev/stdout, >(...) and a shell's redirection are."""
    number = os.open(tmp_path / "open", os.O_WRONLY | os.O_CREAT)
    (tmp_path / "link").symlink_to(f"/proc/self/fd/{number}")
    os.write(number, b"before ")
    atomic_write(place.format(number, tmp=tmp_path), "this")
    os.write(number, b" after")
    os.close(number)
    assert (tmp_path / "open").read_bytes() == b"before this after"
    assert kind(tmp_path / "link") == stat.S_IFLNK


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_text("old")
    (tmp_path / "link").symlink_to("real/f")
    (tmp_path / "twice").symlink_to("link")
    (tmp_path / "dangling").symlink_to("elsewhere/new")
    (tmp_path / "round").symlink_to("round")
    for name in ("link", "twice", "dangling"):
        atomic_write(tmp_path / name, name)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "real" / "f").read_text() == "twice"
    assert (tmp_path / "elsewhere" / "new").read_text() == "dangling"
    with pytest.raises(OSError, match="symbolic links"):
        atomic_write(tmp_path / "round", "x")
    assert [p.name for p in (tmp_path / "real").iterdir()] == ["f"]


def test_a_folder_is_refused_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder; name a file") as error:
        atomic_write(tmp_path, "x")
    assert error.value.filename == str(tmp_path)


def test_names_that_are_no_text_are_written_all_the_same(tmp_path: Path) -> None:
    atomic_write(tmp_path / "f", f"{os.fsdecode(bytes([255]))}.xml, é")
    assert (tmp_path / "f").read_text() == r"\udcff.xml, é"


def test_what_cannot_be_opened_bears_the_name_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "beside", lambda path: tmp_path / "nowhere" / ".f.x1.aside")
    for path in (tmp_path / "f", Path("/dev/fd/999")):
        with pytest.raises(OSError, match=r"No such file|Bad file descriptor") as error:
            atomic_write(path, "x")
        assert error.value.filename == str(path)


def test_a_pipe_among_data_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    require_regular(tmp_path / "link")
    for name in ("pipe", "."):
        with pytest.raises(OSError, match="is no regular file"):
            require_regular(tmp_path / name)
