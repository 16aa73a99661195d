"""What the options file says about somebody and a pool: refused by which line, limited to how many seats, with which seats kept for him.

Theory of operation. A rule is about the pools that its feature spec matches and about one subject (subjects.py). For each pool its
rules are put in order once, by subject; a question then looks up the subjects that somebody is, and costs no more in a long
options file than in a short one. The order is that of facts, FlexNet 3.5: EXCLUDE is asked first and wins, then INCLUDE, if
any line includes anybody for the pool. MAX and RESERVE cannot refuse by themselves: they come back as counters, for whoever
counts seats.

Where the facts leave it open, this was chosen (docs/options-file.md says it to the administrator):

- An INCLUDEALL line counts as one INCLUDE line for each feature: whom any of both names may use it.
- A MAX line counts over all pools of a feature together, and has one count for whatever its subject comprises: all users of a
  group, all hosts of a range of addresses. A MAX line for a package counts each component by itself.
- Of several lines that set one thing about a pool (TIMEOUT, LINGER, MAX_OVERDRAFT, BORROW_LOWWATER, MAX_BORROW_HOURS) the last one
  counts; TIMEOUT goes before TIMEOUTALL.
- A spec that is narrowed by what lines say of themselves matches a pool as soon as one of its lines does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import parse_date
from seatkeeper.base.values import is_version, parse_version
from seatkeeper.licfile.hostid import parse_hostids
from seatkeeper.licfile.options_grammar import address_pattern
from seatkeeper.pools.named import Named, based_kinds, named_max
from seatkeeper.pools.subjects import Subjects, Who

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seatkeeper.licfile.model import Feature
    from seatkeeper.licfile.options import FeatureSpec, OptionsFile, Rule
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.subjects import Subject

__all__ = ["TIMEOUT_S_MIN", "Access", "Limit", "Reservation", "Rights", "Who", "spec_matches"]

#: A shorter TIMEOUT is raised to this ("toolkit default 900 s", facts 3.4).
TIMEOUT_S_MIN: Final = 900
#: As many people as a range of addresses may be: more than any group has.
_MANY: Final = 1 << 30


class Limit:
    """A ceiling (`MAX`): all that its subject holds of the feature is at most `maximum` seats.

    Attributes:
        maximum: Seats.
        used: Seats that count against it now; the ledger keeps it.
        kind: Type of the subject.
        name: The subject.
        rule: The line.
    """

    __slots__ = ("kind", "maximum", "name", "rule", "used")

    def __init__(self, rule: Rule) -> None:
        self.maximum = rule.number
        self.used = 0
        self.kind = rule.kind
        self.name = rule.name
        self.rule = rule


class Reservation:
    """Seats of one pool that are kept for a subject (`RESERVE`).

    Attributes:
        wanted: Seats that the line asks for.
        count: Seats that the pool has for it.
        used: Seats of it that are held.
        kind: Type of the subject.
        name: The subject.
        rule: The line.
        order: Whose seats come out of several reservations takes those that are for the fewest people first.
    """

    __slots__ = ("count", "kind", "name", "order", "rule", "used", "wanted")

    def __init__(self, rule: Rule, people: int = 1) -> None:
        self.order = people, rule.line
        self.wanted = rule.number
        self.count = rule.number
        self.used = 0
        self.kind = rule.kind
        self.name = rule.name
        self.rule = rule

    @property
    def idle(self) -> int:
        """Seats that are kept and not held."""
        left = self.count - self.used
        return left if left > 0 else 0


class Rights(msgspec.Struct, frozen=True):
    """What somebody may do with a pool.

    Attributes:
        number: 0, or the number of the denial.
        reason: One sentence, for a denial.
        rule: The line that decides, as `genesys.d.opt:12: EXCLUDE f1 USER joe`; empty where none does.
        limits: The ceilings that count him, in the file's order.
        reservations: Those of the pool that are for him, in the order in which his seats come out of them.
    """

    number: int = 0
    reason: str = ""
    rule: str = ""
    limits: tuple[Limit, ...] = ()
    reservations: tuple[Reservation, ...] = ()


class Access:
    """An options file, applied to pools.

    Args:
        options: The file.
        pools: All pools by feature name in lower case.
        vendor: The vendor daemon's name, for sentences.
        timeout_s_min: What a shorter TIMEOUT is raised to.
    """

    def __init__(
        self, options: OptionsFile, pools: Mapping[str, Sequence[Pool]], vendor: str = "", *, timeout_s_min: int = TIMEOUT_S_MIN
    ) -> None:
        self.options = options
        self.pools = pools
        self._file = options.base_name or (f"{vendor}.opt" if vendor else "the options file")
        self._timeout_s_min = timeout_s_min
        self._subjects = Subjects(options)
        self._expected: dict[tuple[Pool, Who], Rights] = {}
        self._by_name: dict[str, list[Rule]] = {}
        self._exclude_all: dict[Subject, Rule] = {}
        self._include_all: dict[Subject, Rule] = {}
        self._timeout_all: Rule | None = None
        for rule in options.rules:
            if rule.feature is not None:
                self._by_name.setdefault(rule.feature.name.lower(), []).append(rule)
            elif rule.keyword == "TIMEOUTALL":
                self._timeout_all = rule
            else:
                among = self._exclude_all if rule.keyword == "EXCLUDEALL" else self._include_all
                among.setdefault((rule.kind, rule.name), rule)
        self._limits: dict[tuple[int, str], Limit] = {}
        self._rules: dict[Pool, _PoolRules] = {}

    def place(self, rule: Rule) -> str:
        """The rule as a denial names it: `genesys.d.opt:12: EXCLUDE f1 USER joe`."""
        return self.options.cite(rule)

    def rights(self, pool: Pool, who: Who) -> Rights:
        """Whether `who` may have seats of the pool, and which counters go with them."""
        return self._expected.get((pool, who)) or self._weigh(pool, who)

    def expect(self, pool: Pool, who: Who) -> None:
        """Finds out beforehand what `rights` will say."""
        self._expected[pool, who] = self._weigh(pool, who)

    def forget(self) -> None:
        """What was found out beforehand holds no longer: the pools have other seats, and so are for another number of named users."""
        self._expected.clear()

    def _weigh(self, pool: Pool, who: Who) -> Rights:
        subjects = self._subjects.of(who)
        rules = self._of(pool)
        excluded = _first(subjects, rules.exclude, self._exclude_all)
        if excluded is not None:
            return Rights(-38, f"The options file excludes {_named(excluded, who)} from {pool.feature}.", self.place(excluded))
        included = None
        if rules.include or self._include_all:
            included = _first(subjects, rules.include, self._include_all)
            if included is None:
                first = _earliest([*rules.include.values(), *self._include_all.values()])
                reason = f"The options file lists who may use {pool.feature}, and {_told(who)} is not included."
                return Rights(-39, reason, self.place(first))
        for named in rules.named:
            denial = self._unnamed(named, pool, who)
            if denial is not None:
                return denial
        limits = [limit for subject in rules.limits.keys() & subjects for limit in rules.limits[subject]]
        own = [reservation for subject in rules.reserved.keys() & subjects for reservation in rules.reserved[subject]]
        return Rights(
            rule=self.place(included) if included is not None else "",
            limits=tuple(sorted(limits, key=_line_of)) if len(limits) > 1 else tuple(limits),
            reservations=tuple(sorted(own, key=_order_of)) if len(own) > 1 else tuple(own),
        )

    def borrow_rights(self, pool: Pool, who: Who) -> Rights:
        """Whether `who` may borrow from the pool, provided that he may use it."""
        rules = self._of(pool)
        if not rules.exclude_borrow and not rules.include_borrow:
            return _FREE
        subjects = self._subjects.of(who)
        excluded = _first(subjects, rules.exclude_borrow)
        if excluded is not None:
            return Rights(-38, f"The options file excludes {_named(excluded, who)} from borrowing {pool.feature}.", self.place(excluded))
        if not rules.include_borrow:
            return _FREE
        included = _first(subjects, rules.include_borrow)
        if included is None:
            reason = f"The options file lists who may borrow {pool.feature}, and {_told(who)} is not included."
            return Rights(-39, reason, self.place(_earliest(rules.include_borrow.values())))
        return Rights(rule=self.place(included))

    def reservations(self, pool: Pool) -> tuple[Reservation, ...]:
        """All that is reserved of the pool, in the file's order, as if it had seats enough; the same objects each time."""
        return self._of(pool).reservations

    def borrow_lowwater(self, pool: Pool) -> int:
        """Seats of the pool that may not be borrowed."""
        return self._number(pool, "BORROW_LOWWATER") or 0

    def borrow_hours_max(self, pool: Pool) -> float | None:
        """How long the pool may be borrowed, whatever the license says; None where no line limits it."""
        return self._number(pool, "MAX_BORROW_HOURS")

    def linger_s(self, pool: Pool) -> int:
        """How long seats stay out after their checkin; a license's own LINGER can only be extended by it."""
        return self._number(pool, "LINGER") or 0

    def timeout_s(self, pool: Pool) -> int | None:
        """After how much idleness seats are taken back; None for never."""
        seconds = self._number(pool, "TIMEOUT")
        return max(seconds, self._timeout_s_min) if seconds is not None else None

    def overdraft_max(self, pool: Pool) -> int | None:
        """Seats that may be held above the license's count, where that allows so many; None where no line limits it."""
        return self._number(pool, "MAX_OVERDRAFT")

    def line(self, pool: Pool, keyword: str) -> str:
        """The line that sets one of these things about the pool, as `genesys.d.opt:12: TIMEOUT f1 900`; empty where none does."""
        rule = self._setting(pool, keyword)
        return self.place(rule) if rule is not None else ""

    def _setting(self, pool: Pool, keyword: str) -> Rule | None:
        return self._of(pool).settings.get(keyword, self._timeout_all if keyword == "TIMEOUT" else None)

    def _number(self, pool: Pool, keyword: str) -> int | None:
        rule = self._setting(pool, keyword)
        return rule.number if rule is not None else None

    def _unnamed(self, named: Named, pool: Pool, who: Who) -> Rights | None:
        """Why `who` is none of those for whom a USER_BASED or HOST_BASED license is; None where he is one."""
        noun = named.kind.lower()
        if not named.rules:
            return Rights(-84, f"{pool.feature} is licensed for named {noun}s, and no INCLUDE line of {self._file} names any.")
        at = named.place(who)
        if at is None:
            kinds = "USER or GROUP" if named.kind == "USER" else "HOST or HOST_GROUP"
            reason = f"{pool.feature} is licensed for named {noun}s, and no INCLUDE line of type {kinds} names {_told(who)}."
            return Rights(-39, reason, self.place(named.rules[0]))
        most = named_max(named.kind, pool)
        if most and at >= most:
            name = who.user if named.kind == "USER" else who.host or who.address
            reason = f"The license of {pool.feature} is for {most} named {noun}{'' if most == 1 else 's'}, and {name} is number {at + 1}."
            return Rights(-39, reason, self.place(named.rules[at]))
        return None

    def _of(self, pool: Pool) -> _PoolRules:
        rules = self._rules.get(pool)
        if rules is None:
            rules = self._rules[pool] = _PoolRules(pool, self._matching(pool), self)
        return rules

    def _matching(self, pool: Pool) -> list[Rule]:
        """The rules about the pool, in the file's order."""
        feature, package = pool.feature.lower(), getattr(pool, "package", "").lower()
        found = [rule for rule in self._by_name.get(feature, ()) if spec_matches(rule.feature, pool)]
        if package and package != feature:
            found += [rule for rule in self._by_name.get(package, ()) if spec_matches(rule.feature, pool)]
            found.sort(key=lambda rule: rule.line)
        return found

    def _limit(self, rule: Rule, pool: Pool) -> Limit:
        """The one counter of a MAX line for all pools of a feature."""
        return self._limits.setdefault((rule.line, pool.feature.lower()), Limit(rule))


