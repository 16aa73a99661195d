"""A few ways to hold seats are enough for all applications of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application, Behaviour, Hold
from seatkeeper.apps.events import Write
from seatkeeper.apps.profile import BACKUP
from seatkeeper.apps.violations import violation_kind
from seatkeeper.base.logevents import NO_SERVER, checked_out

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IN_USE", "Sessions", "Single"]

#: Somebody has the last seat; elsewhere than here it is an error, here it may be one's own peer.
IN_USE: Final = -4


class Single(Behaviour):
    """One seat, for this instance, its redundant pair, or its configuration environment.

    For a pair the primary holds it; a backup that starts finds out whether it is licensed, and gives the seat back. Where the license
    server says that all seats are in use, it is the other one of the pair, or another instance of the environment, that has it: the
    license is there, and is one for all of them.

    Args:
        scope: "instance", "pair" or "environment".
        required: Without it the application does not start.
        function: What degrades without it, where it is not required.
        wanted: Whether the function is asked for at all, as the options say now.
    """

    def __init__(
        self,
        app: Application,
        feature: str,
        version: str,
        *,
        scope: str = "instance",
        required: bool = True,
        function: str = "",
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(app, feature, version)
        self.scope = scope
        self.required = required
        self.function = function
        self.wanted = wanted
        self.shared = False
        self.hold: Hold | None = None
        self.word = "feature switch" if not required else _WORDS[scope]

    @property
    def licensed(self) -> bool:
        """Whether the license is there, held by this instance or by one that shares it."""
        return self.shared or (self.hold is not None and self.hold.state == "held")

    @property
    def _tests_only(self) -> bool:
        return self.scope == "pair" and self.app.role == BACKUP

    def start(self) -> None:
        """Asks for the seat, where the function is asked for."""
        if self.wanted() and self.hold is None:
            self.hold = self.app.check_out(self, 1, data=self.app.share(self.scope))

    def options_changed(self) -> None:
        """Asks for the seat, or gives it back, as the options say now."""
        if self.wanted():
            self.start()
            return
        self.stand_by()
        self.shared = False
        self.app.clear(self.cause)
        self.app.regain(self.function)

    def stand_by(self) -> None:
        """The other one of the pair needs the seat."""
        if self.hold is not None and (self.scope == "pair" or not self.wanted()):
            self.app.check_in(self.hold)
            self.hold = None

    def granted(self, hold: Hold) -> None:
        """The function works; a backup knows now that it is licensed, and gives the seat back."""
        if self._tests_only:
            self.app.check_in(hold)
            self.hold = None
            self.shared = True
        else:
            self.app.emit(Write(checked_out(self.feature, hold.count)))
        self._regain()

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """A seat that a peer has licenses this instance too; else startup ends, or the function degrades."""
        if number == IN_USE and (self._tests_only or self.scope == "environment"):
            self.hold = None
            self.shared = True
            other = "the other one of the pair" if self.scope == "pair" else "another instance of this environment"
            self.app.write(f"Feature '{self.feature}' is in use by {other}, which it licenses with this one.")
            self._regain()
        elif self.required and self.app.state == "starting":
            self.app.fail(number)
        else:
            kind = violation_kind(number)
            self.app.violate(self.cause, kind)
            self.app.degrade(self.function, kind)
            self.app.retry(hold)

    def lost(self, hold: Hold) -> None:
        """The function degrades."""
        self.app.degrade(self.function, self.app.violations.standing.get(hold.cause, NO_SERVER))

    def restored(self, hold: Hold) -> None:
        """The function works again."""
        self._regain()

    def _regain(self) -> None:
        self.app.clear(self.cause)
        self.app.regain(self.function)


_WORDS: Final = {"instance": "per instance", "pair": "per redundant pair", "environment": "per environment"}


class Sessions(Behaviour):
    """One seat for each session: a user who is logged in, or a client that is connected."""

    def __init__(self, app: Application, feature: str, version: str, word: str = "per user session") -> None:
        super().__init__(app, feature, version)
        self.word = word
        self.open_sessions: dict[str, Hold] = {}
        self._then: dict[Hold, Callable[[str], None]] = {}

    def open(self, who: str, then: Callable[[str], None]) -> None:
        """Begins a session; `then` is called with the reason when it is refused, and with an empty one when it stands."""
        if who in self.open_sessions:
            then("" if self.open_sessions[who] not in self._then else f"{who} is being served already.")
            return
        if not self.app.reachable:
            # The violation stands already, and asking would only keep the user waiting.
            then(f"No license of {self.feature} can be checked out: {NO_SERVER}.")
            return
        hold = self.app.check_out(self, 1, who=who)
        self.open_sessions[who] = hold
        self._then[hold] = then

    def close(self, who: str) -> bool:
        """Ends a session, however it came to its end; False where there was none."""
        hold = self.open_sessions.pop(who, None)
        if hold is None:
            return False
        then = self._then.pop(hold, None)
        self.app.check_in(hold)
        if then is not None:
            then("The session has ended before it was licensed.")
        # A seat is free again, as far as this application can tell.
        self.app.clear(self.cause)
        return True

    def granted(self, hold: Hold) -> None:
        """The session stands."""
        self.app.emit(Write(checked_out(self.feature, hold.count)))
        self.app.clear(self.cause)
        then = self._then.pop(hold, None)
        if then is not None:
            then("")

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """The session is refused."""
        kind = violation_kind(number)
        self.app.violate(self.cause, kind)
        then = self._then.pop(hold, None)
        if then is None:
            # The session stands, and was licensed before: an administrator had removed its seat.
            self.app.retry(hold)
            return
        self.open_sessions.pop(hold.who, None)
        then(f"No license of {self.feature} is available: {kind}.")
