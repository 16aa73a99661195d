"""sdk.admin: one question, its answer, or the license error with the numbers that lmstat prints."""

from __future__ import annotations

import socket

import pytest

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk import admin, question
from seatkeeper.wire.messages import (
    AskDown,
    AskFeatures,
    AskLines,
    AskRemove,
    AskReread,
    AskRevoke,
    AskServer,
    AskSwitch,
    Beat,
    Done,
    Elsewhere,
    HolderStatus,
    Lines,
    PoolStatus,
    QueuedStatus,
    Refused,
    ReservationStatus,
    ServerStatus,
    StatusEnd,
)
from support.fake_lmgrd import FakeLmgrd, license_server


def holder(handle: int) -> HolderStatus:
    return HolderStatus("ada", "desk1", ":0", "8.5", handle, 1, 1_790_000_000.0)


def pool(number: int = 0, feature: str = "tserver_sdn", **fields: object) -> PoolStatus:
    return PoolStatus(1, feature, number, "genesys.d", "8.5", "permanent", 10, 1, **fields)  # type: ignore[arg-type]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_server_status_is_asked_of_lmgrd_itself() -> None:
    with FakeLmgrd(license_server()) as server:
        status = admin.server_status(server.host, server.port)
    assert isinstance(status, ServerStatus)
    assert [daemon.name for daemon in status.daemons] == ["genesys.d"]
    assert server.asked == [("", AskServer(1))]


def test_pools_join_the_parts_of_a_pool() -> None:
    parts = [
        pool(holders=[holder(1)], reservations=[ReservationStatus(2, "USER", "eve")]),
        pool(holders=[holder(2)]),
        pool(1, holders=[holder(3)]),
        pool(0, "ocs_ports", queued=[QueuedStatus("a", "h", ":0", "8.5", 9, 1, 0.0)]),
    ]
    with FakeLmgrd(license_server(parts)) as server:
        found = admin.pools(server.host, server.port, "genesys.d")
    assert [(one.feature, one.pool, [each.handle for each in one.holders]) for one in found] == [
        ("tserver_sdn", 0, [1, 2]),
        ("tserver_sdn", 1, [3]),
        ("ocs_ports", 0, []),
    ]
    assert server.asked == [("genesys.d", AskFeatures(1, ""))]


def test_an_unknown_feature_is_minus_5_222() -> None:
    with FakeLmgrd(license_server([pool()])) as server, pytest.raises(LicenseError) as caught:
        admin.pools(server.host, server.port, "genesys.d", "nosuch")
    assert caught.value.short() == "No such feature exists. (-5,222)"
    assert caught.value.exit_status == 251


def asked(server: FakeLmgrd) -> list[tuple[str, object]]:
    """What was asked, without where the Unix socket is."""
    return [one for one in server.asked if not isinstance(one[1], AskServer)]


def test_administrative_requests_carry_nobodys_name() -> None:
    with FakeLmgrd(license_server(done=lambda _vendor, message: Done(message.request, 0, "done"))) as server:
        at = (server.host, server.port)
        assert admin.remove(*at, "genesys.d", "f1", user="eve", user_host="desk2", display=":0") == "done"
        assert admin.remove(*at, "genesys.d", "f1", handle=17) == "done"
        assert admin.reread(*at, "genesys.d") == "done"
        assert admin.down(*at, force=True) == "done"
    assert asked(server) == [
        ("genesys.d", AskRemove(1, "f1", "eve", "desk2", ":0", 0)),
        ("genesys.d", AskRemove(1, "f1", "", "", "", 17)),
        ("", AskReread(1, "genesys.d")),
        ("", AskDown(1, "", True)),
    ]


def test_logs_are_switched_borrows_revoked_and_rereads_tried() -> None:
    with FakeLmgrd(license_server(done=lambda _vendor, message: Done(message.request, 0, "done"))) as server:
        at = (server.host, server.port)
        assert admin.switch(*at, "genesys.d", "report", "/var/log/r.log", rollover=True) == "done"
        assert admin.revoke(*at, "genesys.d", 17) == "done"
        assert admin.reread(*at, dry_run=True) == "done"
    assert asked(server) == [
        ("genesys.d", AskSwitch(1, "report", "/var/log/r.log", True)),
        ("genesys.d", AskRevoke(1, 17)),
        ("", AskReread(1, dry_run=True)),
    ]


def test_lines_are_joined_to_one_text() -> None:
    with FakeLmgrd(lambda _vendor, _message: [Lines(1, "FEATURE f1"), Lines(1, "FEATURE f2\nFEATURE f3"), StatusEnd(1)]) as server:
        assert admin.lines(server.host, server.port, "genesys.d", "f1") == "FEATURE f1\nFEATURE f2\nFEATURE f3"
    assert asked(server) == [("genesys.d", AskLines(1, "f1"))]


def test_lines_of_no_feature_are_minus_5_and_of_a_stranger_minus_12() -> None:
    for answer, number in (([StatusEnd(1, -5)], -5), ([pool(), StatusEnd(1)], -12)):
        with FakeLmgrd(lambda _vendor, _message, answer=answer: answer) as server, pytest.raises(LicenseError) as caught:
            admin.lines(server.host, server.port, "genesys.d")
        assert caught.value.number == number


