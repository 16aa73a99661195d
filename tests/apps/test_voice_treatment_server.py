"""Voice Treatment Server: a license of version 7.0 for each port."""

from __future__ import annotations

from seatkeeper.apps.events import CheckOut
from seatkeeper.apps.voice_treatment_server import VoiceTreatmentServer
from support.stage import Stage


def test_the_number_of_licenses_is_the_number_of_ports() -> None:
    stage = Stage(VoiceTreatmentServer, {"VTPort": 2}).start()
    assert [effect.version for effect in stage.effects if isinstance(effect, CheckOut)] == ["7.0"]
    assert [stage.accepted("port-taken", port=port) for port in "abc"] == [True, True, False]
    stage.occur("port-freed", port="a")
    assert stage.accepted("port-taken", port="c")


def test_a_lower_number_takes_no_port_that_is_in_use() -> None:
    stage = Stage(VoiceTreatmentServer, {"VTPort": 4}).start()
    for port in "abc":
        stage.occur("port-taken", port=port)
    stage.change("num-of-licenses", 1)
    assert stage.in_use("VTPort") == 3
