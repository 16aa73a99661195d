"""lmreread: `lmreread successful` stands there only when it was."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import AskReread, Done
from support.fake_lmgrd import FakeLmgrd, license_server
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="servers")
def _servers() -> Iterator[list[FakeLmgrd]]:

    def done(_vendor: str, message: AskReread) -> Done:
        refused = message.vendor == "nosuch"
        return Done(
            message.request, -97 if refused else 0, "There is no vendor daemon nosuch." if refused else "genesys.d: 5 lines are served"
        )

    with ExitStack() as stack:
        yield [stack.enter_context(FakeLmgrd(license_server(done=done))) for _ in range(2)]


def asked(server: FakeLmgrd) -> list[AskReread]:
    return [message for _, message in server.asked if isinstance(message, AskReread)]


def path(servers: list[FakeLmgrd]) -> str:
    return ":".join(f"{server.port}@127.0.0.1" for server in servers)


def test_success(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmutil", "lmreread", "-c", path(servers[:1])]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].startswith("lmutil - Copyright (c) ")
    assert lines[1:] == ["lmreread successful", f"    {servers[0].port}@127.0.0.1: genesys.d: 5 lines are served"]
    assert shown.err == ""
    assert asked(servers[0]) == [AskReread(1, "")]


@pytest.mark.parametrize("flag", ["--dry-run", "-dry-run"])
def test_a_dry_run_asks_for_one_and_does_not_claim_success(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = "genesys.d: 1 feature changes.\n  f1 8.0: 5 seats become 3.\n"
    with FakeLmgrd(license_server(done=lambda _vendor, message: Done(message.request, 0, said))) as server:
        assert main(["lmreread", flag, "-c", path([server])]) == 0
        shown = capsys.readouterr()
        assert shown.out.splitlines()[1:] == [
            "lmreread dry run: nothing was changed",
            f"    {server.port}@127.0.0.1: genesys.d: 1 feature changes.",
            "      f1 8.0: 5 seats become 3.",
        ]
        assert [message.dry_run for message in asked(server)] == [True]


def test_a_dry_run_of_files_that_would_be_refused_ends_with_their_error(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(done=lambda _vendor, message: Done(message.request, -2, "x.dat: line 3 is wrong."))) as server:
        assert main(["lmreread", "--dry-run", "-c", path([server])]) == 254
        shown = capsys.readouterr()
        assert "successful" not in shown.out
        assert "x.dat: line 3 is wrong." in shown.err


def test_a_vendor_is_passed_on_and_a_refusal_is_no_success(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmreread", "-vendor", "nosuch", "-c", path(servers[:1])]) == 159
    shown = capsys.readouterr()
    assert "successful" not in shown.out
    assert shown.err.startswith("lmreread: The desired vendor daemon is down. (-97,")
    assert "There is no vendor daemon nosuch." in shown.err


def test_of_several_servers_the_first_that_answers_or_all(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmreread", "-c", f"1@127.0.0.1:{path(servers)}"]) == 0
    shown = capsys.readouterr()
    assert "\nlmreread successful\n" in shown.out
    assert f"only {servers[0].port}@127.0.0.1 is asked; -all asks all 3" in shown.err
    assert [len(asked(server)) for server in servers] == [1, 0]
    assert main(["lmreread", "-all", "-c", path(servers)]) == 0
    assert [len(asked(server)) for server in servers] == [2, 1]


def test_all_is_no_success_when_one_is_down(servers: list[FakeLmgrd], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmreread", "-all", "-c", f"{path(servers)}:1@127.0.0.1"]) == 241
    assert "successful" not in capsys.readouterr().out
    assert [len(asked(server)) for server in servers] == [1, 1]


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmreread", "-c", "1@127.0.0.1"]) == 241
    assert "(-15,570:111" in capsys.readouterr().err


@pytest.mark.processes
def test_what_a_real_server_refuses_comes_with_a_remedy_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.add_vendor("other.d", {"g1": 1})
        site.start()

        def told(*words: str) -> str:
            main([words[0], "-c", f"{site.port}@localhost", *words[1:]])
            return capsys.readouterr().err

        options = site.directory / "genesys.d.opt"
        options.write_text("MAXX 3 f1 USER ann\n")
        fault = told("lmreread")
        assert f"options file {options}:1:1: This is no keyword of an options file; did you mean MAX?" in fault
        assert "Run `seatkeeper options lint FILE -c LICENSE` on the options file." in fault
        assert "license lint" not in fault
        options.unlink()
        assert "Name one that `lmstat` shows." in told("lmreread", "-vendor", "nosuch")
        assert told("lmdown", "-vendor", "other.d", "-q") == ""
        assert "it was shut down by " in (stopped := told("lmstat"))
        assert "lmreread starts it again; until then it stays down." in stopped
