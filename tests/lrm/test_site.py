from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest

from seatkeeper.adapters.usagelimits import change_provisioned, keep_bundles, keep_entitlement
from seatkeeper.adapters.usagesettings import SETTINGS_FILE
from seatkeeper.adapters.warehouse import ClosedDay, Manifest
from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import items_by_name
from seatkeeper.lrm.site import Site, read_site
from seatkeeper.usage.limits import Provisioned, at_moment
from seatkeeper.usage.measures import SessionRule
from seatkeeper.usage.periods import midnight
from seatkeeper.usage.reports import Subject
from support.boughtfiles import BUNDLES, entitlement_text

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 9, 1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    change_provisioned(tmp_path, lambda rows: (Provisioned("Harbor", "Genesys E-Mail", DAY, 4),))
    file = tmp_path / "file.xml"
    file.write_text(entitlement_text(DAY, {"Genesys E-Mail": 7}))
    keep_entitlement(tmp_path, file)
    file.write_text(BUNDLES)
    keep_bundles(tmp_path, file, lambda new, others: None)
    (tmp_path / SETTINGS_FILE).write_text(
        "[[tenants]]\nname = 'Harbor'\nzone = 'Europe/Paris'\n"
        "[[excluded]]\nfrom = '08:00'\nto = '09:00'\nreason = 'why'\ntenant = 'Harbor'\n"
        "[[items]]\nname = 'Genesys E-Mail'\nsessions = { media = ['fax'] }\n"
    )
    return read_site(tmp_path, items_by_name(), {"e-mail seat": "Genesys E-Mail"})


def test_limits_are_those_of_the_report(site: Site) -> None:
    (_, item), *_ = site.versions("E-Mail seat")
    assert item is not None
    assert item.peak == SessionRule(media=("fax",))
    found = [
        *site.limits(item, "system", [Subject()]),
        *site.limits(item, "tenant", [Subject("Harbor"), Subject("Meadow")]),
        *site.limits(item, "agent-group", [Subject("Harbor", "g")]),
    ]
    counts = [(limit and limit.count) for limit in (at_moment(steps, midnight(DAY)) for steps in found)]
    assert counts == [7, 4, None, None]


def test_zones_and_excluded_times_are_a_tenants(site: Site) -> None:
    assert [site.zone(subject) for subject in (Subject("Harbor", "g"), Subject("Meadow"), Subject())] == [
        ZoneInfo("Europe/Paris"),
        UTC,
        UTC,
    ]
    day = midnight(DAY), midnight(DAY) + 86_400
    assert [(one.since - day[0], one.reason) for one in site.excluded(Subject("Harbor", "g"), *day)] == [(6 * 3600, "why")]
    assert site.excluded(Subject(), *day) == []


def test_a_bundle_is_an_item_while_it_is_in_force(site: Site) -> None:
    (never, nothing), (begins, item), (ends, over) = site.versions("basic")
    assert (never, nothing, over) == (0, None, None)
    assert (begins, ends) == (midnight(date(2026, 1, 3)), midnight(date(2027, 1, 1)))
    assert item is not None
    assert item.name == site.name_of("BASIC") == "Basic"
    # The bundle counts by the site's own rule of its item.
    assert isinstance(item.peak, SessionRule)
    assert item.peak.any_of[0] == SessionRule(media=("fax",))
    assert {"basic", "advanced", "genesys e-mail"} <= site.measured(DAY).keys()
    assert "basic" not in site.measured(date(2027, 1, 1))
    with pytest.raises(InputError, match="Bundles: Advanced, Basic"):
        site.versions("Premium")


def test_days_are_closed_with_the_bundles_that_were_in_force(site: Site) -> None:
    first, last = (date(2026, 12, 31) - date(1970, 1, 1)).days, (date(2027, 1, 1) - date(1970, 1, 1)).days
    runs = site.by_rules([last, first - 1, first])
    assert [(len(items), days) for items, days in runs] == [(27, [first - 1, first]), (25, [last])]
    rules = {item.name: item.digest for item in runs[0][0].values()}
    kept = [ClosedDay(first - 2, [], {}, 0), ClosedDay(first - 1, [], rules, 0), ClosedDay(first, [], {**rules, "Basic": "other"}, 0)]
    manifest = Manifest(closed=[*kept, ClosedDay(last, [], {}, 0)])
    assert site.without_bundles(manifest) == {first - 2, first}
    assert site.without_bundles(msgspec.structs.replace(manifest, dropped_before=first - 1)) == {first}
    assert Site(items_by_name()).without_bundles(manifest) == set()
