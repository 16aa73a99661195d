"""A vendor daemon's mind on the bench: clients with names, a clock that the test moves, the log it wrote, and restarts from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.licfile.options import parse_options
from seatkeeper.licfile.parser import parse
from seatkeeper.vendor.entries import Entry, Snapshot
from seatkeeper.vendor.events import (
    Accepted,
    Append,
    BorrowReturned,
    CheckinAsked,
    CheckoutAsked,
    Disconnected,
    Greeting,
    Heard,
    IdleTold,
    Left,
    LicenseReread,
    Recovered,
    RemoveAsked,
    RevokeAsked,
    Send,
    Tick,
)
from seatkeeper.vendor.machine import Machine, VendorSettings

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Signable
    from seatkeeper.licfile.options_model import OptionsFile
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.events import Answer, Event, Instruction
    from seatkeeper.vendor.ledger import Ledger

__all__ = ["NOON", "SETTINGS", "TODAY", "Bench", "encoded", "license_lines", "options_file"]

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
SETTINGS = VendorSettings("genesys.d", "0", lease_s=60.0, heartbeat_s=20.0)


@lru_cache(maxsize=1024)
def license_lines(text: str) -> tuple[Signable, ...]:
    """The lines of a license file, which must be without an error."""
    parsed = parse(text)
    assert not [problem for problem in parsed.problems if problem.severity == "error"], parsed.problems
    return tuple(line for _, line in parsed.file.signable())


@lru_cache(maxsize=1024)
def options_file(text: str) -> OptionsFile | None:
    """The options file, which must be without an error; None for an empty text."""
    if not text.strip():
        return None
    options = parse_options(text, "genesys.d.opt")
    assert not [problem for problem in options.problems if problem.severity == "error"], options.sentences
    return options


def encoded(entry: Entry) -> Entry:
    """The entry as it comes back from the disk."""
    return msgspec.json.decode(msgspec.json.encode(entry), type=Entry)


class Bench:
    """A machine that serves a license file by an options file.

    Attributes:
        now: The monotonic clock.
        drift: What the wall clock is ahead of it by, beside `NOON`.
        log: All that was written, over all restarts.
        sent: All answers of the last event with their connections.
        sessions: Number of each client's session.
        connections: The connection of each client.
    """

    def __init__(self, license_text: str, options_text: str = "", settings: VendorSettings = SETTINGS, log: list[Entry] | None = None):
        self.now = 0.0
        self.drift = 0.0
        self.settings = settings
        self.license_text = license_text
        self.options_text = options_text
        self.log: list[Entry] = list(log or [])
        self.sent: list[tuple[object, Answer]] = []
        self.sessions: dict[str, int] = {}
        self.connections: dict[str, str] = {}
        self.requests = 0
        self.start()

    # The daemon ------------------------------------------------------------------------------------------------------

    @property
    def wall(self) -> float:
        """Unix time."""
        return NOON + self.now + self.drift

    @property
    def today(self) -> date:
        """The day of the wall clock, in UTC."""
        return datetime.fromtimestamp(self.wall, UTC).date()

    @property
    def ledger(self) -> Ledger:
        """Who holds what."""
        return self.machine.ledger

    def start(self, log: list[Entry] | None = None) -> list[Instruction]:
        """A new process, from the log."""
        self.machine = Machine(self.settings, self.today)
        for entry in self.log if log is None else log:
            self.machine.replay(encoded(entry))
        return [*self.reread(), *self.run(Recovered())]

    def restart(self, *, snapshot: bool = False) -> list[Instruction]:
        """The process ends, and the next one begins from the whole log, or from a snapshot of now."""
        return self.start([self.snapshot()] if snapshot else None)

    def snapshot(self) -> Snapshot:
        """The ledger as one entry."""
        return self.ledger.snapshot(self.wall)

    def reread(self, license_text: str | None = None, options_text: str | None = None) -> list[Instruction]:
        """The files are read, other ones or those that were there."""
        if license_text is not None:
            self.license_text = license_text
        if options_text is not None:
            self.options_text = options_text
        lines, options = license_lines(self.license_text), options_file(self.options_text)
        return self.run(LicenseReread(lines, self.today, options, "admin", "here"))

    def run(self, event: Event) -> list[Instruction]:
        """One event; the ledger holds its invariants afterwards."""
        instructions = self.machine.handle(event, self.now, self.wall)
        self.log += [one.entry for one in instructions if isinstance(one, Append)]
        self.sent = [(one.connection, one.answer) for one in instructions if isinstance(one, Send)]
        self.ledger.check()
        return instructions

    def replayed(self) -> Machine:
        """Another machine that has read the log, and serves the same files."""
        machine = Machine(self.settings, self.today)
        for entry in self.log:
            machine.replay(encoded(entry))
        machine.handle(LicenseReread(license_lines(self.license_text), self.today, options_file(self.options_text)), self.now, self.wall)
        machine.ledger.check()
        return machine

    def pool(self, feature: str, number: int = 0) -> Pool:
        """One of the feature's pools, in the order in which they are tried."""
        return self.ledger.pools[feature.lower()][number]

    def used(self, feature: str = "f1") -> int:
        """Seats of the feature that are in use."""
        return sum(pool.in_use for pool in self.ledger.pools[feature])

    def entries(self, kind: type) -> list[Any]:
        """The entries of a kind."""
        return [entry for entry in self.log if isinstance(entry, kind)]

    def tick(self, seconds: float = 0.0) -> list[Instruction]:
        """Time passes, and the clients that live show it just before the end."""
        self.now += seconds
        for name in [name for name, number in self.sessions.items() if self.is_connected(number)]:
            self.machine.handle(Heard(self.sessions[name]), self.now, self.wall)
        return self.run(Tick(self.today))

    def is_connected(self, number: int) -> bool:
        """Whether the session lives and has its client."""
        session = self.ledger.sessions.get(number)
        return session is not None and session.connection is not None

    # Clients ---------------------------------------------------------------------------------------------------------

    def greet(self, name: str, *, host: str = "", display: str = ":0", digest: str = "", **more: Any) -> tuple[int, ...]:
        """The client opens its session, or takes it up again over a new connection; the handles that it has then.

        A name is that of a user, or user@host; several clients of one user have a suffix: ann/2.
        """
        user, _, at = name.partition("/")[0].partition("@")
        self.requests += 1
        connection = f"{name}#{self.requests}"
        self.connections[name] = connection
        self.run(Greeting(connection, digest or f"digest of {name}", user, host or at or f"{user}-pc", display, 1, **more))
        (accepted,) = [answer for _, answer in self.sent if isinstance(answer, Accepted)]
        self.sessions[name] = accepted.session
        return accepted.held

    def ask(self, name: str, feature: str = "f1", count: int = 1, version: str = "", *, request: int = 0, **more: Any) -> Any:
        """The client's checkout, and what it is answered; who is not there yet comes."""
        if not self.is_connected(self.sessions.get(name, 0)):
            self.greet(name)
        self.requests += 1
        fields = {"up_to": False, "display": ""} | more
        self.run(CheckoutAsked(self.sessions[name], request or self.requests, feature, version, count, **fields))
        answers = self.told(name)
        return answers[-1] if answers else None

    def take(self, name: str, feature: str = "f1", count: int = 1, version: str = "", **more: Any) -> int:
        """The handle of seats that must be given."""
        answer = self.ask(name, feature, count, version, **more)
        seat = getattr(answer, "seat", None)
        handle: int = answer.handle if seat is None else seat.handle
        assert handle in self.ledger.seats, answer
        return handle

    def told(self, name: str) -> list[Any]:
        """What the client was told in the last event."""
        return [answer for connection, answer in self.sent if connection == self.connections.get(name)]

    def back(self, name: str, handle: int) -> list[Instruction]:
        """The client's checkin."""
        self.requests += 1
        return self.run(CheckinAsked(self.sessions[name], self.requests, handle))

    def leave(self, name: str) -> list[Instruction]:
        """The client's goodbye."""
        return self.run(Left(self.sessions[name]))

    def drop(self, name: str) -> list[Instruction]:
        """The client's connection is closed."""
        return self.run(Disconnected(self.sessions[name], self.connections[name]))

    def idle(self, name: str, handle: int = 0, *, idle: bool = True) -> list[Instruction]:
        """The client's user does nothing, or works again."""
        return self.run(IdleTold(self.sessions[name], handle, idle))

    # Administrators --------------------------------------------------------------------------------------------------

    def remove(self, feature: str = "f1", user: str = "", host: str = "", display: str = ":0", handle: int = 0) -> Any:
        """lmremove, and what it is answered."""
        host = host or f"{user}-pc"
        self.run(RemoveAsked("admin", 1, feature, user, host, display, handle, "admin", "here"))
        return self.sent[-1][1]

    def revoke(self, handle: int) -> Any:
        """The end of a borrow by an administrator, and what that is answered."""
        self.run(RevokeAsked("admin", 1, handle, "admin", "here"))
        return self.sent[-1][1]

    def bring_home(self, handle: int, *, proven: bool = True) -> Any:
        """The early return of borrowed seats, and what it is answered."""
        self.run(BorrowReturned("laptop", 1, handle, proven))
        return self.sent[-1][1]
