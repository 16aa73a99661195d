"""An evidence pack is believed for what can be seen to be so: each thing that is looked at is told in a sentence, and holds or does not.

They are looked at in this order, since what comes later is worth nothing without what comes before: the pack is whole and its signature
good; it is signed by the key that was pinned, if one was; the data are those of a directory, if one was named; the report is the same,
row by row, when it is worked out anew; by the same code or another. Nothing of the data is opened before the signature was found good,
and, where a key was pinned, to be that key's.

What the pack says of its data is not believed either: how many facts a file has, from when to when they reach, and which tenants and
kinds of configuration they name is asked of the facts. A pack whose list leaves facts out of the count is found so.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec

from seatkeeper.adapters.engines import open_duckdb, schema_of
from seatkeeper.adapters.evidencefile import PackFile, facts_rows
from seatkeeper.adapters.warehouse import ClosedDay, Manifest, Part, Warehouse, tenants_in
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.licfile.detached import objection_to_key
from seatkeeper.licfile.trust import key_id
from seatkeeper.lrm.close import day_number
from seatkeeper.lrm.evidence import FORM, gathered, query_of, rules_of, worked_out
from seatkeeper.lrm.site import read_site
from seatkeeper.usage.closing import CLOSED_SCHEMA
from seatkeeper.usage.evidence import (
    DATA,
    EVIDENCE_TAG,
    MANIFEST,
    PARAMETERS,
    REPORT,
    SIGNATURE,
    Data,
    Difference,
    PackManifest,
    Parameters,
    decoded,
    differences,
    rows_from_json,
)
from seatkeeper.usage.facts import DAY_S, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.lrm.evidence import Gathered, Known
    from seatkeeper.usage.evidence import Code, Rule

__all__ = ["ROWS_MAX", "Checked", "Outcome", "Verdict", "check_pack"]

T = TypeVar("T")
Outcome = Literal["ok", "note", "failed"]
#: Of all facts in a pack: five times as many sessions as the largest site that was measured has in a month.
ROWS_MAX: Final = 500_000_000
#: So many names a sentence has.
_NAMES_MAX: Final = 5
_PIN: Final = "Ask the site for its evidence.pub in another way than this pack came, and name it with --key."


class Checked(msgspec.Struct, frozen=True):
    """One thing that was looked at, whether it holds, and a sentence about it."""

    what: Literal["whole", "signer", "data", "report", "code"]
    outcome: Outcome
    sentence: str


class Verdict(msgspec.Struct, frozen=True):
    """All that was looked at.

    Attributes:
        checks: In order.
        signer: The public key of who signed the pack, where its signature is good.
        made: When it was made, as its maker says.
        parameters: What was asked, and how it was worked out.
        rows: How many rows the report has.
        differences: The rows that are others when they are worked out anew.
    """

    checks: tuple[Checked, ...]
    signer: str = ""
    made: str = ""
    parameters: Parameters | None = None
    rows: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def holds(self) -> bool:
        """Nothing was found that is not so, and the report was worked out anew."""
        return all(check.outcome != "failed" for check in self.checks)


class _Failed(Exception):
    """What is looked at does not hold."""


def check_pack(
    path: Path,
    known: Known,
    code: Code,
    open_engine: Callable[[Path], Engine],
    *,
    pinned: bytes | None = None,
    database: Path | None = None,
) -> Verdict:
    """What is to be thought of a pack.

    Args:
        path: The pack.
        known: What is built in.
        code: What works it out now.
        open_engine: Gives the engine, with a directory for what does not fit into memory.
        pinned: The public key that is to have signed it; None: any.
        database: A directory of usage data that the pack's are to be compared with.

    Raises:
        InputError: It is no pack, or was written by a newer release; or the directory has no usage data.
        SeatkeeperError: There is no room to unpack it.
    """
    warehouse = None if database is None else Warehouse(database, must_exist=True)
    with PackFile(path) as pack, tempfile.TemporaryDirectory(prefix="seatkeeper-evidence-") as directory:
        return _Check(pack, Path(directory), known, code, open_engine).all(pinned, warehouse)


class _Check:
    """A pack while it is looked at."""

    def __init__(self, pack: PackFile, place: Path, known: Known, code: Code, open_engine: Callable[[Path], Engine]) -> None:
        self.pack = pack
        self.place = place
        self.known = known
        self.code = code
        self.open_engine = open_engine
        self.checks: list[Checked] = []
        self.differ: list[Difference] = []

    def all(self, pinned: bytes | None, warehouse: Warehouse | None) -> Verdict:
        """The verdict."""
        written = self.pack.read(MANIFEST)
        manifest = _newest(decoded(written, PackManifest, MANIFEST))
        signed = self._whole(written, manifest)
        if not signed or not self._signer(manifest, pinned):
            return Verdict(tuple(self.checks), manifest.signer if signed else "")
        parameters = decoded(self.pack.read(PARAMETERS), Parameters, PARAMETERS)
        data = decoded(self.pack.read(DATA), Data, DATA)
        rows = rows_from_json(self.pack.read(REPORT), REPORT)
        there = self._data(parameters, data, warehouse)
        self._report(manifest, parameters, data, rows, there)
        self._code(parameters)
        return Verdict(tuple(self.checks), manifest.signer, manifest.made, parameters, len(rows), tuple(self.differ))

    def _say(self, what: Literal["whole", "signer", "data", "report", "code"], outcome: Outcome, sentence: str) -> None:
        self.checks.append(Checked(what, outcome, sentence))

    def _whole(self, written: bytes, manifest: PackManifest) -> bool:
        signature = self.pack.read(SIGNATURE).decode("ascii", "replace")
        told = objection_to_key(signature.removesuffix("\n"), written, EVIDENCE_TAG, bytes.fromhex(manifest.signer))
        if told or not signature.endswith("\n") or signature != signature.lower():
            self._say("whole", "failed", f"The signature of the manifest is not good. {told or 'It is not written as packs are.'}")
            return False
        listed = {member.name: member for member in manifest.members}
        there = {name: size for name, size in self.pack.sizes.items() if name not in {MANIFEST, SIGNATURE}}
        for name in sorted({*listed, *there}):
            if name not in there or name not in listed:
                where = "in the manifest only" if name not in there else "not in the manifest"
                self._say("whole", "failed", f"The pack has other members than were signed: {name} is {where}.")
                return False
            if listed[name].bytes != there[name] or listed[name].sha256 != self.pack.digest(name):
                self._say("whole", "failed", f"{name} was changed after the pack was signed.")
                return False
        self._say(
            "whole", "ok", f"The pack is whole and as it was signed: {_counted(len(listed), 'member')}, nothing missing, nothing added."
        )
        return True

    def _signer(self, manifest: PackManifest, pinned: bytes | None) -> bool:
        public = bytes.fromhex(manifest.signer)
        if pinned is None:
            text = f"It is signed by whoever wrote it, with the key {key_id(public)}; whose key that is, is not known here. {_PIN}"
            self._say("signer", "note", text)
            return True
        if public != pinned:
            text = (
                f"It is signed by the key {key_id(public)}, and not by {key_id(pinned)}, which was to sign it. Nothing else was looked at."
            )
            self._say("signer", "failed", text)
            return False
        self._say("signer", "ok", f"It is signed by the key {key_id(public)}, as it was to be, on {manifest.made} as the signer says.")
        return True

    def _data(self, parameters: Parameters, data: Data, warehouse: Warehouse | None) -> Gathered | None:
        """What is in the directory, where one was named."""
        if warehouse is None:
            return None
        try:
            place = self.place / "there"
            place.mkdir()
            there = gathered(warehouse, query_of(parameters), place, self.known)
        except InputError as error:
            self._say("data", "failed", f"The data in {warehouse.path} cannot be compared: {error}")
            return None
        other = _other(data, there.data)
        if other:
            self._say("data", "failed", f"The data in {warehouse.path} are not those of the pack: {_few(other)}.")
        else:
            self._say("data", "ok", f"The data in {warehouse.path} are those of the pack, byte by byte: {_counted(data.count, 'file')}.")
        return there

    def _report(
        self, manifest: PackManifest, parameters: Parameters, data: Data, rows: list[dict[str, Any]], there: Gathered | None
    ) -> None:
        carried = {member.name: member for member in manifest.members if member.name not in {DATA, PARAMETERS, REPORT}}
        try:
            if carried or not data.count:
                path = self.place / "pack"
                self._unpack(path, carried.keys(), data)
                chosen = self._manifest(path, data)
                with _safely():
                    site = read_site(path / "site", self.known.items, self.known.products)
                whence = "the facts in the pack"
            elif there is not None:
                path, chosen, site, whence = there.path, there.manifest, there.site, f"the facts in {there.path}"
            else:
                raise _Failed("It carries no facts, so the report was not worked out anew: name the directory with them (--db DIR).")
            query = query_of(parameters)
            other = sorted(_rules(parameters.rules) ^ _rules(rules_of(site, query)))
            if other:
                raise _Failed(f"The report was made by other rules than there are now, of {_few(sorted({name for name, _ in other}))}.")
            engine = self.open_engine(self.place)
            with _safely():
                found = worked_out(path, chosen, site, engine, query)
        except _Failed as failed:
            self._say("report", "failed", str(failed))
            return
        except InputError as error:
            self._say("report", "failed", f"The report cannot be worked out anew: {error}".replace(f"{self.place}/", ""))
            return
        self.differ = differences(rows, found)
        if self.differ:
            text = f"The report is not what {whence} give: {_counted(len(self.differ), 'row')} of {len(rows)} differ."
            self._say("report", "failed", text)
        else:
            self._say("report", "ok", f"Worked out anew from {whence} on {engine.name}, all rows are the same: {len(rows)} of {len(rows)}.")
        if data.closed:
            first, last = data.closed[0].day, data.closed[-1].day
            days = f"{_counted(len(data.closed), 'day')}, {first} to {last},"
            text = f"The detail of {days} has been dropped: what was kept when they were closed is believed."
            self._say("report", "note", text)

    def _unpack(self, path: Path, carried: Iterable[str], data: Data) -> None:
        digests = {file.name: file.sha256 for file in data.facts}
        digests |= {file.name: file.sha256 for file in (*data.site, *(file for day in data.closed for file in day.files))}
        if len(digests) != data.count:
            raise _Failed("The pack names a file of its data twice.")
        wrong = sorted(set(carried) ^ set(digests))
        if wrong:
            raise _Failed(f"The pack does not carry the data that it names: {_few(wrong)}.")
        (path / "site").mkdir(parents=True)
        for name, digest in digests.items():
            self.pack.unpack(name, digest, path)

    def _manifest(self, path: Path, data: Data) -> Manifest:
        """The list of the facts that were unpacked, as they themselves say."""
        engine = open_duckdb(self.place)
        parts: dict[str, list[Part]] = {name: [] for name in data.kinds if name in KINDS}
        tenants, configured = set[str](), set[str]()
        if sum(file.rows for file in data.facts) > ROWS_MAX:
            raise _Failed(f"The pack has more facts than are worked out here: {ROWS_MAX} at most.")
        for file in data.facts:
            kind = KINDS.get(file.kind)
            if kind is None or file.kind not in parts or not file.name.startswith(f"facts/{file.kind}/"):
                raise _Failed(f"{file.name} has facts of another kind than the pack says.")
            with _safely():
                part = _part(engine, path, file.name, file.kind)
            if (part.rows, part.day) != (file.rows, day_number(file.day)):
                raise _Failed(f"{file.name} has other facts than the pack says.")
            parts[file.kind].append(part)
        warehouse = Warehouse(path)
        for name, found in parts.items():
            rows = warehouse.table(engine, KINDS[name], found)
            with _safely():
                tenants |= tenants_in(engine, KINDS[name], rows)
                if name == "configuration":
                    configured |= {row["kind"] for row in engine.rows(rows.select("kind").distinct())}
        lacking = sorted(tenants - set(data.tenants))
        if lacking:
            raise _Failed(f"The pack has facts of tenants that it does not name: {_few(lacking)}.")
        closed = [
            ClosedDay(day_number(one.day), [file.name for file in one.files], dict(one.rules), one.at)
            for one in sorted(data.closed, key=lambda one: one.day)
        ]
        for one in closed:
            for name in one.paths:
                facts_rows(path / name, name)
                with _safely():
                    _check_columns(engine, path / name, CLOSED_SCHEMA, name)
        engine.close()
        dropped = 0 if data.dropped_before is None else day_number(data.dropped_before)
        if any(one.day >= dropped for one in closed):
            raise _Failed("The pack takes days from what was kept of them whose detail is there.")
        return Manifest(FORM, parts, sorted(data.tenants), sorted(configured), closed, dropped)

    def _code(self, parameters: Parameters) -> None:
        told, ours = parameters.code, self.code
        if told == ours:
            self._say("code", "ok", f"It was made by seatkeeper {told.version}, by the same files that have looked at it now.")
        elif told.sha256 == ours.sha256:
            other = sorted(name for name in {*told.packages, *ours.packages} if told.packages.get(name) != ours.packages.get(name))
            self._say("code", "note", f"It was made by seatkeeper {told.version}, by the same files, with other versions of {_few(other)}.")
        else:
            text = f"It was made by other files of seatkeeper ({told.version}, {told.sha256[:16]}) than have looked at it now"
            self._say("code", "note", f"{text} ({ours.version}, {ours.sha256[:16]}).")


def _rules(rules: list[Rule]) -> set[tuple[str, bytes]]:
    """By which rules items are measured, whoever is said to have made them."""
    return {(rule.name, msgspec.json.encode(msgspec.structs.replace(rule, source=""))) for rule in rules}


def _newest(manifest: PackManifest) -> PackManifest:
    if manifest.form > FORM:
        raise InputError(
            "The pack was written by a newer seatkeeper.", file=MANIFEST, found=f"form {manifest.form}", expected=f"form {FORM}"
        )
    return manifest


def _part(engine: Engine, path: Path, name: str, kind_name: str) -> Part:
    kind = KINDS[kind_name]
    rows = facts_rows(path / name, name)
    _check_columns(engine, path / name, schema_of(kind), name)
    facts = engine.facts([path / name], kind)
    begins, ends = facts[kind.begins], facts[kind.ends] if kind.ends else facts[kind.begins] + 1
    (found,) = engine.rows(
        facts.aggregate(
            rows=facts.count(),
            first=begins.min(),
            latest=begins.max(),
            unknown=begins.isnull().any(),
            last=ends.max(),
            open=ends.isnull().any() if kind.ends else False,
        )
    )
    if not rows or found["rows"] != rows or found["unknown"] or found["first"] // DAY_S != found["latest"] // DAY_S:
        raise _Failed(f"{name} has other facts than the pack says.")
    return Part(name, found["first"] // DAY_S, rows, found["first"], found["last"] or found["first"], bool(found["open"]))


def _check_columns(engine: Engine, path: Path, schema: dict[str, str], name: str) -> None:
    found = {column: str(type_).removeprefix("!") for column, type_ in engine.backend.read_parquet([str(path)]).schema().items()}
    if any(found.get(column) != type_ for column, type_ in schema.items()):
        raise _Failed(f"{name} does not have the columns of such facts.")


@contextmanager
def _safely() -> Iterator[None]:
    """An engine that cannot read what somebody made has many ways to say so."""
    try:
        yield
    except (SeatkeeperError, _Failed):
        raise
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise _Failed(f"What is in the pack cannot be read: {lines[0][:200]}") from None


def _other(data: Data, there: Data) -> list[str]:
    """What the pack's data and those of a directory do not have in common, in words."""
    ours, theirs = ({(file.kind, file.day, file.rows, file.sha256) for file in each.facts} for each in (data, there))
    days = sorted({(day, kind) for kind, day, _, _ in ours ^ theirs})
    other = [f"{kind} of {day}" for day, kind in days]
    other += sorted({file.name.removeprefix("site/") for file in {*data.site} ^ {*there.site}})
    for name in ("kinds", "tenants", "dropped_before", "closed"):
        if getattr(data, name) != getattr(there, name):
            words = {"kinds": "the kinds of facts", "tenants": "the tenants", "closed": "closed days"}
            other.append(words.get(name, "what detail has been dropped"))
    return other


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _few(names: list[str]) -> str:
    more = len(names) - _NAMES_MAX
    return ", ".join(names[:_NAMES_MAX]) + (f" and {more} more" if more > 0 else "")
