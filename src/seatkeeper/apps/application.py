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
- What an administrator removed, or the server denied at run time, is asked for again after RETRY_S.
"""

from __future__ import annotations

import re
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
from seatkeeper.apps.options import RESTART, Option, Value
from seatkeeper.apps.profile import BACKUP, HOT_STANDBY, LICENSE_FILE, PRIMARY, Profile, Settings, SiteEvent
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
    from collections.abc import Callable, Iterable

__all__ = ["ADDITIONAL", "COMMON_EVENTS", "EARLY_MAX", "EXIT_UNLICENSED", "RETRY_S", "Application", "Behaviour", "Hold"]

#: The status with which an application ends that has no license to start.
EXIT_UNLICENSED: Final = 3
#: Seconds until what was denied at run time, or removed by an administrator, is asked for again.
RETRY_S: Final = 60.0
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


#: What stands between the servers of a license path, and not within `C:\\license.dat` or `[::1]`.
_SEPARATORS: Final = re.compile(r";|:(?=\d*@)|(?<=[^:\[]):(?=[^\\/:\]]*/)|,")


class Hold:
    """One checkout: asked for, held, lost (it may be restored), or gone (it may be asked for again).

    Attributes:
        key: Its number for the shell; a new one each time it is asked for.
        wanted: How many seats were asked for.
        count: How many are held, 0 where they are not.
        cause: The cause of the violation that its loss is.
    """

    __slots__ = ("behaviour", "cause", "count", "data", "feature", "key", "retry_at", "state", "up_to", "version", "wanted", "who")

    def __init__(self, behaviour: Behaviour, feature: str, version: str, wanted: int, up_to: bool, data: str, who: str) -> None:
        self.behaviour = behaviour
        self.feature = feature
        self.version = version
        self.wanted = wanted
        self.up_to = up_to
        self.data = data
        self.who = who
        self.key = 0
        self.count = 0
        self.state = "new"
        self.cause = ""
        self.retry_at = 0.0


class Behaviour:
    """One way to hold seats of one feature; the application that it belongs to tells it what happens to them."""

    #: One of profile.BEHAVIOURS.
    word: str = ""

    def __init__(self, app: Application, feature: str, version: str) -> None:
        self.app = app
        self.feature = feature
        self.version = version
        app.behaviours.append(self)

    @property
    def cause(self) -> str:
        """The cause of a violation for want of this feature."""
        return f"feature {self.feature}"

    def start(self) -> None:
        """The application starts, or takes over from its primary."""

    def options_changed(self) -> None:
        """Options have changed; those that hold only after a restart are still the old ones."""

    def stand_by(self) -> None:
        """The application hands over to the other one of the pair: give all back that the other needs."""

    def granted(self, hold: Hold) -> None:
        """The hold has its seats."""

    def denied(self, hold: Hold, number: int, text: str) -> None:
        """The hold has none, and is forgotten unless the behaviour calls `app.retry`."""

    def lost(self, hold: Hold) -> None:
        """The hold's seats are lost; the violation is raised already."""

    def restored(self, hold: Hold) -> None:
        """The hold's seats are back, perhaps in another number."""

    def counted(self, issued: int) -> None:
        """The answer to `app.count`."""

    def deadline(self) -> float | None:
        """When it wants to be woken."""
        return None

    def tick(self) -> None:
        """Its deadline may have passed."""


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
        self._given = {section: dict(values) for section, values in settings.options.items()}
        self._faults: list[str] = []
        self._values = self._read_options()
        self._key = 0
        self._holds: dict[int, Hold] = {}
        self._gone: dict[Hold, None] = {}
        self._awaited: set[int | str] = set()
        self._early: list[Occurred] = []
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
        """Makes the behaviours, in the order in which they ask at startup."""
        raise NotImplementedError

    # For the shell ----------------------------------------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What is to be done about an event that happened at `now` (Unix time), in this order."""
        self.now = now
        self._out = []
        if self.state != "ended":
            self._handlers[type(event)](event)
            if self.state == "starting" and not self._awaited:
                self._begin()
        return self._out

    def next_deadline(self) -> float | None:
        """When a Tick is due, as Unix time."""
        times = [hold.retry_at for hold in self._gone]
        times += [time for behaviour in self.behaviours if (time := behaviour.deadline()) is not None]
        return min(times, default=None)

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

    def share(self, scope: str) -> str:
        """The key under which instances share a license: of a "pair" or of an "environment"; empty for no sharing."""
        if scope == "pair" and self.settings.redundancy == "not specified":
            return ""
        if scope == "pair":
            return f"pair:{self.settings.pair or self.settings.name}"
        return f"environment:{self.settings.environment}" if scope == "environment" else ""

    @property
    def is_hot_standby(self) -> bool:
        """Whether it is one of a pair that runs in hot standby."""
        return self.settings.redundancy == HOT_STANDBY

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
        self._out.append(Forced(what, who, reason))

    def violate(self, cause: str, kind: str, *, again: bool = False) -> None:
        """A violation is met."""
        self._out += self.violations.begin(cause, kind, again=again)

    def clear(self, cause: str) -> None:
        """A violation is over, unless a hold is still lost for its cause."""
        if not any(hold.cause == cause for hold in self._holds.values()):
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
        hold = Hold(behaviour, behaviour.feature, behaviour.version, count, up_to, data, who)
        self._ask(hold)
        return hold

    def check_in(self, hold: Hold) -> None:
        """Gives the seats of a hold back, or stops asking for them."""
        self._gone.pop(hold, None)
        if self._holds.pop(hold.key, None) is not None:
            self._out.append(CheckIn(hold.key))
        hold.state = "over"
        cause, hold.cause = hold.cause, ""
        if cause:
            self.clear(cause)

    def retry(self, hold: Hold) -> None:
        """Asks for a denied hold again after RETRY_S."""
        hold.state = "gone"
        hold.retry_at = self.now + RETRY_S
        self._gone[hold] = None

    def count(self, behaviour: Behaviour) -> None:
        """Asks how many seats of the behaviour's feature are licensed in all."""
        if self.state == "starting":
            self._awaited.add(behaviour.feature)
        self._out.append(Count(behaviour.feature))

    # Events from the site -------------------------------------------------------------------------------------------------

    def _started(self, _event: Started) -> None:
        if self.state != "new":
            return
        self.state = "starting"
        for fault in self._faults:
            self.write(fault)
        paths = (self.settings.peer_path, self.settings.license_path)
        if all(paths) and paths[0] != paths[1]:
            # Guide, HA Functionality: both must use the same license server to control the same pool.
            reason = f"The other one of the pair uses the license server {paths[0]}, this one {paths[1]}; they need the same one."
            self.write(reason)
            self.degrade("one pool for the pair", reason)
        if self.profile.single_server and len(_SEPARATORS.findall(self.settings.license_path)) > 0:
            # Guide, Single-Server Configuration: the Java library knows one license server.
            reason = f"{self.profile.name} knows one license server only; of {self.settings.license_path} it uses the first."
            self.write(reason)
            self.degrade("further license servers", reason)
        self._start_behaviours()

    def _start_behaviours(self) -> None:
        for behaviour in self.behaviours:
            if self.state != "ended":
                behaviour.start()

    def _begin(self) -> None:
        self.state = "running"
        self._out.append(Write(Message(STARTED, "Application started")))
        early, self._early = self._early, []
        for event in early:
            self._serve(event)

    def _occurred(self, event: Occurred) -> None:
        if self.state == "running":
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
        missing = [field for field in known.fields if field not in event.fields]
        if missing:
            self.reply(event, f"The event {event.name} needs the field {missing[0]!r}.")
            return
        getattr(self, f"on_{event.name.replace('-', '_')}")(event)

    def on_become_primary(self, event: Occurred) -> None:
        """The other one of the pair has failed, or was switched off."""
        if self.role != PRIMARY:
            self.role = PRIMARY
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
        for section, options in event.options.items():
            given = self._given.setdefault(section, {})
            for name, value in options.items():
                if value is None:
                    given.pop(name, None)
                else:
                    given[name] = value
        old = self._values
        new = self._read_options()
        for fault in self._faults:
            self.write(fault)
        for option in self._options():
            key = option.section, option.name
            if option.takes_effect == RESTART and new[key] != old[key]:
                self.write(f"The new value of option {option.name} takes effect after a restart.", level=Level.TRACE)
                new[key] = old[key]
        self._values = new
        if new != old:
            for behaviour in self.behaviours:
                behaviour.options_changed()
            self.options_changed()

    def options_changed(self) -> None:
        """For the profile, after its behaviours: options have changed."""

    def _ticked(self, _event: Tick) -> None:
        for hold in [hold for hold in self._gone if hold.retry_at <= self.now]:
            del self._gone[hold]
            if self.reachable:
                self._ask(hold)
            else:
                self.retry(hold)
        for behaviour in self.behaviours:
            behaviour.tick()

    def _stopped(self, _event: Stopped) -> None:
        self._end(0, "")

    def _end(self, status: int, reason: str) -> None:
        self.state = "ended"
        self._out += [CheckIn(hold.key) for hold in self._holds.values() if hold.state != "asked"]
        self._holds.clear()
        self._gone.clear()
        self._out.append(Write(Message(TERMINATED, "Application terminated")))
        self._out.append(Exit(status, reason))

    # Events from the license server -----------------------------------------------------------------------------------

    def _granted(self, event: Granted) -> None:
        hold = self._holds.get(event.key)
        self._awaited.discard(event.key)
        if hold is not None:
            hold.state = "held"
            hold.count = event.count
            self._uncause(hold)
            hold.behaviour.granted(hold)

    def _denied(self, event: Denied) -> None:
        hold = self._holds.pop(event.key, None)
        self._awaited.discard(event.key)
        if hold is not None:
            hold.state = "denied"
            hold.count = 0
            hold.behaviour.denied(hold, event.number, event.text)

    def _lost(self, event: Lost) -> None:
        hold = self._holds.get(event.key)
        if hold is None or hold.state == "lost":
            return
        by_server = not self.reachable or event.number in SERVER_ERRORS
        hold.cause = SERVER_CAUSE if by_server else hold.behaviour.cause
        hold.state = "lost"
        hold.count = 0
        self.violate(hold.cause, NO_SERVER if by_server else violation_kind(event.number))
        hold.behaviour.lost(hold)
        if event.number == 0:
            # These do not come back by themselves.
            del self._holds[hold.key]
            self.retry(hold)

    def _restored(self, event: Restored) -> None:
        hold = self._holds.get(event.key)
        if hold is not None:
            hold.state = "held"
            hold.count = event.count
            self._uncause(hold)
            hold.behaviour.restored(hold)

    def _uncause(self, hold: Hold) -> None:
        cause, hold.cause = hold.cause, ""
        if cause and (cause != SERVER_CAUSE or self.reachable):
            self.clear(cause)

    def _unreachable(self, event: Unreachable) -> None:
        if self.reachable:
            self.reachable = False
            reason = f": {event.text}" if event.text else ""
            self.write(f"Connection to license server lost{reason}", SERVER_LOST)
            self.violate(SERVER_CAUSE, NO_SERVER)

    def _reached(self, _event: Reachable) -> None:
        if not self.reachable:
            self.reachable = True
            self.write("Connection to license server restored", SERVER_RESTORED)
            self.clear(SERVER_CAUSE)

    def _counted(self, event: Counted) -> None:
        self._awaited.discard(event.feature)
        for behaviour in self.behaviours:
            if behaviour.feature == event.feature:
                behaviour.counted(event.issued)

    # Small things ---------------------------------------------------------------------------------------------------------

    def _ask(self, hold: Hold) -> None:
        self._key += 1
        hold.key = self._key
        hold.state = "asked"
        self._holds[hold.key] = hold
        if self.state == "starting":
            self._awaited.add(hold.key)
        self._out.append(CheckOut(hold.key, hold.feature, hold.version, hold.wanted, hold.up_to, hold.data, hold.who))

    def _options(self) -> Iterable[Option]:
        return (LICENSE_FILE, *self.profile.options)

    def _read_options(self) -> dict[tuple[str, str], Value]:
        values: dict[tuple[str, str], Value] = {}
        self._faults = []
        for option in self._options():
            given = self._given.get(option.section, {}).get(option.name)
            value, good = option.read(given)
            values[option.section, option.name] = value
            if not good:
                self._faults.append(
                    f"Option {option.name} in section {option.section} has the value {given!r}, which is not valid ({option.valid}); "
                    f"its default {option.default} is used."
                )
        return values
