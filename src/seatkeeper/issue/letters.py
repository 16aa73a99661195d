"""A letter says what is in it, what to do next, until when it is good and whom to ask, in plain text and in HTML alike.

A letter is a value; `compose` makes the mail of it. Date, message id and boundary are arguments, so one letter gives one mail,
byte for byte. No text of an order can become a header: control characters are refused in mailboxes and blanks elsewhere, and
addresses have to be addresses.

Credentials are private keys. A letter names those that the customer needs and says how to come by them; it carries them only
where somebody decided so, and then it says what that means.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.keys import credential_path
from seatkeeper.base.dates import NEVER
from seatkeeper.base.errors import InputError
from seatkeeper.issue.certificate_page import grouped, long_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from seatkeeper.issue.model import OrderServer
    from seatkeeper.issue.parcel import Parcel, ParcelFile

__all__ = [
    "CERTIFICATE_NAME",
    "SUBJECT_CHARS_MAX",
    "Attachment",
    "Envelope",
    "Letter",
    "Mailbox",
    "compose",
    "delivery_letter",
    "html_page",
    "parse_mailbox",
    "wrapped",
]

CERTIFICATE_NAME: Final = "certificate.pdf"
SUBJECT_CHARS_MAX: Final = 200
#: Of a letter's plain text (RFC 5322, 2.1.1).
_COLUMNS: Final = 78

_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([^@\s<>]+)")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_MAILBOX: Final = re.compile(r"(?:(?P<name>[^<>]*)<(?P<inner>[^<>]*)>|(?P<bare>[^<>\s]+))")
#: RFC 5321, 4.5.3.1: of a path, of a local part.
_ADDRESS_CHARS_MAX: Final = 254
_LOCAL_CHARS_MAX: Final = 64
_NAME_CHARS_MAX: Final = 200


class Mailbox(msgspec.Struct, frozen=True):
    """Who writes or is written to; the address can stand on an envelope."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a letter; its bytes arrive as they are."""

    name: str
    data: bytes
    media: str = "application/octet-stream"


class Letter(msgspec.Struct, frozen=True):
    """What is said, twice, and what goes with it."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()


class Envelope(msgspec.Struct, frozen=True):
    """Everything of a mail that its letter does not say.

    Attributes:
        sender: Who writes.
        recipients: To whom.
        date: When; it knows its time zone.
        message_id: `<unique@domain>`.
        boundary: What separates the parts; letters and digits that occur nowhere in the letter.
        answers: The message id of what this answers; empty for none.
        automatic: True where no person sends it, so that no program answers it (RFC 3834).
    """

    sender: Mailbox
    recipients: tuple[Mailbox, ...]
    date: datetime
    message_id: str
    boundary: str
    answers: str = ""
    automatic: bool = False


def parse_mailbox(text: str, name: str = "") -> Mailbox:
    """The mailbox that a person wrote, as `desk@vendor.example` or `Licensing desk <desk@vendor.example>`.

    Args:
        text: What was written.
        name: The option or place, for the error.

    Raises:
        InputError: It is none.
    """
    expected = "an address such as desk@vendor.example, or a name and <desk@vendor.example>"
    match = _MAILBOX.fullmatch(text.strip())
    shown = "".join(char if char.isprintable() else "?" for char in text[:_NAME_CHARS_MAX])
    if match is None or not text.strip().isprintable():
        raise InputError("This is not a mail address.", file=name, found=shown, expected=expected)
    address = (match["inner"] if match["bare"] is None else match["bare"]).strip()
    shown_name = " ".join((match["name"] or "").split()).strip('"').replace('"', "")
    parts = _ADDRESS.fullmatch(address)
    if parts is None or len(shown_name) > _NAME_CHARS_MAX:
        raise InputError("This is not a mail address.", file=name, found=shown, expected=expected)
    local, _, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain) or len(local) > _LOCAL_CHARS_MAX or len(local) + len(domain) >= _ADDRESS_CHARS_MAX:
        raise InputError("This is not a mail address.", file=name, found=shown, expected=expected)
    return Mailbox(f"{local}@{domain}", shown_name)


def compose(letter: Letter, envelope: Envelope) -> bytes:
    """The mail, with lines as they go over the wire; the same arguments give the same bytes."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(envelope.sender)
    message["To"] = [_address(each) for each in envelope.recipients]
    message["Subject"] = _single(letter.subject)[:SUBJECT_CHARS_MAX]
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = envelope.message_id
    if envelope.answers:
        message["In-Reply-To"] = envelope.answers
        message["References"] = envelope.answers
    if envelope.automatic:
        message["Auto-Submitted"] = "auto-replied" if envelope.answers else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for each in letter.attachments:
        maintype, _, subtype = each.media.partition("/")
        # base64 even for text: nothing on the way may touch a line's end.
        message.add_attachment(each.data, maintype=maintype, subtype=subtype, filename=_single(each.name), cte="base64")
    parts = [part for part in message.walk() if part.is_multipart()]
    for number, part in enumerate(parts):
        part.set_boundary(f"{envelope.boundary}-{number}")
    return message.as_bytes()


