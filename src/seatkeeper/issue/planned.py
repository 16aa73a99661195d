"""A planned license file as a value: every FEATURE line knows why it is there, and the file which servers it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from seatkeeper.issue.model import OrderServer
    from seatkeeper.licfile.model import LicenseFile

__all__ = ["Plan", "PlannedLine"]


class PlannedLine(msgspec.Struct, frozen=True):
    """Why one FEATURE line is in the file.

    Attributes:
        name: The feature.
        version: Its version.
        count: Its seats.
        product: The sellable item whose own line it is; empty for a technical license.
        rule: The quantity rule of a technical license.
        items: The sellable items that need it.
        asked: How many of it the order asked for by name.
        attributes: What the line says beside the usual, such as BORROW; an empty value is a bare word.
    """

    name: str
    version: str
    count: int
    product: str = ""
    rule: str = ""
    items: tuple[str, ...] = ()
    asked: int = 0
    attributes: tuple[tuple[str, str], ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """A file that is ready to be signed, and what each of its FEATURE lines is for.

    Attributes:
        file: The file.
        lines: One for each of its FEATURE lines.
        servers: The license servers that it is for: one, or three redundant ones.
        left_out: Features of the order that only other independent servers have.
        division: How independent servers divide the licenses, for people; empty for others.
        changes: Of a delta: what it changes in the old file, one sentence each; empty for a complete file.
        is_delta: Whether it holds only what is new or changed.
    """

    file: LicenseFile
    lines: tuple[PlannedLine, ...]
    servers: tuple[OrderServer, ...]
    left_out: tuple[str, ...] = ()
    division: str = ""
    changes: tuple[str, ...] = ()
    is_delta: bool = False
