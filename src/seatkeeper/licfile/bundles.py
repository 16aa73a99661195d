"""What a PACKAGE or UPGRADE line gives together with the FEATURE or INCREMENT lines that it builds on, asked by server and client alike.

Neither kind of line gives anything alone: "needs a FEATURE/INCREMENT with the same name (and same version if the package gives
one)" (facts, FlexNet 1.7); an upgrade needs a line "with version >= from and < to" (facts 1.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.values import is_version, parse_version
from seatkeeper.licfile.grammar import COUNT_DIGITS_MAX, check_feature_name, number_of

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Package, Upgrade

__all__ = ["Component", "Suite", "components_of", "is_enabled_by", "suite_of", "upgrades"]

#: A PACKAGE line's OPTIONS; empty where the enabling line disappears in favor of the components.
Suite = Literal["", "SUITE", "SUITE_RESERVED"]

_COUNT: Final = number_of(1, 10**COUNT_DIGITS_MAX - 1, "a number of seats")


class Component(msgspec.Struct, frozen=True):
    """One word of COMPONENTS.

    Attributes:
        name: The feature's name.
        version: Empty where the enabling line's counts.
        count: Seats of the component for each seat of the enabling line.
    """

    name: str
    version: str = ""
    count: int = 1


def components_of(package: Package) -> tuple[Component, ...]:
    """The components as the line writes them: `COMPONENTS="f[:ver[:count]] ..."`, in its order.

    Raises:
        ValueError: What is expected; there are none, or a word is none.
    """
    found = tuple(_component(word) for word in (package.attribute("COMPONENTS") or "").split())
    if not found:
        raise ValueError('COMPONENTS="name ..."')
    if suite_of(package) and any(component.count != 1 for component in found):
        # "`count` illegal with SUITE" (facts 1.7).
        raise ValueError("components of a suite as name or name:version")
    return found


def _component(word: str) -> Component:
    try:
        name, _, rest = word.partition(":")
        version, colon, count = rest.partition(":")
        if version:
            parse_version(version)
        return Component(check_feature_name(name), version, _COUNT(count) if colon else 1)
    except ValueError:
        raise ValueError("components as name, name:version or name:version:count") from None


def suite_of(package: Package) -> Suite:
    """The line's OPTIONS.

    Raises:
        ValueError: What is expected; they are no known ones.
    """
    written = package.attribute("OPTIONS")
    if written is None:
        return ""
    folded = written.upper() if written.isascii() else ""
    if folded == "SUITE":
        return "SUITE"
    if folded == "SUITE_RESERVED":
        return "SUITE_RESERVED"
    raise ValueError("SUITE or SUITE_RESERVED")


def is_enabled_by(package: Package, name: str, version: str) -> bool:
    """True where a FEATURE or INCREMENT line of this name and version gives the package its seats."""
    if package.name.lower() != name.lower():
        return False
    return not package.version or _number(package.version) == _number(version)


def upgrades(upgrade: Upgrade, name: str, version: str) -> bool:
    """True where seats of this name and version may be moved by the upgrade."""
    if upgrade.name.lower() != name.lower() or not all(map(is_version, (version, upgrade.from_version, upgrade.to_version))):
        return False
    return parse_version(upgrade.from_version) <= parse_version(version) < parse_version(upgrade.to_version)


def _number(version: str) -> object:
    return parse_version(version) if is_version(version) else version.lower()
