"""Which license lines count, as what: the lines of the files become the rights that stand after SUPERSEDE, UPGRADE and PACKAGE.

Theory of operation. A line that verifies is not yet a right to so many seats. Three kinds of lines speak of others:

- SUPERSEDE makes lines that were issued earlier ineffective. Where the superseding line starts only later, the earlier one ends
  the day before, so that a renewal can be put into the file in advance. FEATURE, INCREMENT and UPGRADE lines supersede each
  other, and PACKAGE lines each other: a new enabling line does not take away the package that it enables.
- UPGRADE moves seats from the closest preceding line that has some left and whose version is in its range; the seats that it
  moved count as a line in its own place, so that a later upgrade can move them on. No upgrade adds a seat.
- PACKAGE turns the seats of its enabling line into seats of its components, wherever in the files it stands.

They are applied in this order. What is left are values that look like FEATURE and INCREMENT lines, in the order in which they are
tried, each with the signed lines that prove it. (facts, FlexNet 1.5 to 1.7.)
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.bundles import Suite, components_of, is_enabled_by, suite_of, upgrades
from seatkeeper.licfile.model import Feature, Package, Upgrade
from seatkeeper.licfile.writer import write_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from seatkeeper.licfile.bundles import Component
    from seatkeeper.licfile.model import Attributes, Signable

__all__ = ["SORT_DEFAULT", "SelectionOrder", "ServedLine", "effective_lines", "selection_order", "served_lines"]

#: "sort=nnn overrides (default 100; <100 earlier, >100 later; equal = file order)" (facts 1.5).
SORT_DEFAULT: Final = 100

#: A SIGN begins with the issuer's key id, which all of its lines share: a hash in SUPERSEDE_SIGN must be longer than that.
_SHARED_DIGITS: Final = 16
#: What a PACKAGE line says of all of its components, unless the enabling line says otherwise.
_PACKAGE_ATTRIBUTES: Final = ("PLATFORMS", "VENDOR_STRING")

#: What lines are sorted by: sort=, marked, name, INCREMENT, counted, version, date, place in the files.
SelectionOrder = tuple[int, bool, str, bool, bool, "Decimal | int", int, int]


class ServedLine(Feature, frozen=True):
    """A right to so many seats, as a FEATURE or INCREMENT line would give it.

    Attributes:
        package: The package that it is a component of; else empty.
        suite: The OPTIONS of that package, or of the package that it enables.
        enables: The suite whose seats it counts: it is checked out together with each component. Else empty.
        enabling: For a component of a suite, the line that has `enables`; else None.
        sources: The signed lines that prove it: itself; the base and each UPGRADE; the PACKAGE and its enabling line.
    """

    package: str = ""
    suite: Suite = ""
    enables: str = ""
    enabling: ServedLine | None = None
    sources: tuple[Signable, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The signed lines as text, each as `write_line` writes it: what a client needs to verify this right."""
        return tuple(map(write_line, self.sources))


def served_lines(lines: Iterable[Signable], today: date | None = None) -> tuple[list[ServedLine], list[str]]:
    """The effective lines in the order in which they are tried, and one sentence for each line that is ignored, or in part.

    Args:
        lines: The verified lines of one vendor, in the files' order.
        today: Superseding lines that start later than on that day do not yet count; without it none does that has START.
    """
    effective, ignored = effective_lines(lines, today)
    order = {place: selection_order(line, place) for place, line in enumerate(effective)}
    return [effective[place] for place in sorted(order, key=order.__getitem__)], ignored


def effective_lines(lines: Iterable[Signable], today: date | None = None) -> tuple[list[ServedLine], list[str]]:
    """Like `served_lines`, in the files' order: a component stands where its enabling line does."""
    ignored: list[str] = []
    kept = _without_superseded(list(lines), today or date.min, ignored)
    parts = _seats(kept, ignored)
    return _unpacked(parts, [line for line, _ in kept if type(line) is Package], ignored), ignored


def selection_order(line: Feature, place: int) -> SelectionOrder:
    """By what lines are sorted: which of several lines of a feature is tried first.

    "Feature name → FEATURE before INCREMENT → uncounted before counted → higher version first → newest ISSUED/START first → file
    order" (facts 1.5). Lines that the administrator marked with `sort=` stand in the files' order among those of their number.
    """
    written = line.attribute("sort")
    if written is not None and written.isascii() and written.isdigit():
        return int(written), True, "", False, False, 0, 0, place
    issued = _day(line.attribute("ISSUED")) or _day(line.attribute("START")) or date.min
    counted = line.seats is not None
    version = -parse_version(line.version)
    return SORT_DEFAULT, False, line.name.lower(), line.keyword == "INCREMENT", counted, version, -issued.toordinal(), place


# SUPERSEDE -----------------------------------------------------------------------------------------------------------


class _Superseder(msgspec.Struct, frozen=True):
    """A line with SUPERSEDE: lines issued before `issued` end before `start`."""

    issued: date
    start: date
    line: Signable