def test_a_refused_request_is_its_number_and_reason() -> None:
    with (
        FakeLmgrd(license_server(done=lambda _vendor, message: Done(message.request, -120, "2 seats are borrowed."))) as server,
        pytest.raises(LicenseError) as caught,
    ):
        admin.down(server.host, server.port)
    assert (caught.value.number, caught.value.reason) == (-120, "2 seats are borrowed.")


def test_elsewhere_is_followed_once() -> None:
    with FakeLmgrd(license_server([pool()])) as daemon, FakeLmgrd(lambda _vendor, _message: [Elsewhere(daemon.port)]) as lmgrd:
        assert [one.feature for one in admin.pools(lmgrd.host, lmgrd.port, "genesys.d")] == ["tserver_sdn"]
    assert daemon.asked == lmgrd.asked == [("genesys.d", AskFeatures(1, ""))]


def test_elsewhere_in_a_circle_ends() -> None:
    with FakeLmgrd(lambda _vendor, _message: [Elsewhere(lmgrd.port)]) as lmgrd, pytest.raises(LicenseError) as caught:
        admin.pools(lmgrd.host, lmgrd.port, "genesys.d")
    assert caught.value.number == -97
    assert len(lmgrd.asked) == 2


def test_elsewhere_at_a_closed_port_is_a_daemon_that_is_down() -> None:
    port = closed_port()
    with FakeLmgrd(lambda _vendor, _message: [Elsewhere(port)]) as lmgrd, pytest.raises(LicenseError) as caught:
        admin.pools(lmgrd.host, lmgrd.port, "genesys.d")
    assert caught.value.short() == "The desired vendor daemon is down. (-97,121)"
    assert str(port) in caught.value.reason


def test_refused_by_lmgrd_for_a_daemon_that_is_down() -> None:
    with FakeLmgrd(lambda _vendor, _message: [Refused(-97, "genesys.d: it ended.")]) as lmgrd, pytest.raises(LicenseError) as caught:
        admin.pools(lmgrd.host, lmgrd.port, "genesys.d")
    assert caught.value.short() == "The desired vendor daemon is down. (-97,121)"
    assert caught.value.reason == "genesys.d: it ended."


def test_a_closed_port_is_minus_15_570_with_the_systems_error() -> None:
    with pytest.raises(LicenseError) as caught:
        admin.server_status("127.0.0.1", closed_port())
    assert caught.value.short() == 'Cannot connect to license server system. (-15,570:111 "Connection refused")'
    assert caught.value.exit_status == 241


def test_a_name_that_nobody_knows_is_minus_96_7() -> None:
    for name in ("no-such-host.invalid", "x" * 300):
        with pytest.raises(LicenseError) as caught:
            admin.server_status(name, 7260)
        assert caught.value.short() == 'License server machine is down or not responding. (-96,7:2 "No such file or directory")'
        assert name in caught.value.reason
        assert caught.value.exit_status == 160


@pytest.mark.parametrize("answer", [b"", b"\0\0", b"\0\0\0\x05\x93"])
def test_a_connection_closed_early_is_minus_16_287(answer: bytes) -> None:
    with FakeLmgrd(lambda _vendor, _message: answer) as server, pytest.raises(LicenseError) as caught:
        admin.server_status(server.host, server.port)
    assert caught.value.short() == "Cannot read data from license server system. (-16,287)"
    assert caught.value.exit_status == 240


def test_a_server_that_says_nothing_ends_at_the_timeout() -> None:
    with FakeLmgrd(lambda _vendor, _message: []) as server, pytest.raises(LicenseError) as caught:
        admin.server_status(server.host, server.port, 0.05)
    assert caught.value.short() == "Cannot read data from license server system. (-16,287)"
    assert "0.05 s" in caught.value.reason


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x01\xc1"])
def test_another_protocol_is_minus_12(answer: bytes) -> None:
    with FakeLmgrd(lambda _vendor, _message: answer) as server, pytest.raises(LicenseError) as caught:
        admin.server_status(server.host, server.port)
    assert caught.value.number == -12
    assert "protocol" in caught.value.reason


def test_an_answer_to_another_question_is_minus_12() -> None:
    with FakeLmgrd(lambda _vendor, _message: [Beat(1)]) as server:
        at = (server.host, server.port)
        for ask in (
            lambda: admin.server_status(*at),
            lambda: admin.pools(*at, "genesys.d"),
            lambda: admin.reread(*at),
        ):
            with pytest.raises(LicenseError) as caught:
                ask()
            assert caught.value.number == -12
            assert "Beat" in caught.value.reason


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "ANSWER_BYTES_MAX", 1000)
    many = [pool(number, holders=[holder(number)] * 20) for number in range(50)]
    with FakeLmgrd(lambda _vendor, message: [*many, StatusEnd(message.request)]) as server, pytest.raises(LicenseError) as caught:
        admin.pools(server.host, server.port, "genesys.d")
    assert caught.value.number == -12
    assert "1000 bytes" in caught.value.reason
