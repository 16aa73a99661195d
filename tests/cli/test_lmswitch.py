"""lmswitch: which vendor daemon is asked, what it is asked, and what is said of its answer."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import AskSwitch, DaemonStatus, Done
from support.fake_lmgrd import FakeLmgrd, license_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UP = DaemonStatus("genesys.d", up=True, version="0.1.0")
OTHER = DaemonStatus("other.d", up=True, version="0.1.0")
DOWN = DaemonStatus("down.d", up=False, version="", reason="it was shut down")


@pytest.fixture(name="serve")
def _serve() -> Iterator[Callable[..., FakeLmgrd]]:
    def done(_vendor: str, message: AskSwitch) -> Done:
        if message.path == "/taken.log":
            return Done(message.request, -42, "/taken.log: This file exists already")
        return Done(message.request, 0, f"the debug log goes on in {message.path}")

    with ExitStack() as stack:
        yield lambda *daemons: stack.enter_context(FakeLmgrd(license_server(daemons=daemons, done=done)))


def asked(server: FakeLmgrd) -> list[tuple[str, str, str, bool]]:
    found = [(vendor, message) for vendor, message in server.asked if isinstance(message, AskSwitch)]
    return [(vendor, message.what, message.path, message.rollover) for vendor, message in found]


def path(*servers: FakeLmgrd) -> str:
    return ":".join(f"{server.port}@127.0.0.1" for server in servers)


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["genesys.d", "/new.log"], ("genesys.d", "debug", "/new.log", False)),
        (["Genesys.D", "/new.log"], ("genesys.d", "debug", "/new.log", False)),
        (["/new.log"], ("genesys.d", "debug", "/new.log", False)),
        (["-rollover"], ("genesys.d", "debug", "", True)),
        (["genesys.d", "-rollover"], ("genesys.d", "debug", "", True)),
        (["genesys.d", "/new.log", "-rollover"], ("genesys.d", "debug", "/new.log", True)),
    ],
)
def test_what_is_asked(
    serve: Callable[..., FakeLmgrd], capsys: pytest.CaptureFixture[str], words: list[str], question: tuple[str, str, str, bool]
) -> None:
    server = serve(UP)
    assert main(["lmutil", "lmswitch", "-c", path(server), *words]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1:] == [
        "lmswitch successful",
        f"    {server.port}@127.0.0.1: genesys.d: the debug log goes on in {question[2]}",
    ]
    assert shown.err == ""
    assert asked(server) == [question]


def test_a_refusal_is_no_success(serve: Callable[..., FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmswitch", "-c", path(serve(UP)), "/taken.log"]) == 214
    shown = capsys.readouterr()
    assert "successful" not in shown.out
    assert "/taken.log: This file exists already" in shown.err


def test_the_server_that_has_the_vendor_daemon_is_found(serve: Callable[..., FakeLmgrd]) -> None:
    first, second = serve(UP), serve(UP, OTHER)
    assert main(["lmswitch", "-c", f"1@127.0.0.1:{path(first, second)}", "other.d", "/new.log"]) == 0
    assert (asked(first), asked(second)) == ([], [("other.d", "debug", "/new.log", False)])


def test_of_several_vendor_daemons_one_must_be_named(serve: Callable[..., FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(UP, OTHER)
    assert main(["lmswitch", "-c", path(server), "/new.log"]) == 123
    assert "genesys.d, other.d" in capsys.readouterr().err
    assert asked(server) == []


@pytest.mark.parametrize(("vendor", "said"), [("nosuch", "There is no vendor daemon nosuch"), ("down.d", "is down: it was shut down")])
def test_a_vendor_daemon_that_does_not_serve(
    serve: Callable[..., FakeLmgrd], capsys: pytest.CaptureFixture[str], vendor: str, said: str
) -> None:
    server = serve(UP, DOWN)
    assert main(["lmswitch", "-c", path(server), vendor, "/new.log"]) == 159
    assert said in capsys.readouterr().err
    assert asked(server) == []


@pytest.mark.parametrize("words", [[], ["a", "b", "c"], ["-nosuch"]])
def test_words_that_are_not_understood(serve: Callable[..., FakeLmgrd], capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["lmswitch", "-c", path(serve(UP)), *words]) == 123
    assert "usage: lmswitch" in capsys.readouterr().err


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmswitch", "-c", "1@127.0.0.1", "/new.log"]) == 241
    assert "(-15,570:111" in capsys.readouterr().err
