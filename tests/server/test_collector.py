"""What lives long is kept from the garbage collector, and circles are freed on the next day and after a reread."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from datetime import date

import pytest

from seatkeeper.server.collector import FULL_S, Collector, dissolve

TODAY, TOMORROW = date(2026, 11, 24), date(2026, 11, 25)


class Circle:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself: object = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def abandoned() -> weakref.ref[Circle]:
    return weakref.ref(Circle())


def test_what_exists_at_a_tick_is_not_looked_at_again_on_that_day() -> None:
    collector = Collector(TODAY, 0.0)
    circle = abandoned()
    assert not collector.tick(TODAY, 1.0)
    gc.collect()
    assert not collector.tick(TODAY, FULL_S * 9)
    assert circle() is not None


def test_a_new_day_frees_circles() -> None:
    collector = Collector(TODAY, 0.0)
    circle = abandoned()
    collector.tick(TODAY, 1.0)
    assert collector.tick(TOMORROW, 2.0)
    assert circle() is None
    assert not collector.tick(TOMORROW, 3.0)


def test_a_reread_frees_circles_within_an_hour_and_not_at_every_reread() -> None:
    collector = Collector(TODAY, 0.0)
    with collector.reading():
        circle = abandoned()
    assert not collector.tick(TODAY, FULL_S - 1)
    assert circle() is not None
    assert collector.tick(TODAY, FULL_S)
    assert circle() is None
    with collector.reading():
        pass
    assert not collector.tick(TODAY, FULL_S + 1)
    assert collector.tick(TODAY, FULL_S * 2)


def test_the_collector_is_at_rest_while_files_are_read_and_works_again_after_a_failure() -> None:
    collector = Collector(TODAY, 0.0)

    def read() -> None:
        with collector.reading():
            assert not gc.isenabled()
            raise ValueError("no license file")

    with pytest.raises(ValueError, match="no license file"):
        read()
    assert gc.isenabled()


def test_what_was_replaced_is_freed() -> None:
    thing = Circle()
    thing.itself = None
    seen = weakref.ref(thing)
    replaced = {"f1": [thing], "f2": [thing]}
    del thing
    dissolve(replaced)
    assert not replaced
    assert seen() is None
