"""Where data-source sessions leave holes, and what they end; tests/adapters/test_icon.py proves the rest on real databases."""

from __future__ import annotations

from typing import Any

from seatkeeper.usage.idb import dn_name, ends_of, holes_of, place_name


def source(number: int, since: int, until: int | None, provider: str = "T") -> dict[str, Any]:
    return {"id": number, "provider": provider, "since": since, "until": until}


def test_a_source_that_was_followed_has_ended() -> None:
    rows = [source(2, 50, None), source(1, 0, None), source(3, 0, None, "U"), source(4, 60, 80, "U")]
    assert sorted((row["source"], row["ended"]) for row in ends_of(rows, "i")) == [("i#1", 50), ("i#3", 60), ("i#4", 80)]


def test_holes_lie_between_sessions_of_a_provider_and_after_the_last() -> None:
    rows = [source(1, 0, 10), source(2, 20, 30), source(3, 5, 100, "U"), source(4, 25, 28)]
    assert holes_of(rows, 0, 100) == [(10, 20), (30, 100)]
    assert holes_of(rows, 12, 15) == [(12, 15)]
    assert holes_of([source(1, 50, None)], 0, 100) == []
    assert holes_of([], 0, 100) == []


def test_names_are_unique() -> None:
    assert dn_name("4711", "north") != dn_name("4711", "south")
    assert place_name("P1", "Harbor") == "P1@Harbor"
