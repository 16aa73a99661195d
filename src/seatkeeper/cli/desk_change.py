"""What a customer has is changed by one command, which registers an order in place of the one before, and issues it when keys are named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.cli.desk_common import (
    ByOption,
    CatalogOption,
    JsonOption,
    RegistryOption,
    maintenance,
    open_desk,
    parse_day,
    parse_pairs,
    parse_quantities,
)
from seatkeeper.cli.order import print_json
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatkeeper.cli.desk_report import Output
    from seatkeeper.issue.desk import Desk
    from seatkeeper.issue.model import Order

__all__ = ["add", "end", "give_back", "move", "output_of", "reissue", "renew", "say", "upgrade"]

_NAME: Final = "seatkeeper desk"

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.", show_default=False)]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", metavar="DIR", help="The directory of the vendor's keys: issue at once.", show_default=False)
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The license file to write; for independent servers the directory, in which each gets one of its own.",
        show_default=False,
    ),
]
DeltaOption = Annotated[bool, typer.Option("--delta", help="Issue only what is new or changed, to be merged into the file that is there.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace files that are there; each is kept with .bak behind its name.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the history.")]
MaintainedFrom = Annotated[str, typer.Option("--maintained-from", metavar="DAY", help="The first day of maintenance.")]
MaintainedUntil = Annotated[str, typer.Option("--maintained-until", metavar="DAY", help="The last day of maintenance.")]
LicenseOption = Annotated[
    list[str] | None, typer.Option("--license", metavar="FEATURE=QUANTITY", help="A technical license by name; may be repeated.")
]


def add(
    number: NumberArgument,
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="NAME=QUANTITY", help="A sellable item, and how many more; may be repeated.")
    ] = None,
    license_: LicenseOption = None,
    version: Annotated[
        str, typer.Option("--version", metavar="VERSION", help="Of items that are new.", show_default="the highest in the order")
    ] = "",
    delta: DeltaOption = False,
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Add quantity to what an order has, or items that it has not yet."""
    items, licenses = parse_quantities(item, "--item"), parse_quantities(license_, "--license")
    _need(items or licenses, "--item or --license")
    made = output_of(keys, output, passphrase_file, passphrase, delta=delta, force=force)
    with open_desk(registry, by, catalog) as desk:
        from seatkeeper.issue.desk_acts import added

        _change(
            desk,
            number,
            "add",
            lambda old: added(old, items, licenses, desk.catalog, version=version),
            {**items, **licenses},
            made,
            as_json=json,
        )


def upgrade(
    number: NumberArgument,
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="NAME=VERSION", help="A sellable item, and its new version; may be repeated.")
    ] = None,
    instead: Annotated[
        list[str] | None,
        typer.Option("--instead", metavar="OLD=NEW", help="A sellable item, and the one to have in its place; may be repeated."),
    ] = None,
    delta: DeltaOption = False,
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Let items have another version, or let other items take their place."""
    versions, others = parse_pairs(item, "--item", "NAME=VERSION"), parse_pairs(instead, "--instead", "OLD=NEW")
    _need(versions or others, "--item or --instead")
    made = output_of(keys, output, passphrase_file, passphrase, delta=delta, force=force)
    with open_desk(registry, by, catalog) as desk:
        from seatkeeper.issue.desk_acts import upgraded

        _change(
            desk, number, "upgrade", lambda old: upgraded(old, versions, others, desk.catalog), {**versions, **others}, made, as_json=json
        )


def give_back(
    number: NumberArgument,
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="NAME=QUANTITY", help="A sellable item, and how many of it; may be repeated.")
    ] = None,
    license_: LicenseOption = None,
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Take back some of what an order has; `desk end` takes back all of it."""
    items, licenses = parse_quantities(item, "--item"), parse_quantities(license_, "--license")
    _need(items or licenses, "--item or --license")
    made = output_of(keys, output, passphrase_file, passphrase, force=force)
    with open_desk(registry, by, catalog) as desk:
        from seatkeeper.issue.desk_acts import given_back

        _change(
            desk, number, "return", lambda old: given_back(old, items, licenses, desk.catalog), {**items, **licenses}, made, as_json=json
        )


def move(
    number: NumberArgument,
    old: Annotated[str, typer.Option("--from", metavar="HOSTID", help="The host id of the license server that goes.", show_default=False)],
    new: Annotated[str, typer.Option("--to", metavar="HOSTID", help="The host id of the one that comes.", show_default=False)],
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="The new one's host name.", show_default="as before")] = "",
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Let the licenses be for another license server; the old file is retired."""
    old, new = _hostid(old), _hostid(new)
    made = output_of(keys, output, passphrase_file, passphrase, force=force)
    with open_desk(registry, by, catalog) as desk:
        from seatkeeper.issue.desk_acts import moved

        _change(desk, number, "move", lambda order: moved(order, old, new, host), {"from": old, "to": new}, made, as_json=json)


def renew(
    number: NumberArgument,
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="The new last day of temporary licenses.")] = "",
    maintained_from: MaintainedFrom = "",
    maintained_until: MaintainedUntil = "",
    delta: DeltaOption = False,
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Let temporary licenses last longer, or maintenance, which needs no new license file."""
    _need(until or maintained_from or maintained_until, "--until DAY or --maintained-until DAY")
    last = parse_day(until, "--until") if until else None
    period = maintenance(maintained_from, maintained_until)
    made = output_of(keys, output, passphrase_file, passphrase, delta=delta, force=force)
    with open_desk(registry, by, catalog) as desk:
        if last is None:
            from seatkeeper.issue.desk_acts import maintain

            begin, end = maintain(desk, number, *(period or (None, None)))
            if json:
                print_json({"registry": desk.registry.name, "order": number, "maintained_from": begin, "maintained_until": end})
            else:
                print(f"Order {number}: maintenance {_period(begin, end)}. License files stay as they are.")
                print(f"Registry      {desk.registry.name}")
            return
        from seatkeeper.issue.desk_acts import renewed

        details = {"until": last.isoformat()}
        _change(desk, number, "renew", lambda old: renewed(old, last), details, made, as_json=json, maintained=period)


