from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatkeeper.licfile.fastpath import FAST_CHARS_MAX, PLANS_MAX, fast_reader
from seatkeeper.licfile.grammar import LINE_BYTES_MAX
from seatkeeper.licfile.model import Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.writer import write
from support.licfiles import issued_features, license_files, messy_texts

HEAD = "FEATURE f genesys.d 8.0 permanent 10 8F796FD181BC"


@settings(max_examples=200)
@given(messy_texts)
@example(HEAD + ' SN="1" \\\n\t')
@example(HEAD + ' SN="1 \\\n\t \\\n\t2"')
@example(HEAD + ' SN="1 \\\n\t  2"')
@example(HEAD + ' SN="1"\nTS_OK\n')
@example("# \\\n\t" + HEAD + ' SN="1"')
@example(HEAD + ' SN="\x1c"')
@example(HEAD + ' "a"')
@example(HEAD + '\n \\\n\tSIGN("64C2")')
@example(HEAD + ' SN=" "\n' + HEAD + ' SIGN=" "')
def test_the_short_cut_reads_what_the_careful_way_reads(text: str) -> None:
    assert parse(text) == parse(text, careful=True)


@given(license_files, st.integers(40, 200))
def test_so_it_does_for_well_formed_files(file: LicenseFile, columns: int) -> None:
    text = write(file, columns=columns)
    assert parse(text) == parse(text, careful=True)


SLIPS = [*'\t\n\\"= #\x1c\xa0éF', " \\\n\t", ""]


@given(
    st.lists(issued_features, min_size=1, max_size=3),
    st.integers(40, 90),
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(SLIPS)), max_size=3),
)
def test_and_for_issued_files_with_slips(features: list[Feature], columns: int, slips: list[tuple[int, str]]) -> None:
    text = write(LicenseFile(tuple(features)), columns=columns)
    for at, slip in slips:
        at %= len(text) + 1
        text = text[:at] + slip + text[at + 1 :]
    assert parse(text) == parse(text, careful=True)


@pytest.mark.parametrize(
    "line",
    [
        HEAD,
        HEAD.rsplit(" ", 1)[0],
        HEAD + ' vendor_info="v8.5 - Voice" NOTICE="x" SN=1 ISSUED=24-nov-2026 SIGN="64C2 C0C0"',
        HEAD + " SIGN=64C2C0C0A262",
        HEAD.replace("FEATURE", "INCREMENT") + " TS_OK BORROW=24",
        HEAD + ' HOSTID="INTERNET=192.0.2.1 INTERNET=192.0.2.2"',
    ],
)
def test_lines_of_the_usual_form_take_the_short_cut(line: str) -> None:
    feature = fast_reader(suspect=False)(line)
    assert isinstance(feature, Feature)
    assert parse(line, careful=True).file.lines == (feature,)


@pytest.mark.parametrize(
    "line",
    [
        "feature f genesys.d 8.0 permanent 10",
        HEAD.replace(" f ", " f.1 "),
        HEAD.replace(" f ", f" {'f' * 31} "),
        HEAD.replace(" f ", " é "),
        HEAD.replace("8.0", "8.x"),
        HEAD.replace("permanent", "never"),
        HEAD.replace(" 10 ", " ten "),
        HEAD + " SN=1\\",
        HEAD + " SN=1 SN=2",
        HEAD + ' SN="1" sn="2"',
        HEAD + ' SN="1"TS_OK',
        HEAD + ' SN= "1"',
        HEAD + ' SIGN=""',
        HEAD + ' SIGN("64C2")',
        HEAD + ' DUP_GROUP="UHD"',
        HEAD + ' COMPONENTS="a"',
        HEAD + ' SN="1',
        HEAD + " XX=1",
        HEAD + ' SN="' + "1" * FAST_CHARS_MAX + '"',
    ],
)
def test_all_others_go_the_careful_way(line: str) -> None:
    assert fast_reader(suspect=True)(line) is None


def test_more_shapes_than_are_kept_are_read_all_the_same() -> None:
    text = "\n".join(f'{HEAD} SN={number} SIGN="64C2"' for number in range(PLANS_MAX + 10))
    assert [line.attribute("SN") for line in parse(text).file.lines] == [str(number) for number in range(PLANS_MAX + 10)]  # type: ignore[union-attr]


def test_the_longest_line_of_the_short_cut_is_within_the_limit_of_a_line() -> None:
    assert FAST_CHARS_MAX * 4 <= LINE_BYTES_MAX
