"""A vendor daemon that is one of three finds the log that it shares with the others, and lets clients in when that says it may."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from seatkeeper.adapters.jetstream import SharedLog
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.server.control import Mastery
from seatkeeper.server.triadpump import NotingMachine, TriadPump
from seatkeeper.triad.member import TriadSettings
from seatkeeper.vendor.events import Send
from seatkeeper.wire.framing import frame
from seatkeeper.wire.messages import Beat

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any, NoReturn

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.server.control import Control
    from seatkeeper.server.listener import ClientConnection
    from seatkeeper.server.logs import Logs
    from seatkeeper.server.settings import TriadOptions
    from seatkeeper.triad.events import Became
    from seatkeeper.vendor.events import Accepted, Answer, Greeting
    from seatkeeper.vendor.machine import Machine
    from seatkeeper.wire.messages import Hello, Welcome

__all__ = ["ALARM", "DRIFT", "LOGIN", "Sharing", "log_name", "shared_log"]

#: The name that vendor daemons give to the log server of their machine.
LOGIN: Final = "vendord"
#: Clients' clocks may go so much slower than this server's, as a part.
DRIFT: Final = 0.05
#: What is to be done about a member that stopped because journals differ.
ALARM: Final = (
    "This server stays down, and the two others go on serving. Compare the journals of all three (`seatkeeper journal verify`), then put "
    "this server's directory triad-PORT aside and start lmgrd again: it reads the log from the others"
)


class Daemon(Protocol):
    """What a vendor daemon does for it."""

    vendor: str
    loop: asyncio.AbstractEventLoop
    log: DebugLog
    control: Control | None

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Runs a coroutine in the background."""

    def give_up(self, reason: str, alarm: bool = False) -> NoReturn:
        """Ends the process at once."""

    def announce(self) -> None:
        """Says in the log what is served."""

    def tell_serving(self) -> None:
        """Lets lmgrd know that clients may come."""

    def welcome(self, hello: Hello, accepted: Accepted, binding: bytes) -> Welcome:
        """Tells a client that its session is open."""


class Sharing:
    """What a vendor daemon does otherwise because it is one of three.

    Args:
        daemon: The vendor daemon.
        triad: What it is of the three.
    """

    def __init__(self, daemon: Daemon, triad: TriadOptions) -> None:
        self._daemon = daemon
        self._triad = triad
        self._pump: TriadPump
        # Of clients that the log has not let in yet.
        self._hellos: dict[ClientConnection, Hello] = {}
        self._serving = False

    def make_pump(self, machine: Machine, logs: Logs, frames: Mapping[type[Answer], Callable[[Any], bytes]]) -> TriadPump:
        """The way of events to the machine.

        Raises:
            SeatkeeperError: The log cannot be had.
        """
        triad, daemon = self._triad, self._daemon
        assert isinstance(machine, NotingMachine)
        self._pump = TriadPump(
            machine,
            TriadSettings(triad.me, len(triad.hosts)),
            shared_log(triad, daemon.vendor),
            logs,
            daemon.loop,
            {**frames, Beat: frame},  # type: ignore[dict-item]
            welcome=self._welcomed,
            became=self._became,
            give_up=daemon.give_up,
            spawn=daemon.spawn,
        )
        return self._pump

    def start(self) -> None:
        """Follows the log; lmgrd is told that it serves once there is a master."""
        self._pump.start()

    def _became(self, event: Became) -> None:
        triad, daemon = self._triad, self._daemon
        if event.role == "standing":
            daemon.log.say("Lost quorum, or the master: asking to be master")
        elif event.role == "master":
            daemon.log.say(f"MASTER SERVER is this one, {triad.hosts[triad.me]}, in term {event.term}")
            # The member takes the license up with this very turn.
            daemon.loop.call_soon(daemon.announce)
        else:
            daemon.log.say(f"CONNECTED, master is {triad.hosts[event.master]}, in term {event.term}")
        if not self._serving and event.role != "standing":
            self._serving = True
            daemon.tell_serving()
        self.tell()
        daemon.log.flush()

    def tell(self) -> None:
        """Lets lmgrd know who is master, and how far this one has read."""
        if self._daemon.control is not None:
            member = self._pump.member
            known = -1 if member.role in ("standing", "over") else member.master
            self._daemon.control.send(Mastery(known, member.term, member.position, self._pump.lag))

    # Clients ---------------------------------------------------------------------------------------------------------

    def greet(self, connection: ClientConnection, hello: Hello, event: Greeting) -> None:
        """Opens a session; what its client says next is read when it is welcome."""
        if connection.hold():
            self._hellos[connection] = hello
            self._pump.run(event)

    def _welcomed(self, connection: ClientConnection, accepted: Accepted) -> None:
        hello = self._hellos.pop(connection)
        connection.session = accepted.session
        connection.send(self._daemon.welcome(hello, accepted, connection.channel.binding))
        connection.go_on()

    def left(self, connection: ClientConnection) -> None:
        """A connection has ended."""
        self._hellos.pop(connection, None)

    def beat(self, connection: ClientConnection, beat: Beat) -> None:
        """Answers a heartbeat once the log shows that this one was master when it came."""
        self._pump.beat(connection.session, (Send(connection, beat, durable=True),))  # type: ignore[arg-type]


def log_name(vendor: str) -> str:
    """The name of a vendor's log; names of logs have no dots."""
    return "seatkeeper-" + re.sub(r"[^a-z0-9-]", lambda found: f"_{ord(found[0]):x}", vendor.lower())


def shared_log(triad: TriadOptions, vendor: str) -> SharedLog:
    """The log, not connected yet.

    Raises:
        SeatkeeperError: The password for it cannot be read.
    """
    try:
        password = Path(triad.secret).read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise SeatkeeperError(f"{triad.secret} cannot be read, so the log of all three servers cannot be: {error}") from None
    return SharedLog(triad.url, log_name(vendor), replicas=len(triad.hosts), login=(LOGIN, password))
