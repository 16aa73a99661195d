"""`seatkeeper license entitlement`: what a license file entitles to becomes a file for reports, and one that came is checked."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from seatkeeper.base.errors import InputError
from seatkeeper.cli.passphrases import FileOption, SourceOption, read_passphrases

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.catalog.model import Catalog
    from seatkeeper.licfile.editing import Source
    from seatkeeper.usage.entitlement import Entitlement, Header

__all__ = ["check_entitlements", "entitlement"]

_COMMENT: Final = re.compile(r'#[ \t]*(Company|Site#)[ \t]*:[ \t]*"?([^"\n]*?)"?[ \t]*')
_NAME: Final = "seatkeeper license entitlement"


def entitlement(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The license file with the product lines.", show_default=False)
    ] = None,
    keys: Annotated[Path | None, typer.Option(metavar="DIR", help="The vendor's keys; without them the file is not signed.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT", help="The XML file to write.")] = None,
    check: Annotated[
        list[Path] | None, typer.Option("--check", metavar="IN", help="Check an entitlement file; several of one site may be given.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", metavar="TRUST", help="The vendor's trust file.", show_default="VENDOR.trust beside the file")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="The customer's name.", show_default="Company in the license file")] = None,
    customer_id: Annotated[str | None, typer.Option("--customer-id", help="The customer's number.", show_default="the site's")] = None,
    site: Annotated[str | None, typer.Option(help="The site's number.", show_default="Site# in the license file")] = None,
    address: Annotated[str, typer.Option(help="The site's address.")] = "",
    multi_site: Annotated[bool, typer.Option("--multi-site", help="The entitlement is for several sites.")] = False,
    valid_from: Annotated[
        datetime | None,
        typer.Option("--valid-from", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="The first day.", show_default="today"),
    ] = None,
    valid_to: Annotated[
        datetime | None,
        typer.Option(
            "--valid-to", metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="The last day.", show_default="when the first license ends"
        ),
    ] = None,
    catalog: Annotated[Path | None, typer.Option("--catalog", metavar="DIR", help="A vendor's own catalog directory.")] = None,
    passphrase_file: FileOption = None,
    passphrase: SourceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the entitlement file of a license file, or check one.

    The file says for reports what was bought. Ends with 0 when it was written, or when what was checked can be used.
    """
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.wholefile import PUBLIC, whole_file

    loaded = load_catalog(catalog)
    if check:
        if file is not None:
            raise InputError("A license file is not needed to check an entitlement file.", file="FILE", found=str(file))
        check_entitlements(check, loaded, trust, json=json)
        return
    if file is None or output is None:
        raise InputError("Two files are needed: the license file, and where to write.", remedy="Give FILE and -o OUT, or --check IN.")
    from seatkeeper.adapters import clock

    today = clock.today()
    source, header = _header(file, customer, customer_id, site, address, multi_site, valid_from, valid_to, today)
    made = _made(source, file, loaded, header, trust)
    text = _text(made, loaded, keys, today, passphrase_file, passphrase)
    try:
        with whole_file(output, PUBLIC, replace=force) as written:
            written.write(text.encode())
    except FileExistsError:
        raise InputError(
            "This file exists and is not overwritten.", file=str(output), remedy="Name another one, or give --force."
        ) from None
    except OSError as error:
        raise InputError(f"This file cannot be written: {error.strerror}.", file=str(output)) from None
    if json:
        _print_json(output, made, signed=keys is not None)
        return
    _warn(made, loaded, today)
    until = f"until {made.header.valid_to}" if made.header.valid_to is not None else "without an end"
    signed = "signed" if keys is not None else "not signed: reports show that nobody vouches for it"
    print(f"{output}: {len(made.lines)} items for {made.header.customer_name}, in force from {made.header.valid_from} {until}, {signed}.")


