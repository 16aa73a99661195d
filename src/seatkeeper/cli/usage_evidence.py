"""`seatkeeper usage evidence`, `evidence-key` and `verify`: a report that others can check, and what is to be thought of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seatkeeper.cli import usage_query
from seatkeeper.cli.order import counted, print_json
from seatkeeper.cli.usage_common import Database, Json, moment_given, utc
from seatkeeper.cli.usage_query import query_given

if TYPE_CHECKING:
    from seatkeeper.lrm.evidence import Known
    from seatkeeper.lrm.evidence_check import Verdict
    from seatkeeper.usage.evidence import Code

__all__ = ["app"]

app = typer.Typer()

#: So many differing rows are shown.
_DIFFERENCES_MAX: Final = 10
_WORDS: Final = {"ok": "ok", "note": "note", "failed": "FAILED"}

KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The site's evidence key.", show_default="evidence.key in the directory")
]
Passphrase = Annotated[
    str | None,
    typer.Option("--passphrase", metavar="SOURCE", help="Where to read the key's passphrase: file:PATH, fd:N or prompt."),
]


@app.command("evidence-key")
def evidence_key(
    db: Annotated[Path | None, typer.Option("--db", metavar="DIR", help="The directory with the usage data.", show_default=False)] = None,
    key: KeyFile = None,
    passphrase: Passphrase = None,
    json: Json = False,
) -> None:
    """Make the key that signs a site's evidence, where there is none, and show its public half."""
    from seatkeeper.adapters.evidencekey import make_key, open_key_file, public_path
    from seatkeeper.licfile.trust import key_id

    file = _key_file(db, key)
    new = not file.exists()
    secret = _secret(passphrase, new=new)
    public = (make_key if new else open_key_file)(file, secret).public_key().public_bytes_raw()
    if json:
        print_json(
            {"key": key_id(public), "public_key": public.hex(), "file": str(file), "public_file": str(public_path(file)), "new": new}
        )
        return
    print(f"{'Made' if new else 'This is'} the evidence key {key_id(public)}.")
    print(f"Its public half: {public.hex()}")
    print(f"Give {public_path(file)} to those who are to check packs; keep {file} to yourself.")


@app.command()
def evidence(
    db: Database,
    item: usage_query.Item,
    first: usage_query.First,
    end: usage_query.End,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PACK", help="The file to write.", show_default=False)],
    kind: usage_query.Kind = "system",
    granularity: usage_query.GranularityName = "daily",
    tenant: usage_query.Tenant = None,
    group: usage_query.Group = None,
    zone: usage_query.Zone = "UTC",
    week_start: usage_query.WeekStart = "monday",
    sampling: usage_query.SamplingName = "exact",
    membership: usage_query.MembershipName = "history",
    engine: usage_query.EngineName = "duckdb",
    master: usage_query.Master = "",
    key: KeyFile = None,
    passphrase: Passphrase = None,
    without_facts: Annotated[bool, typer.Option("--without-facts", help="Leave the facts and the site's files out.")] = False,
    made: Annotated[
        str | None, typer.Option("--made", metavar="TIME", help="When the pack says that it was made.", show_default="now")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace PACK if it is there.")] = False,
    json: Json = False,
) -> None:
    """Make a signed pack of a report and all that it was worked out from, which others can check."""
    from seatkeeper.adapters import clock
    from seatkeeper.adapters.engines import open_engine
    from seatkeeper.adapters.evidencekey import open_key_file
    from seatkeeper.adapters.warehouse import Warehouse
    from seatkeeper.licfile.trust import key_id
    from seatkeeper.lrm.evidence import make_pack

    query = query_given(item, first, end, kind, granularity, tenant, group, zone, week_start, sampling, membership)
    at = utc(int(clock.now()) if made is None else moment_given(made, "--made")) or ""
    warehouse = Warehouse(db, must_exist=True)
    signer = open_key_file(_key_file(db, key), _secret(passphrase))
    told = make_pack(
        output,
        warehouse,
        lambda scratch: open_engine(engine, scratch, master),
        query,
        _known(),
        signer,
        made=at,
        code=_code(),
        with_facts=not without_facts,
        replace=force,
    )
    name = key_id(bytes.fromhex(told.signer))
    size = output.stat().st_size
    if json:
        print_json({"file": str(output), "bytes": size, "members": len(told.members), "made": told.made, "key": name})
        return
    print(f"{output}: {counted(len(told.members), 'member')}, {counted(size, 'byte')}, signed by the evidence key {name}.")
    if not without_facts:
        print("It carries login sessions and other facts, by name and of all tenants: give it to those only who may see them.")


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The pack.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="PUBLIC", help="The public key that is to have signed it: a file, or 64 hex digits.", show_default="any"
        ),
    ] = None,
    db: Annotated[Path | None, typer.Option("--db", metavar="DIR", help="A directory that has the same data.", show_default=False)] = None,
    engine: usage_query.EngineName = "duckdb",
    master: usage_query.Master = "",
    json: Json = False,
) -> None:
    """Check a pack: is it whole, who signed it, is the report the same when it is worked out anew?

    Ends with 0 only when all holds.
    """
    from seatkeeper.adapters.engines import open_engine
    from seatkeeper.adapters.evidencekey import public_key_given
    from seatkeeper.lrm.evidence_check import check_pack

    pinned = None if key is None else public_key_given(key)
    verdict = check_pack(pack, _known(), _code(), lambda scratch: open_engine(engine, scratch, master), pinned=pinned, database=db)
    if json:
        print_json(_json(verdict, pinned is not None))
    else:
        print("\n".join(_plain(line) for line in _lines(verdict)))
    if not verdict.holds:
        raise SystemExit(1)


