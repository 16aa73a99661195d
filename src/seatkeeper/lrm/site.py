"""What a site has beside its facts: limits, bundles, excluded times, zones and rules of its own, read once for a report.

A report of the same facts with the same site says the same, so a site is a value; what is read is in the directory of the usage data.
"""

from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.usagelimits import kept_bundles, kept_entitlements, kept_provisioned
from seatkeeper.adapters.usagesettings import UsageSettings, read_settings
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded
from seatkeeper.lrm.close import day_of
from seatkeeper.usage.bundles import BundleSet, bundle_item, bundle_steps, set_in_force
from seatkeeper.usage.entitlement import Entitlement
from seatkeeper.usage.excluded import ExcludedTime, excluded_times
from seatkeeper.usage.limits import Provisioned, Step, entitled_steps, provisioned_steps
from seatkeeper.usage.measures import Item, feature_item, item_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from seatkeeper.adapters.warehouse import Manifest
    from seatkeeper.usage.reports import ReportType, Subject

__all__ = ["ALWAYS", "Site", "read_site"]

#: Before all facts.
ALWAYS: Final = 0


class Site(msgspec.Struct, frozen=True):
    """What a report reads beside the facts.

    Attributes:
        items: Items that are measured, by folded name, with the site's own rules.
        products: Folded names of products -> the item that measures them.
        settings: What `usage.toml` says.
        provisioned: Provisioned counts of tenants.
        entitlements: What was bought for the whole system.
        bundles: All sets of bundles.
    """

    items: dict[str, Item]
    products: dict[str, str] = {}
    settings: UsageSettings = UsageSettings()
    provisioned: tuple[Provisioned, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    bundles: tuple[BundleSet, ...] = ()

    def versions(self, name: str) -> list[tuple[int, Item | None]]:
        """What the name of an item, product, bundle or `feature:NAME` stands for, from which moment on; None: for nothing then.

        Raises:
            InputError: It stands for nothing ever.
        """
        technical = feature_item(name)
        if technical is not None:
            return [(ALWAYS, technical)]
        try:
            return [(ALWAYS, item_named(name, self.items, self.products))]
        except InputError as error:
            steps = bundle_steps(self.bundles, name)
            if not steps:
                known = sorted({bundle.name for one in self.bundles for bundle in one.bundles})
                if known:
                    error.remedy += f" Bundles: {', '.join(known[:10])}."
                raise
        found = [(at, None if bundle is None else bundle_item(bundle, self.items, self.products)) for at, bundle in steps]
        return [(ALWAYS, None), *found]

    def name_of(self, name: str) -> str:
        """The name of an item or bundle as it is written in lists, whatever its case was.

        Raises:
            InputError: There is none.
        """
        return next((item.name for _, item in reversed(self.versions(name)) if item is not None), name)

    def measured(self, day: date) -> dict[str, Item]:
        """All that is measured on a day: the items, and the bundles in force."""
        counts = set_in_force(self.bundles, day)
        bundles = counts.bundles if counts is not None else ()
        return {**{folded(each.name): bundle_item(each, self.items, self.products) for each in bundles}, **self.items}

    def by_rules(self, days: Iterable[int]) -> list[tuple[dict[str, Item], list[int]]]:
        """Days, as days since 1970, in runs of those on which the same is measured, and what that is."""
        runs: list[tuple[dict[str, Item], list[int]]] = []
        for day in sorted(days):
            items = self.measured(day_of(day))
            if runs and runs[-1][0] == items:
                runs[-1][1].append(day)
            else:
                runs.append((items, [day]))
        return runs

    def without_bundles(self, manifest: Manifest) -> set[int]:
        """The closed days that lack a bundle that was in force, or have it by other rules, and can be closed again."""
        if not self.bundles:
            return set()
        closed = {one.day: one.rules for one in manifest.closed if one.day >= manifest.dropped_before}
        return {
            day
            for items, days in self.by_rules(closed)
            for day in days
            if any(closed[day].get(item.name) != item.digest for name, item in items.items() if name not in self.items)
        }

    def limits(self, item: Item, report: ReportType, subjects: Sequence[Subject]) -> list[list[Step]]:
        """For each subject the limits its use is compared with: what was bought for the system, what is provisioned for a tenant."""
        if report == "system":
            names = {folded(item.name), *(product for product, name in self.products.items() if folded(name) == folded(item.name))}
            return [entitled_steps(self.entitlements, item, names) for _ in subjects]
        if report != "tenant":
            return [[] for _ in subjects]
        own: dict[str, list[Provisioned]] = {}
        for row in self.provisioned:
            if folded(row.item) == folded(item.name):
                own.setdefault(row.tenant, []).append(row)
        return [provisioned_steps(own.get(subject.tenant or "", ()), subject.tenant or "", item) for subject in subjects]

    def excluded(self, subject: Subject, since: int, until: int) -> list[ExcludedTime]:
        """What of the time does not count for a subject."""
        return excluded_times(self.settings.excluded, subject.tenant, since, until)

    def zone(self, subject: Subject) -> tzinfo:
        """The time zone of a subject's tenant; UTC where it has none of its own."""
        return self.settings.zones.get(subject.tenant or "", UTC)


def read_site(directory: Path, items: Mapping[str, Item], products: Mapping[str, str]) -> Site:
    """The site whose usage data are in the directory.

    Args:
        directory: Where.
        items: The items that are built in, by folded name.
        products: Folded names of products -> the item that measures them.

    Raises:
        InputError: A file cannot be used.
    """
    settings = read_settings(directory)
    return Site(
        {**items, **settings.items},
        dict(products),
        settings,
        kept_provisioned(directory),
        tuple(one.entitlement for one in kept_entitlements(directory)),
        tuple(kept_bundles(directory)),
    )
