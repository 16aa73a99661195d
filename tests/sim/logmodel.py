"""A model of what a log on three stores promises: compare-and-append at a leader, acknowledged when two stores have it on disk.

Each store has a log, of which a part is durable. Leaders change, and a deposed one may still take what will never be committed;
a conflict says only that the leader has something at that position, not that it stays there. Acknowledgements get lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatkeeper.triad.events import Record
from seatkeeper.vendor.log import Appended, Conflict, Unknown
from sim.world import Violation, World

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Store", "Stores"]

TIMEOUT_S = 1.5


class Store:
    """One store: records with the leader's term each, so many of them durable, so many known to be committed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"s{number}"
        self.log: list[tuple[int, Record]] = []
        self.durable = 0
        self.committed = 0
        self.term = 0
        self.leading = False
        self.up = True
        # Copies, and neither votes nor counts, until it is as far as the others were.
        self.learner = False
        self.acked = [0, 0, 0]
        self.busy = [False, False, False]
        self.told: Callable[[], None] | None = None


class Stores:
    """All three."""

    def __init__(self, world: World, checks: Any, lazy: bool, wiped_votes: bool) -> None:
        self.world = world
        self.checks = checks
        self.lazy = lazy
        self.wiped_votes = wiped_votes
        self.stores = [Store(number) for number in range(3)]
        self.calm = False
        self._term = 0
        self._electing = False
        world.after(0.3, self._watch)

    # Leaders ---------------------------------------------------------------------------------------------------------

    def _both(self, a: Store, b: Store) -> bool:
        return a is b or (a.up and b.up and self.world.open(a.name, b.name) and self.world.open(b.name, a.name))

    def _votes(self, one: Store) -> bool:
        return one.up and (not one.learner or self.wiped_votes)

    def leader(self) -> Store | None:
        """The leader that has a majority."""
        for one in self.stores:
            if one.leading and one.up and one.term == self._term and self._supported(one):
                return one
        return None

    def _supported(self, one: Store) -> bool:
        return sum(self._both(one, other) and self._votes(other) for other in self.stores) >= 2

    def _watch(self) -> None:
        if self.leader() is None and not self._electing:
            self._electing = True
            longest = 3.0 if self.calm else 6.0
            self.world.after(self.world.rng.uniform(0.5, longest) if self._term else 0.2, self._elect)
        self.world.after(0.3, self._watch)

    def _elect(self) -> None:
        self._electing = False
        if self.leader() is not None:
            return
        stores = self.stores[:]
        self.world.rng.shuffle(stores)
        for one in stores:
            if not self._votes(one):
                continue
            mine = self._weight(one)
            voters = [other for other in self.stores if self._votes(other) and self._both(one, other) and self._weight(other) <= mine]
            if len(voters) >= 2:
                self._term += 1
                one.leading, one.term = True, self._term
                for other in voters:
                    if other is not one:
                        other.leading, other.term = False, self._term
                one.acked, one.busy = [0, 0, 0], [False, False, False]
                self.world.note(f"store {one.number} leads from {len(one.log)} in term {self._term}")
                self.checks.store_elected(one.log)
                self._flush(one)
                self._replicate(one)
                self._try_commit(one)
                return

    @staticmethod
    def _weight(one: Store) -> tuple[int, int]:
        return (one.log[-1][0] if one.log else 0, len(one.log))

    # Appending -------------------------------------------------------------------------------------------------------

    def append(self, at: int, expected: int, record: Record, done: Callable[[Any], None]) -> None:
        """Asks the leader, by way of the store of this server, to append; an `expected` of -1 asks for no position."""
        answered = [False]

        def finish(outcome: Any) -> None:
            if not answered[0]:
                answered[0] = True
                done(outcome)

        self.world.after(TIMEOUT_S, finish, Unknown("no answer came"))
        self.world.after(self.world.delay(), self._arrived, at, expected, record, finish)

    def _arrived(self, at: int, expected: int, record: Record, finish: Callable[[Any], None]) -> None:
        here = self.stores[at]
        if not here.up:
            return
        # This store asks the leader that it knows, which may be one no longer.
        leaders = [one for one in self.stores if one.leading and one.up and one.term <= max(here.term, one.term)]
        leaders = [one for one in leaders if self.world.open(here.name, one.name)]
        if not leaders:
            return
        leader = here if here.leading else max(leaders, key=lambda one: one.term)
        if expected >= 0 and len(leader.log) != expected:
            self.world.after(self.world.delay(), finish, Conflict(len(leader.log)))
            return
        leader.log.append((leader.term, record))
        position = len(leader.log)
        self._flush(leader)
        self._replicate(leader)
        self._await(leader, leader.term, position, record, here, finish)

    def _await(self, leader: Store, term: int, position: int, record: Record, here: Store, finish: Callable[[Any], None]) -> None:
        if not leader.up or leader.term != term or not leader.leading:
            return
        if leader.committed >= position and leader.log[position - 1][1] is record:
            if self.world.open(leader.name, here.name) and here.up and self.world.rng.random() > (0.0 if self.calm else 0.01):
                self.world.after(self.world.delay(), finish, Appended(position))
            return
        self.world.after(0.01, self._await, leader, term, position, record, here, finish)

    # Disks -----------------------------------------------------------------------------------------------------------

    def _flush(self, one: Store) -> None:
        if self.lazy:
            self.world.after(2.0, self._flushed, one, len(one.log), one.term)
        else:
            # The engine writes through before it says anything.
            one.durable = len(one.log)

    @staticmethod
    def _flushed(one: Store, length: int, _term: int) -> None:
        one.durable = max(one.durable, min(length, len(one.log)))

    # Replication -----------------------------------------------------------------------------------------------------

    def _replicate(self, leader: Store) -> None:
        for other in self.stores:
            if other is not leader and not leader.busy[other.number]:
                leader.busy[other.number] = True
                self.world.after(self.world.delay(), self._send, leader, leader.term, other)

    def _send(self, leader: Store, term: int, other: Store) -> None:
        if not leader.leading or leader.term != term or not leader.up:
            return
        world = self.world
        if not other.up or not world.open(leader.name, other.name) or other.term > term:
            world.after(0.2, self._send, leader, term, other)
            return
        other.term, other.leading = term, False
        same = min(len(other.log), len(leader.log))
        while same and other.log[same - 1] is not leader.log[same - 1]:
            same -= 1
        if same < other.committed:
            raise Violation(f"I3: store {other.number} would have to give up what it knows to be committed")
        if same < len(other.log) or same < len(leader.log):
            other.log[same:] = leader.log[same:]
            other.durable = min(other.durable, same)
            self._flush(other)
        length = len(other.log)
        self._know(other, min(leader.committed, length))
        if world.open(other.name, leader.name):
            world.after(world.delay(), self._acked, leader, term, other, length)
        else:
            world.after(0.2, self._send, leader, term, other)

    def _acked(self, leader: Store, term: int, other: Store, length: int) -> None:
        if not leader.leading or leader.term != term or not leader.up:
            return
        leader.acked[other.number] = max(leader.acked[other.number], length)
        before = leader.committed
        self._try_commit(leader)
        leader.busy[other.number] = False
        if len(leader.log) > length or leader.committed > other.committed or leader.committed > before:
            self._replicate(leader)
        else:
            # It may lose its memory, and must be looked after.
            leader.busy[other.number] = True
            self.world.after(0.3, self._look, leader, term, other)

    def _look(self, leader: Store, term: int, other: Store) -> None:
        if leader.leading and leader.term == term and leader.up:
            if len(other.log) == len(leader.log) and other.committed == leader.committed and other.term == term:
                leader.busy[other.number] = False
                self.world.after(0.3, self._again, leader, term, other)
            else:
                self._send(leader, term, other)

    def _again(self, leader: Store, term: int, other: Store) -> None:
        if leader.leading and leader.term == term and leader.up and not leader.busy[other.number]:
            leader.busy[other.number] = True
            self._look(leader, term, other)

    def _try_commit(self, leader: Store) -> None:
        lengths = sorted(
            len(leader.log) if one is leader else leader.acked[one.number] if not one.learner or self.wiped_votes else 0
            for one in self.stores
        )
        reached = lengths[1]
        if reached > leader.committed and leader.log[reached - 1][0] == leader.term:
            self.checks.committed(leader.log, reached, self.stores)
            self._know(leader, reached)
            self._replicate(leader)
        elif reached > leader.committed:
            # Of an earlier term: what is committed before it counts (an engine's own first record would do that).
            self.checks.committed(leader.log, reached, self.stores)
            self._know(leader, reached)

    @staticmethod
    def _know(one: Store, committed: int) -> None:
        if committed > one.committed:
            one.committed = committed
            if one.told is not None:
                one.told()

    # Faults ----------------------------------------------------------------------------------------------------------

    def down(self, number: int, *, power: bool, wiped: bool = False) -> None:
        """The store's process ends; with the power what is not durable is lost, with its disk all is."""
        one = self.stores[number]
        one.up = one.leading = False
        if power:
            del one.log[one.durable :]
        if wiped:
            one.log.clear()
            one.durable = 0
            one.learner = True
        one.committed = 0

    def start(self, number: int) -> None:
        """The store's process runs again."""
        self.stores[number].up = True