def _lines(verdict: Verdict) -> list[str]:
    lines = []
    told = verdict.parameters
    if told is not None:
        about = f"{told.report} report of {told.item}, {told.granularity}, {told.first} to {told.end}, zone {told.zone}"
        lines.append(f"{counted(verdict.rows, 'row')} of a {about}; made {verdict.made}.")
    for check in verdict.checks:
        lines.append(f"{_WORDS[check.outcome]:8}{check.sentence}")
        if check.what == "report" and check.outcome == "failed":
            lines += [f"        {one.sentence()}" for one in verdict.differences[:_DIFFERENCES_MAX]]
            more = len(verdict.differences) - _DIFFERENCES_MAX
            lines += [f"        And {counted(more, 'row')} more."] if more > 0 else []
    anybody = any(check.what == "signer" and check.outcome == "note" for check in verdict.checks)
    good = "All of this holds, whoever it was that signed it." if anybody else "All of this holds."
    lines.append(good if verdict.holds else "NOT all of this holds.")
    return lines


def _json(verdict: Verdict, pinned: bool) -> dict[str, object]:
    import msgspec

    shown = verdict.differences[:_DIFFERENCES_MAX]
    return {
        "ok": verdict.holds,
        "signer": verdict.signer,
        "pinned": pinned,
        "made": verdict.made,
        "parameters": msgspec.to_builtins(verdict.parameters),
        "rows": verdict.rows,
        "checks": msgspec.to_builtins(verdict.checks),
        "differing": len(verdict.differences),
        "differences": msgspec.to_builtins(shown),
    }


def _plain(text: str) -> str:
    """Names in a pack come from whoever wrote it, and steer no terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _key_file(db: Path | None, key: Path | None) -> Path:
    from seatkeeper.adapters.evidencekey import KEY_FILE
    from seatkeeper.base.errors import InputError

    if key is not None:
        return key
    if db is None:
        raise InputError("Where is the key to be?", remedy="Name the directory with the usage data (--db DIR), or the file (--key FILE).")
    return db / KEY_FILE


def _secret(source: str | None, *, new: bool = False) -> bytes | None:
    from seatkeeper.adapters.secretsource import read_secret

    return None if source is None else read_secret(source, "the evidence key", name="--passphrase", new=new)


def _known() -> Known:
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.lrm.evidence import Known
    from seatkeeper.lrm.report import items_by_name
    from seatkeeper.usage.measures import products_of

    return Known(items_by_name(), products_of(load_catalog(None).measured))


def _code() -> Code:
    """What works a report out here and now."""
    import platform
    from importlib.metadata import version

    from seatkeeper import __version__
    from seatkeeper.adapters.evidencefile import source_digest
    from seatkeeper.usage.evidence import Code

    packages = {name: version(name) for name in ("duckdb", "ibis-framework", "msgspec", "pyarrow")}
    return Code(__version__, source_digest(), {**packages, "python": platform.python_version()})
