"""`seatkeeper license merge OLD NEW`: new licenses get into the file that is served, and nothing that was in force is lost unsaid.

The way of a merge: both files are read and judged by the trust beside the old one; the merged text is made (licfile.editing), read back,
linted and judged again, and what it would give less of is found (pools.shrinking); it is shown. Only with `--apply`, and only when all of
this was good, is the old file copied to a backup that replaces nothing, and the merged one put in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from seatkeeper.cli.license_verify import Trusts
    from seatkeeper.licfile.editing import Merge, Source
    from seatkeeper.licfile.model import Signable
    from seatkeeper.pools.shrinking import Loss

__all__ = ["load_source", "merge", "save_backup"]

#: As many backups may bear the time of one second.
_BACKUPS_MAX: Final = 100
#: How many of a kind are said one by one.
_SHOWN_MAX: Final = 20

Trust = Annotated[
    Path | None,
    typer.Option("--trust", metavar="TRUST", help="The vendor's trust file.", show_default="VENDOR.trust beside OLD, else here"),
]


class _Checked(msgspec.Struct, frozen=True):
    """A merge, and what was found out about it."""

    old: Source
    merge: Merge
    refused: tuple[str, ...]
    losses: tuple[Loss, ...]
    older: tuple[int, ...]
    path: Path

    @property
    def lessens(self) -> bool:
        """True where the merge takes something away."""
        return bool(self.losses or self.older)


def merge(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The license file that is served.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The complete or partial one that came.", show_default=False)],
    apply: Annotated[bool, typer.Option("--apply", help="Write the merged file; without this it is only shown.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where --apply writes.", show_default="OLD itself")
    ] = None,
    trust: Trust = None,
    allow_less: Annotated[
        bool, typer.Option("--allow-less", help="Accept that the merged file gives fewer seats, or for less time.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put the licenses of NEW into OLD: what they replace stays there as comments, everything else as it is.

    Shows what would change; `--apply` writes it, and keeps OLD as a backup. Ends with 0 when the files fit together.
    """
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.textfiles import changing

    target = output if output is not None else old
    if not apply:
        checked = _checked(old, new, trust, clock.today())
        _show(checked, new, target, None, json=json, applied=False)
        _refuse_less(checked, allowed=allow_less)
        return
    with changing(target):
        checked = _checked(old, new, trust, clock.today())
        if checked.lessens and not allow_less:
            _show(checked, new, target, None, json=json, applied=False)
        _refuse_less(checked, allowed=allow_less)
        same = target.resolve() == old.resolve()
        backup = None
        if not (same and not checked.merge.added):
            backup = save_backup(target)
            _write(target, checked.merge.data)
    _show(checked, new, target, backup, json=json, applied=True)


def load_source(path: Path) -> Source:
    """The license file as something that can be edited.

    Raises:
        InputError: It cannot be read, or could not be written again as it was.
    """
    from seatkeeper.licfile.editing import read_source
    from seatkeeper.licfile.grammar import FILE_BYTES_MAX

    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    return read_source(data, str(path))


def save_backup(path: Path) -> Path | None:
    """A copy of the file under a name with the time in it, which no file had before; None where there is no file.

    Raises:
        InputError: It cannot be read or written.
    """
    from datetime import datetime

    from seatkeeper.adapters import clock
    from seatkeeper.adapters.wholefile import PRIVATE, whole_file

    try:
        path = path.resolve()
        if not path.exists():
            return None
        data = path.read_bytes()
        stamp = datetime.fromtimestamp(clock.now()).strftime("%Y%m%dT%H%M%S")
        for number in range(_BACKUPS_MAX):
            backup = path.with_name(f"{path.name}.{stamp}{f'-{number}' if number else ''}.bak")
            if backup.exists():
                continue
            try:
                with whole_file(backup, PRIVATE, like=path.stat(), replace=False) as file:
                    file.write(data)
            except FileExistsError:
                continue
            return backup
    except OSError as error:
        raise InputError(f"No backup can be made, so nothing was changed: {error.strerror}.", file=str(path)) from None
    raise InputError("There are too many backups of this second, so nothing was changed.", file=str(path), remedy="Try again.")


