"""A license server with all that belongs to it, in one directory, made by the commands that a person would type.

Keys, order, license file, lmgrd: each step is an installed command, so what works here works by hand. What was started here is ended
here; the directory stays.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.sdk import admin

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEP_S", "VENDOR", "Premises", "free_port"]

VENDOR: Final = "genesys.d"
#: How long a step may take before something is wrong.
STEP_S: Final = 30.0
#: Ports below the range from which systems draw their own.
_PORTS: Final = range(7260, 32000)
_LOOK_S: Final = 0.05


def free_port(wanted: int = 0, first: int = _PORTS.start) -> int:
    """`wanted`, or the first port from `first` on that nobody uses.

    Raises:
        SeatkeeperError: `wanted` is in use.
    """
    for port in [wanted] if wanted else range(first, _PORTS.stop):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        return port
    raise SeatkeeperError(f"Port {wanted or first} is in use.", "Give another one with --port.")


class Premises:
    """The directory and what is in it.

    Args:
        directory: Where everything is put; made when missing. One that holds something else is refused.
        port: lmgrd's port; 0 takes 7260 or the next that is free.
        owner: The command whose directory this is; its next run empties it.
        say: Called with each command and each line that it prints.

    Attributes:
        root: The vendor's root public key, as hex digits; empty before there are keys.
    """

    def __init__(self, directory: Path, port: int, owner: str, say: Callable[[str], None]) -> None:
        self.directory = directory
        self.port = port
        self.root = ""
        self._owner = owner
        self._say = say
        self._lmgrd: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> str:
        """The license path of the server."""
        return f"{self.port}@localhost"

    def prepare(self) -> None:
        """Makes the directory, or empties the one that an earlier run made.

        Raises:
            SeatkeeperError: The directory holds something else, or the port is in use.
        """
        mark = self.directory / self._owner.replace(" ", "-")
        if self.directory.exists() and any(self.directory.iterdir()) and not mark.exists():
            raise SeatkeeperError(f"{self.directory} is not empty.", "Give --dir a new or empty directory.")
        if mark.exists():
            self._clear()
        self.directory.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"This directory was made by `{self._owner}`, and its next run empties it.\n")
        self.port = free_port(self.port)

    def _clear(self) -> None:
        for item in self.directory.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()

    def make_keys(self, *flags: str) -> None:
        """Makes the vendor's keys and trust file."""
        self.command("seatkeeper", "vendor", "init", VENDOR, "--keys", "keys", *flags)
        trust = msgspec.json.decode((self.directory / "keys" / f"{VENDOR}.trust").read_bytes())
        self.root = trust["trust"]["root"]

    def issue(self, order: str, name: str = "order.toml") -> None:
        """Issues the license file of an order (TOML), in place of one that there is."""
        (self.directory / name).write_text(order)
        (self.directory / "license.dat").unlink(missing_ok=True)
        self.command("seatkeeper", "issue", name, "--keys", "keys", "-o", "license.dat")

    def start(self, *flags: str) -> None:
        """Starts lmgrd, and returns when its vendor daemon serves."""
        command = ["lmgrd", "-z", "-c", "license.dat", "-l", "+debug.log", *flags]
        self._say(f"$ {shlex.join(command)} &")
        self._lmgrd = subprocess.Popen(self.resolved(command), cwd=self.directory, stdin=subprocess.DEVNULL, start_new_session=True)
        self.wait_until("the license server is up", self._is_up)

    def _is_up(self) -> bool:
        try:
            daemons = admin.server_status("localhost", self.port, STEP_S).daemons
        except LicenseError:
            return False
        return bool(daemons) and all(daemon.up for daemon in daemons)

    def kill(self) -> None:
        """Kills lmgrd and its vendor daemon with SIGKILL, as a machine that fails does."""
        lmgrd, self._lmgrd = self._lmgrd, None
        if lmgrd is not None:
            # lmgrd first, so that it does not start the vendor daemon again; which has no time to end by itself.
            daemon = self.daemon_pid()
            lmgrd.kill()
            with contextlib.suppress(ProcessLookupError):
                os.kill(daemon, signal.SIGKILL)
            lmgrd.wait()

    def daemon_pid(self) -> int:
        """The process of the vendor daemon: the debug log names the one that lmgrd started last."""
        lines = (self.directory / "debug.log").read_text(encoding="utf-8").splitlines()
        started = next(line for line in reversed(lines) if f"tarted {VENDOR}" in line)
        return int(started.rsplit("pid ", 1)[1].rstrip(")"))

    def wait(self) -> None:
        """Returns when lmgrd has ended by itself."""
        assert self._lmgrd is not None
        self._lmgrd.wait()

    def stop(self) -> bool:
        """Ends lmgrd orderly; False where there was none."""
        lmgrd, self._lmgrd = self._lmgrd, None
        if lmgrd is None:
            return False
        if lmgrd.poll() is None:
            lmgrd.terminate()
            try:
                lmgrd.wait(STEP_S)
            except subprocess.TimeoutExpired:
                lmgrd.kill()
                lmgrd.wait()
        return True

    def command(self, *command: str) -> None:
        """Runs one of our commands in the directory, and says it with what it prints.

        Raises:
            SeatkeeperError: It ended with another status than 0.
        """
        self._say(f"$ {shlex.join(command)}")
        answer = subprocess.run(
            self.resolved(list(command)),
            cwd=self.directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=STEP_S,
            check=False,
        )
        for line in (answer.stdout + answer.stderr).splitlines():
            self._say(f"  {line}".rstrip())
        if answer.returncode:
            raise SeatkeeperError(f"`{shlex.join(command)}` ended with status {answer.returncode}.", answer.stderr.strip())

    def lmstat(self, *flags: str) -> str:
        """What lmstat prints about the server."""
        command = self.resolved(["lmstat", *flags, "-c", self.path])
        return subprocess.run(command, capture_output=True, text=True, timeout=STEP_S, check=False).stdout

    def resolved(self, command: list[str]) -> list[str]:
        """The command as it is installed beside this Python, whatever PATH says."""
        script = Path(sys.executable).parent / command[0]
        return [str(script) if script.exists() else command[0], *command[1:]]

    def wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        """Returns when something comes true.

        Raises:
            SeatkeeperError: It does not, within STEP_S or before lmgrd has ended.
        """
        deadline = clock.monotonic() + STEP_S
        while not holds():
            if clock.monotonic() > deadline or (self._lmgrd is not None and self._lmgrd.poll() is not None):
                log = self.directory / "debug.log"
                raise SeatkeeperError(f"It does not come true that {what}.", f"Look at {log}.")
            threading.Event().wait(_LOOK_S)
