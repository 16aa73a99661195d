"""`seatkeeper issue`: the signed license files of an order, and what each license server needs beside its file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seatkeeper.cli.order import counted, print_json, run, say_problems, table
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seatkeeper.issue.issuer import IssuedFile
    from seatkeeper.issue.model import Order
    from seatkeeper.issue.plan import Plan

__all__ = ["app", "main"]

_NAME: Final = "seatkeeper issue"
#: So many servers have a column each in the report.
_COLUMNS_MAX: Final = 6

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(no_args_is_help=True)
def issue(
    order: Annotated[Path, typer.Argument(metavar="ORDER", help="The order, as `seatkeeper order template` prints one.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="DIR", help="The directory of the vendor's keys.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The license file to write; for independent servers the directory, in which each gets one of its own.",
            show_default=False,
        ),
    ] = None,
    delta_to: Annotated[
        Path | None,
        typer.Option(
            "--delta-to", metavar="OLD", help="Issue only what is new or changed against this license file, or this directory of several."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the unsigned files; sign nothing, write nothing.")] = False,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory in place of the built-in one.")
    ] = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there; each is kept with .bak behind its name.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the signed license file of an order, or one for each of its independent license servers.

    Beside each file come the vendor's trust file and a credential for each license server: together they are all that lmgrd needs.
    """
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.base.dates import format_date
    from seatkeeper.issue.issuer import as_builtins, examine, issue_order, planned, vendor_trust
    from seatkeeper.issue.order import read_order
    from seatkeeper.licfile.trust import ending_sentence

    today = clock.today()
    loaded = load_catalog(catalog)
    read, checked = read_order(order, loaded, today)
    terms = {"order": read.terms.number, "issued": format_date(today), "expires": format_date(read.terms.expires)}
    warnings = [str(problem) for problem in checked.warnings]
    if dry_run:
        if delta_to is not None and keys is None:
            raise typer.BadParameter("a delta needs the keys' trust file, to know the old file by", param_hint="--keys")
        trust = vendor_trust(keys, loaded.vendor.name)[1] if keys is not None and delta_to is not None else None
        plans, unchanged = planned(read, loaded, today, trust, delta_to)
        for plan in plans:
            examine(plan.file, today)
        if json:
            print_json({**terms, "files": [_dry(plan) for plan in plans], "unchanged": _hosts(unchanged), "warnings": warnings})
            return
        say_problems(_NAME, checked.warnings)
        print("\n".join(_dry_report(plans, unchanged)))
        return
    if keys is None:
        raise typer.BadParameter("the directory of the vendor's keys is needed", param_hint="--keys")
    if output is None:
        raise typer.BadParameter("name where the license file is to be", param_hint="-o / --output")
    ending = ending_sentence(vendor_trust(keys, loaded.vendor.name)[1], today)
    secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer", "daemon"))
    progress = _progress if sys.stderr.isatty() and len(read.servers) > 1 else None
    issued = issue_order(read, loaded, keys, output, today, passphrase=secret, force=force, delta_to=delta_to, progress=progress)
    if ending:
        print(f"{_NAME}: {ending} Bring out the root key: `seatkeeper vendor rotate --keys {keys} --from DAY`.", file=sys.stderr)
    if json:
        files = [as_builtins(file) for file in issued.files]
        # Scripts that were written for one file find it where it has always been.
        only = files[0] if read.terms.configuration != "independent" else {}
        print_json({**terms, **only, "files": files, "unchanged": _hosts(issued.unchanged), "warnings": warnings})
        return
    say_problems(_NAME, checked.warnings)
    if len(issued.files) == 1:
        print("\n".join(_report(read, issued.files[0], today)))
    else:
        print("\n".join(_report_of_many(read, issued.files, today)))
    for line in _unchanged(issued.unchanged):
        print(line)


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    return run(app, _NAME, argv)


def _report(order: Order, issued: IssuedFile, today: date) -> list[str]:
    """What was issued, where it lies and what to do with it."""
    planned = issued.signed.plan.lines
    rows = [(line.name, line.version, str(line.count), line.product) for line in planned]
    items = sum(bool(line.product) for line in planned)
    return [
        f"Order {order.terms.number} for {order.terms.company}, {order.terms.purpose}:",
        "",
        *table(("Feature", "Version", "Count", "Sellable item"), rows),
        "",
        f"{counted(items, 'sellable item')} and {counted(len(rows) - items, 'technical license')}. {_life(order.terms.expires, today)}",
        "",
        *_changes(issued),
        f"License file  {issued.path}",
        f"Trust file    {issued.trust}",
        *[f"Credential    {path} (a private key: only for the license server)" for path in issued.credentials],
        f"Record        {issued.record}",
        *([f"Old file      {issued.backup}"] if issued.backup is not None else []),
        "",
        *_next(issued),
    ]


