"""lmdiag: the classic words for what can be checked out and what cannot, on real license servers."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli import lmdiag
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.licfile.model import Package
from seatkeeper.sdk.blocking import Client
from seatkeeper.wire.messages import AskLines, Hello, PoolStatus, Refused
from support.fake_lmgrd import FakeLmgrd, license_server
from support.site import VENDOR, Site, feature
from support.troubles import STRANGE_HOST, STRANGE_HOSTID, closed_port, down_site, silent_port, troubled_site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

pytestmark = pytest.mark.processes

CAN = "This license can be checked out"
CANNOT = "This license cannot be checked out because:"
CORRECT = "This is the correct node for this node-locked license"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with troubled_site(tmp_path_factory.mktemp("troubles")) as made:
        made.start()
        with Client(str(made.license)) as holder, holder.checkout("full", count=2):
            yield made


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with down_site(tmp_path_factory.mktemp("down")) as made:
        yield made


class Shown:
    """What lmdiag printed, and its status."""

    def __init__(self, status: int, out: str) -> None:
        self.status = status
        self.lines = out.splitlines()
        self.text = out

    def after(self, line: str) -> str:
        """The line that follows."""
        return self.lines[self.lines.index(line) + 1]


@pytest.fixture
def lmdiag_of(capsys: pytest.CaptureFixture[str]) -> object:
    def run(*words: str) -> Shown:
        status = lmdiag.run(list(words), "lmdiag")
        return Shown(status, capsys.readouterr().out)

    return run


def test_a_license_that_can_be_checked_out(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(site.license), "good", "-n")
    assert shown.status == 0
    rule = "-" * 53
    head = [
        "",
        rule,
        f"License file: {site.license}",
        rule,
        '"good" v8.0, vendor: genesys.d, expiry: 1-jan-0',
        "License server: localhost",
        "floating license  starts: 1-jan-1990,   expires: 1-jan-0",
        " ",
        CAN,
        "",
        rule,
    ]
    assert shown.lines[0].startswith("lmdiag - Copyright (c) ")
    assert re.fullmatch(r"FlexNet diagnostics on \w{3} \d{1,2}/\d{1,2}/\d{4} \d\d:\d\d", shown.lines[1])
    assert shown.lines[2:] == head


def test_a_server_s_features_look_the_same_as_a_file_s(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    from_file = lmdiag_of("-c", str(site.license), "good", "-n").lines[6:]
    assert lmdiag_of("-c", f"{site.port}@localhost", "good", "-n").lines[6:] == from_file


@pytest.mark.parametrize(
    ("feature", "number", "text", "about"),
    [
        ("expired", -10, "Feature has expired.", "2020"),
        ("future", -31, "Feature start date is in the future.", "2999"),
        ("full", -4, "Licensed number of users already reached.", "2 of 2 seats"),
        ("locked", -9, "Invalid host.", STRANGE_HOSTID),
        ("nosuch", -5, "No such feature exists.", "nosuch"),
    ],
)
@pytest.mark.parametrize("by_file", [True, False])
def test_a_license_that_cannot(site: Site, lmdiag_of, feature: str, number: int, text: str, about: str, by_file: bool) -> None:  # type: ignore[no-untyped-def]
    path = str(site.license) if by_file else f"{site.port}@localhost"
    shown = lmdiag_of("-c", path, feature, "-n")
    assert shown.status == 256 + number
    assert shown.after(CANNOT) == text
    assert CAN not in shown.lines
    told = shown.lines[shown.lines.index(CANNOT) :]
    assert any(re.match(rf"FlexNet Licensing error:{number},\d+\.", line) for line in told)
    assert any(about in line for line in told)
    assert any(line.startswith("What to do: ") for line in told)


def test_an_altered_line_is_told_apart_from_a_missing_one(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(site.license), "altered", "-n")
    assert shown.status == 256 - 8
    assert shown.after(CANNOT) == "Invalid (inconsistent) license key or signature."
    assert "altered was changed after signing: count (found '30', signed with '3')" in shown.text
    assert "The license file has a line of altered, and it is not served: line " in shown.text
    # The server says the same to who has no file.
    asked = lmdiag_of("-c", f"{site.port}@localhost", "altered", "-n")
    assert asked.status == 256 - 8
    assert "altered was changed after signing: count (found '30', signed with '3')" in asked.text


def test_the_version_asked_for_is_the_line_s_own(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(site.license), "old", "-n")
    assert '"old" v6.0, vendor: genesys.d, expiry: 1-jan-0' in shown.lines
    assert CAN in shown.lines


def test_an_older_server_has_not_the_version_of_the_file(site: Site, tmp_path: Path, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    newer = tmp_path / "newer.dat"
    newer.write_text(site.license.read_text().replace("old genesys.d 6.0", "old genesys.d 9.0"))
    shown = lmdiag_of("-c", str(newer), "old", "-n")
    assert shown.status == 256 - 21
    assert shown.after(CANNOT) == "License file does not support this version."


def test_the_node_of_a_node_locked_license(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    here = lmdiag_of("-c", str(site.license), "here", "-n")
    assert f'nodelocked license, locked to "{site.hostid}"  starts: 1-jan-1990,   expires: 1-jan-0' in here.lines
    assert CORRECT in here.lines
    locked = lmdiag_of("-c", str(site.license), "locked", "-n")
    assert "This is not the correct node for this node-locked license" in locked.lines
    assert CORRECT not in locked.text


def test_without_a_feature_all_are_tried(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(site.license), "-n")
    names = [line.split('"')[1] for line in shown.lines if line.startswith('"')]
    assert names == ["good", "expired", "future", "old", "full", "locked", "here", "altered"]
    assert shown.text.count(CAN) + shown.text.count(CANNOT) == len(names)
    # The first that cannot gives the status.
    assert shown.status == 256 - 10


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("old:VERSION=6", True),
        ("old:version=6.00", True),
        ("old:VERSION=8.0", False),
        ("expired:EXPDATE=01-JAN-2020", True),
        ("expired:EXPDATE=permanent", False),
        ("expired:EXPDATE=soon", False),
        (f"locked:HOSTID={STRANGE_HOSTID.upper()}", True),
        ("locked:HOSTID=ANY", False),
        ("good:ISSUER=nobody", False),
        ("good:VENDOR_STRING=x", False),
        ("good:KEY=0", False),
    ],
)
def test_a_keyword_picks_a_line(site: Site, lmdiag_of, spec: str, found: bool) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(site.license), spec, "-n")
    assert any(line.startswith('"') for line in shown.lines) is found
    if not found:
        assert shown.status == 256 - 5
        feature, _, keyword = spec.partition(":")
        assert f" has no line of {feature} with {keyword}." in shown.text


def test_a_key_picks_a_line(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    line = next(line for line in site.license.read_text().replace("\\\n", " ").splitlines() if line.startswith("FEATURE good "))
    key = line.split()[6]
    assert lmdiag_of("-c", str(site.license), f"good:KEY={key.lower()}", "-n").status == 0


@pytest.mark.parametrize("word", ["f1:", "f1:VERSION", "f1:VERSION=", "f1:COLOR=red"])
def test_a_keyword_that_is_none(word: str) -> None:
    with pytest.raises(UsageError, match="picks no line"):
        lmdiag.run(["-c", "7260@localhost", word], "lmdiag")


# Servers that cannot be asked -----------------------------------------------------------------------------------------


def test_a_closed_port(lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", f"{closed_port()}@127.0.0.1", "good", "-n")
    assert shown.status == 241
    assert "License server: 127.0.0.1" in shown.lines
    assert shown.after(CANNOT) == "Cannot connect to license server system."
    assert "Feature:       good" in shown.lines
    assert 'FlexNet Licensing error:-15,570.  System Error: 111 "Connection refused"' in shown.lines


def test_a_silent_port(lmdiag_of, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(lmdiag, "ASK_S", 1.0)
    with silent_port() as port:
        shown = lmdiag_of("-c", f"{port}@127.0.0.1", "-n")
    assert shown.status == 241
    assert " 127.0.0.1, port " in shown.text
    assert "did not accept a connection within 1 s." in shown.text


def test_a_host_that_nobody_knows(lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", f"7260@{STRANGE_HOST}", "-n")
    assert shown.status == 160
    assert shown.after(CANNOT) == "License server machine is down or not responding."
    assert "cannot be resolved" in shown.text


def test_all_lines_of_a_file_whose_server_is_gone(site: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    gone = site.directory / "gone.dat"
    gone.write_text(site.license.read_text().replace(f" {site.port}\n", f" {closed_port()}\n"))
    shown = lmdiag_of("-c", str(gone), "-n")
    assert shown.status == 241
    assert shown.text.count(CANNOT) == 8
    assert shown.text.count("error:-15,570.") == 8
    assert "Feature:       here" in shown.lines


def test_a_vendor_daemon_that_is_down(down: Site, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    for path in (str(down.license), f"{down.port}@localhost"):
        shown = lmdiag_of("-c", path, "good", "-n")
        # The cause, as `seatkeeper diagnose` says it too, and not only what follows from it.
        assert shown.status == 247
        assert shown.after(CANNOT) == "Invalid host."
        assert "The vendor daemon is down." in shown.text
        assert "FlexNet Licensing error:-9" in shown.text
        assert "Run `lmhostid` there and compare" in shown.text
        assert STRANGE_HOSTID in shown.text


def test_files_that_lead_nowhere(tmp_path: Path, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(tmp_path / "none.dat"), "-n")
    assert shown.status == 255
    assert shown.after(CANNOT) == "Cannot find license file."
    alone = tmp_path / "alone.dat"
    alone.write_text("FEATURE f1 genesys.d 1.0 permanent uncounted HOSTID=ANY SIGN=00\n")
    shown = lmdiag_of("-c", str(alone), "-n")
    assert shown.status == 243
    assert "uncounted nodelocked license locked to NOTHING (hostid=ANY)  starts: 1-jan-1990,   expires: 1-jan-0" in shown.lines
    assert shown.after(CANNOT) == "No SERVER lines in license file."


def test_all_files_of_a_directory(site: Site, tmp_path: Path, lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    for name in ("a.lic", "b.lic"):
        (tmp_path / name).write_text(site.license.read_text())
    (tmp_path / "genesys.d.trust").write_bytes((site.directory / "genesys.d.trust").read_bytes())
    shown = lmdiag_of("-c", str(tmp_path), "good", "-n")
    assert shown.status == 0
    assert [line for line in shown.lines if line.startswith("License file: ")] == [
        f"License file: {tmp_path}/a.lic",
        f"License file: {tmp_path}/b.lic",
    ]
    assert shown.text.count(CAN) == 2


def test_an_uncounted_pool_and_names_that_would_steer_the_terminal(lmdiag_of) -> None:  # type: ignore[no-untyped-def]
    pool = PoolStatus(1, "f\x1b[2J", 0, "genesys.d", "8.5", "31-dec-2030", 0, 0, hostid="ANY")
    locked = PoolStatus(1, "g", 0, "genesys.d", "8.5", "31-dec-2030", 0, 0, hostid="ID=7")
    known = license_server([pool, locked])

    def answer(vendor: str, message: ClientMessage) -> Iterable[ServerMessage] | bytes:
        return [Refused(-85, "This server only shows its pools.")] if isinstance(message, Hello | AskLines) else known(vendor, message)

    with FakeLmgrd(answer) as server:
        shown = lmdiag_of("-c", f"{server.port}@127.0.0.1", "-n")
    assert '"f [2J" v8.5, vendor: genesys.d, expiry: 31-dec-2030' in shown.lines
    assert "uncounted nodelocked license locked to NOTHING (hostid=ANY)  starts: 1-jan-1990,   expires: 31-dec-2030" in shown.lines
    assert 'uncounted nodelocked license, locked to "ID=7"  starts: 1-jan-1990,   expires: 31-dec-2030' in shown.lines
    assert "\x1b" not in shown.text
    assert shown.after(CANNOT) == "License server system does not support this request."


# What it asks ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A terminal at which something is typed."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_offers_to_look_for_the_port(site: Site, lmdiag_of, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    closed = closed_port()
    monkeypatch.setattr(lmdiag, "_PORTS", (closed, site.port))
    monkeypatch.setattr(lmdiag, "_PORT_MAX", 0)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    shown = lmdiag_of("-c", f"{closed}@localhost")
    assert shown.status == 241
    assert "Look for open ports on localhost (y/n)? " in shown.text
    assert re.search(rf"    port {site.port}: license server v[\d.]+ of localhost\n", shown.text)
    assert shown.lines[-1] == f"A license server listens on localhost: use -c {site.port}@localhost"


@pytest.mark.parametrize("typed", ["n\n", "", "\n"])
def test_nobody_s_ports_are_tried_without_a_yes(lmdiag_of, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:  # type: ignore[no-untyped-def]
    def never(*_: object) -> object:
        raise AssertionError("ports were tried")

    monkeypatch.setattr(lmdiag, "scan_ports", never)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert lmdiag_of("-c", f"{closed_port()}@localhost").status == 241


def test_no_port_is_found_where_none_is(lmdiag_of, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    closed = closed_port()
    monkeypatch.setattr(lmdiag, "_PORTS", (closed,))
    monkeypatch.setattr(lmdiag, "_PORT_MAX", 0)
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    shown = lmdiag_of("-c", f"{closed}@localhost")
    assert "No license server listens on localhost: start lmgrd there" in shown.lines[-1]


def test_where_the_license_works_nothing_is_asked(site: Site, lmdiag_of, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert "(y/n)" not in lmdiag_of("-c", f"{site.port}@localhost", "good").text


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null"])
@pytest.mark.parametrize("flags", [["-n"], []])
def test_it_waits_for_no_key(redirection: str, flags: list[str]) -> None:
    words = [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmdiag", "-c", f"{closed_port()}@127.0.0.1", *flags]
    ran = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *words], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 241, ran.stderr
    assert CANNOT in ran.stdout
    assert "(y/n)" not in ran.stdout


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    issued = ("ISSUED", date.today().strftime("%d-%b-%Y").lower())
    lines = [
        Package("pack", VENDOR, attributes=(("COMPONENTS", "c1 c2:7.6:3"), issued)),
        Package("suite", VENDOR, attributes=(("COMPONENTS", "s1 s2"), ("OPTIONS", "SUITE"), issued)),
        feature("f1", 5, "8.0"),
        feature("pack", 2, keyword="INCREMENT"),
        feature("suite", 1, keyword="INCREMENT"),
    ]
    with Site(tmp_path_factory.mktemp("bundles"), lines) as site:  # type: ignore[arg-type]
        yield site.start()


@pytest.mark.parametrize("by_file", [True, False])
def test_of_a_package_its_components_are_tried(bundles: Site, lmdiag_of, by_file: bool) -> None:  # type: ignore[no-untyped-def]
    """A package is no feature that can be checked out (-125), and nothing is wrong with it."""
    path = str(bundles.license) if by_file else f"{bundles.port}@localhost"
    shown = lmdiag_of("-c", path, "-n")
    assert shown.status == 0, shown.text
    tried = [line.partition(",")[0] for line in shown.lines if line.startswith('"')]
    assert sorted(set(tried)) == ['"c1" v8.0', '"c2" v7.6', '"f1" v8.0', '"s1" v8.0', '"s2" v8.0']
    assert shown.text.count(CAN) == len(tried)
    assert "-125" not in shown.text
    one = lmdiag_of("-c", path, "c2", "-n")
    assert (one.status, one.text.count(CAN)) == (0, 1)
    assert 'Component of package "pack"' in shown.lines or not by_file


@pytest.mark.parametrize("by_file", [True, False])
def test_a_package_that_is_asked_for_by_name_says_what_to_ask_for(bundles: Site, lmdiag_of, by_file: bool) -> None:  # type: ignore[no-untyped-def]
    shown = lmdiag_of("-c", str(bundles.license) if by_file else f"{bundles.port}@localhost", "pack", "-n")
    assert shown.status == 256 - 125
    assert shown.after(CANNOT) == "Request for PACKAGE without components."
