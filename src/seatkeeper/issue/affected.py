"""When an issuer key was stolen, the list of issued files, or the registry, tells which of them it signed on or after that day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.base.dates import format_date, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.issue.record import RECORD_NAME, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seatkeeper.adapters.registry_reading import View

__all__ = ["RECORD_BYTES_MAX", "affected", "read_records", "registered_records"]

#: A line of the list holds one whole unsigned file.
RECORD_BYTES_MAX: Final = 64 * 1024 * 1024


def affected(records: Iterable[Record], issuer: str, since: date) -> list[Record]:
    """The records of files that the issuer signed on the day `since` or later, in the order in which they were written."""
    return [record for record in records if record.issuer == issuer and parse_date(record.issued) >= since]


def read_records(directory: Path) -> tuple[list[Record], list[int]]:
    """What the list of issued files in `directory` says, oldest first, and the numbers of torn lines; nothing where there is no list.

    A line that a crash has torn was never followed by a signature, since it is on the disk before one is made.

    Raises:
        InputError: It cannot be read, or a whole line of it is no record.
    """
    path = directory / RECORD_NAME
    records: list[Record] = []
    torn: list[int] = []
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return records, torn
    except OSError as error:
        raise InputError(f"The record of issued files cannot be read: {error.strerror}.", file=str(path)) from None
    with file:
        number = 0
        while line := file.readline(RECORD_BYTES_MAX + 1):
            number += 1
            if len(line) > RECORD_BYTES_MAX:
                raise InputError(f"This line is longer than {RECORD_BYTES_MAX} bytes.", file=str(path), line=number)
            try:
                records.append(msgspec.json.decode(line, type=Record))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                if _is_json(line):
                    raise InputError(f"This is no record of an issued file: {error}.", file=str(path), line=number) from None
                torn.append(number)
    return records, torn


def registered_records(view: View) -> list[Record]:
    """The files in force that a registry has, oldest first, each with the order that counts now: that is the one to sign anew."""
    from seatkeeper.adapters.registry_reading import LIVE
    from seatkeeper.issue.desk_base import order_in_force

    customers = view.site_customers()
    found = []
    for file in view.files(states=LIVE):
        # A delta leaves the files before it in force, so the file of an order may outlive it.
        order = order_in_force(view, view.order(file.order))
        found.append(
            Record(
                order=order.number,
                site=order.site,
                company=customers[order.site],
                purpose=order.purpose,
                issued=format_date(date.fromisoformat(file.issued)),
                expires=file.expires,
                vendor=file.vendor,
                hostids=tuple(file.hostids.split()),
                issuer=file.issuer,
                file=file.destination,
                sha256=file.sha256,
                unsigned=file.unsigned,
            )
        )
    return found


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True
