"""Files of the registry: where runs are kept, and writing that leaves after a crash the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO

import platformdirs

#: Environment variable that says to which MongoDB runs are copied while they go on.
MONGO = "CAVL_MONGO_URI"
#: What the operating system says when there is no room left: on the disk, or in the user's quota.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: Seconds to wait for the reader of a pipe.
PATIENCE = 10.0
#: Links in one another that are followed, as many as the kernel does.
LINKS = 40


class DiskFullError(OSError):
    """There is no room for a file; nothing that was there before has been touched."""


def home() -> Path:
    """Folder of the runs: ``$CAVL_HOME``, or ``runs`` in the current folder."""
    return expanded(os.environ.get("CAVL_HOME") or "runs")


def cache_folder() -> Path:
    """For what can be made again: the user's cache folder, or ``data`` in :func:`home` where this user has none."""
    try:
        usual = Path(platformdirs.user_cache_dir("cavl-bench")).expanduser()
    except RuntimeError:  # no home folder
        return home() / "data"
    return usual if usual.is_dir() or writable(usual) else home() / "data"


def report_folder(preset: str) -> Path:
    """Where the report of a preset is written unless the user says where: in the checkout, from which one starts."""
    return Path("reports", "generated", preset)


def user_home() -> Path | None:
    """The user's home folder, which need not be there; None for a user who has none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expanded(path: Path | str) -> Path:
    """``path``, absolute, with the user's home folder for a "~".

    Raises FileNotFoundError where the user has no home folder.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise FileNotFoundError(f"{path}: this user has no home folder; write the path in full, or set HOME") from None


def writable(folder: Path) -> bool:
    """Whether files can be written into ``folder``, which may still have to be made. Nothing is made."""
    folder = folder.absolute()
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)


def require_writable(folder: Path, remedy: str) -> None:
    """Say before the work, not after it, that its results cannot be kept.

    Raises PermissionError naming ``folder`` and the remedy.
    """
    if not writable(folder):
        raise PermissionError(f"{folder.absolute()} cannot be written; {remedy}")


def require_home() -> None:
    """:func:`require_writable` for :func:`home`."""
    require_writable(home(), "point CAVL_HOME elsewhere")


