"""Who sent an order that cannot be issued learns everything that is wrong at once, each thing with its line and the line as it could be."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Final

from seatkeeper.catalog.model import nearest
from seatkeeper.issue.letters import Attachment, Letter, html_page, wrapped
from seatkeeper.issue.template import template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.issue.reading import OrderProblem

__all__ = ["PROBLEMS_SHOWN_MAX", "corrected_line", "problems_letter", "unreadable_letter"]

#: A letter is read by a person; the rest comes with the next one.
PROBLEMS_SHOWN_MAX: Final = 100

#: What stands in the order, or could: it stays on one line.
_LITERAL: Final = ("Found", "For example")
#: The license server of a sample.
_HOST: Final = "licsrv"
_HOSTID: Final = "0800200005ac"
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
    lines = ["Good day,", "", *wrapped(head), ""]
    for number, problem_rows in enumerate(rows, 1):
        width = max(len(name) for name, _ in problem_rows)
        lines += wrapped(problem_rows[0][1], f"{number}. ", "   ")
        for name, value in problem_rows[1:]:
            start = f"   {name:<{width}}  "
            lines += [start + value] if name in _LITERAL else wrapped(value, start, " " * len(start))
        lines.append("")
    lines += [*more, *wrapped(end), ""]
    items = "".join(
        f"<li>{escape(each[0][1])}<table>"
        + "".join(f"<tr><th>{escape(name)}</th><td>{_cell(name, value)}</td></tr>" for name, value in each[1:])
        + "</table></li>"
        for each in rows
    )
    body = ["<p>Good day,</p>", f"<p>{escape(head)}</p>", f"<ol>{items}</ol>", *[f"<p>{escape(line)}</p>" for line in (*more, end)]]
    subject = f"Your order cannot be issued yet: {count} to correct"
    return Letter(subject, "\n".join(lines), html_page(subject, body), (Attachment("order.toml", text.encode(errors="replace")),))


def unreadable_letter(sentence: str, catalog: Catalog, contact: str) -> Letter:
    """That no order was found in what arrived, and why; an order to fill in goes with it."""
    said = [
        "Good day,",
        sentence,
        f"An order to fill in is attached, with invented names in it. Send it back as a new mail. Questions? Ask {contact}.",
    ]
    subject = "No order was found in your mail"
    text = "\n\n".join("\n".join(wrapped(line)) for line in said) + "\n"
    form = Attachment("order.toml", template(catalog, host=_HOST, hostid=_HOSTID).encode())
    return Letter(subject, text, html_page(subject, [f"<p>{escape(line)}</p>" for line in said]), (form,))


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
    for line in template(catalog, host=_HOST, hostid=_HOSTID).split("\n"):
        plain = line.removeprefix("#").strip()
        if plain.startswith("["):
            inside = plain.strip().partition("#")[0].strip().strip("[]") == table
        elif inside and re.match(rf"{re.escape(key)}\s*=", plain):
            return plain
    return ""


def _cell(name: str, value: str) -> str:
    return f"<code>{escape(value)}</code>" if name in _LITERAL else escape(value)


def _rows(problem: OrderProblem, line: str) -> list[tuple[str, str]]:
    place = f"Line {problem.line}, column {problem.column}" if problem.line else "The whole file"
    rows = [("", problem.message), ("Where", f"{place}: {problem.key}" if problem.key else place)]
    for name, value in (("Found", problem.found), ("Expected", problem.expected), ("What to do", problem.remedy), ("For example", line)):
        rows += [(name, value)] if value else []
    return rows