def _report_of_many(order: Order, files: Sequence[IssuedFile], today: date) -> list[str]:
    """The files of independent servers, what each of them has of each feature, and where they go."""
    hosts = [file.servers[0].host for file in files]
    lines = [
        f"Order {order.terms.number} for {order.terms.company}, {order.terms.purpose}, for {counted(len(files), 'license server')}:",
        "",
    ]
    if len(files) <= _COLUMNS_MAX:
        counts = [{line.name: line.count for line in file.signed.plan.lines} for file in files]
        names = dict.fromkeys(name for one in counts for name in one)
        rows = [(name, *[str(one.get(name, 0)) for one in counts]) for name in names]
        lines += [*table(("Feature", *hosts), rows), ""]
    else:
        rows = [
            (host, str(len(file.signed.plan.lines)), str(len(file.signed.plan.left_out)), str(file.path))
            for host, file in zip(hosts, files, strict=True)
        ]
        lines += [*table(("Server", "Features", "Not there", "License file"), rows), ""]
    if division := files[0].signed.plan.division:
        lines.append(f"Divided by {division}.")
    lines += [_life(order.terms.expires, today), ""]
    if len(files) > _COLUMNS_MAX:
        lines.append("Beside each whole file lie the trust file and the server's credential, which is a private key: only for that server.")
    for file in files if len(files) <= _COLUMNS_MAX else [file for file in files if file.signed.plan.is_delta or file.backup is not None]:
        server = file.servers[0]
        lines.append(f"{server.host} (host id {server.hostid}):")
        lines += [f"  {line}" for line in _changes(file) if line]
        lines.append(f"  License file  {file.path}")
        lines += [f"  Credential    {path} (a private key: only for {server.host})" for path in file.credentials]
        if file.signed.plan.left_out:
            lines.append(f"  Not there     {', '.join(file.signed.plan.left_out)}")
        if file.backup is not None:
            lines.append(f"  Old file      {file.backup}")
    from seatkeeper.issue.remarks import at_host

    list_of_servers = ":".join(at_host(server) for server in order.servers)
    lines += ["", f"Record: {', '.join(dict.fromkeys(file.record for file in files))}", ""]
    delta = next((file.path.name for file in files if file.signed.plan.is_delta), "")
    if whole := next((file.path.name for file in files if file.credentials), ""):
        those = f"each directory that has a {whole}" if delta else "each directory"
        lines.append(f"Next: bring {those}, with all that is in it, to its own server and to no other, and start there")
        lines.append(f"  lmgrd -c {whole} -l +debug.log")
    if delta:
        lines.append(f"Next: bring each {delta}, which is only what changes, to its own server, put it together with the license file")
        lines += ["that is there, and read it again", *_merging(delta)]
    lines.append(f"Applications ask one server after the other (on Windows with ; between them): LM_LICENSE_FILE={list_of_servers}")
    return lines


def _changes(issued: IssuedFile) -> list[str]:
    plan = issued.signed.plan
    return ["Changes in the old file:", *[f"  {change}" for change in plan.changes], ""] if plan.is_delta else []


def _next(issued: IssuedFile) -> list[str]:
    """What is to be done with one license file."""
    server = issued.servers[0]
    if issued.signed.plan.is_delta:
        return [
            f"Next: this is only what changes; on {server.host} put it together with the license file that is there, and read it again",
            *_merging(str(issued.path)),
        ]
    if len(issued.servers) > 1:
        return [
            "Next: bring the license file and the trust file to each of the three machines, and to each its own credential only",
            *[
                f"  {server.host} (host id {server.hostid})  {path}"
                for server, path in zip(issued.servers, issued.credentials, strict=True)
            ],
            "and start on each",
            f"  lmgrd -c {issued.path} -l +debug.log",
        ]
    return [
        f"Next: keep these files together on {server.host} (host id {server.hostid}) and start there",
        f"  lmgrd -c {issued.path} -l +debug.log",
    ]


def _merging(delta: str) -> list[str]:
    return [f"  seatkeeper license merge OLD {delta}", f"  seatkeeper license merge OLD {delta} --apply", "  lmreread"]


def _dry(plan: Plan) -> dict[str, Any]:
    from seatkeeper.licfile.writer import write

    return {
        "servers": [{"host": server.host, "hostid": server.hostid, "port": server.port} for server in plan.servers],
        "delta": plan.is_delta,
        "changes": list(plan.changes),
        "left_out": list(plan.left_out),
        "unsigned": write(plan.file),
    }


def _dry_report(plans: Sequence[Plan], unchanged: Sequence[Plan]) -> list[str]:
    """The unsigned files, one after the other."""
    from seatkeeper.licfile.writer import write

    lines = []
    for plan in plans:
        hosts = ", ".join(server.host for server in plan.servers)
        lines += [f"==> {hosts}: {counted(len(plan.lines), 'license')}, not signed <==", write(plan.file)]
    return [*lines, *_unchanged(unchanged), "Nothing was signed or written."]


def _hosts(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    return [{"host": plan.servers[0].host, "hostid": plan.servers[0].hostid, "changes": list(plan.changes)} for plan in plans]


def _unchanged(plans: Sequence[Plan]) -> list[str]:
    """The servers of a delta for which there was nothing to sign."""
    return [
        " ".join([f"{plan.servers[0].host}: its file has all of the order already.", *[f"{change}." for change in plan.changes]])
        for plan in plans
    ]


def _progress(done: int, all_of_them: int) -> None:
    print(f"\rSigned {done} of {all_of_them}", end="\n" if done == all_of_them else "", file=sys.stderr, flush=True)


def _life(expires: date, today: date) -> str:
    from seatkeeper.base.dates import NEVER, format_date

    if expires == NEVER:
        return "They never expire."
    days = (expires - today).days
    return f"{format_date(expires)} is their last day, " + (f"in {counted(days, 'day')}." if days else "today.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
