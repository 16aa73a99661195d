"""`seatkeeper usage features` and `denials`: what license servers gave out and refused of each technical license, from their journals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seatkeeper.cli import usage_query
from seatkeeper.cli.order import print_json, table
from seatkeeper.cli.usage_common import Database, Json, day_given, utc, zone_given

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["app"]

app = typer.Typer()

#: So many users a line names.
_USERS_MAX: Final = 3


@app.command()
def features(db: Database, first: usage_query.First, end: usage_query.End, zone: usage_query.Zone = "UTC", json: Json = False) -> None:
    """List the technical licenses that were used or refused: the most seats at once, how long seats were out, and denials."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.features import used_features
    from seatkeeper.usage.periods import Period, midnight

    own = _zone(zone)
    since, until = midnight(day_given(first, "--from"), own), midnight(day_given(end, "--to"), own)
    _check_order(since, until, end)
    found, missing = used_features(Warehouse(db, must_exist=True), open_duckdb(db), Period(since, since, until), int(clock.now()))
    if json:
        print_json(
            {
                "features": [
                    {
                        "feature": one.feature,
                        "peak": one.peak,
                        "peak_time": utc(one.peak_time),
                        "seat_hours": round(one.seat_seconds / 3600, 3),
                        "checkouts": one.checkouts,
                        "users": one.users,
                        "denials": one.denials,
                    }
                    for one in found
                ],
                "missing": missing,
            }
        )
        return
    rows = [
        (
            one.feature,
            str(one.peak),
            "-" if one.peak_time is None else _local(one.peak_time, own, "%Y-%m-%d %H:%M:%S"),
            f"{one.seat_seconds / 3600:.1f}",
            str(one.checkouts),
            str(one.users),
            str(one.denials) if one.denials else "",
        )
        for one in found
    ]
    print("\n".join(table(("Feature", "Peak", "Peak time", "Seat hours", "Checkouts", "Users", "Denials"), rows)))
    if not rows:
        print("No technical license was checked out or refused in this time.")
    if missing:
        print(f"Missing: {missing}.")


@app.command()
def denials(
    db: Database,
    first: usage_query.First,
    end: usage_query.End,
    feature: Annotated[str, typer.Option("--feature", metavar="NAME", help="Only this technical license.", show_default="all")] = "",
    granularity: usage_query.GranularityName = "daily",
    zone: usage_query.Zone = "UTC",
    json: Json = False,
) -> None:
    """Count the checkouts that license servers refused, by technical license and period, with the errors' numbers and who was refused."""
    from seatkeeper.adapters.engines import open_duckdb
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.lrm.features import denied_features
    from seatkeeper.usage.periods import periods

    own = _zone(zone)
    pieces = periods(granularity, day_given(first, "--from"), day_given(end, "--to"), own)
    found, missing = denied_features(Warehouse(db, must_exist=True), open_duckdb(db), pieces, feature)
    if json:
        print_json(
            {
                "denials": [
                    {
                        "feature": one.feature,
                        "start": utc(one.period.start),
                        "denials": one.denials,
                        "codes": {str(code): times for code, times in one.codes.items()},
                        "users": one.users,
                    }
                    for one in found
                ],
                "missing": [{"start": utc(pieces[number].start), "missing": text} for number, text in sorted(missing.items())],
            }
        )
        return
    rows = [
        (
            one.feature,
            _local(one.period.start, own, "%Y-%m-%d %H:%M"),
            str(one.denials),
            ", ".join(f"{code} ({times})" for code, times in one.codes.items()),
            _named(one.users),
        )
        for one in found
    ]
    print("\n".join(table(("Feature", "Start", "Denials", "Errors", "Users"), rows)))
    if not rows:
        print("Nothing was refused in this time.")
    for text in sorted(set(missing.values())):
        print(f"Missing: {text}.")


def _named(users: dict[str, int]) -> str:
    names = [f"{user or '?'} ({times})" for user, times in list(users.items())[:_USERS_MAX]]
    return ", ".join([*names, *([f"{len(users) - _USERS_MAX} more"] if len(users) > _USERS_MAX else [])])


def _zone(name: str) -> tzinfo:
    from seatkeeper.base.errors import InputError

    zone = zone_given(name)
    if zone is None:
        raise InputError("Technical licenses are no tenant's.", file="--zone", found=name, expected="a name such as Europe/Paris")
    return zone


def _check_order(since: int, until: int, end: str) -> None:
    from seatkeeper.base.errors import InputError

    if until <= since:
        raise InputError("The days end before they begin.", file="--to", found=end, expected="a later day than --from")


def _local(moment: int, zone: tzinfo, form: str) -> str:
    return f"{datetime.fromtimestamp(moment, zone):{form}}"
