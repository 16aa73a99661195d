"""The most seats that were in use at once, and when last, exact to the second, for any keys and any periods in one pass.

The sweep. Each seat's times are joined first, so that a seat counts once however many of its sessions overlap. What is left are
moments at which one seat more or one fewer is in use; sorted, their running sum is the number of seats. Two tricks make it one sort
and one sum, whatever is asked for:

- Key, moment and kind of an event are packed into one integer, so the sort is of integers. At the same moment seats are left before
  a period ends, and taken after it has begun, so a seat that goes from one session to the next within a second is one seat.
- Where a period begins, an event adds 2**32 to the sum. So the sum's upper half tells the period, and its lower half the seats. Each
  event looks back: the seats before it were in use until the second before it, in the period before it.

Between two events at the same moment nothing lasts; what the sum shows there is less than what lasted before or lasts afterwards, so
it never wins.

Of several seconds with as many seats the latest is told (facts, LRM 1.2 and 5). A sampled measure looks only at whole minutes: then
times are moved to the first minute they hold at, and the last minute is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis
import msgspec

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerValue, Table

__all__ = [
    "KEYS_MAX",
    "MINUTE_S",
    "SEATS_MAX",
    "Cells",
    "begins_use",
    "lasting",
    "moment_of",
    "peak_of",
    "peaks",
    "sampled",
    "states",
    "with_moment",
]

#: How far a sampled measure steps.
MINUTE_S: Final = 60
#: Bits of an event: the key from here on, above the moment, above the kind.
_KEY_BIT: Final = 36
_KIND_BITS: Final = 2
#: Bits for a moment, from the first period on: more than five hundred years.
_MOMENT_BITS: Final = _KEY_BIT - _KIND_BITS
#: The bit of the sum above all seats.
_CELL_BIT: Final = 32
KEYS_MAX: Final = 1 << (62 - _KEY_BIT)
#: What fits above a moment in one integer.
SEATS_MAX: Final = 1 << (62 - _MOMENT_BITS)

_LEFT: Final = 0
_EDGE: Final = 1
_TAKEN: Final = 2


class Cells(msgspec.Struct, frozen=True):
    """For which keys and periods peaks are wanted.

    Attributes:
        edges: Columns `cell` (counted from 1 through all keys, in the order of key and moment), `key`, `at` (when the cell begins; the
            one before ends then) and `period` (-1 for what lies between periods, and for the last edge of a key).
        first: The earliest `at`.
    """

    edges: Table
    first: int


def sampled(times: Table, step_s: int) -> Table:
    """The times as one who looks every `step_s` seconds sees them: from the first look to the one that misses them."""
    if step_s == 1:
        return times
    moved = times.mutate(since=_up(times.since, step_s), until=_up(times.until, step_s))
    return moved.filter(moved.since < moved.until)


def _up(moment: IntegerValue, step_s: int) -> IntegerValue:
    return moment + (step_s - moment % step_s) % step_s


def _events(times: Table, first: int) -> Table:
    """One event for each moment at which a seat begins or ceases to be in use.

    A seat's sessions stand in the order of their beginnings. One that begins after all before it have ended begins a time of use; one
    after which the next begins only when all have ended, or after which none comes, ends it at the latest end so far.
    """
    of_seat = {"group_by": ["key", "seat"], "order_by": ["since", "until"]}
    so_far = times.select(
        "key",
        "since",
        before=times.until.max().over(ibis.window(**of_seat, rows=(None, -1))),
        latest=times.until.max().over(ibis.window(**of_seat, rows=(None, 0))),
        following=times.since.lead().over(ibis.window(**of_seat)),
    )
    taken = so_far.filter(so_far.before.isnull() | (so_far.since > so_far.before))
    left = so_far.filter(so_far.following.isnull() | (so_far.following > so_far.latest))
    return taken.select(event=_packed(taken.key, taken.since - first, _TAKEN)).union(
        left.select(event=_packed(left.key, left.latest - first, _LEFT))
    )


def _weighted(times: Table, first: int) -> Table:
    """Events of times that each take several seats of their own, which no other time shares, with how many those are as `change`."""
    taken = times.select(event=_packed(times.key, times.since - first, _TAKEN), change=times.weight)
    return taken.union(times.select(event=_packed(times.key, times.until - first, _LEFT), change=-times.weight))


def _packed(key: IntegerValue, moment: IntegerValue, kind: int) -> IntegerValue:
    # A key may be a literal, which an engine takes for as small a number as it is: it is multiplied, not shifted.
    return key * (1 << _KEY_BIT) + moment * (1 << _KIND_BITS) + kind


def with_moment(peak: IntegerValue, moment: IntegerValue) -> IntegerValue:
    """Both in one number, of which the largest has the largest peak, and of several the latest; a moment has up to 34 bits."""
    return (peak << _MOMENT_BITS) | moment


def peak_of(both: IntegerValue) -> IntegerValue:
    """The peak in a number made by `with_moment`."""
    return both >> _MOMENT_BITS


def moment_of(both: IntegerValue) -> IntegerValue:
    """The moment in a number made by `with_moment`."""
    return both & ((1 << _MOMENT_BITS) - 1)


def states(times: Table, cells: Cells, step_s: int = 1) -> Table:
    """What was the case before each event of the sweep, up to it.

    Args:
        times: As `peaks` has them.
        cells: Which keys and periods.
        step_s: As `peaks` has it.

    Returns:
        Columns `event` (in whose order they happen), `moment` (since the first edge), `cell` and `seats`, a row for every event.
    """
    edges = cells.edges
    marks = edges.select(event=_packed(edges.key, edges.at - cells.first, _EDGE))
    if "weight" in times.columns:
        seats = _weighted(sampled(times, step_s), cells.first)
        events = seats.union(marks.mutate(change=ibis.literal(1 << _CELL_BIT, "int64")))
    else:
        events = _events(sampled(times, step_s), cells.first).union(marks)
        kind = events.event & ((1 << _KIND_BITS) - 1)
        events = events.mutate(change=ibis.cases((kind == _TAKEN, 1), (kind == _LEFT, -1), else_=1 << _CELL_BIT))
    running = events.change.sum().over(ibis.window(order_by="event", rows=(None, 0))).cast("int64")
    before = events.mutate(before=running - events.change)
    return before.select(
        "event",
        moment=(before.event >> _KIND_BITS) & ((1 << _MOMENT_BITS) - 1),
        cell=before.before >> _CELL_BIT,
        seats=before.before & ((1 << _CELL_BIT) - 1),
    )


def lasting(told: Table) -> Table:
    """The `states` with `seconds`: for so long what was the case before an event had lasted, since the event before it.

    What was the case before the first event of a key lasted no time that counts, since its first cell begins with it.
    """
    # Events that are alike follow one another by what they say: seats are taken, or left, one by one. Sorted once more without that
    # they could come in another order than the sum had them in, and the time would be that of another number of seats.
    left = (told.event & ((1 << _KIND_BITS) - 1)) == _LEFT
    order = [told.event, left.ifelse(-told.seats, told.seats)]
    return told.mutate(seconds=told.moment - told.moment.lag().over(ibis.window(order_by=order)))


def begins_use(event: IntegerValue) -> BooleanValue:
    """Whether at an event of `states` a seat is taken."""
    return (event & ((1 << _KIND_BITS) - 1)) == _TAKEN


def peaks(times: Table, cells: Cells, step_s: int = 1) -> Table:
    """For each key and period the peak, and the last second of it.

    Args:
        times: Columns `key`, `seat`, `since`, `until`; all lie between the first and the last edge of their key. With a column
            `weight` each row takes so many seats that it shares with no other, whatever `seat` says.
        cells: Which keys and periods.
        step_s: Looks only at whole multiples of so many seconds (1 for every moment).

    Returns:
        Columns `key`, `period`, `peak` and `last` (null where the peak is 0), a row for every key and period.
    """
    edges = cells.edges
    before = states(times, cells, step_s)
    told = before.select("cell", found=with_moment(before.seats, before.moment))
    most = told.group_by("cell").aggregate(found=told.found.max())
    named = most.inner_join(edges.filter(edges.period >= 0), "cell")
    # A period may have several cells, where something between them does not count.
    named = named.group_by("key", "period").aggregate(found=named.found.max())
    peak, moment = peak_of(named.found), moment_of(named.found)
    end = moment + cells.first
    return named.select(
        "key",
        "period",
        peak=peak,
        # The moment before the next one looked at.
        last=(peak > 0).ifelse(end - 1 - (end - 1) % step_s, ibis.null("int64")),
    )
