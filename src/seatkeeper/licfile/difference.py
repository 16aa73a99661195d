"""What separates two license files is told by what their lines grant, not by how and in which order they are written.

Theory of operation. Lines that say the same are taken off both files first. What remains of one feature is paired in several
passes, from the likeliest to the least likely counterpart: the same pool, serial number, seats and expiry, then with one of these
given up after the other. A pair is a changed line, and says in which fields; what finds no counterpart was added or removed. So a
renewal shows as a later date, and not as one license gone and another come.

Case, blanks, breaks and the order of attributes do not count where the signature does not see them (canonical.py). The order of
lines counts twice, because it is no matter of writing there: among three SERVER lines, which every signature covers in their
order, and for which of several FEATURE lines of one name is served.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from seatkeeper.base.dates import format_date, parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.canonical import fold_name, is_signed, keyword_of
from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import UNCOUNTED, Feature, Line, Package, Server, Signable, Unknown, Upgrade, UseServer, Vendor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seatkeeper.licfile.model import Parsed

__all__ = ["Change", "FieldChange", "difference", "fields_of"]

#: What separates pools of a feature beside the version; as in pools.grouping, which stands above this package.
_POOLING: Final = ("DUP_GROUP", "FLOAT_OK", "HOST_BASED", "HOSTID", "PLATFORMS", "USER_BASED")

Kind = Literal["SERVER", "DAEMON", "USE_SERVER", "FEATURE", "INCREMENT", "UPGRADE", "PACKAGE", "unreadable"]


class FieldChange(msgspec.Struct, frozen=True):
    """One field or attribute: its text before and after; None where it is absent, empty for a flag without a value."""

    field: str
    old: str | None
    new: str | None


class Change(msgspec.Struct, frozen=True):
    """One line that only one of the files has, or that both have with a difference.

    Attributes:
        what: `signature` is a line that grants the same and was signed or spelled anew.
        kind: The line's keyword, DAEMON for VENDOR too; `unreadable` for a line that cannot be read in its file.
        name: Of the feature or daemon, or the server's host; in the new file where it is in both.
        fields: What has changed; empty for a line that was added or removed.
        old: The line before, and `old_place` its number in the file; None and 0 where it was added.
        new: The line after, and `new_place`; None and 0 where it was removed.
        pool_seats: All seats of the line's pool before and after, where the pool has several lines.
    """

    what: Literal["added", "removed", "changed", "signature"]
    kind: Kind
    name: str
    fields: tuple[FieldChange, ...] = ()
    old: Line | None = None
    new: Line | None = None
    old_place: int = 0
    new_place: int = 0
    pool_seats: tuple[int, int] | None = None


class _Placed(msgspec.Struct, frozen=True, eq=False):
    """A line, where it stands, and its fields by name with the values that count."""

    place: int
    line: Any
    shown: dict[str, str | None]
    meaning: dict[str, object]


def difference(old: Parsed, new: Parsed) -> tuple[Change, ...]:
    """Every change from `old` to `new`: servers, daemons, then licenses by name; empty where both files grant the same in the same way."""
    before, after = _by_type(old), _by_type(new)
    changes = _servers(before[Server], after[Server])
    changes += _named(before[Vendor], after[Vendor], "DAEMON")
    changes += _use_server(before[UseServer], after[UseServer])
    changes += _licenses([before[kind] for kind in _SIGNABLE], [after[kind] for kind in _SIGNABLE])
    changes += _first_lines(before[Feature], after[Feature])
    changes += _unreadable(before[Unknown], after[Unknown])
    return tuple(changes)


_SIGNABLE: Final = (Feature, Upgrade, Package)


def _by_type(parsed: Parsed) -> dict[type, list[_Placed]]:
    found: dict[type, list[_Placed]] = {kind: [] for kind in (Server, Vendor, UseServer, *_SIGNABLE, Unknown)}
    for place, line in zip(parsed.places, parsed.file.lines, strict=True):
        kind = type(line)
        if kind in found:
            shown = fields_of(line)
            found[kind].append(_Placed(place, line, shown, {name: _meant(name, value) for name, value in shown.items()}))
    return found


# Fields ----------------------------------------------------------------------------------------------------------


def fields_of(line: Line) -> dict[str, str | None]:
    """The line's fields and attributes by name, as a person reads them: None for an absent field, empty for a flag without a value."""
    if isinstance(line, Server):
        fields: dict[str, str | None] = {"host": line.host, "host id": line.hostid, "port": str(line.port) if line.port else None}
    elif isinstance(line, Vendor):
        port = str(line.port) if line.port else None
        return {"name": line.name, "path": line.path or None, "options": line.options or None, "port": port}
    elif isinstance(line, Feature | Upgrade | Package):
        fields = {"keyword": keyword_of(line), "name": line.name, "vendor": line.vendor}
        if isinstance(line, Upgrade):
            fields |= {"from version": line.from_version, "version": line.to_version}
        else:
            fields["version"] = line.version or None
        if not isinstance(line, Package):
            seats = _seats(line)
            fields |= {"seats": str(seats) if seats is not None else UNCOUNTED, "expiry": format_date(parse_date(line.expiry))}
        fields["key"] = line.key or None
    else:
        return {}
    for name, value in line.attributes:
        known = attribute_of(name)
        fields[known.name if known is not None else name.upper()] = value if value is not None else ""
    return fields


