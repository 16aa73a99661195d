"""Denials in the journal: every one of few, a bounded number of many, and always how many there were."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.vendor import denials as denials_module
from seatkeeper.vendor.denials import DENIALS_EACH_MAX, DENIALS_MAX, DENIALS_S, Denials
from seatkeeper.vendor.entries import Denial
from seatkeeper.vendor.events import DenialAnswer
from support.vendor_bench import Bench

FILE = "INCREMENT f1 genesys.d 8.0 permanent 1 SIGN=00\n"


def denial(at: float = 0.0, user: str = "ann", name: str = "f1", number: int = -4) -> Denial:
    return Denial(at, user, "pc", name, "8.0", 1, number, "why")


def written(denials: Denials, each: Denial) -> list[Denial]:
    return [append.entry for append in denials.write(each)]  # type: ignore[misc]


def test_a_flood_of_one_client_is_written_so_far_and_then_counted() -> None:
    denials = Denials()
    seen = [entry for number in range(5_000) for entry in written(denials, denial(number / 1000))]
    assert seen == [denial(number / 1000) for number in range(DENIALS_EACH_MAX)]
    # Others are not concerned, nor is what else the same one asks for.
    assert written(denials, denial(6.0, "bob")) == [denial(6.0, "bob")]
    assert written(denials, denial(6.0, name="f2")) == [denial(6.0, name="f2")]
    assert denials.due(DENIALS_S - 0.1) == []
    (last,) = [append.entry for append in denials.due(DENIALS_S)]
    assert isinstance(last, Denial)
    assert last.left_out == 5_000 - DENIALS_EACH_MAX - 1
    assert last.reason == "why (4899 like it before it are not in the journal.)"
    assert (last.at, last.user, last.feature) == (DENIALS_S, "ann", "f1")
    # And it begins anew.
    assert denials.due(DENIALS_S + 1) == []
    assert written(denials, denial(DENIALS_S + 1)) == [denial(DENIALS_S + 1)]


def test_a_flood_under_ever_new_names_is_bounded_too() -> None:
    denials = Denials()
    seen = [entry for number in range(10_000) for entry in written(denials, denial(1.0, f"u{number}"))]
    assert len(seen) == DENIALS_MAX
    (last,) = [append.entry for append in denials.due(61.0)]
    assert isinstance(last, Denial)
    assert last.left_out == 10_000 - DENIALS_MAX - 1
    assert "of several clients" in last.reason


def test_one_that_was_left_out_alone_is_written_as_it_is_with_its_hour() -> None:
    denials = Denials()
    for _ in range(DENIALS_EACH_MAX + 1):
        denials.write(denial(5.0))
    (last,) = [append.entry for append in denials.due(70.0)]
    assert last == denial(70.0)


def test_a_clock_that_is_set_back_does_not_hold_the_count_back() -> None:
    denials = Denials()
    for _ in range(DENIALS_EACH_MAX + 5):
        denials.write(denial(1e6))
    assert [append.entry.left_out for append in denials.due(9e5) if isinstance(append.entry, Denial)] == [4]
    assert written(denials, denial(9e5)) == [denial(9e5)]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["f", "F", "g"]), st.integers(0, 40)), max_size=200))
def test_what_is_written_and_what_is_counted_are_all_there_were(asked: list[tuple[str, str, int]]) -> None:
    """Whatever the order and the hours: no denial is lost from the count, and no minute has more than its number."""
    denials = Denials()
    now, seen = 100.0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denials_module, "DENIALS_EACH_MAX", 3)
        patch.setattr(denials_module, "DENIALS_MAX", 5)
        for user, name, later in asked:
            now += later
            seen += written(denials, denial(now, user, name))
        most = max((sum(start <= entry.at < start + DENIALS_S for entry in seen) for start in {entry.at for entry in seen}), default=0)
        seen += [append.entry for append in denials.due(now, closing=True)]  # type: ignore[misc]
    assert sum(1 + entry.left_out for entry in seen) == len(asked)
    # A minute that is begun in the middle of one count may see the end of that and the next: twice its number, and what was left out.
    assert most <= 2 * (5 + 3)


def test_each_is_answered_and_counts_in_its_pool() -> None:
    bench = Bench(FILE)
    bench.take("ann")
    before = len(bench.log)
    answers = [bench.ask("bob") for _ in range(DENIALS_EACH_MAX + 50)]
    assert all(isinstance(answer, DenialAnswer) and answer.number == -4 for answer in answers)
    assert bench.ledger.pools["f1"][0].denials == DENIALS_EACH_MAX + 50
    assert len(bench.entries(Denial)) == DENIALS_EACH_MAX
    assert len(bench.log) <= before + DENIALS_EACH_MAX + 2
    bench.tick(DENIALS_S + 1)
    assert sum(1 + entry.left_out for entry in bench.entries(Denial)) == DENIALS_EACH_MAX + 50


def test_what_was_counted_is_written_when_the_process_ends() -> None:
    bench = Bench(FILE)
    bench.take("ann")
    for _ in range(DENIALS_EACH_MAX + 50):
        bench.ask("bob")
    (last,) = [append.entry for append in bench.machine.closing(bench.wall)]
    assert isinstance(last, Denial)
    assert last.left_out == 49
    assert bench.machine.closing(bench.wall) == []


def test_an_entry_of_an_older_release_reads_as_none_left_out() -> None:
    old = msgspec.json.encode(
        {"entry": "denial"} | {name: value for name, value in msgspec.structs.asdict(denial()).items() if name != "left_out"}
    )
    assert msgspec.json.decode(old, type=Denial) == denial()
