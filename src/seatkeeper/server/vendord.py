"""The vendor daemon's process: its life, its clients' connections, and what lmgrd orders.

What clients ask goes as events through the pump (pump.py), which stamps them with the time, lets the machine decide and makes
the decision durable before its answer is seen. This module decides nothing about seats. Beside it stand what is not on that path:
license files are read again in rereads.py, the records of borrowed seats are in borrows.py, long answers in answering.py.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from seatkeeper import __version__
from seatkeeper.adapters import clock
from seatkeeper.adapters.host import host_facts
from seatkeeper.base.errors import LicenseError, SeatkeeperError
from seatkeeper.licfile.options import EMPTY_OPTIONS
from seatkeeper.licfile.trust import server_proof
from seatkeeper.server.accept import Acceptor, listening_sockets
from seatkeeper.server.access import Access
from seatkeeper.server.answering import answer
from seatkeeper.server.answers import ANSWER_FRAMES, Grants
from seatkeeper.server.borrows import Borrows
from seatkeeper.server.channels import Channels
from seatkeeper.server.collector import Collector
from seatkeeper.server.control import Control, Failed, NewClient, OrderReread, OrderStop, RereadDone, Serving
from seatkeeper.server.credentials import Standing
from seatkeeper.server.crowd import Crowd
from seatkeeper.server.license import find_files, load_served
from seatkeeper.server.listener import GREETING_S, ClientConnection
from seatkeeper.server.logs import Logs
from seatkeeper.server.pseudonyms import Pseudonyms
from seatkeeper.server.pump import Pump
from seatkeeper.server.rereads import Rereads
from seatkeeper.server.settings import DaemonOptions
from seatkeeper.server.sharing import ALARM, DRIFT, Sharing
from seatkeeper.server.status import POOL_FRAMES_AT_ONCE, line_frames, status_frames
from seatkeeper.server.triadpump import NotingMachine, TriadPump
from seatkeeper.vendor.events import (
    Accepted,
    Acted,
    Answer,
    BorrowAnswer,
    BorrowReturned,
    Event,
    GrantAnswer,
    Greeting,
    LicenseReread,
    Recovered,
    Send,
    Tick,
)
from seatkeeper.vendor.machine import Machine, VendorSettings
from seatkeeper.wire.messages import PROTOCOL, AskFeatures, AskLines, AskSwitch, Beat, Done, Hello, ReturnBorrow, Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from seatkeeper.adapters.debuglog import DebugLog
    from seatkeeper.server.control import Message
    from seatkeeper.server.license import Served

__all__ = ["EXIT_JOURNAL", "EXIT_NO_FEATURES", "DaemonOptions", "VendorDaemon", "connections_max"]

#: Exit statuses: no features to serve (facts, FlexNet 4.2: 36 on UNIX), and a journal that could not be used.
EXIT_NO_FEATURES: Final = 36
EXIT_JOURNAL: Final = 74
TICK_S: Final = 1.0
#: Descriptors that clients never get: a new segment of the journal and a reread need some whatever the crowd.
_DESCRIPTORS_KEPT: Final = 64
#: Connections that may be on the way to their preface at the daemon's own port.
_WAITING_MAX: Final = 1024
#: That the journal is older than what clients hold is told this often.
_OLDER_S: Final = 60.0


def connections_max() -> int:
    """How many connections the system lets this process have beside its files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if limit == resource.RLIM_INFINITY else max(limit - _DESCRIPTORS_KEPT, 1)