def delivery_letter(
    parcel: Parcel, vendor: str, contact: str, *, certificate: bytes | None = None, credentials: Sequence[Attachment] = ()
) -> Letter:
    """What goes to the customer with the files of an order.

    Args:
        parcel: What is delivered.
        vendor: The vendor's name.
        contact: Whom to ask, as a text.
        certificate: The certificate as PDF.
        credentials: The license servers' private keys, where they are to go by mail.
    """
    terms = parcel.order.terms
    names = [each.name for each in parcel.files]
    enclosed = [(each.name, _for_whom(each)) for each in parcel.files]
    enclosed.append((parcel.trust.name, "the trust file: by it the license server knows that the licenses are genuine"))
    enclosed += [(CERTIFICATE_NAME, "the certificate, with all quantities, for your records")] if certificate is not None else []
    enclosed += [(each.name, "the credential of a license server: a PRIVATE KEY") for each in credentials]
    facts = [
        ("Order", terms.number),
        ("Site", terms.site),
        ("Customer", terms.company),
        *([("Reseller", terms.reseller)] if terms.reseller else []),
        ("Purpose", terms.purpose if terms.purpose == "production" else f"{terms.purpose}, not for production"),
        ("Issued", long_date(parcel.issued)),
        ("Expires", _expiry(parcel.expires)),
    ]
    sums = [(each.name, grouped(each.sha256)) for each in parcel.files]
    steps = _steps(parcel, names, mailed=[each.name for each in credentials])
    many = "files" if len(names) > 1 else "file"
    what = (
        f"what is new or changed in your licenses, by order {terms.number}"
        if parcel.partial
        else f"your license {many} for order {terms.number}"
    )
    opening = f"{_greeting(terms.requestor)}\n\nhere {'are' if len(names) > 1 and not parcel.partial else 'is'} {what}."
    closing = f"Questions? Ask {contact}, and name order {terms.number}."
    text = "\n".join(
        [
            opening,
            "",
            *_columns(facts),
            "",
            "In this mail",
            "",
            *_columns(enclosed),
            "",
            "What to do now",
            "",
            *[line for number, step in enumerate(steps, 1) for line in _numbered(number, step)],
            "SHA-256, as sha256sum prints it but for the blanks",
            "",
            *[f"  {name}\n    {digits}" for name, digits in sums],
            "",
            closing,
            "",
            vendor,
            "",
        ]
    )
    body = [
        *[f"<p>{escape(line)}</p>" for line in opening.split("\n\n")],
        _html_table(facts),
        "<h2>In this mail</h2>",
        _html_table(enclosed),
        "<h2>What to do now</h2>",
        "<ol>" + "".join(f"<li>{_html_step(step)}</li>" for step in steps) + "</ol>",
        "<h2>SHA-256, as sha256sum prints it but for the blanks</h2>",
        _html_table(sums, code=True),
        f"<p>{escape(closing)}</p>",
        f"<p>{escape(vendor)}</p>",
    ]
    attachments = [
        *[Attachment(each.name, each.data) for each in parcel.files],
        Attachment(parcel.trust.name, parcel.trust_data),
        *([Attachment(CERTIFICATE_NAME, certificate, "application/pdf")] if certificate is not None else []),
        *credentials,
    ]
    subject = f"{'License changes' if parcel.partial else f'License {many}'} for order {terms.number}" + (
        "" if terms.purpose == "production" else f" ({terms.purpose})"
    )
    return Letter(subject, text, html_page(subject, body), tuple(attachments))


def html_page(title: str, body: Sequence[str]) -> str:
    """A whole HTML document, whose style goes with it and which loads nothing."""
    style = (
        "body{font-family:Georgia,serif;color:#1b2a33;max-width:42em;margin:1.5em}h2{font-size:1.05em;color:#1f3a4d;margin:1.4em 0 .4em}"
        "table{border-collapse:collapse}td,th{padding:.25em .9em .25em 0;vertical-align:top;text-align:left}"
        "th{color:#1f3a4d;white-space:nowrap}"
        # On a telephone too, a command is read to its end.
        "td,pre{overflow-wrap:anywhere}pre{white-space:pre-wrap;background:#eef2f5;padding:.5em;margin:.3em 0}"
        "code,pre{font-family:monospace}li{margin:.5em 0}"
    )
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head = f"<head>{meta}<title>{escape(title)}</title><style>{style}</style></head>"
    return f'<!DOCTYPE html>\n<html lang="en">{head}<body>\n' + "\n".join(body) + "\n</body></html>\n"


class _Step(msgspec.Struct, frozen=True):
    """A thing to do, and the commands for it."""

    text: str
    commands: tuple[str, ...] = ()


