"""The numbers that licenses are counted by come from `[environment]`, the switches and the applications, and do not contradict.

What `[environment]` states counts. What it leaves out is counted from the tables that were filled in: DNs are the sum of the
switches', sites, Network T-Servers and IVR Servers are the applications of that kind, a redundant pair being one. Both given:
DNs must be equal, since they are the same DNs; instances and pairs are at least the applications'; and fewer sites than T-Servers
is for `checks` to say, because the guide has a rule for it ("Multi-Site Functionality").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatkeeper.catalog.expand import QUANTITY_MAX, Environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.model import Deployment, OrderedApplication, Switch
    from seatkeeper.issue.reading import Sheet

__all__ = ["counted_servers", "surroundings"]

_KINDS = ("sites", "network_tservers", "ivr_servers")


def surroundings(
    sheet: Sheet,
    catalog: Catalog,
    stated: dict[str, Any],
    deployment: Deployment,
    applications: Sequence[OrderedApplication | None],
    switches: Sequence[Switch | None],
) -> Environment:
    """The environment of an order; contradictions are problems of the sheet.

    Args:
        sheet: The order.
        catalog: What its applications check out.
        stated: What `[environment]` has, None for what it leaves out; without what is not good there.
        deployment: The deployment mode.
        applications: The good ones; None in place of the others.
        switches: Likewise.
    """
    known = [application for application in applications if application is not None]
    kinds = counted_servers(catalog, known)
    pairs = sum(each.instances // 2 for each in known if each.redundant and _is_paired(catalog, each))
    said = {name: number for name, number in stated.items() if number is not None}
    return Environment(
        deployment=deployment,
        network_tservers=said.get("network_tservers", min(QUANTITY_MAX, kinds["network_tservers"])),
        ivr_servers=said.get("ivr_servers", min(QUANTITY_MAX, kinds["ivr_servers"])),
        sites=said.get("sites", min(QUANTITY_MAX, kinds["sites"] or 1)),
        redundant_pairs=min(QUANTITY_MAX, max(said.get("redundant_pairs", 0), pairs)),
        instances=said.get("instances", 1),
        environments=said.get("environments", 1),
        seat_dns=_dns(sheet, stated, switches, "seat_dns"),
        technical_dns=_dns(sheet, stated, switches, "technical_dns"),
        instances_of=_instances(catalog, known),
    )


def counted_servers(catalog: Catalog, applications: Sequence[OrderedApplication]) -> dict[str, int]:
    """By number of the environment: how many servers of that kind the order names; a redundant pair is one."""
    counts = dict.fromkeys(_KINDS, 0)
    for each in applications:
        kind = catalog.application(each.name).counts
        if kind:
            counts[kind] += each.instances // 2 if each.redundant else each.instances
    return counts


def _is_paired(catalog: Catalog, application: OrderedApplication) -> bool:
    """True where the pairs of that application are those that licenses for redundant pairs are counted by."""
    rows = catalog.application(application.name).licenses
    return any(catalog.technical_license(row.feature).rule == "per_redundant_pair" for row in rows)


def _instances(catalog: Catalog, applications: Sequence[OrderedApplication]) -> tuple[tuple[str, int], ...]:
    """How many instances check out each license that is counted by instances."""
    counts: dict[str, int] = {}
    for each in applications:
        for row in catalog.application(each.name).licenses:
            license_ = catalog.technical_license(row.feature)
            if license_.rule in ("per_instance", "per_environment_or_instance"):
                counts[license_.feature] = min(QUANTITY_MAX, counts.get(license_.feature, 0) + each.instances)
    return tuple(sorted(counts.items()))


def _dns(sheet: Sheet, stated: dict[str, Any], switches: Sequence[Switch | None], key: str) -> int | None:
    numbers = [getattr(switch, key) for switch in switches if switch is not None]
    given = [number for number in numbers if number is not None]
    own: int | None = stated.get(key)
    if key not in stated or not given or len(numbers) < len(switches):
        return own
    if len(given) < len(numbers) and own is None:
        index = next(at for at, switch in enumerate(switches) if switch is not None and getattr(switch, key) is None)
        sheet.add(
            ("switches", index, ""),
            f"This switch does not say how many {key} it has, and others do.",
            expected=f"{key} for each switch, or once for all in [environment]",
        )
        return own
    total = sum(given)
    if total > QUANTITY_MAX:
        sheet.add(
            ("switches", 0, key), "The switches have more DNs than can be licensed.", found=total, expected=f"at most {QUANTITY_MAX:,}"
        )
        return own
    if own is not None and own != total and len(given) == len(numbers):
        sheet.add(
            ("environment", 0, key),
            "The switches have another number of these DNs.",
            found=own,
            expected=f"{total}, the sum of [[switches]]",
            remedy=f"Leave {key} out here, or correct the switches.",
        )
    return own if own is not None else total
