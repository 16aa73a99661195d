"""A text file that somebody edits or installs is on the disk whole, as it was or as it is to be, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from seatkeeper.base.errors import InputError

__all__ = ["read_text", "replace_text"]

_PUBLIC: Final = 0o644
#: What may be read of a file that a person keeps.
_BYTES_MAX: Final = 16 * 1024 * 1024


def read_text(path: Path) -> str | None:
    """The file's text; None where there is no such file.

    Raises:
        InputError: It cannot be read, is no file, or is too long.
    """
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise InputError("This is no file.", file=str(path))
        with path.open("rb") as file:
            data = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror or error}.", file=str(path)) from None
    if len(data) > _BYTES_MAX:
        raise InputError(f"This file is longer than {_BYTES_MAX >> 20} MiB.", file=str(path))
    return data.decode("utf-8", "surrogateescape")


def replace_text(path: Path, text: str, *, mode: int = _PUBLIC) -> None:
    """Let `path` hold `text`, whole and on the disk.

    A file that exists keeps its permissions and, where we may give it back, its owner; where the path is a link, what it leads to is
    replaced.

    Args:
        path: The file.
        text: What it is to hold.
        mode: The permissions of a new file.

    Raises:
        InputError: It cannot be written.
    """
    try:
        path = path.resolve()
        before = path.stat() if path.exists() else None
        if before is not None and not stat.S_ISREG(before.st_mode):
            raise InputError("This is no file, and is not replaced by one.", file=str(path))
        beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if before is None else 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                if before is not None and hasattr(os, "fchmod"):
                    _keep(file.fileno(), before)
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except (OSError, ValueError, RuntimeError) as error:
        # Of links that lead in a circle, this Python says RuntimeError.
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"This file cannot be written: {reason}.", file=str(path)) from None


def _keep(descriptor: int, before: os.stat_result) -> None:
    """Gives a new file the owner and the permissions of the one that it replaces."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except OSError:
            # Only root gives files away; somebody else may still replace a file in a directory of his own.
            pass
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _sync_directory(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return  # Windows opens no directories.
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
