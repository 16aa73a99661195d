"""Seats that are taken ahead are given out by the application itself: it knows how many it has, who uses one, and who goes without.

A *reservoir* holds seats of one feature in one or more holds. Users take a seat and free it; the license server hears nothing of that.
Who is served stays served when seats are lost: the reservoir then has less than no room, and takes nobody new (guide, "Licensing
Violations"). When a lower number is configured, whole holds go back as long as nobody uses their seats, and the last of them is asked
for anew with what is left; between the two somebody else may take seats, which is then a violation like any other shortage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import IN_USE, NO_FEATURE
from seatkeeper.apps.events import Write
from seatkeeper.apps.holds import Behaviour, Hold
from seatkeeper.apps.options import COUNT_MAX
from seatkeeper.apps.profile import BACKUP
from seatkeeper.apps.violations import violation_kind
from seatkeeper.base.logevents import NO_LICENSE, USAGE_EXCEEDED, checked_out

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HOLD_S", "Reservoir", "TimedReservoir", "WholePool"]

#: A callback request, or a lock, holds a license for this long (guide, License Types).
HOLD_S: Final = 3600.0


class Reservoir(Behaviour):
    """Seats taken at startup and given out one by one.

    Args:
        wanted: How many, as the options say now; 0 for none.
        word: One of profile.BEHAVIOURS.
        required: Without a single one the application does not start.
        exact: Fewer than wanted is a violation also at startup; at run time it always is.
        keeps: A lower number gives nothing back before the next start.
        scope: "pair" where primary and backup share it: the backup then holds nothing; "" for seats of this instance alone.

    Attributes:
        users: Who uses a seat, in the order in which they came.
        beyond: Who would use one and goes without, in that order.
    """

    def __init__(
        self,
        app: Application,
        feature: str,
        version: str,
        wanted: Callable[[], int],
        *,
        word: str = "bulk at startup",
        required: bool = True,
        exact: bool = False,
        keeps: bool = False,
        scope: str = "",
    ) -> None:
        super().__init__(app, feature, version)
        self.word = word
        self.wanted = wanted
        self.required = required
        self.exact = exact
        self.keeps = keeps
        self.scope = scope
        self.holds: list[Hold] = []
        self.users: dict[str, None] = {}
        self.beyond: dict[str, None] = {}
        self._asked_for = 0
        self._exchanged: Hold | None = None

    @property
    def capacity(self) -> int:
        """How many seats there are to give out; those that are being exchanged for fewer are there all the while."""
        return sum(hold.count if hold.state == "held" else hold.wanted for hold in self.holds if self._counts(hold))

    def _counts(self, hold: Hold) -> bool:
        return hold.state == "held" or (hold is self._exchanged and hold.state == "asked")

    @property
    def room(self) -> int:
        """How many of them are free; negative where more are used than there are."""
        return self.capacity - len(self.users)

    @property
    def usage_cause(self) -> str:
        """The cause of a violation because more are wanted than there are."""
        return f"use of {self.feature}"

    @property
    def _short_cause(self) -> str:
        return f"number of {self.feature}"

    @property
    def lost_for(self) -> str:
        """The cause for which seats are lost or removed; empty where none are."""
        return next((hold.cause for hold in self.holds if hold.cause), "")

    @property
    def refusal(self) -> str:
        """Why nobody new gets a seat."""
        cause = self.lost_for
        if cause and not self.capacity:
            return f"The licenses of {self.feature} are lost: {self.app.violations.standing.get(cause, cause)}."
        return f"All {self.capacity} licenses of {self.feature} are in use."

    # Giving out -------------------------------------------------------------------------------------------------------------

    def take(self, user: str) -> bool:
        """Gives a user a seat; False where none is free. A user has at most one."""
        if user in self.users:
            return True
        if self.room <= 0:
            return False
        self.users[user] = None
        return True

    def take_or_note(self, user: str) -> bool:
        """As `take`; but a backup notes whom its primary serves, so that after a switchover they are served still."""
        if self._stands_by:
            self.users[user] = None
        return self.take(user)

    def admit(self, user: str) -> bool:
        """Gives a user a seat, or notes that he goes without, which is a violation and logged for each such user."""
        if self.take(user):
            self.beyond.pop(user, None)
            return True
        if user not in self.beyond:
            self.beyond[user] = None
            if not self.is_unsettled:
                self.app.violate(self.usage_cause, USAGE_EXCEEDED, again=True)
        return False

    @property
    def is_unsettled(self) -> bool:
        """Whether it is too early to say that too many want seats: some are lost, or asked for, or held by the primary."""
        return self._stands_by or any(hold.state in ("asked", "lost") or hold.cause for hold in self.holds)

    @property
    def _is_exceeded(self) -> bool:
        """Whether somebody goes without, or fewer seats are left than are used and that is no violation yet."""
        return bool(self.beyond) or (self.room < 0 and self._short_cause not in self.app.violations.standing)

    def free(self, user: str) -> bool:
        """Takes a user's seat back, for whoever goes without; False where he had none and wanted none."""
        known = user in self.users or user in self.beyond
        self.users.pop(user, None)
        self.beyond.pop(user, None)
        self.settle()
        return known

    def settle(self) -> None:
        """Serves those who go without as far as there is room, and gives back what is no longer wanted."""
        while self.beyond and self.room > 0:
            user = next(iter(self.beyond))
            del self.beyond[user]
            self.users[user] = None
        if not self._is_exceeded:
            self.app.clear(self.usage_cause)
        elif not self.is_unsettled:
            self.app.violate(self.usage_cause, USAGE_EXCEEDED)
        if not self.keeps:
            self._trim()

    # Holding ------------------------------------------------------------------------------------------------------------------

    @property
    def _wants_all(self) -> bool:
        """Whether it asks for all there are, however many: then fewer are no shortage, and more are not noticed (guide, the warning)."""
        return self.wanted() >= COUNT_MAX

    @property
    def _stands_by(self) -> bool:
        return self.scope == "pair" and self.app.role == BACKUP

    def start(self) -> None:
        """Asks for the wanted number; a backup leaves it to its primary."""
        if not self._stands_by:
            self._fill()

    def stand_by(self) -> None:
        """The other one of the pair needs the seats."""
        if self.scope == "pair":
            self._drop_all()
            self.app.clear(self.usage_cause)

    def reached(self) -> None:
        """What was not wanted any more while the server was away goes back."""
        self.settle()

    def options_changed(self) -> None:
        """Asks for more, or gives back what nobody uses."""
        # Not for options of something else: an instance that took what was left at startup would look for the rest.
        if self._stands_by or self._asked_for == self.wanted():
            return
        self._fill()
        self.settle()

    def _fill(self) -> None:
        """Asks for what is wanted beyond what is held, lost or asked for: that is there, or comes, or its violation stands."""
        self._asked_for = self.wanted()
        missing, gone = self._missing(), [hold for hold in self.holds if hold.state == "gone"]
        for hold in gone[1:] if missing > 0 else gone:
            self._drop(hold)
        if missing > 0 and gone:
            gone[0].wanted = missing
            self.app.hurry(gone[0])
        elif missing > 0:
            self._ask(missing)

    def _missing(self) -> int:
        there = sum(hold.count if hold.state == "held" else hold.wanted for hold in self.holds if hold.state != "gone")
        return min(self.wanted(), COUNT_MAX) - there

    def _ask(self, count: int) -> None:
        self.holds.append(self.app.check_out(self, count, up_to=True, data=self.app.share(self.scope)))

    def _trim(self) -> None:
        """Gives back what is beyond the wanted number and unused."""
        if not self.app.reachable:
            return
        surplus = self.capacity - max(self.wanted(), len(self.users))
        for hold in [hold for hold in reversed(self.holds) if hold.state == "held"]:
            if surplus <= 0:
                return
            keep = max(0, hold.count - surplus)
            surplus -= hold.count - keep
            self._drop(hold)
            if keep:
                self._ask(keep)
                self._exchanged = self.holds[-1]
            else:
                self.app.emit(Write(checked_out(self.feature, self.capacity)))

    def _drop(self, hold: Hold) -> None:
        self.holds.remove(hold)
        self.app.check_in(hold)

    def _drop_all(self) -> None:
        for hold in list(self.holds):
            self._drop(hold)

    def granted(self, hold: Hold) -> None:
        """There are more seats to give out; fewer than wanted are a violation, but for a startup that takes what it gets."""
        self._has(hold, is_content=self.app.state == "starting" and not self.exact)

    def _has(self, hold: Hold, *, is_content: bool = False) -> None:
        self.app.emit(Write(checked_out(self.feature, self.capacity)))
        fewer = hold.wanted - hold.count
        hold.wanted = hold.count
        missing = min(fewer, self._missing() - sum(hold.wanted for hold in self.holds if hold.state == "gone"))
        if missing > 0 and not is_content and not self._wants_all:
            rest = Hold(self, missing, up_to=True, data=self.app.share(self.scope))
            self.holds.append(rest)
            self.app.retry(rest, self._short_cause, NO_LICENSE)
        elif self._wants_all and any(hold.state == "gone" for hold in self.holds):
            # What else there is, it gets now; what is not there now is no want of one that takes all there is.
            self._fill()
        self.settle()

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """There are none: startup ends where they are required, else it is a violation."""
        if self.app.state == "starting" and self.required and not self.capacity:
            self.app.fail(number)
        elif number == IN_USE and self._wants_all and self.capacity:
            # It has all that there are: no more is left of them.
            self._drop(hold)
        else:
            self.app.retry(hold, self._short_cause, violation_kind(number))

    def restored(self, hold: Hold) -> None:
        """There are seats to give out again, perhaps fewer than before."""
        self._has(hold)


