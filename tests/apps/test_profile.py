"""The fields of an event are what its profile says, or the reply says why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.apps.profile import FIELD_CHARS_MAX, FIELD_KINDS, SiteEvent, read_fields

EVENT = SiteEvent("e", ("who",), "Something.", optional=("media", "at", "flag"), kinds={"media": "texts", "at": "time", "flag": "flag"})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"who": "ann"}, {"who": "ann"}),
        ({"who": 7, "more": []}, {"who": "7"}),
        ({"who": "a", "media": ["x", "y"]}, {"who": "a", "media": ["x", "y"]}),
        ({"who": "a", "media": "x"}, {"who": "a", "media": ["x"]}),
        ({"who": "a", "at": 1.5, "flag": False}, {"who": "a", "at": 1.5, "flag": False}),
    ],
)
def test_fields_are_read(given: dict[str, object], read: dict[str, object]) -> None:
    assert read_fields(EVENT, given) == (read, "")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "who"),
        ({"who": ""}, "who"),
        ({"who": ["a"]}, "who"),
        ({"who": True}, "who"),
        ({"who": "x" * (FIELD_CHARS_MAX + 1)}, "who"),
        ({"who": "a", "media": [""]}, "media"),
        ({"who": "a", "at": "noon"}, "at"),
        ({"who": "a", "at": float("inf")}, "at"),
        ({"who": "a", "at": float("nan")}, "at"),
        ({"who": "a", "flag": "yes"}, "flag"),
    ],
)
def test_what_cannot_be_read_is_named(given: dict[str, object], field: str) -> None:
    fields, reason = read_fields(EVENT, given)
    assert fields == {}
    assert repr(field) in reason


_VALUES = st.one_of(st.text(max_size=5), st.integers(), st.floats(), st.booleans(), st.lists(st.text(max_size=3), max_size=3))


@given(st.dictionaries(st.sampled_from(["who", "media", "at", "flag", "x"]), _VALUES))
def test_whatever_comes_is_read_or_refused(given: dict[str, object]) -> None:
    fields, reason = read_fields(EVENT, given)
    assert bool(fields) != bool(reason)
    assert all(reason or name in ("who", "media", "at", "flag") for name in fields)
    assert FIELD_KINDS
