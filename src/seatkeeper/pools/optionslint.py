"""What is wrong with an options file beyond its single lines is found before it is obeyed, and each finding says what to do.

The rules are independent of each other and stand in one table. An error is a line that does nothing of what it says: it names a
feature that is not licensed, reserves seats that are not there. A warning is a line that does something else than it looks like,
or nothing that another line does not do already. What is said about pools holds for the day for which they count; of features
whose licenses are not good on that day nothing is said about numbers of seats.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.report import PROBLEMS_MAX, SUGGESTIONS_MAX, shortened
from seatkeeper.pools.access import TIMEOUT_S_MIN, spec_matches
from seatkeeper.pools.named import Named, based_kinds, named_max

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from seatkeeper.licfile.options import OptionsFile, Rule
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.subjects import Subject

__all__ = ["RULES", "lint_options"]

#: Versions, groups and the like that one sentence names.
_NAMED_MAX: Final = 8
#: Keywords of which a pool has one value.
_SINGLE: Final = ("TIMEOUT", "LINGER", "MAX_OVERDRAFT", "BORROW_LOWWATER", "MAX_BORROW_HOURS")
#: Keywords that let somebody have something, in vain where he is excluded.
_GIVING: Final = ("INCLUDE", "INCLUDEALL", "INCLUDE_BORROW", "EXCLUDE_BORROW", "MAX", "RESERVE")
_OF_USERS: Final = ("USER", "GROUP")
_BORROWING: Final = ("BORROW_LOWWATER", "MAX_BORROW_HOURS", "INCLUDE_BORROW", "EXCLUDE_BORROW")


def lint_options(options: OptionsFile, pools: Mapping[str, Sequence[Pool]], packages: Iterable[str] = ()) -> list[Problem]:
    """All that is wrong with the file, in the order of its lines; the parser's problems are among it.

    Args:
        options: The file.
        pools: The vendor's pools by feature name in lower case.
        packages: Names of the vendor's packages, where no pool of theirs says so.
    """
    view = _View(options, pools, packages)
    found = [*options.problems, *(problem for rule in RULES for problem in rule(view))]
    found.sort(key=lambda problem: (problem.line == 0, problem.line, problem.column))
    if len(found) > PROBLEMS_MAX:
        more = Problem(0, 0, f"{len(found) - PROBLEMS_MAX:,} more problems are not shown; correct these first.", severity="warning")
        return [*found[:PROBLEMS_MAX], more]
    return found


class _View:
    """An options file as the rules look at it: its lines, each with the pools that it is about."""

    def __init__(self, options: OptionsFile, pools: Mapping[str, Sequence[Pool]], packages: Iterable[str]) -> None:
        self.options = options
        self.pools = pools
        self.all = [pool for some in pools.values() for pool in some]
        self._packages: dict[str, list[Pool]] = {name.lower(): [] for name in packages}
        #: As written, for suggestions.
        self.names = {pool.feature: None for pool in self.all} | dict.fromkeys(packages)
        for pool in self.all:
            package = getattr(pool, "package", "")
            if package:
                self._packages.setdefault(package.lower(), []).append(pool)
                self.names.setdefault(package)
        self.rules = [(rule, self._pools_of(rule)) for rule in options.rules]
        self._fold: Callable[[str], str] = str.lower if options.case_insensitive else str
        #: User -> the groups that he is in; host likewise.
        self.groups_of: dict[Subject, list[Subject]] = {}
        for kind, group_kind, groups in (("USER", "GROUP", options.groups), ("HOST", "HOST_GROUP", options.host_groups)):
            for group, members in groups.items():
                for member in members:
                    self.groups_of.setdefault((kind, self._fold(member)), []).append((group_kind, group))
        #: Pool -> subject -> the EXCLUDE line, where it has no exception.
        self.excluded: dict[Pool, dict[Subject, Rule]] = {}
        self.excluded_from_all: dict[Subject, Rule] = {}
        for rule, about in self.rules:
            if rule.keyword == "EXCLUDEALL":
                self.excluded_from_all.setdefault((rule.kind, rule.name), rule)
            elif rule.keyword == "EXCLUDE":
                for pool in about:
                    self.excluded.setdefault(pool, {}).setdefault((rule.kind, rule.name), rule)

    def is_known(self, name: str) -> bool:
        """True for the name of a licensed feature or package."""
        return name.lower() in self.pools or name.lower() in self._packages

    def _named(self, name: str) -> list[Pool]:
        folded = name.lower()
        found = list(self.pools.get(folded, ()))
        return found + [pool for pool in self._packages.get(folded, ()) if pool.feature.lower() != folded]

    def _pools_of(self, rule: Rule) -> list[Pool]:
        if rule.feature is None:
            return self.all
        return [pool for pool in self._named(rule.feature.name) if spec_matches(rule.feature, pool)]

    def named(self, rule: Rule) -> list[Pool]:
        """The pools of the rule's feature or package, whatever else its spec says."""
        return self._named(rule.feature.name) if rule.feature is not None else self.all

    def subjects(self, rule: Rule) -> list[Subject]:
        """The rule's subject and the groups in which it is."""
        return [(rule.kind, rule.name), *self.groups_of.get((rule.kind, self._fold(rule.name)), ())]

    def alike(self, rule: Rule) -> Iterator[Subject]:
        """What users of the rule's subject may be: they themselves, and the groups in which they are."""
        yield (rule.kind, rule.name)
        users = self.options.groups.get(rule.name, ()) if rule.kind == "GROUP" else (rule.name,)
        for user in users:
            yield ("USER", user)
            yield from self.groups_of.get(("USER", self._fold(user)), ())


