"""sdk.checkup: on real license servers, each trouble is found at its own step, and that step is the cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.client.diagnosis import STEPS, cause_of
from seatkeeper.sdk import checkup
from seatkeeper.sdk.blocking import Client
from seatkeeper.sdk.checkup import Question, walk
from seatkeeper.wire.messages import DaemonStatus, PoolStatus
from support.fake_lmgrd import FakeLmgrd, license_server
from support.site import VENDOR, Site
from support.troubles import STRANGE_HOST, STRANGE_HOSTID, closed_port, down_site, mute_port, silent_port, troubled_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.client.diagnosis import Step

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with troubled_site(tmp_path_factory.mktemp("troubles")) as made:
        made.start()
        with (
            Client(str(made.license), user="ada", host="desk1", display=":0") as holder,
            holder.checkout("full", count=2),
        ):
            yield made


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with down_site(tmp_path_factory.mktemp("down")) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long here for what does not come."""
    monkeypatch.setattr(checkup, "ASK_S", 1.0)
    monkeypatch.setattr(checkup, "PORT_S", 1.0)


def found(
    path: str | None, feature: str = "good", version: str = "", count: int = 1, vendor: str = VENDOR
) -> tuple[list[Step], Step | None]:
    steps = list(walk(Question(path, vendor, feature, version, count)))
    return steps, cause_of(steps)


def names(steps: list[Step]) -> list[str]:
    """The steps in their order, each once."""
    return list(dict.fromkeys(step.name for step in steps))


def test_what_works_is_ok_from_the_path_to_the_seat(site: Site) -> None:
    steps, cause = found(str(site.license))
    assert cause is None, cause
    assert names(steps) == list(STEPS)
    # The file has an altered line, which is not the one that matters.
    assert {step.name: step.state for step in steps} == dict.fromkeys(STEPS, "ok") | {"signature": "warning"}
    (pool,) = [pool for pool in _pools(site) if pool.feature == "good"]
    assert pool.in_use == 0


def _pools(site: Site) -> list[PoolStatus]:
    from seatkeeper.sdk.admin import pools

    return pools("localhost", site.port, VENDOR)


def test_without_a_feature_each_is_tried(site: Site) -> None:
    steps, cause = found(f"{site.port}@localhost", "")
    told = {step.place: step.name for step in steps[[step.name for step in steps].index("identity") + 1 :]}
    assert told == {
        "altered": "feature",
        "here": "checkout",
        "good": "checkout",
        "old": "checkout",
        "full": "seats",
        "expired": "dates",
        "future": "dates",
        "locked": "hostid",
    }
    assert cause is not None
    assert cause.state == "failed"


@pytest.mark.parametrize(
    ("feature", "version", "count", "step", "number", "about"),
    [
        ("nosuch", "", 1, "feature", -5, "nosuch"),
        ("goood", "", 1, "feature", -5, "Did you mean good?"),
        ("old", "8.0", 1, "version", -21, "6.0"),
        ("expired", "", 1, "dates", -10, "2020"),
        ("future", "", 1, "dates", -31, "2999"),
        ("full", "", 1, "seats", -4, "2 of 2 seats"),
        ("good", "", 6, "seats", -26, "5 are licensed"),
        ("locked", "", 1, "hostid", -9, STRANGE_HOSTID),
        ("good", "8.x", 1, "version", -77, "8.x"),
    ],
)
def test_a_denial_is_found_at_its_step(site: Site, feature: str, version: str, count: int, step: str, number: int, about: str) -> None:
    steps, cause = found(f"{site.port}@localhost", feature, version, count)
    assert cause is not None
    assert (cause.name, cause.number) == (step, number), cause
    assert about in cause.sentence
    assert len(cause.remedy.split()) > 3
    assert names(steps) == list(STEPS)
    assert all(each.state != "ok" for each in steps if each.name == "checkout")


def test_what_nobody_can_have_is_not_called_served(site: Site) -> None:
    _, cause = found(f"{site.port}@localhost", "nosuch")
    assert cause is not None
    (served,) = [detail for detail in cause.details if detail.startswith("served: ")]
    known = set(served.removeprefix("served: ").split(", "))
    assert {"good", "full", "old"} <= known
    assert not known & {"altered", "expired"}
    # Nor is it what somebody meant.
    assert "Did you mean" not in found(f"{site.port}@localhost", "expirred")[1].sentence  # type: ignore[union-attr]


