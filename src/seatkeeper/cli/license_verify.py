"""`seatkeeper license verify FILE`: status 0 says that a server would serve every license in the file, line by line."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from seatkeeper.adapters.keys import find_trust, read_credential, read_root, read_trust
from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError, exit_status
from seatkeeper.licfile.canonical import fold_name, keyword_of
from seatkeeper.licfile.grammar import FILE_BYTES_MAX
from seatkeeper.licfile.parser import decode, parse
from seatkeeper.licfile.signature import NOT_TRUSTED, Verdict, verify_lines
from seatkeeper.licfile.trust import parse_root

if TYPE_CHECKING:
    from seatkeeper.licfile.model import Parsed, Problem, Signable
    from seatkeeper.licfile.trust import Trust

__all__ = ["Trusts", "find_trusts", "judge", "main", "pinned_root", "verify"]

#: By folded vendor name, the trust file that judges the vendor's lines.
Trusts = dict[str, "tuple[Path, Trust]"]

#: Below this many lines a second thread costs more than it gives.
_POOL_LINES_MIN: Final = 512
_THREADS_MAX: Final = 8
#: Credentials beside the file that are asked which host ids the file may have been made for.
_CREDENTIALS_MAX: Final = 16
_GUESSES_MAX: Final = 64

_NO_FEATURES: Final = -5
_NO_FILE: Final = -1
_UNREADABLE: Final = -30


class _Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said about one place in the file; also the row of `--json`."""

    line: int
    ok: bool
    number: int = 0
    keyword: str = ""
    name: str = ""
    vendor: str = ""
    reason: str = ""
    field: str = ""
    issuer: str = ""
    column: int = 0


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The license file.", show_default=False)],
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            metavar="TRUST",
            help="The vendor's trust file.",
            show_default="VENDOR.trust beside FILE, else in the working directory",
        ),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(
            "--root", metavar="KEY", help="The vendor's root public key, 64 hex digits or a file, which must have signed the trust."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with a row for each line.")] = False,
) -> None:
    """Check the signature of every FEATURE, INCREMENT, PACKAGE and UPGRADE line.

    Ends with 0 only when all of them verify and nothing else is wrong with the file; otherwise with the low byte of the first
    license error, after a sentence for each line that is refused.
    """
    parsed = _read(file)
    trusts = find_trusts(parsed, file, trust, pinned_root(root))
    rows = _rows(parsed, file, trusts)
    refused = [row for row in rows if not row.ok]
    number = refused[0].number if refused else 0
    if json:
        report = {"file": str(file), "ok": not refused, "number": number, "trust": {name: str(path) for name, (path, _) in trusts.items()}}
        print(msgspec.json.format(msgspec.json.encode({**report, "lines": rows}), indent=2).decode())
    else:
        for row in refused:
            print(f"{file}: {row.reason} ({row.number})", file=sys.stderr)
        verified = len(rows) - len(refused)
        if refused:
            print(f"{file}: {_counted(len(refused), 'line')} refused, {verified} verified.")
        else:
            signers = ", ".join(sorted({f"{row.vendor} issuer {row.issuer}" for row in rows}))
            print(f"{file}: {_counted(verified, 'line')} verified, signed by {signers}.")
    if refused:
        raise typer.Exit(exit_status(number))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(verify)
    try:
        app(args=argv, prog_name="seatkeeper license verify")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except LicenseError as error:
        print(f"seatkeeper license verify: {error.message} {error.reason} {error.remedy}", file=sys.stderr)
        return error.exit_status
    except SeatkeeperError as error:
        print(f"seatkeeper license verify: {error}", file=sys.stderr)
        return 1
    return 0


def _read(path: Path) -> Parsed:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        number = _NO_FILE if isinstance(error, FileNotFoundError) else _UNREADABLE
        raise LicenseError(number, reason=f"{path}: {error.strerror}.") from None
    return parse(decode(data), str(path))


def pinned_root(given: str | None) -> bytes | None:
    """The root public key that `--root` gives, as digits or as a file."""
    if given is None:
        return None
    path = Path(given)
    return read_root(path) if path.is_file() else parse_root(given, name="--root")


