"""Only elements of the form are read; the two forms that there are have tests of their own with all that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.xmlform import XmlForm, XmlReader, read_bytes
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FORM = XmlForm(
    "a list", {"": ("list",), "list": ("entry", "note")}, {"entry": (("day",), ("size",))}, frozenset({"note"}), frozenset({"entry"}), 4, 12
)


def test_what_is_of_the_form_is_read() -> None:
    reader = XmlReader(FORM, "a.xml")
    root = reader.read(b'<list><entry day="2026-11-24">12</entry><entry day="2026-02-30">x</entry></list>')
    first, second = root.children
    assert reader.number(first, first.text, "size") == 12
    assert f"{reader.day(first, 'day')}" == "2026-11-24"
    with pytest.raises(InputError, match="size is no number"):
        reader.number(second, second.text, "size")
    with pytest.raises(InputError, match=r"a\.xml:1.*day is no date"):
        reader.day(second, "day")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<list/>", "has no entry in it"),
        ("<list><other/></list>", "does not belong here"),
        ("<list><entry/></list>", "no attribute day"),
        ('<list><entry day="1"/><note/><note/></list>', "stands twice"),
        ('<list><entry day="1"/><entry day="1"/><entry day="1"/><entry day="1"/></list>', "more than 4 elements"),
        ('<list><entry day="1">1234567890123</entry></list>', "more than 12 characters"),
        ("<!DOCTYPE list><list/>", "A list has no document type"),
    ],
)
def test_what_is_not_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        XmlReader(FORM, "a.xml").read(text.encode())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path / "none.xml")
