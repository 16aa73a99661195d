"""Of everything that was found out about a license path, the first step that fails is the cause, told in one sentence with its remedy.

How it works. A checkout needs a chain of things: a path, files that can be read, host names that resolve, ports that answer, a license
server behind them, clocks that agree, a vendor daemon that is up, the host ids of the license, signatures, a server that proves who
it is, the feature in its version and in its time, an options file that allows it, and seats. `sdk.checkup` looks at them in this
order, and each finding becomes a step: ok, warning, failed, or skipped where it cannot be looked at. Those about path, files and
network are worded in findings.py.

A finding about one of several servers fails nothing as long as another server is left: it is then a warning (`softened`). What the
server says about a trial checkout decides about the last steps: its number tells which step it is about (`STEP_OF`), and the pools
that it shows give the sentence its figures.
"""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.dates import NEVER, format_date, parse_date
from seatkeeper.base.errors import LicenseError
from seatkeeper.base.values import is_version, version_satisfies
from seatkeeper.client.events import MINOR_TRUST
from seatkeeper.client.remedies import remedy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import date

    from seatkeeper.wire.messages import PoolStatus

__all__ = [
    "CLOCK_S_MAX",
    "CLOCK_S_WARNING",
    "EXPIRES_DAYS_WARNING",
    "HOLDERS_NAMED_MAX",
    "NOT_REACHED",
    "STEPS",
    "STEP_OF",
    "State",
    "Step",
    "StepName",
    "Trial",
    "Want",
    "cause_of",
    "clock_step",
    "identity_step",
    "is_good",
    "request_steps",
    "skipped",
    "softened",
    "step_of_error",
]

StepName = Literal[
    "path",
    "files",
    "names",
    "ports",
    "protocol",
    "clock",
    "daemon",
    "hostid",
    "signature",
    "identity",
    "feature",
    "version",
    "dates",
    "options",
    "seats",
    "checkout",
]
#: All steps in their order.
STEPS: Final[tuple[StepName, ...]] = StepName.__args__  # type: ignore[attr-defined]
State = Literal["ok", "warning", "failed", "skipped"]

#: A difference of the clocks is told from here on, and counts as error -34 from there on (facts, FlexNet 9.11).
CLOCK_S_WARNING: Final = 300.0
CLOCK_S_MAX: Final = 86400.0
#: A license that ends so soon is worth a warning.
EXPIRES_DAYS_WARNING: Final = 30
#: Holders of seats that are named.
HOLDERS_NAMED_MAX: Final = 10
#: What a step says that another one stood before.
NOT_REACHED: Final = "Not reached."
#: Labels of a license error's long form that a step tells by itself.
_TOLD: Final = frozenset({"Hostname", "Filename"})

#: The step that a denial's number is about; every other number is about the checkout itself.
STEP_OF: Final[dict[int, StepName]] = {
    **dict.fromkeys((-34, -88), "clock"),
    **dict.fromkeys((-97,), "daemon"),
    **dict.fromkeys((-9, -48, -89), "hostid"),
    **dict.fromkeys((-33,), "identity"),
    **dict.fromkeys((-5, -18, -125), "feature"),
    # The license server has lines of the feature and refuses them.
    **dict.fromkeys((-2, -8, -82, -90, -114, -115, -116, -137, -148), "feature"),
    **dict.fromkeys((-21, -25, -77), "version"),
    **dict.fromkeys((-10, -31), "dates"),
    **dict.fromkeys((-38, -39, -53, -84, -87, -101), "options"),
    **dict.fromkeys((-4, -24, -26, -35), "seats"),
}
#: Who is denied with these has not met the vendor daemon, so it has proved nothing.
_UNREACHED: Final = frozenset({-7, -12, -14, -15, -16, -17, -52, -96, -97, -106, -132, -134})
#: A vendor daemon that is down has a reason, which may be found in its files.
_BEHIND: Final[dict[StepName, tuple[StepName, ...]]] = {"daemon": ("hostid", "signature")}


