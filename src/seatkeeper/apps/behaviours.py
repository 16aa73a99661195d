"""A few ways to hold seats are enough for all applications of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import SERVER_CAUSE, Application
from seatkeeper.apps.events import Write
from seatkeeper.apps.holds import Behaviour, Hold
from seatkeeper.apps.profile import BACKUP
from seatkeeper.apps.violations import violation_kind
from seatkeeper.base.logevents import NO_LICENSE, NO_SERVER, checked_out

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IN_USE", "NO_FEATURE", "Sessions", "Single"]

#: Somebody has the last seat; elsewhere than here it is an error, here it may be one's own peer.
IN_USE: Final = -4
#: The license server does not know the feature.
NO_FEATURE: Final = -5


class Single(Behaviour):
    """One seat, for this instance, its redundant pair, or its configuration environment.

    For a pair the primary holds it; a backup that starts finds out whether it is licensed, and gives the seat back. Where the license
    server says that all seats are in use, it is the other one of the pair, or another instance of the environment, that has it: the
    license is there, and is one for all of them. An instance that shares it so looks from time to time whether the seat has become
    free, and then takes it, or whether the license is gone.

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
            self._ask()

    def _ask(self) -> None:
        self.hold = self.app.check_out(self, 1, data=self.app.share(self.scope))

    def options_changed(self) -> None:
        """Asks for the seat, or gives it back, as the options say now."""
        if not self.wanted():
            self._give_back()
            self.shared = False
            self.app.clear(self.cause)
            self.app.regain(self.function)
        elif not self.licensed:
            self.start()

    def stand_by(self) -> None:
        """The other one of the pair needs the seat; that it is licensed is known."""
        if self.scope == "pair":
            self.shared = self.licensed
            self._give_back()
            self._regain()

    def _give_back(self) -> None:
        if self.hold is not None:
            self.app.check_in(self.hold)
            self.hold = None

    def granted(self, hold: Hold) -> None:
        """The function works; a backup knows now that it is licensed, and gives the seat back."""
        self.shared = self._tests_only
        if self.shared:
            self._give_back()
        else:
            self.app.emit(Write(checked_out(self.feature, hold.count)))
        self._regain()

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """A seat that a peer has licenses this instance too; else startup ends, or the function degrades."""
        if number == IN_USE and (self._tests_only or self.scope == "environment"):
            self.hold = None
            if not self.shared:
                other = "the other one of the pair" if self.scope == "pair" else "another instance of this environment"
                self.app.write(f"Feature '{self.feature}' is in use by {other}, which it licenses with this one.")
            self._is_shared()
        elif self.required and self.app.state == "starting":
            self.app.fail(number)
        else:
            # A primary that takes over may come before the seat of the one that failed is free.
            self._lacks(hold, violation_kind(number), shared=number == IN_USE and self.shared)

    def _is_shared(self) -> None:
        self.shared = True
        if self.scope == "environment":
            self.app.look(self)
        self._regain()

    def _lacks(self, hold: Hold, kind: str, *, shared: bool = False) -> None:
        self.shared = shared
        self.app.retry(hold, self.cause, kind)
        if not shared:
            self.app.degrade(self.function, kind)

    def counted(self, issued: int, free: int) -> None:
        """A seat that is shared has become free, or there is none any more."""
        if not self.shared or self.hold is not None or self.scope != "environment":
            return
        if free > 0:
            self._ask()
        elif free == 0 and not issued:
            self.hold = Hold(self, 1, data=self.app.share(self.scope))
            self._lacks(self.hold, violation_kind(NO_FEATURE))
        else:
            self.app.look(self)

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
    """One seat for each session: a user who is logged in, or a client that is connected.

    That a seat was denied is a violation until one is free again: a session ends, one is granted, or the license server says so when
    asked, which it is every RETRY_S while the violation stands.
    """

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
        if self.app.waits_for_server:
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
        self.app.check_in(hold, is_over=False)
        if then is not None:
            then("The session has ended before it was licensed.")
        # A seat is free again, where what was wrong was that none was.
        self._is_free(then is None and self.app.violations.standing.get(self.cause) == NO_LICENSE)
        return True

    def _is_free(self, is_free: bool) -> None:
        if is_free:
            self.app.clear(self.cause)
        standing = self.app.violations.standing
        if self.cause in standing or (SERVER_CAUSE in standing and self.app.reachable):
            self.app.look(self)

    def granted(self, hold: Hold) -> None:
        """The session stands."""
        self.app.emit(Write(checked_out(self.feature, hold.count)))
        self.app.clear(self.cause)
        self.app.clear(SERVER_CAUSE)
        then = self._then.pop(hold, None)
        if then is not None:
            then("")

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """The session is refused."""
        kind = violation_kind(number)
        then = self._then.pop(hold, None)
        if then is None:
            # The session stands, and was licensed before: an administrator had removed its seat.
            self.app.retry(hold, self.cause, kind)
            return
        self.open_sessions.pop(hold.who, None)
        self.app.violate(SERVER_CAUSE if kind == NO_SERVER else self.cause, kind)
        self._is_free(False)
        then(f"No license of {self.feature} is available: {kind}.")

    def counted(self, issued: int, free: int) -> None:
        """A violation for want of seats is over when one is free, and one for want of the server when that answers."""
        if free >= 0:
            self.app.clear(SERVER_CAUSE)
        self._is_free(free > 0)
