"""lmremove: seats named as lmstat prints them, all of a user's or one handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import AskRemove, DaemonStatus, Done, MemberStatus
from support.fake_lmgrd import FakeLmgrd, license_server

if TYPE_CHECKING:
    from collections.abc import Iterator

DAEMONS = (DaemonStatus("down", up=False), DaemonStatus("otherd", up=True), DaemonStatus("genesys.d", up=True))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENESYS_D_LICENSE_FILE", "LM_LICENSE_FILE"):
        monkeypatch.delenv(name, raising=False)


def done(vendor: str, message: AskRemove) -> Done:
    """genesys.d has f1 of ada on desk1 at :0, of bo without a display, and handle 7; otherd has nothing."""
    number = {"f1": -41, "early": -64}.get(message.feature, -5)
    if vendor == "genesys.d" and (message.handle == 7 or (message.user, message.display) in (("ada", ":0"), ("bo", ""))):
        number = 0 if message.feature == "f1" else number
    return Done(message.request, number, "2 removed" if not number else "")


@pytest.fixture(name="server")
def _server() -> Iterator[FakeLmgrd]:
    members = (MemberStatus("licsrv.example.test", 7260, True, True),)
    with FakeLmgrd(license_server(daemons=DAEMONS, host="licsrv.example.test", members=members, done=done)) as server:
        yield server


def asked(server: FakeLmgrd) -> list[tuple[str, AskRemove]]:
    return [(vendor, message) for vendor, message in server.asked if isinstance(message, AskRemove)]


def test_all_seats_of_a_user(server: FakeLmgrd, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", "f1", "ada", "desk1", ":0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lmremove - Copyright (c) ")
    assert lines[1:] == ["lmremove successful", "    2 removed"]
    wanted = AskRemove(1, "f1", "ada", "desk1", ":0", 0)
    assert asked(server) == [("otherd", wanted), ("genesys.d", wanted)]


def test_a_display_that_lmstat_made_up(server: FakeLmgrd) -> None:
    assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", "f1", "bo", "desk2", "/dev/tty"]) == 0
    assert [message.display for vendor, message in asked(server) if vendor == "genesys.d"] == ["/dev/tty", ""]


def test_one_handle(server: FakeLmgrd) -> None:
    for host in ("licsrv.example.test", "LICSRV"):
        assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", "-h", "f1", host, "7260", "7"]) == 0
    assert ("genesys.d", AskRemove(1, "f1", "", "", "", 7)) in asked(server)


def test_one_handle_without_a_license_path(server: FakeLmgrd) -> None:
    assert main(["lmremove", "-h", "f1", "127.0.0.1", str(server.port), "7"]) == 0
    assert main(["lmremove", "-h", "f1", "127.0.0.1", "1", "7"]) == 241


def test_one_handle_of_a_server_that_is_not_in_the_path(server: FakeLmgrd, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", "-h", "f1", "elsewhere", "7260", "7"]) == 253
    assert "no server elsewhere with port 7260" in capsys.readouterr().err
    assert asked(server) == []


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [("f1 eve desk1 :0", 215, "(-41,"), ("nosuch ada desk1 :0", 251, "(-5,"), ("early ada desk1 :0", 192, "(-64,")],
)
def test_a_refusal_has_its_number(words: str, status: int, says: str, server: FakeLmgrd, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", *words.split()]) == status
    shown = capsys.readouterr()
    assert "successful" not in shown.out
    assert says in shown.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("f1 ada desk1", "FEATURE USER USER_HOST DISPLAY"),
        ("-h f1 licsrv 7260", "FEATURE SERVER_HOST PORT HANDLE"),
        ("-h f1 licsrv 0 7", "PORT is no such number"),
        ("-h f1 licsrv 7260 seven", "HANDLE is no such number"),
        ("f1 ada desk1 :0 more", "found 'more'"),
    ],
)
def test_wrong_words_get_the_usage(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmremove", *words.split()]) == 123
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert "usage: lmremove " in shown.err


def test_no_vendor_daemon_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(daemons=DAEMONS[:1])) as server:
        assert main(["lmremove", "-c", f"{server.port}@127.0.0.1", "f1", "ada", "desk1", ":0"]) == 159
    assert "No vendor daemon is up" in capsys.readouterr().err


def test_no_license_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmremove", "f1", "ada", "desk1", ":0"]) == 255
    assert "(-1,359:2" in capsys.readouterr().err
