from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.issue.reading import PROBLEMS_MAX, Key, OrderError, OrderProblem, Sheet, Unfit, find_places


def whole(value: object) -> int:
    if not isinstance(value, int):
        raise Unfit("a number", remedy="Write a number.")
    return value


KEYS = {"size": Key(whole), "rest": Key(whole, 7)}


def test_places_name_the_line_and_column_of_tables_and_values() -> None:
    text = 'top = 1\n[order]\nnumber = "1" # x\n\n[[items]]\n  product   =  "a"\n[[ items ]]\n"product" = "b"\n'
    assert find_places(text) == {
        ("top", 0, ""): (1, 7),
        ("order", 0, ""): (2, 1),
        ("order", 0, "number"): (3, 10),
        ("items", 0, ""): (5, 1),
        ("items", 0, "product"): (6, 16),
        ("items", 1, ""): (7, 1),
        ("items", 1, "product"): (8, 13),
    }


def test_text_in_a_long_string_is_no_table_and_no_key() -> None:
    text = '[order]\nnote = """\n[items]\nsize = 3\n"""\nsize = 4\nother = """one line"""\nlast = 5\n'
    places = find_places(text)
    assert ("items", 0, "") not in places
    assert places["order", 0, "size"] == (6, 8)
    assert places["order", 0, "last"] == (8, 8)


def test_dotted_keys_have_the_place_of_the_table_they_mean() -> None:
    assert find_places("order.size = 3\n")["order", 0, "size"] == (1, 14)


def test_windows_line_ends_are_line_ends() -> None:
    assert find_places("[order]\r\nsize = 3\r\n") == {("order", 0, ""): (1, 1), ("order", 0, "size"): (2, 8)}


def test_values_come_with_defaults() -> None:
    sheet = Sheet("[order]\nsize = 3\n", "f")
    assert sheet.table("order", KEYS) == {"size": 3, "rest": 7}
    assert not sheet.problems


def test_each_table_of_a_list_is_read_by_itself() -> None:
    sheet = Sheet('[[items]]\nsize = 1\n[[items]]\nsize = "x"\n[[items]]\nsize = 3\n', "f")
    assert sheet.tables("items", KEYS, count_max=9) == [{"size": 1, "rest": 7}, {"rest": 7}, {"size": 3, "rest": 7}]
    assert [str(problem) for problem in sheet.problems] == [
        "f:4:8: items[2].size: This value cannot be used. (found 'x', expected a number) Write a number."
    ]


def test_everything_wrong_with_a_table_is_said_at_once() -> None:
    sheet = Sheet('[order]\nszie = 1\nrest = "x"\n', "f")
    assert sheet.table("order", KEYS) == {}
    assert [(problem.line, problem.key, problem.expected, problem.remedy) for problem in sheet.problems] == [
        (2, "order.szie", "one of size, rest", "Did you mean 'size'?"),
        (3, "order.rest", "a number", "Write a number."),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[order]]\nsize = 1\n", "This must be one table."),
        ("", "The table [order] is missing."),
        ("[order]\nsize = [1]\n", "This must be a single value."),
        ("[order]\nsize = {a = 1}\n", "This must be a single value."),
    ],
)
def test_a_table_of_another_form_is_refused(text: str, message: str) -> None:
    sheet = Sheet(text, "f")
    assert "size" not in sheet.table("order", KEYS)
    assert [problem.message for problem in sheet.problems] == [message]


@pytest.mark.parametrize("text", ["[items]\nsize = 1\n", "items = 3\n", "items = [1, 2]\n"])
def test_a_list_of_another_form_is_refused_where_it_stands(text: str) -> None:
    sheet = Sheet(text, "f")
    assert sheet.tables("items", KEYS, count_max=9) == [{}]
    assert [(problem.line, problem.message) for problem in sheet.problems] == [(1, "These must be tables of a list.")]


def test_a_list_that_is_too_long_is_refused_at_the_first_that_is_too_many() -> None:
    sheet = Sheet("[[items]]\nsize = 1\n" * 4, "f")
    assert sheet.tables("items", KEYS, count_max=3) == [{}]
    assert [problem.line for problem in sheet.problems] == [7]


def test_tables_that_nobody_knows_are_named_with_what_was_meant() -> None:
    sheet = Sheet("size = 1\n[itmes]\n", "f")
    sheet.check_tables({"order": KEYS, "items": KEYS})
    assert [(problem.line, problem.found, problem.remedy) for problem in sheet.problems] == [
        (1, "size", "It belongs into the table order."),
        (2, "itmes", "Did you mean 'items'?"),
    ]


@pytest.mark.parametrize(("text", "line"), [("a = [\n", 2), ("a = 1\nb = = 2\n", 2), ("[order]\n[order]\n", 2)])
def test_what_is_not_toml_is_one_problem_with_its_line(text: str, line: int) -> None:
    with pytest.raises(OrderError) as caught:
        Sheet(text, "f")
    assert [problem.line for problem in caught.value.problems] == [line]


def test_the_number_of_problems_has_a_limit() -> None:
    sheet = Sheet("", "f")
    for _ in range(PROBLEMS_MAX + 5):
        sheet.add(("order", 0, ""), "Wrong.")
    assert len(sheet.problems) == PROBLEMS_MAX + 1
    assert sheet.problems[-1].message == "There are more problems than these; correct these first."


def test_a_warning_says_so_and_is_no_error() -> None:
    sheet = Sheet("", "f")
    sheet.add(("order", 0, ""), "Look twice.", severity="warning")
    assert not sheet.has_errors
    assert str(sheet.problems[0]) == "f: warning: order: Look twice."


def test_an_order_error_has_a_line_for_each_problem() -> None:
    error = OrderError([OrderProblem("f", 1, 2, "a", "First."), OrderProblem("f", 3, 4, "b", "Second.")])
    assert str(error).split("\n") == ["f:1:2: a: First.", "f:3:4: b: Second."]


@given(st.text(max_size=200))
def test_no_text_breaks_the_search_for_places(text: str) -> None:
    for line, column in find_places(text).values():
        assert line >= 1
        assert column >= 1
