from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Package, Server, Unknown, UseServer, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import COLUMNS, COLUMNS_MIN, write, write_line
from support.licfiles import license_files, lines, signable_lines

GROUPS = " ".join(["64C2"] * 36)
ISSUED = Feature(
    "tserver_sdn",
    "genesys.d",
    "8.0",
    "permanent",
    "100",
    "8F796FD181BC",
    (
        ("vendor_info", "v8.5 - Genesys Inbound Voice"),
        ("NOTICE", "Invented Ltd (Reseller) license_use"),
        ("SN", "11111111"),
        ("ISSUED", "24-nov-2026"),
        ("SIGN", GROUPS),
    ),
)


def wide(line: str) -> int:
    """At most: a tab may stand anywhere."""
    return len(line) + 7 * line.count("\t")


@given(license_files, st.integers(0, 200))
@example(LicenseFile((Vendor("genesys.d", "c:\\flexlm\\"), UseServer(), Blank(), Comment("#"))), 80)
def test_what_is_written_reads_as_the_same_lines(file: LicenseFile, columns: int) -> None:
    parsed = parse(write(file, columns=columns))
    assert parsed.file == file
    assert not [problem for problem in parsed.problems if problem.severity == "error"]


@given(lines)
def test_a_line_by_itself_reads_as_the_same_line(line: object) -> None:
    assert parse(write_line(line)).file.lines == ((line,) if write_line(line) else ())  # type: ignore[arg-type]


def test_an_issued_line_looks_like_a_flexnet_line() -> None:
    assert write_line(ISSUED).split("\n") == [
        "FEATURE tserver_sdn genesys.d 8.0 permanent 100 8F796FD181BC \\",
        '\tvendor_info="v8.5 - Genesys Inbound Voice" \\',
        '\tNOTICE="Invented Ltd (Reseller) license_use" SN=11111111 \\',
        "\tISSUED=24-nov-2026 \\",
        '\tSIGN="' + " ".join(["64C2"] * 13) + " \\",
        "\t" + " ".join(["64C2"] * 14) + " \\",
        "\t" + " ".join(["64C2"] * 9) + '"',
    ]


def places_to_break(text: str) -> list[int]:
    """Where a single blank stands, with a character that is no blank on each side."""
    return [found.start() for found in re.finditer(r"(?<=[^ \t]) (?=[^ \t])", text)]


@given(signable_lines, st.sampled_from([COLUMNS_MIN, COLUMNS, 200]))
@example(Package("0", "genesys.d", "", attributes=(("ISSUED", "permanent"), ("ISSUER", ""), ("NOTICE", "000000\t"))), 40)
@example(Feature("f", "v", "1.0", "permanent", "1", "", (("NOTICE", "a\tb\tc " * 9),)), 40)
def test_a_line_is_wider_than_asked_for_only_where_it_cannot_be_broken(line: Feature | Package, columns: int) -> None:
    for physical in write_line(line, columns=columns).split("\n"):
        if wide(physical) > columns:
            body = physical.removesuffix(" \\").removeprefix("\t")
            room = columns - 2 - 8 * physical.startswith("\t")
            assert not [at for at in places_to_break(body) if wide(body[:at]) <= room]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (Server("licsrv", "0800200005ac"), "SERVER licsrv 0800200005ac"),
        (Server("licsrv", "ANY", 7260, (("PRIMARY_IS_MASTER", None),)), "SERVER licsrv ANY 7260 PRIMARY_IS_MASTER"),
        (Vendor("genesys.d", keyword="DAEMON"), "DAEMON genesys.d"),
        (Vendor("genesys.d", "/opt/lm/genesys.d", "", 7261, "DAEMON"), "DAEMON genesys.d /opt/lm/genesys.d port=7261"),
        (Vendor("genesys.d", "c:\\program files\\g.exe", "a b.opt"), 'VENDOR genesys.d "c:\\program files\\g.exe" options="a b.opt"'),
        (Vendor("genesys.d", "", "x.opt"), "VENDOR genesys.d options=x.opt"),
        (Vendor("genesys.d", "port=1"), 'VENDOR genesys.d "port=1"'),
        (Unknown("FEATRUE x \\\n\ty"), "FEATRUE x \\\n\ty"),
        (
            Feature("f", "v", "1.0", "permanent", "0", "", (("HOSTID", "ANY"), ("TS_OK", None))),
            "FEATURE f v 1.0 permanent 0 HOSTID=ANY TS_OK",
        ),
        (Feature("f", "v", "1.0", "permanent", "1", "", (("NOTICE", ""),)), 'FEATURE f v 1.0 permanent 1 NOTICE=""'),
        (Feature("f", "v", "1.0", "permanent", "1", "", (("SN", "a\\"),)), 'FEATURE f v 1.0 permanent 1 SN="a\\"'),
    ],
)
def test_fields_are_written_in_their_order_and_quoted_where_they_must_be(line: object, text: str) -> None:
    assert write_line(line) == text  # type: ignore[arg-type]


def test_a_line_with_errors_is_written_as_it_stood() -> None:
    text = "SERVER licsrv ANY 7260\nFEATURE a genesys.d x permanent 1 \\\n    SN=1\n# end\n"
    assert write(parse(text).file) == text


def test_a_keyword_as_a_name_never_begins_a_physical_line() -> None:
    line = Feature("a" * 30, "server", "8.0", "permanent", "100", "8F796FD181BC")
    assert parse(write_line(line, columns=COLUMNS_MIN)).file.lines == (line,)
