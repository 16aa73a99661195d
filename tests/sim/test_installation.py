"""A center has an application of every kind, with options that it has, and licenses for a usual day."""

from __future__ import annotations

from random import Random

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.apps.registry import APPLICATIONS
from seatkeeper.sim.center import build_center
from seatkeeper.sim.day import Failures, plan_day
from seatkeeper.sim.feeds import Feeds
from seatkeeper.sim.installation import REREAD_LOWERS, REREAD_WITHDRAWS, Installed, Ordered, install, order_licenses


def made(agents: int) -> tuple[list[Ordered], list[Installed], Feeds]:
    draws = Random(1)
    center = build_center(agents, draws)
    licenses = order_licenses(center, plan_day(center, draws, Failures()))
    installation = install(center, licenses)
    return licenses, installation, Feeds(center, installation)


@pytest.mark.parametrize("agents", [1, 50, 2000, 20_000])
def test_every_kind_of_application_is_there_with_options_that_it_has(agents: int) -> None:
    _, installation, feeds = made(agents)
    assert {one.type for one in installation} == set(APPLICATIONS)
    assert len({one.name for one in installation}) == len(installation)
    for one in installation:
        app = APPLICATIONS[one.type](feeds.settings(one))
        assert app._values.faults == [], one
        known = {(option.section, option.name) for option in app.profile.options}
        assert {(section, name) for section, options in one.options.items() for name in options} <= known, one


@pytest.mark.parametrize("agents", [1, 50, 2000, 20_000])
def test_every_license_that_an_application_needs_is_ordered_in_the_catalog_s_version(agents: int) -> None:
    licenses, installation, feeds = made(agents)
    ordered = {(one.feature.lower(), one.version): one.quantity for one in licenses}
    technical = {(license.feature.lower(), license.version) for license in load_catalog().technical}
    assert ordered.keys() <= technical
    assert min(ordered.values()) >= 1
    needed = {
        (behaviour.feature.lower(), behaviour.version)
        for one in installation
        for behaviour in APPLICATIONS[one.type](feeds.settings(one)).behaviours
        if getattr(behaviour, "required", False) and getattr(behaviour, "wanted", lambda: True)()
    }
    assert needed <= ordered.keys()


def test_what_a_reread_takes_away_is_ordered_first() -> None:
    licenses, _, _ = made(100)
    assert {REREAD_WITHDRAWS.lower(), REREAD_LOWERS.lower()} <= {one.feature.lower() for one in licenses}
