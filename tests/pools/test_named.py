"""Who is named for a USER_BASED or HOST_BASED license, and as which of them."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.licfile.model import Feature
from seatkeeper.licfile.options import parse_options
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.grouping import group_lines
from seatkeeper.pools.named import Named, based_kinds, named_max
from seatkeeper.pools.subjects import Who


def pool(**attributes: str | None) -> Pool:
    line = Feature("f1", "d", "8.0", "permanent", "5", attributes=tuple(attributes.items()))
    return group_lines([line], date(2026, 11, 24))[0]["f1"][0]


def named(text: str, kind: str = "USER") -> Named:
    options = parse_options(text)
    assert not [one for one in options.problems if one.severity == "error"]
    return Named(kind, options.rules, options)


@pytest.mark.parametrize(
    ("attributes", "kinds"),
    [
        ({}, ()),
        ({"USER_BASED": None}, ("USER",)),
        ({"HOST_BASED": "3"}, ("HOST",)),
        ({"HOST_BASED": "", "USER_BASED": "2"}, ("USER", "HOST")),
    ],
)
def test_the_license_says_what_it_is_based_on(attributes: dict[str, str | None], kinds: tuple[str, ...]) -> None:
    assert based_kinds(pool(**attributes)) == kinds


def test_as_many_are_named_as_the_attribute_says_else_as_there_are_seats() -> None:
    assert named_max("USER", pool(USER_BASED="3")) == 3
    assert named_max("USER", pool(USER_BASED=None)) == 5


def test_users_are_numbered_in_the_file_s_order_and_once_each() -> None:
    found = named("INCLUDE f1 USER joe\nINCLUDE f1 GROUP g\nINCLUDEALL USER anne\nINCLUDE f1 USER max\nGROUP g joe eva anne\n")
    places = {user: found.place(Who(user, "pc1")) for user in ("joe", "eva", "anne", "max", "Max", "guest")}
    assert places == {"joe": 0, "eva": 1, "anne": 2, "max": 3, "Max": None, "guest": None}
    assert [rule.line for rule in found.rules] == [1, 2, 2, 4]


def test_subjects_of_other_types_name_nobody() -> None:
    subjects = ["HOST pc1", "INTERNET *", "PROJECT P", "DISPLAY :0", "HOST_GROUP h"]
    text = "".join(f"INCLUDE f1 {subject}\n" for subject in subjects) + "HOST_GROUP h pc2 10.*\n"
    assert not named(text).rules
    assert named(text, "HOST").place(Who("joe", "pc2")) == 1


def test_case_counts_unless_a_group_names_him_and_the_file_says_so() -> None:
    text = "GROUPCASEINSENSITIVE ON\nINCLUDE f1 USER Joe\nINCLUDE f1 GROUP g\nGROUP g Anne\n"
    found = named(text)
    assert found.place(Who("anne", "pc1")) == 1
    assert found.place(Who("joe", "pc1")) is None


@pytest.mark.parametrize(("mode", "places"), [("EXACT", [None, None, 0]), ("LENIENT", [0, 0, 0])])
def test_host_names_with_domains(mode: str, places: list[int | None]) -> None:
    found = named(f"FQDN_MATCHING {mode}\nINCLUDE f1 HOST pc1.ex\n", "HOST")
    assert [found.place(Who("joe", host)) for host in ("pc1", "pc1.ex.org", "pc1.ex")] == places
    assert found.place(Who("joe", "pc2.ex")) is None
    assert found.place(Who("joe", "")) is None


def test_a_host_may_be_named_by_its_address_but_a_range_names_none() -> None:
    found = named("INCLUDE f1 HOST 192.0.2.*\nINCLUDE f1 HOST 192.0.2.7\nINCLUDE f1 HOST 2001:db8::7\n", "HOST")
    assert found.place(Who("joe", "pc1", address="192.0.2.7")) == 0
    assert found.place(Who("joe", "pc1", address="2001:DB8:0::7")) == 1
    assert found.place(Who("joe", "pc1", address="192.0.2.8")) is None
