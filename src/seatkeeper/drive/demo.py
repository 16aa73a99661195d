"""The whole system on one machine, as a newcomer would set it up: every step is a real command on real files.

A made-up contact center of middle size orders ten products. The demo makes a vendor's keys, writes the order, issues the
license file, starts the license server and several applications, each with a profile of its own (`seatkeeper app run`), and shows what
each kind of trouble leads to: a denial, a killed application, a killed vendor daemon. What it started it stops; only its directory stays.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.host import default_hostid
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.drive.premises import STEP_S, VENDOR, Premises

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

__all__ = ["APPLICATIONS", "Demo"]

_ORDER: Final = """\
# The order of a contact center that does not exist.
[order]
number = "20260042"
site = "4711"
company = "Blue Heron Insurance"
requestor = "Avery Sample"
purpose = "demo"
license_use = "Demonstration"
deployment = "blended"
{items}
# A technical license that no product yields.
[[licenses]]
feature = "vcb_full"
version = "8.0"
quantity = 60

[environment]
sites = 2
redundant_pairs = 2
technical_dns = 2000

[[servers]]
host = "localhost"
hostid = "{hostid}"
port = {port}
"""

_ITEMS: Final = (
    ("Genesys CIM Platform - MS", 120),
    ("Genesys Inbound Voice", 120),
    ("SIP Server", 120),
    ("Genesys E-mail", 40),
    ("Genesys Web Media", 30),
    ("Genesys Outbound Voice", 25),
    ("HA - CIM Platform", 120),
    ("IVR Connector (behind)", 48),
    ("Agent Connector", 10),
    ("SNMP", 1),
)


#: What each application's profile says besides name, host, root and license path; the type is the word before the dash.
APPLICATIONS: Final[dict[str, str]] = {
    "tserver-north": 'host = "voice1"\n[TServer]\nmulti-site = true\n[redundancy]\ntype = "hot standby"\n',
    "urs-main": 'host = "routing1"\n[redundancy]\ntype = "hot standby"\n',
    "ocs-main": 'host = "outbound1"\n',
    "interaction-server-main": (
        'host = "media1"\n[license]\nics_multi_media_agent_seat = 40\nics_email_webform_channel = 30\nics_live_web_channel = 20\n'
    ),
    "scs-main": 'host = "mgmt1"\n[general]\nsnmp = true\ndistributed_mode = true\n',
    "configuration-server-branch": 'host = "mgmt2"\n[csproxy]\nproxy-mode = true\n',
    "ivr-server-main": 'host = "ivr1"\n',
    "callback-server-main": 'host = "voice2"\n',
}

_RIVAL: Final = ("ocs-second", 'host = "outbound2"\n[license]\nnum-of-licenses = 5\n')
_DESKTOP: Final = ("desktop-branch", 'host = "desk17"\n')


class _Process:
    """One application of the demo, and what it says of itself: the lines of `seatkeeper app run --json`."""

    def __init__(self, name: str, command: list[str], directory: Path) -> None:
        self.name = name
        self.reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        # A Ctrl-C in the terminal is for the demo, which then ends its applications orderly.
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.reports.put(msgspec.json.decode(line))
        self.reports.put(None)

    def wait_for(self, what: str, holds: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The reports up to and with the first for which `holds` is true."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                report = self.reports.get(timeout=STEP_S)
            except queue.Empty:
                raise SeatkeeperError(f"{self.name} does not report {what} within {STEP_S:g} s.") from None
            if report is None:
                raise SeatkeeperError(f"{self.name} has ended before it reported {what}.")
            found.append(report)
            if holds(report):
                return found

    def wait_for_log(self, number: str) -> list[str]:
        """The log up to and with the first message of this number."""
        reports = self.wait_for(f"message {number}", lambda report: report.get("log") in (number, "05064"))
        return [f"Std {report['log']} {report['text']}" for report in reports if "log" in report]

    def occur(self, event: str, **fields: str | bool) -> dict[str, Any]:
        """Lets something happen to it; its reply."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode({"event": event, **fields}) + b"\n")
        self.process.stdin.flush()
        return self.wait_for(f"a reply to {event}", lambda report: "reply" in report)[-1]

    def end(self) -> None:
        """Ends it orderly: its seats are checked in."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(STEP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Demo:
    """One run of the demo in a directory of its own.

    Args:
        directory: Where everything is put; made when missing. One that holds something else is refused.
        port: lmgrd's port; 0 takes 7260 or the next that is free.
        say: Called with each line of the story.
    """

    def __init__(self, directory: Path, port: int, say: Callable[[str], None]) -> None:
        self.premises = Premises(directory, port, "seatkeeper demo", say)
        self._say = say
        self._applications: list[_Process] = []

    def run(self, *, stay: bool) -> None:
        """Tells the whole story, and with `stay` keeps the system up until SIGINT or SIGTERM."""
        asked_to_stop = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            # Once only: what ends the processes must not be interrupted itself.
            if not asked_to_stop.is_set():
                asked_to_stop.set()
                raise KeyboardInterrupt

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.premises.prepare()
            self._say(f"Everything of this demo is in {self.premises.directory}")
            self._issue()
            self._serve()
            self._start_applications()
            self._deny()
            self._kill_application()
            self._kill_daemon()
            self._show()
            if stay:
                self._stay()
        except KeyboardInterrupt:
            if not asked_to_stop.is_set():
                raise
            self._say("Stopping, as asked.")
        finally:
            for number in before:
                signal.signal(number, signal.SIG_IGN)
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _issue(self) -> None:
        items = "".join(f'\n[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = {quantity}\n' for name, quantity in _ITEMS)
        order = _ORDER.format(items=items, hostid=default_hostid(), port=self.premises.port)
        self._say("The vendor makes an offline root key, an issuer key, the daemon's key and a trust file:")
        self.premises.make_keys()
        self._say(f"A contact center orders {len(_ITEMS)} products (order.toml); the licensing desk issues one signed license file:")
        self.premises.issue(order)
        self.premises.command("seatkeeper", "license", "verify", "license.dat")

    def _serve(self) -> None:
        self._say("lmgrd serves the file and starts the vendor daemon:")
        self.premises.start()
        self._say(f"The license server is up: {self.premises.path}")

    def _start_applications(self) -> None:
        self._say(f"{len(APPLICATIONS)} applications start, each with a profile of its own that pins the vendor's root key:")
        self._say("$ seatkeeper app run tserver-north.toml --events - --json &   (and so on)")
        started = [self._start(name, profile) for name, profile in APPLICATIONS.items()]
        for process in started:
            for line in process.wait_for_log("05060"):
                self._say(f"  {process.name}: {line}")
                if line.startswith("Std 05064"):
                    raise SeatkeeperError(f"{process.name} has no license to start with.")

    def _deny(self) -> None:
        self._say("A second outbound server finds no license left; it logs the violation and exits:")
        rival = self._start(*_RIVAL)
        for line in rival.wait_for_log("05060"):
            self._say(f"  {rival.name}: {line}")
        self._say(f"  Its exit status is {rival.process.wait(STEP_S)}.")
        self._finish(rival)

    def _kill_application(self) -> None:
        desktop = self._start(*_DESKTOP)
        desktop.wait_for_log("05060")
        desktop.occur("login", user="morgan", supervisor=True)
        held = self._handles("DESKTOP_SUPERVISOR")
        (_, handle), *_ = held or {("", 0)}
        self._say(
            f"morgan logs in at {desktop.name} and holds DESKTOP_SUPERVISOR under handle {handle}; the process is killed with SIGKILL"
        )
        desktop.process.kill()
        self._finish(desktop)
        self.premises.wait_until("the seat is back", lambda: not self._handles("DESKTOP_SUPERVISOR"))
        self._say("The seat is back at once: nobody holds DESKTOP_SUPERVISOR")

    def _kill_daemon(self) -> None:
        # The debug log names the process that lmgrd has just started.
        pid = int(self._last_of_log(f"tarted {VENDOR}").rsplit("pid ", 1)[1].rstrip(")\n"))
        before = self._handles()
        self._say(f"Now {VENDOR} itself (pid {pid}) is killed with SIGKILL; lmgrd starts it again")
        os.kill(pid, signal.SIGKILL)
        for process in self._applications:
            log = process.wait_for_log("07105")
            if process is self._applications[0]:
                for line in log:
                    self._say(f"  {process.name}: {line}")
        self._say(f"All {len(self._applications)} applications have come back to their sessions, and cleared their alarms")
        after = self._handles()
        if before != after:
            raise SeatkeeperError(f"Handles have changed by the restart: {sorted(before ^ after)}.")
        self._say(f"Every one of the {len(after)} handles is held as before: no seat lost, none granted twice")
        self.premises.command("seatkeeper", "journal", "verify", f"{VENDOR}.journal")

    def _show(self) -> None:
        self._say(f"$ lmstat -a -c {self.premises.path}")
        sys.stdout.flush()
        print(self.premises.lmstat("-a"), end="", flush=True)

    def _stay(self) -> None:
        path = self.premises.path
        self._say(f"The system stays up: try `lmstat -a -c {path}` or `seatkeeper hold MLSNMP -c {path} -- sleep 60`.")
        self._say("Press Ctrl-C to end it.")
        self.premises.wait()
        self._say("The license server was shut down.")

    def _end(self) -> None:
        for process in list(self._applications):
            self._finish(process)
        if self.premises.stop():
            self._say(f"All is stopped; {self.premises.directory} keeps the files.")

    # Small things ----------------------------------------------------------------------------------------------------

    def _start(self, name: str, profile: str) -> _Process:
        # What stands before the first section is at the head of the file.
        head = f'type = "{name.rpartition("-")[0]}"\nname = "{name}"\nroot = "{self.premises.root}"\n'
        (self.premises.directory / f"{name}.toml").write_text(head + profile)
        command = ["seatkeeper", "app", "run", f"{name}.toml", "-l", self.premises.path, "--events", "-", "--json"]
        process = _Process(name, self.premises.resolved(command), self.premises.directory)
        self._applications.append(process)
        return process

    def _finish(self, process: _Process) -> None:
        process.end()
        self._applications.remove(process)

    def _handles(self, feature: str = "") -> set[tuple[str, int]]:
        flags = ["-f", feature] if feature else ["-a"]
        return set(_holders(msgspec.json.decode(self.premises.lmstat(*flags, "--json"))))

    def _last_of_log(self, words: str) -> str:
        lines = (self.premises.directory / "debug.log").read_text().splitlines()
        return next(line for line in reversed(lines) if words in line)


def _holders(status: object) -> list[tuple[str, int]]:
    """Host and handle of every holder, wherever in lmstat's JSON they stand."""
    if isinstance(status, dict):
        own = [(str(status["host"]), int(status["handle"]))] if "handle" in status and "host" in status else []
        return own + [found for value in status.values() for found in _holders(value)]
    if isinstance(status, list):
        return [found for value in status for found in _holders(value)]
    return []
