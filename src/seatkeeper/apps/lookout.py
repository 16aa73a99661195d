"""What an application wants and has not is looked for from time to time, without asking for it: a request that is denied would be counted.

Holds that are gone are looked for one by one; a behaviour looks when a violation of its may be over, or when the seats that it shares may
have been freed by whoever had them. An application that holds nothing while its license server is away looks whether it is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatkeeper.apps.holds import Behaviour, Hold

__all__ = ["RETRY_S", "Lookout"]

#: Seconds until what was denied at run time, or removed by an administrator, is looked for again.
RETRY_S: Final = 60.0


class Lookout:
    """What an application looks for.

    Attributes:
        gone: Hold -> when it is looked for next.
        looking: Behaviour -> when it looks next.
        server_at: When an application that holds nothing looks for its server.
    """

    def __init__(self) -> None:
        self.gone: dict[Hold, float] = {}
        self.looking: dict[Behaviour, float] = {}
        self.server_at = 0.0
        self._asked: set[str] = set()
        self._sought: set[Hold] = set()

    def times(self, *, cut_off: bool) -> Iterator[float]:
        """When it has something to do; `cut_off` for an application that holds nothing of a server that is away."""
        yield from self.gone.values()
        yield from self.looking.values()
        if cut_off:
            yield self.server_at

    def due(self, now: float, *, reachable: bool) -> list[str]:
        """Features to ask for now, each once. While the server is away no hold is looked for; when it is back `hurry` says so."""
        features: dict[str, None] = {}
        for hold in [hold for hold, at in self.gone.items() if at <= now]:
            self.gone[hold] = now + RETRY_S
            if reachable:
                self._sought.add(hold)
                features[hold.feature] = None
        for behaviour in [behaviour for behaviour, at in self.looking.items() if at <= now]:
            del self.looking[behaviour]
            features[behaviour.feature] = None
        return list(features)

    def is_server_due(self, now: float) -> bool:
        """Whether to look for the server now."""
        if self.server_at > now:
            return False
        self.server_at = now + RETRY_S
        return True

    def ask(self, feature: str) -> bool:
        """Whether the license server is to be asked for a feature: it is not, while the answer to the same question is on its way."""
        if feature in self._asked:
            return False
        self._asked.add(feature)
        return True

    def found(self, feature: str, free: int) -> list[Hold]:
        """The holds to ask for after this answer; where the server does not say how many are free (-1), only a request tells."""
        self._asked.discard(feature)
        sought = [hold for hold in self._sought if hold.feature == feature]
        self._sought.difference_update(sought)
        return [hold for hold in self.gone if hold in sought] if free else []

    def hurry(self, now: float) -> None:
        """The server is back: everything that is gone is looked for at once."""
        for hold in self.gone:
            self.gone[hold] = now
