"""lmutil: the right tool by name or first word, its exit status, and sentences on stderr."""

from __future__ import annotations

import io
import os
import secrets
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from seatkeeper.cli import lmhostid, lmstat, lmutil
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import (
    NONCE_BYTES,
    PROTOCOL,
    SESSION_BYTES,
    Checkin,
    Checkout,
    Granted,
    Hello,
    Lost,
    PoolStatus,
    Returned,
    Welcome,
)
from support.fake_lmgrd import FakeLmgrd, license_server
from support.lmstat_reader import StrictReader
from support.site import VENDOR, Site


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lmstat", "lmstat"),
        ("/opt/seatkeeper/bin/lmstat", "lmstat"),
        ("C:\\Tools\\LMSTAT.EXE", "lmstat"),
        ("lmutil-script.py", "lmutil"),
        ("/src/seatkeeper/cli/lmutil.py", "lmutil"),
    ],
)
def test_a_program_is_known_by_its_name(path: str, name: str) -> None:
    assert lmutil.program_name(path) == name


def test_a_word_that_is_no_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server()) as server:
        for words in (["lmremove", "f\udcff", "u", "h", "d"], ["lmswitch", "genesys.d", "f\udcff"]):
            assert lmutil.main([*words, "-c", f"{server.port}@{server.host}"]) == 214
            assert "This is no text in UTF-8. (found" in capsys.readouterr().err


def test_lmutil_alone_prints_its_usage_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("lmutil - Copyright (c) ")
    assert all(f"\n    {tool} " in shown.out for tool in lmutil.TOOLS)
    assert shown.err == ""


