"""What the commands about usage share: their options, the site whose data they read, and how days and moments are written."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatkeeper.lrm.rows import utc

if TYPE_CHECKING:
    from seatkeeper.lrm.site import Site

__all__ = [
    "Database",
    "ItemOption",
    "Json",
    "ReportType",
    "day_given",
    "decimal_tables",
    "moment_given",
    "read",
    "site_of",
    "utc",
    "zone_given",
]

Database = Annotated[Path, typer.Option("--db", metavar="DIR", help="The directory with the usage data.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ItemOption = Annotated[str, typer.Option("--item", metavar="NAME", help="The sellable item, or a bundle.", show_default=False)]
ReportType = Annotated[Literal["system", "tenant", "agent-group", "place-group"], typer.Option("--type", help="Whom it is about.")]


def site_of(db: Path) -> Site:
    """Limits, bundles and settings in the directory, with the items that are built in."""
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.lrm.report import items_by_name
    from seatkeeper.lrm.site import read_site
    from seatkeeper.usage.measures import products_of

    return read_site(db, items_by_name(), products_of(load_catalog(None).measured))


def read(path: Path) -> str:
    """The file's text.

    Raises:
        InputError: It cannot be read, or is no UTF-8.
    """
    from seatkeeper.adapters.xmlform import read_bytes
    from seatkeeper.base.errors import InputError

    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("This file is no UTF-8.", file=str(path)) from None


def decimal_tables(path: Path) -> Any:
    """What a price file says, with exact decimal numbers.

    Raises:
        InputError: It cannot be read, or is no TOML.
    """
    from seatkeeper.base.errors import InputError

    try:
        return tomllib.loads(read(path), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The price file is no TOML: {error}.", file=str(path)) from None


def day_given(text: str, option: str) -> date:
    """The day that an option names.

    Raises:
        InputError: It names none.
    """
    from seatkeeper.base.errors import InputError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("This is no calendar day.", file=option, found=text, expected="YYYY-MM-DD") from None


def moment_given(text: str, option: str) -> int:
    """The moment that an option names, in UTC seconds; without an offset it is UTC.

    Raises:
        InputError: It names none.
    """
    from seatkeeper.base.errors import InputError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("This is no time.", file=option, found=text, expected="YYYY-MM-DDTHH:MM:SSZ") from None
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def zone_given(name: str) -> tzinfo | None:
    """The zone that `--zone` names; None for each tenant's own.

    Raises:
        InputError: There is none.
    """
    from seatkeeper.adapters.usagesettings import zone_named

    return None if name == "tenant" else zone_named(name, "--zone")
