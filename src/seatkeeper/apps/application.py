"""Every licensed application starts, serves, degrades and ends by the same rules; what differs between them is how they hold seats.

How it works. Events come in with the time at which they happened, effects go out, and nothing else is touched: the shell
(drive.running) makes the checkouts, writes the log and keeps the clock. An application is made of *behaviours*, each of which owns some
*holds*: checkouts that are asked for, held, lost or gone. What the license server says about a hold goes to the behaviour that owns it.

The rules that all have in common (guide, "License Check Process" and "Licensing Violations"):

- At startup every behaviour asks for what it needs. When one that is required is denied, the application logs 07100 and exits. What
  happens at the site before all is answered waits.
- At run time a violation is logged and raised once for its cause, and interrupts nothing: who is served goes on being served. Whoever
  comes new may be refused, as the behaviour says.
- While the license server is out of reach there is one violation, however many holds there are. It ends when the server is back and
  has restored all that was lost meanwhile.
- What an administrator removed, or the server denied at run time, is looked for every RETRY_S, and asked for when there are seats
  again: looking is no request, so that nobody counts a want as many denials.
- A backup that takes over asks for what its primary held; what happens at the site meanwhile waits, as at startup.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from seatkeeper.apps.events import (
    CheckIn,
    CheckOut,
    Count,
    Counted,
    Degraded,
    Denied,
    Effect,
    Event,
    Exit,
    Forced,
    Granted,
    Lost,
    Occurred,
    OptionsChanged,
    Reachable,
    Regained,
    Reply,
    Restored,
    Started,
    Stopped,
    Tick,
    Unreachable,
    Write,
)
from seatkeeper.apps.holds import Behaviour, Hold
from seatkeeper.apps.lookout import RETRY_S, Lookout
from seatkeeper.apps.options import OptionValues, Value
from seatkeeper.apps.profile import (
    BACKUP,
    HOT_STANDBY,
    LICENSE_FILE,
    NO_REDUNDANCY,
    PRIMARY,
    Profile,
    Settings,
    SiteEvent,
    path_faults,
    read_fields,
)
from seatkeeper.apps.violations import SERVER_ERRORS, Violations, violation_kind
from seatkeeper.base.logevents import (
    NO_SERVER,
    SERVER_LOST,
    SERVER_RESTORED,
    STARTED,
    TERMINATED,
    Level,
    Message,
    license_fail,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ADDITIONAL", "COMMON_EVENTS", "EARLY_MAX", "EXIT_UNLICENSED", "RETRY_S", "SERVER_CAUSE", "Application"]

#: The status with which an application ends that has no license to start.
EXIT_UNLICENSED: Final = 3
#: What may happen at the site before the application has started; what is beyond it is refused.
EARLY_MAX: Final = 100_000
#: Additional standard messages of applications on licensing (guide, the note under GCTI_LICENSE_RESTORED).
ADDITIONAL: Final = 5066
#: The cause of the one violation while the license server is out of reach.
SERVER_CAUSE: Final = "license server"

COMMON_EVENTS: Final = (
    SiteEvent("become-primary", (), "The application takes over from its primary."),
    SiteEvent("become-backup", (), "The application hands over to the other one of the pair."),
)


class Application:
    """A licensed application; subclasses say which behaviours it has and what it does on the events of its profile.

    The method for the event `agent-login` is `on_agent_login(self, event)`; it must see to a reply.

    Attributes:
        state: `new`, `starting`, `running` or `ended`.
        role: PRIMARY or BACKUP.
        reachable: Whether the license server is.
        now: When the event that is being handled happened.
        degraded: Function -> why it does not work as it should.
    """

    profile: ClassVar[Profile]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = "new"
        self.role = settings.role
        self.reachable = True
        self.now = 0.0
        self.violations = Violations()
        self.behaviours: list[Behaviour] = []
        self.degraded: dict[str, str] = {}
        self._values = OptionValues((LICENSE_FILE, *self.profile.options), settings.options)
        self._key = 0
        self._holds: dict[int, Hold] = {}
        self._lookout = Lookout()
        self._takes_over = False
        self._awaited: set[int | str] = set()
        self._early: deque[Occurred] = deque()
        self._out: list[Effect] = []
        self._events = {event.name: event for event in (*self.profile.events, *COMMON_EVENTS)}
        self._handlers: dict[type, Callable[..., None]] = {
            Started: self._started,
            Occurred: self._occurred,
            OptionsChanged: self._options_changed,
            Tick: self._ticked,
            Stopped: self._stopped,
            Granted: self._granted,
            Denied: self._denied,
            Lost: self._lost,
            Restored: self._restored,
            Unreachable: self._unreachable,
            Reachable: self._reached,
            Counted: self._counted,
        }
        self.build()

    def build(self) -> None:
        """Makes the behaviours, in the order in which they ask at startup; one that needs no license makes none."""

    # For the shell ----------------------------------------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What is to be done about an event that happened at `now` (Unix time), in this order."""
        self.now = now
        self._out = []
        if self.state != "ended":
            self._handlers[type(event)](event)
            if not self._awaited:
                self._answered()
        return self._out

    def next_deadline(self) -> float | None:
        """When a Tick is due, as Unix time."""
        if self.state == "ended":
            return None
        of_behaviours = [time for behaviour in self.behaviours if (time := behaviour.deadline()) is not None]
        return min([*of_behaviours, *self._lookout.times(cut_off=self._is_cut_off)], default=None)

    @property
    def holds(self) -> list[Hold]:
        """What is asked for, held or lost."""
        return list(self._holds.values())

    def held(self) -> dict[str, int]:
        """Feature -> seats that the license server counts for this application, as far as the application knows."""
        found: dict[str, int] = {}
        for hold in self._holds.values():
            if hold.state == "held":
                found[hold.feature] = found.get(hold.feature, 0) + hold.count
        return found

    # For behaviours and profiles ----------------------------------------------------------------------------------------

    def option(self, name: str, section: str = "license") -> Value:
        """The value that an option has."""
        return self._values[section, name]

    def is_meant(self, name: str, section: str = "license") -> bool:
        """Whether an option has its value because somebody meant it so: False for the default in place of what is not valid."""
        return self._values.is_meant(name, section)

    def share(self, scope: str) -> str:
        """The key under which instances share a license: of a "pair" or of an "environment"; empty for no sharing."""
        if scope == "pair" and self.settings.redundancy != NO_REDUNDANCY:
            return f"pair:{self.settings.pair or self.settings.name}"
        return f"environment:{self.settings.environment}" if scope == "environment" else ""

    @property
    def is_hot_standby(self) -> bool:
        """Whether it is one of a pair that runs in hot standby."""
        return self.settings.redundancy == HOT_STANDBY

    @property
    def waits_for_server(self) -> bool:
        """Whether the license server is away and something is held of it, so that its return will be noticed."""
        return not self.reachable and bool(self._holds)

    def emit(self, *effects: Effect) -> None:
        """Wants these done."""
        self._out += effects

    def write(self, text: str, number: int = ADDITIONAL, level: Level = Level.STANDARD) -> None:
        """Writes a message of the application's own into its log."""
        self._out.append(Write(Message(number, text, level)))

    def reply(self, event: Occurred, reason: str = "") -> None:
        """Answers an event: served, or not for this reason."""
        self._out.append(Reply(event.id, event.name, not reason, reason))

    def force(self, what: str, who: str, reason: str) -> None:
        """Puts somebody out."""
        self.write(f"{what.capitalize()} of {who}: {reason}")
        self._out.append(Forced(what, who, reason))

    def violate(self, cause: str, kind: str, *, again: bool = False) -> None:
        """A violation is met."""
        self._out += self.violations.begin(cause, kind, again=again)

    def clear(self, cause: str) -> None:
        """A violation is over, unless a hold still wants for its cause, or it is that of a server that is still away."""
        if cause == SERVER_CAUSE and not self.reachable:
            return
        if cause in self.violations.standing and not any(hold.cause == cause for hold in (*self._holds.values(), *self._lookout.gone)):
            self._out += self.violations.end(cause)

    def degrade(self, function: str, reason: str) -> None:
        """A function does not work as it should from now on."""
        if function and function not in self.degraded:
            self.degraded[function] = reason
            self._out.append(Degraded(function, reason))

    def regain(self, function: str) -> None:
        """A function works as it should again."""
        if self.degraded.pop(function, None) is not None:
            self._out.append(Regained(function))

    def fail(self, number: int) -> None:
        """Startup has come to nothing: logs the violation and exits (guide, License Check Process)."""
        kind = violation_kind(number)
        self._out.append(Write(license_fail(kind)))
        self._end(EXIT_UNLICENSED, kind)

    def check_out(self, behaviour: Behaviour, count: int, *, up_to: bool = False, data: str = "", who: str = "") -> Hold:
        """Asks for seats; the behaviour hears what came of it."""
        hold = Hold(behaviour, count, up_to=up_to, data=data, who=who)
        self._ask(hold)
        return hold

    def check_in(self, hold: Hold, *, is_over: bool = True) -> None:
        """Gives the seats of a hold back, or stops asking for them; the violation for its want ends, but for one that is not over."""
        self._lookout.gone.pop(hold, None)
        self._awaited.discard(hold.key)
        if self._holds.pop(hold.key, None) is not None:
            self._out.append(CheckIn(hold.key))
        hold.state = "over"
        cause, hold.cause = hold.cause, ""
        if cause and (is_over or cause == SERVER_CAUSE):
            self.clear(cause)

    def retry(self, hold: Hold, cause: str, kind: str) -> None:
        """Looks for seats again after RETRY_S; until then the hold's want is a violation, of this cause where none stands for it."""
        self._blame(hold, cause, kind)
        hold.state = "gone"
        hold.count = 0
        self._lookout.gone[hold] = self.now + RETRY_S

    def hurry(self, hold: Hold) -> None:
        """Asks at once for a hold that is gone."""
        del self._lookout.gone[hold]
        self._ask(hold)

    def count(self, behaviour: Behaviour) -> None:
        """Asks how many seats of the behaviour's feature there are."""
        if self._gates:
            self._awaited.add(behaviour.feature)
        self._count(behaviour.feature)

    def _count(self, feature: str) -> None:
        if self._lookout.ask(feature):
            self._out.append(Count(feature))

    def look(self, behaviour: Behaviour) -> None:
        """Asks the same after RETRY_S, where it is not to be asked before that anyway."""
        self._lookout.looking.setdefault(behaviour, self.now + RETRY_S)

    # Events from the site -------------------------------------------------------------------------------------------------

    def _started(self, _event: Started) -> None:
        if self.state != "new":
            return
        self.state = "starting"
        for fault in self._values.faults:
            self.write(fault)
        for function, reason in path_faults(self.profile, self.settings):
            self.write(reason)
            self.degrade(function, reason)
        self._start_behaviours()

    def _start_behaviours(self) -> None:
        for behaviour in self.behaviours:
            if self.state != "ended":
                behaviour.start()

    @property
    def _gates(self) -> bool:
        """Whether what happens at the site waits for the license server's answers."""
        return self.state == "starting" or self._takes_over

    def _answered(self) -> None:
        """The license server has answered all that was asked: startup, or taking over, has come to its end."""
        if self.state == "starting":
            self.state = "running"
            self._out.append(Write(Message(STARTED, "Application started")))
        self._takes_over = False
        while self._early and self.state == "running" and not self._takes_over:
            self._serve(self._early.popleft())

    def _occurred(self, event: Occurred) -> None:
        if self.state == "running" and not self._takes_over:
            self._serve(event)
        elif len(self._early) < EARLY_MAX:
            self._early.append(event)
        else:
            self.reply(event, "The application is still starting.")

    def _serve(self, event: Occurred) -> None:
        known = self._events.get(event.name)
        if known is None:
            self.reply(event, f"{self.profile.name} knows no event {event.name!r}; it knows {', '.join(self._events)}.")
            return
        fields, reason = read_fields(known, event.fields)
        if reason:
            self.reply(event, reason)
            return
        getattr(self, f"on_{event.name.replace('-', '_')}")(Occurred(event.name, fields, event.id))

    def on_become_primary(self, event: Occurred) -> None:
        """The other one of the pair has failed, or was switched off."""
        if self.role != PRIMARY:
            self.role = PRIMARY
            self._takes_over = True
            self._start_behaviours()
        self.reply(event)

    def on_become_backup(self, event: Occurred) -> None:
        """The other one of the pair takes over."""
        if self.role != BACKUP:
            self.role = BACKUP
            for behaviour in self.behaviours:
                behaviour.stand_by()
        self.reply(event)

    def _options_changed(self, event: OptionsChanged) -> None:
        change = self._values.change(event.options)
        for fault in change.faults:
            self.write(fault)
        for note in change.after_restart:
            self.write(note, level=Level.TRACE)
        if change.differs and self.state != "new":
            for behaviour in self.behaviours:
                behaviour.options_changed()
            self.options_changed()

    def options_changed(self) -> None:
        """For the profile, after its behaviours: options have changed."""

    def _ticked(self, _event: Tick) -> None:
        for feature in self._lookout.due(self.now, reachable=self.reachable):
            self._count(feature)
        if self._is_cut_off and self._lookout.is_server_due(self.now):
            self._count(self.behaviours[0].feature)
        for behaviour in self.behaviours:
            behaviour.tick()

    @property
    def _is_cut_off(self) -> bool:
        """Whether the server is away and nothing is held of it: then no checkout brings the news of its return."""
        return not self.reachable and not self._holds

    def _stopped(self, _event: Stopped) -> None:
        self._end(0, "")

    def _end(self, status: int, reason: str) -> None:
        self.state = "ended"
        for event in self._early:
            self.reply(event, "The application has ended.")
        self._early.clear()
        self._out += [CheckIn(key) for key in self._holds]
        self._holds.clear()
        self._lookout = Lookout()
        self._awaited.clear()
        self._out.append(Write(Message(TERMINATED, "Application terminated")))
        self._out.append(Exit(status, reason))

    # Events from the license server -----------------------------------------------------------------------------------

    def _granted(self, event: Granted) -> None:
        hold = self._holds.get(event.key)
        self._awaited.discard(event.key)
        if hold is not None:
            self._has(hold, event.count)
            hold.behaviour.granted(hold)

    def _denied(self, event: Denied) -> None:
        hold = self._holds.pop(event.key, None)
        self._awaited.discard(event.key)
        if hold is not None:
            hold.state = "denied"
            hold.count = 0
            hold.behaviour.denied(hold, event.number, event.text)
            if hold.state == "denied" and hold.cause:
                # Nobody wants it any more.
                cause, hold.cause = hold.cause, ""
                self.clear(cause)

    def _lost(self, event: Lost) -> None:
        hold = self._holds.get(event.key)
        if hold is None or hold.state not in ("held", "lost"):
            return
        was_held = hold.state == "held"
        hold.state = "lost"
        hold.count = 0
        by_server = not self.reachable or event.number in SERVER_ERRORS
        self._blame(hold, hold.behaviour.cause, NO_SERVER if by_server else violation_kind(event.number))
        if was_held:
            hold.behaviour.lost(hold)
        if event.number == 0 and self._holds.pop(hold.key, None) is not None:
            # These do not come back by themselves.
            self.retry(hold, hold.behaviour.cause, violation_kind(0))

    def _restored(self, event: Restored) -> None:
        hold = self._holds.get(event.key)
        if hold is not None and hold.state in ("held", "lost"):
            self._has(hold, event.count)
            hold.behaviour.restored(hold)

    def _has(self, hold: Hold, count: int) -> None:
        hold.state = "held"
        hold.count = count
        cause, hold.cause = hold.cause, ""
        if cause:
            self.clear(cause)

    def _blame(self, hold: Hold, cause: str, kind: str) -> None:
        """The hold's want is a violation: one of the server while that is away, and else one of its own that stands as long as it wants."""
        if kind == NO_SERVER:
            cause = SERVER_CAUSE
        before = hold.cause
        # What was lost with the server may have a reason of its own when the server is back, and not the other way round.
        if before and (before == cause or before != SERVER_CAUSE):
            return
        hold.cause = cause
        self.violate(cause, kind)
        if before:
            self.clear(before)

    def _unreachable(self, event: Unreachable) -> None:
        if self.reachable:
            self.reachable = False
            self._lookout.server_at = self.now + RETRY_S
            reason = f": {event.text}" if event.text else ""
            self.write(f"Connection to license server lost{reason}", SERVER_LOST)
            self.violate(SERVER_CAUSE, NO_SERVER)

    def _reached(self, _event: Reachable) -> None:
        if not self.reachable:
            self.reachable = True
            self.write("Connection to license server restored", SERVER_RESTORED)
            self.clear(SERVER_CAUSE)
            self._lookout.hurry(self.now)
            for behaviour in self.behaviours:
                behaviour.reached()

    def _counted(self, event: Counted) -> None:
        self._awaited.discard(event.feature)
        if event.free >= 0 and self._is_cut_off:
            self._reached(Reachable())
        for hold in self._lookout.found(event.feature, event.free):
            self.hurry(hold)
        for behaviour in [behaviour for behaviour in self.behaviours if behaviour.feature == event.feature]:
            behaviour.counted(event.issued, event.free)

    def _ask(self, hold: Hold) -> None:
        self._key += 1
        hold.key = self._key
        hold.state = "asked"
        self._holds[hold.key] = hold
        if self._gates:
            self._awaited.add(hold.key)
        self._out.append(CheckOut(hold.key, hold.feature, hold.version, hold.wanted, hold.up_to, hold.data, hold.who))
