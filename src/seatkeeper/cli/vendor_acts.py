"""`seatkeeper vendor affected` and `ceremony`: which files a stolen key makes worthless, and root acts before witnesses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from seatkeeper.cli.desk_common import OptionalRegistry, check_installed

__all__ = ["affected", "ceremony"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def affected(
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="The key id, as `seatkeeper vendor show` prints it.", show_default=False)],
    since: Annotated[str, typer.Option("--since", metavar="DD-MMM-YYYY", help="The day as of which it is revoked.", show_default=False)],
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="The directory that holds the keys.", show_default=False)],
    registry: OptionalRegistry = None,
    json: Json = False,
) -> None:
    """List the issued files that an issuer key signed on that day or later: they need to be issued anew."""
    import msgspec

    from seatkeeper.adapters.keys import known_issuer, load_trust
    from seatkeeper.base.dates import NEVER, parse_date
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.order import counted, print_json, table
    from seatkeeper.issue.affected import affected as chosen
    from seatkeeper.issue.affected import read_records, registered_records
    from seatkeeper.issue.record import RECORD_NAME

    try:
        day = parse_date(since)
        if day == NEVER:
            raise ValueError("a day as 03-mar-2026")
    except ValueError as error:
        raise InputError("This is not a day.", file="--since", found=since, expected=str(error)) from None
    _, trust = load_trust(keys)
    wanted = known_issuer(trust, issuer)
    records, torn = read_records(keys)
    kept = []
    if registry is not None:
        check_installed()
        from seatkeeper.adapters.registry import Registry

        with Registry(registry) as opened, opened.read() as view:
            kept = chosen(registered_records(view), wanted.id, day)
    found = [*chosen(records, wanted.id, day), *kept]
    for number in torn:
        print(f"seatkeeper vendor: line {number} of the list of issued files is torn: an attempt that broke off.", file=sys.stderr)
    if json:
        print_json([{name: value for name, value in msgspec.to_builtins(record).items() if name != "unsigned"} for record in found])
        return
    if not found:
        unknown = registry is None and not (keys / RECORD_NAME).exists()
        where = f" {keys} has no list of issued files; a desk's registry is named with --registry." if unknown else ""
        print(f"No file on record was signed by {wanted.id} on {since} or later.{where}")
        return
    rows = [(each.issued, each.order, each.site, each.company, ", ".join(each.hostids), each.file) for each in found]
    print("\n".join(table(("Issued", "Order", "Site", "Company", "Host id", "File"), rows)))
    print(f"{counted(len(found), 'file')} to issue anew. A file of this key that is not on record is not yours.")
    if kept:
        numbers = list(dict.fromkeys(each.order for each in kept))
        print("\nNext: when the key is revoked and a new one is there, sign anew what counts, one order after the other")
        print("\n".join(f'  seatkeeper desk reissue {number} --why "{wanted.id} was stolen" --keys {keys} -o FILE' for number in numbers))


def ceremony(
    plan: Annotated[Path | None, typer.Argument(metavar="FILE", help="The ceremony's plan: a TOML file.", show_default=False)] = None,
    transcript: Annotated[
        Path | None, typer.Option("--transcript", metavar="OUT", help="Where the transcript is to be written.", show_default=False)
    ] = None,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Take every step with keys that are thrown away.")] = False,
    verify: Annotated[
        Path | None, typer.Option("--verify", metavar="OUT", help="Check the signature of a transcript, and show it.", show_default=False)
    ] = None,
    root: Annotated[
        str, typer.Option("--root", metavar="KEY", help="The root public key that must have signed it: a file or 64 hex digits.")
    ] = "",
    json: Json = False,
) -> None:
    """Take root acts as one file plans them, before witnesses, and leave one signed transcript."""
    from seatkeeper.adapters import clock
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.order import print_json
    from seatkeeper.issue.ceremony import hold_ceremony
    from seatkeeper.issue.ceremony_plan import read_plan

    if verify is not None:
        if plan is not None or transcript is not None or rehearse:
            raise InputError("A transcript is verified by itself.", file="--verify", remedy="Leave out FILE, --transcript and --rehearse.")
        _verify(verify, root, json=json)
        return
    if plan is None or transcript is None or root:
        raise InputError("A ceremony needs a plan and a place for its transcript.", expected="FILE --transcript OUT, or --verify OUT")
    planned, digest = read_plan(plan)
    if not json:
        print(f"{'Rehearsal of a key ceremony' if rehearse else 'Key ceremony'} of {planned.vendor}, as planned in {plan}.")
    held = hold_ceremony(
        planned,
        plan.name,
        digest,
        transcript,
        now=clock.now,
        today=clock.today(),
        rehearse=rehearse,
        say=(lambda _: None) if json else print,
    )
    if json:
        print_json(held)
        return
    ends = "The keys were thrown away." if rehearse else f"Verify it with `seatkeeper vendor ceremony --verify {transcript}`."
    print(f"Done. The transcript is {transcript}, signed by the root key. {ends}")


def _verify(path: Path, root: str, *, json: bool) -> None:
    from seatkeeper.adapters.keys import read_root
    from seatkeeper.base.errors import InputError
    from seatkeeper.cli.order import print_json
    from seatkeeper.issue.transcript import TRANSCRIPT_BYTES_MAX, parse_transcript, state_of
    from seatkeeper.licfile.trust import parse_root

    pinned = None
    if root:
        pinned = read_root(Path(root)) if Path(root).exists() else parse_root(root, name="--root")
    try:
        with path.open("rb") as file:
            data = file.read(TRANSCRIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    read = parse_transcript(data, root=pinned, name=str(path))
    if json:
        print_json(read)
        return
    what = "the rehearsal of a key ceremony (its keys were thrown away)" if read.rehearsal else "a key ceremony"
    print(f"{path} is the transcript of {what} of {read.vendor}, as its root key signed it.")
    print(f"The ceremony {state_of(read)}.")
    print(f"Begun      {read.begun}{f', {read.place}' if read.place else ''}")
    print(f"Operator   {read.operator}")
    print(f"Witnesses  {', '.join(read.witnesses) or 'none'}")
    print(f"Plan       {read.plan}, SHA-256 {read.plan_sha256}")
    print(f"Root       {read.root}{'' if pinned is not None else ' (compare it, or give --root)'}")
    for number, step in enumerate(read.steps, 1):
        serial = f", trust file {step.serial}" if step.serial else ""
        print(f"{number}. {step.do:<8} {step.ended or 'not ended'}  {step.kind} {step.key}{serial}")
        for made in step.files:
            print(f"   {made.sha256}  {made.path}")
