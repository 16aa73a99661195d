"""What signed lines license at most, for a client that sees only the few that its server shows.

A server counts all lines of its files (pools/lines.py); a client is shown those from which its seats come, and asks whether they can
give so much at all. So the figures here are bounds: an upgrade takes nothing away from its base, because the client cannot
see what other upgrades took, and of a pool it sees only lines that are good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.base.dates import NEVER, parse_date
from seatkeeper.base.values import parse_version
from seatkeeper.licfile.bundles import components_of, is_enabled_by, upgrades
from seatkeeper.licfile.model import UNCOUNTED, Feature, Package, Upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from seatkeeper.licfile.model import Signable

__all__ = ["Right", "explain_lack", "rights_of"]


class Right(msgspec.Struct, frozen=True):
    """So many seats of a feature at most.

    Attributes:
        name: The feature.
        version: The licensed version.
        seats: With the overdraft; None for an uncounted license.
        line: The line whose attributes count: the FEATURE, INCREMENT or UPGRADE line itself, or the one that enables the package.
    """

    name: str
    version: str
    seats: int | None
    line: Feature | Upgrade

    @property
    def expires(self) -> date:
        """The last day."""
        return parse_date(self.line.expiry)

    @property
    def starts(self) -> date | None:
        """The first day; None where there is none."""
        day = parse_date(self.line.attribute("START") or "permanent")
        return None if day == NEVER else day


def rights_of(lines: Iterable[Signable]) -> tuple[Right, ...]:
    """All that verified lines give, in whatever order they stand; a line counts once, however often it is shown.

    Raises:
        ValueError: A line says something that no server understands.
    """
    # The key is a digest of the line's content, and signed with it.
    unique = list({(type(line), line.key.lower() or line): line for line in lines}.values())
    for line in unique:
        for version in (line.from_version, line.to_version) if isinstance(line, Upgrade) else (line.version,):
            if version or not isinstance(line, Package):
                parse_version(version)
    rights = [Right(line.name, line.version, _seats(line, _overdraft(line)), line) for line in unique if isinstance(line, Feature)]
    # What an upgrade builds on has a lower version than what it gives, so in this order the base is always there.
    for upgrade in sorted((line for line in unique if isinstance(line, Upgrade)), key=lambda line: parse_version(line.to_version)):
        bases = [right.seats for right in rights if right.seats is not None and upgrades(upgrade, right.name, right.version)]
        seats = _seats(upgrade)
        if bases and seats is not None:
            rights.append(Right(upgrade.name, upgrade.to_version, min(seats, sum(bases)) + _overdraft(upgrade), upgrade))
    packages = [line for line in unique if isinstance(line, Package)]
    return tuple(part for right in rights for part in _unpacked(right, packages))


def _unpacked(right: Right, packages: Sequence[Package]) -> list[Right]:
    """The right itself, or the components of the packages that it enables: a package's name alone is no license (error -125)."""
    fitting = [package for package in packages if is_enabled_by(package, right.name, right.version)]
    if not fitting:
        return [right]
    return [
        Right(component.name, component.version or right.version, _times(right.seats, component.count), right.line)
        for package in fitting
        for component in components_of(package)
    ]


def explain_lack(lines: Sequence[Signable], name: str) -> str:
    """Why `lines` give no seat of the feature `name`, as the end of a sentence."""
    folded = name.lower()
    for line in lines:
        if isinstance(line, Upgrade) and line.name.lower() == folded:
            return f"by an UPGRADE of {line.name} without the line that it upgrades"
        if isinstance(line, Package) and any(component.name.lower() == folded for component in components_of(line)):
            return f"as a part of the package {line.name} without the line that enables it"
        if isinstance(line, Package) and line.name.lower() == folded:
            return "by its PACKAGE line, which gives the package's components only"
    packages = [line.name for line in lines if isinstance(line, Package)]
    if packages:
        return f"as a part of the package {packages[0]}, which has no such component"
    return f"by a line of {lines[0].name}" if lines else "without a license line"


def _seats(line: Feature | Upgrade, more: int = 0) -> int | None:
    seats = int(line.count) if line.count.lower() != UNCOUNTED else 0
    return seats + more if seats else None


def _overdraft(line: Feature | Upgrade) -> int:
    text = line.attribute("OVERDRAFT") or ""
    return int(text) if text.isascii() and text.isdigit() else 0


def _times(seats: int | None, count: int) -> int | None:
    return seats * count if seats is not None else None