def _without_superseded(lines: Sequence[Signable], today: date, ignored: list[str]) -> list[tuple[Signable, date]]:
    """The lines that are not superseded, each with the day on which one that starts later will supersede it."""
    by_name: dict[tuple[bool, str], list[_Superseder]] = {}
    by_sign: dict[tuple[bool, str], list[tuple[str, _Superseder]]] = {}
    for line in lines:
        issued, start = _day(line.attribute("ISSUED")), _day(line.attribute("START")) or date.min
        names = line.attribute("SUPERSEDE")
        if names is not None and issued is not None:
            for name in names.split() or [line.name]:
                by_name.setdefault((type(line) is Package, name.lower()), []).append(_Superseder(issued, start, line))
        for word in (line.attribute("SUPERSEDE_SIGN") or "").split():
            name, _, digits = word.partition(":")
            by_sign.setdefault((type(line) is Package, name.lower()), []).append((digits.lower(), _Superseder(date.max, start, line)))
    if not by_name and not by_sign:
        return [(line, NEVER) for line in lines]
    kept: list[tuple[Signable, date]] = []
    for line in lines:
        which = (type(line) is Package, line.name.lower())
        found = [one for digits, one in by_sign.get(which, ()) if one.line is not line and _has_sign(line, digits)]
        issued = _day(line.attribute("ISSUED"))
        if issued is not None:
            found += [one for one in by_name.get(which, ()) if one.issued > issued]
        first = min(found, key=lambda one: one.start, default=None)
        if first is not None and first.start <= today:
            ignored.append(f"{_described(line)} is superseded by {_described(first.line)}.")
        else:
            kept.append((line, first.start if first is not None else NEVER))
    return kept


def _has_sign(line: Signable, digits: str) -> bool:
    """True for the exact line that SUPERSEDE_SIGN means, by its license key or by the beginning of its SIGN."""
    sign = "".join((line.attribute("SIGN") or "").split()).lower()
    return bool(digits) and (line.key.lower() == digits or (len(digits) > _SHARED_DIGITS and sign.startswith(digits)))


# FEATURE, INCREMENT, UPGRADE -----------------------------------------------------------------------------------------


class _Part:
    """A line on its way, and how many of its seats no upgrade has moved; None for an uncounted one."""

    __slots__ = ("left", "line")

    def __init__(self, line: ServedLine) -> None:
        self.line = line
        self.left = line.seats


def _seats(lines: Sequence[tuple[Signable, date]], ignored: list[str]) -> list[ServedLine]:
    """The FEATURE and INCREMENT lines that count, and the seats that UPGRADE lines moved, each in its line's place."""
    parts: list[_Part] = []
    by_name: dict[str, list[_Part]] = {}
    named: set[tuple[str, bool]] = set()
    for line, superseded_on in lines:
        name = line.name.lower()
        if type(line) is Upgrade:
            found = _upgrade(line, by_name.get(name, []), ignored)
        elif isinstance(line, Feature):
            # "Only the first *counted* FEATURE line of a name is honored" (facts 1.5). One that gives way to a later one is no rival.
            which = (name, superseded_on != NEVER)
            if line.keyword == "FEATURE" and line.seats is not None:
                if which in named:
                    ignored.append(
                        f"FEATURE {line.name} appears more than once: the first line is used, "
                        f"the one of version {line.version} with {line.count} seats is ignored."
                    )
                    continue
                named.add(which)
            found = ServedLine(
                line.name,
                line.vendor,
                line.version,
                line.expiry,
                line.count,
                line.key,
                line.attributes,
                line.keyword,
                sources=(line,),
            )
        else:
            continue
        if found is not None:
            parts.append(_Part(_ended(found, superseded_on)))
            by_name.setdefault(name, []).append(parts[-1])
    return [
        part.line if part.left == part.line.seats else msgspec.structs.replace(part.line, count=str(part.left))
        for part in parts
        if part.left != 0
    ]


def _ended(line: ServedLine, superseded_on: date) -> ServedLine:
    """The line as it is good only until the day before."""
    if superseded_on > line.expires or superseded_on == NEVER:
        return line
    return msgspec.structs.replace(line, expiry=format_date(superseded_on - timedelta(days=1)))


