"""Facts are kept as Parquet files by UTC day, and what is there changes whole: a reader sees a load entirely or not at all.

A directory with one list, `warehouse.json`, that names every file which counts; it is replaced as a whole when a load's files are on
the disk. So a load that is killed leaves files that nobody reads (the next one removes them), a report that is being made reads the
files that were there when it began, and two loads at once wait for one another. The list has, for each file, from when to when its
facts reach, so that a report opens only what it may need.

Facts with the same key are joined when they come (usage.joining): the days of the new facts are read, joined and written anew; facts
whose sources may differ about their beginning (Kind.spread_s) are looked for in the neighboring days, too.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.factfiles import read_facts
from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file, sync_directory
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.facts import DAY_S, KINDS
from seatkeeper.usage.joining import joined
from seatkeeper.usage.reports import Facts
from seatkeeper.usage.seats import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ibis.expr.types import Table

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.usage.facts import Kind

__all__ = ["MANIFEST", "Loaded", "Manifest", "Part", "Warehouse"]

MANIFEST: Final = "warehouse.json"
_FACTS: Final = "facts"
_FORM: Final = 1
#: How long another load may take before this one gives up.
_WAIT_S: Final = 3600.0
#: Files that no list names stay so long.
_KEPT_S: Final = 3600.0


class Part(msgspec.Struct, frozen=True):
    """One file of facts.

    Attributes:
        path: Where it is, below the directory.
        day: The UTC day on which its facts begin, as days since 1970.
        rows: How many.
        first: The earliest beginning.
        last: The latest end that is known.
        open: True where facts have no end yet.
    """

    path: str
    day: int
    rows: int
    first: int
    last: int
    open: bool


class Manifest(msgspec.Struct, frozen=True):
    """What counts.

    Attributes:
        form: The version of this form.
        parts: Kind of facts -> its files.
        tenants: All tenants that facts name.
        configured: The kinds of configuration that are known.
    """

    form: int = _FORM
    parts: dict[str, list[Part]] = {}
    tenants: list[str] = []
    configured: list[str] = []


class Loaded(msgspec.Struct, frozen=True):
    """What came of a load.

    Attributes:
        kind: Which facts.
        rows: How many rows the file has.
        added: How many facts are there now that were not there before.
        days: On how many days they begin.
    """

    kind: str
    rows: int
    added: int
    days: int


class Warehouse:
    """The directory `path`, which need not exist yet unless it `must_exist`.

    Raises:
        InputError: It is something else, or of a newer release, or has no usage data.
    """

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        self.path = path
        if must_exist and not (path / MANIFEST).is_file():
            raise InputError("There are no usage data.", file=str(path), remedy="`seatkeeper usage load FILE --db DIR` brings them there.")
        if path.exists() and not path.is_dir():
            raise InputError("This is no directory.", file=str(path), expected="a directory for usage data, or a name that is free")
        self.manifest()

    def manifest(self) -> Manifest:
        """What counts now."""
        try:
            data = (self.path / MANIFEST).read_bytes()
        except FileNotFoundError:
            return Manifest()
        try:
            manifest = msgspec.json.decode(data, type=Manifest)
        except msgspec.MsgspecError as error:
            raise InputError("The list of usage data cannot be read.", file=str(self.path / MANIFEST), found=str(error)) from None
        if manifest.form > _FORM:
            raise InputError(
                "The usage data were written by a newer seatkeeper.",
                file=str(self.path / MANIFEST),
                found=f"form {manifest.form}",
                expected=f"form {_FORM}",
            )
        return manifest

    def load(self, file: Path, kind: Kind | None = None) -> Loaded:
        """Takes the facts of a file in; `kind` None: as its columns say.

        Raises:
            InputError: A row cannot be used; nothing was taken in.
            SeatkeeperError: Somebody else is loading all the time, or the disk is full.
        """
        engine = open_duckdb(self.path)
        kind, rows = read_facts(engine, file, kind)
        return self.add(engine, kind, rows)

    def add(self, engine: Engine, kind: Kind, rows: Table) -> Loaded:
        """Takes facts in that lie in a table of the engine."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with self._alone():
                return self._add(engine, kind, rows)
        except OSError as error:
            raise SeatkeeperError(
                f"Usage data cannot be written to {self.path}: {error.strerror or error}.", "Nothing has changed there; load again."
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with alone(self.path / MANIFEST, wait_s=_WAIT_S):
                yield
        except TimeoutError:
            raise SeatkeeperError(f"Another program is loading into {self.path} all the time.", "Try again when it has ended.") from None

    def _add(self, engine: Engine, kind: Kind, rows: Table) -> Loaded:
        manifest = self.manifest()
        self._tidy(manifest)
        new = engine.keep(rows)
        days = sorted(row["day"] for row in engine.rows(new.select(day=(new[kind.begins] // DAY_S).cast("int64")).distinct()))
        reach = kind.spread_s // DAY_S
        touched = {each + step for each in days for step in range(-reach, reach + 1)}
        parts = manifest.parts.get(kind.name, [])
        before = [part for part in parts if part.day in touched]
        everything = new.union(self.table(engine, kind, before)) if before else new
        written = self._write(engine, kind, joined(everything, kind))
        kept = [part for part in parts if part.day not in touched]
        count = sum(part.rows for part in written)
        self._commit(engine, manifest, kind, [*kept, *written], new)
        return Loaded(kind.name, int(engine.value(new.count())), count - sum(part.rows for part in before), len(days))

    def _write(self, engine: Engine, kind: Kind, facts: Table) -> list[Part]:
        """The facts in new files, one directory a day, all of them on the disk."""
        name = f"{_FACTS}/{kind.name}/{secrets.token_hex(8)}"
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        whole = engine.keep(facts.mutate(day=(facts[kind.begins] // DAY_S).cast("int64")))
        found = whole.group_by("day").aggregate(
            rows=whole.count(),
            first=whole[kind.begins].min(),
            last=(whole[kind.ends] if kind.ends else whole[kind.begins] + 1).max(),
            open=(whole[kind.ends].isnull().any() if kind.ends else False),
        )
        ordered = whole.order_by("day", kind.begins)
        engine.write_by_day(ordered, target)
        about = {row["day"]: row for row in engine.rows(found)}
        parts: list[Part] = []
        for directory in sorted(target.iterdir()):
            day = int(directory.name.partition("=")[2])
            row = about[day]
            for number, file in enumerate(sorted(directory.iterdir())):
                _on_disk(file)
                parts.append(
                    Part(
                        f"{name}/{directory.name}/{file.name}",
                        day,
                        # A day's count stands with its first file.
                        row["rows"] if not number else 0,
                        row["first"],
                        row["last"] or row["first"],
                        bool(row["open"]),
                    )
                )
            sync_directory(directory)
        sync_directory(target)
        sync_directory(target.parent)
        return parts

    def _commit(self, engine: Engine, manifest: Manifest, kind: Kind, parts: list[Part], new: Table) -> None:
        tenants = set(manifest.tenants)
        if "tenant" in kind.names:
            tenants.update(row["tenant"] for row in engine.rows(new.select("tenant").distinct()))
        configured = set(manifest.configured)
        if kind.name == "configuration":
            configured.update(row["kind"] for row in engine.rows(new.select("kind").distinct()))
        changed = Manifest(_FORM, {**manifest.parts, kind.name: parts}, sorted(tenants), sorted(configured))
        replace_file(self.path / MANIFEST, msgspec.json.format(msgspec.json.encode(changed), indent=1), PUBLIC)

    def _tidy(self, manifest: Manifest) -> None:
        """Removes what no list names any more, unless it was written just before the list was: a report may still read it."""
        named = {self.path / part.path for parts in manifest.parts.values() for part in parts}
        days = {path.parent for path in named}
        try:
            old = (self.path / MANIFEST).stat().st_mtime - _KEPT_S
        except FileNotFoundError:
            return
        for directory in (self.path / _FACTS).glob("*/*/*"):
            if directory not in days and directory.stat().st_mtime < old:
                shutil.rmtree(directory, ignore_errors=True)
        for generation in (self.path / _FACTS).glob("*/*"):
            with suppress(OSError):
                generation.rmdir()

    def table(self, engine: Engine, kind: Kind, parts: Iterable[Part]) -> Table:
        """The facts of these files; none at all is an empty table."""
        return engine.facts([self.path / part.path for part in parts], kind)

    def facts(self, engine: Engine, since: int, until: int) -> Facts:
        """What reports read about [since, until)."""
        manifest = self.manifest()

        def of(name: str) -> Table:
            kind = KINDS[name]
            wanted = [
                part for part in manifest.parts.get(name, []) if part.first < until and (part.open or part.last > since or not kind.ends)
            ]
            return self.table(engine, kind, wanted)

        everything = self.table(engine, KINDS["configuration"], manifest.parts.get("configuration", []))
        known = Known(everything, frozenset(manifest.configured))
        return Facts(
            of("sessions"), of("recordings"), of("ports"), self.table(engine, KINDS["ends"], manifest.parts.get("ends", [])), known
        )


def _on_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
