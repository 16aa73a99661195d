"""Borrowed seats are in use on their machine as often as they were borrowed, not once more, and never by a clock that was set back.

How it works. One directory holds all borrows of a user, some files for each:

| file | what it is |
|---|---|
| `NAME.borrow` | the record, as the server signed it (licfile.borrowing) |
| `NAME.returning` | the same, from before its server is told to take the seats back; nobody uses them any more |
| `NAME.from` | how the client called the server, so that the seats find their way home |
| `NAME.time` | the latest time at which it was used, with a MAC whose key is made from the record's secret |
| `NAME.seats` | byte n is locked by the process that uses seat n |

A lock goes with its process, however that ends, so a crash leaves no seat in use. Locks are the operating system's own and belong
to a process; which of them are taken within this one is known here (`_taken`).

The time file only ever goes up. A clock that is behind it was set back, and the seats are refused (-88) until it is right again;
so is a time file that is missing or that somebody else wrote. Who puts back the whole directory and the clock together is not seen:
that needs a witness outside the machine (docs/borrow.md).
"""

from __future__ import annotations

import hmac
import os
import struct
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.wholefile import replace_file, sync_directory
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.events import MINOR_LOCAL
from seatkeeper.client.wishes import WISH_VARIABLE, WISHES_NAME, parse_wish, until_of, wishes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from seatkeeper.licfile.borrowing import Borrowed

__all__ = ["BORROW_VARIABLE", "CLOCK_BACK_S", "LOANS_MAX", "BorrowStore", "Loan", "Use", "borrow_directory", "wished_until", "wishes_path"]

BORROW_VARIABLE: Final = "SEATKEEPER_BORROW_DIR"
#: Borrows of one directory that are looked at.
LOANS_MAX: Final = 1000
#: The time of a use is kept this exactly: each writing of it waits for the disk.
_TIME_S: Final = 1.0
#: Of the file with wishes to borrow; lmborrow writes a line or two.
_WISHES_BYTES_MAX: Final = 64 * 1024
#: A time service may set the clock back so far without anybody's meaning harm.
CLOCK_BACK_S: Final = 60.0

_RECORD, _RETURNING, _FROM, _TIME, _SEATS = ".borrow", ".returning", ".from", ".time", ".seats"
_FROM_BYTES_MAX: Final = 4096
_TIME_TAG: Final = b"seatkeeper/borrow-time/1\0"
_TIME_BYTES: Final = 8
_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class Loan(msgspec.Struct, frozen=True):
    """One borrow on the disk.

    Attributes:
        path: Where its record is.
        data: The record as it stands there, unchecked.
        server: The server that lent the seats, as the client called it: an entry of a license path. Empty where that is not known.
    """

    path: Path
    data: bytes
    server: str = ""


class Use:
    """Borrowed seats in use by this process.

    Attributes:
        count: How many.
    """

    def __init__(self, key: str, seats: tuple[int, ...]) -> None:
        self._key = key
        self._seats = seats
        self.count = len(seats)

    def end(self) -> None:
        """Others may use the seats; a second time does nothing."""
        seats, self._seats = self._seats, ()
        with _guard:
            entry = _taken.get(self._key)
            # A forked child has the same object, and none of the locks.
            if entry is None or not entry.used.issuperset(seats):
                return
            for seat in seats:
                _unlock(entry.file, seat)
            entry.used.difference_update(seats)
            if not entry.used:
                del _taken[self._key]
                os.close(entry.file)


