"""An order that was read here can be issued: everything in it is known, complete and within its limits.

An order is the license order kit of the guide ("Information for License Order Kit") as a TOML file: the table `[order]` says
who orders and on which terms, each `[[items]]` is a sellable item, each `[[licenses]]` a technical license asked for by name,
`[environment]` gives the numbers that some quantities follow, and each `[[servers]]` is a license server. Everything that is
wrong is said at once (`reading`). What an order means in licenses is decided by `catalog.expand`, and what lines they
become by `plan`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.expand import QUANTITY_MAX, Environment, ExtraLicense, Item, Line, expand
from seatkeeper.issue import values
from seatkeeper.issue.model import Deployment, Order, OrderServer, Purpose, Terms
from seatkeeper.issue.reading import Key, OrderError, OrderProblem, Sheet
from seatkeeper.licfile.grammar import PORT_MAX

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from seatkeeper.catalog.model import Catalog

__all__ = [
    "EXPIRING_DAYS",
    "ITEMS_MAX",
    "LICENSES_MAX",
    "ORDER_BYTES_MAX",
    "Checked",
    "check_order",
    "read_order",
    "read_text",
]

ORDER_BYTES_MAX: Final = 1_000_000
ITEMS_MAX: Final = 1000
LICENSES_MAX: Final = 1000
#: Licenses that expire within so many days are worth a warning.
EXPIRING_DAYS: Final = 30

_FILE_SERVERS: Final = (1, 3)


class Checked(msgspec.Struct, frozen=True):
    """What reading an order came to.

    Attributes:
        order: The order; None where it cannot be issued.
        lines: The technical licenses that it gives.
        problems: Everything that was found, warnings too.
    """

    order: Order | None
    lines: tuple[Line, ...]
    problems: tuple[OrderProblem, ...]

    @property
    def warnings(self) -> tuple[OrderProblem, ...]:
        """What deserves a second look, but keeps nothing from being issued."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def read_order(path: Path, catalog: Catalog, today: date) -> tuple[Order, Checked]:
    """The order in a file, and what checking it came to.

    Raises:
        InputError: The file cannot be read.
        OrderError: The order cannot be issued; all reasons are in the error.
    """
    checked = check_order(read_text(path), str(path), catalog, today)
    if checked.order is None:
        raise OrderError(checked.problems)
    return checked.order, checked


