"""A vendor daemon's logs are where its options file and its administrators want them, and never in the daemon's way.

Theory of operation. The debug log goes to lmgrd's file until DEBUGLOG names another, and back to it when a reread takes DEBUGLOG
away. The report log is off until REPORTLOG names a file; then every entry that the journal has taken is one JSON line in it
(vendor.record). An option that a reread finds unchanged changes nothing, so what lmswitch or lmswitchr chose stays.

A log's file is checked before it is opened: a typing error in an options file must not cut a license file to nothing, and a tool
must not put a file where the license server would take it for a journal or a license. New targets must not exist.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.debuglog import LogFile
from seatkeeper.base.errors import InputError
from seatkeeper.server.loglines import log_lines
from seatkeeper.vendor.record import FORMAT, hide_users, moment, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.licfile.options_model import DebugLog as DebugOption
    from seatkeeper.licfile.options_model import OptionsFile
    from seatkeeper.licfile.options_model import ReportLog as ReportOption
    from seatkeeper.vendor.events import Append

__all__ = ["Logs", "ReportLog"]

#: Users are named in a report log: the group may read it, the world may not.
_REPORT_MODE: Final = 0o640
_DEBUG_MODE: Final = 0o644
#: A report log that was moved away is noticed within this time.
_FOLLOW_S: Final = 1.0
#: What a license server reads or keeps under these names is never a log's.
_OWN_SUFFIXES: Final = (".dat", ".lic", ".opt", ".trust", ".credential", ".pseudonyms", ".key", ".pem", ".toml", ".socket")
_JOURNAL_SUFFIX: Final = ".journal"
_PATH_CHARS_MAX: Final = 4096
_KEY_BYTES: Final = 16
_HEAD_BYTES: Final = 512

#: A debug log's first line: a time, or date and time, and a daemon in parentheses.
_DEBUG_HEAD: Final = re.compile(rb"\n?(?:[ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \(")

_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode


class ReportLog:
    """The record of use as a file of JSON lines, with a header wherever a daemon takes it up.

    Args:
        file: Where the lines go.
        vendor: The vendor daemon, and `host` its machine.
        key: Makes users' pseudonyms; None where they are named.
        now: Gives Unix time.
    """

    def __init__(self, file: LogFile, vendor: str, host: str, key: bytes | None, now: Callable[[], float]) -> None:
        self.file = file
        self.key = key
        self._vendor = vendor
        self._host = host
        self._now = now
        self._looked = now()
        self._headed = False
        self._begin()

    def write(self, appends: Sequence[Append]) -> None:
        """Writes what was committed, and after a time without room on the disk how much is missing."""
        now = self._now()
        vendor, key, file = self._vendor, self.key, self.file
        if abs(now - self._looked) >= _FOLLOW_S:
            self._looked = now
            if file.follow():
                self._headed = False
        records = [record(one.entry, one.seat, vendor) for one in appends]
        if key is not None:
            records = [hide_users(one, key) for one in records]
        if not self._headed and not self._begin():
            file.lost += len(records)
            return
        if file.lost:
            gap = {"time": moment(now), "vendor": vendor, "event": "gap", "count": file.lost, "reason": file.trouble}
            if not file.write(_encode(gap) + b"\n", aside=True):
                file.lost += len(records)
                return
            file.lost = 0
        file.write(b"".join([_encode(one) + b"\n" for one in records]))

    def move_to(self, target: Path) -> None:
        """Moves what is there to `target`, and goes on under the old name.

        Raises:
            OSError: Nothing was moved, or no new file could be begun.
        """
        self.file.move_to(target)
        self._begin()

    def _begin(self) -> bool:
        head = {"format": FORMAT, "vendor": self._vendor, "host": self._host, "start": moment(self._now())}
        self._headed = self.file.write(_encode(head) + b"\n", aside=True)
        return self._headed


class Logs:
    """The logs of one vendor daemon.

    Args:
        log: The debug log, as lmgrd has opened it.
        vendor: The vendor daemon, and `host` its machine.
        directory: What relative names are relative to, and where the key of pseudonyms is kept.
        now: Gives Unix time.
        datestamp: True where the debug log's lines begin with date and time; `log` was made so.
        resumed: True in a process that lmgrd started again after the one before had died: it goes on with the files of that one.
    """

    def __init__(
        self, log: DebugLog, vendor: str, host: str, directory: Path, now: Callable[[], float], datestamp: bool, *, resumed: bool = False
    ) -> None:
        self.log = log
        self.datestamp = datestamp
        self._vendor = vendor
        self._host = host
        self._directory = directory
        self._now = now
        self._resumed = resumed
        self._home = log.file
        self._nolog: frozenset[str] = frozenset()
        self._debug_option: DebugOption | None = None
        self._report_option: ReportOption | None = None
        self._report: ReportLog | None = None
        self._bytes_max = 0

    # Options ---------------------------------------------------------------------------------------------------------

    def apply(self, options: OptionsFile) -> list[str]:
        """Does what NOLOG, DEBUGLOG and REPORTLOG say; returns a sentence for each that cannot be done, and the old file goes on."""
        self._nolog = options.nolog
        problems: list[str] = []
        if options.debuglog != self._debug_option:
            problems += self._try("DEBUGLOG", lambda: self._set_debug(options.debuglog))
        if options.reportlog != self._report_option:
            problems += self._try("REPORTLOG", lambda: self._set_report(options.reportlog))
        self._resumed = False
        return problems

    def _try(self, keyword: str, change: Callable[[], None]) -> list[str]:
        """Why the change cannot be made; nothing where it was."""
        try:
            change()
        except InputError as error:
            return [f"{keyword}: {error} Nothing was changed."]
        except OSError as error:
            return [f"{keyword}: {error.filename}: {error.strerror}. Name a place where this vendor daemon may write. Nothing was changed."]
        return []

    def _set_debug(self, option: DebugOption | None) -> None:
        if option is None:
            self._bytes_max = 0
            self._leave(self._home)
        else:
            place = self._place(option.path)
            file = LogFile(_open(place, _DEBUG_MODE), str(place), _DEBUG_MODE)
            known = next((one for one in (self.log.file, self._home) if file.same_as(one)), None)
            if known is not None:
                # Also lmgrd's own file may be named; then it is lmgrd's to look after.
                file.close()
                file = known
            elif not option.append and not self._resumed:
                _clear(file, _is_debug, "debug log")
            self._bytes_max = 0 if file is self._home else option.rollover_bytes
            self._leave(file)
        self._debug_option = option

    def _leave(self, file: LogFile) -> None:
        """Writes the debug log to this file from now on, and says so in both."""
        log, before = self.log, self.log.file
        if file is not before:
            log.say(f"The debug log goes on in {file.path or 'the file of lmgrd'}")
            log.go_on_in(file)
            log.say(f"The debug log was in {before.path or 'the file of lmgrd'} until now")
            if before is not self._home:
                before.close()
        log.roll_over_at(self._bytes_max, self._stem)

    def _set_report(self, option: ReportOption | None) -> None:
        before, report = self._report, None
        if option is not None:
            key = self._pseudonym_key() if option.hide_user else None
            place = self._place(option.path)
            file = LogFile(_open(place, _REPORT_MODE), str(place), _REPORT_MODE)
            if option.append or self._resumed or (before is not None and file.same_as(before.file)):
                _mend(file)
            else:
                _clear(file, _is_report, "report log")
            report = ReportLog(file, self._vendor, self._host, key, self._now)
        if before is not None:
            before.file.close()
        self._report, self._report_option = report, option

    def _pseudonym_key(self) -> bytes:
        """The key of this vendor daemon's pseudonyms, the same in all its report logs; made when it is first needed.

        Raises:
            OSError: It can be neither read nor written.
        """
        place = self._directory / f"{self._vendor}.pseudonyms"
        try:
            known = bytes.fromhex(place.read_text("ascii").strip())
        except FileNotFoundError:
            pass
        except ValueError:
            raise InputError(
                "The key of pseudonyms is damaged.", file=str(place), remedy="Restore its 32 hexadecimal digits, or remove it."
            ) from None
        else:
            if len(known) >= _KEY_BYTES:
                return known
        key = clock.new_id()
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, key.hex().encode() + b"\n")
        finally:
            os.close(descriptor)
        return key

    # Entries ---------------------------------------------------------------------------------------------------------

    def wrote(self, appends: Sequence[Append]) -> None:
        """Tells of entries that were committed: the debug log without what NOLOG names, the report log all."""
        lines = log_lines(appends)
        if self._nolog:
            lines = [line for line in lines if line.partition(":")[0] not in self._nolog]
        self.log.lines(lines)
        if self._report is not None and appends:
            self._report.write(appends)

    # Tools -----------------------------------------------------------------------------------------------------------

    def switch(self, what: Literal["debug", "report", "new"], path: str, rollover: bool) -> tuple[int, str]:
        """Writes a log elsewhere: number 0 and what was done, or a license error's number and why nothing was.

        `debug` and `report` go on in a new file; `new` moves what is in the report log to a new file and goes on under the old name, as
        does `debug` with `rollover`, where the name may be left out.
        """
        try:
            if what == "debug":
                return 0, self._roll(path) if rollover else self._switch_debug(path)
            if self._report is None:
                return -45, "There is no report log: name one with REPORTLOG in the options file, and reread it."
            return 0, self._switch_report(self._report, path) if what == "report" else self._renew(self._report, path)
        except InputError as error:
            return -42, str(error)
        except OSError as error:
            return -42, f"{error.filename or path}: {error.strerror}. Choose a place where this vendor daemon may write."

    def _switch_debug(self, path: str) -> str:
        target = self._target(path)
        self._leave(LogFile(_create(target, _DEBUG_MODE), str(target), _DEBUG_MODE))
        return f"the debug log goes on in {target}"

    def _roll(self, path: str) -> str:
        log = self.log
        if log.file is self._home or not log.file.path:
            raise InputError(
                "This vendor daemon writes to the debug log of lmgrd.",
                file="-rollover",
                remedy="Give it a log of its own first: lmswitch VENDOR FILE, or DEBUGLOG in the options file.",
            )
        place = Path(log.file.path)
        target = self._target(path or str(place.parent / log.rolled_name(self._stem)))
        log.roll_to(target)
        return f"what was in the debug log is in {target}; it goes on in {place}"

    def _switch_report(self, report: ReportLog, path: str) -> str:
        target = self._target(path)
        before = report.file
        file = LogFile(_create(target, _REPORT_MODE), str(target), _REPORT_MODE)
        self._report = ReportLog(file, self._vendor, self._host, report.key, self._now)
        before.close()
        self.log.say(f"The report log goes on in {target}")
        return f"the report log goes on in {target}"

    def _renew(self, report: ReportLog, path: str) -> str:
        target = self._target(path)
        report.move_to(target)
        self.log.say(f"What was in the report log is in {target}")
        return f"what was in the report log is in {target}; it goes on in {report.file.path}"

    @property
    def _stem(self) -> str:
        return f"{self._vendor}{self._host}"

    def close(self) -> None:
        """Writes what is left. Nothing is told after it but the debug log's last lines."""
        self.log.flush()
        if self._report is not None:
            self._report.file.close()
            self._report = None

    # Places ----------------------------------------------------------------------------------------------------------

    def _place(self, path: str) -> Path:
        """Where a log shall be, in a directory that exists.

        Raises:
            InputError: No log may be there.
        """
        if not path or len(path) > _PATH_CHARS_MAX or not path.isprintable():
            raise InputError("This is no name of a file.", found=path, expected="a path without control characters")
        given = self._directory / path
        try:
            # Links are followed, so that what is checked is where the file will be.
            directory = given.parent.resolve(strict=True)
        except (OSError, RuntimeError):
            raise InputError("This directory does not exist.", file=str(given.parent), remedy="Make it, or name another.") from None
        place = directory / given.name
        if not given.name or place.is_dir():
            raise InputError("This is a directory.", file=str(place), remedy="Name a file in it.")
        # What is there may be a link itself, and somebody else's: also with a plus nothing is written where it leads then.
        target = Path(os.path.realpath(place))
        suffixes = (place.suffix.lower(), target.suffix.lower())
        if any(suffix in _OWN_SUFFIXES for suffix in suffixes) or any(part.endswith(_JOURNAL_SUFFIX) for part in target.parent.parts):
            raise InputError("A license server's own files have such names.", file=str(place), remedy="Choose another, such as NAME.log.")
        return place

    def _target(self, path: str) -> Path:
        """A place where nothing is yet."""
        place = self._place(path)
        if os.path.lexists(place):
            raise InputError("This file exists already.", file=str(place), remedy="Name a new one: nothing is ever written over.")
        return place


