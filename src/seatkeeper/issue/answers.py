"""Who sent an order that cannot be issued learns everything that is wrong at once, each thing with its line and the line as it could be."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Final

from seatkeeper.catalog.model import nearest
from seatkeeper.issue.letters import Attachment, Letter, html_page
from seatkeeper.issue.template import template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.reading import OrderProblem

__all__ = ["PROBLEMS_SHOWN_MAX", "corrected_line", "problems_letter", "unreadable_letter"]

#: A letter is read by a person; the rest comes with the next one.
PROBLEMS_SHOWN_MAX: Final = 100

_MISSING: Final = re.compile(r"The key '(\w+)' is missing")
_MEANT: Final = re.compile(r"Did you mean '([^']+)'")
_KEY: Final = re.compile(r"(?P<table>\w+)(?:\[\d+\])?(?:\.(?P<key>\w+))?")


def problems_letter(problems: Sequence[OrderProblem], text: str, catalog: Catalog, contact: str) -> Letter:
    """What is wrong with an order; the order itself goes back with it, since the line numbers are its.

    Args:
        problems: Everything that was found.
        text: The order as it was read.
        catalog: What can be ordered.
        contact: Whom to ask.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    shown, count = errors[:PROBLEMS_SHOWN_MAX], f"{len(errors)} thing{'' if len(errors) == 1 else 's'}"
    head = (
        f"your order cannot be issued yet. {count} must be corrected; the line numbers are those of order.toml, which is attached "
        "as we read it."
    )
    rows = [_rows(problem, corrected_line(problem, text, catalog)) for problem in shown]
    more = [f"And {len(errors) - len(shown)} more; correct these first."] if len(errors) > len(shown) else []
    end = (
        "Correct order.toml and send it again, as a new mail. `seatkeeper order check order.toml` checks it beforehand. "
        f"Questions? Ask {contact}."
    )
    lines = ["Good day,", "", head, ""]
    for number, problem_rows in enumerate(rows, 1):
        width = max(len(name) for name, _ in problem_rows)
        lines += [f"{number}. {problem_rows[0][1]}", *[f"   {name:<{width}}  {value}" for name, value in problem_rows[1:]], ""]
    lines += [*more, end, ""]
    items = "".join(
        f"<li>{escape(each[0][1])}<table>"
        + "".join(f"<tr><th>{escape(name)}</th><td><code>{escape(value)}</code></td></tr>" for name, value in each[1:])
        + "</table></li>"
        for each in rows
    )
    body = ["<p>Good day,</p>", f"<p>{escape(head)}</p>", f"<ol>{items}</ol>", *[f"<p>{escape(line)}</p>" for line in (*more, end)]]
    subject = f"Your order cannot be issued yet: {count} to correct"
    return Letter(subject, "\n".join(lines), html_page(subject, body), (Attachment("order.toml", text.encode(errors="replace")),))


def unreadable_letter(sentence: str, contact: str) -> Letter:
    """That no order was found in what arrived, and why."""
    text = [
        "Good day,",
        sentence,
        f"`seatkeeper order template` prints an order to fill in. Questions? Ask {contact}.",
    ]
    subject = "No order was found in your mail"
    return Letter(subject, "\n\n".join(text) + "\n", html_page(subject, [f"<p>{escape(line)}</p>" for line in text]))


def corrected_line(problem: OrderProblem, text: str, catalog: Catalog) -> str:
    """The problem's line as it could be; empty where that cannot be told."""
    path = _KEY.fullmatch(problem.key)
    if path is None:
        return ""
    missing = _MISSING.search(problem.message)
    key = missing[1] if missing else path["key"] or ""
    lines = text.split("\n")
    written = lines[problem.line - 1].strip() if 0 < problem.line <= len(lines) else ""
    meant = _MEANT.search(problem.remedy)
    if problem.message.startswith("There is no such key"):
        return written.replace(key, meant[1], 1) if meant and written.startswith(key) else ""
    if key in ("product", "feature") and problem.found:
        known = [each.name for each in catalog.products] if key == "product" else [each.feature for each in catalog.technical]
        near = nearest(problem.found, known)[:1]
        return f"{key} = {json.dumps(near[0], ensure_ascii=False)}" if near else ""
    if meant:
        return f"{key} = {json.dumps(meant[1], ensure_ascii=False)}"
    return _sample(path["table"], key, catalog) if key else ""


def _sample(table: str, key: str, catalog: Catalog) -> str:
    """The template's line for a key."""
    inside = False
    for line in template(catalog, host="licsrv", hostid="0800200005ac").split("\n"):
        plain = line.removeprefix("#").strip()
        if plain.startswith("["):
            inside = plain.strip().partition("#")[0].strip().strip("[]") == table
        elif inside and re.match(rf"{re.escape(key)}\s*=", plain):
            return plain
    return ""


def _rows(problem: OrderProblem, line: str) -> list[tuple[str, str]]:
    place = f"Line {problem.line}, column {problem.column}" if problem.line else "The whole file"
    rows = [("", problem.message), ("Where", f"{place}: {problem.key}" if problem.key else place)]
    for name, value in (("Found", problem.found), ("Expected", problem.expected), ("What to do", problem.remedy), ("For example", line)):
        rows += [(name, value)] if value else []
    return rows
