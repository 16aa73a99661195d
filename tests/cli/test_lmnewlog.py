from __future__ import annotations

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import AskSwitch, Done
from support.fake_lmgrd import FakeLmgrd, license_server


def done(_vendor: str, message: AskSwitch) -> Done:
    if message.path == "off":
        return Done(message.request, -45, "There is no report log.")
    return Done(message.request, 0, f"{message.what} {message.path}")


def test_the_vendor_daemon_is_asked_and_its_answer_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(done=done)) as server:
        assert main(["lmnewlog", "-c", f"{server.port}@127.0.0.1", "genesys.d", "use/monday.jsonl"]) == 0
        assert main(["lmnewlog", "-c", f"{server.port}@127.0.0.1", "use/monday.jsonl"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1:3] == ["lmnewlog successful", f"    {server.port}@127.0.0.1: genesys.d: new use/monday.jsonl"]
    sent = [(vendor, message.what, message.path) for vendor, message in server.asked if isinstance(message, AskSwitch)]
    assert sent == 2 * [("genesys.d", "new", "use/monday.jsonl")]


def test_a_refusal_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(done=done)) as server:
        assert main(["lmnewlog", "-c", f"{server.port}@127.0.0.1", "off"]) == 211
    shown = capsys.readouterr()
    assert "successful" not in shown.out
    assert "There is no report log." in shown.err


def test_the_file_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmnewlog"]) == 123
    assert "usage: lmnewlog" in capsys.readouterr().err
    assert main(["lmnewlog", "-help"]) == 0
    assert "usage: lmnewlog" in capsys.readouterr().out