class Step(msgspec.Struct, frozen=True):
    """One step and what was found.

    Attributes:
        name: The step.
        state: How it went.
        sentence: What was found, in one sentence.
        place: The server, file or feature that it is about; empty where it is about all.
        number: The license error's number of what is wrong; 0 where nothing is.
        minor: The second number.
        remedy: What to do; empty where nothing need be done.
        details: More about it, a line each.
    """

    name: StepName
    state: State
    sentence: str
    place: str = ""
    number: int = 0
    minor: int = 0
    remedy: str = ""
    details: tuple[str, ...] = ()


class Want(msgspec.Struct, frozen=True):
    """What an application would ask for."""

    feature: str
    version: str = ""
    count: int = 1


class Trial(msgspec.Struct, frozen=True):
    """A checkout that was tried, and given back at once.

    Attributes:
        want: What was asked for.
        error: Why it was denied; None where it was granted.
        server: Who granted it, as `port@host`.
        version: The version of the license that covered it.
        expiry: Its last day, as written.
        skew_s: How far the server's clock is ahead of this machine's; None where that was not seen.
    """

    want: Want
    error: LicenseError | None = None
    server: str = ""
    version: str = ""
    expiry: str = ""
    skew_s: float | None = None


def skipped(names: Iterable[StepName], sentence: str = NOT_REACHED) -> list[Step]:
    """Steps that were not looked at."""
    return [Step(name, "skipped", sentence) for name in names]


def softened(steps: Sequence[Step], *, others: bool = False) -> list[Step]:
    """The findings about several servers, where a failed one is a warning as long as another is left (or there are `others`)."""
    if not others and not any(step.state in ("ok", "warning") for step in steps):
        return list(steps)
    return [msgspec.structs.replace(step, state="warning") if step.state == "failed" else step for step in steps]


def cause_of(steps: Iterable[Step]) -> Step | None:
    """The first step that failed, or what is behind it where that was found; None where none failed."""
    failed = [step for step in steps if step.state == "failed"]
    if not failed:
        return None
    behind = _BEHIND.get(failed[0].name, ())
    return next((step for step in failed if step.name in behind), failed[0])


def step_of_error(name: StepName, error: LicenseError, place: str = "") -> Step:
    """A step that failed with this error."""
    sentence = error.reason or error.message
    remedy = remedy_of(error.number, error.reason) or error.remedy
    details = [f"{label}: {value}" for label, value in error.hints if label not in _TOLD]
    details += [f"decided by {error.rule}"] if error.rule else []
    if error.free_at:
        at = datetime.fromtimestamp(error.free_at)
        details.append(f"seats may come free on {format_date(at.date())} at {at:%H:%M}")
    return Step(name, "failed", sentence, place, error.number, error.minor, remedy, tuple(details))


def clock_step(trial: Trial | None, pools: Sequence[PoolStatus], *, here: bool, now: float, today: date) -> Step:
    """How far the clocks of server and client are apart, as far as that can be seen.

    Args:
        trial: The trial checkout, whose answer carries the server's time.
        pools: The pools of its feature; a holder since a time to come tells of a server that is ahead.
        here: Whether server and client are one machine.
        now: The time here.
        today: The day here.
    """
    error = trial.error if trial is not None else None
    if error is not None and STEP_OF.get(error.number) == "clock":
        return step_of_error("clock", error)
    if error is not None and error.number == -10 and pools and all(_last_day(pool) > today for pool in pools):
        sentence = f"The server takes {pools[0].feature} for expired, which by this machine's clock is good: the clocks differ."
        return Step("clock", "failed", sentence, "", -34, 0, remedy_of(-34))
    if here:
        return Step("clock", "ok", "Server and client are one machine, with one clock.")
    skew = trial.skew_s if trial is not None else None
    if skew is None:
        ahead = max((holder.since - now for pool in pools for holder in pool.holders), default=0.0)
        if ahead < CLOCK_S_WARNING:
            return Step("clock", "skipped", "The server's clock shows at a checkout that works.")
        skew = ahead
    if abs(skew) < 1:
        return Step("clock", "ok", "The clocks agree.")
    sentence = f"The server's clock is {_duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this machine's."
    if abs(skew) > CLOCK_S_MAX:
        return Step("clock", "failed" if error is not None else "warning", sentence, "", -34, 0, remedy_of(-34))
    if abs(skew) > CLOCK_S_WARNING:
        remedy = "Set both clocks by a time service (NTP), or dates of licenses begin and end at different moments."
        return Step("clock", "warning", sentence, remedy=remedy)
    return Step("clock", "ok", sentence)


