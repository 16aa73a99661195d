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

import ibis
import msgspec

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.factfiles import read_facts
from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file, sync_directory
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.closing import CLOSED_SCHEMA
from seatkeeper.usage.facts import DAY_S, KINDS
from seatkeeper.usage.joining import joined
from seatkeeper.usage.reports import Facts
from seatkeeper.usage.seats import FOREVER, Known
from seatkeeper.usage.touched import DECIDING, drawn_in, touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ibis.expr.types import Table

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.usage.facts import Kind

__all__ = ["MANIFEST", "ClosedDay", "Loaded", "Manifest", "Part", "Warehouse", "tenants_in"]

MANIFEST: Final = "warehouse.json"
_FACTS: Final = "facts"
_CLOSED: Final = "closed"
#: The kinds whose facts a closed day depends on, and those that are dropped when they are not needed any more.
_CLOSED_KINDS: Final = frozenset({"sessions", "recordings", "ends", "configuration"})
_DETAIL: Final = ("sessions", "recordings")
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


class ClosedDay(msgspec.Struct, frozen=True):
    """A day whose peaks are kept.

    Attributes:
        day: The UTC day, as days since 1970.
        paths: The files with them, below the directory; none where nothing was in use.
        rules: Item -> the digest of the rules by which it was measured.
        at: When it was closed, in UTC seconds.
    """

    day: int
    paths: list[str]
    rules: dict[str, str]
    at: int


class Manifest(msgspec.Struct, frozen=True):
    """What counts.

    Attributes:
        form: The version of this form.
        parts: Kind of facts -> its files.
        tenants: All tenants that facts name.
        configured: The kinds of configuration that are known.
        closed: The days that are closed, in order.
        dropped_before: Before this day detail may have been dropped: sessions that had ended, and recordings.
    """

    form: int = _FORM
    parts: dict[str, list[Part]] = {}
    tenants: list[str] = []
    configured: list[str] = []
    closed: list[ClosedDay] = []
    dropped_before: int = 0


