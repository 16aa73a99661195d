"""lmstat: flags, exit statuses and what a real server's answers become."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import DaemonStatus, HolderStatus, MemberStatus, PoolStatus, Refused
from support.fake_lmgrd import FakeLmgrd, license_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

UP = DaemonStatus("genesys.d", up=True, version="0.1.0")
OTHER = DaemonStatus("otherd", up=True, version="0.1.0")
DOWN = DaemonStatus("third", up=False, reason="it ended 5 times in a row")
POOLS = (
    PoolStatus(1, "busy", 0, "genesys.d", "8.5", "permanent", 5, 1, holders=[HolderStatus("ada", "desk1", ":0", "8.5", 7, 1, 1e9)]),
    PoolStatus(1, "idle", 0, "genesys.d", "8.5", "31-dec-2027", 3, 0),
    PoolStatus(1, "theirs", 0, "otherd", "1.0", "permanent", 1, 0),
)


@pytest.fixture(autouse=True)
def _no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENESYS_D_LICENSE_FILE", "LM_LICENSE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="path")
def _path() -> Iterator[str]:
    with FakeLmgrd(license_server(POOLS, daemons=(UP, OTHER))) as server:
        yield f"{server.port}@127.0.0.1"


class Shown:
    """What lmstat printed and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str, program: str = "lmstat") -> None:
        self.status = main([program, *argv])
        self.out, self.err = capsys.readouterr()
        self.lines = self.out.splitlines()

    @property
    def features(self) -> list[str]:
        return re.findall(r"^Users of ([^ :]+):", self.out, re.MULTILINE)

    @property
    def daemons(self) -> list[str]:
        return re.findall(r"^ *(\S+): UP v", self.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("flags", "features", "daemons", "servers"),
    [
        ("", [], ["genesys.d", "otherd"], True),
        ("-a", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
        ("-a -old -proj", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
        ("-A", ["busy"], ["genesys.d", "otherd"], True),
        ("-asec", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
        ("-f", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
        ("-f IDLE", ["idle"], ["genesys.d", "otherd"], True),
        ("-a -f theirs", ["theirs"], ["genesys.d", "otherd"], True),
        ("-S", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
        ("-S otherd", ["theirs"], ["otherd"], True),
        ("-lm", [], [], True),
        ("-s", [], [], True),
        ("-s licsrv", [], [], True),
        ("-vd", [], ["genesys.d", "otherd"], False),
        ("-a --no-user-info", ["busy", "idle", "theirs"], ["genesys.d", "otherd"], True),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_flags(
    path: str, flags: str, features: list[str], daemons: list[str], servers: bool, last: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*flags.split(), "-c", path] if last else ["-c", path, *flags.split()]
    shown = Shown(capsys, *argv)
    assert (shown.features, shown.daemons, "license server UP (MASTER) v0.1.0" in shown.out) == (features, daemons, servers)
    assert (shown.status, shown.err) == (0, "")
    assert shown.lines[0].startswith("lmstat - Copyright (c) ")
    assert "Detecting" not in shown.out
    assert ("ada desk1 :0" in shown.out) == ("busy" in features and "--no-user-info" not in flags)


def test_seconds_stand_in_start_times(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r", start \w{3} 9/\d \d\d:\d\d:40$", Shown(capsys, "-asec", "-c", path).out, re.MULTILINE)


def test_lmutil_names_itself(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert Shown(capsys, "lmstat", "-a", "-c", path, program="lmutil").lines[0].startswith("lmutil - Copyright (c) ")


def test_the_environment_names_the_servers(path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESYS_D_LICENSE_FILE", path)
    shown = Shown(capsys, "-f", "busy")
    assert (shown.status, shown.features) == (0, ["busy"])
    assert shown.lines[3] == "[Detecting lmgrd processes...]"


def test_an_unknown_feature_is_251(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-f", "nosuch", "-c", path)
    assert shown.status == 251
    assert shown.out.count("Users of nosuch: Cannot get users of nosuch: No such feature exists. (-5,222)\n") == 1
    assert "nosuch" in shown.err


def test_a_vendor_daemon_that_is_down_is_159_and_its_reason_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(POOLS, daemons=(UP, DOWN))) as server:
        path = f"{server.port}@127.0.0.1"
        whole, one, missing = (Shown(capsys, *flags.split(), "-c", path) for flags in ("-a", "-f busy", "-f nosuch"))
    assert "\n     third: The desired vendor daemon is down. (-97,121)\n" in whole.out
    assert whole.status == missing.status == 159
    assert whole.err.startswith("lmstat: third: it ended 5 times in a row. ")
    # A feature that is served is a good answer, whatever else is down.
    assert (one.status, one.features) == (0, ["busy"])


def test_a_vendor_that_the_server_does_not_run(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-S", "nosuch", "-c", path)
    assert shown.status == 159
    assert "\n    nosuch: The desired vendor daemon is down. (-97,121)\n" in shown.out


def test_a_vendor_that_one_of_two_servers_runs(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(license_server(host="licsrv2")) as server:
        shown = Shown(capsys, "-S", "otherd", "-c", f"{server.port}@127.0.0.1:{path}")
    assert (shown.status, shown.err) == (0, "")
    assert (shown.daemons, shown.features) == (["otherd"], ["theirs"])


def test_a_daemon_that_dies_between_two_questions(capsys: pytest.CaptureFixture[str]) -> None:
    answer = license_server(daemons=(UP,))

    def dying(vendor: str, message: ClientMessage) -> list[ServerMessage]:
        return [Refused(-97, "genesys.d: it ended.")] if vendor else list(answer(vendor, message))  # type: ignore[arg-type]

    with FakeLmgrd(dying) as server:
        shown = Shown(capsys, "-a", "-c", f"{server.port}@127.0.0.1")
    assert shown.status == 159
    assert " genesys.d: The desired vendor daemon is down. (-97,121)\n" in shown.out


def test_no_server_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shown = Shown(capsys, "-a", "-c", f"{port}@127.0.0.1")
    assert shown.status == 241
    assert shown.lines[2:] == ['Error getting status: Cannot connect to license server system. (-15,570:111 "Connection refused")']
    assert f"127.0.0.1, port {port}," in shown.err


def test_a_server_that_hangs_up_is_240_and_one_without_name_160(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(lambda _vendor, _message: b"") as server:
        shown = Shown(capsys, "-c", f"{server.port}@127.0.0.1")
    assert (shown.status, shown.lines[-1]) == (240, "Error getting status: Cannot read data from license server system. (-16,287)")
    shown = Shown(capsys, "-c", "@no-such-host.invalid")
    assert shown.status == 160
    assert shown.lines[-1].endswith('License server machine is down or not responding. (-96,7:2 "No such file or directory")')


def test_a_silent_server_costs_its_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(lambda _vendor, _message: []) as server:
        shown = Shown(capsys, "-t", "0.05", "-c", f"{server.port}@127.0.0.1")
    assert shown.status == 240
    assert "0.05 s" in shown.err


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "1e9"])
def test_a_timeout_is_a_number_of_seconds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-t", seconds, "-c", "@localhost")
    assert shown.status == 123
    assert f"-t: This is no time to wait. (found '{seconds}'" in shown.err


def test_one_of_two_independent_servers_is_down(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shown = Shown(capsys, "-a", "-c", f"{path}:{port}@127.0.0.1")
    assert shown.status == 241
    assert shown.features == ["busy", "idle", "theirs"]
    assert shown.lines[-4:] == [
        f"License server status: {port}@127.0.0.1",
        "",
        ' 127.0.0.1: Cannot connect to license server system. (-15,570:111 "Connection refused")',
        "",
    ]


def test_s_chooses_one_server(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    second = license_server(host="licsrv2", members=(MemberStatus("licsrv2.example.test", 7260, True, True, "0.1.0"),))
    with FakeLmgrd(second) as server:
        shown = Shown(capsys, "-a", "-s", "licsrv2", "-c", f"{path}:{server.port}@127.0.0.1")
        none = Shown(capsys, "-s", "nosuch", "-c", path)
    assert shown.status == 0
    assert re.findall("License server status: (.*)", shown.out) == ["7260@licsrv2.example.test"]
    assert none.status == 214
    assert "-s: No license server" in none.err


def test_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-a", "--json", "-c", path)
    told = json.loads(shown.out)
    assert shown.status == 0
    assert [one["feature"] for one in told["features"]] == ["busy", "idle", "theirs"]
    assert told["features"][0]["pools"][0]["holders"][0]["user"] == "ada"
    assert json.loads(Shown(capsys, "--json", "-c", path).out)["features"] == []


def test_json_of_a_server_that_is_down_has_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeLmgrd(lambda _vendor, _message: b"") as server:
        shown = Shown(capsys, "-a", "--json", "-c", f"{server.port}@127.0.0.1")
    assert shown.status == 240
    assert json.loads(shown.out)["servers"][0]["error"]["number"] == -16


def test_no_license_path(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-a")
    assert shown.status == 255
    assert shown.lines[-1] == 'Error getting status: Cannot find license file. (-1,359:2 "No such file or directory")'
    assert "no -c" in shown.err
    assert Shown(capsys, "-a", "--json").out == ""


# -i --------------------------------------------------------------------------------------------------------------

FILE = """\
SERVER licsrv ANY 7260
DAEMON genesys.d
FEATURE tserver_sdn genesys.d 8.5 permanent 100 SIGN=00
INCREMENT tserver_sdn genesys.d 8.5 12-jun-2027 5 SIGN=00
FEATURE design_tool otherd 1.0 31-dec-2027 uncounted HOSTID=ANY SIGN=00
"""


def test_i_reads_the_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "license.dat"
    file.write_text(FILE)
    for flags in ("-i -a", "-a -i", "-i"):
        shown = Shown(capsys, *flags.split(), "-c", str(file))
        assert shown.status == 0
        assert [line.split() for line in shown.lines[9:]] == [
            ["tserver_sdn", "8.5", "100", "genesys.d", "permanent(no", "expiration", "date)"],
            ["tserver_sdn", "8.5", "5", "genesys.d", "12-jun-2027"],
            ["design_tool", "1.0", "uncounted", "otherd", "31-dec-2027"],
        ]
    one = Shown(capsys, "-i", "DESIGN_TOOL", "-c", str(file))
    assert [line.split()[0] for line in one.lines[9:]] == ["design_tool"]
    none = Shown(capsys, "-i", "nosuch", "-c", str(file))
    assert (none.status, none.lines[9:]) == (251, [])
    rows = json.loads(Shown(capsys, "-i", "--json", "-c", str(file)).out)["licenses"]
    assert [row["count"] for row in rows] == [100, 5, None]


def test_i_of_a_server_shows_its_pools(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-i", "-c", path)
    assert [line.split()[:4] for line in shown.lines[9:]] == [
        ["busy", "8.5", "5", "genesys.d"],
        ["idle", "8.5", "3", "genesys.d"],
        ["theirs", "1.0", "1", "otherd"],
    ]


def test_i_of_a_server_shows_ended_lines_with_their_seats_and_refused_ones_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    pools = (
        PoolStatus(1, "ended", 0, "genesys.d", "8.5", "1-feb-2026", 0, 0, unsupported=4),
        PoolStatus(1, "refused", 0, "genesys.d", "", "", 0, 0, unsupported=3),
    )
    with FakeLmgrd(license_server(pools, daemons=(UP,))) as server:
        shown = Shown(capsys, "-i", "-c", f"{server.port}@127.0.0.1")
    assert [line.split() for line in shown.lines[9:]] == [["ended", "8.5", "4", "genesys.d", "1-feb-2026"]]


def test_i_of_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, "-i", "-c", str(tmp_path / "gone.lic"))
    assert shown.status == 255
    assert "gone.lic" in shown.err