def find_trusts(parsed: Parsed, file: Path, explicit: Path | None, root: bytes | None) -> Trusts:
    """The trust file of each vendor of the file, where there is one.

    Args:
        parsed: The file's lines.
        file: Where the file is.
        explicit: A trust file, or a directory of them, in place of those beside the file and in the working directory.
        root: The root that must have signed them.
    """
    names = {fold_name(line.vendor): line.vendor for _, line in parsed.file.signable()}
    names |= {fold_name(vendor.name): vendor.name for vendor in parsed.file.vendors}
    if explicit is not None and not explicit.is_dir():
        found = [path] if (path := find_trust("", explicit)) is not None else []
    elif explicit is not None:
        found = [path for name in names.values() if (path := find_trust(name, cwd=explicit)) is not None]
    else:
        found = [path for name in names.values() if (path := find_trust(name, beside=file, cwd=Path.cwd())) is not None]
    trusts = [(path, read_trust(path, root=root)) for path in found]
    return {fold_name(trust.vendor): (path, trust) for path, trust in trusts}


def _rows(parsed: Parsed, file: Path, trusts: Trusts) -> list[_Row]:
    rows = [
        _Row(
            problem.line,
            ok=False,
            number=problem.number,
            reason=_problem_text(problem),
            column=problem.column,
        )
        for problem in parsed.problems
        if problem.severity == "error"
    ]
    judged = judge(parsed, file, trusts)
    for index, line in parsed.file.signable():
        verdict = judged.get(index) or _without_trust(index, line, parsed.places[index])
        rows.append(
            _Row(
                parsed.places[index],
                ok=verdict.ok,
                number=verdict.number,
                keyword=keyword_of(line),
                name=line.name,
                vendor=line.vendor,
                reason=verdict.sentence,
                field=verdict.field,
                issuer=verdict.issuer,
            )
        )
    if not rows:
        rows = [_Row(0, ok=False, number=_NO_FEATURES, reason="The file has no FEATURE, INCREMENT, PACKAGE or UPGRADE line.")]
    return sorted(rows, key=lambda row: (row.line, row.column))


def judge(parsed: Parsed, file: Path, trusts: Trusts) -> dict[int, Verdict]:
    """By index, the verdict of the trust of the line's own vendor; lines of other vendors are any trust's to refuse."""
    judged: dict[int, Verdict] = {}
    for vendor, (_, trust) in trusts.items():
        guesses = _hostids_known(file.parent, trust.vendor, len(parsed.file.servers))
        workers = min(os.cpu_count() or 1, _THREADS_MAX)
        if len(parsed.file.lines) < _POOL_LINES_MIN or workers == 1:
            verdicts = verify_lines(parsed.file, trust, places=parsed.places, hostids_known=guesses)
        else:
            with ThreadPoolExecutor(workers) as pool:
                verdicts = verify_lines(parsed.file, trust, map=pool.map, places=parsed.places, hostids_known=guesses)
        for verdict in verdicts:
            if verdict.index not in judged or fold_name(verdict.line.vendor) == vendor:
                judged[verdict.index] = verdict
    return judged


def _hostids_known(directory: Path, vendor: str, servers: int) -> list[tuple[str, ...]]:
    """SERVER host ids for which the file may have been made: those of the credentials that lie beside it."""
    known = []
    for path in islice(sorted(directory.glob(f"{vendor}.*.credential")), _CREDENTIALS_MAX):
        try:
            known.append(read_credential(path).hostid)
        except InputError:
            continue
    return list(islice(permutations(known, servers), _GUESSES_MAX))


def _without_trust(index: int, line: Signable, place: int) -> Verdict:
    named = f"line {place}, {keyword_of(line)} {line.name} is {NOT_TRUSTED}"
    return Verdict(index, line, -137, f"{named}: there is no {line.vendor}.trust beside the file or in the working directory.")


def _problem_text(problem: Problem) -> str:
    place = f"line {problem.line}, column {problem.column}: " if problem.line else ""
    found = f"found {problem.found!r}" if problem.found else ""
    expected = f"expected {problem.expected}" if problem.expected else ""
    remark = ", ".join(filter(None, (found, expected)))
    return f"{place}{problem.message}" + (f" ({remark})" if remark else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