class Loaded(msgspec.Struct, frozen=True):
    """What came of a load.

    Attributes:
        kind: Which facts.
        rows: How many rows the file has.
        added: How many facts are there now that were not there before.
        days: On how many days they begin.
        reopened: So many closed days say something else now, and are to be closed again.
        late: So many closed days would say something else, and can no longer be closed again, since their detail has been dropped.
    """

    kind: str
    rows: int
    added: int
    days: int
    reopened: int = 0
    late: int = 0


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
        with self._writing("Usage data cannot be written to", "Nothing has changed there; load again."):
            self.path.mkdir(parents=True, exist_ok=True)
            with self._alone():
                return self._add(engine, kind, rows)

    @contextmanager
    def _writing(self, what: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SeatkeeperError(f"{what} {self.path}: {error.strerror or error}.", remedy) from error

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
        reached = {each + step for each in days for step in range(-reach, reach + 1)}
        parts = manifest.parts.get(kind.name, [])
        before = [part for part in parts if part.day in reached]
        old = self.table(engine, kind, before)
        after = engine.keep(joined(new.union(old) if before else new, kind))
        written = self._write(engine, kind, after)
        kept = [part for part in parts if part.day not in reached]
        count = sum(part.rows for part in written)
        other = self._told_otherwise(engine, manifest, kind, kept, old, after)
        late = {day for day in other if day < manifest.dropped_before}
        self._commit(
            engine,
            msgspec.structs.replace(
                manifest,
                parts={**manifest.parts, kind.name: [*kept, *written]},
                closed=[one for one in manifest.closed if one.day not in other or one.day in late],
            ),
            kind,
            new,
        )
        rows = int(engine.value(new.count()))
        return Loaded(kind.name, rows, count - sum(part.rows for part in before), len(days), len(other - late), len(late))

    def _told_otherwise(self, engine: Engine, manifest: Manifest, kind: Kind, kept: list[Part], before: Table, after: Table) -> set[int]:
        """The closed days of which the facts say something else than they did.

        `before` and `after` are the facts of the kind where some have changed; `kept` are the others.
        """
        if not manifest.closed or kind.name not in _CLOSED_KINDS:
            return set()
        days = ibis.memtable(
            [(one.day, one.day * DAY_S, (one.day + 1) * DAY_S) for one in manifest.closed],
            schema={"day": "int64", "begins": "int64", "ends": "int64"},
        )
        if kind.name == "configuration":
            known = {row["kind"] for row in engine.rows(after.select("kind").distinct())}
            if (known & DECIDING) - set(manifest.configured):
                return {one.day for one in manifest.closed}
        times = engine.keep(touched(before, after, kind))
        found = _days_in(engine, days, times)
        if kind.name != "recordings" and DECIDING & {*manifest.configured}:
            first = engine.value(times["since"].min())
            if first is not None:

                def every(name: str) -> Table:
                    if name == kind.name:
                        return self.table(engine, kind, kept).union(after)
                    return self.table(engine, KINDS[name], manifest.parts.get(name, []))

                found |= _days_in(
                    engine,
                    days,
                    drawn_in(times, every("sessions").filter(ibis._.logout.coalesce(FOREVER) >= first), every("configuration")),
                )
        return found

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
        about = {row["day"]: row for row in engine.rows(found)}
        if not about:
            return []
        engine.write_by_day(whole.order_by("day", kind.begins), target)
        parts: list[Part] = []
        for directory in sorted(target.iterdir()):
            day = int(directory.name.partition("=")[2])
            row = about[day]
            for number, file in enumerate(_synced(directory)):
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
        return parts

    def _commit(self, engine: Engine, manifest: Manifest, kind: Kind, new: Table) -> None:
        tenants = {*manifest.tenants, *tenants_in(engine, kind, new)}
        configured = set(manifest.configured)
        if kind.name == "configuration":
            configured.update(row["kind"] for row in engine.rows(new.select("kind").distinct()))
        self._replace(msgspec.structs.replace(manifest, tenants=sorted(tenants), configured=sorted(configured)))

    def _replace(self, manifest: Manifest) -> None:
        replace_file(self.path / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1), PUBLIC)

    def close_days(
        self, engine: Engine, first: int, end: int, work: Callable[[Facts], Table], rules: dict[str, str], at: int
    ) -> dict[int, int]:
        """Keeps what `work` makes of the facts of the days from `first` up to `end`; how many rows each has. Nothing is loaded meanwhile.

        Raises:
            SeatkeeperError: Somebody is loading all the time, or the disk is full; all of the days are as they were.
        """
        with self._writing("Closed days cannot be written to", "They stay open; close them again."), self._alone():
            manifest = self.manifest()
            rows = engine.keep(work(self.facts(engine, manifest, first * DAY_S, end * DAY_S)))
            rows = rows.mutate(day=(rows.start // DAY_S).cast("int64"))
            counts = {row["day"]: row["rows"] for row in engine.rows(rows.group_by("day").aggregate(rows=rows.count()))}
            name = f"{_CLOSED}/{secrets.token_hex(8)}"
            if counts:
                (self.path / _CLOSED).mkdir(exist_ok=True)
                engine.write_by_day(rows.order_by("day", *CLOSED_SCHEMA), self.path / name)
            paths = {day: [f"{name}/day={day}/{file.name}" for file in _synced(self.path / name / f"day={day}")] for day in counts}
            others = [one for one in manifest.closed if not first <= one.day < end]
            new = [ClosedDay(day, paths.get(day, []), rules, at) for day in range(first, end)]
            self._replace(msgspec.structs.replace(manifest, closed=sorted([*others, *new], key=lambda one: one.day)))
            return {day: counts.get(day, 0) for day in range(first, end)}

    def drop_detail(self, engine: Engine, before: int) -> int:
        """Drops sessions and recordings that ended before that day, where all days up to it are closed; how many facts those were.

        What is still open, and what reaches into the day or beyond, stays.

        Raises:
            SeatkeeperError: Somebody is loading all the time, or the disk is full; all is as it was.
        """
        with self._writing("Detail cannot be dropped from", "Nothing has changed there; make room, and close again."), self._alone():
            manifest = self.manifest()
            firsts = [part.day for name in _DETAIL for part in manifest.parts.get(name, [])]
            closed = {one.day for one in manifest.closed}
            last = next((day for day in range(min(firsts, default=before), before) if day not in closed), before)
            parts = dict(manifest.parts)
            for name in _DETAIL:
                kind = KINDS[name]
                old = [part for part in parts.get(name, []) if part.day < last and part.first < last * DAY_S]
                facts = self.table(engine, kind, old)
                stays = facts.filter(facts[kind.ends].isnull() | (facts[kind.ends] > last * DAY_S))
                parts[name] = [*(part for part in parts.get(name, []) if part not in old), *self._write(engine, kind, stays)]
            changed = msgspec.structs.replace(manifest, parts=parts, dropped_before=max(manifest.dropped_before, last))
            self._replace(changed)
            return sum(part.rows for name in _DETAIL for part in manifest.parts.get(name, [])) - sum(
                part.rows for name in _DETAIL for part in parts[name]
            )

    def _tidy(self, manifest: Manifest) -> None:
        """Removes what no list names any more, unless it was written just before the list was: a report may still read it."""
        named = {self.path / part.path for parts in manifest.parts.values() for part in parts}
        days = {path.parent for path in named} | {(self.path / path).parent for one in manifest.closed for path in one.paths}
        try:
            old = (self.path / MANIFEST).stat().st_mtime - _KEPT_S
        except FileNotFoundError:
            return
        for directory in (*(self.path / _FACTS).glob("*/*/*"), *(self.path / _CLOSED).glob("*/*")):
            if directory not in days and directory.stat().st_mtime < old:
                shutil.rmtree(directory, ignore_errors=True)
        for generation in (*(self.path / _FACTS).glob("*/*"), *(self.path / _CLOSED).glob("*")):
            with suppress(OSError):
                generation.rmdir()

    def table(self, engine: Engine, kind: Kind, parts: Iterable[Part]) -> Table:
        """The facts of these files; none at all is an empty table."""
        return engine.facts([self.path / part.path for part in parts], kind)

    def closed(self, engine: Engine, days: Iterable[ClosedDay]) -> Table:
        """What is kept of these days."""
        return engine.parquet([self.path / path for one in days for path in one.paths], CLOSED_SCHEMA)

    def facts(self, engine: Engine, manifest: Manifest, since: int, until: int) -> Facts:
        """What reports read about [since, until), of what the list named."""

        def of(name: str) -> Table:
            kind = KINDS[name]
            wanted = [
                part for part in manifest.parts.get(name, []) if part.first < until and (part.open or part.last > since or not kind.ends)
            ]
            return self.table(engine, kind, wanted)

        everything = self.table(engine, KINDS["configuration"], manifest.parts.get("configuration", []))
        known = Known(everything, frozenset(manifest.configured))
        ends = self.table(engine, KINDS["ends"], manifest.parts.get("ends", []))
        return Facts(of("sessions"), of("recordings"), of("ports"), ends, known, of("checkouts"))


def tenants_in(engine: Engine, kind: Kind, facts: Table) -> set[str]:
    """The tenants whose facts these are."""
    if "tenant" not in kind.names:
        return set()
    # Ports and systems without a tenant are the installation's own; other facts are somebody's whose name is not known.
    if kind.name in {"ports", "configuration"}:
        facts = facts.filter((facts.tenant != "") | ((facts.kind != "system") & (kind.name != "ports")))
    return {row["tenant"] for row in engine.rows(facts.select("tenant").distinct())}


def _days_in(engine: Engine, days: Table, times: Table) -> set[int]:
    """The days that lie in the times."""
    return {row["day"] for row in engine.rows(days.semi_join(times, [days.begins < times.until, days.ends > times.since]).select("day"))}


def _synced(directory: Path) -> list[Path]:
    """The files of a day's directory, which are on the disk now under their names."""
    files = sorted(directory.iterdir())
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for each in (directory, directory.parent, directory.parent.parent):
        sync_directory(each)
    return files
