"""Who would be affected by other license lines or another options file is known before they are served, and nothing is changed by asking.

Theory of operation. The reread is rehearsed: a copy of the ledger exchanges its pools as the ledger itself would, those who wait
are served from the new pools, and the outcome is compared with what is. So a preview cannot differ from the reread that it
announces. The offered pools count the copy's seats meanwhile and are cleared afterwards, so they are still good to be served.
Of the options file all lines are told that come or go; whom a rule would keep from something that he holds is found out as a checkout
would find it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.licfile.options_model import EMPTY_OPTIONS
from seatkeeper.pools.accounts import Shared
from seatkeeper.pools.decision import Terms, license_line
from seatkeeper.vendor.checkouts import serve_waiters
from seatkeeper.vendor.ledger import Ledger
from seatkeeper.vendor.state import State, VendorSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seatkeeper.licfile.options_model import OptionsFile
    from seatkeeper.pools.access import Limit, Rights
    from seatkeeper.pools.counted import Pool
    from seatkeeper.vendor.seats import Seat, Waiter

__all__ = ["NAMES_MAX", "TEXT_CHARS_MAX", "Effect", "line_changes", "preview", "preview_text"]

#: The text of a preview is the answer to an administrator's request, which is one packet between vendor daemon and lmgrd.
TEXT_CHARS_MAX: Final = 3500
#: A line of the options file is shown up to here.
_LINE_CHARS_MAX: Final = 160
#: Of those who are affected alike so many are named.
NAMES_MAX: Final = 10

#: What can happen, the worst first.
# fmt: off
Kind = Literal[
    "lost", "expired", "over", "refused", "ceiling", "denied", "reserved", "kept", "seats", "expiry",
    "removed", "moved", "restored", "granted", "added", "gone", "new",
]
# fmt: on
_KINDS: Final[tuple[Kind, ...]] = Kind.__args__  # type: ignore[attr-defined]


class Effect(msgspec.Struct, frozen=True):
    """One thing that would be otherwise.

    Attributes:
        kind: Seats that no line would cover any more (`lost`, error -92), or none that is good today (`expired`, -10); a pool of which
            more would be held than it gives (`over`), or held and reserved together (`kept`); holders whom a rule would not let
            have further ones (`refused`, `ceiling`); requests that wait and would be denied (`denied`); a reservation without its
            seats (`reserved`); a pool's seats or expiry otherwise; a pool gone, or new; seats that would count in another
            pool (`moved`), be covered again (`restored`), or be given to who waits for them (`granted`).
            A line of the options file that is `gone` or `new`.
        feature: The feature's name; empty for lines of the options file.
        version: The pool's version; of `moved` seats that of the new pool. Empty for requests that wait.
        old: Before: of a pool its seats (`uncounted`) or expiry, of a reservation the seats it asks for, of `kept` those reserved.
        new: Afterwards. Of `refused` and `ceiling` the line that does it, of the options file's lines these.
        seats: Seats concerned; of `over` those in use.
        who: `user@host` of each holder or waiting client concerned, and of a reservation for whom it is.
    """

    kind: Kind
    feature: str
    version: str = ""
    old: str = ""
    new: str = ""
    seats: int = 0
    who: tuple[str, ...] = ()


def preview(ledger: Ledger, offered: Terms) -> list[Effect]:
    """What would be otherwise if these terms took the place of the ledger's, the worst first; empty where nothing would.

    Args:
        ledger: Who holds what now; it is left as it is.
        offered: The terms; nothing counts in their pools yet.
    """
    pools, options = offered.pools, offered.options
    rehearsal = _rehearsal(ledger, Terms(ledger.terms.today, offered.rule, pools, offered.access, options=options))
    try:
        effects = [*_pool_effects(ledger.pools, pools), *_holder_effects(ledger, rehearsal), *_reserved(ledger.pools, pools)]
        effects += [*_refused(ledger, rehearsal), *_ceilings(ledger, rehearsal)]
        effects += _waiter_effects(rehearsal)
        effects += line_changes(ledger.terms.options or EMPTY_OPTIONS, options or EMPTY_OPTIONS)
    finally:
        # As the seats came into the offered pools, they leave them: groups, reservations and ceilings along with them.
        for handle in list(rehearsal.seats):
            rehearsal.check_in(handle)
    return sorted(effects, key=lambda effect: (_KINDS.index(effect.kind), effect.feature.lower(), effect.version))


def _rehearsal(ledger: Ledger, terms: Terms) -> Ledger:
    """A copy of the ledger with the pools exchanged."""
    copy = Ledger()
    copy.apply(ledger.snapshot(ledger.latest))
    for number, session in copy.sessions.items():
        original = ledger.sessions[number]
        session.platform, session.hostids, session.connection = original.platform, original.hostids, original.connection
    copy.exchange_pools(terms)
    return copy


# Pools -----------------------------------------------------------------------------------------------------------


def _pool_effects(old: Mapping[str, Sequence[Pool]], new: Mapping[str, Sequence[Pool]]) -> Iterable[Effect]:
    before = {(name, pool.key): pool for name, group in old.items() for pool in group}
    after = {(name, pool.key): pool for name, group in new.items() for pool in group}
    for key, pool in before.items():
        if key not in after:
            yield Effect("removed", pool.feature, pool.version, old=_seats_of(pool))
    for key, pool in after.items():
        known = before.get(key)
        if known is None:
            yield Effect("added", pool.feature, pool.version, new=_seats_of(pool))
        else:
            if _seats_of(known) != _seats_of(pool) and known.good and pool.good:
                yield Effect("seats", pool.feature, pool.version, _seats_of(known), _seats_of(pool), pool.in_use)
            if known.expires != pool.expires:
                yield Effect("expiry", pool.feature, pool.version, known.expiry, pool.expiry, pool.in_use)
        # What is over already, and by as much, is no effect of the new lines.
        if pool.counted and pool.good and pool.in_use > pool.capacity and (known is None or known.capacity > pool.capacity):
            yield Effect("over", pool.feature, pool.version, "", _seats_of(pool), pool.in_use)
        elif pool.good and _excess(pool) > max(0, _excess(known) if known is not None else 0):
            yield Effect("kept", pool.feature, pool.version, str(pool.reserved_idle), _seats_of(pool), pool.in_use + pool.reserved_idle)


def _excess(pool: Pool) -> int:
    """So many seats more are held and reserved than there are."""
    return pool.in_use + pool.reserved_idle - pool.capacity if pool.counted else 0


def _seats_of(pool: Pool) -> str:
    return str(pool.capacity) if pool.counted else "uncounted"


def _reserved(before: Mapping[str, Sequence[Pool]], after: Mapping[str, Sequence[Pool]]) -> Iterable[Effect]:
    """Reservations for which the pool has not the seats, and those it has now."""
    known = {
        (name, pool.key, one.rule.text, one.count)
        for name, group in before.items()
        for pool in group
        for one in pool.reservations
        if pool.good
    }
    for name, group in after.items():
        for pool in group:
            for reservation in pool.reservations:
                place = name, pool.key, reservation.rule.text, reservation.count
                if pool.good and reservation.count < reservation.wanted and place not in known:
                    who = (f"{reservation.kind} {reservation.name}",)
                    old, new = str(reservation.wanted), str(reservation.count)
                    yield Effect("reserved", pool.feature, pool.version, old, new, reservation.wanted - reservation.count, who)


# People ----------------------------------------------------------------------------------------------------------


def _holder_effects(ledger: Ledger, rehearsal: Ledger) -> Iterable[Effect]:
    found: dict[tuple[Kind, str, str], list[Seat]] = {}
    for handle, seat in ledger.seats.items():
        was, now = seat.pool, rehearsal.seats[handle].pool
        covered, will_be = was is not None and was.good, now is not None and now.good
        kind: Kind
        version = now.version if now is not None else was.version if was is not None else seat.version
        if covered and not will_be:
            kind = "lost" if now is None else "expired"
        elif will_be and not covered:
            kind = "restored"
        elif will_be and now is not None and was is not None and now.key != was.key:
            kind = "moved"
        elif now is None and was is not None:
            kind = "lost"
        else:
            continue
        found.setdefault((kind, seat.feature, version), []).append(seat)
    for (kind, feature, version), seats in found.items():
        yield Effect(kind, feature, version, seats=sum(seat.count for seat in seats), who=_names(seats))


def _names(concerned: Iterable[Seat | Waiter]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.session.who for one in concerned))


def _refused(ledger: Ledger, rehearsal: Ledger) -> Iterable[Effect]:
    """Holders who would be denied by the options file what they have."""
    found: dict[tuple[str, str, str, str], list[Seat]] = {}
    for handle, seat in ledger.seats.items():
        new = _rights(rehearsal, rehearsal.seats[handle])
        if new is not None and new.number:
            old = _rights(ledger, seat)
            if old is None or not old.number:
                pool = rehearsal.seats[handle].pool
                assert pool is not None
                rule = new.rule or license_line(pool, "USER_BASED", "HOST_BASED")
                found.setdefault((seat.feature, pool.version, str(new.number), rule), []).append(seat)
    for (feature, version, number, rule), seats in found.items():
        yield Effect("refused", feature, version, number, rule, sum(seat.count for seat in seats), _names(seats))


def _rights(ledger: Ledger, seat: Seat) -> Rights | None:
    access, session = ledger.terms.access, seat.session
    if access is None or seat.pool is None:
        return None
    return access.rights(seat.pool, ledger.asker(session, seat.display, seat.data).who)


def _ceilings(ledger: Ledger, rehearsal: Ledger) -> Iterable[Effect]:
    """Ceilings below what is held under them."""
    access = rehearsal.terms.access
    known = {(limit.rule.text, feature) for limit, feature in _exceeded(ledger)}
    for limit, feature in _exceeded(rehearsal):
        if access is not None and (limit.rule.text, feature) not in known:
            yield Effect("ceiling", feature, "", str(limit.maximum), access.place(limit.rule), limit.used, (f"{limit.kind} {limit.name}",))


def _exceeded(ledger: Ledger) -> dict[tuple[Limit, str], None]:
    found: dict[tuple[Limit, str], None] = {}
    for handle, seat in ledger.seats.items():
        charge = seat.charge
        limits = charge.members[handle][1] if isinstance(charge, Shared) else charge.limits if charge is not None else ()
        found.update({(limit, seat.feature): None for limit in limits if limit.used > limit.maximum})
    return found


def line_changes(old: OptionsFile, new: OptionsFile) -> Iterable[Effect]:
    """The lines of the options file that come and go, wherever they stand."""
    before, after = Counter(_texts(old)), Counter(_texts(new))
    place = {rule.text: new.cite(rule) for rule in new.rules}
    yield from (Effect("gone", "", new=text) for text in (before - after).elements())
    yield from (Effect("new", "", new=place.get(text, text)) for text in (after - before).elements())


def _texts(options: OptionsFile) -> Iterable[str]:
    """Each line that says something, as it may stand in the file."""
    yield from (rule.text for rule in options.rules)
    yield from (f"GROUP {name} {' '.join(users)}" for name, users in options.groups.items())
    yield from (f"HOST_GROUP {name} {' '.join(hosts)}" for name, hosts in options.host_groups.items())
    yield from (f"NOLOG {event}" for event in sorted(options.nolog))
    flags = (
        ("GROUPCASEINSENSITIVE ON", options.case_insensitive),
        ("FQDN_MATCHING LENIENT", options.fqdn_lenient),
        ("AUTOMATIC_REREAD OFF", not options.automatic_reread),
        (f"MAX_CONNECTIONS {options.max_connections}", options.max_connections),
        (f"REPORTLOG {options.reportlog.path}" if options.reportlog is not None else "", options.reportlog),
        (f"DEBUGLOG {options.debuglog.path}" if options.debuglog is not None else "", options.debuglog),
    )
    yield from (text for text, is_set in flags if is_set)


def _waiter_effects(rehearsal: Ledger) -> Iterable[Effect]:
    """Who waits, and would get seats or be turned away at once."""
    terms = rehearsal.terms
    state = State(VendorSettings("", rule=terms.rule), terms.today)
    state.ledger = rehearsal
    waiting = list(rehearsal.waiters.values())
    for name in list(rehearsal.queues):
        serve_waiters(state, name, rehearsal.latest)
    found: dict[tuple[Kind, str], list[Waiter]] = {}
    for waiter in waiting:
        if waiter.handle in rehearsal.seats:
            found.setdefault(("granted", waiter.feature), []).append(waiter)
        elif waiter.handle not in rehearsal.waiters:
            found.setdefault(("denied", waiter.feature), []).append(waiter)
    for (kind, feature), waiters in found.items():
        given = (rehearsal.seats.get(waiter.handle) for waiter in waiters)
        seats = sum(waiter.count if seat is None else seat.count for waiter, seat in zip(waiters, given, strict=True))
        yield Effect(kind, feature, seats=seats, who=_names(waiters))


# Text ------------------------------------------------------------------------------------------------------------


def preview_text(effects: Sequence[Effect], chars_max: int = TEXT_CHARS_MAX) -> str:
    """The effects as lines for a person, the worst first; as many of them as fit, and how many more there are."""
    if not effects:
        return "A reread would change nothing."
    features = len({effect.feature.lower() for effect in effects if effect.feature})
    rules = sum(effect.kind in ("gone", "new") for effect in effects)
    what = [f"{features} feature{'' if features == 1 else 's'}"] if features or not rules else []
    what += [f"{rules} line{'' if rules == 1 else 's'} of the options file"] if rules else []
    lines = [f"A reread would change {' and '.join(what)}."]
    left = chars_max - len(lines[0])
    for number, effect in enumerate(effects):
        line = f"  {effect.feature}{' ' if effect.version else ''}{effect.version}: " if effect.feature else "  Options file: "
        line += _sentence(effect)
        left -= len(line) + 1
        # Room is kept for the line that says how many are left out.
        if left < 40 and number < len(effects) - 1:
            lines.append(f"  ... and {len(effects) - number} more.")
            break
        lines.append(line)
    return "\n".join(lines)


def _sentence(effect: Effect) -> str:
    kind, old, new = effect.kind, effect.old, effect.new
    if kind == "lost":
        return f"no line covers {_seats(effect.seats)} any more (-92), held by {_listed(effect.who)}."
    if kind == "expired":
        return f"the license of {_seats(effect.seats)} is not good today (-10), held by {_listed(effect.who)}."
    if kind == "over":
        back = effect.seats - int(new) + 1
        return f"{effect.seats} of {new} are in use. Holders keep theirs; nobody gets further ones until {back} have come back."
    if kind == "refused":
        return f"{_seats_are(effect.seats)} held by {_listed(effect.who)}, who would get no further ones ({old}, {new})."
    if kind == "ceiling":
        return f"{effect.who[0]} holds {effect.seats} and may hold {old} ({new})."
    if kind == "kept":
        held, most = effect.seats - int(old), int(new)
        are = f"{held} {'is' if held == 1 else 'are'} held and {old} more reserved"
        return f"{are}, {effect.seats} of {most}. Others get none until {effect.seats - most + 1} have come back."
    if kind in ("gone", "new"):
        text = new if len(new) <= _LINE_CHARS_MAX else f"{new[:_LINE_CHARS_MAX]}..."
        return f"{text} {'holds no more' if kind == 'gone' else 'is new'}."
    if kind == "denied":
        return f"nothing that comes free will do for requests that wait: they are denied, to {_listed(effect.who)}."
    if kind == "reserved":
        return f"{_seats_are(int(old))} reserved for {effect.who[0]}, and there {_are(int(new))} for it."
    if kind == "seats":
        return (
            f"{_counted(old)} {'becomes' if old == '1' else 'become'} {new}; {effect.seats} {'is' if effect.seats == 1 else 'are'} in use."
        )
    if kind == "expiry":
        return f"the expiry {old} becomes {new}."
    if kind == "removed":
        return f"is licensed no longer ({_counted(old)})."
    if kind == "moved":
        return f"{_seats_are(effect.seats)} counted here and no longer in another pool, held by {_listed(effect.who)}."
    if kind == "restored":
        return f"{_seats_are(effect.seats)} covered by a good license again, held by {_listed(effect.who)}."
    if kind == "granted":
        return f"{_seats_are(effect.seats)} given at once to requests that wait, of {_listed(effect.who)}."
    return f"is new ({_counted(new)})."


def _seats(count: int) -> str:
    return "1 seat" if count == 1 else f"{count} seats"


def _seats_are(count: int) -> str:
    return f"{_seats(count)} {'is' if count == 1 else 'are'}"


def _are(count: int) -> str:
    return "is none" if not count else "is 1" if count == 1 else f"are {count}"


def _counted(text: str) -> str:
    return _seats(int(text)) if text.isdigit() else text


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more
