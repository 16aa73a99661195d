"""The threat list (facts, reliability 2.1 to 2.4): each row that concerns one server has a test, here or where ROWS says."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest

from fuzz.mutate import mutated
from fuzz.targets import WORDS
from seatkeeper.adapters.journal import GENESIS, Journal, read_journal, segments
from seatkeeper.base.errors import LicenseError
from seatkeeper.licfile.canonical import canonical_line
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.sdk.blocking import Client
from seatkeeper.vendor.entries import Clocked
from seatkeeper.wire.framing import encode, encode_preface
from seatkeeper.wire.messages import (
    AskDown,
    AskRemove,
    AskReread,
    AskRevoke,
    AskSwitch,
    Checkin,
    Checkout,
    Denied,
    Done,
    Granted,
    Lost,
    Refused,
    Returned,
    Welcome,
)
from support import site as site_module
from support.hostile import Peer, Watch, header, hello, in_use, seats_become, sized, wait_until
from support.namespaces import SERVER, TwoMachines, missing
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.wire.messages import ServerMessage

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src" / "seatkeeper"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200)]

#: Row of the threat list -> its test; a name without a file is in this one.
ROWS = {
    "2.1 fake or emulated server": "test_a_fake_server_is_not_believed",
    "2.1 license file tampering": "test_a_changed_license_file_means_the_same_or_is_refused",
    "2.1 parser differential": "fuzz/test_fuzz.py::test_mutations",
    "2.1 host id spoofing": "test_a_machine_that_takes_a_host_id_but_not_its_key_serves_nothing",
    "2.1 clock rollback (server)": "test_a_server_whose_clock_was_set_back_gives_no_dated_license",
    "2.1 clone of a server": "test_a_cloned_server_serves_nothing_where_the_host_id_is_another",
    "2.1 snapshot rollback of a server": "test_a_server_that_was_put_back_gives_no_seat_twice_itself_and_says_what_it_can_see",
    "2.1 clock rollback (client, borrowed)": "adapters/test_borrowed.py::test_a_clock_that_was_set_back_is_refused_until_it_is_right",
    "2.1 client keeps running after losing the lease": "test_a_client_that_slept_beyond_its_lease_knows_it_at_once",
    "2.1 lmremove to free a seat in use": "test_a_removed_seat_is_free_when_its_holder_knows",
    "2.1 borrow twice, return replay": "test_a_borrow_is_returned_once_and_by_its_secret_only",
    "2.2 slowloris, idle sockets": "hostile/test_crowds.py::test_dribblers_are_gone_by_their_deadline_while_good_clients_work",
    "2.2 huge frame, length lie": "hostile/test_frames.py::test_a_length_above_the_cap_is_refused_before_its_body_comes",
    "2.2 nested, many elements, fragments": "hostile/test_frames.py::test_counts_and_depths_that_lie_are_refused",
    "2.2 compression bombs": "test_nothing_that_comes_from_elsewhere_is_unpacked_or_executed",
    "2.2 connection flood": "hostile/test_crowds.py::test_thousands_of_connection_attempts",
    "2.2 descriptor exhaustion": "hostile/test_crowds.py::test_when_descriptors_run_out_clients_keep_working_and_later_ones_come_in",
    "2.2 TLS handshake flood": "test_a_flood_of_handshakes_takes_nothing_from_those_who_work",
    "2.2 slow reader": "hostile/test_crowds.py::test_clients_that_read_nothing_are_dropped_and_cost_little",
    "2.2 one client hoards": "test_one_client_that_asks_without_pause_does_not_starve_the_others",
    "2.2 sequence attack": "hostile/test_sequences.py::test_random_sequences_of_messages",
    "2.2 disk full": "server/test_vendord.py::test_an_orderly_stop_on_a_full_disk_is_told_and_grants_nothing_unwritten",
    "2.2 options file blow-up": "fuzz/test_fuzz.py::test_mutations",
    "2.3 lmdown, lmremove, lmreread by anyone": "test_administration_by_anyone_changes_nothing",
    "2.3 every command, role and transport": "server/test_matrix.py::test_tls_with_token_or_certificate",
    "2.3 fake user name in a message": "test_a_name_in_a_message_makes_nobody_an_administrator",
    "2.3 insider deletes traces": "test_a_journal_that_was_touched_names_the_place",
    "2.4 information leak, status": "test_another_machine_sees_no_names",
    "2.4 no administration from elsewhere": "test_another_machine_changes_nothing",
    "2.4 no plain text from elsewhere": "test_another_machine_is_told_nothing_without_tls",
    "2.4 information leak, network": "test_no_name_crosses_the_network_in_clear",
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_test(row: str) -> None:
    file, _, name = ROWS[row].rpartition("::")
    path = ROOT / "tests" / file if file else Path(__file__)
    functions = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    assert name in functions, f"{path} has no {name}"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    """A server of the test's own, not yet started."""
    with Site(tmp_path / "site", [feature("f1", 1), feature("good", 50), feature("lent", 2, BORROW="24")]) as made:
        yield made


