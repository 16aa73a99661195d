from __future__ import annotations

from seatkeeper.usage.gate import LRM_CONNECTED, LRM_LOST, LRM_MISSING, Answer, Gate


def numbers(answer: Answer) -> list[int]:
    return [message.number for message in answer.messages]


def test_nobody_connects_before_lrm_was_there_once() -> None:
    gate = Gate(False)
    refused = gate.product_asks("tserver_1")
    assert (refused.allowed, numbers(refused)) == (False, [LRM_MISSING])
    assert "'tserver_1'" in refused.messages[0].text
    assert numbers(gate.lrm_connected()) == [LRM_CONNECTED]
    assert numbers(gate.lrm_connected()) == []
    assert gate.product_asks("tserver_1") == Answer(True)


def test_a_later_absence_is_logged_and_hinders_nobody() -> None:
    gate = Gate(True)
    assert not gate.present
    assert gate.product_asks("urs") == Answer(True)
    gate.lrm_connected()
    gate.lrm_connected()
    assert numbers(gate.lrm_gone()) == []
    assert gate.present
    assert numbers(gate.lrm_gone()) == [LRM_LOST]
    assert gate.product_asks("urs") == Answer(True)
    assert numbers(gate.lrm_connected()) == [LRM_CONNECTED]
