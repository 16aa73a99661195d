"""Three real license servers on one machine: whichever of them dies, held seats stay held, and nobody gets one too many."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.journal import read_journal, segments
from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.blocking import Client, LicenseLost
from support.site import START_S
from support.trio import Trio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.sdk.blocking import Seat

pytestmark = pytest.mark.processes

#: Much more than a takeover takes, on a machine that is busy.
TAKEOVER_S = 60.0


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    with Trio(tmp_path, {"f1": 3, "f2": 1}) as made:
        yield made.start()


def through(trio: Trio, me: int, **more: str) -> Client:
    """A client that knows only this one of the three."""
    return Client(f"{trio.sites[me].port}@localhost", root=trio.root, **more)


def checkout(client: Client, feature: str = "f1") -> Seat:
    """The seat, when there is a master again."""
    deadline = time.monotonic() + TAKEOVER_S
    while True:
        try:
            return client.checkout(feature)
        except LicenseError as error:
            # What says that all seats are held is no trouble of the servers.
            if error.number in (-4, -5) or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def full(client: Client) -> None:
    """Nobody gets a fourth of three."""
    with pytest.raises(LicenseError) as refused:
        checkout(client)
    assert refused.value.number == -4


def texts(trio: Trio) -> list[bytes]:
    """What the three journals say, without what only fills the files."""
    return [b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in segments(trio.journal(me))) for me in range(3)]


def test_seats_are_given_through_each_of_the_three_and_counted_once(trio: Trio) -> None:
    clients = [through(trio, me, user=f"u{me}") for me in range(3)]
    try:
        seats = [checkout(client) for client in clients]
        assert len({seat.handle for seat in seats}) == 3
        for client in clients:
            full(client)
        clients[1].checkin(seats[1])
        with through(trio, 2, user="u3") as late:
            checkout(late)
            full(clients[0])
    finally:
        for client in clients:
            client.close()
    trio.__exit__()
    first, *others = texts(trio)
    # An orderly end may come between two of them: what one lacks is at the end.
    shortest = min(len(text) for text in (first, *others))
    assert shortest > 1000
    assert len({text[:shortest] for text in (first, *others)}) == 1


@pytest.mark.parametrize("whole", [False, True])
def test_a_killed_master_costs_no_seat(trio: Trio, whole: bool) -> None:
    news: list[object] = []
    with (
        Client(trio.path, root=trio.root, user="holder", on_event=news.append) as holder,
        Client(trio.path, root=trio.root, user="b") as other,
    ):
        checkout(holder)
        checkout(holder)
        before = trio.master()
        if whole:
            trio.kill(before)
        else:
            os.kill(trio.sites[before].daemon_pid(), signal.SIGKILL)
        checkout(other)
        full(other)
        assert trio.master(before if whole else -1) != before or not whole
        assert not [one for one in news if isinstance(one, LicenseLost)]
        with Client(trio.path, root=trio.root, user="late") as late:
            full(late)
        if whole:
            # It comes back, and reads what it has missed.
            trio.start(which=(before,))
            with through(trio, before, user="back") as back:
                full(back)


def test_a_minority_gives_nothing_and_two_of_three_do(trio: Trio) -> None:
    last = trio.master()
    others = [me for me in range(3) if me != last]
    for me in others:
        trio.kill(me)
    with through(trio, last) as client, pytest.raises(LicenseError) as refused:
        client.checkout("f1")
    assert refused.value.number not in (-4, -5)
    trio.start(which=(others[0],))
    with Client(trio.path, root=trio.root) as client:
        checkout(client)


def test_all_three_may_stop_and_start_again(trio: Trio) -> None:
    with Client(trio.path, root=trio.root, user="holder") as holder:
        checkout(holder, "f2")
        for me in range(3):
            trio.kill(me)
        trio.start()
        with Client(trio.path, root=trio.root, user="other") as other:
            with pytest.raises(LicenseError) as refused:
                checkout(other, "f2")
            assert refused.value.number == -4
    deadline = time.monotonic() + START_S
    while len({sum(len(r.entries) for r in read_journal(segments(trio.journal(me)))) for me in range(3)}) > 1:
        assert time.monotonic() < deadline, "the three journals do not come to be the same"
        time.sleep(0.1)


def test_a_place_in_the_queue_and_a_reread_outlive_the_master(trio: Trio) -> None:
    granted = threading.Event()
    holder, waiter = (Client(trio.path, root=trio.root, user=user) for user in ("holder", "waiter"))

    def wait() -> None:
        waiter.checkout("f2", queue=True)
        granted.set()

    try:
        seat = checkout(holder, "f2")
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        queued(trio, "f2")
        before = trio.master()
        trio.kill(before)
        trio.master(before)
        queued(trio, "f2")
        assert not granted.is_set()
        holder.checkin(seat)
        assert granted.wait(TAKEOVER_S)
        trio.write({"f1": 3, "f2": 2})
        for site in trio.sites:
            if site.process is not None:
                assert lmutil("lmreread", "-c", f"{site.port}@localhost")[0] == 0
        checkout(holder, "f2")
        with pytest.raises(LicenseError) as refused:
            checkout(holder, "f2")
        assert refused.value.number == -4
    finally:
        holder.close()
        waiter.close()


def queued(trio: Trio, name: str) -> None:
    """Returns when one waits for the feature."""
    deadline = time.monotonic() + TAKEOVER_S
    while True:
        with contextlib.suppress(ValueError):
            features = json.loads(lmutil("lmstat", "-a", "--json", "-c", trio.path)[1])["features"]
            if any(len(pool["queued"]) == 1 for one in features if one["feature"] == name for pool in one["pools"]):
                return
        assert time.monotonic() < deadline, "nobody waits"


def test_lmstat_marks_the_master_and_lmdown_ends_all_three(trio: Trio) -> None:
    master = trio.master()
    follower = (master + 1) % 3
    deadline = time.monotonic() + START_S
    while (shown := lmutil("lmstat", "-c", trio.path)[1]).count("license server UP") < 3 or "(MASTER)" not in shown:
        assert time.monotonic() < deadline, shown
    lines = [line for line in shown.splitlines() if "license server UP" in line]
    assert ["(MASTER)" in line for line in lines] == [me == master for me in range(3)]
    # What the two others say of themselves is a second old.
    while True:
        (server,) = json.loads(lmutil("lmstat", "-a", "--json", "-c", trio.path)[1])["servers"]
        assert server["quorum"]
        assert [member["master"] for member in server["members"]] == [me == master for me in range(3)]
        if len({member["term"] for member in server["members"]}) == 1 and all(member["position"] for member in server["members"]):
            break
        assert time.monotonic() < deadline, server
    place = f"{trio.sites[follower].port}@localhost"
    with Client(trio.path, root=trio.root, user="holder") as holder:
        seat = checkout(holder)
        status, said = lmutil("lmremove", "-h", "f1", "localhost", str(trio.sites[follower].port), str(seat.handle))
        assert status
        assert f"{trio.sites[master].port}@localhost" in said
    # Any of the three will do: it knows the two others.
    assert lmutil("lmdown", "-q", "-c", place)[0] == 0
    for site in trio.sites:
        assert site.process is not None
        assert site.process.wait(START_S) == 0


def lmutil(*words: str) -> tuple[int, str]:
    """The status of a tool, and what it says."""
    command = [sys.executable, "-m", "seatkeeper.cli.lmutil", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    return done.returncode, done.stdout + done.stderr