def _meant(name: str, value: str | None) -> object:
    """What of a field's text counts: the same for texts that mean the same."""
    if value is None:
        return None
    if name in ("version", "from version"):
        return parse_version(value)
    if name in ("path", "options", "port", "seats", "expiry"):
        return value
    if name in _SIGNATURES:
        return "".join(value.split()).lower()
    return fold_name(value) if is_signed(name) else value


#: The fields that change with every other one; of a changed line nobody wants to hear it.
_SIGNATURES: Final = ("key", "SIGN")


def _seats(line: Feature | Upgrade) -> int | None:
    return (int(line.count) or None) if line.count.lower() != UNCOUNTED else None


def _changed_fields(old: _Placed, new: _Placed, without: Sequence[str] = ()) -> tuple[FieldChange, ...]:
    names = dict.fromkeys((*old.shown, *new.shown))
    return tuple(
        FieldChange(name, old.shown.get(name), new.shown.get(name))
        for name in names
        if name not in without and old.meaning.get(name) != new.meaning.get(name)
    )


# Pairs -----------------------------------------------------------------------------------------------------------


def _pair(
    old: Iterable[_Placed], new: Iterable[_Placed], keys: Sequence[Callable[[_Placed], object]]
) -> tuple[list[tuple[_Placed, _Placed]], list[_Placed], list[_Placed]]:
    """Pairs of lines with an equal key, by the first of the keys, then the others; and what is left of each side, in order."""
    pairs: list[tuple[_Placed, _Placed]] = []
    left, right = list(old), list(new)
    for key in keys:
        waiting: dict[object, deque[_Placed]] = {}
        for one in left:
            waiting.setdefault(key(one), deque()).append(one)
        unpaired: list[_Placed] = []
        taken: set[_Placed] = set()
        for one in right:
            queue = waiting.get(key(one))
            if queue:
                mate = queue.popleft()
                taken.add(mate)
                pairs.append((mate, one))
            else:
                unpaired.append(one)
        left, right = [one for one in left if one not in taken], unpaired
    return pairs, left, right


def _whole(one: _Placed) -> object:
    return frozenset(one.meaning.items())


def _granted(one: _Placed) -> object:
    return frozenset((name, value) for name, value in one.meaning.items() if name not in _SIGNATURES)


def _key_of(*names: str) -> Callable[[_Placed], object]:
    return lambda one: tuple(one.meaning.get(name) for name in names)


_POOL: Final = ("name", "vendor", "keyword", "version", "from version", *_POOLING)
_LICENSE_KEYS: Final = (
    _whole,
    _granted,
    _key_of(*_POOL, "SN", "seats", "expiry"),
    _key_of(*_POOL, "SN", "expiry"),
    _key_of(*_POOL, "SN", "seats"),
    _key_of(*_POOL, "SN"),
    _key_of(*_POOL, "seats", "expiry"),
    _key_of(*_POOL, "expiry"),
    _key_of(*_POOL, "seats"),
    _key_of(*_POOL),
    _key_of("name", "vendor", "keyword", "version", "from version"),
    _key_of("name", "vendor", "keyword"),
    _key_of("name", "vendor"),
)


def _licenses(old: list[list[_Placed]], new: list[list[_Placed]]) -> list[Change]:
    """The changes of FEATURE and INCREMENT, UPGRADE and PACKAGE lines, by name."""
    changes: list[Change] = []
    before, after = _pool_seats(old[0]), _pool_seats(new[0])
    for olds, news in zip(old, new, strict=True):
        pairs, removed, added = _pair(olds, news, _LICENSE_KEYS)
        for one, other in pairs:
            fields = _changed_fields(one, other, _SIGNATURES)
            signatures = _changed_fields(one, other) if not fields else ()
            if fields or signatures or _spelling(one.line) != _spelling(other.line):
                what: Literal["changed", "signature"] = "changed" if fields else "signature"
                changes.append(_change(what, one, other, fields or signatures, _pool_total(one, other, before, after)))
        changes += [_change("removed", one, None, (), _pool_total(one, None, before, after)) for one in removed]
        changes += [_change("added", None, other, (), _pool_total(None, other, before, after)) for other in added]
    return sorted(changes, key=lambda change: (change.name.lower(), change.new_place or change.old_place))