def _write(path: Path, data: bytes) -> None:
    from seatkeeper.adapters.textfiles import replace_text

    # The text's own bytes come out of it again, whatever their encoding.
    replace_text(path, data.decode("utf-8", "surrogateescape"))
    if path.read_bytes() != data:
        raise InputError("The file does not hold what was written to it.", file=str(path), remedy="Put the backup in its place.")


# Judging ---------------------------------------------------------------------------------------------------------------


def _checked(old_path: Path, new_path: Path, trust: Path | None, today: date) -> _Checked:
    """The merge of both files.

    Raises:
        InputError: They do not fit together, or NEW has a line that the trust beside OLD does not vouch for.
    """
    from seatkeeper.cli.license_verify import find_trusts, judge
    from seatkeeper.licfile import editing
    from seatkeeper.licfile.lint import lint
    from seatkeeper.licfile.model import Unknown
    from seatkeeper.licfile.parser import decode, parse

    old, new = load_source(old_path), load_source(new_path)
    merged = editing.merge(old, new, today)  # Files that do not fit are refused before anything is said of signatures.
    trusts = find_trusts(old.parsed, old_path, trust, None)
    judged = judge(old.parsed, old_path, trusts)
    bad = [index for index, _ in old.file.signable() if index not in judged or not judged[index].ok]
    refused = [
        f"line {old.parsed.places[index]}: {judged[index].sentence if index in judged else 'there is no trust file for it.'}"
        for index in bad
    ]
    refused += [
        f"line {place} cannot be read" for place, line in zip(old.parsed.places, old.file.lines, strict=True) if isinstance(line, Unknown)
    ]
    _check_new(old, new, old_path, new_path, trusts)
    merged = editing.merge(old, new, today, old_refused=bad)
    parsed = parse(decode(merged.data), str(old_path))
    verdicts = judge(parsed, old_path, trusts)
    after = [(index, line) for index, line in parsed.file.signable() if index in verdicts and verdicts[index].ok]
    good = [line for index, line in old.file.signable() if index not in bad]
    _check_kept(merged, good, [line for _, line in after], old_path)
    known = {problem.message for problem in lint(old.parsed, today=today)} | {problem.message for problem in lint(new.parsed, today=today)}
    worse = [problem for problem in lint(parsed, today=today) if problem.severity == "error" and problem.message not in known]
    if worse:
        raise InputError(f"The merged file would have a new error: {worse[0].message}", file=str(old_path), line=worse[0].line)
    losses = _losses(good, [line for _, line in after], today)
    older = tuple(each.place for each in merged.replaced if each.is_older)
    return _Checked(old, merged, tuple(refused), losses, older, old_path)


def _check_new(old: Source, new: Source, old_path: Path, new_path: Path, trusts: Trusts) -> None:
    """Return only if each license of NEW is genuine where it is to go."""
    from seatkeeper.cli.license_verify import judge
    from seatkeeper.licfile.editing import in_context
    from seatkeeper.licfile.model import Parsed

    file = in_context(new.file, old.file)
    heads = len(file.servers) + len(file.vendors)
    licenses = list(new.file.signable())
    places = (*[0] * heads, *(new.parsed.places[index] for index, _ in licenses))
    judged = judge(Parsed(file, places, (), str(new_path)), old_path, trusts)
    missing = sorted({line.vendor for _, line in licenses if line.vendor.lower() not in trusts})
    if missing:
        raise InputError(
            f"There is no {missing[0]}.trust beside the old file, so nothing shows that the new licenses are genuine.",
            file=str(old_path),
            remedy="Put the vendor's trust file there, or name it with --trust.",
        )
    refused = [verdict for index, verdict in sorted(judged.items()) if not verdict.ok and index >= heads]
    if not refused:
        return
    hint = _newer_trust(new_path, trusts)
    lines = "\n".join(f"{new_path}: {verdict.sentence}" for verdict in refused[:_SHOWN_MAX])
    more = f"\nand {len(refused) - _SHOWN_MAX} more" if len(refused) > _SHOWN_MAX else ""
    remedy = (
        f"{hint} is newer than the trust file beside {old_path}: copy it there, then merge again."
        if hint is not None
        else "Nothing was changed; ask the vendor for good lines."
    )
    raise InputError(f"{lines}{more}\n{_counted(len(refused), 'line')} of the new file would be refused by the server.", remedy=remedy)