class BorrowStore:
    """A directory of borrows.

    Args:
        directory: The directory; that of `borrow_directory` where none is given.

    Attributes:
        directory: The same; None where there is none, so that nothing is borrowed and nothing can be.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory: Path | None = borrow_directory(os.environ) if directory is None else directory

    @property
    def is_there(self) -> bool:
        """Whether this process sees the directory; one that is closed to it holds nothing that it could use."""
        try:
            return self.directory is not None and self.directory.is_dir()
        except OSError:
            return False

    def loans(self) -> list[Loan]:
        """All borrows that this process may read, in the order of their names; none where there is no directory."""
        return self._records(_RECORD)

    def returning(self) -> list[Loan]:
        """Those that are on their way back: their server may have taken them, or not heard of it."""
        return self._records(_RETURNING)

    def _records(self, suffix: str) -> list[Loan]:
        found: list[Loan] = []
        if self.directory is None:
            return []
        try:
            paths = sorted(path for path in self.directory.iterdir() if path.suffix == suffix)
        except OSError:
            return []
        if not paths:
            return []
        from seatkeeper.licfile.borrowing import RECORD_BYTES_MAX  # cryptography: only those pay who have borrowed something

        for path in paths[:LOANS_MAX]:
            try:
                with path.open("rb") as file:
                    data = file.read(RECORD_BYTES_MAX + 1)
            except OSError:
                continue  # Another user's, in a directory that several share.
            try:
                with path.with_suffix(_FROM).open("rb") as file:
                    server = file.read(_FROM_BYTES_MAX).decode("utf-8", "replace")
            except OSError:
                server = ""
            found.append(Loan(path, data, server))
        return found

    def keep(self, data: bytes, borrowed: Borrowed, now: float, server: str = "") -> Loan:
        """The borrow, on the disk from now on.

        Args:
            data: The record.
            borrowed: What it says.
            now: Unix time.
            server: The server that lent the seats, as the client calls it.

        Raises:
            LicenseError: -117, it cannot be written.
        """
        if self.directory is None:
            reason = f"There is no directory to keep a borrow in: set HOME, or {BORROW_VARIABLE}."
            raise LicenseError(-117, minor=MINOR_LOCAL, reason=reason, feature=borrowed.feature)
        vendor = "".join(char if char in _NAME_CHARS else "_" for char in borrowed.vendor)
        path = self.directory / f"{vendor}-{borrowed.handle}-{sha256(borrowed.secret).hexdigest()[:8]}{_RECORD}"
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The record last: without its time file it would be refused.
            replace_file(path.with_suffix(_TIME), _stamp(borrowed.secret, now))
            replace_file(path.with_suffix(_FROM), server.encode())
            replace_file(path, data)
        except OSError as error:
            raise _refusal(-117, f"The record of the borrow cannot be kept: {path}: {error.strerror}.", error) from None
        return Loan(path, data, server)

    def use(self, loan: Loan, borrowed: Borrowed, count: int, up_to: bool, now: float | None) -> Use | None:
        """Seats of the borrow for this process; None where so many are not free on this machine.

        Args:
            loan: The borrow.
            borrowed: What its record says.
            count: How many seats.
            up_to: Take as many of them as are free, at least one.
            now: Unix time; None to keep others from using them, whatever the time is.

        Raises:
            LicenseError: -88, the clock was set back; -117, the files of the borrow cannot be used.
        """
        if now is not None:
            self.pass_time(loan, borrowed, now)
        path = loan.path.with_suffix(_SEATS)
        key = os.path.realpath(path)
        seats: list[int] = []
        try:
            with _guard:
                entry = _taken.get(key)
                if entry is None:
                    entry = _Taken(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
                enough = False
                try:
                    for seat in range(borrowed.count):
                        if len(seats) == count:
                            break
                        if seat not in entry.used and _lock(entry.file, seat):
                            seats.append(seat)
                    # Looked at with the locks in hand: another process may have returned the borrow in between.
                    enough = (len(seats) == count or (up_to and bool(seats))) and _is_still_there(loan.path, path, entry.file)
                finally:
                    if enough:
                        entry.used.update(seats)
                        _taken[key] = entry
                    elif entry.used:
                        for seat in seats:
                            _unlock(entry.file, seat)
                    else:
                        os.close(entry.file)
        except OSError as error:
            raise _refusal(-117, f"The borrowed seats cannot be used: {path}: {error.strerror}.", error) from None
        return Use(key, tuple(seats)) if enough else None

    def pass_time(self, loan: Loan, borrowed: Borrowed, now: float) -> None:
        """Note that the borrow is used at this time.

        Raises:
            LicenseError: -88, the clock is behind an earlier use; -117, the time file cannot be read or written.
        """
        path = loan.path.with_suffix(_TIME)
        try:
            before = _read_stamp(borrowed.secret, path.read_bytes()) if path.exists() else None
            if before is None:
                raise LicenseError(-88, minor=MINOR_LOCAL, reason=f"When {borrowed.feature} was last used cannot be told: {path}.")
            if now < before - CLOCK_BACK_S:
                reason = f"{borrowed.feature} was used {(before - now) / 60:.0f} minutes later than it is now by this machine's clock."
                raise LicenseError(-88, minor=MINOR_LOCAL, reason=reason, feature=borrowed.feature)
            if now >= before + _TIME_S:
                replace_file(path, _stamp(borrowed.secret, now))
        except OSError as error:
            raise _refusal(-117, f"The time of a borrow's use cannot be kept: {path}: {error.strerror}.", error) from None

    def retire(self, loan: Loan) -> Loan:
        """The borrow as one that is on its way back: from now on, and after any crash, nobody begins to use it.

        Raises:
            LicenseError: -122, it cannot be changed.
        """
        return self._rename(loan, _RETURNING)

    def restore(self, loan: Loan) -> Loan:
        """The borrow as one to be used, since its server has not been told of its return, or does not take it.

        Raises:
            LicenseError: -122, it cannot be changed.
        """
        return self._rename(loan, _RECORD)

    def _rename(self, loan: Loan, suffix: str) -> Loan:
        path = loan.path.with_suffix(suffix)
        try:
            loan.path.rename(path)
            sync_directory(path.parent)
        except OSError as error:
            raise _refusal(-122, f"{loan.path} cannot be changed: {error.strerror}.", error) from None
        return msgspec.structs.replace(loan, path=path)

    def drop(self, loan: Loan, end: Callable[[], None] = lambda: None) -> None:
        """Forget the borrow.

        Args:
            loan: The borrow.
            end: Ends this process's use of it, once nobody else can begin one.

        Raises:
            LicenseError: -122, it cannot be deleted.
        """
        try:
            try:
                for suffix in (_RECORD, _RETURNING, _FROM, _TIME):
                    loan.path.with_suffix(suffix).unlink(missing_ok=True)
            finally:
                end()
            loan.path.with_suffix(_SEATS).unlink(missing_ok=True)
        except OSError as error:
            raise _refusal(-122, f"{loan.path} cannot be deleted: {error.strerror}.", error) from None

    def purge(self, now: float) -> list[Loan]:
        """The borrows whose time is over, and what claims to be one and is none: all of that is forgotten.

        Raises:
            LicenseError: -122, a file cannot be deleted.
        """
        from seatkeeper.licfile.borrowing import claimed

        ended = [loan for loan in (*self.loans(), *self.returning()) if (said := claimed(loan.data)) is None or said.until <= now]
        for loan in ended:
            self.drop(loan)
        return ended


def borrow_directory(environment: Mapping[str, str]) -> Path | None:
    """Where borrows are kept: SEATKEEPER_BORROW_DIR, else `.seatkeeper/borrow` in the home directory, else nowhere."""
    given = environment.get(BORROW_VARIABLE)
    if given:
        return Path(given)
    home = environment.get("HOME") or environment.get("USERPROFILE")
    # A service may have no home, and borrows nothing then unless the directory is named: it would not find it again elsewhere.
    return Path(home) / ".seatkeeper" / "borrow" if home else None


def wishes_path(environment: Mapping[str, str]) -> Path | None:
    """The file in which lmborrow keeps wishes to borrow; None for a process without a home."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    return Path(home) / WISHES_NAME if home else None


