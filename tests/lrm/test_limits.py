from __future__ import annotations

from datetime import date

from seatkeeper.lrm.limits import ALL_EXCLUDED, Part, compared
from seatkeeper.usage.limits import Limit

LOW, HIGH = Limit(3, 5, date(2026, 9, 10), "peak"), Limit(20, 20, date(2026, 9, 1), "peak")


def test_too_much_on_a_day_with_a_lower_limit_is_found_though_the_peak_is_elsewhere() -> None:
    told = compared([Part(15, 100, 30, HIGH), Part(5, 200, 31, LOW)])
    assert (told.peak, told.last, told.enabled, told.limit, told.over) == (15, 100, 31, LOW, 2)


def test_without_too_much_the_limit_is_that_at_the_peak() -> None:
    told = compared([Part(15, 100, None, HIGH), Part(2, 200, None, LOW)])
    assert (told.peak, told.enabled, told.limit, told.over) == (15, None, HIGH, 0)
    assert compared([Part(2, 100, None, HIGH), Part(2, 200, None, LOW)]).limit == LOW
    assert compared([Part(0, None, None, HIGH), Part(0, None, None, None)]).limit is None


def test_of_equal_parts_the_later_one_is_told() -> None:
    other = Limit(3, 3, date(2026, 9, 20), "peak")
    told = compared([Part(5, 100, None, LOW), Part(5, 200, None, other)])
    assert (told.last, told.limit, told.over) == (200, other, 2)


def test_what_was_bought_as_enabled_is_compared_with_what_is_enabled() -> None:
    enabled, fewer = Limit(10, 10, date(2026, 9, 1), "enabled"), Limit(4, 4, date(2026, 9, 5), "enabled")
    assert (compared([Part(50, 1, 12, enabled)]).over, compared([Part(None, None, 10, enabled)]).over) == (2, 0)
    told = compared([Part(1, 1, 4, enabled), Part(9, 9, 3, fewer)])
    assert (told.limit, told.over) == (enabled, 0)


def test_what_is_not_known_is_neither_zero_nor_over() -> None:
    told = compared([Part(None, None, None, LOW, "a"), Part(None, None, None, LOW, "a"), Part(None, None, None, LOW, "b")])
    assert (told.peak, told.limit, told.over, told.missing) == (None, LOW, 0, ("a", "b"))
    told = compared([Part(None, None, None, None, "a"), Part(0, None, 0, None)])
    assert (told.peak, told.enabled) == (None, 0)
    assert compared([Part(None, None, None, None, "a"), Part(3, 7, 0, None)]).peak == 3


def test_a_part_of_which_nothing_counts_is_missing_only_where_all_are_so() -> None:
    out = Part(missing=ALL_EXCLUDED)
    assert (compared([out, Part(0)]).peak, compared([out, Part(0)]).missing) == (0, ())
    assert (compared([out, out]).peak, compared([out, out]).missing) == (None, (ALL_EXCLUDED,))
    assert compared([out, Part(missing="a")]).missing == ("a",)
