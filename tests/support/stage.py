"""A license server that is played: it counts seats, denies, withdraws, is out of reach, so that a profile is tested alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.events import (
    Alarm,
    CheckIn,
    CheckOut,
    Cleared,
    Count,
    Counted,
    Denied,
    Effect,
    Event,
    Exit,
    Granted,
    Lost,
    Occurred,
    OptionsChanged,
    Reachable,
    Reply,
    Restored,
    Started,
    Tick,
    Unreachable,
    Write,
)
from seatkeeper.apps.profile import Settings

if TYPE_CHECKING:
    from seatkeeper.apps.application import Application

__all__ = ["Stage"]

NOON = 1_790_000_000.0


class Stage:
    """One application on the stage; `licenses` says how many seats of which feature there are for all who share them.

    Attributes:
        effects: All that the application wanted since `forget`.
        held: Its seats as the server knows them: key -> feature, count.
        slow: The server answers when it is told to: see `answer`.
        waiting: What it has not answered yet.
    """

    def __init__(
        self,
        made: type[Application],
        licenses: dict[str, int],
        options: dict[str, dict[str, object]] | None = None,
        **settings: str,
    ) -> None:
        self.licenses = {feature.lower(): count for feature, count in licenses.items()}
        self.app = made(Settings(settings.pop("name", "app"), options or {}, **settings))
        self.now = NOON
        self.up = True
        self.held: dict[int, tuple[str, int]] = {}
        self.effects: list[Effect] = []
        self.slow = False
        self.waiting: list[CheckOut | Count] = []

    # What happens ---------------------------------------------------------------------------------------------------------

    def start(self) -> Stage:
        """The application starts."""
        self.tell(Started())
        return self

    def occur(self, name: str, **fields: object) -> Reply | None:
        """Something happens at the site; the reply, if there is one by now."""
        before = len(self.effects)
        self.tell(Occurred(name.replace("_", "-"), fields, name))
        replies = [effect for effect in self.effects[before:] if isinstance(effect, Reply)]
        return replies[-1] if replies else None

    def accepted(self, name: str, **fields: object) -> bool:
        """Whether it is served."""
        reply = self.occur(name, **fields)
        assert reply is not None, f"{name} has no reply"
        return reply.accepted

    def change(self, name: str, value: object, section: str = "license") -> None:
        """The administrator changes an option."""
        self.tell(OptionsChanged({section: {name: value}}))

    def pass_time(self, seconds: float) -> None:
        """Time passes, deadline by deadline."""
        end = self.now + seconds
        while (deadline := self.app.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.tell(Tick())
        self.now = end

    def withdraw(self, feature: str, number: int = -5) -> None:
        """A reread removes the feature (or an administrator, with number 0, the seats): its holders are told."""
        kept = self.licenses.pop(feature.lower(), 0) if number else 0
        for key in [key for key, (name, _) in self.held.items() if name == feature.lower()]:
            if not number:
                del self.held[key]
            self.tell(Lost(key, number))
        self._withdrawn = kept

    def bring_back(self, feature: str, count: int) -> None:
        """A reread brings the feature back."""
        self.licenses[feature.lower()] = count
        for key, (name, held) in list(self.held.items()):
            if name == feature.lower() and key in self.held:
                self.tell(Restored(key, held))

    def cut(self, *, lease_ends: bool = True) -> None:
        """The license server is out of reach, and with `lease_ends` for so long that all seats are lost."""
        self.up = False
        self.tell(Unreachable("The connection was closed."))
        if lease_ends:
            for key in list(self.held):
                self.tell(Lost(key, -15))

    def heal(self, *, lease_ended: bool = True) -> None:
        """The license server is back, and gives back what was lost."""
        self.up = True
        self.tell(Reachable())
        if lease_ended:
            for key, (name, held) in list(self.held.items()):
                if name in self.licenses and key in self.held:
                    self.tell(Restored(key, held))

    def tell(self, event: Event) -> None:
        """An event, and all that comes of it."""
        self._follow(self.app.handle(event, self.now))

    def answer(self) -> None:
        """The server answers everything that waits for it, and what comes of the answers."""
        slow, self.slow = self.slow, False
        while self.waiting:
            self._follow(self.app.handle(self._answer(self.waiting.pop(0)), self.now))
        self.slow = slow

    def _follow(self, effects: list[Effect]) -> None:
        while effects:
            self.effects += effects
            asked = []
            for effect in effects:
                if isinstance(effect, CheckIn):
                    # What is not granted yet will not be.
                    self.held.pop(effect.key, None)
                    self.waiting = [one for one in self.waiting if not (isinstance(one, CheckOut) and one.key == effect.key)]
                    asked = [one for one in asked if not (isinstance(one, CheckOut) and one.key == effect.key)]
                elif isinstance(effect, CheckOut | Count):
                    asked.append(effect)
            if self.slow:
                self.waiting += asked
                return
            answers = [self._answer(one) for one in asked]
            effects = [effect for answer in answers for effect in self.app.handle(answer, self.now)]

    # What the server does -------------------------------------------------------------------------------------------------

    def in_use(self, feature: str) -> int:
        """Seats of a feature that the application has checked out."""
        return sum(count for name, count in self.held.values() if name == feature.lower())

    def _answer(self, asked: CheckOut | Count) -> Event:
        return self._count(asked.feature) if isinstance(asked, Count) else self._check_out(asked)

    def _count(self, feature: str) -> Counted:
        if not self.up:
            return Counted(feature, 0)
        issued = self.licenses.get(feature.lower(), 0)
        return Counted(feature, issued, max(0, issued - self.in_use(feature)))

    def _check_out(self, effect: CheckOut) -> Event:
        feature = effect.feature.lower()
        if not self.up:
            return Denied(effect.key, -15)
        if feature not in self.licenses:
            return Denied(effect.key, -5)
        free = self.licenses[feature] - self.in_use(feature)
        count = min(effect.count, free) if effect.up_to else effect.count
        if not 0 < count <= free:
            return Denied(effect.key, -4)
        self.held[effect.key] = feature, count
        return Granted(effect.key, count)

    # What was seen ----------------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Begins `effects` anew."""
        self.effects.clear()

    def log(self, number: int = 0) -> list[str]:
        """The log as `07100 text`, of one message or of all."""
        found = [effect.message for effect in self.effects if isinstance(effect, Write)]
        return [f"{message.number:05} {message.text}" for message in found if number in (0, message.number)]

    @property
    def alarms(self) -> list[str]:
        """Causes of alarms, in order; `-cause` where one is cleared."""
        return [
            effect.cause if isinstance(effect, Alarm) else f"-{effect.cause}"
            for effect in self.effects
            if isinstance(effect, Alarm | Cleared)
        ]

    @property
    def status(self) -> int | None:
        """The status with which the application has ended; None while it runs."""
        ends = [effect.status for effect in self.effects if isinstance(effect, Exit)]
        return ends[0] if ends else None
