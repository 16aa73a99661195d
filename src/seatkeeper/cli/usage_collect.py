"""`seatkeeper usage collect` and `snapshot`: what sources know is in the warehouse afterwards, and what they could not tell is known."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatkeeper.cli.order import counted, print_json
from seatkeeper.cli.usage_log import Log, alarms_of

if TYPE_CHECKING:
    from seatkeeper.lrm.collect import Outcome

__all__ = ["app"]

app = typer.Typer()

Database = Annotated[Path, typer.Option("--db", metavar="DIR", help="The directory with the usage data.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def collect(
    db: Database,
    first: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="A day, or a UTC time; then nothing is read before it.", show_default="where it ended"),
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Read what was before this.", show_default="now")] = "",
    log: Log = None,
    json: Json = False,
) -> None:
    """Read what happened from the sources that usage.toml in DIR names: ICON, Reporting Servers, license servers' journals."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.collect import collect as read
    from seatkeeper.lrm.sources import ConfigurationSource, read_sources

    until = _moment(end, "--to") if end else int(clock.now())
    since = _moment(first, "--from") if first else None
    if since is not None and since >= until:
        raise InputError("The time ends before it begins.", file="--from", found=first, expected=f"before {_utc(until)}")
    alarms = alarms_of(db, log, "collect")
    with alarms.job("collect"):
        known = read_sources(db)
        sources = [source for source in known if not isinstance(source, ConfigurationSource)]
        done = read(Warehouse(db), sources, os.environ, until, since, lambda outcome: _tell("collect", outcome, quiet=json))
    if not sources:
        raise InputError(
            "No source tells of sessions, ports or checkouts.",
            file=str(db / "usage.toml"),
            expected='[[sources]] with kind = "icon", "gvp" or "journal"',
        )
    alarms.sources([(outcome.source, outcome.error) for outcome in done], [source.name for source in known])
    _end(done, json=json)


@app.command()
def snapshot(
    db: Database,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When an export was made: a day, or a UTC time.", show_default="now")
    ] = "",
    log: Log = None,
    json: Json = False,
) -> None:
    """Take in what is configured now, from the sources of configuration that usage.toml in DIR names. Run it every 10 minutes."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.base.errors import InputError
    from seatkeeper.lrm.collect import take_snapshot
    from seatkeeper.lrm.sources import ConfigurationSource, read_sources

    moment = _moment(at, "--at") if at else int(clock.now())
    alarms = alarms_of(db, log, "snapshot")
    done = []
    with alarms.job("snapshot"):
        known = read_sources(db)
        warehouse = Warehouse(db)
        for source in known:
            if isinstance(source, ConfigurationSource):
                done.append(take_snapshot(warehouse, source, os.environ, moment))
                _tell("snapshot", done[-1], quiet=json)
    if not done:
        raise InputError(
            "No source tells of configuration.", file=str(db / "usage.toml"), expected='[[sources]] with kind = "configuration"'
        )
    alarms.sources([(outcome.source, outcome.error) for outcome in done], [source.name for source in known])
    _end(done, json=json)


def _moment(text: str, option: str) -> int:
    from seatkeeper.base.errors import InputError

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("This is no time.", file=option, found=text, expected="2026-09-30, or 2026-09-30T08:00:00Z") from None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())


def _utc(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _tell(command: str, outcome: Outcome, *, quiet: bool) -> None:
    if outcome.error:
        print(f"seatkeeper usage {command}: {outcome.source}: {outcome.error}", file=sys.stderr)
    elif command == "snapshot" and not quiet:
        objects, changed = counted(outcome.rows["configuration"], "object"), counted(outcome.added, "change")
        print(f"{outcome.source}: {objects} at {_utc(outcome.until)}, {changed}.")
    elif not quiet:
        what = ", ".join(f"{rows} {kind}" for kind, rows in outcome.rows.items()) or "nothing"
        print(f"{outcome.source}: {what} of {_utc(outcome.since)} to {_utc(outcome.until)}, {outcome.added} of them new.")


def _end(done: list[Outcome], *, json: bool) -> None:
    if json:
        print_json([_as_json(outcome) for outcome in done])
    if any(outcome.error for outcome in done):
        raise typer.Exit(1)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "source": outcome.source,
        "from": _utc(outcome.since),
        "to": _utc(outcome.until),
        "facts": outcome.rows,
        "added": outcome.added,
        "error": outcome.error,
    }