def identity_step(trial: Trial, *, pinned: bool, root: str) -> Step:
    """Whether the server proved that the vendor certified it.

    Args:
        trial: The trial checkout.
        pinned: Whether the client has a root key to check with.
        root: Where that comes from.
    """
    error = trial.error
    if error is not None and (error.minor == MINOR_TRUST or error.number == -33):
        return step_of_error("identity", error)
    if error is not None and error.number in _UNREACHED:
        return Step("identity", "skipped", "The vendor daemon did not come to it.", trial.server)
    if pinned:
        return Step("identity", "ok", f"The server proved itself against the root key from {root}.", trial.server)
    sentence = "The server was believed without proof: no root key is pinned here, and no trust file was found."
    remedy = "Set SEATKEEPER_ROOT to the vendor's root public key, or lay the vendor's trust file beside the license file."
    return Step("identity", "warning", sentence, trial.server, remedy=remedy)


def request_steps(
    trial: Trial, pools: Sequence[PoolStatus], names: Collection[str], today: date, local: Callable[[float], str]
) -> list[Step]:
    """The steps from the feature's name to the checkout, as far as the trial came.

    Args:
        trial: The trial checkout.
        pools: The pools of the feature, as the server shows them; empty where it does not.
        names: The features that the server serves.
        today: The day here.
        local: A time of the server as people read it.
    """
    last: tuple[StepName, ...] = STEPS[STEPS.index("feature") :]
    error = trial.error
    about = "checkout" if error is None or error.minor == MINOR_TRUST else STEP_OF.get(error.number, "checkout")
    if about not in last:
        return skipped(last)
    if error is not None and about == "checkout":
        # Such an error says nothing of what comes before, and may have come before any server was asked.
        return [*skipped(last[:-1]), step_of_error("checkout", error, trial.want.feature)]
    found: list[Step] = []
    for name in last:
        if name != about:
            found.append(_fine(name, trial.want, pools, today))
            continue
        found.append(_granted(trial) if error is None else _denied(name, error, trial.want, pools, names, local))
        break
    return found + skipped(last[len(found) :])


def _granted(trial: Trial) -> Step:
    want = trial.want
    sentence = f"{trial.server} would give {_seats(want.count)} of {want.feature} v{trial.version}."
    return Step("checkout", "ok", sentence, want.feature)


def _denied(
    name: StepName, error: LicenseError, want: Want, pools: Sequence[PoolStatus], names: Collection[str], local: Callable[[float], str]
) -> Step:
    step = step_of_error(name, error, want.feature)
    details = list(step.details)
    sentence = step.sentence
    unknown = name == "feature" and error.number in (-5, -18)
    if unknown and pools and not any(pool.version for pool in pools):
        sentence = f"The server's license file has {want.feature}, and its lines are not served: they are not as the vendor signed them."
        remedy = "Run `seatkeeper license verify` on the server's license file, or look for `Not served:` in its debug log."
        step = msgspec.structs.replace(step, remedy=remedy)
    elif unknown and not pools:
        near = get_close_matches(want.feature.lower(), {known.lower(): known for known in names}, 1)
        if near:
            meant = next(known for known in names if known.lower() == near[0])
            sentence += f" Did you mean {meant}?"
        elif names:
            details.append(f"served: {', '.join(sorted(names)[:HOLDERS_NAMED_MAX])}{', ...' if len(names) > HOLDERS_NAMED_MAX else ''}")
    if name in ("seats", "options"):
        # The pools say since when; without them, what the denial itself says.
        details += _holders(pools, local) or [f"held by {holder}" for holder in error.holders[:HOLDERS_NAMED_MAX]]
    return msgspec.structs.replace(step, sentence=sentence, details=tuple(details))


