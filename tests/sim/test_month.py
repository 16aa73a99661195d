"""A simulated month is the same for the same draws, and what was seen of it could have been seen."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from seatkeeper.sim.month import CLUSTER, Month, campaign_times, plan_month, site_kind, tenant_names


@pytest.fixture(scope="module")
def month() -> Month:
    return plan_month(120, 7, 2026, 9, Random(3))


def test_the_same_draws_make_the_same_month(month: Month) -> None:
    assert msgspec.json.encode(month) == msgspec.json.encode(plan_month(120, 7, 2026, 9, Random(3)))
    assert (month.name, month.days, month.until - month.since) == ("2026-09", 30, 30 * 86_400)


def test_nobody_shares_a_desk_at_the_same_time(month: Month) -> None:
    taken: dict[tuple[str, str], tuple[int, str]] = {}
    for one in month.sessions:
        if one.place:
            key = one.agent.tenant, one.place
            until, who = taken.get(key, (0, ""))
            assert one.login >= until or who == one.agent.name
            taken[key] = (max(until, one.logout), one.agent.name)
        assert one.login < one.logout
        assert (one.place == "") == (site_kind(one.agent.site) == CLUSTER)


def test_what_no_icon_saw_is_not_there(month: Month) -> None:
    crash = next(one for one in month.crashes if one.icon == "media")
    others = [one for one in month.sessions if not one.voice]
    lost = [one for one in others if one.lost]
    assert lost
    assert all(one.logout == crash.since for one in lost)
    assert not [one for one in others if crash.since <= one.login < crash.until or crash.since < one.logout <= crash.until]
    assert [one for one in others if one.login == crash.until]
    # The other ICON of the pair saw all.
    pair = next(one for one in month.crashes if one.icon == "voice-b")
    assert [one for one in month.sessions if one.voice and pair.since < one.login < pair.until]


def test_one_tenant_has_more_people_on_one_day(month: Month) -> None:
    helpers = [one for one in month.sessions if one.agent.name.startswith("helper")]
    assert {one.agent.tenant for one in helpers} == {month.surge_tenant}
    assert {(one.login - month.since) // 86_400 + 1 for one in helpers} == {month.surge_day}


def test_names_of_tenants_are_different_and_campaigns_lie_in_the_month(month: Month) -> None:
    assert len(set(tenant_names(200))) == 200
    assert all(month.since <= begins < ends <= month.until for begins, ends in campaign_times(month))