def test_who_holds_the_seats_is_told(site: Site) -> None:
    _, cause = found(f"{site.port}@localhost", "full")
    assert cause is not None
    # Since when the seats are held is told in local time.
    assert any(detail.startswith("ada@desk1 :0 holds 2 seats since 20") for detail in cause.details), cause.details


def test_an_altered_line_is_the_cause_on_the_server_s_machine(site: Site) -> None:
    _, cause = found(str(site.license), "altered")
    assert cause is not None
    assert (cause.name, cause.number) == ("signature", -8)
    assert "altered was changed after signing: count (found '30', signed with '3')" in cause.sentence
    # By the server's own word about its files the same is found without naming one.
    assert found(f"{site.port}@localhost", "altered")[1] == cause


def test_without_a_root_key_the_server_is_believed_with_a_warning(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, cause = found(f"{site.port}@localhost")
    assert cause is None
    assert [step.state for step in steps if step.name == "identity"] == ["warning"]
    monkeypatch.setenv("SEATKEEPER_ROOT", site.root)
    steps, cause = found(f"{site.port}@localhost")
    assert [step.state for step in steps if step.name == "identity"] == ["ok"]


def test_a_server_of_another_vendor_s_root_is_not_believed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_ROOT", "11" * 32)
    _, cause = found(f"{site.port}@localhost")
    assert cause is not None
    assert (cause.name, cause.number) == ("identity", -33)


def test_a_root_key_that_is_none_is_the_cause(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_ROOT", "nothing")
    steps, cause = found(f"{site.port}@localhost")
    assert cause is not None
    assert (cause.name, cause.number) == ("identity", -33)
    assert "SEATKEEPER_ROOT" in cause.sentence
    assert "64 hex digits" in cause.remedy
    assert names(steps) == list(STEPS)


def test_a_token_file_that_others_may_read_is_the_cause(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("secretsecret\n")
    token.chmod(0o644)
    monkeypatch.setenv("SEATKEEPER_TOKEN_FILE", str(token))
    steps, cause = found(f"{site.port}@localhost")
    assert cause is not None
    assert (cause.name, cause.number) == ("identity", -42)
    assert str(token) in cause.sentence
    assert "chmod 600" in cause.remedy
    assert "secretsecret" not in str(steps)


# Before the vendor daemon ---------------------------------------------------------------------------------------------


def test_a_vendor_daemon_that_is_down_has_its_reason_behind_it(down: Site) -> None:
    steps, cause = found(str(down.license))
    (daemon,) = [step for step in steps if step.name == "daemon"]
    assert (daemon.state, daemon.number) == ("failed", -97)
    assert STRANGE_HOSTID in daemon.sentence
    assert cause is not None
    assert (cause.name, cause.number) == ("hostid", -9)
    assert STRANGE_HOSTID in cause.sentence
    assert names(steps) == list(STEPS)


def test_a_vendor_daemon_that_nobody_runs(site: Site) -> None:
    _, cause = found(f"{site.port}@localhost", vendor="acme")
    assert cause is not None
    assert (cause.name, cause.number) == ("daemon", -97)
    assert "no vendor daemon acme; its vendor daemons: genesys.d" in cause.sentence


@pytest.mark.parametrize("path", [None, ""])
def test_no_path(path: str | None) -> None:
    steps, cause = found(path)
    assert cause is not None
    assert (cause.name, cause.number) == ("path", -1)
    assert [step.state for step in steps[1:]] == ["skipped"] * (len(STEPS) - 1)


def test_a_path_that_cannot_be_understood() -> None:
    _, cause = found("x@y")
    assert cause is not None
    assert (cause.name, cause.number) == ("path", -42)


def test_a_variable_of_lower_priority_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_LICENSE_FILE", "7260@other")
    steps, _ = found(f"{closed_port()}@127.0.0.1")
    assert steps[0].details == ("LM_LICENSE_FILE=7260@other does not count beside it",)


def test_a_file_that_is_not_there(tmp_path: object) -> None:
    _, cause = found(f"{tmp_path}/none.dat")
    assert cause is not None
    assert (cause.name, cause.number) == ("files", -1)


def test_a_host_that_nobody_knows() -> None:
    _, cause = found(f"7260@{STRANGE_HOST}")
    assert cause is not None
    assert (cause.name, cause.number, cause.minor) == ("names", -96, 7)
    assert STRANGE_HOST in cause.sentence


def test_refused_silent_and_mute_ports_are_told_apart() -> None:
    _, cause = found(f"{closed_port()}@127.0.0.1")
    assert cause is not None
    assert (cause.name, cause.number) == ("ports", -15)
    assert "refuses connections" in cause.sentence
    with silent_port() as port:
        _, cause = found(f"{port}@127.0.0.1")
    assert cause is not None
    assert (cause.name, cause.number) == ("ports", -96)
    assert "firewall" in cause.sentence
    with mute_port() as port:
        _, cause = found(f"{port}@127.0.0.1")
    assert cause is not None
    assert (cause.name, cause.number) == ("protocol", -16)


def test_a_port_of_something_else() -> None:
    with FakeLmgrd(lambda _vendor, _message: b"SSH-2.0-OpenSSH_9.2\r\n") as other:
        _, cause = found(f"{other.port}@127.0.0.1")
    assert cause is not None
    assert (cause.name, cause.number) == ("protocol", -12)


def test_a_stopped_server_s_own_files_are_looked_at_too(down: Site, tmp_path: object) -> None:
    text = down.license.read_text().replace(f" {down.port}\n", f" {closed_port()}\n")
    copy = down.directory / "copy.dat"
    copy.write_text(text)
    steps, cause = found(str(copy))
    assert cause is not None
    assert cause.name == "ports"
    assert [step.number for step in steps if step.name == "hostid"] == [-9]
    assert [step.state for step in steps if step.name == "signature"] == ["ok"]


# Several servers ------------------------------------------------------------------------------------------------------


def test_of_several_servers_one_is_enough(site: Site) -> None:
    dead = closed_port()
    steps, cause = found(f"7260@{STRANGE_HOST}:{dead}@127.0.0.1:{site.port}@localhost")
    assert cause is None, cause
    assert next((step.state, step.place) for step in steps if step.name == "names") == ("warning", STRANGE_HOST)
    assert [(step.state, step.place) for step in steps if step.name == "ports"] == [
        ("warning", f"{dead}@127.0.0.1"),
        ("ok", f"{site.port}@localhost"),
    ]


def test_of_a_triad_one_member_that_is_up_is_looked_at(site: Site) -> None:
    steps, cause = found(f"{closed_port()}@127.0.0.1,{site.port}@localhost,{closed_port()}@127.0.0.1")
    assert cause is None, cause
    assert [step.state for step in steps if step.name == "ports"] == ["warning", "ok", "warning"]
    assert [step.state for step in steps if step.name == "checkout"] == ["ok"]


def test_of_several_servers_that_all_fail_the_first_is_the_cause() -> None:
    one, two = closed_port(), closed_port()
    _, cause = found(f"{one}@127.0.0.1:{two}@127.0.0.1")
    assert cause is not None
    assert cause.place == f"{one}@127.0.0.1"


# Servers that cannot be had for real ----------------------------------------------------------------------------------


def test_a_fixed_port_of_the_vendor_daemon_that_is_closed_is_a_warning() -> None:
    closed = closed_port()
    daemons = (DaemonStatus(VENDOR, up=True, version="0.1.0", port=closed),)
    with FakeLmgrd(license_server(daemons=daemons)) as server:
        steps, _ = found(f"{server.port}@127.0.0.1", "")
    ports = [step for step in steps if step.name == "ports"]
    assert [(step.state, step.place) for step in ports] == [("ok", f"{server.port}@127.0.0.1"), ("warning", f"{closed}@127.0.0.1")]
    assert f"the fixed port of {VENDOR}" in ports[1].sentence


def test_a_server_without_features() -> None:
    with FakeLmgrd(license_server()) as server:
        _, cause = found(f"{server.port}@127.0.0.1", "")
    assert cause is not None
    assert (cause.name, cause.number) == ("feature", -5)


def test_the_doing_is_told(site: Site) -> None:
    doing: list[str] = []
    list(walk(Question(f"{site.port}@localhost", VENDOR, "good"), doing.append))
    assert [text.partition(" ")[0] for text in doing] == ["Looking", "Connecting", "Asking", "Trying", "Verifying"]


def test_the_clocks_of_two_machines_are_compared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "is_server", lambda *_: False)
    steps, _ = found(f"{site.port}@localhost")
    assert [step.state for step in steps if step.name == "clock"] == ["ok"]
    real = time.time
    monkeypatch.setattr("seatkeeper.adapters.clock.now", lambda: real() + 7200)
    steps, cause = found(f"{site.port}@localhost")
    assert cause is None
    (clock,) = [step for step in steps if step.name == "clock"]
    assert clock.state == "warning"
    assert clock.sentence == "The server's clock is 2 hours behind this machine's."
