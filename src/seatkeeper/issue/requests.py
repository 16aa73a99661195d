"""Whatever arrives, as a mail or as a file, is an order's text with somebody to answer, or it is clear why it is neither.

An order comes as a TOML file, attached to a mail or alone, or stands in a mail's text. Nothing of a mail is trusted: names of
attachments are never used as paths, archives are not opened, and what a program sent is not answered, so that two programs
never write to each other for ever (RFC 3834).
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.issue.letters import Mailbox, parse_mailbox
from seatkeeper.issue.order import ORDER_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PARTS_MAX", "REQUEST_BYTES_MAX", "Request", "Unanswerable", "Unreadable", "read_request", "request_id"]

#: Of a mail or file that arrives.
REQUEST_BYTES_MAX: Final = 5_000_000
#: Of a mail's parts.
PARTS_MAX: Final = 50

_ID_CHARS: Final = 20
_MESSAGE_ID_CHARS_MAX: Final = 500
_TABLE: Final = re.compile(r"\s*\[\[?\s*(?:order|items|licenses|environment|servers|applications|switches)\s*\]\]?\s*(?:#.*)?")
_SIGNATURE: Final = re.compile(r"--\s*|_{8,}\s*")
_BULK: Final = frozenset({"bulk", "junk", "list"})


class Unanswerable(Exception):
    """Nobody is to be answered; the text says why, in a sentence."""


class Unreadable(Exception):
    """There is somebody to answer, but no order; the text says why, in a sentence or two."""

    def __init__(self, sentence: str, request: Request) -> None:
        super().__init__(sentence)
        self.request = request


class Request(msgspec.Struct, frozen=True):
    """An order that arrived.

    Attributes:
        text: The order; empty where there is none.
        sender: Who is to be answered; None for a file.
        message_id: Of the mail.
        subject: Of the mail.
    """

    text: str = ""
    sender: Mailbox | None = None
    message_id: str = ""
    subject: str = ""


def request_id(data: bytes, *, mail: bool) -> str:
    """What a request is called: the same for the same message id, or for the same bytes where there is none."""
    key = b"bytes\0" + data
    if mail and (message_id := _message_id(_parsed(data))):
        key = b"message-id\0" + message_id.encode("utf-8", "surrogateescape")
    return sha256(key).hexdigest()[:_ID_CHARS]


def read_request(data: bytes, *, mail: bool, own: str = "") -> Request:
    """The order in a mail or a file.

    Args:
        data: What arrived.
        mail: Whether it is a mail.
        own: Our own address, which never gets an answer.

    Raises:
        Unanswerable: Nobody is to be answered.
        Unreadable: There is no order in it, but somebody who should know.
    """
    if not mail:
        return _of_file(data)
    message = _parsed(data)
    if message is None:
        raise Unanswerable("This is no mail that can be read.")
    request = Request(sender=_sender(message, own), message_id=_message_id(message), subject=_head(message, "subject"))
    try:
        parts = list(_parts(message, request))
        return msgspec.structs.replace(request, text=_order_of(parts, request))
    except Unreadable:
        raise
    except Exception as error:
        # The library's parser meets hostile mails with errors of many kinds.
        raise Unreadable(f"Your mail cannot be read ({type(error).__name__}). Attach the order as a file order.toml.", request) from None


def _of_file(data: bytes) -> Request:
    if len(data) > ORDER_BYTES_MAX:
        raise Unreadable(f"The file is too large to be an order; {ORDER_BYTES_MAX:,} bytes are possible.", Request())
    try:
        return Request(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"The order is not in UTF-8: see line {line}. Save it with the encoding UTF-8.", Request()) from None


def _parsed(data: bytes) -> EmailMessage | None:
    try:
        message = message_from_bytes(data, policy=default)
    except Exception:
        return None
    return message if isinstance(message, EmailMessage) else None


def _head(message: EmailMessage | None, name: str) -> str:
    """A header as one line; empty where it is missing or cannot be read."""
    try:
        return " ".join(str(message[name] or "").split()) if message is not None else ""
    except Exception:
        return ""


def _message_id(message: EmailMessage | None) -> str:
    found = _head(message, "message-id")
    return found if len(found) <= _MESSAGE_ID_CHARS_MAX and re.fullmatch(r"<[!-;=?-~]+>", found) else ""


def _sender(message: EmailMessage, own: str) -> Mailbox:
    automatic = _head(message, "auto-submitted").lower().partition(";")[0].strip()
    if automatic not in ("", "no"):
        raise Unanswerable("A program sent this mail (Auto-Submitted), and is not answered.")
    if _head(message, "precedence").lower() in _BULK or message.get("list-id") is not None:
        raise Unanswerable("This mail came by a list or in bulk, and is not answered.")
    if _head(message, "return-path") == "<>":
        raise Unanswerable("This mail reports an undelivered one, and is not answered.")
    try:
        # Only From is answered: a Reply-To could lead the licenses of somebody who is allowed to somebody who is not.
        (header,) = message.get_all("from") or []
        (only,) = header.addresses
        mailbox = parse_mailbox(only.addr_spec)
    except (InputError, ValueError, AttributeError, IndexError, TypeError, UnicodeError):
        raise Unanswerable("From is not one mail address, so nobody can be answered.") from None
    if own and mailbox.address.lower() == own.lower():
        raise Unanswerable("This mail is from our own address.")
    name = "".join(char if char.isprintable() else " " for char in str(only.display_name))
    return Mailbox(mailbox.address, " ".join(name.split())[:100].replace('"', ""))


def _parts(message: EmailMessage, request: Request) -> Iterator[EmailMessage]:
    for number, part in enumerate(message.walk()):
        if number == PARTS_MAX:
            raise Unreadable(f"Your mail has more than {PARTS_MAX} parts. Send the order alone.", request)
        if isinstance(part, EmailMessage) and not part.is_multipart():
            yield part


def _order_of(parts: list[EmailMessage], request: Request) -> str:
    files = [
        part for part in parts if (part.get_filename() or "").lower().endswith(".toml") or part.get_content_type() == "application/toml"
    ]
    if len(files) > 1:
        raise Unreadable("Your mail has several orders. Send each in a mail of its own.", request)
    if files:
        data = files[0].get_payload(decode=True)
        try:
            return _of_file(data if isinstance(data, bytes) else b"").text
        except Unreadable as error:
            raise Unreadable(str(error), request) from None
    for part in parts:
        if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
            text = str(part.get_content()).replace("\r\n", "\n").replace("\xa0", " ")
            if len(text) <= ORDER_BYTES_MAX and (found := _within(text)):
                return found
    archives = any((part.get_filename() or "").lower().endswith((".zip", ".7z", ".gz", ".rar", ".tar")) for part in parts)
    advice = " Archives are not opened." if archives else ""
    raise Unreadable(
        f"There is no order in your mail.{advice} Attach it as a file order.toml, or write it as the mail's plain text.", request
    )


def _within(text: str) -> str:
    """The order within a letter: from the first line that begins one of its tables to the signature; empty where there is none."""
    lines = text.split("\n")
    start = next((at for at, line in enumerate(lines) if _TABLE.fullmatch(line)), None)
    if start is None:
        return ""
    end = next((at for at in range(start, len(lines)) if _SIGNATURE.fullmatch(lines[at])), len(lines))
    return "\n".join(lines[start:end]).rstrip() + "\n"
