"""A seed makes a world: one heap of events, one source of chance, clocks that go wrong, and links that can be cut."""

from __future__ import annotations

import heapq
import random
from collections import deque
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NOON", "TODAY", "Clock", "Pipe", "Violation", "World"]

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
#: How often a stalled connection tries to send again.
AGAIN_S = 0.25


class Violation(AssertionError):
    """An invariant does not hold."""


class World:
    """Virtual time, chance, and which links are cut."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._seq = 0
        #: Directed links that are cut, with how many faults cut each.
        self.cuts: dict[tuple[str, str], int] = {}
        self.history: deque[str] = deque(maxlen=400)

    def after(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        """Calls later."""
        self._seq += 1
        heapq.heappush(self._heap, (self.now + seconds, self._seq, call, args))

    def run(self, until: float) -> None:
        """Lets time pass."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, call, args = heapq.heappop(heap)
            self.events += 1
            call(*args)
        self.now = until

    def note(self, text: str) -> None:
        """Remembers what happened, for who looks into a violation."""
        self.history.append(f"{self.now:9.3f} {text}")

    def cut(self, links: list[tuple[str, str]], seconds: float) -> None:
        """Cuts directed links for a while."""
        for link in links:
            self.cuts[link] = self.cuts.get(link, 0) + 1
        self.after(seconds, self._heal, links)

    def _heal(self, links: list[tuple[str, str]]) -> None:
        for link in links:
            if self.cuts.get(link):
                self.cuts[link] -= 1

    def open(self, a: str, b: str) -> bool:
        """Whether a message gets from one to the other."""
        return a == b or not self.cuts.get((a, b))

    def delay(self) -> float:
        """How long a message is on its way."""
        return self.rng.random() * 0.004 if self.rng.random() < 0.97 else self.rng.random() * 0.3


class Clock:
    """A monotonic clock with a rate and an offset of its own, and a wall clock that may jump."""

    def __init__(self, world: World, eps: float, lean: float = 0.0) -> None:
        self._world = world
        rng = world.rng
        self.rate = 1.0 + eps * (lean or rng.choice((-1.0, 1.0, rng.uniform(-1, 1))))
        self._offset = rng.uniform(0, 1000)
        self.jump = rng.uniform(-0.5, 0.5)

    def now(self) -> float:
        """Monotonic seconds."""
        return self._offset + self._world.now * self.rate

    def wall(self) -> float:
        """Unix time."""
        return NOON + self._world.now + self.jump

    def real(self, seconds: float) -> float:
        """How long these seconds of this clock take."""
        return seconds / self.rate


class Pipe:
    """One direction of a connection: messages arrive in their order or not at all, and wait while a link of the way is cut."""

    def __init__(self, world: World, way: list[str], deliver: Callable[[Any], None]) -> None:
        self._world = world
        self._way = list(pairwise(way))
        self._deliver = deliver
        self._waiting: deque[Any] = deque()
        self._busy = self.closed = False

    def put(self, message: Any) -> None:
        """Sends."""
        if self.closed:
            return
        self._waiting.append(message)
        if not self._busy:
            self._busy = True
            self._world.after(self._world.delay(), self._pump)

    def _pump(self) -> None:
        if self.closed:
            return
        if all(self._world.open(*link) for link in self._way):
            while self._waiting and not self.closed:
                self._deliver(self._waiting.popleft())
            self._busy = False
        else:
            self._world.after(AGAIN_S, self._pump)
