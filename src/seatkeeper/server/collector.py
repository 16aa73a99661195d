"""The garbage collector holds no grant up: what lives long is kept from it, and its long turn comes when it is due.

Nearly everything here is freed with its last reference. The collector is there for what refers to itself in a circle, as a little of
what a reread replaces does. Left alone it looks at everything now and then, which takes 100 ms for 10,000 clients, and most likely
while a long answer or a reread makes many new objects. So what exists at a tick is set apart (`gc.freeze`: it is freed as before, and
not looked at again), and everything is looked at when the day changes, and within an hour after a reread.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

__all__ = ["FULL_S", "Collector", "dissolve"]

#: Between two full collections for the sake of rereads.
FULL_S: Final = 3600.0


class Collector:
    """The garbage collector of a process that must not pause.

    Args:
        today: The day.
        now: The monotonic time.
    """

    def __init__(self, today: date, now: float) -> None:
        self._day = today
        self._full_at = now
        self._replaced = False

    def tick(self, today: date, now: float) -> bool:
        """Sets apart what exists; True where everything was looked at before."""
        due = today != self._day or (self._replaced and now - self._full_at >= FULL_S)
        if due:
            self._day, self._full_at, self._replaced = today, now, False
            gc.unfreeze()
            gc.collect()
        gc.freeze()
        return due

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Very many objects that will live long are made inside, and others replaced by them."""
        self._replaced = True
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            gc.enable()


def dissolve(replaced: Mapping[str, object]) -> None:
    """Frees what nobody uses any more one by one, for a thread beside the service: all at once would hold that up."""
    if isinstance(replaced, dict):
        while replaced:
            replaced.popitem()
