"""What the options file allows: each rule by itself, the precedence of all, and the same as a naive model says."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Feature, Package
from seatkeeper.licfile.options import OptionsFile, Rule, parse_options
from seatkeeper.pools.access import Access, Reservation, Who, spec_matches
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.grouping import group_lines
from seatkeeper.pools.subjects import Subject
from support.optionsfiles import is_subject, named, users, whos

TODAY = date(2026, 11, 24)
JOE = Who("joe", "pc1", ":0", "P", "192.0.2.7")


def line(name: str = "f1", version: str = "8.0", count: str = "10", **attributes: str | None) -> Feature:
    return Feature(name, "d", version, "permanent", count, "8F796FD181BC", tuple(attributes.items()), "INCREMENT")


class World:
    """Pools under an options file."""

    def __init__(self, text: str, *lines: Feature | Package) -> None:
        self.options = parse_options(text, "/etc/lm/d.opt")
        assert not [one for one in self.options.problems if one.severity == "error"]
        self.pools = group_lines(lines or [line()], TODAY)[0]
        self.access = Access(self.options, self.pools, "d")

    def pool(self, feature: str = "f1", index: int = 0) -> Pool:
        return self.pools[feature][index]

    def number(self, who: Who = JOE, feature: str = "f1") -> int:
        return self.access.rights(self.pool(feature), who).number


# Who may use a feature (facts 3.5).


@pytest.mark.parametrize(
    ("text", "number", "rule"),
    [
        ("", 0, 0),
        ("EXCLUDE f1 USER joe", -38, 1),
        ("EXCLUDE F1 user joe", -38, 1),
        ("EXCLUDE f1 USER anne", 0, 0),
        ("EXCLUDE f2 USER joe", 0, 0),
        ("EXCLUDEALL USER joe", -38, 1),
        ("INCLUDE f1 USER joe", 0, 1),
        ("INCLUDE f1 USER anne", -39, 1),
        ("INCLUDE f2 USER anne", 0, 0),
        ("INCLUDE f1 USER anne\nINCLUDE f1 HOST pc1", 0, 2),
        ("INCLUDE f1 USER joe\nEXCLUDE f1 HOST pc1", -38, 2),
        ("INCLUDE f1 USER joe\nEXCLUDE f1 HOST pc2", 0, 1),
        ("INCLUDE f1 USER joe\nEXCLUDEALL HOST pc1", -38, 2),
        ("INCLUDEALL USER anne", -39, 1),
        ("INCLUDEALL USER anne\nINCLUDE f1 USER joe", 0, 2),
        ("INCLUDE f1 USER anne\nINCLUDEALL USER joe", 0, 2),
        ("EXCLUDE f1 HOST pc1\nEXCLUDE f1 USER joe", -38, 1),
        ("EXCLUDE f1:VERSION=8 USER joe", -38, 1),
        ("EXCLUDE f1:VERSION=9 USER joe", 0, 0),
        ("INCLUDE f1:VERSION=9 USER anne", 0, 0),
        ("INCLUDE f1 USER joe\nINCLUDE_BORROW f1 USER anne\nEXCLUDE_BORROW f1 USER joe", 0, 1),
    ],
)
def test_include_and_exclude(text: str, number: int, rule: int) -> None:
    world = World(text)
    rights = world.access.rights(world.pool(), JOE)
    assert rights.number == number
    assert rights.rule == (f"d.opt:{rule}: {text.splitlines()[rule - 1]}" if rule else "")
    assert bool(rights.reason) == bool(number)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("EXCLUDE f1 USER joe", "The options file excludes user joe from f1."),
        ("EXCLUDE f1 HOST pc1", "The options file excludes host pc1 from f1."),
        ("EXCLUDE f1 HOST 192.*", "The options file excludes address 192.0.2.7 from f1."),
        ("EXCLUDEALL INTERNET *", "The options file excludes address 192.0.2.7 from f1."),
        ("EXCLUDE f1 DISPLAY :0", "The options file excludes display :0 from f1."),
        ("EXCLUDE f1 PROJECT P", "The options file excludes project P from f1."),
        ("EXCLUDE f1 GROUP g\nGROUP g joe", "The options file excludes user joe, a member of group g, from f1."),
        ("EXCLUDE f1 HOST_GROUP g\nHOST_GROUP g pc1", "The options file excludes host pc1, a member of host group g, from f1."),
        ("INCLUDE f1 USER anne", "The options file lists who may use f1, and joe on pc1 is not included."),
    ],
)
def test_a_denial_says_why(text: str, reason: str) -> None:
    world = World(text)
    assert world.access.rights(world.pool(), JOE).reason == reason


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("EXCLUDE f1 USER joe", 0),
        ("EXCLUDE_BORROW f1 USER joe", -38),
        ("INCLUDE_BORROW f1 USER anne", -39),
        ("INCLUDE_BORROW f1 USER joe", 0),
        ("INCLUDE_BORROW f1 USER joe\nEXCLUDE_BORROW f1 HOST pc1", -38),
        ("EXCLUDE_BORROW f1 USER anne", 0),
    ],
)
def test_borrowing_has_lists_of_its_own(text: str, number: int) -> None:
    world = World(text)
    rights = world.access.borrow_rights(world.pool(), JOE)
    assert rights.number == number
    assert ("borrow" in rights.reason) == bool(number)


def test_an_include_of_an_undefined_group_lets_nobody_in() -> None:
    options = parse_options("INCLUDE f1 GROUP typo")
    pools = group_lines([line()], TODAY)[0]
    assert Access(options, pools).rights(pools["f1"][0], JOE).number == -39


# USER_BASED and HOST_BASED (facts 1.5).


@pytest.mark.parametrize(
    ("text", "attributes", "number"),
    [
        ("", {"USER_BASED": None}, -84),
        ("", {"HOST_BASED": None}, -84),
        ("INCLUDE f1 HOST pc1", {"USER_BASED": None}, -84),
        ("INCLUDE f1 HOST pc1", {"HOST_BASED": None}, 0),
        ("INCLUDE f1 USER joe", {"USER_BASED": None}, 0),
        ("INCLUDEALL USER joe", {"USER_BASED": None}, 0),
        ("INCLUDE f1 USER anne\nINCLUDE f1 HOST pc1", {"USER_BASED": None}, -39),
        ("INCLUDE f1 USER anne\nINCLUDE f1 USER joe", {"USER_BASED": "1"}, -39),
        ("INCLUDE f1 USER anne\nINCLUDE f1 USER joe", {"USER_BASED": "2"}, 0),
        ("INCLUDE f1 GROUP g\nGROUP g a b c d e f g h i joe", {"USER_BASED": None}, 0),
        ("INCLUDE f1 GROUP g\nGROUP g a b c d e f g h i j joe", {"USER_BASED": None}, -39),
        ("INCLUDE f1 USER joe\nEXCLUDE f1 USER joe", {"USER_BASED": None}, -38),
    ],
)
def test_licenses_for_named_users_and_hosts(text: str, attributes: dict[str, str | None], number: int) -> None:
    world = World(text, line(**attributes))
    rights = world.access.rights(world.pool(), JOE)
    assert rights.number == number
    assert not number or rights.reason


def test_the_place_beyond_the_license_s_number_is_told() -> None:
    world = World("INCLUDE f1 USER anne\nINCLUDE f1 USER joe", line(USER_BASED="1"))
    rights = world.access.rights(world.pool(), JOE)
    assert rights.reason == "The license of f1 is for 1 named user, and joe is number 2."
    assert rights.rule == "d.opt:2: INCLUDE f1 USER joe"


# MAX and RESERVE.


def test_a_ceiling_is_one_counter_for_all_pools_of_the_feature() -> None:
    world = World("MAX 3 f1 GROUP g\nGROUP g joe anne\nMAX 9 f1 USER joe\nMAX 1 f1 USER max", line(), line(version="8.5"), line("f2"))
    first, second = (world.access.rights(world.pool(index=index), JOE).limits for index in (0, 1))
    assert [(limit.maximum, limit.kind, limit.name, limit.used) for limit in first] == [(3, "GROUP", "g", 0), (9, "USER", "joe", 0)]
    assert list(map(id, first)) == list(map(id, second))
    (shared,) = world.access.rights(world.pool(), Who("anne", "pc2")).limits
    assert shared is first[0]
    assert not world.access.rights(world.pool("f2"), JOE).limits


def test_a_ceiling_of_one_pool_counts_that_pool_only() -> None:
    world = World("MAX 3 f1:VERSION=8.5 USER joe", line(), line(version="8.5"))
    found = {pool.version: len(world.access.rights(pool, JOE).limits) for pool in world.pools["f1"]}
    assert found == {"8.0": 0, "8.5": 1}


def test_a_bare_name_reserves_in_each_pool_and_a_keyword_in_one() -> None:
    world = World("RESERVE 5 f1 USER joe\nRESERVE 2 f1:VERSION=8.5 GROUP g\nGROUP g anne", line(), line(version="8.5"))
    found = {pool.version: [(one.wanted, one.count, one.name) for one in world.access.reservations(pool)] for pool in world.pools["f1"]}
    assert found == {"8.5": [(5, 5, "joe"), (2, 2, "g")], "8.0": [(5, 5, "joe")]}
    ones = [world.access.reservations(pool)[0] for pool in world.pools["f1"]]
    assert ones[0] is not ones[1]
    assert [world.access.reservations(pool)[0] for pool in world.pools["f1"]] == ones


def test_rights_name_the_reservations_that_are_his_own() -> None:
    world = World("RESERVE 5 f1 USER anne\nRESERVE 2 f1 HOST pc1\nRESERVE 1 f1 USER joe")
    own = world.access.rights(world.pool(), JOE).reservations
    assert own == world.access.reservations(world.pool())[1:]


def test_what_is_idle_of_a_reservation_is_never_negative() -> None:
    reservation = Reservation(Rule("RESERVE", 1, "", number=5))
    reservation.used = 2
    assert reservation.idle == 3
    reservation.count = 1
    assert reservation.idle == 0


def test_a_package_means_the_pools_of_its_components() -> None:
    package = Package("pack", "d", attributes=(("COMPONENTS", "c1 c2"),))
    text = "RESERVE 2 PACK USER joe\nMAX 3 pack USER joe\nEXCLUDE pack USER anne\nRESERVE 1 c2 USER joe"
    world = World(text, line("pack"), package, line("c3"))
    assert [len(world.access.reservations(world.pool(name))) for name in ("c1", "c2", "c3")] == [1, 2, 0]
    assert [world.number(Who("anne", "pc1"), name) for name in ("c1", "c2", "c3")] == [-38, -38, 0]
    one, two = (world.access.rights(world.pool(name), JOE).limits[0] for name in ("c1", "c2"))
    assert one is not two, "each component is counted by itself"


# What is said about pools.


def test_nothing_is_said_where_no_line_says_it() -> None:
    world = World("MAX 1 f2 USER joe")
    access, pool = world.access, world.pool()
    assert (access.borrow_lowwater(pool), access.borrow_hours_max(pool), access.linger_s(pool)) == (0, None, 0)
    assert (access.timeout_s(pool), access.overdraft_max(pool)) == (None, None)


def test_the_last_line_counts() -> None:
    text = "".join(
        f"{name} f1 {value}\n" for value in (2000, 1000) for name in ("BORROW_LOWWATER", "MAX_BORROW_HOURS", "LINGER", "TIMEOUT")
    )
    world = World(f"{text}MAX_OVERDRAFT f1 4\nMAX_OVERDRAFT f1 0\nTIMEOUTALL 5000")
    access, pool = world.access, world.pool()
    assert (access.borrow_lowwater(pool), access.borrow_hours_max(pool), access.linger_s(pool)) == (1000, 1000, 1000)
    assert (access.timeout_s(pool), access.overdraft_max(pool)) == (1000, 0)


def test_a_timeout_has_a_minimum_and_a_default() -> None:
    world = World("TIMEOUTALL 1200\nTIMEOUT f2 30", line(), line("f2"))
    assert world.access.timeout_s(world.pool()) == 1200
    assert world.access.timeout_s(world.pool("f2")) == 900
    assert Access(world.options, world.pools, timeout_s_min=10).timeout_s(world.pool("f2")) == 30


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ("VERSION=8.0", True),
        ("VERSION=8", True),
        ("VERSION=8.1", False),
        ("EXPDATE=permanent", True),
        ("EXPDATE=1-jan-0", True),
        ("EXPDATE=31-dec-2027", False),
        ("HOSTID=8:0:20:0:5:ac", True),
        ("HOSTID=080020000001", True),
        ("HOSTID=080020000002", False),
        ("KEY=8f796fd181bc", True),
        ("KEY=64c2c0c0", True),
        ("SIGN=64c2 c0c0", True),
        ("SIGN=8f796fd181bc", False),
        ("ISSUER=Blue", True),
        ("ISSUER=blue", False),
        ("NOTICE=x", False),
        ("VENDOR_STRING=a b", True),
        ("dist_info=desk", True),
        ("user_info=desk", False),
        ("VERSION=8.0 ISSUER=Blue", True),
        ("VERSION=8.0 ISSUER=Red", False),
    ],
)
def test_specs_are_narrowed_by_what_the_line_says(spec: str, fits: bool) -> None:
    attributes = {"HOSTID": "0800200005ac 080020000001", "ISSUER": "Blue", "VENDOR_STRING": "a b", "dist_info": "desk", "SIGN": "64C2 C0C0"}
    pools = group_lines([line(**attributes)], TODAY)[0]
    (rule,) = parse_options(f'EXCLUDE "f1 {spec}" USER joe').rules
    assert spec_matches(rule.feature, pools["f1"][0]) is fits


def test_one_line_of_a_pool_is_enough_and_must_have_it_all() -> None:
    pools = group_lines([line(ISSUER="A", NOTICE="x"), line(ISSUER="B", NOTICE="y")], TODAY)[0]
    (pool,) = pools["f1"]
    specs = [
        parse_options(f'EXCLUDE "f1 {spec}" USER joe').rules[0].feature for spec in ("ISSUER=B", "ISSUER=B NOTICE=y", "ISSUER=A NOTICE=y")
    ]
    assert [spec_matches(spec, pool) for spec in specs] == [True, True, False]


# The naive model: every rule is asked in the file's order.

PEOPLE = "GROUP g joe Anne\nGROUP h anne\nHOST_GROUP g pc1 192.*\nHOST_GROUP h pc2.ex PC1\n"
FEATURES = st.sampled_from(["f1", "F1", "f1:VERSION=8.5", "f1:VERSION=8.0", "f2", "pack"])
RULE = st.tuples(
    st.sampled_from(["EXCLUDE", "INCLUDE", "EXCLUDEALL", "INCLUDEALL", "EXCLUDE_BORROW", "INCLUDE_BORROW", "MAX", "RESERVE"]),
    FEATURES,
    named,
)


def written(rule: tuple[str, str, Subject]) -> str:
    keyword, feature, (kind, name) = rule
    number = "3 " if keyword in ("MAX", "RESERVE") else ""
    return f"{keyword} {number}{'' if keyword.endswith('ALL') else feature + ' '}{kind} {name}"


def about(rule: Rule, pool: Pool) -> bool:
    """True where the rule is about the pool."""
    if rule.feature is None:
        return True
    if rule.feature.name.lower() not in (pool.feature, pool.package):
        return False
    return all(float(pool.version) == float(value) for _, value in rule.feature.keys)


def naive(options: OptionsFile, pool: Pool, who: Who) -> tuple[int, int, list[int], list[int], int]:
    """Number and deciding line, lines of ceilings and reservations, number for borrowing."""
    rules = [rule for rule in options.rules if about(rule, pool)]
    his = [rule for rule in rules if is_subject(rule.kind, rule.name, who, options)]

    def asked(exclude: tuple[str, ...], include: tuple[str, ...]) -> tuple[int, int]:
        for rule in his:
            if rule.keyword in exclude:
                return -38, rule.line
        including = [rule for rule in rules if rule.keyword in include]
        if not including:
            return 0, 0
        for rule in his:
            if rule.keyword in include:
                return 0, rule.line
        return -39, including[0].line

    number, decides = asked(("EXCLUDE", "EXCLUDEALL"), ("INCLUDE", "INCLUDEALL"))
    counters = [[rule.line for rule in his if rule.keyword == keyword and not number] for keyword in ("MAX", "RESERVE")]
    return number, decides, counters[0], counters[1], asked(("EXCLUDE_BORROW",), ("INCLUDE_BORROW",))[0]


@given(st.lists(RULE, max_size=10), st.booleans(), st.booleans(), st.lists(whos, min_size=1, max_size=3))
def test_rights_are_those_of_the_naive_model(rules: list[tuple[str, str, Subject]], fold: bool, lenient: bool, people: list[Who]) -> None:
    settings = f"GROUPCASEINSENSITIVE {'ON' if fold else 'OFF'}\nFQDN_MATCHING {'LENIENT' if lenient else 'EXACT'}"
    options = parse_options("\n".join([*map(written, rules), PEOPLE, settings]), "d.opt")
    package = Package("pack", "d", attributes=(("COMPONENTS", "f2"),))
    pools = group_lines([line(), line(version="8.5"), line("pack"), package], TODAY)[0]
    access = Access(options, pools)
    for pool in [pool for some in pools.values() for pool in some]:
        for who in people:
            rights = access.rights(pool, who)
            decides = int(rights.rule.split(":")[1]) if rights.rule else 0
            limits = [limit.rule.line for limit in rights.limits]
            reservations = sorted(one.rule.line for one in rights.reservations)
            assert [one.order for one in rights.reservations] == sorted(one.order for one in rights.reservations)
            borrow = access.borrow_rights(pool, who).number
            assert (rights.number, decides, limits, reservations, borrow) == naive(options, pool, who)
            assert set(rights.reservations) <= set(access.reservations(pool))


@given(st.lists(st.tuples(st.sampled_from(["USER", "GROUP", "HOST"]), users | st.sampled_from("gh")), max_size=6), st.integers(1, 3), whos)
def test_a_user_based_license_is_for_the_first_named_users(rules: list[Subject], most: int, who: Who) -> None:
    options = parse_options("\n".join([*(f"INCLUDE f1 {kind} {name}" for kind, name in rules), PEOPLE]))
    pools = group_lines([line(USER_BASED=str(most))], TODAY)[0]
    names: list[str] = []
    for kind, name in rules:
        members = [name] if kind == "USER" else options.groups.get(name, ()) if kind == "GROUP" else []
        names += [member for member in members if member not in names]
    included = any(is_subject(kind, name, who, options) for kind, name in rules)
    if rules and not included:
        expected = -39
    elif not names:
        expected = -84
    else:
        expected = 0 if who.user in names[:most] else -39
    assert Access(options, pools).rights(pools["f1"][0], who).number == expected