def _newer_trust(new_path: Path, trusts: Trusts) -> Path | None:
    """The trust file beside NEW, where it is of the same root and newer than the one in use."""
    from seatkeeper.cli.license_verify import find_trusts
    from seatkeeper.licfile.parser import parse

    for path, trust in trusts.values():
        beside = new_path.parent / f"{trust.vendor}.trust"
        if not beside.is_file() or beside.resolve() == path.resolve():
            continue
        try:
            held = find_trusts(parse(f"DAEMON {trust.vendor}\n"), new_path, beside, None)
        except InputError:
            continue
        for _, other in held.values():
            if other.root == trust.root and other.serial > trust.serial:
                return beside
    return None


def _check_kept(merged: Merge, good: list[Signable], after: list[Signable], path: Path) -> None:
    """Return only if everything that was in force, and was not replaced, is in force still, and so is what was added."""
    gone = [each.line for each in merged.replaced]
    wanted = [line for line in good if line not in gone] + [addition.line for addition in merged.added]
    lost = next((line for line in wanted if line not in after), None)
    if lost is not None:
        raise InputError(f"{lost.name} would not verify in the merged file.", file=str(path), remedy="Nothing was changed; report this.")


def _losses(before: list[Signable], after: list[Signable], today: date) -> tuple[Loss, ...]:
    from seatkeeper.pools.shrinking import losses

    vendors = dict.fromkeys(line.vendor.lower() for line in before)
    sides = ([[line for line in side if line.vendor.lower() == vendor] for side in (before, after)] for vendor in vendors)
    return tuple(loss for olds, news in sides for loss in losses(olds, news, today))


def _refuse_less(checked: _Checked, *, allowed: bool) -> None:
    if not checked.lessens or allowed:
        return
    told = [_loss(loss) for loss in checked.losses[:_SHOWN_MAX]]
    told += [f"Line {place} of the old file was issued after the line that would replace it." for place in checked.older[:_SHOWN_MAX]]
    message = "\n".join([*told, "The merged file would give less than the old one. Nothing was changed."])
    raise InputError(message, remedy="If that is meant, give --allow-less.")


def _loss(loss: Loss) -> str:
    from seatkeeper.base.dates import format_date

    seats = "any number of seats" if loss.before is None else _counted(loss.before, "seat")
    what = " that may be borrowed" if loss.borrowing else ""
    only = f" ({loss.only})" if loss.only else ""
    left = f"{loss.after:,}" if loss.after else "none"
    return f"{loss.name}: of {seats}{what} of version {loss.version}{only}, {left} would be left from {format_date(loss.day)} on."


# Showing ---------------------------------------------------------------------------------------------------------------


