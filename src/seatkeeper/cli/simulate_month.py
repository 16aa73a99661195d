"""`seatkeeper simulate month`: a month of a contact center's logins stands in a real PostgreSQL database, with a record of the truth."""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError
from seatkeeper.sim.center import AGENTS_MAX
from seatkeeper.sim.month import TENANTS_MAX, plan_month

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["add_parser", "run"]

_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100
_EPILOG: Final = """\
The database gets four schemas: icon_voice_a and icon_voice_b (a pair of ICONs, one of which crashes), icon_media (one that stands
alone, and crashes, too), and configuration. Tables are made where they are missing; a month is written once.

What is printed is the usage.toml that collects all of it.

examples:
  seatkeeper simulate month --agents 300 --tenants 5 --url postgresql:///icon --truth truth.json >usage/usage.toml
  seatkeeper simulate month --agents 5000 --tenants 20 --url postgresql://sim@db1/icon --month 2026-09
"""


def add_parser(commands: Any) -> None:
    """Lets `simulate` have the command `month`."""
    month = commands.add_parser(
        "month",
        help="one month of logins, in a database",
        description="Writes what ICONs saw of a contact center's month into a PostgreSQL database.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    month.add_argument("--agents", type=int, default=300, metavar="N", help=f"how many agents, 1 to {AGENTS_MAX} (default 300)")
    month.add_argument("--tenants", type=int, default=5, metavar="T", help=f"of how many tenants, 1 to {TENANTS_MAX} (default 5)")
    month.add_argument("--url", required=True, metavar="URL", help="the database, as postgresql://ACCOUNT@HOST/DATABASE")
    month.add_argument(
        "--password-env", default="", metavar="NAME", help="the environment variable with the password; by default as PostgreSQL finds it"
    )
    month.add_argument("--seed", type=int, default=1, metavar="S", help="which month: the same seed gives the same one (default 1)")
    month.add_argument("--month", default="", metavar="YYYY-MM", help="the calendar month (default the last one that is over)")
    month.add_argument("--truth", default="", metavar="FILE", help="write what reports must say, as JSON")
    month.add_argument("--limits", default="", metavar="FILE", help="write what tenants are provisioned with, as CSV")


def run(options: argparse.Namespace) -> int:
    """Writes the month; the exit status."""
    for option, value, most in (("--agents", options.agents, AGENTS_MAX), ("--tenants", options.tenants, TENANTS_MAX)):
        if not 1 <= value <= most:
            raise InputError("A center has another number.", file=option, found=str(value), expected=f"1 to {most}")
    year, number = _month(options.month)
    password = ""
    if options.password_env:
        password = os.environ.get(options.password_env, "")
        if not password:
            raise InputError("The variable with the password is not set.", file="--password-env", found=options.password_env)
    from seatkeeper.adapters.postgres import check_no_password
    from seatkeeper.drive.month import sources_text, write_month

    check_no_password(options.url, "--url")
    month = plan_month(options.agents, options.tenants, year, number, random.Random(options.seed))
    rows = write_month(options.url, month, password)
    if options.truth or options.limits:
        from seatkeeper.sim.configuration import enabled_of
        from seatkeeper.sim.truth import truth_of

        truth = {**truth_of(month), "seed": options.seed, "enabled": enabled_of(month)}
        if options.truth:
            _write_json(Path(options.truth), truth)
        if options.limits:
            _write_limits(Path(options.limits), truth["limits"], date(year, number, 1))
    print(f"{len(month.sessions)} login sessions of {month.name}, {rows} rows.", file=sys.stderr)
    print(sources_text(options.url, options.password_env), end="")
    return 0


def _month(text: str) -> tuple[int, int]:
    if not text:
        today = clock.today()
        return (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text, re.ASCII)
    if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
        raise InputError("This is no month.", file="--month", found=text, expected="YYYY-MM")
    return int(found[1]), int(found[2])


def _write_json(path: Path, value: Any) -> None:
    import msgspec

    _write(path, msgspec.json.encode(value).decode() + "\n")


def _write_limits(path: Path, limits: Iterable[dict[str, Any]], first: date) -> None:
    from seatkeeper.usage.limits import Provisioned, counts_to_csv

    _write(path, counts_to_csv([Provisioned(row["tenant"], row["item"], first, row["limit"]) for row in limits]))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(path)) from None
