"""docs/applications.md says of every application what its profile says: its tables are made from the profiles.

SEATKEEPER_REWRITE_GOLDEN=1 rewrites them, as it does the golden files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.apps.application import EXIT_UNLICENSED, RETRY_S
from seatkeeper.apps.options import COUNT_MAX, RESTART
from seatkeeper.apps.profile import BEHAVIOURS
from seatkeeper.apps.registry import APPLICATIONS
from seatkeeper.base import logevents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatkeeper.apps.options import Option
    from seatkeeper.apps.profile import Profile

PAGE = Path(__file__).resolve().parent.parent / "docs" / "applications.md"
PROFILES = [made.profile for made in APPLICATIONS.values()]


def table(*rows: Iterable[str]) -> list[str]:
    """A table of the manual; the first row is its head."""
    head, *body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [head, re.sub(r"[^|]+", "---", head), *body]


def behaviours() -> list[str]:
    """Which ways to hold seats there are, and who uses them."""
    used = {word: [p.name for p in PROFILES if any(license.behaviour == word for license in p.licenses)] for word in BEHAVIOURS}
    assert all(used.values()), "a behaviour is nobody's"
    return table(("behaviour", "what it does", "applications"), *((word, BEHAVIOURS[word], ", ".join(used[word])) for word in BEHAVIOURS))


def option_text(option: Option) -> str:
    default = str(option.default).lower() if isinstance(option.default, bool) else option.default
    return f"`{option.name}` ({default}){'†' if option.takes_effect == RESTART else ''}"


def application(profile: Profile) -> tuple[str, ...]:
    """The row of one application; its behaviours and their features stand on the same lines."""
    features: dict[str, list[str]] = {}
    for license in profile.licenses:
        features.setdefault(license.behaviour, []).append(f"`{license.feature}` {license.version}")
    return (
        f"{profile.name}<br>`{profile.type}`",
        "<br>".join(features),
        "<br>".join(", ".join(names) for names in features.values()),
        "<br>".join(map(option_text, profile.options)) or "none",
        profile.unlicensed,
        profile.violation,
        profile.recovery,
    )


def applications() -> list[str]:
    """What an administrator wants to know of each."""
    head = ("application", "behaviour", "features", "options", "startup without license", "run-time violation", "recovery")
    return table(head, *map(application, PROFILES))


def degrading() -> list[str]:
    """What works less well without a license."""
    rows = [(profile.name, function, text) for profile in PROFILES for function, text in profile.functions]
    return table(("application", "function", "how it degrades"), *rows)


GENERATED = {"behaviours": behaviours, "applications": applications, "degrading": degrading}


@pytest.mark.parametrize("name", GENERATED)
def test_the_tables_are_those_of_the_profiles(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: made from the profiles -->\n\n", f"\n\n<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    there, ended, after = rest.partition(end)
    assert found, f"{PAGE.name} has no {begin.strip()}"
    assert ended, f"{PAGE.name} has no {end.strip()}"
    expected = "\n".join(GENERATED[name]())
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        PAGE.write_text(f"{before}{begin}{expected}{end}{after}", encoding="utf-8")
        there = expected
    assert there == expected, "the profiles have changed: SEATKEEPER_REWRITE_GOLDEN=1 writes the table anew"


def test_the_table_has_a_row_for_each_application() -> None:
    rows = [line for line in applications()[2:] if line.startswith("|")]
    assert len(rows) == len(APPLICATIONS) >= 25
    assert {re.findall(r"<br>`([^`]+)`", row)[0] for row in rows} == APPLICATIONS.keys()
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}


def test_the_messages_are_those_that_applications_write() -> None:
    text = PAGE.read_text(encoding="utf-8")
    numbers = {logevents.STARTED, logevents.TERMINATED, logevents.LICENSE_FAIL, logevents.CHECKED_OUT, logevents.LICENSE_RESTORED}
    numbers |= {logevents.SERVER_LOST, logevents.SERVER_RESTORED, logevents.SERVER_CHANGED}
    assert [f"{number:05}" for number in sorted(numbers) if f"| {number:05} |" not in text] == []
    for message in (logevents.license_fail("%s"), logevents.license_restored("%s")):
        assert f"`{message.text}`" in text
    for kind in (logevents.NO_SERVER, logevents.NO_LICENSE, logevents.USAGE_EXCEEDED):
        assert f"`{kind}`" in text


def test_its_numbers_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"exit status {EXIT_UNLICENSED}" in text
    assert f"every {RETRY_S:.0f} seconds" in text
    assert f"{COUNT_MAX} seats" in text