def _steps(parcel: Parcel, names: Sequence[str], mailed: Sequence[str]) -> list[_Step]:
    servers = [server for each in parcel.files for server in each.servers]
    several = len(parcel.files) > 1
    trust = parcel.trust.name
    first = "FILE" if several else names[0]
    if several:
        # The list above says which file is for which.
        what, where = f"its own license file, here called FILE, and {trust}", "on each license server"
    else:
        what = f"the license file {first} and {trust}"
        where = f"on the license server, {_hosts(servers)}" if len(servers) == 1 else f"on each of the license servers: {_hosts(servers)}"
    genuine = _Step("Check that the licenses are genuine and for this machine.", (f"seatkeeper license verify {first}",))
    if parcel.partial:
        beside = "the directory of the license file in use, here called LICENSE,"
        return [_Step(f"Save {what} together in {beside} {where}."), genuine, *_merge_steps(first)]
    vendor = trust.removesuffix(".trust")
    needed = f"{vendor}.<host id>.credential"
    if not several:
        needed = ", ".join(dict.fromkeys(credential_path(parcel.trust.parent, vendor, server.hostid).name for server in servers))
    start = "Start the license server there, where none runs yet:"
    if len(servers) > 1 and not several:
        start = "Start the license server on all three, where none runs yet; seats are given while two of the three run:"
    return [
        _Step(f"Save {what} together in one directory {where}."),
        _credential_step(needed, mailed, one=len(servers) == 1),
        genuine,
        _Step(start, (f"lmgrd -c {first} -l +debug.log",)),
        _Step(
            "Where one runs already, see first what changes, then let it read the new file. Nobody loses a seat that he still has:",
            (f"seatkeeper license diff OLD-FILE {first}", f"lmreread -c {first}"),
        ),
        _Step("See what is served:", (f"lmstat -a -c {first}",)),
    ]


def _merge_steps(first: str) -> list[_Step]:
    """How the lines of a delta come into the license server's own file."""
    return [
        _Step(
            f"{first} is not a whole license file, so do not serve it by itself. Put it together with LICENSE: see first what "
            "changes, then let it be written. The old file is kept beside the new one.",
            (f"seatkeeper license merge LICENSE {first}", f"seatkeeper license merge LICENSE {first} --apply"),
        ),
        _Step("Let the license server read LICENSE. Nobody loses a seat that he still has:", ("lmreread -c LICENSE",)),
        _Step("See what is served:", ("lmstat -a -c LICENSE",)),
    ]


def _credential_step(needed: str, mailed: Sequence[str], *, one: bool) -> _Step:
    """How the private keys come to the license servers."""
    keys = "credential" if one else "credentials"
    if mailed:
        text = (
            f"Put the {keys} ({needed}) there too, {'' if one else 'each only on its own server, '}readable only by the account that "
            "runs lmgrd, and delete this mail. Whoever else has read it can pose as your license server; if that is possible, ask us "
            "for new credentials."
        )
        return _Step(text, tuple(f"chmod 600 {name}" for name in mailed))
    what, where, them = ("is a private key", "it lies", "it") if one else ("are private keys", "they lie", "them")
    beside = "them" if one else "the files, each only on its own server"
    return _Step(
        f"Put the {keys} of the license server{'' if one else 's'} ({needed}) beside {beside}. The {keys} {what} and did not come by "
        f"mail: where {where} there from an earlier order, keep {them}; otherwise ask us, and we agree on a safe way."
    )


def _for_whom(each: ParcelFile) -> str:
    what = "the changes to the license file for" if each.partial else "the license file for"
    return f"{what} {_hosts(each.servers)}"


def _hosts(servers: Sequence[OrderServer]) -> str:
    return ", ".join(f"{server.host} (host id {server.hostid})" for server in servers)


def _expiry(day: date) -> str:
    return "never" if day == NEVER else f"after {long_date(day)}; order a renewal before that day"


def _greeting(person: str) -> str:
    return f"Dear {person},"


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [line for name, value in rows for line in wrapped(value, f"  {name:<{width}}  ", " " * (width + 4))]


def _numbered(number: int, step: _Step) -> list[str]:
    head = f"{number}. "
    return [*wrapped(step.text, head, " " * len(head)), *[f"     {command}" for command in step.commands], ""]


def wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """The text in lines that no mail program has to break; words, such as commands and names of files, stay whole."""
    return wrap(text, _COLUMNS, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False) or [first]


def _html_step(step: _Step) -> str:
    return escape(step.text) + "".join(f"<pre>{escape(command)}</pre>" for command in step.commands)


def _html_table(rows: Sequence[tuple[str, str]], *, code: bool = False) -> str:
    cells = [(escape(name), f"<code>{escape(value)}</code>" if code else escape(value)) for name, value in rows]
    return "<table>" + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in cells) + "</table>"


def _address(mailbox: Mailbox) -> Address:
    return Address(display_name=mailbox.name, addr_spec=mailbox.address)


def _single(text: str) -> str:
    """The text on one line, without anything that is not seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
