"""A client that was written in C from docs/protocol.md alone checks out and in, waits, is removed and comes back, at a real server."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import (
    PROTOCOL,
    Checkin,
    Checkout,
    Denied,
    Elsewhere,
    Granted,
    Hello,
    Lost,
    Queued,
    Refused,
    Restored,
    Returned,
    Welcome,
)
from support.fake_lmgrd import FakeLmgrd
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.wire.messages import ClientMessage, ServerMessage

SOURCE = Path(__file__).resolve().parent.parent.parent / "examples" / "c-client" / "seatkeeper_client.c"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion"]
CHECKS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
#: What the sanitizers end the program with; no license error has it.
FAULT = 99
WAIT_S = 20.0
TAKEN_AWAY = 1

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(COMPILER is None, reason="no C compiler: `apt-get install gcc libc6-dev` brings one"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, compiled without a warning, and with sanitizers where the compiler has them."""
    directory = tmp_path_factory.mktemp("c-client")
    assert COMPILER is not None
    probe = directory / "probe.c"
    probe.write_text('#include <stdio.h>\nint main(void) { return puts("") < 0; }\n')
    head = [COMPILER, "-std=c11"]
    if subprocess.run([*head, "-o", directory / "probe", probe], capture_output=True, check=False).returncode:
        pytest.skip(f"{COMPILER} makes no program: `apt-get install gcc libc6-dev` brings what it needs")
    probed = subprocess.run([*head, *CHECKS, "-o", directory / "probe", probe], capture_output=True, check=False)
    works = not probed.returncode and not subprocess.run([directory / "probe"], capture_output=True, check=False).returncode
    checks = CHECKS if works else ["-O2"]
    made = directory / "seatkeeper-client"
    built = subprocess.run([*head, *WARNINGS, *checks, "-o", made, SOURCE], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), {"f1": 5, "f2": 1, "f3": 1, "f4": 1, "f5": 1}) as site:
        yield site.start("--lease", "20", "--heartbeat", "0.5")


def environment(user: str) -> dict[str, str]:
    return {
        **os.environ,
        "LOGNAME": user,
        "ASAN_OPTIONS": f"exitcode={FAULT}",
        "UBSAN_OPTIONS": f"exitcode={FAULT}:print_stacktrace=1",
    }


