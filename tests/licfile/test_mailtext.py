"""License lines out of mails: each damage by itself, and any sequence of them at random, which must come back equal or be refused."""

from __future__ import annotations

import quopri
import textwrap
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.licfile import mailtext
from seatkeeper.licfile.mailtext import Imported, html_text, import_text
from seatkeeper.licfile.model import Blank, Comment, LicenseFile, Line, Parsed, Server, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.writer import write, write_line
from support.editing import HOSTID, TRUST, feature, random_file

HEAD: tuple[Line, ...] = (Server("licsrv", HOSTID, 7260), Vendor("genesys.d", "/opt/seatkeeper/genesys.d", "/etc/sk/a.opt", 7261, "DAEMON"))
LINES = (
    feature("tserver_sdn", 100, vendor_info="v8.0 - Voice seats, first site", NOTICE="Blue Harbor Trading (no reseller)", SN="4711"),
    feature("router_seats", 20, add=True, NOTICE="It's for the feature server room", SN="4712"),
)
TEXT = write(LicenseFile((Comment("#4711"), *HEAD, *LINES, Blank(), Comment("# Company : Pigeon Post Example Ltd"))))
MAIL = f"Dear customer,\n\nhere are your licenses. Server and feature names are below.\n\n{TEXT}\nKind regards,\n-- \nThe desk\n"


def judge(parsed: Parsed) -> dict[int, str]:
    return {verdict.index: verdict.sentence for verdict in verify_lines(parsed.file, TRUST, places=parsed.places) if not verdict.ok}


def import_(text: str) -> Imported:
    return import_text(text, judge)


def good(text: str) -> Imported:
    found = import_(text)
    assert found.problems == ()
    assert found.file.lines == (*HEAD, *LINES)
    assert parse(found.text).file.lines == (*HEAD, *LINES)
    return found


def wrapped(text: str, width: int = 72) -> str:
    return "\n".join("\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)) for line in text.split("\n"))


def printable(text: str) -> str:
    return quopri.encodestring(text.encode()).decode()


def smart(text: str) -> str:
    parts = text.split('"')
    return "".join(part + ("\u201c\u201d"[at % 2] if at < len(parts) - 1 else "") for at, part in enumerate(parts)).replace("'", "\u2019")


def test_an_undamaged_mail_needs_no_repair() -> None:
    assert good(TEXT).repairs == ()
    assert good(MAIL).repairs == ()


@pytest.mark.parametrize(
    ("damaged", "repair"),
    [
        (MAIL.replace("\n", "\r\n"), ""),
        ("\ufeff" + MAIL, "invisible"),
        (textwrap.indent(MAIL, "> "), "marks of quoting"),
        (textwrap.indent(MAIL, "> > "), "marks of quoting"),
        (wrapped(MAIL), "broken lines"),
        (wrapped(textwrap.indent(MAIL, ">> ")), "broken lines"),
        (MAIL.replace(" \\\n\t", " "), ""),
        (wrapped(MAIL.replace(" \\\n\t", " ")), "broken lines"),
        (MAIL.replace("seats", "se\u00adats").replace("Blue", "Bl\u200bue"), "invisible"),
        (MAIL.replace(" ", "\u00a0"), "no-break"),
        (MAIL.replace("\t", "        "), ""),
        (MAIL.replace("\n", "   \n"), ""),
        (smart(MAIL), "typographic"),
        (printable(MAIL), "quoted-printable"),
        (printable(MAIL).replace("=\n", ""), "quoted-printable"),
        (textwrap.indent(printable(MAIL), "> "), "quoted-printable"),
        (printable(textwrap.indent(MAIL, "> ")), "quoted-printable"),
        (MAIL.replace("\n", "\n\n"), ""),
        (TEXT + TEXT, "twice"),
    ],
)
def test_a_damage_is_repaired(damaged: str, repair: str) -> None:
    assert repair in " ".join(good(damaged).repairs)


@pytest.mark.parametrize("columns", range(50, 81, 3))
def test_a_break_at_any_column_is_repaired_within_a_word_and_beside_a_blank(columns: int) -> None:
    cut = []
    for line in MAIL.replace(" \\\n\t", " ").split("\n"):
        # What is broken off a DAEMON line is no signature's, and refused.
        is_license = line.startswith(("FEATURE", "INCREMENT"))
        cut += [line[at : at + columns] for at in range(0, len(line), columns)] if is_license else [line]
    good("\n".join(cut))


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (MAIL.replace(" 100 ", " 200 "), "changed after signing"),
        (MAIL.replace("DAEMON", "DEMON"), "no DAEMON line"),
        ("Nothing but a letter.\nServer and feature names follow.\n", "no license line"),
        ("", "no license line"),
        (MAIL.replace("port=7261\n", "port=7261\nthe rest of it\n"), "may be the rest of the DAEMON line"),
        (smart(MAIL.replace("first site", "John's site")), "apostrophe"),
        (MAIL[: MAIL.index("router_seats") + 60], "Unknown attribute"),
    ],
)
def test_what_cannot_be_proven_is_refused(damaged: str, message: str) -> None:
    found = import_(damaged)
    assert found.text == ""
    assert message in " ".join(problem.message for problem in found.problems)


