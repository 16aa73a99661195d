"""`seatkeeper options lint` and `seatkeeper options explain`: what is wrong with an options file, and what it means for one person.

Neither asks for keys: the license file is taken at its word, and `seatkeeper license verify` says whether it is signed.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seatkeeper.base.values import VersionRule
    from seatkeeper.licfile.model import Parsed, Problem, Signable
    from seatkeeper.licfile.options import OptionsFile
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.explain import Explanation

__all__ = ["app", "explain", "lint", "main"]

app = typer.Typer(
    name="options",
    help="Options files: find what is wrong with them, and what they mean for one person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

LicensePath = Annotated[
    str, typer.Option("-c", metavar="PATH", help="License files or directories, as lmgrd takes them.", show_default=False)
]
Vendor = Annotated[str, typer.Option(help="The vendor daemon, where the license file has several.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Today = Annotated[
    datetime | None,
    typer.Option("--today", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Count seats as on that day.", show_default="today"),
]


@app.command()
def lint(
    c: LicensePath,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The options file.", show_default="the DAEMON line's")] = None,
    vendor: Vendor = "",
    json: Json = False,
    today: Today = None,
) -> None:
    """Find everything that is wrong with an options file, one line a problem: file:line:column: severity: message.

    Mistyped keywords, features and groups, reservations of seats that are not there, lines that can never apply. Ends with 0 when
    there are no errors, else with 1.
    """
    from seatkeeper.pools.optionslint import lint_options

    site = _Site(c, file, vendor, today)
    if site.options is None:
        raise InputError(
            "There is no options file.",
            file=str(site.default),
            remedy=f"Name one, or write {site.default.name} beside the license file.",
        )
    problems = lint_options(site.options, site.pools, site.packages)
    errors = sum(problem.severity == "error" for problem in problems)
    name = site.options.name
    if json:
        import msgspec

        counts = {"errors": errors, "warnings": len(problems) - errors}
        _print_json({"file": name, "vendor": site.vendor, **counts, "problems": msgspec.to_builtins(problems)})
    else:
        for problem in problems:
            print(f"{_place(name, problem)}: {problem.severity}: {_sentence(problem)}")
        counts_text = [_counted(count, noun) for count, noun in ((errors, "error"), (len(problems) - errors, "warning")) if count]
        print(f"{name}: {', '.join(counts_text) or 'no problems'}.", file=sys.stderr)
    raise typer.Exit(int(errors > 0))


@app.command()
def explain(
    names: Annotated[
        list[str],
        typer.Argument(metavar="[FILE] FEATURE", help="The options file if it is another than the DAEMON line's, and the feature."),
    ],
    c: LicensePath,
    user: Annotated[str, typer.Option(help="Who asks.", show_default=False)],
    host: Annotated[str, typer.Option(help="On which machine.", show_default=False)] = "",
    display: Annotated[str, typer.Option(help="At which display.", show_default="the host")] = "",
    project: Annotated[str, typer.Option(help="The LM_PROJECT.", show_default=False)] = "",
    address: Annotated[str, typer.Option(help="The machine's IP address.", show_default="the host, where that is one")] = "",
    version: Annotated[str, typer.Option(help="The version that is asked for.", show_default="any")] = "",
    count: Annotated[int, typer.Option(min=1, max=999_999_999, help="The seats that are asked for.")] = 1,
    vendor: Vendor = "",
    json: Json = False,
    today: Today = None,
) -> None:
    """Say what somebody would get of a feature while all its seats are free, and which line of the options file decides.

    Ends with 0 when he would get the seats, else with 1.
    """
    from seatkeeper.base.values import is_version
    from seatkeeper.licfile.options import EMPTY_OPTIONS
    from seatkeeper.licfile.options_grammar import plain_address
    from seatkeeper.pools.access import Access, Who
    from seatkeeper.pools.explain import explain as explain_pool

    if len(names) > 2:
        raise InputError("One options file and one feature are explained at a time.", found=" ".join(names), expected="[FILE] FEATURE")
    if version and not is_version(version):
        raise InputError("This is no version.", file="--version", found=version, expected="a number as 8.5")
    if address and not plain_address(address):
        raise InputError("This is no IP address.", file="--address", found=address, expected="as 192.0.2.7 or 2001:db8::7")
    feature = names[-1]
    site = _Site(c, Path(names[0]) if len(names) > 1 else None, vendor, today, feature)
    options = site.options if site.options is not None else EMPTY_OPTIONS
    pools = site.pools.get(feature.lower())
    if not pools:
        raise InputError("No license is for this feature.", file=c, found=feature, remedy=_hint(feature, site))
    access = Access(options, site.pools, site.vendor)
    for pool in pools:
        pool.obey(access)
        pool.set_day(site.today)
    who = Who(user, host, display or host, project, address or (host if plain_address(host) else ""))
    rule = site.version_rule()
    found = [explain_pool(pool, access, who, site.today, version=version, count=count, rule=rule) for pool in pools]
    if json:
        import msgspec

        asked = {"feature": feature, "user": user, "host": host, "display": who.display, "project": project, "address": who.address}
        head = {"file": options.name, "vendor": site.vendor, **asked, "version": version, "count": count}
        _print_json({**head, "allowed": any(not one.number for one in found), "pools": msgspec.to_builtins(found)})
    else:
        _say(found, f"{user} on {host}" if host else user, count)
    errors = sum(problem.severity == "error" for problem in options.problems)
    if errors:
        print(f"{options.name}: {_counted(errors, 'error')}; `seatkeeper options lint` names them.", file=sys.stderr)
    raise typer.Exit(int(all(one.number for one in found)))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    try:
        app(args=argv, prog_name="seatkeeper options")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except LicenseError as error:
        print(f"seatkeeper options: {error.reason or error.message} {error.remedy}", file=sys.stderr)
        return 1
    except SeatkeeperError as error:
        print(f"seatkeeper options: {error}", file=sys.stderr)
        return 1
    return 0


# Files.


class _Site:
    """The license files and the options file of one vendor daemon.

    Attributes:
        today: The day for which the pools count.
        vendor: The daemon's name.
        pools: Its pools by feature name in lower case.
        packages: Names of its packages.
        options: What the options file says; None where there is none.
        default: Where the options file is if the DAEMON line does not say otherwise.
    """

    def __init__(self, paths: str, file: Path | None, vendor: str, today: datetime | None, feature: str = "") -> None:
        from seatkeeper.adapters.clock import today as the_day
        from seatkeeper.licfile.model import Package
        from seatkeeper.pools.grouping import group_lines
        from seatkeeper.server.license import find_files, read_file, read_options

        self.today: date = today.date() if today is not None else the_day()
        files = [read_file(path) for path in find_files([entry for entry in paths.split(os.pathsep) if entry])]
        self.vendor = _vendor(files, vendor, file, feature)
        lines = [line for one in files for _, line in one.file.signable() if line.vendor.lower() == self.vendor.lower()]
        self.pools: dict[str, list[Pool]] = group_lines(lines, self.today)[0]
        self.packages = [line.name for line in lines if isinstance(line, Package)]
        self._places = tuple(dict.fromkeys(Path(one.name).parent for one in files))
        self.default = Path(files[0].name).parent / f"{self.vendor}.opt"
        self.options: OptionsFile | None = _read_options(file) if file is not None else read_options(self.vendor, files)

    def version_rule(self) -> VersionRule:
        """By which rule a license's version meets a request's: the vendor's trust file says it to the vendor daemon, too.

        Raises:
            InputError: The trust file is none.
        """
        from seatkeeper.adapters.settings import read_trust
        from seatkeeper.licfile.trust import parse_trust

        found = read_trust(self.vendor, self._places)
        if found is not None:
            return parse_trust(found[1], root=None, name=found[0]).version_rule
        # As `seatkeeper vendor init` chooses for a new vendor.
        return "release8" if self.vendor.lower() == "genesys.d" else "flexnet"


def _read_options(path: Path) -> OptionsFile:
    from seatkeeper.licfile.options import FILE_BYTES_MAX, parse_options
    from seatkeeper.licfile.parser import decode

    try:
        with path.open("rb") as file:
            # One byte more than is allowed, so that the parser sees that there are too many.
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            f"The options file cannot be read: {error.strerror}.", file=str(path), remedy="Check its name and permissions."
        ) from None
    return parse_options(decode(data), str(path))


def _vendor(files: Sequence[Parsed], given: str, options: Path | None, feature: str) -> str:
    """The vendor daemon that is meant: given, or the only one, or the one whose options file or feature it is."""
    lines: list[Signable] = [line for one in files for _, line in one.file.signable()]
    daemons = {line.name.lower(): line for one in files for line in one.file.vendors}
    names = dict.fromkeys([*(line.name for line in daemons.values()), *(line.vendor for line in lines)])
    by_folded = {name.lower(): name for name in reversed(names)}
    if given:
        if given.lower() in by_folded:
            return by_folded[given.lower()]
        raise InputError("The license files have no such vendor.", file="--vendor", found=given, expected=_listed(by_folded.values()))
    if not by_folded:
        raise InputError("The license files name no vendor daemon.", file=", ".join(one.name for one in files))
    candidates = dict(by_folded)
    if options is not None:
        own = {f"{folded}.opt" for folded in by_folded}
        own_name = options.name.lower()
        named = [folded for folded, line in daemons.items() if line.options and Path(line.options).name == options.name]
        candidates = {name: by_folded[name] for name in named} or (
            {own_name.removesuffix(".opt"): by_folded[own_name.removesuffix(".opt")]} if own_name in own else candidates
        )
    if len(candidates) > 1 and feature:
        having = dict.fromkeys(line.vendor.lower() for line in lines if line.name.lower() == feature.lower())
        candidates = {name: candidates[name] for name in having if name in candidates} or candidates
    if len(candidates) > 1:
        raise InputError(
            "The license files have several vendor daemons, each with its own options file.",
            found=_listed(candidates.values()),
            remedy="Name one with --vendor.",
        )
    return next(iter(candidates.values()))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _hint(feature: str, site: _Site) -> str:
    """What may have been meant by a feature that there is not."""
    from difflib import get_close_matches

    inside = [pool.feature for pools in site.pools.values() for pool in pools if pool.package.lower() == feature.lower()]
    if inside:
        return f"It is a package: ask for one of {_listed(dict.fromkeys(inside))}."
    near = get_close_matches(feature.lower(), site.pools, n=1)
    return f"Did you mean {site.pools[near[0]][0].feature}?" if near else ""


# Text.


def _place(name: str, problem: Problem) -> str:
    return f"{name}:{problem.line}:{max(problem.column, 1)}" if problem.line else name


def _sentence(problem: Problem) -> str:
    found = problem.found if problem.found.isprintable() else repr(problem.found)
    details = [f"found '{found}'"] if found and problem.found not in problem.message else []
    details += [f"expected {problem.expected}"] if problem.expected else []
    return f"{problem.message} ({', '.join(details)})" if details else problem.message


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _say(found: Sequence[Explanation], who: str, count: int) -> None:
    """The explanation in sentences."""
    giving = next((one for one in found if not one.number), None)
    if giving is not None:
        print(f"{who} would get {_counted(max(count, 1), 'seat')} of {giving.feature}, from pool {giving.pool}.")
    else:
        print(f"{who} would get no seat of {found[0].feature}.")
    for one in found:
        seats = "uncounted" if one.seats is None else _counted(one.seats, "seat")
        over = f" and {one.overdraft:,} of overdraft" if one.overdraft else ""
        print(f"\nPool {one.pool} (version {one.version}, {seats}{over}):")
        for sentence in _sentences(one, who):
            print(f"  {sentence}")


def _sentences(one: Explanation, who: str) -> list[str]:
    said: list[str] = []
    if one.number:
        said.append(f"Denied ({one.number}): {one.reason}")
    elif one.seats_max is None:
        said.append(f"{who} may have any number of seats.")
    else:
        said.append(f"{who} may have at most {_counted(one.seats_max, 'seat')} while all are free.")
    said.append(f"What decides: {one.rule}" if one.rule else "What decides: the license; no line of the options file does.")
    said += [f"At most {_counted(each.seats, 'seat')}: {each.rule}" for each in one.limits if each.rule != one.rule]
    said += [f"{_counted(each.seats, 'seat')} kept for {who}: {each.rule}" for each in one.kept]
    said += [f"{_counted(each.seats, 'seat')} kept for others: {each.rule}" for each in one.kept_for_others]
    if one.hostids:
        said.append(f"The license is locked to {one.hostids}.")
    if not one.number or one.seats_max:
        said += _leaving(one)
    return said


def _leaving(one: Explanation) -> list[str]:
    """What happens to seats that are not used, or taken away."""
    said: list[str] = []
    borrowing: Any = one.borrowing
    if borrowing is not None and borrowing.number:
        said.append(f"No borrowing ({borrowing.number}): {borrowing.reason} {borrowing.rule}".rstrip())
    elif borrowing is not None:
        kept = f", while {_counted(borrowing.seats_kept, 'seat')} stay" if borrowing.seats_kept else ""
        said.append(f"A seat may be borrowed for {borrowing.hours_max:g} hours{kept}.")
    if one.timeout_s is not None:
        said.append(f"A seat that the application reports idle for {one.timeout_s:g} s is taken back.")
    if one.linger_s:
        said.append(f"A seat stays out for {one.linger_s:g} s after its checkin.")
    return said


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