class VendorDaemon:
    """One vendor daemon, on an event loop."""

    def __init__(self, options: DaemonOptions, log: DebugLog, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.vendor = options.vendor
        self.log = log
        self.loop = loop
        self._rereads: Rereads
        self._borrows: Borrows
        self._machine: Machine
        self._logs: Logs
        self._pump: Pump | TriadPump
        self.control: Control | None = None
        access, crowd = Access(options.access, log.say), Crowd(connections_max(), options.access.address_connections_max)
        self._channels = Channels(loop, access, crowd, log.say, self.spawn)
        self._pseudonyms = Pseudonyms(Path(options.data).parent, log.say, clock.new_id)
        self._ungreeted: dict[ClientConnection, float] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._acceptor: Acceptor | None = None
        self._sharing = Sharing(self, options.triad) if options.triad is not None else None
        self._ended: asyncio.Future[int] = loop.create_future()
        self._server_name = socket.gethostname()
        self._day = clock.today()
        self._older_told = -_OLDER_S
        self._collector = Collector(self._day, clock.monotonic())

    # Life ------------------------------------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Serves until it is told to stop; returns the exit status."""
        options, log = self.options, self.log
        log.say(f"FlexNet Licensing version v{__version__} build seatkeeper")
        if options.control >= 0:
            end = socket.socket(fileno=options.control)
            self.control = Control(self.loop, end, self._ordered, self._orphaned)
        try:
            served = self._load()
        except LicenseError as error:
            reason = f"{error.message} {error.reason} ({error.number},{error.minor}) {error.remedy}".rstrip()
            return self._fail(reason, EXIT_NO_FEATURES, final=True)
        except SeatkeeperError as error:
            return self._fail(str(error), EXIT_NO_FEATURES, final=True)
        except OSError as error:
            return self._fail(f"The license files cannot be read: {error}", EXIT_NO_FEATURES)
        self._tell_refusals(served)
        if not served.lines:
            return self._fail("No features to serve, exiting", EXIT_NO_FEATURES, final=True)
        self._show(served)
        trust = served.trust
        if options.clock and trust.simulation is not True:
            # Who sets the clock decides what has expired: not where anybody's real licenses are served.
            return self._fail("A simulated clock is only for keys that were made for simulations", EXIT_NO_FEATURES, final=True)
        settings = VendorSettings(
            self.vendor,
            __version__,
            options.lease_s,
            options.heartbeat_s,
            trust.version_rule,
            trust.seats_max,
            order=options.order,
            timeout_s_min=options.timeout_s_min,
            closed_frees=options.triad is None,
            drift=0.0 if options.triad is None else DRIFT,
        )
        self._machine = (Machine if options.triad is None else NotingMachine)(settings, clock.today())
        self._logs = Logs(
            log, self.vendor, self._server_name, Path(options.data).parent, clock.now, options.datestamp, resumed=options.restarts > 0
        )
        self._grants = Grants(served.trust_text)
        self._borrows = Borrows(self.vendor, self._server_name, self._machine, lambda: self._served, self.control, self._grants)
        frames: dict[type[Answer], Callable[[Any], bytes]] = {
            **ANSWER_FRAMES,
            GrantAnswer: self._grants.frame,
            BorrowAnswer: self._borrows.answer,
        }
        try:
            self._pump = self._make_pump(frames)
        except SeatkeeperError as error:
            return self._fail(str(error), EXIT_JOURNAL)
        self._rereads = Rereads(served, self._load, self._adopt, self._pump, self._collector, log)
        try:
            self._recover()
        except (SeatkeeperError, OSError) as error:
            return self._fail(f"The journal cannot be used: {error}", EXIT_JOURNAL)
        self._listen()
        for name in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(name, self._stop, f"EXITING DUE TO SIGNAL {int(name)}")
        if self._sharing is not None:
            self._sharing.start()
        else:
            self.announce()
            self.tell_serving()
        self.loop.call_later(TICK_S, self._tick)
        status = await self._ended
        return self._close() or status

    def _load(self) -> Served:
        servers = 1 if self.options.triad is None else len(self.options.triad.hosts)
        return load_served(find_files(self.options.files), self.vendor, host_facts(), clock.today(), servers)

    def _make_pump(self, frames: dict[type[Answer], Callable[[Any], bytes]]) -> Pump | TriadPump:
        if self._sharing is not None:
            return self._sharing.make_pump(self._machine, self._logs, frames)
        return Pump(self._machine, self._logs, self.loop, frames, self.give_up)

    def _recover(self) -> None:
        """Builds the ledger from the journal, takes the journal over, and serves."""
        options = self.options
        if options.journal or options.triad is not None:
            self._pump.recover(Path(options.data), durable=options.durable)
        # Not before the journal is ours: the logs may be those of a daemon that runs, and a log without a plus begins anew.
        self._tell_of(self._served)
        self._pump.run(LicenseReread(self._served.lines, clock.today(), self._served.options, unserved=self._served.unserved))
        if self.options.triad is None:
            self._pump.run(Recovered())
        self._pump.turn()

    @property
    def _served(self) -> Served:
        """What is served now."""
        return self._rereads.served

    def _adopt(self, served: Served) -> None:
        """Serves by what was read anew."""
        self._grants.serve(served.trust_text)
        self._show(served)
        self._tell_refusals(served)
        self._tell_of(served)

    def _show(self, served: Served) -> None:
        """Shows from now on the credential that lies beside the license files now."""
        self._channels.serve(Standing.of(self.vendor, served.hostids, served.trust_text, served.credential))

    def _listen(self) -> None:
        """Opens the daemon's own port, where the license file names one (guide, Firewall Support)."""
        if not self.options.port:
            return
        try:
            listeners = listening_sockets(self.options.port)
        except OSError as error:
            self.log.say(f"Port {self.options.port} cannot be opened: {error.strerror}; clients come through lmgrd only")
            return
        address_max = self.options.access.address_connections_max
        self._acceptor = Acceptor(self.loop, listeners, lambda client, _vendor: self._take(client), _WAITING_MAX, address_max)
        self._channels.crowd.total_max = max(self._channels.crowd.total_max - _WAITING_MAX, 1)

    def announce(self) -> None:
        """Says in the log what is served."""
        log, machine = self.log, self._machine
        features = [pools[0].feature for pools in machine.ledger.pools.values()]
        for start in range(0, len(features), 3):
            head = f"Server started on {self._server_name} for:" if start == 0 else ""
            log.line(head + "".join(f"\t{name}" for name in features[start : start + 3]))
        for sentence in machine.ignored:
            log.line(sentence)
        log.line("EXTERNAL FILTERS are OFF")
        held = len(machine.ledger.seats)
        if held:
            log.line(f"{held} checkouts are known from the journal; their holders have {self.options.lease_s:g} s to come back")
        log.line("License verification completed successfully.")
        used = self._served.options
        log.line(f"(@{self.vendor}-SLOG@) Options file used: {used.name if used is not None else 'None'}")
        log.say(f"(@{self.vendor}-SLOG@) Number of VD restarts since LS startup: {self.options.restarts}")

    def tell_serving(self) -> None:
        """Lets lmgrd know that clients may come."""
        if self.control is not None:
            self.control.send(Serving(__version__, self.options.port if self._acceptor is not None else 0))

    def _fail(self, reason: str, status: int, *, final: bool = False) -> int:
        self.log.say(reason)
        if self.control is not None:
            self.control.send(Failed(reason, final))
        self._close()
        return status

    def _stop(self, reason: str, status: int = 0) -> None:
        if not self._ended.done():
            self.log.say(reason)
            self._ended.set_result(status)

    def _close(self) -> int:
        """Ends the service orderly; returns an exit status where that does not succeed."""
        if self._acceptor is not None:
            self._acceptor.close()
        status = 0
        pump: Pump | TriadPump | None = getattr(self, "_pump", None)
        fault = pump.close() if pump is not None else ""
        if fault:
            self.log.say(fault)
            status = EXIT_JOURNAL
        if pump is not None:
            self._logs.close()
        if self.control is not None:
            self.control.close()
        self.log.flush()
        return status

    # lmgrd -----------------------------------------------------------------------------------------------------------

    def _ordered(self, message: Message, client: socket.socket | None) -> None:
        if client is not None:
            if isinstance(message, NewClient):
                self._take(client)
            else:
                client.close()
        elif isinstance(message, OrderReread):
            self.spawn(self._reread(message))
        elif isinstance(message, OrderStop):
            if message.by_user:
                self.run(Acted("lmdown", message.by_user, message.by_host))
            who = f" from {message.by_user} at node {message.by_host}" if message.by_user else ""
            self._stop(f"SHUTDOWN request{who}: daemon shutdown requested - shutting down")

    def _orphaned(self, _clients: list[socket.socket]) -> None:
        self._stop("lmgrd has gone; this vendor daemon ends with it")

    def _take(self, client: socket.socket) -> None:
        """Goes on with a connection whose preface is complete."""
        self._channels.open(client, lambda channel: ClientConnection(self, channel))

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Runs a coroutine in the background."""
        task: asyncio.Task[object] = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reread(self, order: OrderReread) -> None:
        """Carries a reread out that lmgrd ordered."""
        number, text = await self._rereads.exchange(order.by_user, order.by_host, dry_run=order.dry_run)
        if self.control is not None:
            self.control.send(RereadDone(order.request, number, text))

    def _tell_refusals(self, served: Served) -> None:
        for refusal in served.refusals:
            self.log.line(f"Not served: {refusal}")

    def _tell_of(self, served: Served) -> None:
        """What is wrong with the options file is in the log line by line; logs go where it says."""
        options = served.options or EMPTY_OPTIONS
        self._channels.crowd.clients_limit = options.max_connections
        for sentence in (*options.sentences, *self._logs.apply(options)):
            self.log.line(sentence)

    # Clients ---------------------------------------------------------------------------------------------------------

    def run(self, event: Event) -> None:
        """Takes an event of a client up."""
        self._pump.run(event)

    def greet(self, connection: ClientConnection, hello: Hello, event: Greeting) -> None:
        """Opens the session of a connection, and proves to the client who serves it."""
        if self._sharing is not None:
            self._sharing.greet(connection, hello, event)
            return
        self._compare(hello)
        assert isinstance(self._pump, Pump)
        instructions = self._pump.at_once(event)
        for number, instruction in enumerate(instructions):
            if isinstance(instruction, Send) and isinstance(instruction.answer, Accepted):
                # What went before belongs to an older connection of the session.
                self._pump.carry_out(instructions[:number])
                connection.session = instruction.answer.session
                connection.send(self.welcome(hello, instruction.answer, connection.channel.binding))
                self._pump.carry_out(instructions[number + 1 :])
                return
        self._pump.carry_out(instructions)

    def _compare(self, hello: Hello) -> None:
        """A client that holds what this journal never gave out has seen a later one: that a server was put back shows nowhere else."""
        most, now = max(hello.held, default=0), clock.monotonic()
        if most < self._machine.ledger.next_handle or not self.options.journal or now - self._older_told < _OLDER_S:
            return
        self._older_told = now
        self.log.say(
            f"A client says that it holds handle {most}, which this journal has never given out: the journal was begun anew or restored "
            "from an older copy, or two servers run from one. Seats may be in use twice until all clients have come back"
        )

    def beat(self, connection: ClientConnection, beat: Beat) -> None:
        """Notes that a session lives, and says so to its client: of three servers not before the log shows that this one is master."""
        if self._sharing is not None:
            self._sharing.beat(connection, beat)
            return
        self._pump.renew(connection.session)
        connection.send(beat)

    def return_borrow(self, connection: ClientConnection, message: ReturnBorrow) -> None:
        """A borrower returns seats early; who knows the secret of their record may."""
        self._pump.turn()
        # The client counts its lease from every request that is answered.
        self._pump.renew(connection.session)
        proven = self._borrows.proven(message.handle, message.secret)
        self.run(BorrowReturned(connection, message.request, message.handle, proven))
        self.loop.call_soon(self._borrows.tell)

    def switch_log(self, asked: AskSwitch, by_user: str, by_host: str) -> Done:
        """Goes on with a log elsewhere."""
        number, text = self._logs.switch(asked.what, asked.path, asked.rollover)
        if not number:
            self.run(Acted(f"switch {asked.what}", by_user, by_host, asked.path))
        return Done(asked.request, number, text)

    def send_lines(self, connection: ClientConnection, asked: AskLines) -> None:
        """Answers what lmdiag and lmcksum ask: license lines without their signatures."""
        connection.hold()
        self.spawn(answer(connection, lambda: self._lines(asked), GREETING_S))

    async def _lines(self, asked: AskLines) -> Iterator[bytes]:
        self._pump.turn()
        return line_frames(self._machine.ledger, asked)

    def send_status(self, connection: ClientConnection, asked: AskFeatures) -> None:
        """Answers what lmstat asks, between other clients' turns."""
        connection.hold()
        quiet = self._pump.is_quiet
        self.spawn(answer(connection, lambda: self._status(connection, asked), GREETING_S, POOL_FRAMES_AT_ONCE, quiet))

    async def _status(self, connection: ClientConnection, asked: AskFeatures) -> Iterator[bytes]:
        # Who has seen the status finds the log complete.
        await self._pump.written()
        names = self._pseudonyms.names_for(connection.channel.identity)
        return status_frames(self._machine.ledger, self.vendor, asked, names, clock.now(), lambda: self._served.refused)

    def opened(self, connection: ClientConnection) -> None:
        """A connection has begun."""
        self.awaits_greeting(connection)

    def ended(self, connection: ClientConnection) -> None:
        """A connection has ended."""
        if self._sharing is not None:
            self._sharing.left(connection)
        self.greeting_over(connection)

    def awaits_greeting(self, connection: ClientConnection) -> None:
        """The connection has GREETING_S to say what it wants (next)."""
        # Anew at the end, so that the dictionary is in the order of the deadlines.
        self._ungreeted.pop(connection, None)
        self._ungreeted[connection] = clock.monotonic() + GREETING_S

    def greeting_over(self, connection: ClientConnection) -> None:
        """The connection has said what it wants, or is gone."""
        self._ungreeted.pop(connection, None)

    def welcome(self, hello: Hello, accepted: Accepted, binding: bytes) -> Welcome:
        """Tells a client that its session is open, and proves who says so."""
        served, options = self._served, self.options
        proof = server_proof(served.credential.key, hello.nonce, hello.session, served.trust.vendor, binding=binding)
        return Welcome(
            PROTOCOL,
            self._server_name,
            __version__,
            options.heartbeat_s,
            options.lease_s,
            list(accepted.held),
            list(served.hostids),
            served.trust_text,
            served.credential.chain,
            proof,
        )

    def give_up(self, reason: str, alarm: bool = False) -> NoReturn:
        """Nothing more may leave this process: its memory is ahead of the disk. With `alarm` it is not started again by itself."""
        self.log.say(f"Stopping at once: {reason}")
        if alarm:
            reason = f"{reason} {ALARM}"
            self.log.say(ALARM)
        self.log.flush()
        if self.control is not None:
            self.control.send(Failed(reason, alarm))
        os._exit(EXIT_JOURNAL)

    def _tick(self) -> None:
        self.loop.call_later(TICK_S, self._tick)
        now = clock.monotonic()
        for connection, deadline in list(self._ungreeted.items()):
            if deadline > now:
                break
            connection.drop()
        today = clock.today()
        if today != self._day:
            self._day = today
            options = self._served.options
            if options is None or options.automatic_reread:
                # Once a day, at midnight (facts, FlexNet 9.4).
                self.spawn(self._rereads.exchange("midnight", self._server_name))
        self.run(Tick(today))
        self._collector.tick(today, now)
        self._borrows.tell()
        if self._sharing is not None:
            self._sharing.tell()
        self.log.stamp()
        self.log.flush()
