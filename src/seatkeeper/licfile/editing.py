"""New license lines get into an old file, and a file comes apart into several, without one byte lost that nobody meant to change.

Theory of operation. A file is edited as text, by whole logical lines (`Source`): what is not replaced keeps its bytes, its breaks and
its line ends, so the administrator's host names, ports, paths, comments and order stay. To merge is what the guide tells people to do
by hand ("Combining New and Existing Licenses"): a new FEATURE line takes the place of the old one, which stays as a comment with date
and reason. Which old lines give way follows from what a server makes of a file:

- FEATURE: "only the first counted FEATURE line of a name is honored" (facts 1.5). So the new line goes to the place of the first old
  one of its name, and the old ones of its name are commented out: those of its version because they are replaced, those of another
  because they would be ignored from now on. Uncounted lines give way to their like only. A new line that says itself when it takes
  over (SUPERSEDE with a START to come) leaves the old ones in force.
- INCREMENT and UPGRADE add up (facts 1.5, 1.6), so they are added, below all others; one that the file has already is not doubled.
- PACKAGE: as FEATURE, by name and version.

Whether the result gives less than the old file did is asked elsewhere (pools.shrinking), and whether lines are genuine by whoever has
the trust. What was refused before is `old_refused` here: such a line is never taken for one that the file has already.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.canonical import canonical_line, fold_name, keyword_of
from seatkeeper.licfile.model import Comment, Feature, LicenseFile, Package, Parsed, Unknown, Upgrade
from seatkeeper.licfile.parser import decode, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from seatkeeper.licfile.model import Line, Signable

__all__ = ["Addition", "Merge", "Replacement", "Source", "in_context", "merge", "read_source"]

#: What separates pools of a feature beside the version; as in pools.grouping, which stands above this package.
_POOLING: Final = ("DUP_GROUP", "FLOAT_OK", "HOST_BASED", "HOSTID", "PLATFORMS", "USER_BASED")
_MARKS: Final = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))


class Source(msgspec.Struct, frozen=True):
    """A license file as bytes that can be edited.

    Attributes:
        parsed: Its lines as values.
        pieces: The text of each of them, with its line ends.
        mark: The byte order mark with which it begins; often empty.
        encoding: How its text becomes bytes.
    """

    parsed: Parsed
    pieces: tuple[str, ...]
    mark: bytes = b""
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        """The file's name."""
        return self.parsed.name

    @property
    def file(self) -> LicenseFile:
        """Its lines."""
        return self.parsed.file

    @property
    def line_end(self) -> str:
        """How its lines end: as its first one does."""
        first = next((piece for piece in self.pieces if "\n" in piece), "")
        return "\r\n" if first.partition("\n")[0].endswith("\r") else "\n"

    def with_pieces(self, pieces: Sequence[str]) -> bytes:
        """The bytes of a file with these pieces.

        Raises:
            InputError: A character is none of the file's encoding.
        """
        text = "".join(pieces)
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            found = text[error.start : error.start + 1]
            remedy = "Save the old file as UTF-8 first, and check that it still verifies."
            raise InputError(f"The file is {self.encoding}, which has no {found!r}.", file=self.name, found=found, remedy=remedy) from None


class Replacement(msgspec.Struct, frozen=True):
    """A line of the old file that is a comment in the merged one.

    Attributes:
        place: Its line number in the old file.
        line: The line.
        by: The line number in the new file of what replaced it.
        reason: Why, as the end of a sentence.
        is_older: True where the new line was issued before the old one.
    """

    place: int
    line: Signable
    by: int
    reason: str
    is_older: bool = False


class Addition(msgspec.Struct, frozen=True):
    """A line of the new file that is in the merged one.

    Attributes:
        place: Its line number in the new file.
        line: The line.
        replaces: How many old lines gave way to it.
        sums: Line numbers in the old file of INCREMENT lines of its pool, to which its seats are added.
        same_serial: Those of them that bear its serial number (SN): perhaps it was to renew them and not to add to them.
    """

    place: int
    line: Signable
    replaces: int = 0
    sums: tuple[int, ...] = ()
    same_serial: tuple[int, ...] = ()


class Merge(msgspec.Struct, frozen=True):
    """What merging comes to.

    Attributes:
        data: The merged file.
        parsed: Its lines.
        replaced: What of the old file is a comment now.
        added: What came from the new file.
        present: Line numbers in the new file of what the old one had already.
    """

    data: bytes
    parsed: Parsed
    replaced: tuple[Replacement, ...]
    added: tuple[Addition, ...]
    present: tuple[int, ...]