def wished_until(vendor: str, today: date, environment: Mapping[str, str]) -> datetime | None:
    """Until when a checkout of today borrows its seats, in local time, by LM_BORROW or else by lmborrow's file; None where it does not.

    Raises:
        InputError: A wish cannot be read.
    """
    name = WISH_VARIABLE
    text = environment.get(WISH_VARIABLE)
    try:
        if text:
            return until_of([parse_wish(text)], vendor, today)
        path = wishes_path(environment)
        if path is None or not path.exists():
            return None
        name = str(path)
        with path.open("rb") as file:
            text = file.read(_WISHES_BYTES_MAX).decode("utf-8", "replace")
        return until_of(wishes_of(text), vendor, today)
    except OSError:
        # A file that is closed to this account is no wish of its user.
        return None
    except ValueError as error:
        remedy = "Correct it, or let `lmborrow -clear` delete it."
        raise InputError("This is no wish to borrow.", file=name, found=text or "", expected=str(error), remedy=remedy) from None


# Files ----------------------------------------------------------------------------------------------------------------


def _is_still_there(record: Path, seats: Path, file: int) -> bool:
    """Whether the borrow is still on record, and its seats are those of the open file."""
    try:
        if record.exists():
            return os.path.samestat(os.fstat(file), seats.stat())
        # The borrow was returned; its file of seats may have been made anew by this very call.
        seats.unlink(missing_ok=True)
    except OSError:
        pass
    return False


def _stamp(secret: bytes, now: float) -> bytes:
    time = struct.pack(">d", now)
    return time + hmac.digest(sha256(_TIME_TAG + secret).digest(), time, "sha256")


def _read_stamp(secret: bytes, data: bytes) -> float | None:
    """The time that the file holds; None where it is not of this borrow."""
    if len(data) < _TIME_BYTES:
        return None
    now = float(struct.unpack(">d", data[:_TIME_BYTES])[0])
    return now if hmac.compare_digest(data, _stamp(secret, now)) else None


def _refusal(number: int, reason: str, error: OSError) -> LicenseError:
    return LicenseError(number, minor=MINOR_LOCAL, reason=reason, system=(error.errno or 0, error.strerror or str(error)))


# Locks ----------------------------------------------------------------------------------------------------------------


class _Taken:
    """An open file of seats, and which of them this process uses."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.used: set[int] = set()


#: By the path of the file. It must be opened no second time: the system gives all locks of a process up when one of its
#: descriptors of the file is closed.
_taken: dict[str, _Taken] = {}
_guard = threading.Lock()

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, seat: int) -> bool:
        os.lseek(file, seat, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int, seat: int) -> None:
        os.lseek(file, seat, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int, seat: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seat)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(file: int, seat: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, seat)

    def _forget_all() -> None:
        """A forked child uses nothing: the locks are its parent's, and stay so when the child closes its copies."""
        global _guard
        _guard = threading.Lock()
        for entry in _taken.values():
            os.close(entry.file)
        _taken.clear()

    os.register_at_fork(after_in_child=_forget_all)
