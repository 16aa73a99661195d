"""What is delivered is on the disk as a whole before it leaves, and what became of it is in a list that only grows.

`deliveries.jsonl` has two lines for each delivery: `begun` before anything leaves, and then what became of it. A delivery without
the second line broke off: whether it went out is not known, and a person decides whether to deliver again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from seatkeeper.adapters.wholefile import append_line
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DELIVERIES_NAME", "Delivery", "DeliveryRecorder", "FileDeliveryRecorder", "Outcome"]

DELIVERIES_NAME: Final = "deliveries.jsonl"

#: `written`: it lies in the outbox; `unknown`: the mail server may have it; the others as for `adapters.mail.MailError`.
Outcome = Literal["written", "sent", "refused", "later", "unknown"]


class Delivery(msgspec.Struct, frozen=True):
    """One delivery.

    Attributes:
        id: Unlike any other's.
        at: When, in ISO 8601.
        order: The order's number.
        site: The site's number.
        files: Name and SHA-256 of each license file.
        credentials: The names of private keys that go with it.
        recipients: The addresses; empty where files are only written.
        by: How: the mail server, or the outbox.
        message_id: Of the mail.
        mail_sha256: Of the mail's bytes.
    """

    id: str
    at: str
    order: str
    site: str
    files: tuple[tuple[str, str], ...]
    credentials: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    by: str = ""
    message_id: str = ""
    mail_sha256: str = ""


class DeliveryRecorder(Protocol):
    """Who keeps what was delivered: a list beside the keys, or the desk's registry."""

    def begun(self, delivery: Delivery, /) -> None:
        """A delivery is on the disk for good, before anything leaves.

        Raises:
            InputError: It cannot be kept; nothing may leave then.
        """

    def ended(self, delivery: str, outcome: Outcome, detail: str, /) -> None:
        """What became of the delivery of this id is on the disk for good."""


class FileDeliveryRecorder:
    """Keeps deliveries in `deliveries.jsonl` of a directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / DELIVERIES_NAME

    def begun(self, delivery: Delivery, /) -> None:
        """A line with `"event": "begun"` is in the list."""
        self._append({"event": "begun", **msgspec.to_builtins(delivery)})

    def ended(self, delivery: str, outcome: Outcome, detail: str, /) -> None:
        """A line with the outcome is in the list."""
        self._append({"event": outcome, "id": delivery, "detail": detail})

    def _append(self, line: dict[str, object]) -> None:
        try:
            append_line(self.path, msgspec.json.encode(line))
        except OSError as error:
            remedy = "Make the directory writable, or name another with --keys."
            raise InputError(f"The list of deliveries cannot be written: {error.strerror}.", file=str(self.path), remedy=remedy) from None
