"""Three real NATS servers on free loopback ports, with a copy of the log each, to be killed, paused and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seatkeeper.adapters.jetstream import server_config
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.adapters.jetstream import RouteTls

SERVER = Path(sys.executable).with_name("nats-server")


class NatsTrio:
    """The three, started; `close` ends them."""

    def __init__(self, directory: Path, tls: Sequence[RouteTls] = ()) -> None:
        self.directory = directory
        self.ports = [free_port() for _ in range(3)]
        self.routes = [free_port() for _ in range(3)]
        self.processes: list[subprocess.Popen[bytes] | None] = [None, None, None]
        for me in range(3):
            others = [f"127.0.0.1:{port}" for number, port in enumerate(self.routes) if number != me]
            text = server_config(
                f"s{me}",
                "trio",
                directory / f"copy{me}",
                f"127.0.0.1:{self.ports[me]}",
                f"127.0.0.1:{self.routes[me]}",
                others,
                tls=tls[me] if tls else None,
                login=("someone", "a password") if tls else None,
            )
            (directory / f"{me}.conf").write_text(text)
            self.start(me)

    def url(self, me: int) -> str:
        """Where this one serves vendor daemons."""
        return f"nats://127.0.0.1:{self.ports[me]}"

    def start(self, me: int) -> None:
        """Starts it, from what its disk has."""
        with (self.directory / f"{me}.log").open("ab") as log:
            self.processes[me] = subprocess.Popen([str(SERVER), "-c", str(self.directory / f"{me}.conf")], stdout=log, stderr=log)

    def kill(self, me: int) -> None:
        """kill -9."""
        process, self.processes[me] = self.processes[me], None
        if process is not None:
            process.kill()
            process.wait()

    def signal(self, me: int, number: signal.Signals) -> None:
        """Sends it a signal."""
        process = self.processes[me]
        assert process is not None
        process.send_signal(number)

    def close(self) -> None:
        """Ends all."""
        for me in range(3):
            self.kill(me)
