from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.usage.excluded import ExcludedTime, excluded_entry, excluded_times

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def told(begin: str, end: str, zone: object, since: str, until: str, tenant: str = "", asked: str | None = None) -> list[tuple[str, str]]:
    entry = excluded_entry(begin, end, "shift change", tenant, zone, "here")  # type: ignore[arg-type]
    found = excluded_times([entry], asked, at(since), at(until))
    assert {one.reason for one in found} <= {"shift change"}
    return [tuple(f"{datetime.fromtimestamp(moment, UTC):%d %H:%M}" for moment in (one.since, one.until)) for one in found]  # type: ignore[misc]


def test_a_daily_window_follows_the_wall_clock() -> None:
    # On 25 October 2026 the clocks of Paris go back at 03:00.
    assert told("07:45", "08:15", PARIS, "2026-10-24", "2026-10-26") == [("24 05:45", "24 06:15"), ("25 06:45", "25 07:15")]
    assert told("02:30", "03:30", PARIS, "2026-10-25", "2026-10-26") == [("25 00:30", "25 02:30")]
    # On 29 March 2026 there is no 02:30 there.
    assert told("02:00", "03:00", PARIS, "2026-03-29", "2026-03-30") == []


def test_a_window_goes_through_midnight_and_is_cut_to_what_is_asked() -> None:
    assert told("23:30", "00:30", UTC, "2026-09-02", "2026-09-03") == [("02 00:00", "02 00:30"), ("02 23:30", "03 00:00")]
    assert told("23:30", "24:00", UTC, "2026-09-02", "2026-09-03") == [("02 23:30", "03 00:00")]


def test_a_time_that_happened_once() -> None:
    assert told("2026-09-01T22:00:00Z", "2026-09-02T02:00Z", PARIS, "2026-09-02", "2026-09-03") == [("02 00:00", "02 02:00")]
    assert told("2026-09-01T22:00", "2026-09-02 02:00", PARIS, "2026-09-01", "2026-09-03") == [("01 20:00", "02 00:00")]
    assert told("2026-08-01T22:00", "2026-08-02T02:00", PARIS, "2026-09-01", "2026-09-03") == []


def test_a_tenants_times_are_only_his() -> None:
    assert told("08:00", "09:00", UTC, "2026-09-01", "2026-09-02", "Harbor", "Harbor")
    assert not told("08:00", "09:00", UTC, "2026-09-01", "2026-09-02", "Harbor", "Meadow")
    assert not told("08:00", "09:00", UTC, "2026-09-01", "2026-09-02", "Harbor", None)
    assert told("08:00", "09:00", UTC, "2026-09-01", "2026-09-02", "", "Meadow")


def test_times_are_in_order() -> None:
    late = excluded_entry("2026-09-01T10:00Z", "2026-09-01T11:00Z", "b", "", UTC, "here")
    soon = excluded_entry("09:00", "10:30", "a", "", UTC, "here")
    assert excluded_times([late, soon], None, at("2026-09-01"), at("2026-09-02")) == [
        ExcludedTime(at("2026-09-01T09:00"), at("2026-09-01T10:30"), "a"),
        ExcludedTime(at("2026-09-01T10:00"), at("2026-09-01T11:00"), "b"),
    ]


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("08:00", "08:00", "no time between"),
        ("00:00", "24:00", "no time between"),
        ("8", "9", "expected HH:MM for every day"),
        ("08:00", "2026-09-01T09:00Z", "no begin or end"),
        ("2026-09-01", "2026-09-02", "no begin or end"),
        ("2026-09-01T09:00:30Z", "2026-09-01T10:00Z", "begin and end with a minute"),
        ("2026-09-01T09:00Z", "2026-09-01T09:00Z", "no time between"),
    ],
)
def test_what_is_no_time_is_told(begin: str, end: str, message: str) -> None:
    with pytest.raises(InputError, match=f"here: .*{message}"):
        excluded_entry(begin, end, "why", "", UTC, "here")
    with pytest.raises(InputError, match="reason is missing"):
        excluded_entry("08:00", "09:00", " ", "", UTC, "here")
