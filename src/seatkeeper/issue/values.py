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
from seatkeeper.catalog.check import value_fault
from seatkeeper.catalog.expand import QUANTITY_MAX
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
    "application",
    "attributes",
    "day_until",
    "expiry",
    "feature",
    "flag",
    "host",
    "hostid",
    "number",
    "one_of",
    "path",
    "product",
    "quantities",
    "system",
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
            expected = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
            raise Unfit(expected, remedy=nearest_sentence(str(value), words))
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


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit("true or false, without quotes")
    return value


def _named(expected: str, spelled: Callable[[str], str]) -> Callable[[Any], str]:
    """A reader of names, for which `spelled` gives the catalog's spelling."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit(expected)
        try:
            return spelled(value)
        except InputError as error:
            raise Unfit(error.expected, error.message, error.remedy) from None

    return read


def application(catalog: Catalog) -> Callable[[Any], str]:
    """A reader of names of applications, which gives the catalog's spelling."""
    return _named(
        "the name of an application as `seatkeeper catalog applications` lists it, in quotes", lambda name: catalog.application(name).name
    )


def system(catalog: Catalog) -> Callable[[Any], str]:
    """A reader of types of operating systems, which gives the name of the catalog's host id table.

    A part of the name will do where only one system has it: Solaris is SUN Solaris. Where the catalog has no such table, any name will.
    """
    known = tuple(dict.fromkeys(row.system for row in catalog.hostids))

    def read(value: Any) -> str:
        expected = ", ".join(known) or "the type of an operating system, in quotes"
        if not isinstance(value, str) or not value.strip():
            raise Unfit(expected)
        if not known:
            return text(value)
        wanted = _words(value)
        found = [name for name in known if _words(name) == wanted] or [name for name in known if wanted and wanted <= _words(name)]
        if len(found) == 1:
            return found[0]
        begun = [name for name in known if _words(name) & wanted]
        if begun:
            remedy = f'Write system = "{begun[0]}", and what its version is into system_version.'
        else:
            remedy = nearest_sentence(value, known)
        raise Unfit(expected, "The catalog does not have this operating system.", remedy)

    return read


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.casefold().replace("-", "").replace("/", "")))


def attributes(catalog: Catalog) -> Callable[[Any], tuple[tuple[str, str], ...]]:
    """A reader of tables of attributes that the catalog lets an order ask for."""
    allowed = catalog.vendor.attributes

    def read(value: Any) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, dict):
            raise Unfit('a table such as { BORROW = "168" }')
        pairs = []
        for name, raw in value.items():
            if name not in allowed:
                nearest = nearest_sentence(name, allowed)
                raise Unfit(", ".join(allowed) or "nothing", f"Orders cannot ask for the attribute {name}.", nearest)
            written = str(raw) if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
            if fault := value_fault(name, written):
                raise Unfit(fault, f"The attribute {name} cannot have this value.")
            pairs.append((name, written))
        return tuple(sorted(pairs))

    return read


def quantities(catalog: Catalog) -> Callable[[Any], tuple[tuple[str, int], ...]]:
    """A reader of tables of how many of a sellable item or a technical license one server gets, by name."""

    def read(value: Any) -> tuple[tuple[str, int], ...]:
        if not isinstance(value, dict):
            raise Unfit('a table such as { "Name of an item" = 60 }')
        pairs = []
        for name, number in value.items():
            try:
                known = catalog.technical_license(name).feature if catalog.versions_of(name) else catalog.product(name).name
            except InputError as error:
                raise Unfit("names of sellable items or technical licenses of this order", error.message, error.remedy) from None
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= QUANTITY_MAX:
                raise Unfit(f"whole numbers from 0 to {QUANTITY_MAX:,}", f"So many of {name} cannot be meant.")
            pairs.append((known, number))
        return tuple(pairs)

    return read


def product(catalog: Catalog) -> Callable[[Any], str]:
    """A reader of names of products, which gives the catalog's spelling."""
    return _named("the name of a product as `seatkeeper catalog products` lists it, in quotes", lambda name: catalog.product(name).name)


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


def day_until(today: date) -> Callable[[Any], date]:
    """A reader of a day that has come."""
    expected = f"a day until {today}, such as {today}"

    def read(value: Any) -> date:
        if isinstance(value, datetime) or not isinstance(value, (str, date)):
            raise Unfit(expected)
        try:
            day = value if isinstance(value, date) else _day(value.strip())
        except ValueError:
            raise Unfit(expected) from None
        if day > today:
            raise Unfit(expected, "This day is yet to come.")
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
    if ":" in value:
        # Brackets belong to port@host and to URLs; the SERVER line has the address alone.
        bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
        if "%" in bare:
            raise Unfit(
                expected, "An address with a zone (%) means something on its own machine only.", "Give a name, or an address of the site."
            )
        if not _is_address(bare):
            raise Unfit(expected, "This is no IPv6 address.", "Leave the port out; it has a key of its own.")
        return check_host(bare.strip())
    try:
        check_host(value)
    except ValueError:
        raise Unfit(expected) from None
    if value[0] in "-." or ".." in value:
        raise Unfit(expected)
    return value


def hostid(value: Any) -> str:
    """A host id in its one form, so that `8:0:20:0:5:ac` and `0800200005AC` give the same file."""
    expected = "one id that lmhostid prints on the license server, in quotes"
    remedy = "Run lmhostid on the license server, and put here one of the ids that it prints."
    if not isinstance(value, str):
        raise Unfit(expected, remedy=remedy)
    if _is_address(value):
        raise Unfit(expected, "An IP address is not a host id.", remedy)
    try:
        hostid = parse_hostid(value)
    except ValueError as error:
        raise Unfit(str(error), "This is not a host id.", remedy) from None
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
