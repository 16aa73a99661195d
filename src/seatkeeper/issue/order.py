"""An order that was read here can be issued: everything in it is known, complete and within its limits.

An order is the license order kit of the guide ("Information for License Order Kit") as a TOML file: the table `[order]` says
who orders and on which terms, each `[[items]]` is a sellable item, each `[[licenses]]` a technical license asked for by name,
`[environment]` gives the numbers that some quantities follow, with `[[applications]]` and `[[switches]]` (`surroundings`), and each
`[[servers]]` is a license server (`serving`). Everything that is wrong is said at once (`reading`), also what does not go together
(`checks`). What an order means in licenses is decided by `catalog.expand`, and what lines they become by `plan`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import msgspec

from seatkeeper.base.dates import NEVER, format_date
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.expand import QUANTITY_MAX, Conflict, Environment, ExtraLicense, Item, Line, expand
from seatkeeper.catalog.model import RULES_OF_QUANTITY
from seatkeeper.issue import values
from seatkeeper.issue.checks import check_whole
from seatkeeper.issue.model import Configuration, Deployment, Order, OrderedApplication, OrderServer, Switch, Terms
from seatkeeper.issue.plan import plans_of
from seatkeeper.issue.reading import Key, OrderError, OrderProblem, Sheet
from seatkeeper.issue.serving import check_servers, check_split, configuration_of
from seatkeeper.issue.surroundings import surroundings
from seatkeeper.licfile.grammar import PORT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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

_Kind = TypeVar("_Kind", Item, ExtraLicense, OrderedApplication, Switch)


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
        raise InputError(
            "The file is too large to be an order.", file=str(path), found="more", expected=f"at most {ORDER_BYTES_MAX:,} bytes"
        )
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
    read = {
        name: sheet.tables(name, tables[name], count_max=LICENSES_MAX if name == "licenses" else ITEMS_MAX, others=_OTHERS.get(name))
        for name in ("items", "licenses", "applications", "switches", "servers")
    }
    items = _whole(Item, read["items"], tables["items"])
    licenses = _whole(ExtraLicense, read["licenses"], tables["licenses"])
    applications = _whole(OrderedApplication, read["applications"], tables["applications"])
    switches = _whole(Switch, read["switches"], tables["switches"])
    stated = sheet.table("environment", tables["environment"], {"deployment": "The deployment mode stands in [order]."})
    if not items and not licenses:
        expected = "at least one [[items]] table with product, version and quantity, or [[licenses]] with feature, version and quantity"
        sheet.add(("items", 0, ""), "The order has no items.", expected=expected)
    servers = [OrderServer(**{**_NO_SERVER, **each}) for each in read["servers"]]
    complete = all(each.keys() == tables["servers"].keys() for each in read["servers"])
    check_servers(sheet, catalog, servers)
    configuration = (
        configuration_of(sheet, terms["configuration"], servers, complete=complete) if "configuration" in terms else "independent"
    )
    check_split(sheet, configuration, servers, items, licenses, complete=complete)
    environment = surroundings(sheet, catalog, stated, terms.get("deployment", "separate"), applications, switches)
    # One value that is not good hides nothing of what does not go together.
    likely_items = [Item(**{**_NO_ITEM, **each}) if "product" in each else None for each in read["items"]]
    likely_licenses = [ExtraLicense(**{**_NO_LICENSE, **each}) if "feature" in each else None for each in read["licenses"]]
    lines = _expanded(sheet, catalog, likely_items, likely_licenses, environment)
    check_whole(
        sheet,
        catalog,
        lines,
        items=likely_items,
        licenses=likely_licenses,
        applications=applications,
        environment=environment,
        stated=stated,
    )
    _check_deployment(sheet, lines)
    if "purpose" in terms and "expires" in terms:
        terms["expires"] = _last_day(sheet, catalog, terms["purpose"], terms["expires"], today)
    if sheet.has_errors:
        return Checked(None, (), _sorted(sheet))
    order = Order(
        terms=Terms(**{**terms, "configuration": configuration}),
        items=tuple(filter(None, items)),
        licenses=tuple(filter(None, licenses)),
        environment=environment,
        servers=tuple(servers),
        applications=tuple(filter(None, applications)),
        switches=tuple(filter(None, switches)),
    )
    try:
        plans_of(order, catalog)
    except SeatkeeperError as error:
        # Which of the servers would get nothing is known only once all licenses are divided.
        index = next((at for at, server in enumerate(servers) if f" {server.host} " in error.message), 0)
        sheet.add(("servers", index, ""), error.message, remedy=error.remedy)
        return Checked(None, (), _sorted(sheet))
    return Checked(order, tuple(lines), _sorted(sheet))


def _whole(kind: type[_Kind], rows: Iterable[dict[str, Any]], keys: dict[str, Key]) -> list[_Kind | None]:
    """A value of each table, None in place of one that is not good."""
    return [kind(**row) if row.keys() == keys.keys() else None for row in rows]


def _sorted(sheet: Sheet) -> tuple[OrderProblem, ...]:
    # What has no line is about the whole, and is read last.
    return tuple(sorted(sheet.problems, key=lambda problem: (not problem.line, problem.line, problem.column)))


def _expanded(
    sheet: Sheet, catalog: Catalog, items: Sequence[Item | None], licenses: Sequence[ExtraLicense | None], environment: Environment
) -> list[Line]:
    """The technical licenses that the good parts of the order give; a conflict between them is a problem."""
    try:
        lines = expand(catalog, filter(None, items), environment, tuple(filter(None, licenses)))
    except Conflict as error:
        asked = [index for index, each in enumerate(licenses) if each is not None and each.feature == error.feature]
        wanting = [index for index, each in enumerate(items) if each is not None and (error.attribute, error.found) in each.attributes]
        if not error.attribute:
            path = ("licenses", asked[0], "version") if asked else ("items", 0, "")
        else:
            path = ("items", wanting[-1], "attributes") if wanting else ("licenses", asked[-1] if asked else 0, "attributes")
        sheet.add(path, error.message, found=error.found, expected=error.expected, remedy=error.remedy)
        return []
    if environment.technical_dns is None and not sheet.has_errors:
        for line in lines:
            if line.rule == "per_technical_dn" and line.items and not line.asked:
                sheet.add(
                    ("environment", 0, ""),
                    f"The order does not say how many technical DNs there are, so {line.feature} is issued for {line.count}.",
                    expected="technical_dns in [environment]",
                    severity="warning",
                )
    return lines


def _check_deployment(sheet: Sheet, lines: Sequence[Line]) -> None:
    """The deployment mode is "required if you have purchased more than one" solution (guide, order kit): it makes a difference there."""
    said = sheet.raw.get("order")
    shared = [line.feature for line in lines if len(line.items) > 1 and line.rule in RULES_OF_QUANTITY]
    if shared and isinstance(said, dict) and "deployment" not in said:
        sheet.add(
            ("order", 0, ""),
            f"The order does not say whether the same agents serve several items, so the needs of {shared[0]} add up.",
            expected='deployment = "separate" or "blended"',
            severity="warning",
        )


def _last_day(sheet: Sheet, catalog: Catalog, purpose: str, expires: date | None, today: date) -> date:
    """The last day of the licenses: what the order says, as far as its purpose lets it."""
    days_max = catalog.vendor.purpose(purpose).days_max
    latest = NEVER if days_max is None else today + timedelta(days=days_max)
    if expires is None:
        return latest
    if expires == NEVER != latest:
        # Whoever writes `permanent` means as long as possible; another day is somebody's plan, and must not be shortened.
        sheet.add(
            ("order", 0, "expires"),
            f"Licenses for {purpose} last {days_max} days at most, so these end on {format_date(latest)}.",
            found="permanent",
            severity="warning",
        )
        return latest
    if expires > latest:
        sheet.add(
            ("order", 0, "expires"),
            f"Licenses for {purpose} last {days_max} days at most.",
            found=expires,
            expected=f"a day until {latest}",
            remedy="Leave `expires` out for the last possible day, or order for production.",
        )
    elif expires != NEVER and expires <= today + timedelta(days=EXPIRING_DAYS):
        days = (expires - today).days
        left = "today" if days == 0 else f"in {days} day{'' if days == 1 else 's'}"
        sheet.add(("order", 0, "expires"), f"The licenses expire {left}, on {format_date(expires)}.", severity="warning")
    return expires


#: What stands in for values that are not good, and lets no other check fail.
_NO_ITEM: Final = {"version": "7.0", "quantity": 1}
_NO_LICENSE: Final = {"quantity": QUANTITY_MAX}
_NO_SERVER: Final = {"host": "", "hostid": "", "port": 0}

#: Keys that people look for in another table.
_OTHERS: Final = {
    "items": {"feature": "Technical licenses stand in [[licenses]]."},
    "licenses": {"product": "Sellable items stand in [[items]]."},
}


def _tables(catalog: Catalog, today: date) -> dict[str, dict[str, Key]]:
    """Every table of an order with its keys."""
    quantity = Key(values.whole(1, QUANTITY_MAX))
    number = Key(values.whole(0, QUANTITY_MAX), None)
    attributes = Key(values.attributes(catalog), (), table=True)
    port = values.whole(1, PORT_MAX)
    return {
        "order": {
            "number": Key(values.number),
            "site": Key(values.number),
            "company": Key(values.text),
            "requestor": Key(values.text),
            "purpose": Key(values.one_of(*[purpose.name for purpose in catalog.vendor.purposes])),
            "reseller": Key(values.text_or_empty, ""),
            "license_use": Key(values.text, "Customer use"),
            "ordered": Key(values.day_until(today), None),
            "expires": Key(values.expiry(today), None),
            "deployment": Key(values.one_of(*get_args(Deployment)), "separate"),
            "configuration": Key(values.one_of(*get_args(Configuration)), None),
        },
        "items": {
            "product": Key(values.product(catalog)),
            "version": Key(values.version),
            "quantity": quantity,
            "attributes": attributes,
        },
        "licenses": {
            "feature": Key(values.feature(catalog)),
            "version": Key(values.version, ""),
            "quantity": quantity,
            "attributes": attributes,
        },
        "environment": dict.fromkeys(
            (
                "sites",
                "redundant_pairs",
                "instances",
                "environments",
                "network_tservers",
                "ivr_servers",
                "seat_dns",
                "technical_dns",
            ),
            number,
        ),
        "applications": {
            "name": Key(values.application(catalog)),
            "version": Key(values.version),
            "instances": Key(values.whole(1, QUANTITY_MAX), 1),
            "redundant": Key(values.flag, False),
        },
        "switches": {
            "type": Key(values.text),
            "version": Key(values.text),
            "seat_dns": number,
            "technical_dns": number,
            "distribution": Key(values.text_or_empty, ""),
            "site": Key(values.text_or_empty, ""),
        },
        "servers": {
            "host": Key(values.host),
            "hostid": Key(values.hostid),
            "port": Key(port, catalog.vendor.default_port),
            "daemon_path": Key(values.path, ""),
            "daemon_options": Key(values.path, ""),
            "daemon_port": Key(port, 0),
            "system": Key(values.system(catalog), ""),
            "system_version": Key(values.text_or_empty, ""),
            "site": Key(values.text_or_empty, ""),
            "share": Key(values.whole(0, QUANTITY_MAX), 0),
            "quantities": Key(values.quantities(catalog), (), table=True),
        },
    }
