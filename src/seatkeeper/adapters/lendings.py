"""A borrow that a server may have lent, and that its client has not kept yet, is on the disk from before the server hears of it.

How it works. Before a checkout that borrows is sent, a file `NAME.lending` in the directory of borrows says to which server it goes and
in which session, and is locked by its process. When the record is kept (adapters.borrowed), or the server has denied, the file is
deleted. A process that ends in between, however it ends, leaves the file without a lock: whoever finds it (sdk.settling) goes on in
that session and tells the server what is on record, so that what is not comes back.

The session's secret stands in the file: with it one may take that session's seats over. The file is for its owner only, like the
records themselves.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from seatkeeper.adapters.wholefile import is_at, sync_directory, take_lock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LENDINGS_MAX", "Lending", "Lendings", "OpenLending"]

#: Of one directory so many are looked at.
LENDINGS_MAX: Final = 100
_SUFFIX: Final = ".lending"
_BYTES_MAX: Final = 4096
_TRIES: Final = 5

_Text = Annotated[str, msgspec.Meta(max_length=1024)]


class Lending(msgspec.Struct, frozen=True, array_like=True):
    """A checkout that borrows, on its way.

    Attributes:
        vendor: The vendor daemon.
        feature: What is borrowed.
        until: Until when, as Unix time: then the seats are back whatever becomes of this.
        user: The client's user, as it told the server.
        host: Its machine.
        display: Its display.
        server: The server, as an entry of a license path.
        session: The secret of the client's session with it.
        root: The root key by which the server was believed; empty where none was known.
    """

    vendor: _Text
    feature: _Text
    until: float
    user: _Text
    host: _Text
    display: _Text
    server: _Text
    session: bytes
    root: bytes = b""


class OpenLending:
    """A file of a lending that this process has locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        _open.add(self)

    def end(self) -> None:
        """It is settled: the file is deleted."""
        if self._descriptor < 0:
            return
        if os.name == "nt":
            self.leave()  # What is open is not deleted there.
        # What cannot be deleted is looked at once more later, and says nothing new to the server.
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """It is not settled: the file is left to whoever finds it."""
        descriptor, self._descriptor = self._descriptor, -1
        _open.discard(self)
        if descriptor >= 0:
            os.close(descriptor)


class Lendings:
    """The lendings in a directory of borrows.

    Args:
        directory: The directory; None where there is none.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def begin(self, lending: Lending) -> OpenLending:
        """The lending, on the disk from now on.

        Raises:
            OSError: It cannot be written; there is no directory.
        """
        if self._directory is None:
            raise FileNotFoundError(2, "there is no directory of borrows")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = msgspec.msgpack.encode(lending)
        for _ in range(_TRIES):
            path = self._directory / f"{os.urandom(8).hex()}{_SUFFIX}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                # Whoever has found the empty file between these two steps may have taken it for one that nobody needs.
                if take_lock(descriptor, _BYTES_MAX) and is_at(path, descriptor):
                    os.write(descriptor, data)
                    os.fsync(descriptor)
                    sync_directory(self._directory)
                    return OpenLending(path, descriptor)
            except BaseException:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
            os.close(descriptor)
        raise FileExistsError(17, "others take the files away", str(self._directory))

    def any_left(self) -> bool:
        """Whether a process that has ended has left one."""
        found = self.left()
        for _, opened in found:
            opened.leave()
        return bool(found)

    def left(self) -> list[tuple[Lending, OpenLending]]:
        """What processes that have ended have left, locked by this one from now on; what is no lending is deleted."""
        found: list[tuple[Lending, OpenLending]] = []
        try:
            paths = sorted(path for path in self._directory.iterdir() if path.suffix == _SUFFIX) if self._directory is not None else []
        except OSError:
            return []
        for path in paths[:LENDINGS_MAX]:
            try:
                descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
            except OSError:
                continue  # Settled meanwhile, or another user's.
            if not _is_ours(path, descriptor):
                os.close(descriptor)
                continue
            opened = OpenLending(path, descriptor)
            try:
                found.append((msgspec.msgpack.decode(os.read(descriptor, _BYTES_MAX), type=Lending), opened))
            except (msgspec.MsgspecError, UnicodeError, OSError):
                opened.end()
        return found


def _is_ours(path: Path, descriptor: int) -> bool:
    """Whether its process has ended, and the file is this one's from now on; False where that cannot be found out."""
    try:
        return take_lock(descriptor, _BYTES_MAX) and is_at(path, descriptor)
    except OSError:
        return False


#: Those of this process; a forked child has none of them.
_open: set[OpenLending] = set()

if hasattr(os, "register_at_fork"):

    def _leave_all() -> None:
        """A lock is its file's as long as anybody has it open: a child that lives on must not keep its dead parent's."""
        for opened in list(_open):
            opened.leave()

    os.register_at_fork(after_in_child=_leave_all)
