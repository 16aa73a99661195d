"""What must hold after every step, asked of the stores, the members and the clients."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.vendor.entries import CheckedOut
from seatkeeper.vendor.events import LicenseReread
from seatkeeper.vendor.invariants import check_ledger
from seatkeeper.vendor.machine import Machine
from sim.world import TODAY, Violation, World

if TYPE_CHECKING:
    from seatkeeper.triad.events import Record
    from seatkeeper.vendor.ledger import Ledger

__all__ = ["Checks", "state_of"]


def state_of(ledger: Ledger) -> str:
    """The ledger as the log says it: without what only a master remembers."""
    snapshot = ledger.snapshot(0.0)
    # Sessions stand in the order in which they began: on a master that of their greetings, in the log that of their first seats.
    sessions = [msgspec.structs.replace(one, address="") for one in sorted(snapshot.sessions, key=lambda one: one.session)]
    snapshot = msgspec.structs.replace(snapshot, sessions=sessions, next_session=0, latest=0.0)
    return hashlib.blake2b(msgspec.json.encode(snapshot), digest_size=8).hexdigest()


class Checks:
    """The committed log as all saw it first, a ledger that follows it, and the clients."""

    def __init__(self, world: World, total: int, settings: Any, license_lines: Any) -> None:
        self.world = world
        self.total = total
        self.golden: list[Record] = []
        self.granted: set[int] = set()
        self.oracle = Machine(settings, TODAY)
        self.oracle.handle(LicenseReread(license_lines, TODAY), 0.0, 0.0)
        self.states: dict[int, str] = {}
        self.clients: list[Any] = []

    # The log -----------------------------------------------------------------------------------------------------------

    def store_elected(self, log: list[tuple[int, Record]]) -> None:
        """I3: who leads has all that was ever committed."""
        if len(log) < len(self.golden):
            raise Violation(f"I3: of {len(self.golden)} committed records the new leader's log has {len(log)}")
        for position, record in enumerate(self.golden):
            if log[position][1] is not record:
                raise Violation(f"I3: committed record {position + 1} has become another")

    def committed(self, log: list[tuple[int, Record]], length: int, stores: list[Any]) -> None:
        """Takes what is committed now into account."""
        for position in range(len(self.golden), length):
            record = log[position][1]
            self.golden.append(record)
            for entry in record.entries:
                try:
                    self.oracle.replay(entry)
                except Exception as error:
                    raise Violation(f"I2: the committed log cannot be replayed: {error!r}") from error
                if isinstance(entry, CheckedOut):
                    self.granted.add(entry.handle)
            if record.entries:
                self._ledger()
            self.states[position + 1] = self.states[position] if not record.entries and position else state_of(self.oracle.ledger)

    def _ledger(self) -> None:
        ledger = self.oracle.ledger
        check_ledger(ledger)
        held = sum(seat.count for seat in ledger.seats.values())
        if held > self.total:
            raise Violation(f"I2: the ledger holds {held} of {self.total} seats")
        asked = [(seat.session.number, seat.request) for seat in ledger.seats.values() if not seat.until]
        if len(asked) != len(set(asked)):
            raise Violation("I2: one request holds two seats")

    # Members -----------------------------------------------------------------------------------------------------------

    def member(self, member: Any) -> None:
        """I2: at equal positions all have the same ledger."""
        if member.role == "over" or member._pending or member._flight is not None or not member.position:
            return
        if member.seq < member._kept:
            return
        expected = self.states.get(member.position)
        if expected is not None and state_of(member.machine.ledger) != expected:
            raise Violation(f"I2: server {member.settings.me} has another ledger at position {member.position}")

    def answered(self, handle: int) -> None:
        """I5: a grant that a client may see is on two stores."""
        if handle and handle not in self.granted:
            raise Violation(f"I5: the grant of handle {handle} is acknowledged and not committed")

    def alarm(self, reason: str) -> None:
        """I3: in a world without a planted bug nobody has a reason for an alarm."""
        raise Violation(f"I3: alarm: {reason}")

    # Clients -----------------------------------------------------------------------------------------------------------

    def seats(self) -> None:
        """I1: what clients hold by their own clocks, and what is borrowed."""
        used = sum(client.uses() for client in self.clients)
        if used > self.total:
            detail = ", ".join(f"{client.name}:{client.uses()}" for client in self.clients if client.uses())
            raise Violation(f"I1: {used} of {self.total} seats are in use ({detail})")
