"""Whole files: what is read, where each line begins, all mistakes in one pass, and how long it may take at most."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from seatkeeper.licfile.grammar import FILE_BYTES_MAX, LINES_MAX
from seatkeeper.licfile.model import Blank, Comment, Feature, Package, Server, Unknown, Upgrade, UseServer, Vendor
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.report import PROBLEMS_MAX
from seatkeeper.licfile.writer import write
from support.licfiles import messy_texts

GOLDEN = Path(__file__).parent.parent / "golden" / "licfile"
WILDCARDS = """\
FEATURE f1 myvendor 1.0 1-jan-2010 uncounted \\
  HOSTID="INTERNET=127.17.0.*,\\
  INTERNET=2001:0db8:0000:0000:*:*:*:000*" \\
  SIGN("<...>")
"""


def test_the_sample_of_the_guide_reads_without_remark() -> None:
    # guide, License File Samples, "Sample License Data File Supporting a Firewall"
    parsed = parse((GOLDEN / "guide-firewall.dat").read_text(), "guide")
    assert not parsed.problems
    assert parsed.name == "guide"
    assert parsed.file.servers == (Server("licensehost", "00b0d0abb1b2", 7260),)
    assert parsed.file.vendors == (Vendor("genesys.d", "c:\\flexlm\\genesys.d.exe", "", 7261, "DAEMON"),)
    features = [line for line in parsed.file.lines if isinstance(line, Feature)]
    assert features[0] == Feature(
        "3GP07021ABAA",
        "genesys.d",
        "7.0",
        "6-may-2005",
        "100",
        "05B93F46AAE8",
        (
            ("vendor_info", "v7.0 - Genesys Enterprise Routing - MS"),
            ("NOTICE", "Customer (Reseller) license_use"),
            ("SIGN", "64C2C0C0A262"),
        ),
    )
    assert [(feature.name, feature.seats) for feature in features[1:]] == [
        ("tserver_sdn", 100),
        ("tserver_tdn", 200),
        ("tserver_iscc", 5),
        ("router_seats", 100),
    ]
    assert parsed.places == (1, 2, 3, 4, 5, 8, 10, 12, 14, 16, 17, 18, 19, 20, 21)


def test_the_wildcard_sample_of_the_guide_reads_without_remark() -> None:
    # guide, Using Wildcards in an IPv6 Address
    parsed = parse(WILDCARDS)
    assert not parsed.problems
    (line,) = parsed.file.lines
    assert isinstance(line, Feature)
    assert line.attributes == (("HOSTID", "INTERNET=127.17.0.*, INTERNET=2001:0db8:0000:0000:*:*:*:000*"), ("SIGN", "<...>"))


def test_a_file_with_a_line_of_each_kind() -> None:
    parsed = parse((GOLDEN / "mixed.dat").read_text())
    assert not parsed.problems
    kinds = [type(line) for line in parsed.file.lines]
    assert kinds == [Comment, *[Server] * 3, *[Vendor] * 2, UseServer, Blank, *[Feature] * 3, Upgrade, Feature, Package]
    first = parsed.file.lines[8]
    assert isinstance(first, Feature)
    assert first.attribute("NOTICE") == "Blue Harbor Trading second line"
    assert parse(write(parsed.file)).file == parsed.file


def test_all_mistakes_of_a_file_are_found_in_one_pass() -> None:
    parsed = parse((GOLDEN / "broken.dat").read_text())
    assert {problem.line for problem in parsed.problems if problem.severity == "error"} == {3, 4, 5, 6, 8, 9, 10, 16, 17, 18}
    assert all(problem.column for problem in parsed.problems)
    assert [type(line).__name__ for line in parsed.file.lines] == [
        *("Server", "Server", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown", "Unknown", "Feature", "Feature", "Blank"),
        *("Unknown", "Unknown", "Unknown"),
    ]


def test_a_bad_line_does_not_hide_its_neighbors() -> None:
    good = "FEATURE a genesys.d 8.0 permanent 1"
    parsed = parse(f"{good}\nFEATURE b genesys.d x permanent 1\n{good}\n")
    assert [type(line) for line in parsed.file.lines] == [Feature, Unknown, Feature]
    assert parsed.places == (1, 2, 3)


@pytest.mark.parametrize("text", ["SERVER a ANY 1\nUSE_SERVER\n", "SERVER a ANY 1\r\nUSE_SERVER\r\n", "\ufeffSERVER a ANY 1\nUSE_SERVER"])
def test_line_ends_and_byte_order_mark_make_no_difference(text: str) -> None:
    assert parse(text).file.lines == (Server("a", "ANY", 1), UseServer())


def test_a_carriage_return_alone_is_no_line_end() -> None:
    parsed = parse("SERVER a ANY 1\rUSE_SERVER\r")
    assert len(parsed.file.lines) == 1
    assert parsed.problems[0].found == "U+000D"


@pytest.mark.parametrize("blank", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u2028", "\u3000"])
def test_nothing_but_blank_and_tab_separates(blank: str) -> None:
    for text in (f"FEATURE{blank}a genesys.d 8.0 permanent 1", f"FEATURE a genesys.d 8.0 permanent 1{blank}TS_OK", f"USE_SERVER{blank}"):
        parsed = parse(text)
        assert [type(line) for line in parsed.file.lines] == [Unknown]
        assert parsed.problems[0].found.startswith(f"U+{ord(blank):04X}")


def test_an_empty_file_has_no_lines_and_a_blank_one_has() -> None:
    assert parse("").file.lines == ()
    assert parse("\n\n").file.lines == (Blank(), Blank())


@given(messy_texts)
def test_every_line_has_its_place_and_every_error_its_line(text: str) -> None:
    parsed = parse(text)
    assert len(parsed.places) == len(parsed.file.lines)
    assert list(parsed.places) == sorted(set(parsed.places))
    unknown = {place for place, line in zip(parsed.places, parsed.file.lines, strict=True) if isinstance(line, Unknown)}
    errors = {problem.line for problem in parsed.problems if problem.severity == "error"}
    assert bool(unknown) == bool(errors)
    assert all(max(place for place in parsed.places if place <= line) in unknown for line in errors)


@given(messy_texts.map(lambda text: text.replace("\r", "").replace("\ufeff", "")))
def test_a_file_with_errors_is_written_as_it_was_read(text: str) -> None:
    file = parse(text).file
    assert parse(write(file)).file == file


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Zürich".encode(), "Zürich"),
        ("\ufeffZürich".encode(), "Zürich"),
        ("Zürich".encode("latin-1"), "Zürich"),
        ("Zürich".encode("utf-16"), "Zürich"),
        (b"\x81\x8d", "\x81\x8d"),
        (b"", ""),
    ],
)
def test_decode(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_a_file_that_is_too_large_is_refused_as_a_whole() -> None:
    for text in ("#" * (FILE_BYTES_MAX + 1), "漢" * (FILE_BYTES_MAX // 3 + 1), "\n" * (LINES_MAX + 1)):
        parsed = parse(text)
        assert parsed.file.lines == ()
        (problem,) = parsed.problems
        assert problem.line == 0
        assert "divide it" in problem.message


def test_a_file_of_another_kind_is_given_up() -> None:
    text = "".join(f"garbage {number} \\\n\tmore\n" for number in range(PROBLEMS_MAX + 50))
    parsed = parse(text)
    assert len(parsed.problems) == PROBLEMS_MAX + 1
    assert "is this a license file?" in parsed.problems[-1].message
    assert parsed.problems[-1].line == parsed.places[-1] == 2 * PROBLEMS_MAX + 1
    assert write(parsed.file) == text


# Text that makes a careless parser take time in proportion to the square of its length. The test's own time limit is the measure.
@pytest.mark.parametrize(
    "text",
    [
        "garbage\n" * 200_000,
        'FEATURE "a \\\n' * 100_000,
        "FEATURE a \\\n" + "\tb \\\n" * 50_000,
        'FEATURE a v 1 permanent 1 NOTICE="x"\nb=1\n' * 20_000,
        '"' * 1_000_000,
        ("FEATURE a v 1 permanent 1 " + "AUTH={ " * 9_000 + "\n") * 10,
        ("FEATURE a v 1 permanent 1 " + "SN=1 " * 12_000 + "\n") * 3,
        "x\n\t" * 50_000,
        "# comment\n\n" * 200_000,
        "FEATURE a v 1 permanent 1 8F796FD181BC SN=1\n" * 30_000,
    ],
)
@pytest.mark.timeout(10)
def test_the_time_is_in_proportion_to_the_length(text: str) -> None:
    assert parse(text).file.lines
