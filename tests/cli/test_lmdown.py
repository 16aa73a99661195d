"""lmdown: nothing is shut down that was not named or confirmed."""

from __future__ import annotations

import io
import re
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import AskDown, Done, MemberStatus
from support.fake_lmgrd import FakeLmgrd, license_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="servers")
def _servers() -> Iterator[list[FakeLmgrd]]:
    """Two servers, `licsrv` and `licsrv2`, that do what they are asked."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                FakeLmgrd(
                    license_server(
                        host=name,
                        members=(MemberStatus(name, 7260, True, True),),
                        done=lambda _vendor, message: Done(
                            message.request, -120 if message.vendor == "borrowed" and not message.force else 0
                        ),
                    )
                )
            )
            for name in ("licsrv", "licsrv2")
        ]


def path(servers: list[FakeLmgrd]) -> str:
    return ":".join(f"{server.port}@127.0.0.1" for server in servers)


def asked(server: FakeLmgrd) -> list[AskDown]:
    return [message for _, message in server.asked if isinstance(message, AskDown)]


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_q_shuts_down_without_asking(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmdown", "-q", "-c", path(servers[:1])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lmdown - Copyright (c) ")
    assert lines[1:] == ["1 License Server shut down"]
    assert asked(servers[0]) == [AskDown(1, "", False)]


@pytest.mark.parametrize("answer", ["y\n", "Yes\n", "y"])
def test_a_yes_shuts_down(
    answer: str, servers: list[FakeLmgrd], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, answer)
    assert main(["lmdown", "-c", path(servers[:1])]) == 0
    out = capsys.readouterr().out
    assert "Shutting down license server with genesys.d on 7260@licsrv.\nAre you sure (y/n)? " in out
    assert out.endswith("1 License Server shut down\n")
    assert len(asked(servers[0])) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yesterday\n"])
def test_anything_else_does_not(
    answer: str, servers: list[FakeLmgrd], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, answer)
    assert main(["lmdown", "-c", path(servers[:1])]) == 1
    assert capsys.readouterr().out.endswith("Nothing is shut down.\n")
    assert asked(servers[0]) == []


@pytest.mark.parametrize(
    ("answer", "downs"), [("2\ny\n", [0, 1]), ("7\nx\n1\ny\n", [1, 0]), ("all\ny\n", [1, 1]), ("q\n", [0, 0]), ("1\nn\n", [0, 0])]
)
def test_several_servers_are_listed_to_choose_from(
    answer: str, downs: list[int], servers: list[FakeLmgrd], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, answer)
    assert main(["lmdown", "-c", path(servers)]) == (0 if any(downs) else 1)
    out = capsys.readouterr().out
    assert re.search(r"\n +Port@Host +Vendors\n  1\) 7260@licsrv +genesys\.d\n  2\) 7260@licsrv2 +genesys\.d\n", out)
    assert [len(asked(server)) for server in servers] == downs
    if all(downs):
        assert out.endswith("2 License Servers shut down\n")


def test_all_implies_q(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmdown", "-all", "-c", path(servers)]) == 0
    assert capsys.readouterr().out.endswith("2 License Servers shut down\n")


def test_q_alone_does_not_choose_among_several(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmdown", "-q", "-c", path(servers)]) == 123
    shown = capsys.readouterr()
    assert ", ".join(f"{server.port}@127.0.0.1" for server in servers) in shown.err
    assert "-all" in shown.err
    assert main(["lmdown", "-q", "-c", f"{path(servers[:1])}:1@127.0.0.1"]) == 123
    assert [asked(server) for server in servers] == [[], []]


def test_one_that_is_down_is_told_before_the_choice(
    servers: list[FakeLmgrd], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "1\ny\n")
    assert main(["lmdown", "-c", f"1@127.0.0.1:{path(servers[:1])}"]) == 0
    shown = capsys.readouterr()
    assert "(-15,570:111" in shown.err
    assert "\n  1) 7260@licsrv " in shown.out
    assert len(asked(servers[0])) == 1


def test_a_vendor_daemon_alone(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmdown", "-q", "-vendor", "genesys.d", "-c", path(servers[:1])]) == 0
    assert capsys.readouterr().out.endswith("1 Vendor Daemon genesys.d shut down\n")
    assert asked(servers[0]) == [AskDown(1, "genesys.d", False)]


def test_borrowed_licenses_need_force(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmdown", "-q", "-vendor", "borrowed", "-c", path(servers[:1])]) == 136
    shown = capsys.readouterr()
    assert shown.out.endswith("0 Vendor Daemons borrowed shut down\n")
    assert "(-120," in shown.err
    assert main(["lmdown", "-q", "-vendor", "borrowed", "-force", "-c", path(servers[:1])]) == 0


def test_a_triad_goes_down_as_a_whole(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    ports = [server.port for server in servers]
    members = (
        MemberStatus("127.0.0.1", ports[0], True, True),
        MemberStatus("127.0.0.1", ports[1], True, False),
        MemberStatus("127.0.0.1", 1, False, False),
    )
    with FakeLmgrd(license_server(host="127.0.0.1", members=members)) as door:
        assert main(["lmdown", "-q", "-c", f"{door.port}@127.0.0.1"]) == 0
    assert capsys.readouterr().out.endswith("2 License Servers shut down\n")
    assert [len(asked(server)) for server in servers] == [1, 1]


def test_a_server_that_is_down_already(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"{listener.getsockname()[1]}@127.0.0.1"
    assert main(["lmdown", "-q", "-c", gone]) == 241
    assert "(-15,570:111" in capsys.readouterr().err
    assert main(["lmdown", "-all", "-c", f"{path(servers)}:{gone}"]) == 241
    shown = capsys.readouterr()
    assert shown.out.endswith("2 License Servers shut down\n")
    assert "(-15,570:111" in shown.err
