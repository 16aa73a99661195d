"""An order whose parts are each good is also good as a whole: what the guide says cannot go together does not.

These are the mistakes with which licenses are issued, paid for and do not work: they are found in what the order gives
(`catalog.expand`), and said at the table that brings them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.values import parse_version
from seatkeeper.catalog.model import folded
from seatkeeper.issue.surroundings import counted_servers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from seatkeeper.catalog.expand import Environment, ExtraLicense, Item, Line
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import OrderedApplication
    from seatkeeper.issue.reading import Sheet

__all__ = ["check_whole"]

_Path = tuple[str, int, str]


def check_whole(
    sheet: Sheet,
    catalog: Catalog,
    lines: Sequence[Line],
    *,
    items: Sequence[Item | None],
    licenses: Sequence[ExtraLicense | None],
    applications: Sequence[OrderedApplication | None],
    environment: Environment,
    stated: dict[str, Any],
) -> None:
    """Report everything that does not go together.

    Args:
        sheet: The order.
        catalog: What can be ordered.
        lines: The technical licenses of the good parts.
        items: The good items; None in place of the others.
        licenses: Likewise.
        applications: Likewise.
        environment: The environment that counts.
        stated: What `[environment]` says itself, None for what it leaves out; without what is not good there.
    """
    _check_exclusions(sheet, catalog, lines, items, licenses)
    # How many pairs there are is known only where all that tells it is.
    if stated.get("redundant_pairs") or ("redundant_pairs" in stated and None not in applications):
        _check_pairs(sheet, catalog, lines, items, environment)
    known = [application for application in applications if application is not None]
    _check_applications(sheet, applications)
    if None not in items and None not in licenses:
        _check_needs(sheet, catalog, lines, applications)
    _check_multi_site(sheet, catalog, lines, licenses, known, environment, stated)
    _check_versions(sheet, catalog, lines, items, licenses, known)


def _path_of(line: Line, items: Sequence[Item | None], licenses: Sequence[ExtraLicense | None], key: str = "") -> _Path:
    """Where the order brings a license: the table that asks for it, else the first item that needs it."""
    for index, license_ in enumerate(licenses):
        if license_ is not None and license_.feature == line.feature:
            return ("licenses", index, key or "feature")
    for index, item in enumerate(items):
        if item is not None and item.product in line.items:
            return ("items", index, "product")
    return ("items", 0, "")


def _check_exclusions(
    sheet: Sheet, catalog: Catalog, lines: Sequence[Line], items: Sequence[Item | None], licenses: Sequence[ExtraLicense | None]
) -> None:
    """Of occ_preview and occ_full, and of vcb_preview and vcb_full, a site has one."""
    by_name = {folded(line.feature): line for line in lines}
    seen: set[frozenset[str]] = set()
    for line in lines:
        for other in catalog.technical_license(line.feature).not_with:
            pair = frozenset((folded(line.feature), folded(other)))
            if folded(other) in by_name and pair not in seen:
                seen.add(pair)
                first, second = line, by_name[folded(other)]
                paths = sorted([_path_of(first, items, licenses), _path_of(second, items, licenses)])
                sheet.add(
                    paths[-1],
                    f"{first.feature} and {second.feature} cannot be used together.",
                    found=f"{first.feature} for {_reason(first)}, {second.feature} for {_reason(second)}",
                    expected="one of the two",
                    remedy="Take out what needs the one or the other.",
                )


def _reason(line: Line) -> str:
    return ", ".join([*line.items, *(["[[licenses]]"] if line.asked else [])])


def _check_pairs(sheet: Sheet, catalog: Catalog, lines: Sequence[Line], items: Sequence[Item | None], environment: Environment) -> None:
    sold = [index for index, item in enumerate(items) if item is not None and catalog.product(item.product).pairs]
    if environment.redundant_pairs == 0:
        for index in sold:
            item = items[index]
            sheet.add(
                ("items", index, "product"),
                "This item is for redundant pairs, and the order has none.",
                found=item.product if item is not None else "",
                expected="redundant_pairs in [environment], or [[applications]] with redundant = true",
                remedy="Say how many pairs there are, or take the item out.",
            )
    elif not sold and items and None not in items and not any(catalog.technical_license(line.feature).pairs for line in lines):
        sheet.add(
            ("environment", 0, "redundant_pairs"),
            "The environment has redundant pairs, and nothing in the order is for them: they cannot run in hot standby.",
            found=environment.redundant_pairs,
            expected="an HA item, or 0",
            severity="warning",
        )


def _check_applications(sheet: Sheet, applications: Sequence[OrderedApplication | None]) -> None:
    for index, each in enumerate(applications):
        if each is not None and each.redundant and each.instances % 2:
            sheet.add(
                ("applications", index, "instances"),
                "A redundant pair has two instances.",
                found=each.instances,
                expected="an even number, primaries and backups together",
            )


def _check_needs(sheet: Sheet, catalog: Catalog, lines: Sequence[Line], applications: Sequence[OrderedApplication | None]) -> None:
    """An application that finds none of its licenses does not start; whether that is meant, only the customer knows."""
    given = {folded(line.feature) for line in lines}
    for index, each in enumerate(applications):
        if each is None or not lines:
            continue
        features = [row.feature for row in catalog.application(each.name).licenses]
        if not any(folded(feature) in given for feature in features):
            sheet.add(
                ("applications", index, "name"),
                "Nothing in the order gives a license that this application checks out.",
                found=each.name,
                expected=f"an item or [[licenses]] with {' or '.join(features)}",
                severity="warning",
            )


def _check_multi_site(
    sheet: Sheet,
    catalog: Catalog,
    lines: Sequence[Line],
    licenses: Sequence[ExtraLicense | None],
    applications: Sequence[OrderedApplication],
    environment: Environment,
    stated: dict[str, Any],
) -> None:
    """All T-Servers get the multi-site license, also where some are not configured for it (guide, Multi-Site Functionality)."""
    for line in lines:
        if line.rule != "per_site":
            continue
        named = counted_servers(catalog, applications)
        for kind, number in named.items():
            if (own := stated.get(kind)) is not None and own < number:
                sheet.add(
                    ("environment", 0, kind),
                    f"{line.feature} would be issued for some T-Servers and not for all.",
                    found=own,
                    expected=f"at least {number}, the instances or pairs in [[applications]]",
                    remedy=f"Correct {kind}, or leave it out to have the applications counted.",
                )
        needed = environment.sites + environment.network_tservers + environment.ivr_servers
        if not line.items and line.count < needed:
            index = next(at for at, each in enumerate(licenses) if each is not None and each.feature == line.feature)
            sheet.add(
                ("licenses", index, "quantity"),
                f"{line.feature} is asked for some T-Servers and not for all.",
                found=line.count,
                expected=f"{needed}: {environment.sites} sites, {environment.network_tservers} Network T-Servers, "
                f"{environment.ivr_servers} IVR Servers",
                remedy="Order one for each, or none where no T-Server is multi-site.",
            )


def _check_versions(
    sheet: Sheet,
    catalog: Catalog,
    lines: Sequence[Line],
    items: Sequence[Item | None],
    licenses: Sequence[ExtraLicense | None],
    applications: Sequence[OrderedApplication],
) -> None:
    """Applications of 8.x do not work with licenses of 7.x (guide, Technical License Compatibility)."""
    if catalog.vendor.version_rule != "release8":
        return
    for line in lines:
        if _major(line.version) >= 8 or any(_major(each.version) < 8 for each in catalog.versions_of(line.feature)):
            # Some licenses are of 7.x for applications of every release, such as desktop_agent and tserver_tdn.
            continue
        users = [(each.name, each.version) for each in applications if catalog.application(each.name).checks_out(line.feature)]
        if not users and line.asked:
            users = [(item.product, item.version) for item in items if item is not None]
        newer = [f"{name} {version}" for name, version in users if _major(version) >= 8]
        if newer or (line.asked and not users):
            known = catalog.versions_of(line.feature)[-1].version
            sheet.add(
                _path_of(line, items, licenses, "version"),
                f"Applications of release 8 and later do not take {line.feature} {line.version}.",
                found=line.version,
                expected=f"{known}, which 7.x applications take too" + (f", for {newer[0]}" if newer else ""),
                remedy=f'Ask for it in a [[licenses]] table with version = "{known}"; name 7.x applications in [[applications]].',
            )


def _major(version: str) -> int:
    return int(parse_version(version))