_FREE: Final = Rights()


class _PoolRules:
    """The rules about one pool, by subject."""

    __slots__ = ("exclude", "exclude_borrow", "include", "include_borrow", "limits", "named", "reservations", "reserved", "settings")

    def __init__(self, pool: Pool, rules: Sequence[Rule], access: Access) -> None:
        self.exclude: dict[Subject, Rule] = {}
        self.include: dict[Subject, Rule] = {}
        self.exclude_borrow: dict[Subject, Rule] = {}
        self.include_borrow: dict[Subject, Rule] = {}
        self.limits: dict[Subject, list[Limit]] = {}
        self.reserved: dict[Subject, list[Reservation]] = {}
        self.settings: dict[str, Rule] = {}
        lists = {
            "EXCLUDE": self.exclude,
            "INCLUDE": self.include,
            "EXCLUDE_BORROW": self.exclude_borrow,
            "INCLUDE_BORROW": self.include_borrow,
        }
        reservations = []
        for rule in rules:
            subject = (rule.kind, rule.name)
            if rule.keyword in lists:
                lists[rule.keyword].setdefault(subject, rule)
            elif rule.keyword == "MAX":
                self.limits.setdefault(subject, []).append(access._limit(rule, pool))
            elif rule.keyword == "RESERVE":
                reservation = Reservation(rule, _people(rule, access.options))
                reservations.append(reservation)
                self.reserved.setdefault(subject, []).append(reservation)
            else:
                self.settings[rule.keyword] = rule
        self.reservations = tuple(reservations)
        including = sorted([*self.include.values(), *access._include_all.values()], key=lambda rule: rule.line)
        self.named = tuple(Named(kind, including, access.options) for kind in based_kinds(pool))