def check_entitlements(paths: list[Path], catalog: Catalog, trust: Path | None, *, json: bool = False) -> None:
    """Say whether entitlement files can be used; raises `typer.Exit` where one cannot."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.entitlements import read_entitlement
    from seatkeeper.cli.order import print_json
    from seatkeeper.usage.entitlement import EntitlementProblem, check_entitlement, in_force

    today = clock.today()
    rows: list[dict[str, Any]] = []
    good: list[tuple[Path, Entitlement]] = []
    for path in paths:
        said, signature = read_entitlement(path)
        problems = list(check_entitlement(said, catalog, today))
        told = objection_of(said, signature, path, trust)
        if told:
            problems.insert(0, EntitlementProblem(told, "warning" if not signature else "error"))
        errors = sum(problem.severity == "error" for problem in problems)
        if not errors:
            good.append((path, said))
        rows.append(
            {
                "file": str(path),
                "ok": not errors,
                "signed": bool(signature) and not told,
                "problems": msgspec.to_builtins(problems),
                "entitlement": msgspec.to_builtins(said),
            }
        )
        if json:
            continue
        for problem in problems:
            place = f" item {problem.line}:" if problem.line else ""
            print(f"{_NAME}: {path}:{place} {problem.severity}: {problem.message}", file=sys.stderr)
        verdict = "can be used" if not errors else "cannot be used"
        who = f"{said.header.customer_name}, site {said.header.site_id}"
        print(f"{path} {verdict}: {len(said.lines)} items for {who}{', signed' if rows[-1]['signed'] else ''}.")
    counts, overruled = in_force([said for _, said in good], today)
    remark = ""
    if counts is not None and overruled:
        names = {id(said): str(path) for path, said in good}
        remark = f"{', '.join(names[id(each)] for each in overruled)}: overruled today by {names[id(counts)]}: the one issued last counts."
        if not json:
            print(remark)
    if json:
        print_json({"files": rows, "remark": remark})
    if len(good) < len(paths):
        raise typer.Exit(1)


def objection_of(said: Entitlement, signature: str, path: Path, trust: Path | None) -> str:
    from seatkeeper.cli.license_verify import find_trusts
    from seatkeeper.licfile.detached import objection_to
    from seatkeeper.licfile.parser import parse
    from seatkeeper.usage.entitlement import ENTITLEMENT_TAG, canonical_entitlement

    if not signature:
        return "It is not signed, so nobody vouches for it."
    name = said.vendor if said.vendor.replace(".", "").replace("_", "").replace("-", "").isalnum() else ""
    trusts = find_trusts(parse(f"DAEMON {name or 'vendor'}\n"), path, trust, None)
    if name.lower() not in trusts:
        return f"There is no {name or 'vendor'}.trust beside it to check its signature; name it with --trust."
    return objection_to(signature, canonical_entitlement(said), ENTITLEMENT_TAG, trusts[name.lower()][1], said.header.issued)


def _header(
    file: Path,
    customer: str | None,
    customer_id: str | None,
    site: str | None,
    address: str,
    multi_site: bool,
    valid_from: datetime | None,
    valid_to: datetime | None,
    today: date,
) -> tuple[Source, Header]:
    """The license file, and whose entitlement it is: as given, else as its comments say."""
    from seatkeeper.cli.license_edit import load_source
    from seatkeeper.licfile.model import Comment
    from seatkeeper.usage.entitlement import Header

    source = load_source(file)
    comments = [line.text for line in source.file.lines if isinstance(line, Comment)]
    said = {match[1]: match[2] for text in comments if (match := _COMMENT.fullmatch(text)) is not None}
    company = customer if customer is not None else said.get("Company", "")
    place = site if site is not None else said.get("Site#", "")
    for value, option in ((company, "--customer"), (place, "--site")):
        if not value:
            raise InputError("The license file does not say whose it is.", file=str(file), remedy=f"Give {option}.")
    begin = valid_from.date() if valid_from is not None else today
    end = valid_to.date() if valid_to is not None else None
    kind = "multi-site" if multi_site else "single-site"
    return source, Header(company, customer_id or place, place, address, kind, today, begin, end)  # type: ignore[arg-type]


def _made(source: Source, file: Path, catalog: Catalog, header: Header, trust: Path | None) -> Entitlement:
    """The entitlement of the lines that verify; all of them where no trust is there to ask."""
    from seatkeeper.cli.license_verify import find_trusts, judge
    from seatkeeper.licfile.canonical import fold_name
    from seatkeeper.usage.entitlement import from_license

    vendor = catalog.vendor.name
    trusts = find_trusts(source.parsed, file, trust, None)
    judged = judge(source.parsed, file, trusts)
    lines = [(index, line) for index, line in source.file.signable() if fold_name(line.vendor) == fold_name(vendor)]
    refused = [judged[index].sentence for index, _ in lines if index in judged and not judged[index].ok]
    for sentence in refused:
        print(f"{_NAME}: {file}: left out: {sentence}", file=sys.stderr)
    if fold_name(vendor) not in trusts:
        print(f"{_NAME}: {file}: there is no {vendor}.trust, so nothing shows that its lines are genuine.", file=sys.stderr)
    return from_license([line for index, line in lines if index not in judged or judged[index].ok], catalog, header, vendor)


def _text(
    made: Entitlement, catalog: Catalog, keys: Path | None, today: date, passphrase_file: Path | None, passphrase: list[str] | None
) -> str:
    from seatkeeper.usage.entitlement import check_entitlement, write_entitlement

    if keys is not None:
        from seatkeeper.issue.entitling import sign_entitlement

        secret = read_passphrases(passphrase_file, passphrase, kinds=("issuer",))
        return sign_entitlement(made, catalog, keys, today, passphrase=secret)
    error = next((problem for problem in check_entitlement(made, catalog, today) if problem.severity == "error"), None)
    if error is not None:
        raise InputError(error.message, remedy="Nothing was written.")
    return write_entitlement(made)


def _warn(made: Entitlement, catalog: Catalog, today: date) -> None:
    from seatkeeper.usage.entitlement import check_entitlement

    for problem in check_entitlement(made, catalog, today):
        print(f"{_NAME}: {problem.severity}: {problem.message}", file=sys.stderr)


def _print_json(output: Path, made: Entitlement, *, signed: bool) -> None:
    from seatkeeper.cli.order import print_json

    print_json({"file": str(output), "signed": signed, "entitlement": msgspec.to_builtins(made)})
