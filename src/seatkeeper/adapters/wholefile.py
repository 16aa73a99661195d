"""A file is replaced whole and on the disk, or not at all, and two programs that change it one after the other lose neither change.

What is written goes into a file beside it, under a name that nobody knows before, born with its mode; when all of it is on the disk
the name changes hands, and then the directory is on the disk, too. A crash leaves the old content or the new one, and at worst the
file beside it.

Who changes what he has read holds the lock meanwhile (`alone`): a file `.NAME.lock` beside it, locked by the operating system, so
that it goes with its holder, however that ends. The file itself cannot be the lock, since it is replaced.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LOCK_S", "PRIVATE", "PUBLIC", "alone", "append_line", "is_at", "replace_file", "sync_directory", "take_lock", "whole_file"]

PUBLIC: Final = 0o644
PRIVATE: Final = 0o600
#: How long another program may take for its change.
LOCK_S: Final = 10.0
_LOOK_S: Final = 0.02


@contextmanager
def whole_file(path: Path, mode: int, *, like: os.stat_result | None = None, replace: bool = True) -> Iterator[IO[bytes]]:
    """A file to write to, which is at `path` once the block has ended well; otherwise nothing has changed.

    Args:
        path: Where it is to be.
        mode: Its permissions.
        like: Of what it replaces: owner and group are kept where we may give it back, and the permissions in place of `mode`.
        replace: False to leave a file alone that is there already, even if it has come meanwhile.

    Raises:
        FileExistsError: There is one, and `replace` is False.
        OSError: It cannot be written.
    """
    # In a container every process may have the same number, and in a directory that several share one could lay a link.
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(8).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode if like is None else PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if like is not None and hasattr(os, "fchmod"):
                _keep(file.fileno(), like)
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            # Unlike a rename, a link never replaces what another process has made meanwhile.
            path.hardlink_to(beside)
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)


def replace_file(path: Path, data: bytes, mode: int = PRIVATE, *, like: os.stat_result | None = None) -> None:
    """Let `path` hold `data`, whole and on the disk.

    Raises:
        OSError: It cannot be written.
    """
    with whole_file(path, mode, like=like) as file:
        file.write(data)


def sync_directory(directory: Path) -> None:
    """Let the names of a directory be on the disk, where the system has that."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return  # Windows opens no directories; its file systems keep names in a journal.
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path, *, wait_s: float = LOCK_S) -> Iterator[None]:
    """Nobody else who uses this changes the file while the block runs.

    Raises:
        TimeoutError: Somebody else is at it all the time.
        OSError: The lock cannot be made.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _lock_of(lock, max(1, round(wait_s / _LOOK_S)))
    try:
        yield
    finally:
        # While it is still ours: who waits for it sees that its name is gone, and makes a new one.
        # Windows deletes no file that somebody else has open.
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock_of(lock: Path, looks: int) -> int:
    for look in range(looks):
        if look:
            time.sleep(_LOOK_S)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), PRIVATE)
        try:
            if take_lock(descriptor) and is_at(lock, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise TimeoutError(None, "another program is changing it", str(lock))


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one that others find at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def take_lock(descriptor: int, at: int = 0) -> bool:
        """Whether the open file is this process's alone from now on; `at` is a byte beyond what others are to read of it."""
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, at, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)
        return True

else:
    import fcntl

    def take_lock(descriptor: int, at: int = 0) -> bool:
        """Whether the open file is this process's alone from now on; `at` matters on Windows only.

        Raises:
            OSError: The file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def append_line(path: Path, line: bytes) -> None:
    """The line is the last one of the list at `path`, for good; the list is made where there is none, for its owner only.

    Raises:
        OSError: It cannot be written, or not wholly.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
    try:
        # One write, so that the lines of two programs at once do not mix; a torn end of an earlier one is closed first.
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        data = (b"\n" if torn else b"") + line + b"\n"
        if os.write(descriptor, data) != len(data):
            raise OSError(0, "the disk is full")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


def _keep(descriptor: int, before: os.stat_result) -> None:
    """Gives a new file the owner and the permissions of the one that it replaces."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        # Only root gives files away; somebody else may still replace a file in a directory of his own.
        with suppress(OSError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