def _show(checked: _Checked, new: Path, target: Path, backup: Path | None, *, json: bool, applied: bool) -> None:
    from seatkeeper.licfile.difference import difference

    if json:
        _print_json(checked, new, target, backup, applied=applied)
        return
    from seatkeeper.cli.license_diff import show_changes

    _print_diff(checked)
    changes = difference(checked.old.parsed, checked.merge.parsed)
    if changes:
        print()
        show_changes([checked.old.parsed, msgspec.structs.replace(checked.merge.parsed, name="merged")], changes)
    print()
    for line in _remarks(checked, new):
        print(line)
    if not checked.merge.added:
        print(f"{checked.path} has all licenses of {new} already; nothing is to be changed.")
    elif applied:
        print(f"{target} is written." + (f" What was there before is {backup}." if backup is not None else ""))
    elif not checked.lessens:
        print(f"Nothing was changed. To write it: seatkeeper license merge {checked.path} {new} --apply")
    if applied and checked.merge.added:
        print("Next:")
        for step in _next(checked, new, target):
            print(f"  {step}")


def _print_diff(checked: _Checked) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in _diff(checked):
        style = "bold" if line.startswith(("---", "+++")) else styles.get(line[:1], "")
        console.print(Text(line, style=style), soft_wrap=True)


def _diff(checked: _Checked) -> list[str]:
    """The unified diff from the old file to the merged one, without line ends."""
    from difflib import unified_diff

    from seatkeeper.licfile.parser import decode

    before, after = "".join(checked.old.pieces), decode(checked.merge.data)
    old, new = (text.replace("\r\n", "\n").removesuffix("\n").split("\n") for text in (before, after))
    lines = unified_diff(old, new, str(checked.path), "merged", lineterm="")
    return ["".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line) for line in lines]


def _remarks(checked: _Checked, new: Path) -> list[str]:
    lines = []
    merge = checked.merge
    if merge.present:
        lines.append(
            f"{_counted(len(merge.present), 'license')} of {new} {'is' if len(merge.present) == 1 else 'are'} in the file already."
        )
    for addition in merge.added:
        if addition.sums:
            lines.append(f"{addition.line.name} of line {addition.place} adds to {_lines(addition.sums)}.")
        if addition.same_serial:
            lines.append(
                f"Caution: it has the serial number of {_lines(addition.same_serial)}; if it is to renew that one and not to add to it, "
                "put # before the old one."
            )
    lines += [f"Refused before, and left as it is: {each}" for each in checked.refused[:_SHOWN_MAX]]
    return lines


def _lines(places: tuple[int, ...]) -> str:
    return f"line {places[0]}" if len(places) == 1 else f"lines {', '.join(map(str, places))}"


def _next(checked: _Checked, new: Path, target: Path) -> list[str]:
    """What is to be run now."""
    from seatkeeper.cli.license_verify import find_trusts

    steps = []
    newer = _newer_trust(new, find_trusts(checked.old.parsed, checked.path, None, None))
    if newer is not None:
        steps.append(f"cp {newer} {target.parent}/   (the vendor's newer trust file)")
    steps.append(f"lmreread --dry-run -c {target}   (who would be affected)")
    steps.append(f"lmreread -c {target}")
    return steps


def _print_json(checked: _Checked, new: Path, target: Path, backup: Path | None, *, applied: bool) -> None:
    from seatkeeper.cli.order import print_json
    from seatkeeper.licfile.canonical import keyword_of

    merge = checked.merge
    print_json(
        {
            "old": str(checked.path),
            "new": str(new),
            "file": str(target),
            "applied": applied,
            "backup": str(backup) if backup is not None else None,
            "replaced": [
                {"line": each.place, "name": each.line.name, "by": each.by, "reason": each.reason, "older": each.is_older}
                for each in merge.replaced
            ],
            "added": [
                {
                    "line": each.place,
                    "keyword": keyword_of(each.line),
                    "name": each.line.name,
                    "adds_to": list(each.sums),
                    "same_serial": list(each.same_serial),
                }
                for each in merge.added
            ],
            "present": list(merge.present),
            "refused_before": list(checked.refused),
            "losses": [_loss_json(loss) for loss in checked.losses],
            "diff": _diff(checked),
            "next": _next(checked, new, target),
        }
    )


def _loss_json(loss: Loss) -> dict[str, Any]:
    converted: dict[str, Any] = msgspec.to_builtins(loss)
    return converted


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
