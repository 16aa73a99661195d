"""A saved mail, or text pasted from one, becomes texts in which licenses may stand, each with the name of the part it came from.

A file is a mail where it begins as one, with fields such as `From:`; otherwise it is one text. Attachments come first, since nobody
re-wraps them; then the text, then the page (HTML) as its reader sees it.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.mailtext import MAIL_BYTES_MAX, html_text
from seatkeeper.licfile.parser import decode

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = ["PARTS_MAX", "MailPart", "read_mail"]

#: So many parts of a mail are looked at.
PARTS_MAX: Final = 64

_FIELD: Final = re.compile(rb"(?:From |[A-Za-z][A-Za-z0-9-]*:[ \t])")
_MAIL_FIELDS: Final = re.compile(rb"^(?:from|received|mime-version|content-type|message-id|return-path):", re.IGNORECASE | re.MULTILINE)


class MailPart(msgspec.Struct, frozen=True):
    """One text: what people call it, and what it holds."""

    name: str
    text: str


def read_mail(path: Path) -> tuple[MailPart, ...]:
    """The texts of a mail, or the one text of any other file.

    Raises:
        InputError: It cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAIL_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > MAIL_BYTES_MAX:
        remedy = "Save the attachment with the licenses by itself."
        raise InputError(f"This file is larger than {MAIL_BYTES_MAX >> 20} MiB.", file=str(path), remedy=remedy)
    if _is_mail(data):
        parts = _parts(message_from_bytes(data, policy=policy.default))
        if parts:
            return tuple(parts)
    text = decode(data)
    return (MailPart(path.name, html_text(text) if _is_page(text) else text),)


def _is_mail(data: bytes) -> bool:
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    return _FIELD.match(data) is not None and _MAIL_FIELDS.search(head) is not None


def _is_page(text: str) -> bool:
    return re.match(r"\s*<(?:!doctype\s+html|html)\b", text, re.IGNORECASE) is not None


def _parts(mail: EmailMessage) -> list[MailPart]:
    """The texts of a mail: attachments, text, pages."""
    attached, texts, pages = [], [], []
    for part in islice(mail.walk(), PARTS_MAX):
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        kind, name = part.get_content_type(), part.get_filename()
        if name is not None:
            attached.append(MailPart(f"attachment {_printable(name)}", _attachment(payload, kind)))
        elif kind == "text/html":
            pages.append(MailPart("page", html_text(_decoded(part, payload))))
        elif kind.startswith("text/"):
            texts.append(MailPart("text", _decoded(part, payload)))
    return [*attached, *texts, *pages]


def _attachment(payload: bytes, kind: str) -> str:
    text = decode(payload)
    return html_text(text) if kind == "text/html" or _is_page(text) else text


def _decoded(part: EmailMessage, payload: bytes) -> str:
    """The part's text in the encoding that it says it has, or else as a license file is read."""
    try:
        return payload.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decode(payload)


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:100]
