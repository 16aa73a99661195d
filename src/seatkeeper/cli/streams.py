"""A command whose output nobody takes ends with a status and at most one sentence, never with a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INTERRUPTED", "PIPE_CLOSED", "UNWRITTEN", "run"]

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
#: What was to be said could not be written.
UNWRITTEN: Final = 1

#: What a write to a file or terminal fails with, and hardly anything else does.
_FULL: Final = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF") if hasattr(errno, name))


def run(name: str, work: Callable[[], int]) -> int:
    """The exit status of `work`, whose output is written by then; of one whose output cannot be written, what shells know.

    Args:
        name: How the command is called in the sentence.
        work: Does it, and returns its exit status.
    """
    _open_closed()
    _write_wholly()
    try:
        status = work()
        sys.stdout.flush()
    except BrokenPipeError:
        # `lmstat -a | head`: the reader has what it wants; keep the interpreter's own flush quiet.
        _lead_nowhere()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        _lead_nowhere()
        print(f"{name}: the output cannot be written: {error.strerror}.", file=sys.stderr)
        return UNWRITTEN
    return status


def _open_closed() -> None:
    """Lets streams that the caller has closed (`>&-`) lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Open until the process ends, and in its old place: no connection gets the number of a standard stream.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _write_wholly() -> None:
    """Puts a buffer before an output that has none (PYTHONUNBUFFERED): a pipe may take a part of what is written, and no more."""
    output = sys.__stdout__
    raw: object = getattr(output, "buffer", None)
    if output is sys.stdout and isinstance(raw, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), output.encoding, output.errors, line_buffering=True)


def _lead_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
