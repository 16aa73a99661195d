from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.entitlement import Entitlement, EntitlementLine, Header
from seatkeeper.usage.limits import (
    Limit,
    Provisioned,
    at_moment,
    counts_from_csv,
    counts_to_csv,
    entitled_steps,
    provisioned_steps,
    split,
    with_counts,
    without_count,
)
from seatkeeper.usage.measures import EnabledRule, Item, SessionRule
from seatkeeper.usage.periods import Period, midnight

EMAIL = Item("Genesys E-Mail", SessionRule(media=("email",)), EnabledRule(details=("email",)), "test")
DAY = date(2026, 9, 1)


def provisioned(count: int, since: date = DAY, tenant: str = "Harbor", burst: int | None = None) -> Provisioned:
    return Provisioned(tenant, "Genesys E-Mail", since, count, burst)


@given(
    st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 3, 1)), st.integers(0, 9), max_size=6),
    st.dates(date(2025, 12, 1), date(2026, 4, 1)),
)
def test_the_last_row_until_the_day_is_in_force_from_its_midnight(counts: dict[date, int], day: date) -> None:
    steps = provisioned_steps([provisioned(count, since) for since, count in counts.items()], "Harbor", EMAIL)
    latest = max((since for since in counts if since <= day), default=None)
    for moment in (midnight(day), midnight(day) + 86_399):
        limit = at_moment(steps, moment)
        assert (limit and (limit.since, limit.count)) == (latest and (latest, counts[latest]))


def test_a_tenants_limits_are_his_own() -> None:
    rows = [provisioned(5), provisioned(9, tenant="Meadow", burst=12)]
    assert at_moment(provisioned_steps(rows, "Meadow", EMAIL), midnight(DAY)) == Limit(9, 12, DAY, "peak")
    assert provisioned_steps(rows, "Other", EMAIL) == []
    ports = Item("Genesys E-Mail", None, EnabledRule(), "test")
    assert provisioned_steps(rows, "Harbor", ports)[0].limit == Limit(5, 5, DAY, "enabled")


def entitlement(lines: list[EntitlementLine], issued: date = DAY, begin: date = DAY, end: date | None = None) -> Entitlement:
    return Entitlement("genesys.d", Header("Example", "1", "1", "Quay", "single-site", issued, begin, end), tuple(lines))


def line(quantity: int, kind: str = "concurrent", measured: str = "Genesys E-Mail", description: str = "E-Mail seat") -> EntitlementLine:
    return EntitlementLine("17", "3GP1", description, "8.5", quantity, quantity + 2, kind, measured)  # type: ignore[arg-type]


def test_the_systems_limit_is_what_the_file_in_force_has() -> None:
    first = entitlement([line(5), line(3), line(50, measured="Other")], end=DAY + timedelta(9))
    second = entitlement([line(20)], issued=DAY + timedelta(3), begin=DAY + timedelta(4), end=DAY + timedelta(5))
    steps = entitled_steps([second, first], EMAIL, {"genesys e-mail"})
    found = [at_moment(steps, midnight(DAY + timedelta(days))) for days in (-1, 0, 3, 4, 5, 6, 9, 10)]
    assert [limit and (limit.count, limit.burst, limit.since.day) for limit in found] == [
        None, (8, 12, 1), (8, 12, 1), (20, 22, 5), (20, 22, 5), (8, 12, 1), (8, 12, 1), None,
    ]  # fmt: skip


def test_what_was_bought_says_what_is_compared() -> None:
    def limit(item: Item, *lines: EntitlementLine) -> Limit | None:
        return at_moment(entitled_steps([entitlement(list(lines))], item, {"genesys e-mail", "e-mail seat"}), midnight(DAY))

    assert limit(EMAIL, line(5), line(9, "enabled")) == Limit(5, 7, DAY, "peak")
    assert limit(EMAIL, line(9, "enabled")) == Limit(9, 11, DAY, "enabled")
    no_peak = Item("Genesys E-Mail", None, EnabledRule(), "test")
    assert limit(no_peak, line(9)) == Limit(9, 11, DAY, "enabled")
    no_enabled = Item("Genesys E-Mail", SessionRule(), None, "test")
    assert limit(no_enabled, line(9, "enabled")) == Limit(9, 11, DAY, "peak")
    assert limit(EMAIL, line(4, measured="")) == Limit(4, 6, DAY, "peak")
    assert limit(EMAIL, line(4, measured="Other", description="Genesys E-Mail")) is None


@given(st.lists(st.integers(-5, 45), max_size=6))
def test_parts_are_the_periods_again_and_no_moment_lies_within_one(moments: list[int]) -> None:
    pieces = [Period(0, 0, 10), Period(10, 10, 20), Period(30, 31, 40)]
    parts = split(pieces, moments)
    for number, piece in enumerate(pieces):
        own = [part for of, part in parts if of == number]
        assert (own[0].since, own[-1].until) == (piece.since, piece.until)
        assert all(one.until == other.since for one, other in pairwise(own))
        assert {part.start for part in own} == {piece.start}
    assert not any(part.since < moment < part.until for moment in moments for _, part in parts)


def test_a_count_is_set_replaced_and_deleted() -> None:
    rows = with_counts([], [provisioned(5), provisioned(6, DAY + timedelta(1))])
    rows = with_counts(rows, [Provisioned("Harbor", "GENESYS E-MAIL", DAY, 7)])
    assert [row.count for row in rows] == [6, 7] or [row.count for row in rows] == [7, 6]
    assert [row.count for row in without_count(rows, "Harbor", "genesys e-mail", DAY)] == [6]
    with pytest.raises(InputError, match="2026-09-02"):
        without_count(rows, "Harbor", "Genesys E-Mail", date(2026, 9, 9))


def test_lists_go_out_and_come_in() -> None:
    rows = [provisioned(5), provisioned(6, DAY + timedelta(1), burst=9)]
    assert counts_to_csv(rows).splitlines()[2] == "Harbor,Genesys E-Mail,6,2026-09-02,9"
    assert counts_from_csv(counts_to_csv(rows), "a.csv") == rows
    assert counts_from_csv("tenant,item,count,from\nHarbor,Genesys E-Mail,5,2026-09-01\n\n", "a.csv") == rows[:1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Harbor,X,five,2026-09-01,", "a.csv:3: This is no number of seats. .found 'five'"),
        ("Harbor,X,-5,2026-09-01,", "no number"),
        ("Harbor,X,5,1.9.2026,", "no calendar day"),
        ("Harbor,X,5,2026-09-01,4", "burst limit is below"),
        (",X,5,2026-09-01,", "no name of the tenant"),
        ("Harbor,X,5", "another number of values"),
        ("Harbor,Y,6,2026-09-01,", "stands twice"),
    ],
)
def test_a_row_that_cannot_be_used_is_told(row: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        counts_from_csv(f"tenant,item,count,from,burst\nHarbor,Y,5,2026-09-01,\n{row}\n", "a.csv")
    with pytest.raises(InputError, match="columns are others"):
        counts_from_csv("", "a.csv")
