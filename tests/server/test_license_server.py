"""One real lmgrd with its vendor daemon: what an administrator and a hostile network do to it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.host import user_name
from seatkeeper.adapters.journal import GENESIS, read_journal, segments
from seatkeeper.adapters.peers import connect_unix
from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.blocking import Client
from seatkeeper.wire.framing import encode_preface, frame, server_frames
from seatkeeper.wire.messages import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    AskDown,
    AskFeatures,
    AskRemove,
    AskReread,
    Beat,
    Checkin,
    Checkout,
    Denied,
    Done,
    Elsewhere,
    Goodbye,
    Granted,
    Heartbeat,
    Hello,
    PoolStatus,
    Refused,
    Returned,
    ServerMessage,
    StatusEnd,
    Welcome,
)
from support.site import VENDOR, Site, feature, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", {"f1": 5, "f2": 1}) as made:
        yield made


class Peer:
    """A client that speaks the protocol by hand."""

    def __init__(self, port: int, *, host: str = "localhost", vendor: str | None = VENDOR, unix: Site | None = None) -> None:
        if unix is not None:
            self.socket = connect_unix(unix.directory / f"lmgrd-{port}.socket", 15)
        else:
            self.socket = socket.create_connection((host, port), timeout=15)
        self.reader = server_frames()
        self.messages: list[ServerMessage] = []
        if vendor is not None:
            self.socket.sendall(encode_preface(vendor))

    def send(self, *messages: object) -> None:
        self.socket.sendall(b"".join(frame(message) for message in messages))

    def receive(self) -> ServerMessage | None:
        """The next message; None when the connection is closed."""
        while not self.messages:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.messages += self.reader.feed(data)
        return self.messages.pop(0)

    def ask(self, message: object) -> ServerMessage | None:
        self.send(message)
        return self.receive()

    def hello(self, name: str = "ann", **more: object) -> Welcome:
        answer = self.ask(Hello(PROTOCOL, VENDOR, name.encode().ljust(16, b"."), b"n" * 32, name, f"{name}-pc", "tty1", **more))
        assert isinstance(answer, Welcome), answer
        return answer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def in_use(site: Site, name: str = "f1") -> int:
    with Peer(site.port) as tool:
        answer = tool.ask(AskFeatures(1, name))
        assert isinstance(answer, PoolStatus), answer
        return answer.in_use


def wait_for(what: object, reached: object, timeout: float = 15.0) -> None:
    deadline = time.monotonic() + timeout
    while what() != reached:  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what()} does not become {reached}"  # type: ignore[operator]
        time.sleep(0.02)


def test_a_conversation_from_greeting_to_goodbye(site: Site) -> None:
    site.start()
    with Peer(site.port) as peer:
        welcome = peer.hello()
        assert welcome.hostids == [site.hostid]
        assert welcome.held == []
        granted = peer.ask(Checkout(1, "f1", "8.0", 2))
        assert isinstance(granted, Granted)
        assert granted.count == 2
        assert granted.line.startswith("FEATURE f1 genesys.d 8.0 permanent 5 ")
        assert peer.ask(Checkout(2, "f1", "8.0", 1, display=":7")).line == ""
        assert isinstance(peer.ask(Checkout(3, "f1", "8.0", 3)), Denied)
        assert peer.ask(Heartbeat(9)) == Beat(9)
        assert in_use(site) == 3
        assert peer.ask(Checkin(4, granted.handle)) == Returned(4, granted.handle, 0)
        assert in_use(site) == 1
        peer.send(Goodbye())
        assert peer.receive() is None
    wait_for(lambda: in_use(site), 0)
    log = site.read_log()
    assert 'OUT: "f1" ann@ann-pc  (2 licenses) \n' in log
    assert 'OUT: "f1" ann@ann-pc  \n' in log
    assert 'IN: "f1" ann@ann-pc  (2 licenses) \n' in log
    assert 'DENIED: "f1" ann@ann-pc  (3 licenses) (Licensed number of users already reached. (-4,342))\n' in log


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_ipv4_and_ipv6_at_once(site: Site, host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    site.start()
    with Peer(site.port, host=host) as peer:
        peer.hello()
        assert isinstance(peer.ask(Checkout(1, "f1")), Granted)


def test_a_closed_socket_frees_at_once(site: Site) -> None:
    site.start()
    with Peer(site.port) as peer:
        peer.hello()
        peer.ask(Checkout(1, "f1", "8.0", 5))
        assert in_use(site) == 5
    wait_for(lambda: in_use(site), 0)


def test_a_silent_client_is_freed_at_its_deadline_and_told(site: Site) -> None:
    site.start("--lease", "2", "--heartbeat", "1")
    with Peer(site.port) as silent, Peer(site.port) as alive:
        silent.hello("ann")
        alive.hello("bob")
        silent.ask(Checkout(1, "f1"))
        alive.ask(Checkout(1, "f2"))
        for beat in range(8):
            time.sleep(0.5)
            assert alive.ask(Heartbeat(beat)) == Beat(beat)
        refused = silent.receive()
        assert isinstance(refused, Refused)
        assert "heard" in refused.reason
        assert (in_use(site), in_use(site, "f2")) == (0, 1)


def test_the_fixed_port_of_the_firewall_section_serves_too(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 5}, daemon_port=free_port()) as site:
        site.start()
        assert f"genesys.d using TCP-port {site.daemon_port}" in site.read_log()
        with Peer(site.daemon_port) as peer:
            peer.hello()
            assert isinstance(peer.ask(Checkout(1, "f1")), Granted)
        assert not isinstance(peer, Elsewhere)


def test_after_kill_9_the_holder_comes_back_to_its_seat_and_nobody_takes_it_meanwhile(site: Site) -> None:
    site.start()
    with Peer(site.port) as holder, Peer(site.port) as other:
        holder.hello("ann")
        handle = holder.ask(Checkout(1, "f2")).handle
        other.hello("bob")
        site.wait_until_restarted(site.kill_daemon())
        assert holder.receive() is None
    with Peer(site.port) as other:
        other.hello("bob")
        assert other.ask(Checkout(1, "f2")).number == -4
        with Peer(site.port) as holder:
            assert holder.hello("ann", held=[handle]).held == [handle]
            assert in_use(site, "f2") == 1
            assert holder.ask(Checkin(2, handle)) == Returned(2, handle, 0)
        assert isinstance(other.ask(Checkout(2, "f2")), Granted)


def test_lmgrd_killed_takes_its_vendor_daemon_along_and_the_next_one_knows_the_holders(site: Site) -> None:
    site.start()
    with Peer(site.port) as holder:
        holder.hello("ann")
        handle = holder.ask(Checkout(1, "f2")).handle
        assert site.process is not None
        pid = site.daemon_pid()
        site.process.kill()
        site.process.wait()
        wait_for(lambda: _alive(pid), False)
    site.start()
    with Peer(site.port) as holder:
        assert holder.hello("ann", held=[handle]).held == [handle]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestBadInput:
    """Whatever one connection sends, the others are served, by the same process."""

    @pytest.fixture
    def served(self, site: Site) -> Iterator[Site]:
        site.start()
        pid = site.daemon_pid()
        with Peer(site.port) as good:
            good.hello("good")
            yield site
            assert isinstance(good.ask(Checkout(1, "f1")), Granted)
        assert site.daemon_pid() == pid
        assert _alive(pid)

    @pytest.mark.parametrize(
        "greeting", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"SSH-2.0-OpenSSH_9.6\r\n"]
    )
    def test_other_protocols_are_refused_at_once(self, served: Site, greeting: bytes) -> None:
        with Peer(served.port, vendor=None) as peer:
            peer.socket.sendall(greeting)
            answer = peer.receive()
            assert answer is None or isinstance(answer, Refused)

    @pytest.mark.parametrize("length", [FRAME_BYTES_MAX + 1, 2**31 - 1, 2**32 - 1])
    def test_a_length_above_the_limit_is_refused_before_the_body_comes(self, served: Site, length: int) -> None:
        with Peer(served.port) as peer:
            peer.socket.sendall(struct.pack(">I", length))
            assert "limit" in peer.receive().reason
            assert peer.receive() is None

    @pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91\x63", b"\x90", b"\xdd\xff\xff\xff\xff", b"\x91" * 60000, frame(Beat(1))[4:]])
    def test_a_frame_that_is_no_message_is_refused(self, served: Site, body: bytes) -> None:
        with Peer(served.port) as peer:
            peer.socket.sendall(struct.pack(">I", len(body)) + body)
            assert isinstance(peer.receive(), Refused)

    def test_one_byte_at_a_time_is_understood(self, served: Site) -> None:
        with Peer(served.port, vendor=None) as peer:
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            hello = frame(Hello(PROTOCOL, VENDOR, b"s" * 16, b"n" * 32, "slow", "h", "d"))
            for byte in encode_preface(VENDOR) + hello + frame(Checkout(1, "f2")):
                peer.socket.sendall(bytes([byte]))
            assert isinstance(peer.receive(), Welcome)
            assert isinstance(peer.receive(), Granted)

    def test_messages_in_the_wrong_order_are_refused(self, served: Site) -> None:
        for messages in ([Checkout(1, "f1")], [Heartbeat(1)], [AskDown(1)]):
            with Peer(served.port) as peer:
                peer.send(*messages)
                assert isinstance(peer.receive(), Refused)
        with Peer(served.port) as peer:
            peer.hello("twice")
            assert isinstance(peer.ask(Hello(PROTOCOL, VENDOR, b"t" * 16, b"n" * 32, "a", "b", "c")), Refused)

    def test_another_protocol_number_and_another_vendor_are_told(self, served: Site) -> None:
        with Peer(served.port) as peer:
            assert peer.ask(Hello(99, VENDOR, b"t" * 16, b"n" * 32, "a", "b", "c")).number == -83
        with Peer(served.port, vendor="other.d") as peer:
            refused = peer.receive()
            assert refused.number == -97
            assert VENDOR in refused.reason

    def test_names_cannot_forge_lines_of_the_log(self, served: Site) -> None:
        with Peer(served.port) as peer:
            name = 'eve\n 9:99:99 (genesys.d) OUT: "f1" boss'
            peer.ask(Hello(PROTOCOL, VENDOR, b"e" * 16, b"n" * 32, name, "h\r\x1b[2J", "d"))
            assert isinstance(peer.ask(Checkout(1, "f1")), Granted)
        assert not [line for line in served.read_log().splitlines() if line.startswith(" 9:99:99")]
        assert "\x1b" not in served.read_log()

    def test_connections_that_say_nothing_are_closed(self, served: Site) -> None:
        with Peer(served.port, vendor=None) as nothing, Peer(served.port, vendor=None) as half:
            half.socket.sendall(b"SEA")
            assert nothing.receive() is None
            assert half.receive() is None


class TestAdministration:
    def test_a_reread_changes_all_at_once(self, site: Site) -> None:
        site.start()
        with Peer(site.port) as peer, Peer(site.port, vendor="", unix=site) as tool:
            peer.hello()
            peer.ask(Checkout(1, "f1", "8.0", 5))
            site.write({"f1": 7, "f3": 2})
            assert tool.ask(AskReread(1)).number == 0
            assert isinstance(peer.ask(Checkout(2, "f1", "8.0", 2)), Granted)
            assert isinstance(peer.ask(Checkout(3, "f3")), Granted)
            assert peer.ask(Checkout(4, "f2")).number == -5
        assert f"REREAD request from {user_name()} at node {socket.gethostname()}" in site.read_log()

    @pytest.mark.parametrize("damage", ["count", "signature", "empty", "gone"])
    def test_a_bad_file_changes_nothing_and_says_why(self, site: Site, damage: str) -> None:
        site.start()
        text = site.license.read_text()
        if damage == "gone":
            site.license.unlink()
        else:
            changed = {
                "count": text.replace("permanent 5", "permanent 50").replace("permanent 1 ", "permanent 9 "),
                "signature": text.replace("SIGN=", "SN="),
                "empty": "",
            }
            site.license.write_text(changed[damage])
        with Peer(site.port) as peer, Peer(site.port, vendor="", unix=site) as tool:
            peer.hello()
            done = tool.ask(AskReread(1))
            assert isinstance(done, Done)
            assert done.number != 0
            assert "Nothing was changed" in done.text
            assert isinstance(peer.ask(Checkout(1, "f1", "8.0", 5)), Granted)
            assert isinstance(peer.ask(Checkout(2, "f2")), Granted)

    def test_lmdown_ends_everything_and_the_next_start_knows_the_holders(self, site: Site) -> None:
        site.start()
        with Peer(site.port) as holder, Peer(site.port, vendor="", unix=site) as tool:
            holder.hello("ann")
            handle = holder.ask(Checkout(1, "f2")).handle
            assert tool.ask(AskDown(1)).number == 0
            assert site.process is not None
            assert site.process.wait(20) == 0
        site.start()
        with Peer(site.port) as holder:
            assert holder.hello("ann", held=[handle]).held == [handle]

    def test_lmdown_can_be_switched_off(self, site: Site) -> None:
        site.start("-x", "lmdown")
        with Peer(site.port, vendor="", unix=site) as tool:
            assert tool.ask(AskDown(1)).number == -63
            assert site.status() is not None

    def test_lmremove_can_be_switched_off(self, site: Site) -> None:
        site.start("-x", "lmremove")
        with Peer(site.port, unix=site) as tool:
            assert tool.ask(AskRemove(1, "f1", handle=101)).number == -63

    def test_one_vendor_daemon_shut_down_stays_down_until_a_reread(self, site: Site) -> None:
        site.start()
        with Peer(site.port, vendor="", unix=site) as tool:
            assert tool.ask(AskDown(1, VENDOR)).number == 0
            assert [daemon.up for daemon in site.status().daemons] == [False]
            with Peer(site.port) as client:
                assert client.receive().number == -97
            assert tool.ask(AskReread(2)).number == 0
        site.wait_until_serving()

    def test_status_of_a_feature_that_does_not_exist(self, site: Site) -> None:
        site.start()
        with Peer(site.port) as tool:
            assert tool.ask(AskFeatures(1, "nothing")) == StatusEnd(1, -5)


class TestStart:
    def run(self, site: Site, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(tmp_path / "none.dat")]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert answer.returncode == 255
        assert "none.dat" in answer.stderr

    def test_a_port_in_use_is_said_with_what_to_do(self, site: Site) -> None:
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", site.port))
            taken.listen()
            answer = self.run(site)
        assert answer.returncode == 199
        assert "Retrying socket bind" in answer.stdout
        assert f"Port {site.port} cannot be opened" in answer.stdout

    @pytest.mark.parametrize("what", ["foreign", "host", "tampered", "no credential", "no trust"])
    def test_what_cannot_be_served_is_told_and_the_daemon_is_not_started_again_and_again(self, site: Site, what: str) -> None:
        text = site.license.read_text()
        expected = "not signed by a key this server trusts"
        if what == "foreign":
            site.license.write_text(
                f"SERVER localhost {site.hostid} {site.port}\nDAEMON genesys.d\n"
                'FEATURE f1 genesys.d 7.0 6-may-2027 100 05B93F46AAE8 vendor_info="v7.0 - X" NOTICE="Customer use" SIGN=64C2C0C0A262\n'
            )
        elif what == "host":
            site.license.write_text(text.replace(site.hostid, "0800200005ac"))
            expected = "0800200005ac"
        elif what == "tampered":
            site.license.write_text(text.replace("permanent 5", "permanent 6").replace("permanent 1 ", "permanent 2 "))
            expected = "-8"
        elif what == "no credential":
            next(site.directory.glob("*.credential")).unlink()
            expected = "credential"
        else:
            (site.directory / f"{VENDOR}.trust").unlink()
            expected = "not signed by a key this server trusts"
        site.start(wait=False)
        wait_for(lambda: "NOT started again" in site.read_log(), True)
        assert expected in site.read_log()
        assert site.read_log().count("tarted genesys.d (pid") == 1
        status = site.status()
        assert status is not None
        assert [daemon.up for daemon in status.daemons] == [False]
        assert status.daemons[0].reason
        with Peer(site.port) as client:
            assert client.receive().number == -97

    def test_the_path_of_the_daemon_line_may_be_anything_that_is_not_there(self, site: Site) -> None:
        text = site.license.read_text()
        site.license.write_text(text.replace("DAEMON genesys.d", r'DAEMON genesys.d "c:\flexlm\genesys.d.exe"'))
        site.start()
        assert "is started with the vendor daemon of this installation" in site.read_log()

    def test_a_second_lmgrd_on_the_same_journal_does_not_serve(self, site: Site, tmp_path: Path) -> None:
        site.start()
        other = free_port()
        copy = site.directory / "copy.dat"
        copy.write_text(site.license.read_text().replace(f" {site.port}", f" {other}"))
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(copy), "-l", str(tmp_path / "other.log")]
        (tmp_path / "other.log").touch()
        process = subprocess.Popen(command)
        try:
            wait_for(lambda: "another vendor daemon is writing this journal" in (tmp_path / "other.log").read_text(), True)
            assert in_use(site) == 0
        finally:
            process.terminate()
            process.wait(20)

    def test_several_files_and_directories_are_one_server(self, site: Site) -> None:
        more = site.directory / "more"
        more.mkdir()
        (more / "extra.lic").write_text("# nothing but a comment\n")
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", f"{site.license}{os.pathsep}{more}", "-l", f"+{site.log}"]
        site.process = subprocess.Popen(command)
        site.wait_until_serving()
        assert len(site.status().files) == 2

    def test_in_the_background_without_z(self, site: Site) -> None:
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-c", str(site.license), "-l", f"+{site.log}"]
        assert subprocess.run(command, timeout=30, check=False, stdin=subprocess.DEVNULL).returncode == 0
        # The command returns when the server serves, so a script can go on at once.
        assert [daemon.up for daemon in site.status().daemons] == [True]
        with Peer(site.port, vendor="", unix=site) as tool:
            assert tool.ask(AskDown(1)).number == 0
        wait_for(lambda: site.status(), None)


def test_in_the_background_a_start_that_fails_is_told_to_the_caller(site: Site) -> None:
    (site.directory / f"{VENDOR}.trust").unlink()
    command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-c", str(site.license), "-l", f"+{site.log}"]
    answer = subprocess.run(command, timeout=30, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert answer.returncode == 159
    assert str(site.log) in answer.stderr
    with Peer(site.port, vendor="", unix=site) as tool:
        assert tool.ask(AskDown(1)).number == 0
    wait_for(lambda: site.status(), None)
    with socket.socket() as taken:
        # Connections of the server that ended above may still stand in TIME_WAIT; they hold up nobody who asks so.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", site.port))
        taken.listen()
        answer = subprocess.run(command, timeout=60, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert answer.returncode == 159
    assert "did not start" in answer.stderr


def test_a_crash_loop_ends_with_a_clear_word(site: Site) -> None:
    """The journal is damaged: no start can succeed, and lmgrd says so instead of trying for ever."""
    site.start()
    site.stop()
    path = segments(site.directory / "genesys.d.journal")[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0].replace(b'"at"', b'"xx"') + b"".join(lines[1:]))
    site.log.unlink()
    site.start(wait=False)
    wait_for(lambda: "journal" in site.read_log() and "next start in" in site.read_log(), True)
    assert "restore the journal from a copy that verifies" in site.read_log()


def test_every_checkout_and_checkin_is_in_the_journal_of_a_day(site: Site) -> None:
    site.start()
    with Peer(site.port) as peer:
        peer.hello()
        for number in range(50):
            granted = peer.ask(Checkout(2 * number, "f1"))
            peer.ask(Checkin(2 * number + 1, granted.handle))
        peer.ask(Checkout(500, "f1", "8.0", 6))
    site.stop()
    kinds = [
        type(entry).__name__
        for record in read_journal(segments(site.directory / "genesys.d.journal"), anchor=GENESIS)
        for entry in record.entries
    ]
    assert (kinds.count("CheckedOut"), kinds.count("CheckedIn"), kinds.count("Denial")) == (50, 50, 1)


def test_a_reread_by_signal(site: Site) -> None:
    site.start()
    site.write([feature("f9", 3)])
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "Done rereading" in site.read_log(), True)
    assert in_use(site, "f9") == 0


def test_a_client_that_pins_the_root_believes_grants_of_every_pool(tmp_path: Path) -> None:
    """Two versions, and in one of them a line that has expired: each grant comes with the lines that it is judged by."""
    lines = [
        feature("f1", 1, "8.5", keyword="INCREMENT"),
        feature("f1", 2, "8.0", keyword="INCREMENT"),
        feature("f1", 9, "8.0", "1-jan-2020", keyword="INCREMENT"),
    ]
    with Site(tmp_path / "site", lines) as site:
        site.start()
        with Client(f"{site.port}@localhost", root=site.root) as client:
            for _ in range(2):
                seats = [client.checkout("f1", version) for version in ("8.5", "8.0", "8.0")]
                with pytest.raises(LicenseError) as denied:
                    client.checkout("f1", "8.0")
                assert denied.value.number == -4
                for seat in seats:
                    client.checkin(seat)
