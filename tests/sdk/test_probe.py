"""sdk.probe: names, ports and servers are tried for real."""

from __future__ import annotations

import socket
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.clock import now
from seatkeeper.client.diagnosis import Want
from seatkeeper.client.path import Address
from seatkeeper.sdk import probe
from seatkeeper.sdk.admin import pools
from seatkeeper.sdk.probe import Trials, look_up, scan_ports, try_port, who_listens
from support.fake_lmgrd import FakeLmgrd, license_server
from support.site import VENDOR, Site, feature
from support.troubles import STRANGE_HOST, closed_port, mute_port, silent_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_name_is_looked_up() -> None:
    assert "127.0.0.1" in look_up("localhost").addresses
    assert look_up("127.0.0.1").addresses == ("127.0.0.1",)


@pytest.mark.parametrize("name", [STRANGE_HOST, "a..b", "x" * 300])
def test_a_name_that_nobody_knows_has_a_problem(name: str) -> None:
    lookup = look_up(name)
    assert lookup.addresses == ()
    assert lookup.problem


def test_a_name_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(20) and [])
    try:
        assert look_up("licsrv", timeout=0.05).problem == "the name service did not answer within 0.05 s"
    finally:
        release.set()


def test_an_open_a_closed_and_a_silent_port() -> None:
    with mute_port() as port:
        assert try_port(Address("127.0.0.1", port)).state == "open"
    refused = try_port(Address("127.0.0.1", closed_port()))
    assert (refused.state, refused.system) == ("refused", (111, "Connection refused"))
    with silent_port() as port:
        silent = try_port(Address("127.0.0.1", port), 0.5)
    assert (silent.state, silent.waited_s) == ("silent", 0.5)


@pytest.mark.parametrize(
    ("number", "state"),
    [(113, "unreachable"), (101, "unreachable"), (13, "forbidden"), (1, "forbidden"), (110, "silent"), (111, "refused")],
)
def test_what_the_system_says_is_told_apart(number: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_self: object, _where: object) -> None:
        raise OSError(number, "as the test says")

    monkeypatch.setattr(probe.socket, "socket", type("Broken", (socket.socket,), {"connect": connect}))
    assert try_port(Address("127.0.0.1", 9)).state == state


def test_of_several_addresses_the_open_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    with mute_port() as port:
        closed = closed_port()
        told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number)) for number in (closed, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
        assert try_port(Address("licsrv", port)).state == "open"


def test_a_port_of_a_name_that_nobody_knows() -> None:
    assert try_port(Address(STRANGE_HOST, 7260)).state == "unreachable"


def test_open_ports_are_found_and_who_listens_there() -> None:
    done: list[int] = []
    with mute_port() as mute, FakeLmgrd(license_server()) as server:
        ports = [closed_port(), mute, server.port]
        assert scan_ports("127.0.0.1", ports, done.append) == (sorted([mute, server.port]), True)
        told = dict(who_listens("127.0.0.1", [mute, server.port]))
    assert sorted(done) == [1, 2, 3]
    assert told[mute] is None
    assert told[server.port] is not None
    assert told[server.port].version == "0.1.0"


def test_a_scan_ends_in_time() -> None:
    assert scan_ports("127.0.0.1", range(20000, 30000), limit_s=0.0) == ([], False)


def test_nothing_is_open_on_a_host_that_nobody_knows() -> None:
    assert scan_ports(STRANGE_HOST, [7260]) == ([], True)


def test_of_very_many_open_ports_some_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SCAN_ASKED_MAX", 0)
    with FakeLmgrd(license_server()) as server:
        assert who_listens("127.0.0.1", [server.port]) == [(server.port, None)]
        assert server.asked == []


# Trial checkouts ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), [feature("f1", 5), feature("b1", 1, BORROW="24"), feature("lg", 1, LINGER="3600")]) as made:
        yield made.start()


@pytest.mark.processes
def test_a_trial_takes_nothing_for_good_and_sees_the_server_s_clock(site: Site) -> None:
    with Trials(str(site.license), VENDOR, "a test") as trials:
        trial = trials.attempt(Want("f1", "7.0", 5), clock_too=True)
        assert trial.error is None
        assert (trial.server, trial.version) == (f"{site.port}@localhost", "8.0")
        assert trial.skew_s is not None
        assert abs(trial.skew_s) < 60
        assert pools("localhost", site.port, VENDOR)[0].in_use == 0
        # The same client tries the next.
        assert trials.attempt(Want("f1", "", 5)).error is None
        denied = trials.attempt(Want("nosuch"))
        assert denied.error is not None
        assert denied.error.number == -5


@pytest.mark.processes
def test_a_trial_leaves_no_trace(site: Site) -> None:
    log = site.read_log()
    with Trials(str(site.license), VENDOR, "a test") as trials:
        assert trials.attempt(Want("lg")).error is None
        denied = trials.attempt(Want("lg", "", 2)).error
        assert denied is not None
        assert denied.number == -26
    (shown,) = pools("localhost", site.port, VENDOR, "lg")
    assert (shown.in_use, shown.holders, shown.denials) == (0, [], 0)
    assert '"lg"' not in site.read_log()[len(log) :]


@pytest.mark.processes
def test_a_trial_borrows_nothing_whatever_its_user_wishes(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    day = f"{date.today():%d-%b-%Y}".lower()
    monkeypatch.setenv("LM_BORROW", f"{day}:{VENDOR}:{day}:23:59")
    with Trials(f"{site.port}@localhost", VENDOR, "a test") as trials:
        assert trials.attempt(Want("b1")).error is None
    assert not [holder for pool in pools("localhost", site.port, VENDOR, "b1") for holder in pool.holders]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_a_clock_that_is_behind_shows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = now()
    monkeypatch.setattr("seatkeeper.adapters.clock.now", lambda: real - 3600)
    with Trials(f"{site.port}@localhost", VENDOR, "a test") as trials:
        skew = trials.attempt(Want("f1"), clock_too=True).skew_s
    assert skew is not None
    assert 3500 < skew < 3800


def test_a_trial_without_a_server_is_denied() -> None:
    with Trials(f"{closed_port()}@127.0.0.1", VENDOR, "a test") as trials:
        trial = trials.attempt(Want("f1"), clock_too=True)
    assert trial.error is not None
    assert (trial.error.number, trial.skew_s) == (-15, None)


def test_a_trial_along_no_path(tmp_path: Path) -> None:
    with Trials(None, VENDOR, "a test") as trials:
        error = trials.attempt(Want("f1")).error
    assert error is not None
    assert error.number == -1