def _error(rule: Rule, message: str, found: str = "", expected: str = "") -> Problem:
    return Problem(rule.line, 0, message, shortened(found), expected)


def _warning(rule: Rule, message: str, found: str = "", expected: str = "") -> Problem:
    return Problem(rule.line, 0, message, shortened(found), expected, "warning")


def _seats(number: int) -> str:
    return f"{number:,} seat{'' if number == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    named = list(dict.fromkeys(names))
    return ", ".join(named[:_NAMED_MAX]) + (", ..." if len(named) > _NAMED_MAX else "")


def _total(pools: Iterable[Pool]) -> int | None:
    """Seats of the pools together; None where one of them is uncounted or not good today, so that nothing can be said."""
    total = 0
    for pool in pools:
        if not pool.counted or not pool.good:
            return None
        total += pool.total
    return total


# Features.


def _unknown_features(view: _View) -> Iterator[Problem]:
    names = {name.lower(): name for name in view.names}
    hints: dict[str, str] = {}
    for rule, _ in view.rules:
        if rule.feature is None or view.is_known(rule.feature.name):
            continue
        name = rule.feature.name
        if name not in hints and len(hints) < SUGGESTIONS_MAX:
            near = get_close_matches(name.lower(), names, n=1, cutoff=0.7)
            hints[name] = f"; did you mean {names[near[0]]}?" if near else "."
        yield _error(rule, f"No license is for a feature or package {name}, so the line has no effect{hints.get(name, '.')}", name)


def _specs_without_pool(view: _View) -> Iterator[Problem]:
    for rule, pools in view.rules:
        if pools or rule.feature is None or not view.is_known(rule.feature.name):
            continue
        if not rule.feature.keys:
            yield _error(rule, f"No license has seats of {rule.feature.name} today, so the line has no effect.", rule.feature.name)
            continue
        asked = " and ".join(f"{keyword}={value}" for keyword, value in rule.feature.keys)
        versions = _listed(pool.version for pool in view.named(rule))
        message = f"{rule.feature.name} is licensed (version {versions}), yet no line of it has {asked}, so the line has no effect."
        yield _error(rule, message, str(rule.feature))


# Reservations.


def _reservations(view: _View) -> Iterator[Problem]:
    left = {pool: pool.total for pool in view.all}
    for rule, pools in view.rules:
        if rule.keyword != "RESERVE":
            continue
        if not rule.number:
            yield _warning(rule, "The line reserves 0 seats, so it has no effect.", rule.text)
            continue
        if pools and not any(pool.counted for pool in pools):
            yield _error(rule, f"{pools[0].feature} is uncounted: there is nothing to reserve.", rule.text)
            continue
        for pool in pools:
            if not pool.counted or not pool.good:
                continue
            fits = min(rule.number, left[pool])
            before = pool.total - left[pool]
            left[pool] -= fits
            if fits < rule.number:
                lost = rule.number - fits
                ignored = f"{lost:,} {'is' if lost == 1 else 'are'} ignored"
                message = f"Of the {_seats(rule.number)} to reserve, {ignored}: {_called(pool, view)} has {pool.total:,}"
                yield _error(rule, f"{message}{f', and {before:,} are reserved before' if before else ''}.", rule.text)


def _called(pool: Pool, view: _View) -> str:
    """The pool's feature, and which of its pools it is where it has several."""
    return pool.feature if len(view.pools.get(pool.feature.lower(), ())) < 2 else f"{pool.feature} (pool {pool.key})"


