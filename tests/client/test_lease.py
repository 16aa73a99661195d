"""lease: the lease never outlives what an answered message has bought, whatever is lost, late or out of order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.client.lease import BACKOFF_BASE_S, Lease, backoff_s


def welcomed(sent: float = 0.0, now: float = 1.0) -> Lease:
    lease = Lease()
    lease.welcomed(heartbeat_s=10.0, lease_s=30.0, sent=sent, now=now)
    return lease


def test_nothing_is_held_before_the_welcome() -> None:
    assert not Lease().good(-1e9)


def test_the_lease_runs_from_the_sending_not_from_the_answer() -> None:
    lease = welcomed(sent=0.0, now=1.0)
    assert (lease.until, lease.beat_at) == (30.0, 11.0)
    lease.sent(1, 11.0)
    assert lease.until == 30.0
    lease.answered(1)
    assert lease.until == 41.0
    assert lease.good(40.9)
    assert not lease.good(41.0)


def test_an_answer_proves_something_once_and_only_over_its_own_connection() -> None:
    lease = welcomed()
    lease.sent(1, 20.0)
    lease.cut()
    lease.answered(1)
    assert lease.until == 30.0
    assert lease.owed_since is None


def test_the_oldest_answer_is_the_one_that_is_owed() -> None:
    lease = welcomed()
    lease.sent(1, 2.0)
    lease.sent(2, 3.0)
    assert lease.owed_since == 2.0
    lease.answered(1)
    assert lease.owed_since == 3.0
    lease.answered(2)
    assert lease.owed_since is None


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=30))
def test_until_is_the_latest_answered_sending_plus_the_lease(messages: list[tuple[float, bool]]) -> None:
    lease = welcomed()
    bought = [0.0]
    for number, (at, heard) in enumerate(messages):
        lease.sent(number, at)
        if heard:
            lease.answered(number)
            bought.append(at)
    assert lease.until == max(bought) + 30.0


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0.1, 100))
def test_the_wait_grows_up_to_its_limit_and_is_drawn_whole(attempt: int, draw: float, longest_s: float) -> None:
    wait = backoff_s(attempt, draw, longest_s)
    assert 0.0 <= wait <= longest_s
    assert backoff_s(attempt, 0.0, longest_s) == 0.0
    assert backoff_s(attempt + 1, draw, longest_s) >= wait


def test_the_first_waits() -> None:
    assert [backoff_s(attempt, 0.5, 1e9) for attempt in range(3)] == [BACKOFF_BASE_S / 2, BACKOFF_BASE_S, BACKOFF_BASE_S * 2]


def test_what_may_have_been_sent_by_itself_proves_nothing() -> None:
    lease = Lease()
    lease.welcomed(10.0, 30.0, 0.0, 1.0)
    lease.sent(1, 5.0)
    lease.settled(1)
    assert (lease.until, lease.owed_since) == (30.0, None)
    lease.answered(1)
    assert lease.until == 30.0
