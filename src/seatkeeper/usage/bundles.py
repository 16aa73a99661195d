"""Bundles: several items that are sold as one, counted as the seats whose session uses one of them, and none of those left out.

A bundle set is a file with a period in which it is in force; of several on a day the one issued last counts, whole (facts, LRM 1.7).
Numbers of sets and bundles are at least ID_MIN, and none stands for two of them. A bundle becomes a rule of sessions like an item's
(usage.measures), so whatever measures items measures bundles: at least one rule of `include` holds in the session, none of `exclude`.
What is not measured from sessions, such as ports, cannot be in a bundle, and bundles are not reported by group.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.usage.measures import Item, SessionRule, item_named
from seatkeeper.usage.periods import midnight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BUNDLES_MAX", "ID_MIN", "Bundle", "BundleItem", "BundleSet", "bundle_item", "bundle_steps", "check_bundles", "set_in_force"]

ID_MIN: Final = 10_000
ID_MAX: Final = 999_999_999
BUNDLES_MAX: Final = 1000


class BundleItem(msgspec.Struct, frozen=True):
    """One item of a bundle's list, and how it was sold; empty where the file does not say that."""

    item: str
    license_type: Literal["", "concurrent", "enabled"] = ""


class Bundle(msgspec.Struct, frozen=True):
    """One bundle: a session counts when it uses at least one of `include` and none of `exclude`."""

    number: int
    name: str
    description: str
    include: tuple[BundleItem, ...]
    exclude: tuple[BundleItem, ...] = ()


class BundleSet(msgspec.Struct, frozen=True):
    """A file of bundles, in force from `valid_from` through `valid_to`."""

    number: int
    name: str
    description: str
    issued: date
    valid_from: date
    valid_to: date
    bundles: tuple[Bundle, ...]


def check_bundles(new: BundleSet, others: Sequence[BundleSet], items: Mapping[str, Item], products: Mapping[str, str], file: str) -> None:
    """Returns where the set can be kept beside the others.

    Raises:
        InputError: What is wrong with it.
    """
    if new.valid_to < new.valid_from:
        raise InputError("The set ends before it begins.", file=file, found=f"{new.valid_to}", expected=f"{new.valid_from} or later")
    numbers = [new.number, *(bundle.number for bundle in new.bundles)]
    for number in numbers:
        if not ID_MIN <= number <= ID_MAX:
            raise InputError("This is no number of a set or bundle.", file=file, found=str(number), expected=f"{ID_MIN} to {ID_MAX}")
        if numbers.count(number) > 1:
            raise InputError("This number stands for two things.", file=file, found=str(number), expected="one of its own for each")
    known = {bundle.number: folded(bundle.name) for one in others for bundle in one.bundles} | {one.number: "" for one in others}
    # The next set may have the same bundle again; another one needs a number of its own.
    wanted = {new.number: "", **{bundle.number: folded(bundle.name) for bundle in new.bundles}}
    clash = next((number for number, name in wanted.items() if number in known and (not name or known[number] != name)), None)
    if clash is not None:
        raise InputError(
            "This number stands for another set or bundle already.", file=file, found=str(clash), remedy="Give each its own number."
        )
    names = [folded(bundle.name) for bundle in new.bundles]
    for bundle in new.bundles:
        if not bundle.name:
            raise InputError("A bundle has no name.", file=file, found=str(bundle.number))
        if names.count(folded(bundle.name)) > 1:
            raise InputError("Two bundles have this name.", file=file, found=bundle.name)
        if folded(bundle.name) in items or folded(bundle.name) in products:
            raise InputError("An item has this name.", file=file, found=bundle.name, expected="a name that tells bundle and item apart")
        try:
            bundle_item(bundle, items, products)
        except InputError as error:
            raise InputError(
                f"Bundle {bundle.name!r}: {error.message}", file=file, found=error.found, expected=error.expected, remedy=error.remedy
            ) from None


def bundle_item(bundle: Bundle, items: Mapping[str, Item], products: Mapping[str, str]) -> Item:
    """The bundle as an item that can be measured.

    Raises:
        InputError: One of its items is not known, or not measured from sessions.
    """

    def rules(listed: Sequence[BundleItem]) -> tuple[SessionRule, ...]:
        found = []
        for each in listed:
            rule = item_named(each.item, items, products).peak
            if not isinstance(rule, SessionRule):
                raise InputError(
                    "This item is not measured from sessions, and cannot be in a bundle.", found=each.item, expected="an item that is"
                )
            found.append(rule)
        return tuple(found)

    if not bundle.include:
        raise InputError("The bundle includes nothing.", found=bundle.name, expected="at least one item")
    return Item(bundle.name, SessionRule(any_of=rules(bundle.include), none_of=rules(bundle.exclude)), None, f"bundle {bundle.number}")


def set_in_force(sets: Sequence[BundleSet], day: date) -> BundleSet | None:
    """The set that counts on a day: of those in force the one issued last."""
    valid = [one for one in sets if one.valid_from <= day <= one.valid_to]
    return max(valid, key=lambda one: (one.issued, one.valid_from, one.number), default=None)


def bundle_steps(sets: Sequence[BundleSet], name: str) -> list[tuple[int, Bundle | None]]:
    """From which moments, in UTC seconds, which bundle has this name; None: none has. Empty where no set ever has it."""
    if not any(folded(bundle.name) == folded(name) for one in sets for bundle in one.bundles):
        return []
    days = {one.valid_from for one in sets} | {one.valid_to + timedelta(1) for one in sets if one.valid_to < date.max}
    steps: list[tuple[int, Bundle | None]] = []
    for day in sorted(days):
        counts = set_in_force(sets, day)
        bundles = counts.bundles if counts is not None else ()
        steps.append((midnight(day), next((bundle for bundle in bundles if folded(bundle.name) == folded(name)), None)))
    return steps
