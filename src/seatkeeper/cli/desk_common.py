"""Every command of the desk opens the registry in the same way, and reads numbers, days and quantities alike."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from seatkeeper.issue.desk import Desk

__all__ = [
    "ByOption",
    "CatalogOption",
    "JsonOption",
    "OptionalRegistry",
    "RegistryOption",
    "check_installed",
    "maintenance",
    "open_desk",
    "parse_day",
    "parse_pairs",
    "parse_quantities",
]

#: What is counted has at most so many, as in an order.
_QUANTITY_MAX: Final = 999_999

RegistryOption = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="WHERE",
        envvar="SEATKEEPER_REGISTRY",
        show_envvar=False,
        help="The registry: a file, or postgresql://ACCOUNT@HOST/DATABASE; else what SEATKEEPER_REGISTRY says.",
    ),
]
#: Of commands that can do without one.
OptionalRegistry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="WHERE",
        envvar="SEATKEEPER_REGISTRY",
        show_envvar=False,
        help="The desk's registry, which then keeps what is done here; else what SEATKEEPER_REGISTRY says.",
    ),
]
ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who is at the desk, for the history.", show_default="the login account")
]
CatalogOption = Annotated[
    Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def open_desk(where: str, by: str = "", catalog: Path | None = None) -> Iterator[Desk]:
    """The desk on that registry, now, for whoever is at it.

    Raises:
        InputError: There is no registry, or the desk's packages are not installed.
    """
    check_installed()
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.host import user_name
    from seatkeeper.adapters.registry import Registry
    from seatkeeper.issue.desk import Desk

    with Registry(where) as registry:
        yield Desk(registry, load_catalog(catalog), clock.now(), clock.today(), by or user_name())


def check_installed() -> None:
    """Return only if the packages that the registry needs are there."""
    from importlib.util import find_spec

    from seatkeeper.base.errors import SeatkeeperError

    if find_spec("sqlalchemy") is None:
        raise SeatkeeperError("The licensing desk needs packages that are not installed: install seatkeeper[desk].")


def parse_quantities(pairs: Sequence[str] | None, option: str) -> dict[str, int]:
    """Name -> quantity, of options such as `Genesys E-mail=20`."""
    from seatkeeper.base.errors import InputError

    found = {}
    for name, text in parse_pairs(pairs, option, "NAME=QUANTITY").items():
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _QUANTITY_MAX):
            raise InputError(
                f"This is no quantity of {name}.", file=option, found=text, expected=f"a whole number from 1 to {_QUANTITY_MAX:,}"
            )
        found[name] = int(text)
    return found


def parse_pairs(pairs: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """What stands before and behind the last `=` of each option.

    Raises:
        InputError: One side is empty, or a name is there twice.
    """
    from seatkeeper.base.errors import InputError

    found: dict[str, str] = {}
    for pair in pairs or ():
        name, _, value = (part.strip() for part in pair.rpartition("="))
        if not name or not value:
            raise InputError("This cannot be read.", file=option, found=pair, expected=f'{option} "{form}"')
        if name in found:
            raise InputError("This is named twice.", file=option, found=name)
        found[name] = value
    return found


def parse_day(text: str, option: str) -> date:
    """A day as 2027-06-30 or 30-jun-2027.

    Raises:
        InputError: It is none.
    """
    from datetime import date

    from seatkeeper.base.dates import NEVER, parse_date
    from seatkeeper.base.errors import InputError

    for read in (date.fromisoformat, parse_date):
        try:
            day = read(text.strip())
        except ValueError:
            continue
        if day != NEVER:
            return day
    raise InputError("This is not a day.", file=option, found=text, expected="a day such as 2027-06-30 or 30-jun-2027")


def maintenance(begin: str, end: str) -> tuple[str | None, str | None] | None:
    """First and last day of maintenance as the registry writes them; None where neither is said.

    Raises:
        InputError: One is no day, or they are the wrong way round.
    """
    from seatkeeper.base.errors import InputError

    if not begin and not end:
        return None
    first = parse_day(begin, "--maintained-from").isoformat() if begin else None
    last = parse_day(end, "--maintained-until").isoformat() if end else None
    if first and last and first > last:
        raise InputError("Maintenance ends before it begins.", file="--maintained-until", found=last, expected=f"{first} or later")
    return first, last