def test_a_commented_license_does_not_come_to_life() -> None:
    line = write(LicenseFile((feature("tserver_sdn", 5),)), columns=400).rstrip()
    text = wrapped(f"{write(LicenseFile((*HEAD, *LINES)))}# On the advice of our own administrator, this one is not in force: {line}\n", 70)
    assert "\nFEATURE tserver_sdn genesys.d 8.0 permanent 5 " in text
    found = import_(text)
    assert found.text == ""
    assert any("may be the rest of the comment" in problem.message for problem in found.problems)


def test_the_rest_of_a_comment_that_speaks_of_lines_is_no_line() -> None:
    said = "# Bring this to all machines. The order of the\nSERVER lines must be the same. Of two\nFEATURE lines of one name one is used.\n"
    good(MAIL + said)
    good(MAIL + textwrap.indent(said, "> "))
    assert import_(MAIL + said.replace("# ", "").replace("the\n", "the\n\n")).text == ""
    # A license whose version was damaged is one all the same, and not left out.
    assert import_(MAIL + "# The next site:\nFEATURE tserver_sdn genesys.d eight permanent 5 SIGN=64C2\n").text == ""


def test_a_long_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailtext, "MAIL_BYTES_MAX", len(MAIL))
    assert "longer than" in import_(MAIL * 2).problems[0].message


def test_a_quote_that_is_never_closed_takes_no_more_than_a_license_can_have() -> None:
    found = import_('FEATURE x "\n' + "and so on\n" * 20_000 + TEXT)
    assert found.text == ""
    assert found.count == 2


def test_html() -> None:
    page = "<html><head><style>p {}</style></head><body><p>Dear <b>all</b>,</p><div>"
    page += TEXT.replace('"', "&quot;").replace(" ", "&nbsp;").replace("\n", "<br>\n") + "</div><pre>a  b\nc</pre></body></html>"
    text = html_text(page)
    assert "Dear all," in text
    assert "a  b\nc" in text
    assert "p {}" not in text
    good(text)


DAMAGES = (
    lambda text, r: textwrap.indent(text, r.choice(["> ", ">", ">> ", "    "]), lambda _: True),
    lambda text, r: wrapped(text, r.choice([60, 72, 76, 78])),
    lambda text, r: "".join(char + ("\u00ad" if char.isalpha() and r.random() < 0.03 else "") for char in text),
    lambda text, r: "".join("\u00a0" if char == " " and r.random() < 0.2 else char for char in text),
    lambda text, r: smart(text),
    lambda text, r: printable(text),
    lambda text, r: text.replace("=", "=3D"),
    lambda text, r: text.replace("\t", " " * r.choice([1, 4, 8])),
    lambda text, r: text.replace("\n", "\r\n"),
    lambda text, r: "\n".join(line + " " * r.randrange(3) for line in text.split("\n")),
    lambda text, r: "\ufeff" + text,
    lambda text, r: "\n".join(line.removesuffix("\\") for line in text.split("\n")),
    lambda text, r: text + "\n-- \nThe desk of Pigeon Post Example Ltd\n",
    lambda text, r: "From: desk@pigeon.example\nSubject: Server and feature licenses\n\n" + text,
)


def without_comments(text: str) -> list[Line]:
    return [line for line in parse(text).file.lines if not isinstance(line, Comment | Blank)]


def folded(line: Line) -> str:
    # A run of blanks is one blank for a signature, too.
    return " ".join(write_line(line, columns=10000).split())


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
def test_any_sequence_of_damages_comes_back_equal_or_is_refused(seed: int) -> None:
    r = Random(seed)
    text = random_file(r) if r.random() < 0.7 else TEXT
    before = without_comments(text)
    for _ in range(r.randrange(4)):
        text = r.choice(DAMAGES)(text, r)
    found = import_(text)
    if not found.problems:
        assert [folded(line) for line in found.file.lines] == list(dict.fromkeys(map(folded, before)))
