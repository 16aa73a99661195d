"""An invalid value is the default; a change holds at once or after a restart, as the option says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.apps.options import COUNT_MAX, RESTART, Option, OptionValues, count_option, flag_option, number_of

COUNT = count_option("num", "How many.")
FLAG = flag_option("s", "flag", "Whether.", takes_effect=RESTART)
TEXT = Option("s", "text", "x", "What.", any_text=True)


@pytest.mark.parametrize(
    ("given", "value", "good"),
    [
        (None, "max", True),
        ("max", "max", True),
        (" MAX ", "max", True),
        (0, 0, True),
        ("0", 0, True),
        (COUNT_MAX, COUNT_MAX, True),
        ("+7", 7, True),
        (COUNT_MAX + 1, "max", False),
        (-1, "max", False),
        ("", "max", False),
        ("many", "max", False),
        ("1.5", "max", False),
        ("9" * 400, "max", False),
        ("\u0663", "max", False),
        (True, "max", False),
    ],
)
def test_a_count_is_a_number_from_0_to_9999_or_max(given: str | int | bool | None, value: str | int, good: bool) -> None:
    assert COUNT.read(given) == (value, good)


@pytest.mark.parametrize(
    ("given", "value", "good"), [("Yes", True, True), ("off", False, True), (1, True, True), (0, False, True), ("2", False, False)]
)
def test_a_flag_is_true_or_false(given: str | int, value: bool, good: bool) -> None:
    assert FLAG.read(given) == (value, good)


@given(st.text(max_size=20))
def test_a_number_is_read_as_decimal_digits_or_not_at_all(text: str) -> None:
    number = number_of(text)
    assert number is None or int(text) == number
    assert TEXT.read(text) == (text, True)


def test_what_is_valid_is_told() -> None:
    assert (COUNT.valid, FLAG.valid, TEXT.valid) == ("max, 0 to 9999", "true, false", "any text")


def test_changes_hold_at_once_or_after_a_restart() -> None:
    values = OptionValues((COUNT, FLAG, TEXT), {"license": {"num": -3}, "s": {"flag": "true", "unknown": 1}})
    assert (values["license", "num"], values["s", "flag"], values["s", "text"]) == ("max", True, "x")
    assert len(values.faults) == 1
    change = values.change({"license": {"num": 5}, "s": {"flag": False, "unknown": 2}, "other": {"num": 3}})
    assert (change.differs, change.faults, len(change.after_restart)) == (True, (), 1)
    assert (values["license", "num"], values["s", "flag"]) == (5, True)
    again = values.change({"license": {"num": "5"}})
    assert (again.differs, again.after_restart) == (False, ())
    wrong = values.change({"license": {"num": "lots"}})
    assert wrong.differs
    assert "'lots'" in wrong.faults[0]
    assert values["license", "num"] == "max"
    assert not values.change({"license": {"num": None}}).differs


def test_a_default_in_place_of_what_is_not_valid_is_nobody_s_meaning() -> None:
    values = OptionValues((COUNT, TEXT), {"license": {"num": "many"}})
    assert not values.is_meant("num")
    assert values.is_meant("text", "s")
    values.change({"license": {"num": 5}})
    assert values.is_meant("num")
    values.change({"license": {"num": -5}})
    assert (values["license", "num"], values.is_meant("num")) == ("max", False)
    values.change({"license": {"num": None}})
    assert (values["license", "num"], values.is_meant("num")) == ("max", True)
