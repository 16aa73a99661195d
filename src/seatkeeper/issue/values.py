"""Each value of an order is what its key takes, in the one form that a license file has for it.

These are the readers of `reading`: they return the value that is meant, or raise `Unfit` with what is expected.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.dates import format_date, parse_date
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import parse_version
from seatkeeper.catalog.model import folded, nearest_sentence
from seatkeeper.issue.reading import Unfit
from seatkeeper.licfile.grammar import check_host, forbidden_at
from seatkeeper.licfile.hostid import NO_HOSTID, allowed_on_server, parse_hostid

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.catalog.model import Catalog

__all__ = [
    "NUMBER_CHARS_MAX",
    "PATH_CHARS_MAX",
    "TEXT_CHARS_MAX",
    "expiry",
    "feature",
    "host",
    "hostid",
    "number",
    "one_of",
    "path",
    "product",
    "text",
    "text_or_empty",
    "version",
    "whole",
]

#: Of a company's or a person's name, or of any other text that goes into the file.
TEXT_CHARS_MAX: Final = 100
#: Of an order's or a site's number.
NUMBER_CHARS_MAX: Final = 40
#: Of a path on the DAEMON line.
PATH_CHARS_MAX: Final = 1000

_NUMBER: Final = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*")


def text(value: Any) -> str:
    """A text for the license file, where it stands within quotes or in a comment: blanks are single, quotes are not possible."""
    expected = f"a text of 1 to {TEXT_CHARS_MAX} characters, in quotes"
    if not isinstance(value, str):
        raise Unfit(expected)
    single = " ".join(value.split())
    if not 0 < len(single) <= TEXT_CHARS_MAX:
        raise Unfit(expected)
    if forbidden_at(single) >= 0 or '"' in single or "\\" in single:
        raise Unfit(
            "printable characters", "This text cannot stand in a license file.", 'Leave out ", \\ and characters that cannot be seen.'
        )
    return single


def text_or_empty(value: Any) -> str:
    """As `text`; nothing is a text too."""
    return "" if value == "" else text(value)


def number(value: Any) -> str:
    """The number of an order or a site; TOML may give it with quotes or without."""
    written = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if len(written) > NUMBER_CHARS_MAX or not _NUMBER.fullmatch(written):
        raise Unfit(f"a number, or a text of 1 to {NUMBER_CHARS_MAX} letters, digits, -, _ and dots")
    return written


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(f"a whole number from {low} to {high:,}, without quotes")
        return value

    return read


def one_of(*words: str) -> Callable[[Any], str]:
    """A reader of one of these words, in any case."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.strip().lower() not in words:
            raise Unfit(", ".join(words[:-1]) + f" or {words[-1]}", remedy=nearest_sentence(str(value), words))
        return value.strip().lower()

    return read


def version(value: Any) -> str:
    """A version as license files write it; a TOML number would lose the end of 8.10."""
    expected = 'a version in quotes, such as "8.5"'
    if not isinstance(value, str):
        raise Unfit(expected)
    try:
        parse_version(value)
    except ValueError:
        raise Unfit(expected) from None
    return value


def product(catalog: Catalog) -> Callable[[Any], str]:
    """A reader of names of products, which gives the catalog's spelling."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit("the name of a product as `seatkeeper catalog products` lists it, in quotes")
        try:
            return catalog.product(value).name
        except InputError as error:
            raise Unfit(error.expected, error.message, error.remedy) from None

    return read


def feature(catalog: Catalog) -> Callable[[Any], str]:
    """A reader of names of technical licenses, which gives the catalog's spelling."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit("the name of a feature as `seatkeeper catalog technical` lists it, in quotes")
        try:
            return catalog.technical_license(value).feature
        except InputError as error:
            if any(folded(value) in (folded(product.name), folded(product.part)) for product in catalog.products):
                raise Unfit("a technical license", "This is a sellable item.", "Put it into an [[items]] table.") from None
            raise Unfit(error.expected, error.message, error.remedy) from None

    return read


def expiry(today: date) -> Callable[[Any], date]:
    """A reader of the last day of licenses that are issued `today`, or `NEVER` for permanent ones."""
    expected = f'"permanent", or a day such as {format_date(today + timedelta(days=365))} or {today + timedelta(days=365)}'

    def read(value: Any) -> date:
        if isinstance(value, datetime) or not isinstance(value, (str, date)):
            raise Unfit(expected)
        try:
            day = value if isinstance(value, date) else _day(value.strip())
        except ValueError:
            raise Unfit(expected) from None
        if day < today:
            raise Unfit(expected, "The licenses would be past their last day.", "Years have four digits; today may be the last day.")
        return day

    return read


def _day(text: str) -> date:
    """A day as license files or as TOML write it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return parse_date(text)


def host(value: Any) -> str:
    """A host name or an IP address."""
    expected = "a host name, as `hostname` prints it, or an IP address"
    if not isinstance(value, str):
        raise Unfit(expected)
    try:
        return check_host(value)
    except ValueError:
        raise Unfit(expected) from None


def hostid(value: Any) -> str:
    """A host id in its one form, so that `8:0:20:0:5:ac` and `0800200005AC` give the same file."""
    expected = "what lmhostid prints on the license server, in quotes"
    if not isinstance(value, str):
        raise Unfit(expected)
    if _is_address(value):
        raise Unfit(expected, "An IP address is not a host id.", "Run lmhostid on the license server, and put here what it prints.")
    try:
        hostid = parse_hostid(value)
    except ValueError as error:
        raise Unfit(str(error), "This is not a host id.", "Run lmhostid on the license server, and put here what it prints.") from None
    if hostid.value in NO_HOSTID:
        raise Unfit(
            expected, "This is what tools print where they find no host id.", "Bring a network interface up and run lmhostid again."
        )
    if not allowed_on_server(hostid):
        raise Unfit(expected, f"{hostid} cannot be the host id of a license server.")
    return str(hostid)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip())
    except ValueError:
        return False
    return True


def path(value: Any) -> str:
    """A path on the license server, as the DAEMON line writes it."""
    if not isinstance(value, str) or len(value) > PATH_CHARS_MAX or value != value.strip() or forbidden_at(value) >= 0 or '"' in value:
        raise Unfit(f"a path of at most {PATH_CHARS_MAX} characters, in quotes and without quotes in it")
    return value