def tool(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the classic tools, as an administrator calls it."""
    command = [sys.executable, "-m", "seatkeeper.cli.lmutil", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment})


# 2.1 Over-use ----------------------------------------------------------------------------------------------------


class Recorder:
    """Stands between client and server, and keeps all that either says."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.from_client: list[bytes] = []
        self.from_server: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for source, target, kept in ((client, server, self.from_client), (server, client, self.from_server)):
                threading.Thread(target=self._pass_on, args=(source, target, kept), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, kept: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept.append(data)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept does not wake up by itself.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Impostor(Recorder):
    """Answers as a server did before: whatever it is asked, it says the recorded bytes in turn."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        super().__init__(0)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._repeat, args=(client,), daemon=True).start()

    def _repeat(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            for answer in self._answers:
                self.from_client.append(client.recv(65536))
                client.sendall(answer)
            client.recv(65536)


def refusal_of(port: int, root: str) -> LicenseError:
    """Why a client that pins this root does not take a seat from the server at that port."""
    with Client(f"{port}@127.0.0.1", root=root, user="ann", host="pc") as client, pytest.raises(LicenseError) as caught:
        client.checkout("f1", "8.0")
    return caught.value


def test_a_fake_server_is_not_believed(place: Site, tmp_path: Path) -> None:
    """A replayed session, a server of the right name with another key, and the same answer for another nonce are all refused."""
    place.start()
    with Recorder(place.port) as recorder:
        with Client(f"{recorder.port}@127.0.0.1", root=place.root, user="ann", host="pc") as client:
            assert client.checkout("f1", "8.0").valid
        wait_until(lambda: len(recorder.from_server) >= 2)
        said = list(recorder.from_server)
    with Impostor(said) as impostor:
        error = refusal_of(impostor.port, place.root)
        assert impostor.from_client, "the client never spoke to the impostor"
        assert error.number == -33
    # Another vendor's server with the same names everywhere.
    with Site(tmp_path / "other", {"f1": 1}) as other:
        other.start()
        assert refusal_of(other.port, place.root).number in (-33, -137)
        with Client(f"{other.port}@127.0.0.1", root=other.root) as client:
            assert client.checkout("f1", "8.0").valid


def test_a_changed_license_file_means_the_same_or_is_refused(tmp_path: Path) -> None:
    """Every line that still verifies after a mutation of the file grants what it granted before."""
    lines = [feature("f1", 5), feature("f2", 7, HOSTID="ANY", NOTICE="a b"), feature("f3", 9, keyword="INCREMENT", BORROW="24")]
    with Site(tmp_path / "site", lines) as site:
        data = site.license.read_bytes()
        original = parse(decode(data)).file
        genuine = {canonical_line(line, original.hostids) for _, line in original.signable()}
        assert all(verdict.ok for verdict in verify_lines(original, site.trust))
        seed = random.SystemRandom().randrange(2**32)
        chance = random.Random(seed)
        kept = 0
        for number in range(sized(1_500, 200_000)):
            changed = mutated(chance, [data], WORDS["license"], 1 << 20)
            file = parse(decode(changed)).file
            for verdict in verify_lines(file, site.trust):
                if verdict.ok:
                    kept += 1
                    assert canonical_line(verdict.line, file.hostids) in genuine, f"mutation {number} of seed {seed}: {changed!r}"
        assert kept > 500
        # And the server itself serves nothing of a line that somebody has raised.
        site.license.write_bytes(data.replace(b" permanent 5 ", b" permanent 6 "))
        site.start()
        assert "f1" in site.read_log()
        with Peer(site.port) as peer:
            peer.hello()
            denied = peer.ask(Checkout(1, "f1", "8.0"))
            assert isinstance(denied, Denied), denied
            assert denied.number == -8
            assert isinstance(peer.ask(Checkout(2, "f3", "8.0")), Granted)


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_machine_that_takes_a_host_id_but_not_its_key_serves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ethernet address is what a root user says it is (docs/host-ids.md); the credential of the license server is not."""
    monkeypatch.setattr(site_module, "default_hostid", lambda: "0800200005ac")
    with TwoMachines("08:00:20:00:05:ac") as net:
        shown = net.run("server", [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmhostid"]).stdout
        assert "0800200005ac" in shown
        original = tmp_path / "original"
        with Site(original, {"f1": 1}) as site:
            assert next(original.glob("*.credential")).exists()
            copy = tmp_path / "copy"
            copy.mkdir()
            for path in (site.license, original / f"{VENDOR}.trust"):
                (copy / path.name).write_bytes(path.read_bytes())
            for directory, serves in ((original, True), (copy, False)):
                log = directory / "try.log"
                command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(directory / "license.dat"), "-l", f"+{log}"]
                process = net.popen("server", command, stdin=subprocess.DEVNULL)
                try:
                    wait_until(lambda log=log: log.exists() and bool(re.search("Server started on|NOT started again", log.read_text())))  # type: ignore[misc]
                    assert ("Server started on" in log.read_text()) == serves, log.read_text()
                finally:
                    process.terminate()
                    process.wait(30)
            assert "credential" in (copy / "try.log").read_text()


def test_a_server_whose_clock_was_set_back_gives_no_dated_license(tmp_path: Path) -> None:
    """The journal has seen a later time: dated licenses are refused, undated ones go on, also after a restart."""
    with Site(tmp_path / "site", [feature("dated", 5, expiry=f"31-dec-{date.today().year + 1}"), feature("undated", 5)]) as site:
        journal = Journal(site.directory / f"{VENDOR}.journal", lambda call: call())
        list(journal.tail())
        from seatkeeper.vendor.ledger import Ledger

        ahead = time.time() + 3600
        journal.snapshot(Ledger().snapshot(ahead))
        journal.close([Clocked(ahead)])
        for _ in range(2):
            site.start()
            with Peer(site.port) as peer:
                peer.hello()
                denied = peer.ask(Checkout(1, "dated", "8.0"))
                assert isinstance(denied, Denied), denied
                assert denied.number == -88
                assert isinstance(peer.ask(Checkout(2, "undated", "8.0")), Granted)
            site.stop()


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_cloned_server_serves_nothing_where_the_host_id_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files of a server, its credential and journal among them, on a machine with another card: nothing is served there.

    A clone with the same address is not told apart (docs/security.md).
    """
    monkeypatch.setattr(site_module, "default_hostid", lambda: "0800200005ac")
    with Site(tmp_path / "site", {"f1": 1}) as site:
        for address, serves in (("08:00:20:00:05:ac", True), ("08:00:20:00:05:ad", False)):
            log = tmp_path / f"{serves}.log"
            with TwoMachines(address) as net:
                command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{log}"]
                process = net.popen("server", command, stdin=subprocess.DEVNULL)
                try:
                    wait_until(lambda log=log: log.exists() and bool(re.search("Server started on|NOT started again", log.read_text())))  # type: ignore[misc]
                finally:
                    process.terminate()
                    process.wait(30)
            assert ("Server started on" in log.read_text()) == serves, log.read_text()
        assert "(-9," in log.read_text()


def test_a_server_that_was_put_back_gives_no_seat_twice_itself_and_says_what_it_can_see(place: Site) -> None:
    """Yesterday's copy of the journal in the place of today's: what came since is unknown, and its holders learn that."""
    journal = place.directory / f"{VENDOR}.journal"
    saved = place.directory / "yesterday"

    def verified() -> dict[str, object]:
        command = [sys.executable, "-m", "seatkeeper.cli.main", "journal", "verify", "--json", str(journal)]
        shown: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
        return shown

    place.start()
    place.stop()
    shutil.copytree(journal, saved)
    place.start()
    with Peer(place.port) as holder:
        holder.hello("holder")
        granted = holder.checkout("f1")
        # The power is cut, so that the holder still believes in its seat.
        assert place.process is not None
        # lmgrd is held first: it must not start another daemon, which would write the journal while it is put back.
        place.process.send_signal(signal.SIGSTOP)
        os.kill(place.daemon_pid(), signal.SIGKILL)
        place.process.kill()
        place.process.wait(30)
    kept = verified()
    shutil.rmtree(journal)
    saved.rename(journal)
    place.start()
    with Peer(place.port) as other, Peer(place.port) as holder:
        welcome = holder.ask(hello("holder", held=[granted.handle]))
        assert isinstance(welcome, Welcome), welcome
        assert welcome.held == []
        other.hello("other")
        other.checkout("f1")
        assert isinstance(holder.ask(Checkout(1, "f1", "8.0")), Denied)
        assert in_use(place, "f1") == 1
    wait_until(lambda: f"holds handle {granted.handle}, which this journal has never given out" in place.read_log())
    place.stop()
    # The journal is whole in itself. That it is another one shows only beside what was kept elsewhere.
    assert verified()["ok"]
    hashes = {record.seq + len(record.entries) - 1: record.hash for record in read_journal(segments(journal), anchor=GENESIS)}
    assert hashes.get(kept["last"]) != kept["hash"]  # type: ignore[call-overload]


SLEEPER = """
import sys, time
from seatkeeper.sdk.blocking import Client
with Client(sys.argv[1], root=sys.argv[2]) as client:
    seat = client.checkout("f1", "8.0")
    print(seat.valid, flush=True)
    sys.stdin.readline()
    print(seat.valid, flush=True)
"""


def test_a_client_that_slept_beyond_its_lease_knows_it_at_once(place: Site) -> None:
    """SIGSTOP for twice the lease, SIGCONT: the first thing that it learns is that the seat is lost."""
    place.start("--lease", "2", "--heartbeat", "0.5")
    command = [sys.executable, "-c", SLEEPER, f"{place.port}@localhost", place.root]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        assert client.stdout.readline() == "True\n"
        os.kill(client.pid, signal.SIGSTOP)
        seats_become(place, "f1", 0)
        # The seat is another's by now.
        with Peer(place.port) as next_one:
            next_one.hello("next")
            next_one.checkout("f1")
            client.stdin.write("\n")
            client.stdin.flush()
            os.kill(client.pid, signal.SIGCONT)
            assert client.stdout.readline() == "False\n"
    finally:
        client.kill()
        client.communicate()


def test_a_removed_seat_is_free_when_its_holder_knows(place: Site) -> None:
    """lmremove takes the seat from who has it first, and gives it to nobody before that one has let go."""
    place.start()
    with Peer(place.port) as holder, Peer(place.port) as other:
        holder.hello("holder")
        granted = holder.checkout("f1")
        other.hello("other")
        removed = tool("lmremove", "-c", str(place.license), "f1", "holder", "holder-pc", "tty1")
        assert removed.returncode == 0, removed.stdout + removed.stderr
        lost = holder.receive()
        assert isinstance(lost, Lost), lost
        assert isinstance(other.ask(Checkout(1, "f1", "8.0")), Denied)
        assert holder.ask(Checkin(2, granted.handle)) == Returned(2, granted.handle)
        assert isinstance(other.ask(Checkout(2, "f1", "8.0")), Granted)


def test_a_borrow_is_returned_once_and_by_its_secret_only(place: Site) -> None:
    """A borrow's seats stay out after the session, come back by the secret of the record alone, and a replay gives nothing back."""
    from seatkeeper.licfile.borrowing import claimed
    from seatkeeper.wire.messages import ReturnBorrow

    place.start()
    with Peer(place.port) as peer:
        peer.hello("ann")
        granted = peer.ask(Checkout(1, "lent", "8.0", borrow_until=time.time() + 7200))
        assert isinstance(granted, Granted), granted
        record = claimed(granted.borrow)
        assert record is not None
    seats_become(place, "lent", 1)
    with Peer(place.port) as peer:
        peer.hello("mallory")
        wrong = bytes(byte ^ 1 for byte in record.secret)
        refused = peer.ask(ReturnBorrow(1, granted.handle, wrong))
        assert isinstance(refused, Returned), refused
        assert refused.number
        assert in_use(place, "lent") == 1
        assert peer.ask(ReturnBorrow(2, granted.handle, record.secret)) == Returned(2, granted.handle)
        assert in_use(place, "lent") == 0
        # Somebody else borrows; the old record's replay does not touch that.
        assert isinstance(peer.ask(Checkout(3, "lent", "8.0", count=2)), Granted)
        again = peer.ask(ReturnBorrow(4, granted.handle, record.secret))
        assert isinstance(again, Returned), again
        assert in_use(place, "lent") == 2


# 2.2 Denial of service -------------------------------------------------------------------------------------------


def test_nothing_that_comes_from_elsewhere_is_unpacked_or_executed() -> None:
    """No compression, no pickle, no eval: neither a bomb nor a program can come in by a message or a file."""
    unpackers = {"zlib", "gzip", "bz2", "lzma", "zipfile", "tarfile", "pickle", "marshal", "shelve", "dill"}
    runners = {"eval", "exec", "compile", "__import__"}
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            elif (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec", "compile", "__import__")
            ):
                names = [node.func.id]
            # zlib.crc32 names pools; it unpacks nothing.
            allowed = isinstance(node, ast.ImportFrom) and node.module == "zlib" and [alias.name for alias in node.names] == ["crc32"]
            if not allowed:
                bad = [name for name in names if name.partition(".")[0] in unpackers | runners]
                found += [f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)} {name}" for name in bad]
    assert not found, found


def test_a_flood_of_handshakes_takes_nothing_from_those_who_work(place: Site) -> None:
    """TLS hellos without end, half and whole: a client with a seat, and one that comes meanwhile, are served."""
    import ssl

    place.start()
    watch = Watch(place)
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    greeting = outgoing.read()
    preface = bytearray(encode_preface(VENDOR))
    preface[5] |= 0x80
    with Peer(place.port) as holder, contextlib.ExitStack() as crowd:
        holder.hello("holder")
        for number in range(sized(200, 2_000)):
            one = socket.create_connection(("127.0.0.1", place.port), 60, (f"127.0.0.{number % 200 + 1}", 0))
            crowd.callback(one.close)
            cut = (len(greeting), len(greeting) // 2, 1)[number % 3]
            one.sendall(bytes(preface) + greeting[:cut])
            if number % 20 == 0:
                holder.pair("good", 2 * number + 1)
                with Peer(place.port) as newcomer:
                    newcomer.hello(f"new{number}")
                    newcomer.pair("good", 1)
    watch.unharmed()


def test_one_client_that_asks_without_pause_does_not_starve_the_others(place: Site) -> None:
    """Thousands of requests that lie in wait on one connection: others are served before those are done."""
    place.start()
    requests = sized(20_000, 100_000)
    with Peer(place.port) as greedy, Peer(place.port) as modest:
        greedy.hello("greedy")
        modest.hello("modest")
        answered = 0

        def read() -> None:
            nonlocal answered
            while answered < requests and greedy.receive() is not None:
                answered += 1

        reader = threading.Thread(target=read)
        reader.start()
        writer = threading.Thread(target=lambda: greedy.send(*(Checkout(number, "none", "8.0") for number in range(1, requests + 1))))
        writer.start()
        for number in range(50):
            modest.pair("good", 2 * number + 1)
        assert answered < requests, "the greedy one was done before the modest one"
        greedy.socket.shutdown(socket.SHUT_RDWR)
        writer.join(60)
        reader.join(60)
        assert not writer.is_alive()
        assert not reader.is_alive()


# 2.3 Administration ------------------------------------------------------------------------------------------------

COMMANDS = [
    *(AskDown(1, VENDOR, force=True), AskDown(1, force=True), AskReread(1), AskReread(1, VENDOR), AskReread(1, dry_run=True)),
    *(AskRemove(1, "f1", "holder", "holder-pc", "tty1"), AskRemove(1, "f1", handle=101), AskRevoke(1, 101)),
    *(AskSwitch(1, "debug", "/tmp/seatkeeper-not-here.log"), AskSwitch(1, "report", "x"), AskSwitch(1, "new", "y")),
]


def vendor_of(message: object) -> str:
    return VENDOR if isinstance(message, AskRemove | AskRevoke | AskSwitch) else ""


def test_administration_by_anyone_changes_nothing(place: Site) -> None:
    """Without a Unix socket, a certificate or a token nobody is an administrator, on the license server's own machine neither."""
    place.start()
    watch = Watch(place)
    with Peer(place.port) as holder:
        holder.hello("holder")
        holder.checkout("f1")
        for command in COMMANDS:
            with Peer(place.port, vendor=vendor_of(command)) as stranger:
                answer: ServerMessage | None = stranger.ask(command)
                assert isinstance(answer, Done | Refused), f"{command}: {answer}"
                assert answer.number in (-63, -119), f"{command}: {answer}"
        holder.pair("good", 10)
        assert in_use(place, "f1") == 1
    watch.unharmed()
    assert not Path("/tmp/seatkeeper-not-here.log").exists()


def test_a_name_in_a_message_makes_nobody_an_administrator(place: Site) -> None:
    """doltool's fake login as root (facts, reliability 1.2): whatever names follow in a message, they are not looked at."""
    place.start()
    watch = Watch(place)
    with Peer(place.port) as holder:
        holder.hello("holder")
        holder.checkout("f1")
        for name in ("root", "Administrator", "SYSTEM", ""):
            for command in COMMANDS:
                fields: list[object] = msgspec.msgpack.decode(encode(command))
                body = msgspec.msgpack.encode([*fields, name, "localhost", "administrator", True])
                with Peer(place.port, vendor=vendor_of(command)) as stranger:
                    stranger.send_bytes(header(len(body)) + body)
                    answer = stranger.receive()
                    assert isinstance(answer, Done | Refused), f"{command}: {answer}"
                    assert answer.number in (-63, -119), f"{command}: {answer}"
        with Peer(place.port) as stranger:
            # A session that calls itself root is a client like any other.
            stranger.hello("root")
            answer = stranger.ask(AskRemove(1, "f1", "holder", "holder-pc", "tty1"))
            assert isinstance(answer, Done | Refused), answer
            assert answer.number == -63
        assert in_use(place, "f1") == 1
    watch.unharmed()


def test_a_journal_that_was_touched_names_the_place(place: Site) -> None:
    """A line deleted, changed, repeated or put elsewhere: `seatkeeper journal verify` says so, and where."""
    place.start()
    with Peer(place.port) as peer:
        peer.hello("ann")
        for number in range(1, 20, 2):
            peer.pair("f1", number)
    removed = tool("lmreread", "-c", str(place.license))
    assert removed.returncode == 0, removed.stderr
    place.stop()
    (segment,) = sorted((place.directory / f"{VENDOR}.journal").glob("*.jsonl"))
    lines = segment.read_bytes().splitlines(keepends=True)
    assert len(lines) > 15

    def verify() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seatkeeper.cli.main", "journal", "verify", str(segment.parent)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert verify().returncode == 0
    chance = random.Random(4)
    for _ in range(sized(6, 100)):
        at = chance.randrange(1, len(lines) - 1)
        other = chance.randrange(1, len(lines) - 1)
        raised = re.sub(rb'"at":(\d)', lambda match: b'"at":%d' % ((int(match[1]) + 1) % 10), lines[at], count=1)
        changes = [
            lines[:at] + lines[at + 1 :],
            [*lines[:at], raised, *lines[at + 1 :]],
            [*lines[:at], lines[at], *lines[at:]],
        ]
        if other != at:
            changes.append(
                [*(lines[other] if number == at else lines[at] if number == other else line for number, line in enumerate(lines))]
            )
        for changed in changes:
            segment.write_bytes(b"".join(changed))
            told = verify()
            assert told.returncode != 0
            assert re.search(rf"{segment.name}:\d+: entry \d+ ", told.stdout + told.stderr), told.stdout + told.stderr


# 2.4 Information leak ------------------------------------------------------------------------------------------------

_NAMES = ("wilhelmine", "secretlab", "hushhush")

_HOLDER = """
import sys
from seatkeeper.sdk.blocking import Client
with Client(sys.argv[1], root=sys.argv[2], user="wilhelmine", host="secretlab", display="hushhush") as client:
    seat = client.checkout("f1", "8.0")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_no_name_crosses_the_network_in_clear(place: Site) -> None:
    """What a listener on the wire sees of an application and of lmstat over TLS holds no name of a user, host or display."""
    place.start()
    for plain in ("0", "1"):
        with Recorder(place.port) as of_application, Recorder(place.port) as of_tool:
            command = [sys.executable, "-c", _HOLDER, f"{of_application.port}@127.0.0.1", place.root]
            environment = {**os.environ, "SEATKEEPER_PLAIN": plain}
            holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == "held\n"
                asked = tool("lmstat", "-a", "-c", f"{of_tool.port}@127.0.0.1", SEATKEEPER_PLAIN=plain, SEATKEEPER_ROOT=place.root)
                assert all(name in asked.stdout for name in _NAMES), asked.stdout + asked.stderr
            finally:
                holder.communicate(timeout=30)
            for recorder in (of_application, of_tool):
                wire = b"".join((*recorder.from_client, *recorder.from_server))
                assert len(wire) > 300
                # In plain text the same search finds them: it is a search that can fail.
                assert {name.encode() in wire for name in _NAMES} == {plain == "1"}
        seats_become(place, "f1", 0)


class Abroad:
    """A server with a holder on one machine, and another machine that asks."""

    def __init__(self, net: TwoMachines, site: Site) -> None:
        self.net = net
        self.site = site
        self.address = f"{site.port}@{SERVER}"
        self._environment = {**os.environ, "SEATKEEPER_ROOT": site.root}
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}"]
        self.server = net.popen("server", command, stdin=subprocess.DEVNULL)
        wait_until(lambda: "Server started on" in site.read_log(), why=site.read_log)
        words = [sys.executable, "-c", _HOLDER, self.address, site.root]
        self.holder = net.popen("server", words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "held\n"

    def tool(self, side: Literal["server", "client"], name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What a classic tool says on that machine."""
        command = [sys.executable, "-m", "seatkeeper.cli.lmutil", name, "-c", self.address, *words]
        return self.net.run(side, command, env=self._environment, check=False)

    def close(self) -> None:
        for process in (self.holder, self.server):
            process.terminate()
            process.communicate(timeout=30)


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Abroad]:
    if missing():
        pytest.skip(missing())
    with TwoMachines("08:00:20:00:05:ac") as net:
        # Only while it is made: this module's other servers are on this machine.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(site_module, "default_hostid", lambda: "0800200005ac")
            made_for = Site(tmp_path_factory.mktemp("abroad"), {"f1": 3, "good": 3})
        with made_for as site:
            made = Abroad(net, site)
            yield made
            made.close()


def test_another_machine_sees_no_names(abroad: Abroad) -> None:
    """An anonymous client of another machine sees every line of lmstat, with pseudonyms for users, hosts and displays."""
    near = abroad.tool("server", "lmstat", "-a").stdout
    assert all(name in near for name in _NAMES), near
    far = abroad.tool("client", "lmstat", "-a")
    assert "Users of f1:  (Total of 3 licenses issued;  Total of 1 license in use)" in far.stdout, far.stdout + far.stderr
    assert ", start " in far.stdout
    for text in (far.stdout, far.stderr):
        assert not [name for name in _NAMES if name in text], text


def test_another_machine_changes_nothing(abroad: Abroad) -> None:
    """Nobody administers from another machine without a certificate or a token."""
    for name, *words in (["lmremove", "f1", *_NAMES], ["lmreread"], ["lmdown", "-q"]):
        tried = abroad.tool("client", name, *words)
        assert tried.returncode in (137, 193), f"{name}: {tried.returncode} {tried.stdout}{tried.stderr}"
    assert abroad.server.poll() is None
    near = abroad.tool("server", "lmstat", "-a").stdout
    assert all(name in near for name in _NAMES), near


def test_another_machine_is_told_nothing_without_tls(abroad: Abroad) -> None:
    """A connection in plain text from elsewhere gets a refusal, and no byte of the status."""
    number, said = json.loads(abroad.net.run("client", [sys.executable, "-c", _PLAIN, SERVER, str(abroad.site.port)]).stdout)
    assert number == -33
    assert not [name for name in (*_NAMES, "f1 ") if name in said]


#: Asks for status without TLS, and prints the number of the refusal and everything that was said.
_PLAIN = f"""
import json, socket, sys
from seatkeeper.wire.framing import encode, encode_preface, frame, server_frames
from seatkeeper.wire.messages import AskFeatures
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as one:
    one.sendall(encode_preface({VENDOR!r}) + frame(AskFeatures(1)))
    said = b""
    try:
        while data := one.recv(65536):
            said += data
    except ConnectionError:
        pass
print(json.dumps([server_frames().feed(said)[0].number, said.decode("latin-1")]))
"""
