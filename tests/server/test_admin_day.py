"""A FlexNet administrator's day on real processes: each habit, with the output that he knows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmutil
from seatkeeper.sdk.blocking import Client
from support.lmstat_reader import StrictReader
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.processes

DAY_S = 86400.0


class Day:
    """The site, its users, and the administrator's shell."""

    def __init__(self, site: Site, stack: ExitStack, environment: dict[str, str]) -> None:
        self.site = site
        self._stack = stack
        self._environment = environment
        self.path = f"{site.port}@localhost"

    def tool(self, *argv: str, status: int = 0) -> str:
        """Runs a tool; what it prints below its first line."""
        where = ["-c", self.path] if argv[:2] != ("lmborrow", "-status") else []
        command = [sys.executable, "-m", "seatkeeper.cli.lmutil", argv[0], *where, *argv[1:]]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=self._environment)
        assert done.returncode == status, (argv, done.stdout, done.stderr)
        first, _, rest = done.stdout.partition("\n")
        assert first.startswith("lmutil - Copyright (c)") or "--json" in argv
        if "--json" in argv:
            return done.stdout
        return rest + done.stderr

    def user(self, name: str, **more: object) -> Client:
        """An application of that user, on a machine of his own."""
        client = Client(self.path, root=self.site.root, user=name, host=f"{name}-pc", display=":0", **more)
        return self._stack.enter_context(client)

    def screen(self) -> str:
        """lmstat -a, which a strict reader has read."""
        text = self.tool("lmstat", "-a")
        StrictReader("lmstat - Copyright (c) 2026 seatkeeper authors\n" + text).read()
        return text

    def logged(self, pattern: str) -> None:
        """Waits until the debug log has such a line."""
        until(lambda: re.search(pattern, self.site.read_log()))

    def options(self, text: str) -> None:
        """Writes the options file."""
        (self.site.directory / f"{VENDOR}.opt").write_text(text)


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(home / "borrow"))
    environment = {**os.environ, "PYTHONPATH": str(Path(lmutil.__file__).parents[2]), "COLUMNS": "200"}
    with ExitStack() as stack:
        lines = [feature("tserver_sdn", 4), feature("ics_outbound", 2, BORROW="48")]
        site = stack.enter_context(Site(tmp_path / "site", lines))
        yield Day(site, stack, environment)


def until(true: Callable[[], object], seconds: float = 20.0) -> object:
    """What `true` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)
    return found


def test_a_flexnet_administrators_day(day: Day) -> None:
    site = day.site

    # Morning: two seats are kept for the supervisors, and the server is started.
    day.options("GROUP supervisors sue sam\nRESERVE 2 tserver_sdn GROUP supervisors\nMAX 1 ics_outbound USER max\n")
    site.start("--lease", "20")
    assert "\t2 RESERVATIONs for GROUP supervisors (localhost/" in day.screen()
    assert "Users of tserver_sdn:  (Total of 4 licenses issued;  Total of 2 licenses in use)" in day.screen()

    # The others use what is left; the third is denied, and told by which line and in whose favor.
    ann, bob, max_ = day.user("ann"), day.user("bob"), day.user("max")
    first, second = ann.checkout("tserver_sdn", "8.0"), bob.checkout("tserver_sdn", "8.0")
    with pytest.raises(LicenseError) as denied:
        max_.checkout("tserver_sdn", "8.0")
    assert denied.value.number == -101
    assert denied.value.rule == f"{VENDOR}.opt:2: RESERVE 2 tserver_sdn GROUP supervisors"
    assert any("ann@ann-pc" in holder for holder in denied.value.holders)
    day.logged(r'DENIED: "tserver_sdn" max@max-pc  \(All licenses .*\(-101,\d+\)\)')
    sue = day.user("sue")
    reserved = sue.checkout("tserver_sdn", "8.0")
    assert "\t1 RESERVATION for GROUP supervisors (localhost/" in day.screen()

    # A larger file arrives. The dry run says what it changes, the reread serves it, nobody notices.
    site.write([feature("tserver_sdn", 5), feature("ics_outbound", 2, BORROW="48"), feature("ocs_ports", 1)])
    assert "tserver_sdn" in day.tool("lmreread", "--dry-run")
    assert "Users of ocs_ports" not in day.screen()
    assert day.tool("lmreread").startswith("lmreread successful")
    assert "Users of tserver_sdn:  (Total of 5 licenses issued;  Total of 4 licenses in use)" in day.screen()
    assert all(seat.valid for seat in (first, second, reserved))
    # A bad file changes nothing, and is told by its line.
    good = site.license.read_text()
    site.license.write_text(good.replace("permanent 5 ", "permanent 50 "))
    assert "tserver_sdn" in day.tool("lmreread", status=248)
    assert "Total of 5 licenses issued" in day.screen()
    site.license.write_text(good)

    # The seats are used up; a fourth user waits in the queue, and gets the seat that is given back.
    third = max_.checkout("tserver_sdn", "8.0")
    joe = day.user("joe")
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(joe.checkout("tserver_sdn", "8.0", queue=True)), daemon=True)
    thread.start()
    until(lambda: " queued for 1 license" in day.screen())
    day.logged(r'QUEUED: "tserver_sdn" joe@joe-pc')
    bob.checkin(second)
    thread.join(20)
    assert got
    day.logged(r'DEQUEUED: "tserver_sdn" joe@joe-pc')

    # A seat is taken back from an application that hangs: it learns at once, and the seat is free when it has.
    handle = third.handle
    assert "1 removed" in day.tool("lmremove", "tserver_sdn", "max", "max-pc", ":0")
    until(lambda: not third.valid)
    until(lambda: f" {handle})" not in day.screen())
    day.logged(r'IN: "tserver_sdn" max@max-pc  \(REMOVED\)')

    # A laptop leaves: a seat is borrowed for a day, is shown as lingering, and outlives its application.
    kim = day.user("kim")
    kim.checkout("ics_outbound", "8.0", borrow_until=24)
    kim.close()
    assert re.search(r"kim kim-pc :0 \(v8\.0\) \(localhost/\d+ \d+\), start .*  \(linger: \d+ / \d+\)", day.screen())
    day.tool("lmdown", "-q", status=136)
    assert "ics_outbound" in day.tool("lmborrow", "-status")
    # It is back early.
    day.tool("lmborrow", "-return", "-u", "kim", "-h", "kim-pc", "-d", ":0", "ics_outbound")
    assert "Users of ics_outbound:  (Total of 2 licenses issued;  Total of 0 licenses in use)" in day.screen()

    # Logs are rotated while all goes on.
    rotated = site.directory / "debug-2.log"
    day.tool("lmswitch", VENDOR, str(rotated))
    day.user("pat").checkout("ocs_ports", "8.0")
    until(lambda: rotated.exists() and 'OUT: "ocs_ports" pat@pat-pc' in rotated.read_text())
    assert "ocs_ports" not in re.sub(r"for:.*", "", site.read_log())

    # Evening: the server is shut down and started again; who holds seats holds them still.
    held = json.loads(day.tool("lmstat", "-a", "--json"))
    assert day.tool("lmdown", "-q").endswith("1 License Server shut down\n")
    assert site.process is not None
    site.process.wait(30)
    site.start("--lease", "20")
    until(lambda: first.valid and "ann ann-pc :0" in day.screen())
    handles = lambda shown: sorted(h["handle"] for f in shown["features"] for p in f["pools"] for h in p["holders"])  # noqa: E731
    assert handles(json.loads(day.tool("lmstat", "-a", "--json"))) == handles(held)
