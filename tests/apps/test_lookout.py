"""What is wanted and not there is looked for every minute, each feature once, and at once when the server is back."""

from __future__ import annotations

from seatkeeper.apps.application import Application
from seatkeeper.apps.holds import Behaviour, Hold
from seatkeeper.apps.lds import LoadDistributionServer
from seatkeeper.apps.lookout import RETRY_S, Lookout
from seatkeeper.apps.profile import Settings


def two_holds() -> tuple[Hold, Hold, Behaviour]:
    app: Application = LoadDistributionServer(Settings("lds"))
    behaviour = Behaviour(app, "f1", "8.0")
    return Hold(behaviour, 1), Hold(behaviour, 2), behaviour


def test_holds_of_a_feature_are_one_question() -> None:
    first, second, _ = two_holds()
    lookout = Lookout()
    lookout.gone = {first: 100.0, second: 90.0}
    assert min(lookout.times(cut_off=False)) == 90.0
    assert lookout.due(89.0, reachable=True) == []
    assert lookout.due(100.0, reachable=True) == ["f1"]
    assert lookout.gone == {first: 100.0 + RETRY_S, second: 100.0 + RETRY_S}
    assert lookout.ask("f1")
    assert not lookout.ask("f1"), "the answer is on its way"
    assert lookout.found("f1", 3) == [first, second]
    assert lookout.found("f1", 3) == []


def test_nothing_is_asked_for_where_nothing_is_free_but_where_nobody_knows() -> None:
    first, _, _ = two_holds()
    lookout = Lookout()
    for free, found in ((0, []), (-1, [first])):
        lookout.gone = {first: 0.0}
        lookout.due(0.0, reachable=True)
        assert lookout.found("f1", free) == found


def test_while_the_server_is_away_holds_wait_and_are_hurried_afterwards() -> None:
    first, _, behaviour = two_holds()
    lookout = Lookout()
    lookout.gone = {first: 0.0}
    lookout.looking = {behaviour: 0.0}
    assert lookout.due(0.0, reachable=False) == ["f1"], "a behaviour may look"
    assert lookout.found("f1", 9) == []
    lookout.hurry(5.0)
    assert lookout.due(5.0, reachable=True) == ["f1"]


def test_an_application_that_holds_nothing_looks_for_its_server_every_minute() -> None:
    lookout = Lookout()
    assert list(lookout.times(cut_off=True)) == [0.0]
    assert lookout.is_server_due(10.0)
    assert not lookout.is_server_due(10.0 + RETRY_S - 1)
    assert lookout.is_server_due(10.0 + RETRY_S)