def spec_matches(spec: FeatureSpec | None, pool: Pool) -> bool:
    """True where what the spec asks for beyond the name is true of one of the pool's lines."""
    if spec is None or not spec.keys:
        return True
    return any(all(_is_true(keyword, value, line) for keyword, value in spec.keys) for line in pool.lines)


def _is_true(keyword: str, value: str, line: Feature) -> bool:
    if keyword == "VERSION":
        # "Compared as a float: 1.10 = 1.1" (facts 1.5).
        return is_version(line.version) and parse_version(line.version) == parse_version(value)
    if keyword == "EXPDATE":
        return parse_date(line.expiry) == parse_date(value)
    # What only the signed lines have, of which this one may be made up.
    lines: list[Feature] = [line, *getattr(line, "sources", ())]
    if keyword in ("KEY", "SIGN"):
        wanted = _digits(value)
        written = [_digits(one.attribute("SIGN") or "") for one in lines]
        written += [_digits(one.key) for one in lines if keyword == "KEY"]
        return wanted in written
    if keyword == "HOSTID":
        return any(_is_locked(one.attribute("HOSTID"), value) for one in lines)
    return any(one.attribute(keyword) == value for one in lines)


def _is_locked(written: str | None, wanted: str) -> bool:
    """True where all of the host ids are among those of the line."""
    try:
        return written is not None and set(parse_hostids(wanted)) <= set(parse_hostids(written))
    except ValueError:
        return written == wanted


