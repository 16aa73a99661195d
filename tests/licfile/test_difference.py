"""What separates two license files: what is granted counts, its order and its spelling do not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.difference import Change, FieldChange, difference, fields_of
from seatkeeper.licfile.model import Feature, LicenseFile, Parsed, Server, Unknown
from seatkeeper.licfile.parser import parse
from support.licfiles import license_files, signable_lines

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Line

HEAD = "SERVER licsrv 0800200005ac 7260\nDAEMON genesys.d /opt/genesys.d port=7261\n"


def parsed_of(lines: tuple[Line, ...] | list[Line]) -> Parsed:
    return Parsed(LicenseFile(tuple(lines)), tuple(range(1, len(lines) + 1)), ())


def changes(old: str, new: str) -> tuple[Change, ...]:
    return difference(parse(HEAD + old, "old.dat"), parse(HEAD + new, "new.dat"))


def only(old: str, new: str) -> Change:
    """The only change from one to the other."""
    (change,) = changes(old, new)
    return change


def fields(old: str, new: str) -> list[tuple[str, str | None, str | None]]:
    return [(field.field, field.old, field.new) for field in only(old, new).fields]


LINE = "FEATURE f genesys.d 8.0 31-dec-2027 10 SN=1 SIGN=64C2\n"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (LINE.replace(" 10 ", " 12 "), ("seats", "10", "12")),
        (LINE.replace(" 10 ", " uncounted "), ("seats", "10", "uncounted")),
        (LINE.replace("2027", "2028"), ("expiry", "31-dec-2027", "31-dec-2028")),
        (LINE.replace("31-dec-2027", "01-jan-00"), ("expiry", "31-dec-2027", "permanent")),
        (LINE.replace("8.0", "8.5"), ("version", "8.0", "8.5")),
        (LINE.replace("SN=1", "SN=2"), ("SN", "1", "2")),
        (LINE.replace("SN=1 ", ""), ("SN", "1", None)),
        (LINE.replace("SN=1", "SN=1 TS_OK"), ("TS_OK", None, "")),
        (LINE.replace("SN=1", "SN=1 HOSTID=ANY"), ("HOSTID", None, "ANY")),
        (LINE.replace("SN=1", "SN=1 sort=50"), ("sort", None, "50")),
        (LINE.replace("FEATURE", "INCREMENT"), ("keyword", "FEATURE", "INCREMENT")),
    ],
)
def test_one_field_of_a_license_has_changed(new: str, expected: tuple[str, str, str]) -> None:
    # A new signature goes with it, and is not worth a word.
    new = new.replace("64C2", "9999")
    change = only(LINE, new)
    assert (change.what, change.name) == ("changed", "f")
    assert [(field.field, field.old, field.new) for field in change.fields] == [expected]
    assert (change.old_place, change.new_place) == (3, 3)


@pytest.mark.parametrize(
    "new",
    [
        LINE.replace("8.0", "8.00"),
        LINE.replace("SN=1", "sn=1").replace("64C2", '"64c2"'),
        LINE.replace(" 10 ", " 010 "),
        LINE.replace("SN=1 ", "\\\n\tSN=1\t"),
        "# a comment\n\n" + LINE,
    ],
)
def test_what_is_only_written_otherwise_is_no_change(new: str) -> None:
    assert changes(LINE, new) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LINE, LINE.replace("64C2", "9999")),
        (LINE.replace("SIGN=", "8F796FD181BC SIGN=").replace("SN=1 8F796FD181BC", "8F796FD181BC SN=1"), LINE),
        (LINE.replace("SN=1", "SN=1 TS_OK"), LINE.replace("SN=1", "TS_OK SN=1")),
    ],
)
def test_what_means_the_same_was_signed_anew(old: str, new: str) -> None:
    assert only(old, new).what == "signature"


def test_added_and_removed() -> None:
    other = "FEATURE g genesys.d 8.0 permanent 5 SIGN=64C2\n"
    change = only(LINE, LINE + other)
    assert (change.what, change.kind, change.name, change.old, change.new_place) == ("added", "FEATURE", "g", None, 4)
    assert fields_of(change.new)["seats"] == "5"  # type: ignore[arg-type]
    change = only(other + LINE, LINE)
    assert (change.what, change.name, change.new, change.old_place) == ("removed", "g", None, 3)
    assert [change.what for change in changes(LINE, other)] == ["removed", "added"]


def test_the_same_feature_of_another_vendor_is_another() -> None:
    assert [change.what for change in changes(LINE, LINE.replace("genesys.d", "otherd"))] == ["removed", "added"]


def increments(*seats: int, version: str = "8.0") -> str:
    return "".join(f"INCREMENT p genesys.d {version} permanent {count} SN={count} SIGN=64C2\n" for count in seats)


def test_a_pool_of_several_lines_says_what_it_has_together() -> None:
    change = only(increments(10, 20), increments(5, 20, 10))
    assert (change.what, change.pool_seats) == ("added", (30, 35))
    assert only(increments(10, 20), increments(20)).pool_seats == (30, 20)
    # A pool of one line is told by its line.
    assert only(increments(10), increments(20)).pool_seats is None
    assert only(increments(10), increments(10) + increments(7, version="9.0")).pool_seats is None


def test_lines_of_one_pool_are_paired_by_what_they_share() -> None:
    old = "".join(f"INCREMENT p genesys.d 8.0 31-dec-2026 10 SN={number} SIGN=64C2\n" for number in range(5))
    new = old.replace("31-dec-2026 10 SN=3", "31-dec-2027 10 SN=3")
    change = only(old, new)
    assert (change.old_place, change.new_place, change.fields) == (6, 6, (FieldChange("expiry", "31-dec-2026", "31-dec-2027"),))
    # All renewed, one left out.
    renewed = "".join(line for line in old.replace("2026", "2027").splitlines(True) if "SN=2" not in line)
    assert {(change.what, change.old_place) for change in changes(old, renewed)} == {
        ("removed", 5),
        *(("changed", place) for place in (3, 4, 6, 7)),
    }


def test_packages_and_upgrades() -> None:
    package = 'PACKAGE suite genesys.d 2.0 COMPONENTS="a:2.0 b" SIGN=64C2\n'
    assert fields(package, package.replace("b", "c", 1).replace("c", "b", 1).replace("a:2.0 b", "a:2.0 c")) == [
        ("COMPONENTS", "a:2.0 b", "a:2.0 c")
    ]
    upgrade = LINE + "UPGRADE f genesys.d 7.0 8.0 permanent 5 SIGN=64C2\n"
    assert fields(upgrade, upgrade.replace("7.0 8.0", "7.0 8.5")) == [("version", "8.0", "8.5")]
    assert fields(upgrade, upgrade.replace("7.0 8.0", "7.5 8.0")) == [("from version", "7.0", "7.5")]


def test_servers_and_daemons() -> None:
    def of(old: str, new: str) -> list[tuple[str, str, str, list[str]]]:
        found = difference(parse(old), parse(new))
        return [(change.what, change.kind, change.name, [field.field for field in change.fields]) for change in found]

    assert of(HEAD, HEAD.replace("7260", "7270")) == [("changed", "SERVER", "licsrv", ["port"])]
    assert of(HEAD, HEAD.replace("0800200005ac", "0800200005ad")) == [("changed", "SERVER", "licsrv", ["host id"])]
    assert of(HEAD, HEAD.replace("licsrv", "other")) == [("changed", "SERVER", "other", ["host"])]
    assert of(HEAD, HEAD.replace("7260", "7260 HEARTBEAT_INTERVAL=20")) == [("changed", "SERVER", "licsrv", ["HEARTBEAT_INTERVAL"])]
    assert of(HEAD, HEAD.replace("DAEMON", "VENDOR")) == []
    assert of(HEAD, HEAD.replace("7261", "7262").replace("/opt/genesys.d", "/opt")) == [
        ("changed", "DAEMON", "genesys.d", ["path", "port"])
    ]
    assert of(HEAD, HEAD + "DAEMON otherd\n") == [("added", "DAEMON", "otherd", [])]
    assert of(HEAD + "USE_SERVER\n", HEAD) == [("removed", "USE_SERVER", "", [])]
    assert of(HEAD, HEAD + "USE_SERVER\n") == [("added", "USE_SERVER", "", [])]


def test_the_order_of_three_servers_counts() -> None:
    triad = [Server(name, f"080020000{number}ac", 7260) for number, name in enumerate("abc")]
    (change,) = difference(parsed_of(triad), parsed_of([triad[1], triad[0], triad[2]]))
    assert change.fields == (FieldChange("order", "a b c", "b a c"),)
    assert difference(parsed_of(triad), parsed_of(triad)) == ()
    (change,) = difference(parsed_of(triad), parsed_of(triad[:1] + triad[2:]))
    assert (change.what, change.name) == ("removed", "b")


def test_which_of_several_feature_lines_is_the_first_counts() -> None:
    other = LINE.replace(" 10 ", " 99 ")
    change = only(LINE + other, other + LINE)
    assert (change.what, change.fields) == ("changed", (FieldChange("first line", "line 3", "line 3"), FieldChange("seats", "10", "99")))
    assert changes(increments(10, 20), increments(20, 10)) == ()


def test_lines_that_cannot_be_read_are_compared_as_text() -> None:
    change = only(LINE, LINE + "FEATRUE  g  x\n")
    assert (change.what, change.kind, change.name) == ("added", "unreadable", "FEATRUE g")
    assert isinstance(change.new, Unknown)
    assert changes("FEATRUE g x\n", "FEATRUE \t g x\n") == ()


@given(license_files)
def test_a_file_does_not_differ_from_itself(file: LicenseFile) -> None:
    assert difference(parsed_of(file.lines), parsed_of(file.lines)) == ()


@given(st.lists(signable_lines, max_size=10, unique_by=lambda line: (line.name.lower(), line.vendor.lower())), st.randoms())
def test_the_order_of_licenses_does_not_count(lines: list[Line], chance: random.Random) -> None:
    other = lines[:]
    chance.shuffle(other)
    assert difference(parsed_of(lines), parsed_of(other)) == ()


_few = st.lists(signable_lines, max_size=6)


@given(_few, _few, _few)
def test_what_one_way_adds_the_other_removes(common: list[Line], old: list[Line], new: list[Line]) -> None:
    forth = difference(parsed_of([*common, *old]), parsed_of([*common, *new]))
    back = difference(parsed_of([*common, *new]), parsed_of([*common, *old]))
    opposite = {"added": "removed", "removed": "added", "changed": "changed", "signature": "signature"}

    def tally(found: tuple[Change, ...], *, turned: bool) -> dict[str, int]:
        counts = dict.fromkeys(opposite, 0)
        for change in found:
            if not any(field.field == "first line" for field in change.fields):
                counts[opposite[change.what] if turned else change.what] += 1
        return counts

    there, again = tally(forth, turned=False), tally(back, turned=True)
    assert (there["added"], there["removed"]) == (again["added"], again["removed"])
    assert there["changed"] + there["signature"] == again["changed"] + again["signature"]
    # Every line of each file is accounted for: it is unchanged, or in exactly one change.
    added_places = [change.new_place for change in forth if not any(field.field == "first line" for field in change.fields)]
    assert len(set(filter(None, added_places))) == len(list(filter(None, added_places)))


@given(st.lists(signable_lines, min_size=1, max_size=6), st.data())
def test_a_line_more_is_a_change(lines: list[Line], data: st.DataObject) -> None:
    line = data.draw(signable_lines)
    found = difference(parsed_of(lines), parsed_of([*lines, line]))
    assert any(change.what == "added" for change in found)


def test_ten_thousand_lines_of_one_pool_are_compared_without_looking_at_every_pair() -> None:
    lines = [
        Feature("p", "genesys.d", "8.0", "permanent", "5", attributes=(("SN", str(number)),), keyword="INCREMENT")
        for number in range(10_000)
    ]
    changed = [*lines[1:], Feature("p", "genesys.d", "8.0", "permanent", "6", attributes=(("SN", "0"),), keyword="INCREMENT")]
    (change,) = difference(parsed_of(lines), parsed_of(changed))
    assert (change.pool_seats, change.old_place, change.new_place) == ((50_000, 50_001), 1, 10_000)