@pytest.mark.parametrize("tool", lmutil.TOOLS)
@pytest.mark.parametrize("own_name", [True, False])
def test_every_tool_runs_by_its_own_name_and_through_lmutil(tool: str, own_name: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main([f"/bin/{tool}", "-help"] if own_name else ["lmutil", tool, "-help"]) == 0
    shown = capsys.readouterr()
    assert f"usage: {tool} " in shown.out or f"usage: lmutil {tool} " in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("tool", sorted(set(lmutil.TOOLS) - {"lmhostid"}))
def test_an_unknown_option_gets_the_usage_on_stderr(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main([tool, "-nosuch"]) == 123
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{tool}: -nosuch: This option is not known.\nusage: {tool} ")


@pytest.mark.parametrize("tool", sorted(set(lmutil.TOOLS) - {"lmhostid"}))
def test_every_tool_says_its_version(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", tool, "-v"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("lmutil - Copyright (c) ")
    assert second.startswith(f"{tool} v")


def test_an_unknown_tool_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", "lmxx"]) == 123
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "found 'lmxx'" in shown.err
    assert "usage: lmutil TOOL" in shown.err


def test_lmutil_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmutil", "-v"]) == 0
    assert "\nlmutil v" in capsys.readouterr().out


def test_lmhostid_is_given_its_words_and_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(lmhostid, "run", lambda *words: given.extend(words) or 7)
    assert lmutil.main(["lmutil", "lmhostid", "-n", "-v"]) == 7
    assert given == [["-n", "-v"], "lmutil"]


def test_bad_input_is_one_sentence_and_214(capsys: pytest.CaptureFixture[str]) -> None:
    assert lmutil.main(["lmstat", "-c", "x@y"]) == 214
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("lmstat: -c:1: ")
    assert shown.err.count("\n") == 1


def test_an_interrupted_tool_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(lmstat, "run", interrupt)
    assert lmutil.main(["lmstat"]) == 130


def test_names_that_the_terminal_cannot_show_do_not_cost_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    with FakeLmgrd(license_server([PoolStatus(1, "ungewöhnlich", 0, "genesys.d", "8.5", "permanent", 1, 0)])) as server:
        assert lmutil.main(["lmstat", "-a", "-c", f"{server.port}@127.0.0.1"]) == 0
    assert b"Users of ungew\\xf6hnlich:  (Total of 1 license issued;" in raw.getvalue()


def test_a_reader_that_goes_away_is_no_error() -> None:
    pools = [PoolStatus(1, f"feature_{number}", 0, "genesys.d", "8.5", "permanent", 1, 0) for number in range(5000)]
    with FakeLmgrd(license_server(pools)) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmstat", "-a", "-c", f"{server.port}@127.0.0.1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Unbuffered, Python loses what does not fit into the pipe without a word.
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
            | {"PYTHONPATH": str(Path(lmutil.__file__).parents[2])},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.wait(30) == 141


# A real license server -------------------------------------------------------------------------------------------


class Holder:
    """A client on the bare protocol, which holds what it checks out until it is closed."""

    def __init__(self, port: int, user: str, host: str) -> None:
        self._connection = socket.create_connection(("localhost", port), 20)
        self._reader = server_frames()
        self._messages: list[object] = []
        self._requests = 0
        hello = Hello(PROTOCOL, VENDOR, secrets.token_bytes(SESSION_BYTES), secrets.token_bytes(NONCE_BYTES), user, host, ":0")
        self._connection.sendall(encode_preface(VENDOR) + frame(hello))
        assert isinstance(self._answer(), Welcome)

    def _answer(self) -> object:
        while not self._messages:
            data = self._connection.recv(65536)
            assert data, "the server closed the connection"
            self._messages += self._reader.feed(data)
        return self._messages.pop(0)

    def check_out(self, feature: str, count: int) -> int:
        self._requests += 1
        self._connection.sendall(frame(Checkout(self._requests, feature, "8.0", count)))
        granted = self._answer()
        assert isinstance(granted, Granted), granted
        return granted.handle

    def lost(self) -> int:
        """The handle that the server takes away; it is free when this client has confirmed."""
        lost = self._answer()
        assert isinstance(lost, Lost), lost
        self._connection.sendall(frame(Checkin(2**40 + lost.handle, lost.handle)))
        assert self._answer() == Returned(2**40 + lost.handle, lost.handle)
        return lost.handle

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def tool(*argv: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of a tool in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "seatkeeper.cli.lmutil", *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.processes
def test_a_servers_whole_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(lmutil.__file__).parents[2]))
    with ExitStack() as stack:
        site = stack.enter_context(Site(tmp_path, {"tserver_sdn": 500, "ics_one": 1, "ocs_ports": 10}))
        site.start()
        path = ("-c", f"{site.port}@localhost")
        bulk = stack.enter_context(Holder(site.port, "genesys", "tsrv1"))
        agent = stack.enter_context(Holder(site.port, "ada", "desk1"))
        bulk.check_out("tserver_sdn", 300)
        handles = [agent.check_out("ocs_ports", 2), agent.check_out("ics_one", 1)]

        # By name, by address, by license file: the same screen, as the strictest readers want it.
        ways = [tool("lmstat", "-a", "-c", way) for way in (path[1], f"{site.port}@127.0.0.1", f"{site.port}@[::1]", str(site.license))]
        assert [status for status, _, _ in ways] == [0, 0, 0, 0]
        assert [StrictReader(out).read().features for _, out, _ in ways] == [
            [("tserver_sdn", 500, 300), ("ics_one", 1, 1), ("ocs_ports", 10, 2)]
        ] * 4
        rows = tool("lmstat", "-i", "-c", str(site.license))[1]
        assert [line.split()[:3] for line in rows.splitlines()[9:]] == [
            ["tserver_sdn", "8.0", "500"],
            ["ics_one", "8.0", "1"],
            ["ocs_ports", "8.0", "10"],
        ]

        assert tool("lmremove", *path, "ocs_ports", "ada", "desk1", ":0")[0] == 0
        assert agent.lost() == handles[0]
        assert tool("lmremove", *path, "-h", "ics_one", "localhost", str(site.port), str(handles[1]))[0] == 0
        assert agent.lost() == handles[1]
        assert tool("lmremove", *path, "ocs_ports", "ada", "desk1", ":0")[0] == 215

        site.write({"tserver_sdn": 350, "new_one": 2})
        status, out, err = tool("lmreread", *path)
        assert (status, out.splitlines()[1], err) == (0, "lmreread successful", "")
        shown = StrictReader(tool("lmstat", "-a", *path)[1]).read()
        assert shown.features == [("tserver_sdn", 350, 300), ("new_one", 2, 0)]
        assert tool("lmstat", "-f", "ocs_ports", *path)[0] == 251

        assert tool("lmdown", "-q", "-vendor", VENDOR, *path)[0] == 0
        status, out, err = tool("lmstat", "-a", *path)
        assert status == 159
        assert " genesys.d: The desired vendor daemon is down. (-97,121)" in StrictReader(out).read().lines
        assert "shut down" in err
        status, out, _ = tool("lmdown", *path)
        assert (status, out.splitlines()[-1]) == (1, "Nothing is shut down.")
        status, out, _ = tool("lmdown", "-q", *path)
        assert (status, out.splitlines()[-1]) == (0, "1 License Server shut down")
        assert site.process is not None
        assert site.process.wait(30) == 0
        status, out, _ = tool("lmstat", "-a", *path)
        assert (status, out.splitlines()[-1]) == (
            241,
            'Error getting status: Cannot connect to license server system. (-15,570:111 "Connection refused")',
        )