def _doubled_reservations(view: _View) -> Iterator[Problem]:
    # "Applied to every pool of the feature (2 pools ⇒ 2n reserved) unless narrowed by keyword" (facts 3.4).
    for rule, pools in view.rules:
        if rule.keyword != "RESERVE" or not rule.number:
            continue
        by_feature: dict[str, list[Pool]] = {}
        for pool in pools:
            if pool.counted:
                by_feature.setdefault(pool.feature, []).append(pool)
        for feature, several in by_feature.items():
            if len(several) < 2:
                continue
            versions = list(dict.fromkeys(pool.version for pool in several))
            narrow = f"{feature}:VERSION={versions[0]}" if len(versions) > 1 else f"a keyword, as in {feature}:HOSTID=..."
            message = (
                f"{feature} has {len(several)} pools (version {_listed(versions)}), and {rule.number:,} are reserved of each: "
                f"{rule.number * len(several):,} in all. Name one pool with {narrow}."
            )
            yield _warning(rule, message, str(rule.feature))


def _suite_reservations(view: _View) -> Iterator[Problem]:
    # "Incompatible with RESERVE on that package" (facts 1.7).
    for rule, pools in view.rules:
        if rule.keyword != "RESERVE" or rule.feature is None:
            continue
        name = rule.feature.name.lower()
        if any(getattr(pool, "suite", "") == "SUITE_RESERVED" and getattr(pool, "package", "").lower() == name for pool in pools):
            message = f"{rule.feature.name} is a SUITE_RESERVED package, which reserves by itself: RESERVE cannot be used with it."
            yield _error(rule, message, rule.text)


# Lines that cannot have an effect.


def _excluded(view: _View) -> Iterator[Problem]:
    for rule, pools in view.rules:
        if rule.keyword not in _GIVING or not pools:
            continue
        by = _exclusion(view, view.subjects(rule), pools)
        if by is None:
            continue
        who = (
            "the same subject"
            if (by.kind, by.name) == (rule.kind, rule.name)
            else f"{by.kind} {by.name}, of which {rule.name} is a member,"
        )
        where = "everything" if by.keyword == "EXCLUDEALL" else str(by.feature)
        message = f"The line never applies: line {by.line} excludes {who} from {where}."
        yield (_error if rule.keyword == "RESERVE" else _warning)(rule, message, rule.text)


def _exclusion(view: _View, subjects: Sequence[Subject], pools: Iterable[Pool]) -> Rule | None:
    """A line that excludes one of the subjects from all of the pools, or the last of several that do so together."""
    by = next((view.excluded_from_all[subject] for subject in subjects if subject in view.excluded_from_all), None)
    if by is not None:
        return by
    for pool in pools:
        here = view.excluded.get(pool, {})
        by = next((here[subject] for subject in subjects if subject in here), None)
        if by is None:
            return None
    return by


def _not_included(view: _View) -> Iterator[Problem]:
    """Reservations and ceilings of users whom the feature's INCLUDE lines leave out."""
    everywhere: dict[Subject, Rule] = {}
    here: dict[Pool, dict[Subject, Rule]] = {}
    for rule, pools in view.rules:
        if rule.keyword == "INCLUDEALL":
            everywhere.setdefault((rule.kind, rule.name), rule)
        elif rule.keyword == "INCLUDE":
            for pool in pools:
                here.setdefault(pool, {}).setdefault((rule.kind, rule.name), rule)
    # Only users and their groups can be compared: who works on which host, the file does not say.
    if any(kind not in _OF_USERS for kind, _ in everywhere):
        return
    comparable = {pool for pool, some in here.items() if all(kind in _OF_USERS for kind, _ in some)}
    for rule, pools in view.rules:
        if rule.keyword not in ("RESERVE", "MAX") or rule.kind not in _OF_USERS or not pools:
            continue
        if not all(pool in comparable or (everywhere and pool not in here) for pool in pools):
            continue
        if not any(subject in everywhere or any(subject in here.get(pool, ()) for pool in pools) for subject in view.alike(rule)):
            first = min([*everywhere.values(), *here.get(pools[0], {}).values()], key=lambda one: one.line)
            message = (
                f"The line never applies: the INCLUDE lines of {pools[0].feature} (the first is line {first.line}) leave {rule.name} out."
            )
            yield (_error if rule.keyword == "RESERVE" else _warning)(rule, message, rule.text)