def read_text(path: Path) -> str:
    """The text of an order's file.

    Raises:
        InputError: It cannot be read, is too large, or is not in UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(ORDER_BYTES_MAX + 1)
    except OSError as error:
        remedy = "`seatkeeper order template` prints an order to start from." if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"The order cannot be read: {error.strerror}.", file=str(path), remedy=remedy) from None
    if len(data) > ORDER_BYTES_MAX:
        raise InputError("The file is too large to be an order.", file=str(path), expected=f"at most {ORDER_BYTES_MAX:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("The order is not in UTF-8.", file=str(path), line=line, remedy="Save it with the encoding UTF-8.") from None


def check_order(text: str, name: str, catalog: Catalog, today: date) -> Checked:
    """Everything that can be said about an order.

    Args:
        text: The order's text.
        name: The file's name, for the problems.
        catalog: What can be ordered.
        today: The day from which the licenses must be good.
    """
    try:
        sheet = Sheet(text, name)
    except OrderError as error:
        return Checked(None, (), error.problems)
    tables = _tables(catalog, today)
    sheet.check_tables(tables)
    terms = sheet.table("order", tables["order"])
    items = sheet.tables("items", tables["items"], count_max=ITEMS_MAX, others={"feature": "Technical licenses stand in [[licenses]]."})
    licenses = sheet.tables(
        "licenses", tables["licenses"], count_max=LICENSES_MAX, others={"product": "Sellable items stand in [[items]]."}
    )
    environment = sheet.table("environment", tables["environment"], {"deployment": "The deployment mode stands in [order]."})
    servers = sheet.tables("servers", tables["servers"], count_max=LICENSES_MAX)
    if not items and not licenses:
        expected = "at least one [[items]] table with product, version and quantity, or [[licenses]] with feature, version and quantity"
        sheet.add(("items", 0, ""), "The order has no items.", expected=expected)
    _check_servers(sheet, servers)
    lines = _expanded(sheet, catalog, terms, items, licenses, environment)
    if terms is not None:
        _warn_of_expiry(sheet, terms["expires"], today)
    if sheet.has_errors or terms is None or environment is None:
        return Checked(None, (), _sorted(sheet))
    order = Order(
        terms=Terms(**terms),
        items=tuple(Item(**each) for each in items if each is not None),
        licenses=tuple(ExtraLicense(**each) for each in licenses if each is not None),
        environment=Environment(**environment, deployment=terms["deployment"]),
        servers=tuple(OrderServer(**each) for each in servers if each is not None),
    )
    return Checked(order, tuple(lines), _sorted(sheet))


def _sorted(sheet: Sheet) -> tuple[OrderProblem, ...]:
    return tuple(sorted(sheet.problems, key=lambda problem: (problem.line, problem.column)))


def _check_servers(sheet: Sheet, servers: list[dict[str, Any] | None]) -> None:
    """A file is for one license server, or for three redundant ones ("Selecting License Server Configuration")."""
    if not servers:
        sheet.add(("servers", 0, ""), "The order names no license server.", expected="a [[servers]] table with host and hostid")
    elif len(servers) not in _FILE_SERVERS:
        sheet.add(
            ("servers", len(servers) - 1, ""),
            "A license file is for one license server, or for three redundant ones.",
            found=f"{len(servers)} [[servers]] tables",
            expected="one",
            remedy="For independent servers divide the quantities, and write an order for each.",
        )
    elif len(servers) > 1:
        sheet.add(
            ("servers", 1, ""),
            "Files for three redundant servers cannot be issued yet: this release issues for one server only.",
            found=f"{len(servers)} [[servers]] tables",
            expected="one",
            remedy="Keep the server that is to serve, and delete the other two tables.",
        )
    for index, server in enumerate(servers):
        if server is None:
            continue
        if server["daemon_port"] == server["port"]:
            sheet.add(
                ("servers", index, "daemon_port"),
                "The vendor daemon cannot listen on the port of lmgrd.",
                found=server["daemon_port"],
                expected=f"another port than {server['port']}",
            )
        if server["hostid"] == "ANY":
            sheet.add(("servers", index, "hostid"), "ANY lets the licenses be served by every machine.", severity="warning")


def _expanded(
    sheet: Sheet,
    catalog: Catalog,
    terms: dict[str, Any] | None,
    items: list[dict[str, Any] | None],
    licenses: list[dict[str, Any] | None],
    environment: dict[str, Any] | None,
) -> list[Line]:
    """The technical licenses that the good parts of the order give; a conflict between them is a problem."""
    deployment: Deployment = terms["deployment"] if terms is not None else "separate"
    around = Environment(**(environment or {}), deployment=deployment)
    good = [Item(**each) for each in items if each is not None]
    asked = [ExtraLicense(**each) for each in licenses if each is not None]
    try:
        lines = expand(catalog, good, around, asked)
    except InputError as error:
        # What remains at this point is two versions of one license; at least one of them was asked for by name.
        named = [index for index, each in enumerate(licenses) if each is not None and each["feature"].casefold() in str(error).casefold()]
        path = ("licenses", named[0], "version") if named else ("items", 0, "")
        sheet.add(path, error.message, found=error.found, expected=error.expected, remedy=error.remedy)
        return []
    if environment is not None and environment["technical_dns"] is None and not sheet.has_errors:
        for line in lines:
            if line.rule == "per_technical_dn" and line.items and not line.asked:
                sheet.add(
                    ("environment", 0, ""),
                    f"The order does not say how many technical DNs there are, so {line.feature} is issued for {line.count}.",
                    expected="technical_dns in [environment]",
                    severity="warning",
                )
    return lines


def _warn_of_expiry(sheet: Sheet, expires: date, today: date) -> None:
    if expires != NEVER and expires <= today + timedelta(days=EXPIRING_DAYS):
        days = (expires - today).days
        left = "today" if days == 0 else f"in {days} day{'' if days == 1 else 's'}"
        sheet.add(("order", 0, "expires"), f"The licenses expire {left}, on {format_date(expires)}.", severity="warning")


def _tables(catalog: Catalog, today: date) -> dict[str, dict[str, Key]]:
    """Every table of an order with its keys."""
    quantity = Key(values.whole(1, QUANTITY_MAX))
    number = Key(values.whole(0, QUANTITY_MAX), 0)
    port = values.whole(1, PORT_MAX)
    return {
        "order": {
            "number": Key(values.number),
            "site": Key(values.number),
            "company": Key(values.text),
            "requestor": Key(values.text),
            "purpose": Key(values.one_of(*get_args(Purpose))),
            "reseller": Key(values.text_or_empty, ""),
            "license_use": Key(values.text, "Customer use"),
            "expires": Key(values.expiry(today), NEVER),
            "deployment": Key(values.one_of(*get_args(Deployment)), "separate"),
        },
        "items": {"product": Key(values.product(catalog)), "version": Key(values.version), "quantity": quantity},
        "licenses": {"feature": Key(values.feature(catalog)), "version": Key(values.version, ""), "quantity": quantity},
        "environment": {
            "sites": number._replace(default=1),
            "redundant_pairs": number,
            "instances": number._replace(default=1),
            "environments": number._replace(default=1),
            "network_tservers": number,
            "ivr_servers": number,
            "seat_dns": number._replace(default=None),
            "technical_dns": number._replace(default=None),
        },
        "servers": {
            "host": Key(values.host),
            "hostid": Key(values.hostid),
            "port": Key(port, catalog.vendor.default_port),
            "daemon_path": Key(values.path, ""),
            "daemon_options": Key(values.path, ""),
            "daemon_port": Key(port, 0),
        },
    }
