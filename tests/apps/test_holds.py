"""A behaviour that has nothing of its own to do does nothing."""

from __future__ import annotations

from seatkeeper.apps.holds import Behaviour, Hold
from seatkeeper.apps.lds import LoadDistributionServer
from seatkeeper.apps.profile import Settings


def test_a_behaviour_belongs_to_its_application_and_a_hold_to_its_behaviour() -> None:
    app = LoadDistributionServer(Settings("lds"))
    behaviour = Behaviour(app, "f1", "8.0")
    assert app.behaviours[-1] is behaviour
    assert behaviour.cause == "feature f1"
    hold = Hold(behaviour, 3, up_to=True, data="d", who="w")
    assert (hold.feature, hold.version, hold.wanted, hold.count, hold.state) == ("f1", "8.0", 3, 0, "new")
    before = app.handle
    for told in (behaviour.start, behaviour.options_changed, behaviour.stand_by, behaviour.reached, behaviour.tick):
        told()
    for told_of in (behaviour.granted, behaviour.lost, behaviour.restored):
        told_of(hold)
    behaviour.denied(hold, -4, "")
    behaviour.counted(1, 1)
    assert behaviour.deadline() is None
    assert app.handle == before
    assert hold.state == "new"