def _create(place: Path, mode: int) -> int:
    return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, mode)


def _open(place: Path, mode: int) -> int:
    """A descriptor of a log that the options file names, with all that is in it.

    Raises:
        InputError: What is there is no file.
        OSError: It cannot be opened.
    """
    # Without waiting: what is there may be a pipe that nobody reads.
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError("This is no ordinary file.", file=str(place), remedy="Name one, or a name that is free.")
    return descriptor


def _clear(file: LogFile, is_one: Callable[[bytes], bool], name: str) -> None:
    """Cuts the file to nothing, if it is a log.

    Raises:
        InputError: It is something else; it is closed and left as it is.
    """
    head = file.head(_HEAD_BYTES)
    if head and not is_one(head):
        file.close()
        raise InputError(
            f"What is in this file is no {name}, and it would be lost.", file=file.path, remedy="Name another file, or remove this one."
        )
    file.clear()


def _mend(file: LogFile) -> None:
    """Makes sure that the file can be continued.

    Raises:
        InputError: It is no report log; it is closed and left as it is.
    """
    if file.size and not _is_report(file.head(_HEAD_BYTES)):
        file.close()
        raise InputError("What is in this file is no report log.", file=file.path, remedy="Name another file, or remove this one.")
    file.end_line()


def _is_report(head: bytes) -> bool:
    try:
        first = msgspec.json.decode(head.partition(b"\n")[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(first, dict) and str(first.get("format", "")).startswith("seatkeeper-records/")


def _is_debug(head: bytes) -> bool:
    return _DEBUG_HEAD.match(head) is not None