def _fine(name: StepName, want: Want, pools: Sequence[PoolStatus], today: date) -> Step:
    """A step that a trial went past, with what the pools show."""
    fitting = [pool for pool in pools if _fits(pool, want.version)]
    asked = f"version {want.version} was asked for" if want.version else "any version will do"
    versions = ", ".join(sorted({pool.version for pool in pools}))
    days = [_last_day(pool) for pool in fitting]
    if name == "feature":
        where = f" by {pools[0].vendor}" if pools else ""
        return Step(name, "ok", f"{want.feature} is served{where}.", want.feature)
    if name == "version":
        return Step(name, "ok", f"Licensed is {versions}; {asked}." if versions else f"The version suits: {asked}.", want.feature)
    if name == "dates":
        if not days or max(days) == NEVER:
            return Step(name, "ok", "The license is good today" + (", and never ends." if days else "."), want.feature)
        left = (max(days) - today).days
        sentence = f"The license is good until {next(pool.expiry for pool in fitting if _last_day(pool) == max(days))}."
        if left <= EXPIRES_DAYS_WARNING:
            return Step(name, "warning", sentence, want.feature, remedy="Order the renewal now.")
        return Step(name, "ok", sentence, want.feature)
    if name == "options":
        return Step(name, "ok", "No rule of the options file is against it.", want.feature)
    counted = [pool for pool in fitting if pool.total]
    if name == "seats" and counted:
        total, used = sum(pool.total for pool in counted), sum(pool.in_use for pool in counted)
        return Step(name, "ok", f"{used} of {_seats(total)} are in use.", want.feature)
    return Step(name, "ok", "The license is not counted." if fitting else "There are seats.", want.feature)


def _holders(pools: Sequence[PoolStatus], local: Callable[[float], str]) -> list[str]:
    """Who holds, keeps and awaits the seats, the largest holders first."""
    holders = sorted((holder for pool in pools for holder in pool.holders), key=lambda holder: -holder.count)
    lines = [
        f"{holder.user}@{holder.host} {holder.display} holds {_seats(holder.count)} since {local(holder.since)}"
        for holder in holders[:HOLDERS_NAMED_MAX]
    ]
    if len(holders) > HOLDERS_NAMED_MAX:
        lines.append(f"and {len(holders) - HOLDERS_NAMED_MAX} other holders")
    lines += [f"{_seats(kept.count)} reserved for {kept.kind} {kept.name}" for pool in pools for kept in pool.reservations if kept.count]
    waiting = sum(len(pool.queued) for pool in pools)
    return [*lines, f"{waiting} waiting in the queue"] if waiting else lines


def _fits(pool: PoolStatus, version: str) -> bool:
    if not is_version(pool.version) or (version and not is_version(version)):
        return False
    return version_satisfies(pool.version, version, "flexnet")


def is_good(pool: PoolStatus, today: date) -> bool:
    """Whether the license of a pool is not over."""
    return _last_day(pool) >= today


def _last_day(pool: PoolStatus) -> date:
    try:
        return parse_date(pool.expiry)
    except ValueError:
        return NEVER


def _seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count} seats"


def _duration(seconds: float) -> str:
    seconds = round(seconds)
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
