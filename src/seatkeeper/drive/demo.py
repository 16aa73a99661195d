"""The whole system on one machine, as a newcomer would set it up: every step is a real command on real files.

A made-up contact center of middle size orders ten products. The demo makes a vendor's keys, writes the order, issues the
license file, starts the license server and several applications, and shows what each kind of trouble leads to: a denial, a
killed application, a killed vendor daemon. What it started it stops; only its directory stays.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.host import default_hostid
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.drive.application import Application, Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["APPLICATIONS", "Demo", "free_port"]

_VENDOR: Final = "genesys.d"
#: How long a step may take before the demo says that something is wrong.
_STEP_S: Final = 30.0
_MARK: Final = "seatkeeper-demo"
#: Ports below the range from which systems draw their own.
_PORTS: Final = range(7260, 32000)

_ORDER: Final = """\
# The order of a contact center that does not exist.
[order]
number = "20260042"
site = "4711"
company = "Blue Heron Insurance"
requestor = "Avery Sample"
purpose = "demo"
license_use = "Demonstration"
expires = "permanent"
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

_Want = tuple[str, str, int, bool]

#: Name, host and checkouts (feature, version, count, "or fewer") of each application.
APPLICATIONS: Final[tuple[tuple[str, str, tuple[_Want, ...]], ...]] = (
    ("tserver", "voice1", (("tserver_sdn", "8.0", 9999, True), ("tserver_iscc", "8.0", 1, False), ("cti_ha_option", "8.0", 1, False))),
    ("urs", "routing1", (("router_seats", "8.0", 100, False), ("router_ha_option", "8.0", 1, False))),
    ("ocs", "outbound1", (("occ_full", "8.0", 25, False),)),
    (
        "ixn",
        "media1",
        (
            ("ics_multi_media_agent_seat", "8.0", 40, False),
            ("ics_email_webform_channel", "8.0", 30, False),
            ("ics_live_web_channel", "8.0", 20, False),
        ),
    ),
    ("scs", "mgmt1", (("ha_redundancy", "8.0", 1, False), ("MLDistributed", "8.0", 1, False), ("MLSNMP", "8.0", 1, False))),
    ("confserv", "mgmt2", (("CLDistributed", "8.0", 1, False),)),
    ("ivr", "ivr1", (("tserver_ivr_max_ports_behind", "8.0", 48, False),)),
    ("callback", "voice2", (("vcb_full", "8.0", 30, False),)),
)
_RIVAL: Final = ("ocs-2", "outbound2", (("occ_full", "8.0", 5, False),))
_SUPERVISOR: Final = ("morgan", "desk17", (("DESKTOP_SUPERVISOR", "7.0", 1, False),))


def free_port(wanted: int = 0) -> int:
    """`wanted`, or the first port from 7260 on that nobody uses.

    Raises:
        SeatkeeperError: `wanted` is in use.
    """
    for port in [wanted] if wanted else _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        return port
    raise SeatkeeperError(f"Port {wanted or _PORTS.start} is in use.", "Give another one with --port.")


