"""An options file is read whole: every good line counts, every bad one is named, and no text is too strange."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatkeeper.licfile import options as module
from seatkeeper.licfile.options import (
    EMPTY_OPTIONS,
    FILE_BYTES_MAX,
    LINE_CHARS_MAX,
    DebugLog,
    FeatureSpec,
    OptionsFile,
    ReportLog,
    Rule,
    parse_options,
)
from seatkeeper.licfile.options_grammar import EVENTS, KEYWORDS, KINDS
from seatkeeper.licfile.options_lines import logical_lines
from seatkeeper.licfile.report import Report

F1 = FeatureSpec("f1")


def read(text: str) -> OptionsFile:
    """The file, which must be without problems."""
    options = parse_options(text, "x.opt")
    assert not options.problems
    return options


def problems(text: str) -> list[tuple[int, int, str]]:
    """Line, column and message of each error."""
    return [(one.line, one.column, one.message) for one in parse_options(text).problems if one.severity == "error"]


def warnings(text: str) -> list[tuple[int, int, str]]:
    options = parse_options(text)
    assert all(one.severity == "warning" for one in options.problems)
    return [(one.line, one.column, one.message) for one in options.problems]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("RESERVE 5 f1 USER joe", Rule("RESERVE", 1, "", F1, "USER", "joe", 5)),
        ("MAX 0 f1 HOST pc1", Rule("MAX", 1, "", F1, "HOST", "pc1", 0)),
        ("INCLUDE f1 DISPLAY :0", Rule("INCLUDE", 1, "", F1, "DISPLAY", ":0")),
        ("EXCLUDE f1 INTERNET 192.0.2.*", Rule("EXCLUDE", 1, "", F1, "INTERNET", "192.0.2.*")),
        ("exclude f1 project Blue", Rule("EXCLUDE", 1, "", F1, "PROJECT", "Blue")),
        ('INCLUDEALL USER "John Smith"', Rule("INCLUDEALL", 1, "", None, "USER", "John Smith")),
        ("EXCLUDEALL HOST 2001:db8:*", Rule("EXCLUDEALL", 1, "", None, "HOST", "2001:db8:*")),
        ("INCLUDE_BORROW f1 USER joe", Rule("INCLUDE_BORROW", 1, "", F1, "USER", "joe")),
        ("EXCLUDE_BORROW f1 USER joe", Rule("EXCLUDE_BORROW", 1, "", F1, "USER", "joe")),
        ("TIMEOUT f1 1200", Rule("TIMEOUT", 1, "", F1, number=1200)),
        ("TIMEOUTALL 1200", Rule("TIMEOUTALL", 1, "", number=1200)),
        ("LINGER f1 60", Rule("LINGER", 1, "", F1, number=60)),
        ("MAX_OVERDRAFT f1 0", Rule("MAX_OVERDRAFT", 1, "", F1, number=0)),
        ("BORROW_LOWWATER f1 3", Rule("BORROW_LOWWATER", 1, "", F1, number=3)),
        ("MAX_BORROW_HOURS f1:VERSION=2 24", Rule("MAX_BORROW_HOURS", 1, "", FeatureSpec("f1", (("VERSION", "2"),)), number=24)),
        ('MAX 1 "f1 VERSION=2" USER joe', Rule("MAX", 1, "", FeatureSpec("f1", (("VERSION", "2"),)), "USER", "joe", 1)),
        ('MAX 1 f1:VENDOR_STRING="a b" USER joe', Rule("MAX", 1, "", FeatureSpec("f1", (("VENDOR_STRING", "a b"),)), "USER", "joe", 1)),
    ],
)
def test_rules(line: str, rule: Rule) -> None:
    (found,) = read(f"  {line.replace(' ', '   ', 1)}\t # why").rules
    assert found.text == line
    assert found == Rule(rule.keyword, 1, line, rule.feature, rule.kind, rule.name, rule.number)


def test_groups_add_up_and_may_come_after_their_use() -> None:
    options = read("INCLUDE f1 GROUP g\nGROUP g joe \\\n  anne\nHOST_GROUP g pc1 10.1.*\nUSER_GROUP g joe max\nEXCLUDE f1 USER_GROUP g\n")
    assert options.groups == {"g": ("joe", "anne", "max")}
    assert options.host_groups == {"g": ("pc1", "10.1.*")}
    assert options.rules[1].kind == "GROUP"


def test_a_name_may_be_a_keyword() -> None:
    assert read("GROUP g \\\nmax moritz\nINCLUDE group USER user").groups == {"g": ("max", "moritz")}


def test_settings() -> None:
    options = read(
        "GROUPCASEINSENSITIVE on\nNOLOG IN\nNOLOG denied\nREPORTLOG +/var/r.log HIDE_USER\nAUTOMATIC_REREAD OFF\n"
        'MAX_CONNECTIONS 500\nFQDN_MATCHING lenient\nDEBUGLOG +"/var/a b.log" AUTO_ROLLOVER 10\n'
    )
    assert options.case_insensitive
    assert options.nolog == {"IN", "DENIED"}
    assert options.reportlog == ReportLog("/var/r.log", append=True, hide_user=True)
    assert options.debuglog == DebugLog("/var/a b.log", append=True, rollover_bytes=10 * 1024 * 1024)
    assert not options.automatic_reread
    assert options.max_connections == 500
    assert options.fqdn_lenient
    assert read("REPORTLOG r.log\nDEBUGLOG d.log\nAUTOMATIC_REREAD ON\nGROUPCASEINSENSITIVE OFF\nFQDN_MATCHING EXACT") == OptionsFile(
        "x.opt", reportlog=ReportLog("r.log"), debuglog=DebugLog("d.log")
    )


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_can_be_left_out_of_the_log(event: str) -> None:
    assert read(f"NOLOG {event}").nolog == {event}


def test_windows_files_and_byte_order_marks() -> None:
    assert read("\ufeffMAX 1 f1 USER joe\r\nGROUP g a \\\r\n b\r\n").groups == {"g": ("a", "b")}


def test_no_text_is_no_file() -> None:
    assert parse_options("") == EMPTY_OPTIONS


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("EXCLDUE f1 USER joe", 1, 1, "did you mean EXCLUDE?"),
        ("\n  RESREVE 1 f1 USER joe", 2, 3, "did you mean RESERVE?"),
        ("INCLUDEALL_BORROW f1 USER joe", 1, 1, "did you mean INCLUDE"),
        ("qwertz", 1, 1, "no keyword of an options file."),
        ('"', 1, 1, "quote is not closed"),
        ("EXCLUDE", 1, 8, "write it as EXCLUDE feature type name"),
        ("EXCLUDE f1 USER", 1, 16, "is not complete"),
        ("EXCLUDE f1 USR joe", 1, 12, "did you mean USER?"),
        ("EXCLUDE f1 USER joe anne", 1, 21, "ends before this word"),
        ("EXCLUDE f1:VERSOIN=2 USER joe", 1, 9, "no feature of a rule"),
        ("MAX f1 3 USER joe", 1, 5, "takes a number of seats here"),
        ("MAX -1 f1 USER joe", 1, 5, "takes a number of seats here"),
        ("MAX 1000000000 f1 USER joe", 1, 5, "takes a number of seats here"),
        ("MAX ² f1 USER joe", 1, 5, "takes a number of seats here"),
        ("MAX_BORROW_HOURS f1 0", 1, 21, "takes a number of hours here"),
        ("TIMEOUT f1 soon", 1, 12, "takes a number of seconds here"),
        ("EXCLUDE f1 HOST pc*", 1, 17, "A * stands for a field of an IP address only"),
        ("HOST_GROUP g pc1 pc* pc3", 1, 18, "A * stands for a field of an IP address only"),
        ("EXCLUDE f1 INTERNET pc1", 1, 21, "takes an IP address"),
        ('EXCLUDE f1 USER ""', 1, 17, "has 0 characters"),
        (f"EXCLUDE f1 USER {'x' * 256}", 1, 17, "has 256 characters"),
        ('EXCLUDE f1 USER "joe', 1, 17, "quote is not closed"),
        ("EXCLUDE f1 USER jo\u00a0e", 1, 19, "cannot be seen or looks like a blank"),
        ("EXCLUDE f1 USER jo\x00e", 1, 19, "cannot be seen or looks like a blank"),
        ("GROUP", 1, 6, "write it as GROUP name user ..."),
        ("INCLUDE f1 GROUP slaes\nGROUP sales joe", 1, 18, "did you mean sales?"),
        ("INCLUDE f1 GROUP g\nHOST_GROUP g pc1", 1, 18, "g is a HOST_GROUP"),
        ("INCLUDE f1 HOST_GROUP g", 1, 23, "define it with HOST_GROUP g"),
        ("NOLOG SOME", 1, 7, "NOLOG does not know this word"),
        ("NOLOG IN OUT", 1, 10, "NOLOG ends before this word"),
        ("REPORTLOG +", 1, 11, "REPORTLOG is not complete"),
        ("REPORTLOG r.log HIDE", 1, 17, "REPORTLOG does not know this word"),
        ("DEBUGLOG d.log AUTO_ROLLOVER", 1, 29, "DEBUGLOG is not complete"),
        ("DEBUGLOG d.log AUTO_ROLLOVER 0", 1, 30, "takes a number of megabytes here"),
        ("AUTOMATIC_REREAD NO", 1, 18, "AUTOMATIC_REREAD does not know this word"),
        ("MAX_CONNECTIONS", 1, 16, "is not complete"),
        ("MAX_CONNECTIONS 0", 1, 17, "takes a number of connections here"),
        ("DAEMON_SELECT_TIMEOUT 61", 1, 23, "takes a number of seconds here"),
        ("ACTIVATION_LOWWATER f1", 1, 23, "is not complete"),
        ("GROUP g a \\\nEXCLUDE f1 USER joe", 2, 1, "read as a part of it"),
    ],
)
def test_a_bad_line_is_named_with_its_place(text: str, line: int, column: int, message: str) -> None:
    ((found_line, found_column, found),) = problems(text)
    assert message in found
    assert (found_line, found_column) == (line, column)


def test_all_mistakes_are_found_in_one_pass_and_the_good_lines_count() -> None:
    options = parse_options("MAX 1 f1 USER joe\nMAX f1 USER joe\nXMA 1 f1 USER joe\nMAX 2 f1 USER anne")
    assert [rule.number for rule in options.rules] == [1, 2]
    assert [one.line for one in options.problems] == [2, 3]


def test_a_rule_about_an_undefined_group_stays_a_rule_about_nobody() -> None:
    """Else a misspelt group would let everybody in."""
    options = parse_options("INCLUDE f1 GROUP slaes")
    assert [rule.name for rule in options.rules] == ["slaes"]
    assert len(options.problems) == 1


def test_a_bad_member_leaves_the_others_in_their_group() -> None:
    assert parse_options("HOST_GROUP g pc1 pc* pc3").host_groups == {"g": ("pc1", "pc3")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACTIVATION_LOWWATER f1 3", "has no effect here"),
        ("ACTIVATION_EXPIRY_DAYS f1 3", "has no effect here"),
        ("INCLUDE_ENTITLEMENT e1 USER joe", "has no effect here"),
        ("EXCLUDEALL_ENTITLEMENT USER joe", "has no effect here"),
        ("DAEMON_SELECT_TIMEOUT 5", "has no effect here"),
        ("DEBUGLOG d.log OBF_ADDMARK", "OBF_ADDMARK has no effect here"),
        ("GROUP g", "names nobody"),
        ("MAX 1 f1 USER joe \\", "nothing follows"),
    ],
)
def test_what_has_no_effect_is_said(text: str, message: str) -> None:
    ((line, _, found),) = warnings(text)
    assert line == 1
    assert message in found


def test_of_two_settings_the_last_counts_with_a_warning() -> None:
    options = parse_options("MAX_CONNECTIONS 3\nmax_connections 4\nREPORTLOG a\nREPORTLOG b")
    assert (options.max_connections, options.reportlog) == (4, ReportLog("b"))
    assert [(one.line, one.severity) for one in options.problems] == [(2, "warning"), (4, "warning")]
    assert "Line 1 has set this already" in options.problems[0].message


# Limits.


def test_a_line_has_4000_characters_with_its_continuation_lines() -> None:
    fits = "GROUP g \\\n" + "a " * ((LINE_CHARS_MAX - 10) // 2)
    assert read(fits).groups == {"g": ("a",)}
    ((line, _, message),) = problems(fits + "b")
    assert line == 1
    assert "4,001 characters" in message


def test_a_file_that_is_too_long_is_not_read() -> None:
    options = parse_options("#" * (FILE_BYTES_MAX + 1))
    assert not options.rules
    assert "16,777,217 bytes" in options.problems[0].message
    assert not parse_options("#" * FILE_BYTES_MAX).problems


def test_a_file_of_too_many_lines_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES_MAX", 2)
    assert "3 lines" in parse_options("\n\n\n").problems[0].message


@pytest.mark.parametrize("name", ["RULES_MAX", "RESERVATIONS_MAX", "GROUP_MEMBERS_MAX"])
def test_what_is_beyond_a_limit_is_left_out_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, 2)
    text = "GROUP g a b\nRESERVE 1 f1 USER a\nRESERVE 1 f1 USER b"
    last = "GROUP g c" if name == "GROUP_MEMBERS_MAX" else "RESERVE 1 f1 USER c"
    assert not problems(text)
    ((line, _, message),) = problems(f"{text}\n{last}")
    assert line == 4
    assert "at most 2" in message
    assert len(parse_options(f"{text}\n{last}").rules) == 2


def test_ten_thousand_reservations_are_allowed() -> None:
    text = "RESERVE 1 f1 USER joe\n" * 10_001
    assert [(one[0], one[2]) for one in problems(text)] == [
        (10_001, "An options file has at most 10,000 reservations; this one is left out.")
    ]


def test_a_file_of_nothing_but_errors_is_read_to_its_end() -> None:
    options = parse_options("nonsense # x\n" * 20_000 + "MAX 1 f1 USER joe")
    assert len(options.rules) == 1
    assert len(options.problems) == 10_001
    assert "10,000 more problems" in options.problems[-1].message


def test_a_long_file_is_read() -> None:
    text = "\n".join(f"INCLUDE f{number % 300} USER user{number}" for number in range(100_000))
    assert len(read(text).rules) == 100_000


@pytest.mark.parametrize(
    "text",
    [
        "GROUP g " + '"' * 3000,
        "\\\n" * 100_000,
        "a\\\n" * 100_000,
        "#\\\n" * 100_000,
        "MAX 1 f1 USER joe \\\n" * 50_000,
        "MAX " + "9" * 3900 + " f1 USER joe",
        "GROUP g " + "# " * 100_000,
        'GROUP g "' + "# " * 100_000,
        "EXCLUDE " + "f:" * 1900 + " USER joe",
        "EXCLUDE f1 INTERNET " + ":" * 3000,
        "GROUP g \\\n" + "\\\n" * 3000,
    ],
)
def test_hostile_texts_take_their_time_in_proportion(text: str) -> None:
    parse_options(text)


# Any text at all.

_WORDS = st.sampled_from(
    [
        *KEYWORDS,
        *KINDS,
        *EVENTS,
        *("f1", "f1:VERSION=2", '"f1 VERSION=2"', "joe", "10.1.*", "::1", "*", "ON", "LENIENT", "+r.log", "HIDE_USER", "AUTO_ROLLOVER"),
        *("1", "0", "-1", "99999999999", "g", '"', '""', "#", "\\", "\\\n", "\n", "\n", "\t", "é", "\x00", "\u2028", "\ud800", "\r"),
    ]
)
messy = st.lists(_WORDS | st.text(max_size=3), max_size=60).map(" ".join)


@given(messy | st.text())
@example('"')
@example("\ud800")
def test_no_text_raises(text: str) -> None:
    options = parse_options(text, "x.opt")
    lines = text.replace("\r\n", "\n").split("\n")
    for rule in options.rules:
        assert rule.text
        assert KEYWORDS[rule.keyword].words
        assert 1 <= rule.line <= len(lines)
    for problem in options.problems:
        assert 1 <= problem.line <= len(lines)
        assert problem.column >= 1
        assert problem.message.endswith((".", "?", "..."))


@given(messy)
def test_no_line_is_skipped_in_silence(text: str) -> None:
    """Each logical line that says anything is a rule, a setting, or named in a problem."""
    options = parse_options(text)
    said = {rule.line for rule in options.rules} | {problem.line for problem in options.problems}
    lines = [line for line in logical_lines(text.replace("\r\n", "\n").split("\n"), Report(), lambda number, raw: None) if line.written]
    ends = [*(line.number for line in lines[1:]), text.count("\n") + 2]
    for line, end in zip(lines, ends, strict=False):
        keyword = KEYWORDS.get(line.written[0].upper())
        if keyword is None or keyword.words:
            assert said & set(range(line.number, end)), line.text


names = st.text("abcXYZ019_-. ", min_size=1, max_size=12).filter(lambda name: name.strip())
rules = st.builds(
    Rule,
    keyword=st.sampled_from(sorted(name for name, keyword in KEYWORDS.items() if keyword.words)),
    line=st.just(1),
    text=st.just(""),
    feature=st.sampled_from([F1, FeatureSpec("f1", (("VERSION", "2.0"), ("VENDOR_STRING", "a b")))]),
    kind=st.sampled_from(["USER", "DISPLAY", "PROJECT"]),
    name=names,
    number=st.integers(1, 999_999_999),
)


@given(rules)
def test_a_rule_is_read_back_as_it_is_written(rule: Rule) -> None:
    keyword = KEYWORDS[rule.keyword]
    values = {"number": str(rule.number), "feature": f'"{rule.feature}"', "kind": rule.kind.lower(), "name": f'"{rule.name}"'}
    text = " ".join([keyword.name, *(values[word] for word in keyword.words)])
    (found,) = read(text).rules
    expected = {"number": rule.number, "feature": rule.feature, "kind": rule.kind, "name": rule.name}
    for word in keyword.words:
        assert getattr(found, word) == expected[word]
