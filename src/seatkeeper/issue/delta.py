"""A delta has the lines that an order adds to a license file that is there, and says everything that it changes in it.

The order says all that the customer is to have from now on; what the old file has already, to the letter, is left out. A line
that differs is written whole, as a FEATURE line that takes the old one's place: "replace each appropriate old FEATURE line with
the newly received FEATURE line" (guide, Combining New and Existing Licenses).

Decided here: more seats are never an INCREMENT of the difference. An INCREMENT adds to whatever it stands beside, so one that
was left in the file when a whole new one came would be seats that nobody sold; a FEATURE line that was forgotten is ignored,
because only the first of a name counts. For the same reason a line of another version takes the old one's place as well, and an
old file with INCREMENT lines of a feature that changes has no delta.

What the order no longer has stays in the customer's file until somebody takes it out, so it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.grammar import attribute_of
from seatkeeper.licfile.model import Feature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.issue.planned import Plan
    from seatkeeper.licfile.model import LicenseFile, Parsed

__all__ = ["delta_of", "is_for"]

#: What every issued line says anew; a line that differs in nothing else is the same license.
_ALWAYS_NEW: Final = frozenset({"ISSUED", "SIGN", "SN"})


def is_for(plan: Plan, old: LicenseFile) -> bool:
    """Whether the old file is for the license servers of the plan, by their host ids."""
    return [fold_name(server.hostid) for server in plan.servers] == [fold_name(hostid) for hostid in old.hostids]


def delta_of(plan: Plan, old: Parsed, vendor: str) -> Plan:
    """The plan with the lines that the old file has not; `changes` tells them, and what goes. Its file is still the whole one.

    Args:
        plan: The whole file.
        old: The file that is there, for the same host ids.
        vendor: Whose lines the plan has; others' stay as they are.

    Raises:
        InputError: A feature that changes has lines in the old file that no FEATURE line can replace.
    """
    held: dict[str, Feature] = {}
    others: dict[str, int] = {}
    for index, line in old.file.signable():
        if fold_name(line.vendor) != fold_name(vendor):
            continue
        if type(line) is Feature and line.keyword == "FEATURE":
            held.setdefault(folded(line.name), line)  # The first of a name is granted.
        else:
            others.setdefault(folded(line.name), old.places[index])
    changes = []
    kept = []
    planned = [line for line in plan.file.lines if type(line) is Feature]
    for line, why in zip(planned, plan.lines, strict=True):
        before = held.pop(folded(line.name), None)
        change = _new(line) if before is None else _change(before, line)
        if not change:
            continue
        if (at := others.get(folded(line.name))) is not None:
            raise InputError(
                f"No delta can change {line.name}: the old file has a line of it that is no FEATURE line, which would go on counting.",
                file=old.name,
                line=at,
                remedy="Issue a complete file, without --delta-to, and let it take the old one's place.",
            )
        kept.append(why)
        changes.append(change)
    changes += [f"{_told(line)} is no longer ordered: put # before it by hand" for line in held.values()]
    return msgspec.structs.replace(plan, lines=tuple(kept), changes=tuple(changes), is_delta=True)


def _told(line: Feature) -> str:
    return f"{line.name} {line.version} ({line.count})"


def _new(line: Feature) -> str:
    return f"{_told(line)} is new"


def _change(before: Feature, line: Feature) -> str:
    """What is different, in the words of people; empty where nothing is."""
    told = []
    if before.version != line.version:
        told.append(f"version {before.version} becomes {line.version}")
    if before.seats != line.seats:
        more = before.seats is not None and line.seats is not None and line.seats > before.seats
        told.append(f"{before.count} become {line.count}" + ("" if more else ", which is fewer"))
    if before.expires != line.expires:
        told.append(f"{_day(before)} becomes {_day(line)}")
    old, new = _signed(before.attributes), _signed(line.attributes)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name, "") != new.get(name, "") or (name in old) != (name in new):
            told.append(f"{name} {_value(old, name)} becomes {_value(new, name)}")
    return f"{line.name} {before.version}: {'; '.join(told)}" if told else ""


def _day(line: Feature) -> str:
    return "permanent" if line.expires == NEVER else f"until {format_date(line.expires)}"


def _signed(attributes: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """The vendor's attributes that make a license what it is, by name."""
    known = [(attribute_of(name), value) for name, value in attributes]
    return {each.name: value or "" for each, value in known if each and each.owner == "vendor" and each.name not in _ALWAYS_NEW}


def _value(attributes: dict[str, str], name: str) -> str:
    return (f'"{attributes[name]}"' if attributes[name] else "without a value") if name in attributes else "absent"