class _Process:
    """One application of the demo, and the reports that it prints."""

    def __init__(self, name: str, wanted: Application) -> None:
        self.name = name
        self.reports: queue.Queue[Report | None] = queue.Queue()
        command = [sys.executable, "-m", "seatkeeper.drive.application", msgspec.json.encode(wanted).decode()]
        # A Ctrl-C in the terminal is for the demo, which then ends its applications orderly.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.reports.put(msgspec.json.decode(line, type=Report))
        self.reports.put(None)

    def wait_for(self, *events: str) -> list[Report]:
        """The reports up to and with the first of one of these events."""
        found: list[Report] = []
        while True:
            try:
                report = self.reports.get(timeout=_STEP_S)
            except queue.Empty:
                raise SeatkeeperError(f"{self.name} does not report {' or '.join(events)} within {_STEP_S:g} s.") from None
            if report is None:
                raise SeatkeeperError(f"{self.name} has ended before it reported {' or '.join(events)}.")
            found.append(report)
            if report.event in events:
                return found

    def end(self) -> None:
        """Ends it orderly: its seats are checked in."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_STEP_S)
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
        self.directory = directory
        self.port = port
        self._say = say
        self._applications: list[_Process] = []
        self._lmgrd: subprocess.Popen[bytes] | None = None
        self._root = ""

    @property
    def path(self) -> str:
        """The license path of the demo's server."""
        return f"{self.port}@localhost"

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
            self._prepare()
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

    def _prepare(self) -> None:
        mark = self.directory / _MARK
        if self.directory.exists() and any(self.directory.iterdir()) and not mark.exists():
            raise SeatkeeperError(f"{self.directory} is not empty.", "Give --dir a new or empty directory.")
        if mark.exists():
            self._clear()
        self.directory.mkdir(parents=True, exist_ok=True)
        mark.write_text("This directory was made by `seatkeeper demo`, and its next run empties it.\n")
        self.port = free_port(self.port)
        self._say(f"Everything of this demo is in {self.directory}")

    def _clear(self) -> None:
        """Removes what an earlier demo left."""
        import shutil

        for item in self.directory.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()

    def _issue(self) -> None:
        items = "".join(f'\n[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = {quantity}\n' for name, quantity in _ITEMS)
        order = _ORDER.format(items=items, hostid=default_hostid(), port=self.port)
        (self.directory / "order.toml").write_text(order)
        self._say("The vendor makes an offline root key, an issuer key, the daemon's key and a trust file:")
        self._command("seatkeeper", "vendor", "init", _VENDOR, "--keys", "keys")
        self._say(f"A contact center orders {len(_ITEMS)} products (order.toml); the licensing desk issues one signed license file:")
        self._command("seatkeeper", "issue", "order.toml", "--keys", "keys", "-o", "license.dat")
        self._command("seatkeeper", "license", "verify", "license.dat")
        trust = msgspec.json.decode((self.directory / f"{_VENDOR}.trust").read_bytes())
        self._root = trust["trust"]["root"]

    def _serve(self) -> None:
        self._say("lmgrd serves the file and starts the vendor daemon:")
        command = ["lmgrd", "-z", "-c", "license.dat", "-l", "+debug.log"]
        self._say(f"$ {shlex.join(command)} &")
        self._lmgrd = subprocess.Popen(self._resolved(command), cwd=self.directory, stdin=subprocess.DEVNULL, start_new_session=True)
        self._wait_until("the license server is up", lambda: "UP" in self._lmstat("-c", self.path).partition("Vendor daemon status")[2])
        self._say(f"The license server is up: {self.path}")

    def _start_applications(self) -> None:
        self._say(f"{len(APPLICATIONS)} applications start, each a process of its own that pins the vendor's root key:")
        started = [self._start(*wanted) for wanted in APPLICATIONS]
        for process in started:
            for report in process.wait_for("ready"):
                if report.event == "granted":
                    self._say(f"  {process.name}: {report.count} x {report.feature} granted under handle {report.handle}")
                elif report.event == "denied":
                    raise SeatkeeperError(f"{process.name} was denied {report.feature}: {report.text}")

    def _deny(self) -> None:
        rival = self._start(*_RIVAL)
        denied = next(report for report in rival.wait_for("ready") if report.event == "denied")
        self._say(f"A second outbound server asks for {denied.count} x {denied.feature} and is denied: {denied.text} ({denied.number})")
        self._finish(rival)

    def _kill_application(self) -> None:
        supervisor = self._start(*_SUPERVISOR)
        granted = next(report for report in supervisor.wait_for("ready") if report.event == "granted")
        self._say(f"{supervisor.name} holds {granted.feature} under handle {granted.handle}; the process is killed with SIGKILL")
        supervisor.process.kill()
        self._finish(supervisor)
        self._wait_until("the seat is back", lambda: f" {granted.handle})" not in self._lmstat("-c", self.path, "-f", granted.feature))
        self._say(f"The seat is back at once: nobody holds {granted.feature}")

    def _kill_daemon(self) -> None:
        # The debug log names the process that lmgrd has just started.
        pid = int(self._last_of_log("tarted genesys.d").rsplit("pid ", 1)[1].rstrip(")\n"))
        before = self._handles()
        self._say(f"Now {_VENDOR} itself (pid {pid}) is killed with SIGKILL; lmgrd starts it again")
        os.kill(pid, signal.SIGKILL)
        for process in self._applications:
            process.wait_for("Reconnected")
        self._say(f"All {len(self._applications)} applications have come back to their sessions")
        after = self._handles()
        if before != after:
            raise SeatkeeperError(f"Handles have changed by the restart: {sorted(before ^ after)}.")
        self._say(f"Every one of the {len(after)} handles is held as before: no seat lost, none granted twice")
        self._command("seatkeeper", "journal", "verify", f"{_VENDOR}.journal")

    def _show(self) -> None:
        self._say(f"$ lmstat -a -c {self.path}")
        sys.stdout.flush()
        print(self._lmstat("-a", "-c", self.path), end="", flush=True)

    def _stay(self) -> None:
        self._say(f"The system stays up: try `lmstat -a -c {self.path}` or `seatkeeper hold MLSNMP -c {self.path} -- sleep 60`.")
        self._say("Press Ctrl-C to end it.")
        assert self._lmgrd is not None
        self._lmgrd.wait()
        self._say("The license server was shut down.")

    def _end(self) -> None:
        for process in list(self._applications):
            self._finish(process)
        if self._lmgrd is not None:
            if self._lmgrd.poll() is None:
                self._lmgrd.terminate()
                try:
                    self._lmgrd.wait(_STEP_S)
                except subprocess.TimeoutExpired:
                    self._lmgrd.kill()
            self._lmgrd = None
            self._say(f"All is stopped; {self.directory} keeps the files.")

    # Small things ----------------------------------------------------------------------------------------------------

    def _start(self, name: str, host: str, wants: tuple[_Want, ...]) -> _Process:
        process = _Process(name, Application(self.path, self._root, name, host, f"{host}:0", wants))
        self._applications.append(process)
        return process

    def _finish(self, process: _Process) -> None:
        process.end()
        self._applications.remove(process)

    def _command(self, *command: str) -> None:
        """Runs one of our commands in the demo's directory, and shows it with what it prints."""
        self._say(f"$ {shlex.join(command)}")
        answer = subprocess.run(
            self._resolved(list(command)),
            cwd=self.directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_STEP_S,
            check=False,
        )
        for line in (answer.stdout + answer.stderr).splitlines():
            self._say(f"  {line}".rstrip())
        if answer.returncode:
            raise SeatkeeperError(f"`{shlex.join(command)}` ended with status {answer.returncode}.")

    def _resolved(self, command: list[str]) -> list[str]:
        """The command as it is installed beside this Python, whatever PATH says."""
        script = Path(sys.executable).parent / command[0]
        return [str(script) if script.exists() else command[0], *command[1:]]

    def _lmstat(self, *flags: str) -> str:
        answer = subprocess.run(self._resolved(["lmstat", *flags]), capture_output=True, text=True, timeout=_STEP_S, check=False)
        return answer.stdout

    def _handles(self) -> set[tuple[str, int]]:
        answer = subprocess.run(
            self._resolved(["lmstat", "-a", "--json", "-c", self.path]), capture_output=True, text=True, timeout=_STEP_S, check=False
        )
        return set(_holders(msgspec.json.decode(answer.stdout)))

    def _last_of_log(self, words: str) -> str:
        lines = (self.directory / "debug.log").read_text().splitlines()
        return next(line for line in reversed(lines) if words in line)

    def _wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = clock.monotonic() + _STEP_S
        while not holds():
            if clock.monotonic() > deadline or (self._lmgrd is not None and self._lmgrd.poll() is not None):
                log = self.directory / "debug.log"
                raise SeatkeeperError(f"It does not come true that {what}.", f"Look at {log}.")
            threading.Event().wait(0.05)


def _holders(status: object) -> list[tuple[str, int]]:
    """Host and handle of every holder, wherever in lmstat's JSON they stand."""
    if isinstance(status, dict):
        own = [(str(status["host"]), int(status["handle"]))] if "handle" in status and "host" in status else []
        return own + [found for value in status.values() for found in _holders(value)]
    if isinstance(status, list):
        return [found for value in status for found in _holders(value)]
    return []