def read_source(data: bytes, name: str = "") -> Source:
    """The file as something that can be edited.

    Raises:
        InputError: It is too large or holds bytes that are no text, so that it could not be written again as it was.
    """
    text = decode(data)
    parsed = parse(text, name)
    refusal = next((problem for problem in parsed.problems if not problem.line), None)
    if refusal is not None:
        raise InputError(refusal.message, file=name)
    mark, encoding = next(((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", ""))
    if not encoding:
        encoding = "utf-8" if _encoded(text, "utf-8") == data else "latin-1"
    elif encoding != "utf-8" and text.startswith("\ufeff"):
        text = text[1:]  # A second mark is no text; the comparison below refuses it.
    if mark + _encoded(text, encoding) != data:
        remedy = "Save it as UTF-8 first."
        raise InputError(f"The file is no sound {encoding.upper()}, so it could not be written again as it was.", file=name, remedy=remedy)
    physical = text.split("\n")
    ends = [f"{line}\n" for line in physical[:-1]] + ([physical[-1]] if physical[-1] else [])
    starts = [place - 1 for place in parsed.places]
    pieces = ["".join(ends[start:stop]) for start, stop in zip(starts, [*starts[1:], len(ends)][: len(starts)], strict=True)]
    return Source(parsed, tuple(pieces), mark, encoding)


def in_context(new: LicenseFile, old: LicenseFile) -> LicenseFile:
    """The new file's lines below the SERVER and DAEMON lines of the old one, where they are to be served."""
    lines: list[Line] = [*old.servers, *old.vendors]
    lines += [line for _, line in new.signable()]
    return LicenseFile(tuple(lines))


def merge(old: Source, new: Source, today: date, *, old_refused: Collection[int] = ()) -> Merge:
    """The old file with the new file's licenses in it.

    Args:
        old: The file that is served.
        new: The complete or partial file that came; each of its lines must be genuine in the old one's place (`in_context`).
        today: The day to write beside what is replaced.
        old_refused: Indexes of the old file's lines that no server would serve.

    Raises:
        InputError: The new file is for other host ids or another vendor, has lines that cannot be read, or has nothing to merge.
    """
    _check_fit(old, new)
    plan = _Plan(old, frozenset(old_refused), today)
    for index, line in new.file.signable():
        plan.take(new.parsed.places[index], line, new.pieces[index])
    return plan.result(new)


# What may be merged ----------------------------------------------------------------------------------------------------


def _check_fit(old: Source, new: Source) -> None:
    broken = [place for place, line in zip(new.parsed.places, new.file.lines, strict=True) if isinstance(line, Unknown)]
    if broken:
        problem = next(
            (problem for problem in new.parsed.problems if problem.severity == "error" and problem.line >= broken[0]),
            new.parsed.problems[0],
        )
        raise InputError(
            problem.message,
            file=new.name,
            line=problem.line,
            column=problem.column,
            found=problem.found,
            expected=problem.expected,
            remedy=f"If the file came by mail, take its lines out with `seatkeeper license import {new.name} -o NEW`.",
        )
    if not any(True for _ in new.file.signable()):
        raise InputError("The new file has no license in it, so there is nothing to merge.", file=new.name)
    _check_hostids(old, new)
    daemons = {fold_name(vendor.name): vendor.name for vendor in old.file.vendors}
    for index, line in new.file.signable():
        if fold_name(line.vendor) not in daemons:
            raise InputError(
                f"{line.name} is of {line.vendor}, and the old file has a DAEMON line for {', '.join(daemons.values()) or 'nobody'} only.",
                file=new.name,
                line=new.parsed.places[index],
                remedy=f"Serve it beside the old file: lmgrd takes several, as in `lmgrd -c {old.name}:{new.name}`.",
            )


def _check_hostids(old: Source, new: Source) -> None:
    if not new.file.servers:
        return  # Only lines came; whether they were signed for this server is for their signatures to say.
    before, after = ([fold_name(hostid) for hostid in file.hostids] for file in (old.file, new.file))
    if before == after:
        return
    place = next(place for place, line in zip(new.parsed.places, new.file.lines, strict=True) if line in new.file.servers)
    found, expected = (" ".join(file.hostids) or "no SERVER line" for file in (new.file, old.file))
    if sorted(before) == sorted(after):
        why = "The new file has the same three SERVER lines in another order, and every signature covers their order."
        remedy = "Put them in the order of the new file in both, on all three servers, or order the file anew."
    elif len(before) != len(after):
        why = f"The new file is for {_servers(len(after))}, the old one for {_servers(len(before))}; no line is good for both."
        remedy = "Order a complete file for the new configuration and install that in place of the old one."
    else:
        why = "The new licenses are signed for another host id than the old ones, so no server could serve both."
        remedy = f"Order them for {expected}; if the license server moves to {found}, order all of its licenses for that host id."
    raise InputError(why, file=new.name, line=place, found=found, expected=expected, remedy=remedy)


def _servers(count: int) -> str:
    return {0: "no license server", 1: "one license server", 3: "three redundant license servers"}.get(count, f"{count} license servers")


# The merged file -------------------------------------------------------------------------------------------------------


class _Plan:
    """The old file's pieces and what has become of each so far."""

    def __init__(self, old: Source, refused: frozenset[int], today: date) -> None:
        self.old = old
        self.refused = refused
        self.today = today
        self.hostids = old.file.hostids
        self.replaced: dict[int, Replacement] = {}
        self.added: list[Addition] = []
        self.present: list[int] = []
        #: What is put before the piece of that index, and what is put at the end.
        self.before: dict[int, list[str]] = {}
        self.last: list[str] = []
        self.lines = list(old.file.signable())
        self.known: dict[bytes, list[int]] = {}
        self.by_name: dict[tuple[str, str], list[tuple[int, Signable]]] = {}
        for index, line in self.lines:
            self.known.setdefault(self._content(line), []).append(index)
            self.by_name.setdefault(_name(line), []).append((index, line))
        self.leading: dict[tuple[str, str], int] = {}
        self.came: set[bytes] = set()
        self.confirmed: set[int] = set()

    def _content(self, line: Signable) -> bytes:
        try:
            return canonical_line(line, self.hostids)
        except ValueError:
            return repr(line).encode("utf-8", "backslashreplace")

    def take(self, place: int, line: Signable, piece: str) -> None:
        """Find the place of one line of the new file."""
        content = self._content(line)
        held = next((index for index in self.known.get(content, ()) if index not in self.refused and index not in self.replaced), None)
        leads = _leads(line) and not self._waits(line)
        name = _name(line)
        if content in self.came or (held is not None and (not leads or name in self.leading or held == self._first(name))):
            self.present.append(place)
            if held is not None:
                self.confirmed.add(held)
            if leads and held is not None:
                self.leading.setdefault(name, held + 1)
            return
        self.came.add(content)
        own = [(index, each) for index, each in self.by_name.get(name, []) if index not in self.replaced]
        # What the new file has too does not give way to another line of it.
        others = [(index, each) for index, each in own if index not in self.confirmed]
        yielding = [(index, each, reason) for index, each in others if (reason := self._reason(line, each, content))]
        summed = [index for index, each in own if _adds_to(line, each)]
        serials = [index for index in summed if _serial(line) == _serial(self.old.file.lines[index]) != ""]
        places = self.old.parsed.places
        self.added.append(Addition(place, line, len(yielding), tuple(places[at] for at in summed), tuple(places[at] for at in serials)))
        for index, each, reason in yielding:
            self.replaced[index] = Replacement(places[index], each, place, reason, _issued(line) < _issued(each))
        at = self._place_of(line, [index for index, _, _ in yielding], leads=leads)
        if at is None or at >= len(self.old.pieces):
            self.last.append(piece)
        else:
            self.before.setdefault(at, []).append(piece)

    def _first(self, name: tuple[str, str]) -> int | None:
        """The index of the old line of that name that is granted today."""
        gone = self.refused | self.replaced.keys()
        lines = self.by_name.get(name, ())
        return next((index for index, each in lines if _leads(each) and index not in gone and not self._waits(each)), None)

    def _reason(self, line: Signable, old: Signable, content: bytes) -> str:
        """Why the old line gives way to the new one; empty where it does not."""
        if self._content(old) == content:
            return "signed anew"
        if type(line) is not type(old) or isinstance(line, Upgrade):
            return ""
        same = _version(line) == _version(old)
        if isinstance(line, Package):
            return "replaced" if same else ""
        assert isinstance(line, Feature)
        assert isinstance(old, Feature)
        if line.keyword == "INCREMENT" or old.keyword == "INCREMENT" or self._waits(line) or self._waits(old):
            return ""
        if _name(line) in self.leading:
            return ""  # Another line of the new file is granted, and this one ignored there as here.
        alike = same and _pool(line) == _pool(old)
        if line.seats is None or old.seats is None:
            return "replaced" if alike and line.seats == old.seats else ""
        if alike:
            return "replaced"
        what = f"version {line.version}" if not same else "another kind"
        return f"would be ignored beside the line of {what}, since only the first FEATURE line of a name is granted"

    def _waits(self, line: Signable) -> bool:
        """True for a line that takes over by itself on a day to come."""
        superseding = line.attribute("SUPERSEDE")
        if superseding is None or not line.attribute("ISSUED"):
            return False
        names = [fold_name(name) for name in superseding.split()]
        start = line.attribute("START")
        return (not names or fold_name(line.name) in names) and start is not None and parse_date(start) > self.today

    def _place_of(self, line: Signable, yielding: list[int], *, leads: bool) -> int | None:
        """The index of the old piece before which the line goes; None for the end."""
        if not leads:
            return min(yielding, default=None)
        name = _name(line)
        counted = [index for index, each in self.by_name.get(name, ()) if _leads(each)]
        first = min((*counted, *yielding), default=len(self.old.pieces))
        # A second new line of a name goes behind the first one, wherever that is.
        return self.leading.setdefault(name, first)

    def result(self, new: Source) -> Merge:
        """The merged file.

        Raises:
            InputError: It would not be read as it is meant, or cannot be written in the old file's encoding.
        """
        end = self.old.line_end
        day = format_date(self.today)
        pieces: list[str] = []
        # Comments must not stand within a license, and a license ends where the next line begins.
        after = max((index for index, _ in self.lines), default=len(self.old.pieces) - 1)
        for index, piece in enumerate(self.old.pieces):
            replacement = self.replaced.get(index)
            fresh = self.before.get(index, [])
            for each in fresh:
                pieces.append(_piece(each, end))
            if replacement is not None:
                pieces.append(f"# {day}: {_why(replacement, new.name)}{end}")
                pieces += [f"# {line}{end}" for line in _physical(piece)]
            else:
                pieces.append(_ended(piece, end) if fresh or index < len(self.old.pieces) - 1 else piece)
            if index == after and self.last:
                pieces[-1] = _ended(pieces[-1], end)
                pieces.append(f"# {day}: added from {_plain(new.name)}{end}")
                pieces += [_piece(each, end) for each in self.last]
        if not self.old.pieces:
            pieces = [_piece(each, end) for each in self.last]
        data = self.old.with_pieces(pieces) if self.added else self.old.with_pieces(self.old.pieces)
        parsed = parse(decode(data), self.old.name)
        kept = [line for index, line in enumerate(self.old.file.lines) if index not in self.replaced]
        expected: list[Line] = [line for line in kept if not isinstance(line, Comment)]
        expected += [addition.line for addition in self.added]
        found = [line for line in parsed.file.lines if not isinstance(line, Comment)]
        if sorted(map(repr, expected)) != sorted(map(repr, found)):
            at = next((line for line in expected if line not in found), None)
            raise InputError(
                f"The merged file would not be read as it is meant{f': {_start(at)}' if at is not None else ''}.",
                file=self.old.name,
                remedy="Mend what `seatkeeper license lint` says about the old file, then merge again.",
            )
        replaced = tuple(self.replaced[index] for index in sorted(self.replaced))
        return Merge(data, parsed, replaced, tuple(self.added), tuple(self.present))


def _why(replacement: Replacement, name: str) -> str:
    if replacement.reason == "replaced":
        return f"replaced by the line from {_plain(name)} above"
    if replacement.reason == "signed anew":
        return f"signed anew in {_plain(name)}"
    return replacement.reason


def _piece(piece: str, end: str) -> str:
    """A line of the new file as it stands, with the old file's line ends."""
    return "".join(f"{line}{end}" for line in _physical(piece))


def _physical(piece: str) -> list[str]:
    return [line.removesuffix("\r") for line in piece.removesuffix("\n").split("\n")]


def _ended(piece: str, end: str) -> str:
    return piece if piece.endswith("\n") else piece + end


def _plain(name: str) -> str:
    """A file's name as it can stand in a comment."""
    return "".join(char if char.isprintable() else "?" for char in name.replace("\\", "/").rpartition("/")[2]) or "the new file"


def _start(line: object) -> str:
    return f"{keyword_of(line)} {line.name}" if isinstance(line, Feature | Upgrade | Package) else type(line).__name__.lower()


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass" if encoding != "latin-1" else "replace")


# Lines -----------------------------------------------------------------------------------------------------------------


def _name(line: Signable) -> tuple[str, str]:
    return fold_name(line.vendor), fold_name(line.name)


def _version(line: Signable) -> object:
    text = line.to_version if isinstance(line, Upgrade) else line.version
    return parse_version(text) if text else None


def _pool(line: Feature) -> tuple[str | None, ...]:
    """What sets the line's pool apart from others of its feature and version."""
    return tuple(fold_name(value) if (value := line.attribute(name)) is not None else None for name in _POOLING)


def _leads(line: Signable) -> bool:
    """True for a line of which only the first of a name is granted."""
    return isinstance(line, Feature) and line.keyword == "FEATURE" and line.seats is not None


def _adds_to(line: Signable, old: Signable) -> bool:
    """True where the seats of an INCREMENT line are added to those of the old one."""
    if not (isinstance(line, Feature) and isinstance(old, Feature) and line.keyword == old.keyword == "INCREMENT"):
        return False
    return _version(line) == _version(old) and _pool(line) == _pool(old)


def _serial(line: Line) -> str:
    return fold_name(line.attribute("SN") or "") if isinstance(line, Feature) else ""


def _issued(line: Signable) -> date:
    text = line.attribute("ISSUED")
    return parse_date(text) if text else NEVER