def atomic_write(path: Path | str, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that a reader, or a crash, finds the old file or the new one.

    Missing folders are made. The file is written aside in the same folder, synced to the disk and renamed. Links are
    followed, and devices and pipes written to, as :func:`replacing` says.

    Raises DiskFullError when there is no room; ``path`` is left as it was.
    """
    path = Path(path)
    with replacing(path) as aside:
        aside.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)


def atomic_copy(source: Path | str, path: Path | str) -> None:
    """Copy the file ``source`` to ``path`` with the promises of :func:`atomic_write`, in constant memory."""
    with open(source, "rb") as original, replacing(Path(path)) as aside:
        shutil.copyfileobj(original, aside, length=1 << 20)


def write_at(path: Path | str, offset: int, data: bytes) -> None:
    """Make ``data`` all that follows the first ``offset`` bytes of ``path``; it is on the disk when this returns.

    Raises DiskFullError when there is no room. Whatever is raised, the file ends at ``offset``.
    """
    with disk_errors(path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.ftruncate(file, offset)
            end = offset
            try:
                while data:  # one write, as a rule: the kernel takes less when the disk fills, and the next one says so
                    written = os.pwrite(file, data, end)
                    data, end = data[written:], end + written
                os.fsync(file)
            except BaseException:  # also Ctrl-C: whoever called does not know that anything was written
                os.ftruncate(file, offset)
                raise
        finally:
            os.close(file)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that becomes ``path`` when the block ends well, and vanishes when it does not.

    A link stays, and what it leads to is replaced. A device, pipe, socket or descriptor (:func:`is_stream`) is never
    replaced: the whole content is written to it.

    Raises IsADirectoryError where ``path`` is a folder.
    """
    with disk_errors(path):
        if is_stream(path):
            with tempfile.TemporaryFile() as aside:
                yield aside
                aside.seek(0)
                _pour(aside, path)
            return
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder; name a file", str(path))
        path = Path(os.path.realpath(path)) if path.is_symlink() else path
        path.parent.mkdir(parents=True, exist_ok=True)
        name = beside(path)
        with _named(path):
            file = open(name, "xb")  # noqa: SIM115 (closed below); of the umask's permissions: colleagues read runs too
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def beside(path: Path) -> Path:
    """A name in the same folder, of something that is to become ``path``.

    What is made under it has the permissions that the umask gives, which nothing can ask for but by setting it: other
    threads would make their files without it meanwhile.
    """
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.aside")


def require_regular(path: Path | str) -> None:
    """That ``path`` is a file, or a link to one: a pipe that lies among data would be waited for.

    Raises OSError, also where there is nothing.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))


def is_stream(path: Path | str) -> bool:
    """Whether ``path`` is a device, pipe, socket or descriptor (``/dev/stdout``, ``<(...)``), or a link to one.

    Raises OSError where that cannot be told, as of a link to itself.
    """
    if _descriptor(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_standard_output(path: Path | str) -> bool:
    """Whether what is written to the stream ``path`` comes where this process prints."""
    with contextlib.suppress(OSError):
        return is_stream(path) and os.path.samestat(os.stat(path), os.fstat(1))
    return False


def _descriptor(path: Path | str) -> int | None:
    """Of a name for an open file of this process (``/dev/fd/3``, ``/proc/self/fd/3``), or a link to one, its number."""
    for _ in range(LINKS):
        place = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(path))), os.path.basename(path))
        if number := re.fullmatch(rf"(?:/proc/{os.getpid()}(?:/task/\d+)?|/dev)/fd/(\d+)", place):
            return int(number[1])
        if not os.path.islink(place):
            return None
        path = os.path.join(os.path.dirname(place), os.readlink(place))
    return None


def _pour(content: IO[bytes], path: Path) -> None:
    """Write to a stream: through its descriptor where it is open already, behind what was written there before."""
    number = _descriptor(path)
    if number is not None:
        print(end="", flush=True)
    with _named(path):
        number = _reader_of(path) if number is None else os.dup(number)
    with open(number, "wb") as stream:
        shutil.copyfileobj(content, stream, length=1 << 20)


def _reader_of(path: Path) -> int:
    """A descriptor to write to a device or pipe with; who is to read from a pipe may start a little later.

    Raises OSError when nobody does.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            number = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline:
                raise OSError(errno.ENXIO, "no process reads from it; start that one first", str(path)) from None
            time.sleep(0.05)
        else:
            os.set_blocking(number, True)
            return number


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """What cannot be opened inside the block bears the name that the user gave it."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


@contextlib.contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Turn "no room" from anywhere inside the block into a :class:`DiskFullError` naming ``path`` and the remedy."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFullError(
            error.errno,
            f"no room to write {path} ({_free(Path(path))}); free space or point CAVL_HOME elsewhere; "
            "finished runs are untouched, the same command continues",
        ) from error


def open_regular(path: Path | str) -> BufferedReader:
    """Open a file to read it that lies where a regular one belongs.

    Raises OSError also for what is none: a pipe would be waited for, a device may never end.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return open(number, "rb")


def unread(error: OSError) -> str:
    """What is said of a file that was not to be read."""
    return "is no regular file" if error.errno == errno.EINVAL else f"cannot be read ({error.strerror})"


def digest_file(path: Path | str) -> str:
    """Sha256 of a file's content, 64 hexadecimal digits; raises OSError as :func:`open_regular` does."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def age(path: Path | str) -> float:
    """Seconds since a file was written, by the clock of its disk: those of the machines that share it may differ.

    Raises FileNotFoundError where it is not there.
    """
    written = os.stat(path).st_mtime
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.abspath(path))) as now:
            return os.fstat(now.fileno()).st_mtime - written
    except OSError:  # a disk that can only be read
        return time.time() - written


def _free(path: Path) -> str:
    folder = next((p for p in path.absolute().parents if p.is_dir()), Path("/"))
    try:
        return f"{shutil.disk_usage(folder).free:,} bytes are free there"
    except OSError:
        return "its free space cannot be read"