def _ceilings(view: _View) -> Iterator[Problem]:
    reserved: dict[tuple[str, Subject], int] = {}
    for rule, pools in view.rules:
        if rule.keyword == "RESERVE":
            for pool in pools:
                key = (pool.feature, (rule.kind, rule.name))
                reserved[key] = reserved.get(key, 0) + rule.number
    lowest: dict[tuple[str, Subject], Rule] = {}
    for rule, pools in view.rules:
        if rule.keyword != "MAX":
            continue
        by_feature: dict[str, list[Pool]] = {}
        for pool in pools:
            by_feature.setdefault(pool.feature, []).append(pool)
        for feature, some in by_feature.items():
            total = _total(some)
            key = (feature, (rule.kind, rule.name))
            if total is not None and rule.number >= total + sum(getattr(pool, "overdraft", 0) for pool in some):
                yield _warning(rule, f"The limit is never reached: {_seats(total)} of {feature} are licensed.", rule.text)
            kept = reserved.get(key, 0)
            if kept > rule.number:
                message = f"{_seats(kept)} of {feature} are reserved for {rule.kind} {rule.name}, which may hold {rule.number:,}."
                yield _warning(rule, f"{message} The others are lost to everybody.", rule.text)
            other = lowest.setdefault(key, rule)
            if other is not rule and str(other.feature) == str(rule.feature):
                high, low = sorted((other, rule), key=lambda one: (-one.number, one.line))
                yield _warning(
                    high, f"The line never applies: line {low.line} sets a limit of {low.number:,} for the same subject.", high.text
                )
                lowest[key] = low


def _repeated(view: _View) -> Iterator[Problem]:
    seen: dict[tuple[str, str, Subject], Rule] = {}
    for rule in view.options.rules:
        if rule.keyword in ("EXCLUDEALL", "INCLUDEALL"):
            seen.setdefault((rule.keyword, "", (rule.kind, rule.name)), rule)
    for rule, _ in view.rules:
        if not rule.kind or rule.keyword in ("MAX", "RESERVE"):
            continue
        subject = (rule.kind, rule.name)
        feature = str(rule.feature).lower() if rule.feature is not None else ""
        for_all = seen.get((f"{rule.keyword}ALL", "", subject))
        first = for_all or seen.setdefault((rule.keyword, feature, subject), rule)
        if first is not rule:
            yield _warning(rule, f"Line {first.line} says the same{' of all features' if for_all is not None else ''}.", rule.text)


def _set_again(view: _View) -> Iterator[Problem]:
    # "Last line wins" (facts 3.4, of MAX_BORROW_HOURS).
    last: dict[tuple[str, Pool], Rule] = {}
    for rule, pools in view.rules:
        if rule.keyword in _SINGLE:
            last.update({(rule.keyword, pool): rule for pool in pools})
    all_features = [rule for rule, _ in view.rules if rule.keyword == "TIMEOUTALL"]
    for rule in all_features[:-1]:
        yield _warning(rule, f"The line never applies: line {all_features[-1].line} sets TIMEOUTALL again.", rule.text)
    for rule, pools in view.rules:
        if rule.keyword not in _SINGLE or not pools:
            continue
        by = [last[rule.keyword, pool] for pool in pools]
        if all(other is not rule for other in by):
            yield _warning(
                rule, f"The line never applies: line {by[0].line} sets {rule.keyword} again, and the last line counts.", rule.text
            )


# Numbers that the license or the server overrides.


def _timeouts(view: _View) -> Iterator[Problem]:
    # "Value below vendor minimum (toolkit default 900 s) is silently raised" (facts 3.4): not silently.
    for rule, _ in view.rules:
        if rule.keyword in ("TIMEOUT", "TIMEOUTALL") and rule.number < TIMEOUT_S_MIN:
            yield _warning(rule, f"{rule.number:,} seconds are raised to {TIMEOUT_S_MIN}, the least.", rule.text)


def _against_the_license(view: _View) -> Iterator[Problem]:
    for rule, pools in view.rules:
        if not pools or rule.feature is None:
            continue
        feature = rule.feature.name
        if rule.keyword in _BORROWING and all(pool.lines[0].attribute("BORROW") is None for pool in pools):
            yield _warning(rule, f"The license of {feature} has no BORROW: nobody can borrow it, with or without this line.", rule.text)
        elif rule.keyword == "MAX_BORROW_HOURS":
            hours = max(_number(pool, "BORROW") or _BORROW_HOURS for pool in pools)
            if rule.number >= hours:
                yield _warning(rule, f"The license of {feature} allows {hours:,} hours only, so the line has no effect.", rule.text)
        elif rule.keyword == "BORROW_LOWWATER":
            total = _total(pools)
            if total is not None and rule.number >= max(pool.total for pool in pools):
                yield _warning(rule, f"No seat of {feature} is left to borrow: {_seats(total)} are licensed.", rule.text)
        elif rule.keyword == "LINGER":
            seconds = min(_number(pool, "LINGER") for pool in pools)
            if rule.number <= seconds and seconds:
                message = f"The license of {feature} has LINGER={seconds}, which can be extended only, so the line has no effect."
                yield _warning(rule, message, rule.text)
        elif rule.keyword == "MAX_OVERDRAFT":
            most = max(_number(pool, "OVERDRAFT") for pool in pools)
            if rule.number >= most:
                allowed = f"an OVERDRAFT of {most:,} only" if most else "no OVERDRAFT"
                yield _warning(rule, f"The license of {feature} has {allowed}, so the line has no effect.", rule.text)


