from __future__ import annotations

from datetime import date

import ibis
import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.bundles import Bundle, BundleItem, BundleSet, bundle_item, bundle_steps, check_bundles, set_in_force
from seatkeeper.usage.measures import SessionRule
from seatkeeper.usage.periods import midnight
from seatkeeper.usage.seats import Known, qualifying
from support.usagefacts import DAY, session, table_of

ITEMS = items_by_name()


def listed(*names: str) -> tuple[BundleItem, ...]:
    return tuple(BundleItem(name) for name in names)


def bundle(number: int = 10_001, name: str = "Basic", include: tuple[BundleItem, ...] = listed("Genesys E-Mail"), *exclude: str) -> Bundle:
    return Bundle(number, name, "", include, listed(*exclude))


def a_set(number: int, *bundles: Bundle, issued: str = "2026-01-01", begin: str = "2026-01-01", end: str = "2026-12-31") -> BundleSet:
    days = [date.fromisoformat(text) for text in (issued, begin, end)]
    return BundleSet(number, "set", "", *days, bundles or (bundle(),))  # type: ignore[arg-type]


def counted(one: Bundle, *sessions: dict[str, object], configuration: tuple[dict[str, object], ...] = ()) -> list[str]:
    rule = bundle_item(one, ITEMS, {}).peak
    assert isinstance(rule, SessionRule)
    known = Known(table_of("configuration", configuration), frozenset(str(row["kind"]) for row in configuration))
    rows = qualifying(table_of("sessions", sessions), rule, known).order_by("session_id")
    return [row["session_id"] for row in ibis.duckdb.connect().to_pyarrow(rows).to_pylist()]


def test_a_session_counts_that_uses_one_of_the_items_and_none_of_those_left_out() -> None:
    sessions = [
        session(1, DAY, None, media="|email|", agent="a"),
        session(2, DAY, None, media="|chat|email|", agent="a"),
        session(3, DAY, None, media="|chat|", agent="b"),
        session(4, DAY, None, media="|voice|", agent="a"),
        session(5, DAY, None, media="|email|", client="supervisor", agent="a"),
    ]
    both = listed("Genesys E-Mail", "genesys web media")
    assert counted(bundle(), *sessions) == ["s1", "s2", "s5"]
    assert counted(bundle(10_001, "b", both), *sessions) == ["s1", "s2", "s3", "s5"]
    assert counted(bundle(10_001, "b", both, "Genesys Supervisor Desktop"), *sessions) == ["s1", "s2", "s3"]
    # Web Media asks for an agent that is configured; E-Mail does not.
    row = {"kind": "agent", "tenant": "Harbor", "name": "a", "detail": "agent", "since": DAY}
    assert counted(bundle(10_001, "b", both), *sessions, configuration=(row,)) == ["s1", "s2", "s5"]


def test_the_set_issued_last_counts_while_it_is_in_force() -> None:
    old = a_set(10_000, bundle(10_001, "Basic"), bundle(10_002, "Advanced"))
    new = a_set(20_000, bundle(10_001, "Basic", listed("Genesys Web Media")), issued="2026-02-01", begin="2026-03-01", end="2026-04-30")
    assert set_in_force([new, old], date(2026, 2, 28)) is old
    assert set_in_force([old, new], date(2026, 3, 1)) is new
    assert set_in_force([old, new], date(2027, 1, 1)) is None
    steps = bundle_steps([new, old], "basic")
    assert [(at, one and one.include[0].item) for at, one in steps] == [
        (midnight(date(2026, 1, 1)), "Genesys E-Mail"),
        (midnight(date(2026, 3, 1)), "Genesys Web Media"),
        (midnight(date(2026, 5, 1)), "Genesys E-Mail"),
        (midnight(date(2027, 1, 1)), None),
    ]
    assert [one is None for _, one in bundle_steps([new, old], "Advanced")] == [False, True, False, True]
    assert bundle_steps([new, old], "Premium") == []


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (a_set(9_999), "no number of a set or bundle"),
        (a_set(20_000, bundle(20_000)), "stands for two things"),
        (a_set(20_000, bundle(), bundle(10_002, "BASIC")), "Two bundles have this name"),
        (a_set(20_000, bundle(10_003, "genesys e-mail")), "An item has this name"),
        (a_set(20_000, bundle(10_003, "")), "has no name"),
        (a_set(20_000, bundle(10_003, "b", ())), "includes nothing"),
        (a_set(20_000, bundle(10_003, "b", listed("GVP Ports"))), "Bundle 'b': .*not measured from sessions"),
        (a_set(20_000, bundle(10_003, "b", listed("Genesys Email"))), "Bundle 'b': .*'Genesys Email', expected one of Genesys E-Mail"),
        (a_set(20_000, begin="2026-02-01", end="2026-01-31"), "ends before it begins"),
        (a_set(10_000), "stands for another"),
        (a_set(20_000, bundle(10_001, "Other")), "stands for another"),
        (a_set(10_001, bundle(30_000)), "stands for another"),
    ],
)
def test_a_set_that_cannot_be_kept_is_refused(new: BundleSet, message: str) -> None:
    with pytest.raises(InputError, match=f"b.xml: .*{message}"):
        check_bundles(new, [a_set(10_000)], ITEMS, {}, "b.xml")


def test_the_next_set_may_have_the_same_bundle_again() -> None:
    check_bundles(a_set(20_000), [a_set(10_000)], ITEMS, {}, "b.xml")
