"""flexlmrc: what is set is read, what is changed changes alone, and other programs' lines stay to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.client.flexlmrc import added, flexlmrc_name, odd_lines, separator, variable_of, variables, with_variable

TEXT = """\
# kept by hand
GENESYS_D_LICENSE_FILE=7260@licsrv
  LM_LICENSE_FILE=@a:@b\t
OTHER_LICENSE_FILE=
LM_BORROW=10-nov-2026:genesys.d:12-nov-2026
GENESYS_D_LICENSE_FILE=@later
nonsense
"""


def test_what_is_set() -> None:
    assert variables(TEXT) == {"GENESYS_D_LICENSE_FILE": "@later", "LM_LICENSE_FILE": "@a:@b"}
    assert variables(TEXT.replace("\n", "\r\n")) == variables(TEXT)
    assert variables("") == {}
    assert odd_lines(TEXT) == [7]


def test_one_variable_changes_and_nothing_else() -> None:
    text = with_variable(TEXT, "GENESYS_D_LICENSE_FILE", "@new")
    assert text == TEXT.replace("GENESYS_D_LICENSE_FILE=@later\n", "").replace("=7260@licsrv", "=@new")
    assert with_variable(TEXT, "X_LICENSE_FILE", "@x") == TEXT + "X_LICENSE_FILE=@x\n"
    assert with_variable(TEXT, "X_LICENSE_FILE", "") == TEXT
    assert with_variable("", "X_LICENSE_FILE", "@x") == "X_LICENSE_FILE=@x\n"
    assert with_variable("A=b", "X_LICENSE_FILE", "@x") == "A=b\nX_LICENSE_FILE=@x\n"
    assert with_variable("X_LICENSE_FILE=@x\n", "X_LICENSE_FILE", "") == ""


_lines = st.lists(st.sampled_from([*TEXT.splitlines(), "", "\r", "#X_LICENSE_FILE=1", " X_LICENSE_FILE=2", "a=b=c"]) | st.text(max_size=20))


@given(_lines.map("\n".join), st.sampled_from(["X_LICENSE_FILE", "LM_LICENSE_FILE"]), st.sampled_from(["", "@new", "@a:@b"]))
def test_what_was_set_is_read_and_the_others_stay(text: str, name: str, value: str) -> None:
    after = with_variable(text, name, value)
    others = {key: path for key, path in variables(text).items() if key != name}
    assert variables(after) == others | ({name: value} if value else {})
    assert with_variable(after, name, value) == after
    assert odd_lines(after) == odd_lines(text) or len(odd_lines(after)) == len(odd_lines(text))


def test_where_it_lies() -> None:
    assert flexlmrc_name({"HOME": "/home/ada"}, False) == "/home/ada/.flexlmrc"
    assert flexlmrc_name({"HOME": "/"}, False) == "/.flexlmrc"
    assert flexlmrc_name({"USERPROFILE": "C:\\Users\\ada"}, True) == "C:\\Users\\ada/.flexlmrc"
    assert flexlmrc_name({"USERPROFILE": "C:\\Users\\ada"}, False) == ""
    assert flexlmrc_name({}, False) == ""


def test_which_variable_is_meant() -> None:
    assert variable_of("genesys.d") == "GENESYS_D_LICENSE_FILE"
    assert variable_of("ALL") == "LM_LICENSE_FILE"
    assert (separator(False), separator(True)) == (":", ";")


@pytest.mark.parametrize(
    ("before", "more", "windows", "path"),
    [
        ("", "@a", False, "@a"),
        ("@a:/opt/x.lic", "@b:@a", False, "@b:@a:/opt/x.lic"),
        ("7260@[2001:db8::7]", "@b", False, "@b:7260@[2001:db8::7]"),
        ("C:\\x.lic", "@b", True, "@b;C:\\x.lic"),
        (":@a:", "@a::", False, "@a"),
    ],
)
def test_what_is_added_comes_first_and_each_entry_once(before: str, more: str, windows: bool, path: str) -> None:
    assert added(before, more, windows) == path


def test_a_malformed_entry_is_named_with_its_origin() -> None:
    with pytest.raises(InputError, match="-add"):
        added("", "x@a", False)
    with pytest.raises(InputError, match=r"\.flexlmrc"):
        added("x@a", "@b", False)