def reissue(
    number: NumberArgument,
    why: WhyOption = "",
    keys: KeysOption = None,
    output: OutputOption = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: ForceOption = False,
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    catalog: CatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Sign the same licenses anew, with the issuer key of today: after a revocation, for instance."""
    made = output_of(keys, output, passphrase_file, passphrase, force=force)
    with open_desk(registry, by, catalog) as desk:
        _change(desk, number, "reissue", lambda old: old, {"why": why}, made, as_json=json)


def end(
    number: NumberArgument,
    why: WhyOption = "all was given back",
    registry: RegistryOption = "desk.db",
    by: ByOption = "",
    json: JsonOption = False,
) -> None:
    """Take back all that an order has: it entitles to nothing any more, and its files are retired."""
    with open_desk(registry, by) as desk:
        from seatkeeper.issue import desk_acts
        from seatkeeper.issue.desk_base import files_in_force

        with desk.registry.read() as view:
            view.order(number)
            files = files_in_force(view, number)
        desk_acts.end(desk, number, why)
        if json:
            retired = [{"file": file.number, "path": file.destination} for file in files]
            print_json({"registry": desk.registry.name, "order": number, "state": "ended", "retired": retired})
            return
        print(f"Order {number} has ended: it entitles to nothing any more.")
        for file in files:
            print(f"Retired       {file.number}, which was put out as {file.destination}")
        print(f"Registry      {desk.registry.name}")
        if files:
            print("\nNext: stop the license server (lmdown), and remove these license files there.")


def output_of(
    keys: Path | None,
    output: Path | None,
    passphrase_file: Path | None,
    passphrase: list[str] | None,
    *,
    delta: bool = False,
    force: bool = False,
    again: bool = False,
) -> Output | None:
    """Where the files are to be; None where nothing is to be issued now."""
    from seatkeeper.cli.desk_report import Output

    if keys is None and output is None:
        if delta:
            raise typer.BadParameter("a delta is made when the order is issued: name --keys and -o too", param_hint="--delta")
        return None
    if keys is None:
        raise typer.BadParameter("the directory of the vendor's keys is needed", param_hint="--keys")
    if output is None:
        raise typer.BadParameter("name where the license file is to be", param_hint="-o / --output")
    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer", "daemon"))
    return Output(keys, output, delta, force, again, secret)


def say(desk: Desk, number: str, made: Output | None, warnings: tuple[str, ...], *, as_json: bool) -> None:
    """Issue a registered order where that is wanted, and say all that was done."""
    from seatkeeper.base.errors import SeatkeeperError
    from seatkeeper.cli.desk_report import put_out, result_json, result_lines, taken

    try:
        result = put_out(desk, number, made, warnings) if made is not None else taken(desk, number, warnings)
    except SeatkeeperError:
        with desk.registry.read() as view:
            state = view.order(number).state
        if state == "registered":
            print(f"{_NAME}: Order {number} is registered in {desk.registry.name}, and not issued, because:", file=sys.stderr)
        raise
    if as_json:
        print_json(result_json(result))
        return
    for warning in warnings:
        print(f"{_NAME}: {warning}", file=sys.stderr)
    print("\n".join(result_lines(result, desk.catalog.vendor.name)))


def _change(
    desk: Desk,
    number: str,
    act: str,
    make: Callable[[Order], Order],
    details: Mapping[str, Any],
    made: Output | None,
    *,
    as_json: bool,
    maintained: tuple[str | None, str | None] | None = None,
) -> None:
    from seatkeeper.issue.desk_acts import change

    registered = change(desk, number, act, make, details, maintained=maintained)
    say(desk, registered.row.number, made, tuple(str(each) for each in registered.checked.warnings), as_json=as_json)


def _need(given: object, options: str) -> None:
    from seatkeeper.base.errors import InputError

    if not given:
        raise InputError("It is not said what is to be changed.", expected=options)


def _hostid(text: str) -> str:
    """A host id as it is written everywhere; what is none is left to the check of the order."""
    from seatkeeper.licfile.hostid import parse_hostid

    try:
        return str(parse_hostid(text))
    except ValueError:
        return text


def _period(begin: str | None, end: str | None) -> str:
    return " ".join(filter(None, (f"from {begin}" if begin else "", f"until {end}" if end else ""))) or "is not set"