#: A bare BORROW (facts 1.5).
_BORROW_HOURS: Final = 168


def _number(pool: Pool, name: str) -> int:
    """The greatest value of an attribute that counts among the pool's lines."""
    found = [line.attribute(name) or "" for line in pool.lines]
    return max(int(value) if value.isascii() and value.isdigit() else 0 for value in found)


# People.


def _named_licenses(view: _View) -> Iterator[Problem]:
    """USER_BASED and HOST_BASED licenses of which nobody, or more than allowed, is named."""
    including: dict[Pool, list[Rule]] = {pool: [] for pool in view.all if based_kinds(pool)}
    for rule, pools in view.rules if including else ():
        if rule.keyword in ("INCLUDE", "INCLUDEALL"):
            for pool in pools:
                if pool in including:
                    including[pool].append(rule)
    for pool, rules in including.items():
        for kind in based_kinds(pool):
            named, most, noun = Named(kind, rules, view.options), named_max(kind, pool), kind.lower()
            if not named.rules:
                message = f"{pool.feature} is {kind}_BASED: nobody may use it until INCLUDE lines name its {noun}s."
                yield Problem(0, 0, message, severity="error", number=-84)
            elif most and len(named.rules) > most:
                message = (
                    f"{pool.feature} is licensed for {most:,} named {noun}{'' if most == 1 else 's'}, and {len(named.rules):,} are named"
                )
                yield _error(named.rules[most], f"{message}: from the line's {noun} number {most + 1} on they are denied.")


def _spellings(view: _View) -> Iterator[Problem]:
    """Names that differ in their case only, of which one is probably mistyped."""
    # "User, host, display, project and group names are case-sensitive by default" (facts 3.1).
    first: dict[Subject, tuple[str, int]] = {}
    options = view.options
    for rule in options.rules:
        if not rule.kind:
            continue
        written, line = first.setdefault((rule.kind, rule.name.lower()), (rule.name, rule.line))
        if written != rule.name:
            message = f"Case counts: this {rule.kind} is another than {written} in line {line}."
            yield _warning(rule, message, rule.name)
    members: dict[str, str] = {}
    for users in () if options.case_insensitive else options.groups.values():
        for user in users:
            members.setdefault(user.lower(), user)
    for rule in options.rules if members else ():
        other = members.get(rule.name.lower(), rule.name)
        if rule.kind == "USER" and other != rule.name and (rule.kind, rule.name) not in view.groups_of:
            yield _warning(rule, f"Case counts: this USER is another than {other}, whom a group has.", rule.name)


def _groups(view: _View) -> Iterator[Problem]:
    used = {(rule.kind, rule.name) for rule in view.options.rules}
    for kind, groups in (("GROUP", view.options.groups), ("HOST_GROUP", view.options.host_groups)):
        idle = [name for name in groups if (kind, name) not in used]
        if idle:
            message = f"No rule is about {'these' if len(idle) > 1 else 'this'} {kind}{'s' if len(idle) > 1 else ''}: {_listed(idle)}."
            yield Problem(0, 0, message, severity="warning")
    for rule in view.options.rules:
        groups = view.options.groups if rule.kind == "GROUP" else view.options.host_groups
        if rule.kind in ("GROUP", "HOST_GROUP") and rule.name in groups and not groups[rule.name]:
            yield _warning(rule, f"{rule.kind} {rule.name} is empty, so the line is about nobody.", rule.name)


#: Every rule, in the order in which a reader would ask.
RULES: Final[tuple[Callable[[_View], Iterator[Problem]], ...]] = (
    _unknown_features,
    _specs_without_pool,
    _reservations,
    _doubled_reservations,
    _suite_reservations,
    _excluded,
    _not_included,
    _ceilings,
    _repeated,
    _set_again,
    _timeouts,
    _against_the_license,
    _named_licenses,
    _spellings,
    _groups,
)