class Running:
    """The client as a process; `told` hands out its lines as they come."""

    def __init__(self, program: Path, port: int, *words: str, user: str = "ann", vendor: str = VENDOR) -> None:
        command = [str(program), "localhost", str(port), vendor, *words]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(user)
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def told(self, pattern: str) -> re.Match[str]:
        """The next line that begins like this; those before it are passed over."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                line = self._queue.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern!r} within {WAIT_S:g} s; there were: {self.lines}") from None
            assert line is not None, f"it ended without a line like {pattern!r}; there were: {self.lines}"
            self.lines.append(line)
            if found := re.match(pattern, line):
                return found

    def ended(self) -> int:
        """Its exit status; all its lines are in `lines`."""
        status = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        while (line := self._queue.get_nowait()) is not None:
            self.lines.append(line)
        assert status != FAULT, "\n".join(self.lines)
        return status

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def tool(name: str, *words: str) -> str:
    """What a tool of seatkeeper prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "seatkeeper.cli.main", name, *words]
        if name == "journal"
        else [sys.executable, "-m", "seatkeeper.cli.lmutil", name, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def lmstat(site: Site, feature: str) -> str:
    return tool("lmstat", "-f", feature, "-c", f"{site.port}@localhost")


def number_of(status: int) -> int:
    """The license error that an exit status stands for."""
    return status - 256 if status > 2 else status


def test_checkout_and_checkin_are_seen_in_lmstat_log_and_journal(program: Path, site: Site) -> None:
    with Running(program, site.port, "f1", "8.0", "2", "--hold", "600") as client:
        assert client.told(r"welcome: \S+ [\d.]+, lease 20 s, heartbeat 0\.5 s")
        handle = client.told(r"granted: handle (\d+), 2 of f1 8\.0 permanent$")[1]
        shown = lmstat(site, "f1")
        assert "Users of f1:  (Total of 5 licenses issued;  Total of 2 licenses in use)" in shown
        assert re.search(
            rf"^    ann {socket.gethostname()} none \(v8\.0\) \([^/\s]+/{site.port} {handle}\), start .*, 2 licenses$", shown, re.M
        )
        client.process.terminate()
        assert client.ended() == 0
        assert client.lines[-1] == f"returned: handle {handle}, number 0"
    assert "Total of 0 licenses in use" in lmstat(site, "f1")
    # Given back by a checkin, and not because the connection ended.
    assert f'IN: "f1" ann@{socket.gethostname()}  (2 licenses) \n' in site.read_log()
    journal = tool("journal", "show", str(site.directory / f"{VENDOR}.journal"), "--feature", "f1")
    assert f"OUT       f1 v8.0 x2 handle {handle} ann@{socket.gethostname()}" in journal
    assert re.search(rf"IN        f1 x2 handle {handle} ann@\S+ \(checkin\)", journal)


@pytest.mark.parametrize(
    ("words", "number", "reason"),
    [
        pytest.param(("f5", "8.0", "1"), -4, "denied: -4 1 of 1 seat of f5 are in use", id="all in use"),
        pytest.param(("nope", "8.0", "1"), -5, "denied: -5 No line of the license file names nope", id="no such feature"),
        pytest.param(("f1", "9.0", "1"), -21, "denied: -21 Version 9.0 of f1 must be met", id="no such version"),
        pytest.param(("f1", "8.0", "6"), -26, "denied: -26 6 seats of f1 were asked for at once", id="never so many"),
        pytest.param(("f1", "x", "1"), -77, "denied: -77 'x' is no version", id="no version"),
        pytest.param(("\x1b[31mf1", "8.0", "1"), -5, "denied: -5 No line of the license file names ?[31mf1", id="a name that colors"),
    ],
)
def test_a_denial_and_its_reason(program: Path, site: Site, words: tuple[str, ...], number: int, reason: str) -> None:
    with Running(program, site.port, "f5", "", "1", "--hold", "600") as holder:
        holder.told("granted:")
        with Running(program, site.port, *words, user="bob") as client:
            assert number_of(client.ended()) == number
        (said,) = [line for line in client.lines if line.startswith("denied")]
        assert said.startswith(reason)
        if number == -4:
            assert f"  held by ann@{socket.gethostname()} none" in client.lines


def test_a_vendor_that_is_not_served(program: Path, site: Site) -> None:
    with Running(program, site.port, "f1", "8.0", "1", vendor="other.d") as client:
        assert number_of(client.ended()) == -97
    assert client.lines[0] == "refused: -97 This license server runs no vendor daemon other.d, but genesys.d."


def test_two_at_once_have_their_own_seats(program: Path, site: Site) -> None:
    with (
        Running(program, site.port, "f1", "", "3", "--hold", "600") as ann,
        Running(program, site.port, "f1", "", "2", "--hold", "600", user="bob") as bob,
    ):
        handles = {client.told(r"granted: handle (\d+)")[1] for client in (ann, bob)}
        assert len(handles) == 2
        assert "Total of 5 licenses in use" in lmstat(site, "f1")
        bob.process.terminate()
        assert bob.ended() == 0
        assert "Total of 3 licenses in use" in lmstat(site, "f1")


def test_who_waits_is_told_the_place_and_served_in_turn(program: Path, site: Site) -> None:
    words = ("f2", "8.0", "1", "--queue", "--hold", "600")
    with contextlib.ExitStack() as stack:
        ann = stack.enter_context(Running(program, site.port, *words))
        ann.told("granted:")
        bob, cid, dan = (stack.enter_context(Running(program, site.port, *words, user=user)) for user in ("bob", "cid", "dan"))
        # Which of them came first is theirs; ann came before all.
        places = {client: client.told(r"queued: handle (\d+), place (\d)") for client in (bob, cid, dan)}
        first, second, third = sorted(places, key=lambda client: places[client][2])
        assert [places[client][2] for client in (first, second, third)] == ["1", "2", "3"]
        # Who would not wait has none before those that do.
        with Running(program, site.port, "f2", "", "1", user="eve") as eve:
            assert number_of(eve.ended()) == -24
        second.process.terminate()
        assert second.ended() == 0
        assert second.lines[-1].endswith(", number 0")
        assert third.told(r"queued: handle \d+, place 2$")
        ann.process.terminate()
        # The place's handle is that of the seats.
        assert first.told(r"granted: handle (\d+)")[1] == places[first][1]
        first.process.terminate()
        assert third.told("granted:")
        third.process.terminate()
        assert [client.ended() for client in (ann, first, third)] == [0, 0, 0]


def test_a_removal_is_confirmed_and_frees_the_seats(program: Path, site: Site) -> None:
    with Running(program, site.port, "f3", "8.0", "1", "--hold", "600") as client:
        handle = client.told(r"granted: handle (\d+)")[1]
        tool("lmremove", "-c", f"{site.port}@localhost", "f3", "ann", socket.gethostname(), "none")
        assert client.told(rf"lost: handle {handle}, number 0 Removed by ")
        assert client.told(rf"returned: handle {handle}, number 0$")
        assert client.ended() == TAKEN_AWAY
    # At once, and not when the lease is over.
    with Running(program, site.port, "f3", "8.0", "1", user="bob") as other:
        assert other.ended() == 0


def test_seats_and_places_outlive_a_killed_vendor_daemon(program: Path, site: Site) -> None:
    with Running(program, site.port, "f4", "8.0", "1", "--hold", "600") as ann, contextlib.ExitStack() as stack:
        handle = ann.told(r"granted: handle (\d+)")[1]
        bob = stack.enter_context(Running(program, site.port, "f4", "8.0", "1", "--queue", user="bob"))
        place = bob.told(r"queued: handle (\d+), place 1$")[1]
        site.wait_until_restarted(site.kill_daemon())
        assert ann.told(rf"back: handle {handle} is still held")
        assert bob.told(rf"queued: handle {place}, place 1$")
        assert "Total of 1 license in use" in lmstat(site, "f4")
        ann.process.terminate()
        assert bob.told(rf"granted: handle {place}")
        assert (ann.ended(), bob.ended()) == (0, 0)


def test_a_server_that_is_not_there(program: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Running(program, port, "f1", "8.0", "1") as client:
        assert number_of(client.ended()) == -15


def welcome(*held: int, lease_s: float = 180.0) -> Welcome:
    return Welcome(PROTOCOL, "licsrv", "9.9", lease_s / 3, lease_s, list(held), ["any"])


def served_by(program: Path, answer: object, *words: str) -> Running:
    """The client at the end of its talk with a server that answers like this."""
    with FakeLmgrd(answer) as server, Running(program, server.port, "f1", "8.0", "1", *words) as client:  # type: ignore[arg-type]
        client.ended()
    return client


def test_what_is_seldom_seen_of_a_real_server(program: Path) -> None:
    """Elsewhere, violation and restoration, long lines, a connection that is refused later, and a removal while the client was away."""
    greetings: list[Hello] = []

    def there(_vendor: str, message: ClientMessage) -> list[ServerMessage] | bytes:
        if isinstance(message, Hello):
            greetings.append(message)
            return [welcome()] if len(greetings) == 1 else [welcome(3, 7, 300), Lost(7, 0, "Removed.")]
        if isinstance(message, Checkout):
            granted = Granted(message.request, 7, 1, "8.5", "permanent", "x" * 65_000)
            return [Queued(message.request, 7, 2), granted, Lost(7, -10, "It has expired."), Restored(7), Refused(-106, "No more.")]
        return [Returned(message.request, message.handle)] if isinstance(message, Checkin) else b""

    with FakeLmgrd(there) as other:
        client = served_by(program, lambda _vendor, message: [Elsewhere(other.port)] if isinstance(message, Hello) else [], "--hold", "600")
    assert client.lines == [
        "welcome: licsrv 9.9, lease 180 s, heartbeat 60 s",
        "queued: handle 7, place 2",
        "granted: handle 7, 1 of f1 8.5 permanent",
        "lost: handle 7, number -10 It has expired.",
        "restored: handle 7",
        "refused: -106 No more.",
        "disconnected: -106",
        "welcome: licsrv 9.9, lease 180 s, heartbeat 60 s",
        "back: handle 7 is still held",
        "lost: handle 7, number 0 Removed.",
        "returned: handle 7, number 0",
    ]
    assert client.process.returncode == TAKEN_AWAY
    first, second = greetings
    assert (first.held, second.held, second.session == first.session, second.nonce == first.nonce) == ([], [7], True, False)


def test_seats_that_are_gone_when_the_client_comes_back(program: Path) -> None:
    def answer(_vendor: str, message: ClientMessage) -> list[ServerMessage] | bytes:
        if isinstance(message, Hello):
            return [welcome(8)]
        return frame(Granted(message.request, 7, 1)) if isinstance(message, Checkout) else b""  # and the connection is closed

    client = served_by(program, answer, "--hold", "600")
    assert client.lines[-3:] == ["disconnected: -16", "welcome: licsrv 9.9, lease 180 s, heartbeat 60 s", "gone: handle 7"]
    assert client.process.returncode == TAKEN_AWAY


def test_a_queue_that_ends_in_a_denial(program: Path) -> None:
    def answer(_vendor: str, message: ClientMessage) -> list[ServerMessage]:
        if not isinstance(message, Checkout):
            return [welcome()] if isinstance(message, Hello) else b""
        denied = Denied(message.request, -10, 0, "It has expired.", "FEATURE f1", ["ann@pc :0, 2 seats"], 1.5)
        return [Queued(message.request, 7, 1), denied]

    client = served_by(program, answer, "--queue")
    assert client.lines[2:] == ["denied: -10 It has expired.", "  rule: FEATURE f1", "  held by ann@pc :0, 2 seats"]
    assert number_of(client.process.returncode) == -10


def test_a_server_that_falls_silent_loses_the_client_when_the_lease_is_over(program: Path) -> None:
    """The heartbeats are not answered, and nobody greets it again."""
    greetings: list[Hello] = []

    def answer(_vendor: str, message: ClientMessage) -> list[ServerMessage]:
        if isinstance(message, Hello):
            greetings.append(message)
            return [welcome(lease_s=0.9)] if len(greetings) == 1 else [Refused(-97, "It is down.")]
        return [Granted(message.request, 7, 1)] if isinstance(message, Checkout) else []

    client = served_by(program, answer, "--hold", "600")
    assert "disconnected: -52" in client.lines
    assert number_of(client.process.returncode) in (-52, -97)


GOOD = [
    frame(message)
    for message in (
        welcome(101, lease_s=0.1),
        Granted(1, 101, 1, "8.5", "permanent", "FEATURE f1", b"\x01\x02"),
        Denied(1, -4, 342, "All in use.", "FEATURE f1", ["ann@pc :0"], 1.5),
        Queued(1, 101, 300),
        Lost(101, 0, "Removed."),
        Returned(1, 101),
        Refused(-97, "Down."),
    )
]


def with_one_byte(change: tuple[bytes, int, int]) -> bytes:
    whole, at, byte = change
    at %= len(whole)
    return whole[:at] + bytes((byte,)) + whole[at + 1 :]


@settings(max_examples=25)
@given(
    st.binary(max_size=60)
    | st.binary(max_size=60).map(lambda body: len(body).to_bytes(4, "big") + body)
    | st.tuples(st.sampled_from(GOOD), st.integers(0, 200), st.integers(0, 255)).map(with_one_byte)
)
@example(b"\x00\x01\x00\x01")
@example(b"\x00\x00\x00\x00")
@example(b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff")
@example(b"\x00\x00\x00\x08\x98\x21\x01\xc6\xff\xff\xff\xff")
@example(frame(Refused(-97, "\x9b31m\x1b[31m")))
@example(frame(Refused(-97, "e")).replace(b"\xa1e", b"\xa1\xff"))
@example(b"HTTP/1.1 400 Bad Request\r\n\r\n")
def test_a_server_that_sends_nonsense_does_no_harm(program: Path, data: bytes) -> None:
    """First in the place of the Welcome, then behind a good one."""
    enough = frame(Refused(-83, "Enough."))
    for before in (b"", GOOD[0]):
        answers = iter([before + data])
        client = served_by(program, lambda _vendor, _message, answers=answers: next(answers, enough))
        assert client.process.returncode in (0, TAKEN_AWAY) or client.process.returncode > 100, client.lines


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("f1",),
        ("f1", "8.0", "0"),
        ("f1", "8.0", "-1"),
        ("f1", "8.0", "2147483648"),
        ("f1", "8.0", "1x"),
        ("f1", "8" * 33, "1"),
        ("", "8.0", "1"),
        ("f" * 257, "8.0", "1"),
        ("f1", "8.0", "1", "--hold"),
        ("f1", "8.0", "1", "--hold", "nan"),
        ("f1", "8.0", "1", "--what"),
    ],
)
def test_a_command_line_that_makes_no_sense(program: Path, words: tuple[str, ...]) -> None:
    with Running(program, 1, *words) as client:
        assert client.ended() == 2
    assert "usage: seatkeeper-client HOST PORT" in "".join(client.lines)