def _upgrade(line: Upgrade, preceding: Sequence[_Part], ignored: list[str]) -> ServedLine | None:
    """The seats that the upgrade moves, as a line that adds seats; nothing where there are none to move."""
    wanted = Feature(line.name, line.vendor, line.to_version, line.expiry, line.count).seats
    if wanted is None:
        ignored.append(f"{_described(line)} is ignored: an upgrade needs a number of seats.")
        return None
    fitting = [part for part in preceding if upgrades(line, part.line.name, part.line.version)]
    base = next((part for part in reversed(fitting) if part.left), None)
    if base is None or base.left is None:
        which = f"version {line.from_version} to below {line.to_version}"
        reason = f"no line before it gives {line.name} of {which}"
        if fitting:
            # "Not for uncounted node-locked" (facts 1.6).
            uncounted = all(part.left is None for part in fitting)
            reason = "an uncounted license is not upgraded" if uncounted else f"all seats of {which} are upgraded already"
        ignored.append(f"{_described(line)} is ignored: {reason}.")
        return None
    moved = min(wanted, base.left)
    base.left -= moved
    if moved < wanted:
        ignored.append(f"{_described(line)} counts for {moved} of its seats: the line that it upgrades has no more.")
    # "All the data" of an upgraded seat are those that the vendor signed in the UPGRADE line: its expiry, its attributes.
    sources = (*base.line.sources, line)
    return ServedLine(
        line.name, line.vendor, line.to_version, line.expiry, str(moved), line.key, line.attributes, "INCREMENT", sources=sources
    )


# PACKAGE -------------------------------------------------------------------------------------------------------------


class _Content(msgspec.Struct, frozen=True):
    """A PACKAGE line that is understood."""

    line: Package
    components: tuple[Component, ...]
    suite: Suite


def _unpacked(lines: Sequence[ServedLine], packages: Sequence[Package], ignored: list[str]) -> list[ServedLine]:
    """The lines with each enabling line of a package replaced by, or for a suite followed by, the components."""
    if not packages:
        return list(lines)
    contents = _contents(packages, ignored)
    enabled: set[int] = set()
    used: set[int] = set()
    unpacked: list[ServedLine] = []
    for line in lines:
        fitting = [content for content in contents.get(line.name.lower(), ()) if is_enabled_by(content.line, line.name, line.version)]
        if not fitting:
            unpacked.append(line)
            continue
        enabled.update(id(content) for content in fitting)
        used.add(id(fitting[0]))
        unpacked += _opened(line, fitting[0])
    for content in (content for group in contents.values() for content in group):
        if id(content) not in enabled:
            which = f"{content.line.name} of version {content.line.version}" if content.line.version else content.line.name
            ignored.append(f"{_described(content.line)} gives nothing: no FEATURE or INCREMENT line {which} enables it.")
        elif id(content) not in used:
            ignored.append(f"{_described(content.line)} is ignored: another PACKAGE line of that name is used.")
    return unpacked


def _contents(packages: Sequence[Package], ignored: list[str]) -> dict[str, list[_Content]]:
    """The packages by name, of one name in the order in which they are chosen: for one version, then the newest, then the first."""
    contents: dict[str, list[_Content]] = {}
    for package in packages:
        try:
            content = _Content(package, components_of(package), suite_of(package))
        except ValueError as error:
            ignored.append(f"{_described(package)} is ignored: expected {error}.")
            continue
        contents.setdefault(package.name.lower(), []).append(content)
    for group in contents.values():
        group.sort(key=lambda content: (not content.line.version, -(_day(content.line.attribute("ISSUED")) or date.min).toordinal()))
    return contents


def _opened(line: ServedLine, content: _Content) -> list[ServedLine]:
    """What an enabling line gives with its package."""
    package = content.line
    attributes = line.attributes
    for name in _PACKAGE_ATTRIBUTES:
        value = package.attribute(name)
        if value is not None and line.attribute(name) is None:
            attributes = (*attributes, (name, value))
    # The counter of a suite keeps its own attributes, SUITE_DUP_GROUP among them.
    enabling = msgspec.structs.replace(line, suite=content.suite, enables=package.name) if content.suite else None
    components = [
        ServedLine(
            component.name,
            line.vendor,
            component.version or line.version,
            line.expiry,
            line.count if line.seats is None or component.count == 1 else str(line.seats * component.count),
            line.key,
            attributes if component.count == 1 else _multiplied(attributes, component.count),
            line.keyword,
            package=package.name,
            suite=content.suite,
            enabling=enabling,
            sources=(package, *line.sources),
        )
        for component in content.components
    ]
    return [enabling, *components] if enabling is not None else components


def _multiplied(attributes: Attributes, count: int) -> Attributes:
    """The attributes with an overdraft of so many components for each seat of the enabling line's overdraft."""
    return tuple(
        (name, str(int(value) * count)) if name.upper() == "OVERDRAFT" and value and value.isdigit() else (name, value)
        for name, value in attributes
    )


# Words ---------------------------------------------------------------------------------------------------------------


def _described(line: Signable) -> str:
    """How a sentence names a line."""
    issued = line.attribute("ISSUED")
    when = f" (issued {issued})" if issued else ""
    if type(line) is Package:
        return f"PACKAGE {line.name}{' ' + line.version if line.version else ''}{when}"
    if type(line) is Upgrade:
        return f"UPGRADE {line.name} from {line.from_version} to {line.to_version}{when}"
    assert isinstance(line, Feature)
    return f"{line.keyword} {line.name} {line.version}{when}"


def _day(text: str | None) -> date | None:
    """The day that an attribute names; None where it names none."""
    day = parse_date(text) if text else NEVER
    return None if day == NEVER else day