class TimedReservoir(Reservoir):
    """A reservoir whose seats are used for 60 minutes each, whatever becomes of their use."""

    def __init__(self, app: Application, feature: str, version: str, wanted: Callable[[], int], *, required: bool = True) -> None:
        super().__init__(app, feature, version, wanted, word="held for 60 minutes", required=required, scope="pair")
        self._until: dict[str, float] = {}

    def use(self, what: str, since: float) -> bool:
        """Uses a seat until 60 minutes after `since`; False where none is free. What is over by then uses none."""
        until = since + HOLD_S
        if until <= self.app.now:
            return True
        if not self.take(what):
            return False
        self._until[what] = until
        return True

    def recover(self, what: str, since: float) -> None:
        """Notes a use that has begun before this instance had the seats; where none is free, it goes without one, as `admit` says."""
        until = since + HOLD_S
        if until > self.app.now:
            self._until[what] = until
            self.admit(what)

    def deadline(self) -> float | None:
        """When the first use is over."""
        return min(self._until.values(), default=None)

    def tick(self) -> None:
        """Uses that are over free their seats."""
        for what in [what for what, until in self._until.items() if until <= self.app.now]:
            del self._until[what]
            self.free(what)


class WholePool(Reservoir):
    """All seats of the feature are at the disposal of each instance (guide, the comment on router_seats).

    It asks how many are licensed, and checks out what it can get of them. What other instances have is at its disposal all the same.
    """

    def __init__(self, app: Application, feature: str, version: str) -> None:
        super().__init__(app, feature, version, lambda: COUNT_MAX, word="whole pool per instance", keeps=True)
        self.issued = 0

    @property
    def capacity(self) -> int:
        """All seats of the feature, as long as what this instance has of them is neither lost nor denied."""
        if all(hold.state in ("held", "shared") for hold in self.holds) and self.holds:
            return max(self.issued, super().capacity)
        return 0

    def start(self) -> None:
        """Asks how many seats there are."""
        self._asked_for = self.wanted()
        self.app.count(self)

    def counted(self, issued: int, free: int) -> None:
        """Asks for all of them, or for what others have given back, or learns that there are none any more."""
        if issued or free >= 0:
            self.issued = min(issued, COUNT_MAX)
        if not self.holds:
            wanted = self.issued or COUNT_MAX
            self.holds.append(self.app.check_out(self, wanted, up_to=True, data=self.app.share("environment")))
        elif self.holds[0].state == "shared":
            self._look_after(self.holds.pop(), free)
        else:
            self.settle()

    def _look_after(self, hold: Hold, free: int) -> None:
        if free > 0:
            self.holds.append(self.app.check_out(self, self.issued or COUNT_MAX, up_to=True, data=self.app.share("environment")))
        elif free == 0 and not self.issued:
            self.holds.append(hold)
            self.app.retry(hold, self.cause, violation_kind(NO_FEATURE))
        else:
            self.holds.append(hold)
            self.app.look(self)

    def granted(self, hold: Hold) -> None:
        """All of them are at its disposal, those of other instances too."""
        self.app.emit(Write(checked_out(self.feature, self.capacity)))
        self.settle()

    def restored(self, hold: Hold) -> None:
        """There are seats again; how many, the license server says."""
        self.granted(hold)
        self.app.count(self)

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """Where other instances have them all, they are at its disposal all the same."""
        if number == IN_USE and self.issued:
            self.app.write(
                f"All licenses of feature '{self.feature}' are checked out by other instances; {self.issued} are at its disposal."
            )
            hold.state = "shared"
            self.app.clear(self.cause)
            self.app.look(self)
            self.settle()
        else:
            super().denied(hold, number, text)
