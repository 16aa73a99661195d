"""A text file that somebody edits or installs is on the disk whole, as it was or as it is to be, whatever happens meanwhile."""

from __future__ import annotations

import stat
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["change_text", "changing", "read_text", "replace_text"]

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


def replace_text(path: Path, text: str, *, mode: int = PUBLIC) -> None:
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
        replace_file(path, text.encode("utf-8", "surrogateescape"), mode, like=before)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unwritable(path, error) from None


def change_text(path: Path, change: Callable[[str], str], *, mode: int = PUBLIC) -> tuple[str, str]:
    """The file's text before and after `change` made the one of the other; nobody else changes it in between.

    Nothing is written where nothing changes.

    Raises:
        InputError: It cannot be read or written, or another program is at it all the time.
    """
    with changing(path):
        before = read_text(path) or ""
        after = change(before)
        if after != before:
            replace_text(path, after, mode=mode)
        return before, after


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Who reads the file in this block, and replaces it by what he has made of it, loses nobody's change.

    Raises:
        InputError: Another program is at it all the time, or its directory cannot be written to.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(alone(path.resolve()))
        except TimeoutError as error:
            remedy = "Try again when it has ended. A lock that no program holds any more is passed over."
            raise InputError("Another program is changing this file.", file=str(path), found=f"{error.filename}", remedy=remedy) from None
        except (OSError, ValueError, RuntimeError) as error:
            raise _unwritable(path, error) from None
        yield


def _unwritable(path: Path, error: Exception) -> InputError:
    # Of links that lead in a circle, this Python says RuntimeError.
    reason = error.strerror if isinstance(error, OSError) else error
    return InputError(f"This file cannot be written: {reason}.", file=str(path))
