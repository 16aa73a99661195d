from __future__ import annotations

from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.report import FOUND_CHARS_MAX, PROBLEMS_MAX, SUGGESTIONS_MAX, Report, shortened

KNOWN = ("VENDOR_STRING", "NOTICE")


def test_problems_are_kept_in_order_up_to_the_limit_and_counted_beyond() -> None:
    report = Report()
    for line in range(PROBLEMS_MAX + 5):
        report.add(Problem(line + 1, 1, "A warning.", severity="warning"))
    problems = report.all()
    assert [problem.line for problem in problems[:PROBLEMS_MAX]] == list(range(1, PROBLEMS_MAX + 1))
    assert problems[PROBLEMS_MAX].message.startswith("5 more problems")
    assert problems[PROBLEMS_MAX].severity == "warning"
    assert not report.is_hopeless


def test_too_many_errors_make_a_file_hopeless() -> None:
    report = Report()
    for _ in range(PROBLEMS_MAX):
        assert not report.is_hopeless
        report.add(Problem(1, 1, "An error."))
    assert report.is_hopeless
    report.close(Problem(2, 1, "The end."))
    assert report.all()[-1].message == "The end."


def test_one_cause_stands_for_what_follows_from_it() -> None:
    report = Report()
    report.add(Problem(1, 1, "Of another line."))
    report.add(Problem(2, 1, "Before."))
    report.add(Problem(2, 9, "Behind."))
    report.add(Problem(3, 1, "Behind."))
    report.blame(1, (2, 5), "The cause.", "x")
    assert [(problem.line, problem.column, problem.message) for problem in report.all()] == [
        (1, 1, "Of another line."),
        (2, 1, "Before."),
        (2, 5, "The cause."),
    ]


def test_no_cause_is_named_for_mistakes_before_it() -> None:
    report = Report()
    report.add(Problem(2, 1, "Before."))
    report.add(Problem(3, 1, "Behind, and no error.", severity="warning"))
    report.blame(0, (2, 5), "The cause.", "x")
    assert len(report.all()) == 2


def test_a_word_like_a_known_one_is_suggested() -> None:
    report = Report()
    assert report.suggestion("vendor_strng", KNOWN) == "; did you mean VENDOR_STRING?"
    assert report.suggestion("xyz", KNOWN) == ""


def test_suggestions_end_after_many() -> None:
    report = Report()
    assert all(report.suggestion("NOTICES", KNOWN) for _ in range(SUGGESTIONS_MAX))
    assert report.suggestion("NOTICES", KNOWN) == ""


def test_long_text_is_shortened() -> None:
    assert shortened("x" * FOUND_CHARS_MAX) == "x" * FOUND_CHARS_MAX
    assert len(shortened("x" * (FOUND_CHARS_MAX + 1))) == FOUND_CHARS_MAX