def _digits(text: str) -> str:
    return text.replace(" ", "").replace("\t", "").lower()


def _first(subjects: frozenset[Subject], *lists: Mapping[Subject, Rule]) -> Rule | None:
    """The first rule of the file among those about one of the subjects."""
    found = [rules[subject] for rules in lists for subject in rules.keys() & subjects]
    return _earliest(found) if found else None


def _earliest(rules: Iterable[Rule]) -> Rule:
    return min(rules, key=lambda rule: rule.line)


def _line_of(limit: Limit) -> int:
    return limit.rule.line


def _order_of(reservation: Reservation) -> tuple[int, int]:
    return reservation.order


def _people(rule: Rule, options: OptionsFile) -> int:
    """How many people a rule's subject is, as far as that can be told."""
    if rule.kind == "GROUP":
        return len(options.groups.get(rule.name, ()))
    if rule.kind == "HOST_GROUP":
        return len(options.host_groups.get(rule.name, ()))
    return _MANY if rule.kind in ("INTERNET", "HOST") and "*" in rule.name else 1


def _told(who: Who) -> str:
    return f"{who.user} on {who.host}" if who.host else who.user or "this client"


def _named(rule: Rule, who: Who) -> str:
    """What of `who` the rule is about."""
    if rule.kind == "GROUP":
        return f"user {who.user}, a member of group {rule.name},"
    if rule.kind == "HOST_GROUP":
        return f"host {who.host or who.address}, a member of host group {rule.name},"
    if rule.kind == "INTERNET" or (rule.kind == "HOST" and rule.name != who.host and address_pattern(rule.name) is not None):
        return f"address {who.address}"
    what = {"USER": who.user, "HOST": who.host, "DISPLAY": who.display, "PROJECT": who.project}
    return f"{rule.kind.lower()} {what.get(rule.kind, rule.name)}"
