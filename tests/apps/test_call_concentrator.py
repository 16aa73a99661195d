"""Call Concentrator: one license for each instance."""

from __future__ import annotations

from seatkeeper.apps.call_concentrator import CallConcentrator
from support.stage import Stage


def test_a_second_instance_needs_a_second_license() -> None:
    stage = Stage(CallConcentrator, {"CConCopies": 1}).start()
    assert stage.accepted("call-ended", call="1")
    assert Stage(CallConcentrator, {"CConCopies": 0}).start().status == 3
