from __future__ import annotations

from seatkeeper.server.supervisor import ATTEMPTS_MAX, PAUSE_S_MAX, SERVED_S_MIN, Supervision


def test_the_first_restart_is_at_once_and_the_next_come_later_and_later() -> None:
    supervision = Supervision()
    pauses = [supervision.died(None, final=False) for _ in range(ATTEMPTS_MAX)]
    assert pauses[:4] == [0.0, 0.5, 1.0, 2.0]
    assert pauses == sorted(pauses, key=lambda pause: -1.0 if pause is None else pause)
    assert all(pause is not None and pause <= PAUSE_S_MAX for pause in pauses)


def test_lmgrd_gives_up_after_so_many_deaths_in_a_row() -> None:
    supervision = Supervision()
    for _ in range(ATTEMPTS_MAX):
        assert supervision.died(None, final=False) is not None
    assert supervision.died(None, final=False) is None
    assert supervision.restarts == ATTEMPTS_MAX


def test_a_daemon_that_has_served_is_started_at_once_however_often_it_dies() -> None:
    supervision = Supervision()
    assert [supervision.died(SERVED_S_MIN, final=False) for _ in range(100)] == [0.0] * 100


def test_one_that_dies_soon_after_it_served_is_no_better_than_one_that_never_did() -> None:
    supervision = Supervision()
    assert [supervision.died(SERVED_S_MIN / 2, final=False) for _ in range(3)] == [0.0, 0.5, 1.0]


def test_what_a_restart_cannot_cure_is_not_tried() -> None:
    supervision = Supervision()
    assert supervision.died(100.0, final=True) is None
    assert supervision.restarts == 0


def test_an_administrator_may_try_again() -> None:
    supervision = Supervision()
    while supervision.died(None, final=False) is not None:
        pass
    supervision.try_again()
    assert supervision.died(None, final=False) == 0.0