def _change(
    what: Literal["added", "removed", "changed", "signature"],
    old: _Placed | None,
    new: _Placed | None,
    fields: tuple[FieldChange, ...] = (),
    pool_seats: tuple[int, int] | None = None,
) -> Change:
    line = (new or old).line  # type: ignore[union-attr]
    if isinstance(line, Vendor):
        kind, name = "DAEMON", line.name
    elif isinstance(line, Server):
        kind, name = "SERVER", line.host
    else:
        kind, name = keyword_of(line), line.name
    return Change(
        what,
        kind,  # type: ignore[arg-type]
        name,
        fields,
        old.line if old is not None else None,
        new.line if new is not None else None,
        old.place if old is not None else 0,
        new.place if new is not None else 0,
        pool_seats,
    )


def _spelling(line: Signable) -> tuple[str, ...]:
    """The names of the signed attributes in their order: another order is another signed text."""
    return tuple(name.upper() for name, _ in line.attributes if is_signed(name))


_pool_key: Final = _key_of(*_POOL)
_name_key: Final = _key_of("name", "vendor")


def _pool_seats(lines: list[_Placed]) -> dict[object, tuple[int, int]]:
    """By pool: how many INCREMENT lines it has, and all their seats."""
    pools: dict[object, tuple[int, int]] = {}
    for one in lines:
        seats = _seats(one.line)
        if one.line.keyword == "INCREMENT" and seats is not None:
            count, total = pools.get(_pool_key(one), (0, 0))
            pools[_pool_key(one)] = count + 1, total + seats
    return pools


def _pool_total(
    old: _Placed | None, new: _Placed | None, before: dict[object, tuple[int, int]], after: dict[object, tuple[int, int]]
) -> tuple[int, int] | None:
    """The seats of a line's pool before and after; None where the line is all there is, or is in another pool now."""
    keys = {_pool_key(one) for one in (old, new) if one is not None}
    if len(keys) != 1:
        return None
    (key,) = keys
    (count, total), (new_count, new_total) = before.get(key, (0, 0)), after.get(key, (0, 0))
    return (total, new_total) if max(count, new_count) > 1 else None


# The other lines ---------------------------------------------------------------------------------------------------


def _servers(old: list[_Placed], new: list[_Placed]) -> list[Change]:
    changes = _named(old, new, "SERVER")
    if not changes and [one.meaning for one in old] != [one.meaning for one in new]:
        orders = (" ".join(one.line.host for one in side) for side in (old, new))
        changes.append(Change("changed", "SERVER", new[0].line.host, (FieldChange("order", *orders),), None, None, 0, new[0].place))
    return changes


def _named(old: list[_Placed], new: list[_Placed], kind: Literal["SERVER", "DAEMON"]) -> list[Change]:
    """The changes of SERVER or DAEMON lines, the servers by their place among them where nothing else tells which is which."""
    keys = (_whole, _key_of("name")) if kind == "DAEMON" else (_whole, _key_of("host"), _key_of("host id"), _key_of())
    pairs, removed, added = _pair(old, new, keys)
    changes = [_change("changed", one, other, fields) for one, other in pairs if (fields := _changed_fields(one, other))]
    changes += [_change("removed", one, None) for one in removed]
    changes += [_change("added", None, other) for other in added]
    return sorted(changes, key=lambda change: change.new_place or change.old_place)


def _use_server(old: list[_Placed], new: list[_Placed]) -> list[Change]:
    if bool(old) == bool(new):
        return []
    if new:
        return [Change("added", "USE_SERVER", "", new=new[0].line, new_place=new[0].place)]
    return [Change("removed", "USE_SERVER", "", old=old[0].line, old_place=old[0].place)]


def _first_lines(old: list[_Placed], new: list[_Placed]) -> list[Change]:
    """Features of which another line is served although no line has changed: of several FEATURE lines the first one counts."""
    before, after = _by_name(old), _by_name(new)
    changes = []
    for name, lines in after.items():
        olds = before.get(name, [])
        if len(lines) > 1 and olds and olds[0].meaning != lines[0].meaning and Counter(map(_whole, olds)) == Counter(map(_whole, lines)):
            one, other = olds[0], lines[0]
            first = FieldChange("first line", f"line {one.place}", f"line {other.place}")
            fields = _changed_fields(one, other, _SIGNATURES) or _changed_fields(one, other)
            changes.append(_change("changed", one, other, (first, *fields)))
    return changes


def _by_name(lines: list[_Placed]) -> dict[object, list[_Placed]]:
    """The FEATURE lines of each name, in the file's order."""
    found: dict[object, list[_Placed]] = {}
    for one in lines:
        if one.line.keyword == "FEATURE":
            found.setdefault(_name_key(one), []).append(one)
    return found


def _unreadable(old: list[_Placed], new: list[_Placed]) -> list[Change]:
    def text(one: _Placed) -> object:
        return " ".join(one.line.text.split())

    _, removed, added = _pair(old, new, (text,))
    changes = [Change("removed", "unreadable", _start(one.line.text), old=one.line, old_place=one.place) for one in removed]
    changes += [Change("added", "unreadable", _start(one.line.text), new=one.line, new_place=one.place) for one in added]
    return changes


def _start(text: str) -> str:
    """The line's first two words, enough to find it again."""
    return " ".join(text.split()[:2])[:60]
