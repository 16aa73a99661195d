"""A refused order goes back with everything that is wrong, and with lines as they could be."""

from __future__ import annotations

from datetime import date

from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.answers import problems_letter, unreadable_letter
from seatkeeper.issue.order import check_order
from support.desk_mail import ORDER

TODAY = date(2026, 3, 14)


def test_all_that_is_wrong_with_its_line(catalog: Catalog) -> None:
    text = (
        ORDER.replace("Genesys E-mail", "Genesys E-mial")
        .replace("quantity = 100", "quantity = 0")
        .replace('company = "Pigeon Post Example Ltd"\n', "")
        .replace("requestor =", "requester =")
        .replace("vcb_full", "vcb_ful")
        .replace("deployment", "#deployment")
    )
    problems = check_order(text, "order.toml", catalog, TODAY).problems
    letter = problems_letter(problems, text, catalog, "desk@vendor.example")
    errors = [problem for problem in problems if problem.severity == "error"]
    assert len(errors) >= 5
    assert letter.subject == f"Your order cannot be issued yet: {len(errors)} things to correct"
    for problem in errors:
        assert problem.message in " ".join(letter.text.split())
        assert f"Line {problem.line}, column" in letter.text
    for line in (
        'product = "Genesys E-mail"',
        'feature = "vcb_full"',
        'requestor = "Alex Example"',
        'company = "Pigeon Post Example Ltd"',
        "quantity = 150",
    ):
        assert f"For example  {line}" in letter.text, line
    assert [line for line in letter.text.splitlines() if len(line) > 78 and "  For example  " not in line and "  Found  " not in line] == []
    assert letter.attachments[0].data.decode() == text
    assert letter.html.count("<li>") == len(errors)
    assert "Ask desk@vendor.example" in letter.text


def test_what_is_not_toml_and_what_is_no_order(catalog: Catalog) -> None:
    problems = check_order("[order\n", "order.toml", catalog, TODAY).problems
    letter = problems_letter(problems, "[order\n", catalog, "us")
    assert letter.subject == "Your order cannot be issued yet: 1 thing to correct"
    assert "This is not TOML" in letter.text
    letter = unreadable_letter("Archives <are> not opened.", catalog, "us")
    assert "Archives <are> not" in letter.text
    assert "&lt;are&gt;" in letter.html
    # Who did not know how an order looks can send this one.
    (form,) = letter.attachments
    assert check_order(form.data.decode(), form.name, catalog, TODAY).order is not None
