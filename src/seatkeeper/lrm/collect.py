"""What sources know comes into the warehouse, run after run, and of what they could not tell it is known that it is missing.

Each source remembers until when it was read. A run reads from there on, and the last two days again, since rows may come late. A source
that cannot be read stops nobody else; its time is missing then, and is read by the next run that reaches it.

What is missing are facts, too: `gaps`. ICONs that watch the same switches name the same `pair`, and of them only what all missed is
missing. Facts are never taken back; so a gap that was filled later is the same fact again with GAP_FILLED as its reason, which is kept
whatever the order of loads, and says that nothing is missing there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.configuration import read_configuration, read_export
from seatkeeper.adapters.engines import open_duckdb, schema_of
from seatkeeper.adapters.gvp import STRETCH_S
from seatkeeper.adapters.icon import login_windows, read_idb
from seatkeeper.adapters.wholefile import PUBLIC, alone, replace_file
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.lrm.journals import Mark, read_facts
from seatkeeper.lrm.sources import ConfigurationSource, GvpSource, IconSource, JournalSource, open_reporting_server, open_source
from seatkeeper.usage.facts import DAY_S, GAP_FILLED, KINDS
from seatkeeper.usage.idb import configuration_facts, ends_of, holes_of, session_facts
from seatkeeper.usage.snapshots import Object, changes, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Warehouse

__all__ = ["SNAPSHOT_S", "Outcome", "collect", "common_holes", "take_snapshot"]

#: How often a snapshot is to be taken.
SNAPSHOT_S: Final = 600
#: So much is read at once.
_WINDOW_S: Final = 7 * DAY_S
_STATE: Final = "collected.json"
#: Of its own, so that a snapshot waits for no run of hours.
_SNAPSHOTS: Final = "snapshots.json"
_WAIT_S: Final = 5.0
#: Where nothing of this is, there is no configuration to know.
_HISTORIES: Final = ("group_agents", "group_places", "campaigns", "agent_logins")
_NOT_CONNECTED: Final = "ICON was not connected"

Times = list[tuple[int, int]]


class _State(msgspec.Struct):
    """What runs remember.

    Attributes:
        through: Source -> until when it was read.
        gaps: Source, beginning and end of what was missing, and may come yet.
        marks: Source -> the record of a journal that was read last.
    """

    through: dict[str, int] = {}
    gaps: list[tuple[str, int, int]] = []
    marks: dict[str, Mark] = {}


class Outcome(msgspec.Struct):
    """What came of one source.

    Attributes:
        source: Its name.
        since: From when on it was read, in UTC seconds.
        until: Until when.
        rows: Kind of facts -> how many it had.
        added: How many of all of them were not known before.
        error: Why it could not be read, and what to do; empty where it could.
        reason: The same in short, for the facts.
    """

    source: str
    since: int
    until: int
    rows: dict[str, int] = {}
    added: int = 0
    error: str = ""
    reason: str = ""

    def failed(self, error: SeatkeeperError) -> None:
        """It could not be read, for this reason."""
        self.error = str(error)
        self.reason = f"it could not be read: {error.message.rstrip('.')}"


def common_holes(holes: Sequence[Times]) -> Times:
    """What lies in a hole of every one."""
    found = _merged(holes[0]) if holes else []
    for other in holes[1:]:
        both = [(max(a, c), min(b, d)) for a, b in found for c, d in _merged(other)]
        found = [(begin, end) for begin, end in both if begin < end]
    return found


def _merged(times: Iterable[tuple[int, int]]) -> Times:
    found: Times = []
    for begin, end in sorted(times):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def collect(
    warehouse: Warehouse,
    sources: Sequence[IconSource | GvpSource | JournalSource],
    environment: Mapping[str, str],
    until: int,
    since: int | None = None,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Reads the sources up to `until`; what came of each.

    Args:
        warehouse: Where facts go.
        sources: What is read.
        environment: Where passwords are.
        until: UTC seconds.
        since: From when on; None: from where the last run ended. A journal is always read from there to its end.
        tell: Is told of each source when it is done.

    Raises:
        SeatkeeperError: Another run is under way, or the warehouse cannot be written.
    """
    warehouse.path.mkdir(parents=True, exist_ok=True)
    path = warehouse.path / _STATE
    try:
        with alone(path, wait_s=_WAIT_S):
            state = _read_state(path)
            engine = open_duckdb(warehouse.path)
            done: list[Outcome] = []
            holes: dict[str, dict[str, Times]] = {}
            for source in sources:
                if isinstance(source, JournalSource):
                    outcome, missed = _collect_journal(warehouse, engine, source, state, until)
                elif isinstance(source, GvpSource):
                    outcome, missed = _collect_ports(warehouse, engine, source, environment, state, since, until)
                else:
                    outcome, missed = _collect_icon(warehouse, engine, source, environment, state, since, until)
                holes.setdefault(_unit(source), {})[source.name] = missed
                replace_file(path, msgspec.json.encode(state), PUBLIC)
                done.append(outcome)
                tell(outcome)
            _keep_gaps(warehouse, engine, state, sources, done, holes)
            replace_file(path, msgspec.json.encode(state), PUBLIC)
            return done
    except TimeoutError:
        raise SeatkeeperError(f"Another run is collecting into {warehouse.path}.", "Try again when it has ended.") from None


def _unit(source: IconSource | GvpSource | JournalSource) -> str:
    """Those that see the same have the same one."""
    return (source.pair if isinstance(source, IconSource) else "") or f"source {source.name}"


def _read_state(path: Path) -> _State:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_State)
    except FileNotFoundError:
        return _State()
    except msgspec.MsgspecError as error:
        raise InputError(
            "What was collected so far cannot be read.", file=str(path), found=str(error), remedy="Remove the file; all is read again then."
        ) from None


def _collect_icon(
    warehouse: Warehouse,
    engine: Engine,
    source: IconSource,
    environment: Mapping[str, str],
    state: _State,
    since: int | None,
    until: int,
) -> tuple[Outcome, Times]:
    """What came of it, and the times of which it told nothing."""
    through = state.through.get(source.name)
    begin = since if since is not None else None if through is None else through - source.late_hours * 3600
    outcome = Outcome(source.name, begin or 0, until)
    reached = begin if since is not None or through is None else through
    data_sources: list[dict[str, Any]] = []
    try:
        with open_source(source, environment) as database:
            windows = login_windows(database, begin, until, _WINDOW_S)
            begin = windows[0][0] if windows else until
            outcome.since = begin
            for start, end in windows:
                rows = read_idb(database, source, start, end, configuration=end == until)
                data_sources = rows.data_sources
                facts = _icon_facts(engine, source, rows.tables, data_sources, configuration=end == until)
                for kind, table in facts.items():
                    loaded = warehouse.add(engine, KINDS[kind], table)
                    outcome.rows[kind] = outcome.rows.get(kind, 0) + loaded.rows
                    outcome.added += loaded.added
                reached = end
                if through is None or begin <= through:
                    state.through[source.name] = max(end, through or 0)
    except SeatkeeperError as error:
        outcome.failed(error)
        missing = until - DAY_S if reached is None else reached
        return outcome, [(missing, until)] if missing < until else []
    return outcome, holes_of(data_sources, begin, until)


def _collect_ports(
    warehouse: Warehouse,
    engine: Engine,
    source: GvpSource,
    environment: Mapping[str, str],
    state: _State,
    since: int | None,
    until: int,
) -> tuple[Outcome, Times]:
    """What came of a Reporting Server, in whole stretches only: one that is not over has not had its peak."""
    through = state.through.get(source.name)
    begin = since if since is not None else until - source.first_days * DAY_S if through is None else through - source.late_hours * 3600
    begin, end = begin - begin % STRETCH_S, until - until % STRETCH_S
    outcome = Outcome(source.name, begin, end)
    try:
        server = open_reporting_server(source, environment)
        for start in range(begin, end, _WINDOW_S):
            rows = list(server.peaks(source.name, source.ports, start, min(start + _WINDOW_S, end)))
            if rows:
                loaded = warehouse.add(engine, KINDS["ports"], _rows("ports", rows))
                outcome.rows["ports"] = outcome.rows.get("ports", 0) + loaded.rows
                outcome.added += loaded.added
            state.through[source.name] = max(min(start + _WINDOW_S, end), through or 0)
    except SeatkeeperError as error:
        outcome.failed(error)
        missing = max(begin, state.through.get(source.name, begin))
        return outcome, [(missing, end)] if missing < end else []
    return outcome, []


def _collect_journal(warehouse: Warehouse, engine: Engine, source: JournalSource, state: _State, until: int) -> tuple[Outcome, Times]:
    """What came of a license server's journal; that it was down is a fact that the journal tells itself."""
    through, mark = state.through.get(source.name), state.marks.get(source.name)
    outcome = Outcome(source.name, until if through is None else through, until)

    def give(rows: dict[str, list[dict[str, Any]]]) -> None:
        for kind, found in rows.items():
            loaded = warehouse.add(engine, KINDS[kind], _rows(kind, found))
            outcome.rows[kind] = outcome.rows.get(kind, 0) + loaded.rows
            outcome.added += loaded.added

    try:
        found = read_facts(warehouse.path / source.path, source.name, mark, give)
    except SeatkeeperError as error:
        outcome.failed(error)
        missing = until - DAY_S if through is None else through
        return outcome, [(missing, until)] if missing < until else []
    if found.stranger is not None:
        give(_lost_seats(warehouse, engine, source, found.seen, found.stranger[0]))
    if through is None and found.since is not None:
        outcome.since = min(int(found.since), until)
    if found.mark is not None:
        state.marks[source.name] = found.mark
    state.through[source.name] = max(until, through or 0)
    return outcome, []


def _lost_seats(warehouse: Warehouse, engine: Engine, source: JournalSource, seen: frozenset[str], at: int) -> dict[str, Any]:
    """The seats that a source has not told the end of, and of which its journal says nothing any more: they have come back by then."""
    kind = KINDS["checkouts"]
    table = warehouse.table(engine, kind, [part for part in warehouse.manifest().parts.get(kind.name, []) if part.open])
    rows = engine.rows(table.filter(table.source == source.name, table.returned.isnull()))
    lost = [{**row, "returned": max(at, row["taken"]), "estimated": True} for row in rows if row["handle"] not in seen]
    return {kind.name: lost} if lost else {}


def _icon_facts(
    engine: Engine, source: IconSource, tables: Mapping[str, Any], data_sources: list[dict[str, Any]], *, configuration: bool
) -> dict[str, Any]:
    import ibis

    raw = {name: ibis.memtable(table) for name, table in tables.items()}
    facts = {"sessions": session_facts(raw, source.name, source)} if tables["sessions"].num_rows else {}
    if configuration:
        there = source.capabilities or any(tables[name].num_rows for name in _HISTORIES if name in tables)
        known = configuration_facts(raw, source.name, source) if there else None
        ends = ends_of(data_sources, source.name)
        facts |= {"configuration": known} if known is not None else {}
        facts |= {"ends": _rows("ends", ends)} if ends else {}
    return facts


def _rows(kind: str, rows: list[dict[str, Any]]) -> Any:
    import ibis

    schema = schema_of(KINDS[kind])
    return ibis.memtable([tuple(row[name] for name in schema) for row in rows], schema=schema)


def _keep_gaps(
    warehouse: Warehouse,
    engine: Engine,
    state: _State,
    sources: Sequence[IconSource | GvpSource | JournalSource],
    done: Sequence[Outcome],
    holes: Mapping[str, Mapping[str, Times]],
) -> None:
    """Facts of what is missing now, and of what is not missing any more."""
    reasons = {outcome.source: outcome.reason for outcome in done}
    gaps: list[dict[str, Any]] = []
    for members in holes.values():
        for since, until in common_holes(list(members.values())):
            for name in members:
                gaps.append({"source": name, "since": since, "until": until, "reason": reasons[name] or _NOT_CONNECTED})
    unit = {source.name: _unit(source) for source in sources}
    kept: list[tuple[str, int, int]] = []
    for name, since, until in state.gaps:
        told = [each for each in done if not each.error and unit.get(name) == unit[each.source]]
        read = any(each.since <= since and until <= each.until for each in told)
        still = any(gap["source"] == name and gap["since"] <= since and until <= gap["until"] for gap in gaps)
        if read and not still:
            gaps.append({"source": name, "since": since, "until": until, "reason": GAP_FILLED})
        else:
            kept.append((name, since, until))
    if gaps:
        warehouse.add(engine, KINDS["gaps"], _rows("gaps", gaps))
    open_gaps = [(gap["source"], gap["since"], gap["until"]) for gap in gaps if gap["reason"] != GAP_FILLED]
    # What one ICON alone has not seen will never come; what could not be read will, and what a pair missed may.
    state.gaps = sorted({*kept, *(gap for gap in open_gaps if reasons[gap[0]] or len(holes[unit[gap[0]]]) > 1)})


def take_snapshot(warehouse: Warehouse, source: ConfigurationSource, environment: Mapping[str, str], at: int) -> Outcome:
    """Takes in what is configured at that moment, in UTC seconds.

    Raises:
        SeatkeeperError: Another run is under way, or the warehouse cannot be written, or the snapshot is older than one before.
    """
    warehouse.path.mkdir(parents=True, exist_ok=True)
    path = warehouse.path / _SNAPSHOTS
    try:
        with alone(path, wait_s=_WAIT_S):
            state = _read_state(path)
            engine = open_duckdb(warehouse.path)
            before = state.through.get(source.name)
            outcome = Outcome(source.name, at if before is None else before, at)
            try:
                if source.file:
                    tables = read_export(warehouse.path / source.file)
                else:
                    with open_source(source, environment) as database:
                        tables = read_configuration(database)
            except SeatkeeperError as error:
                outcome.failed(error)
                since = at - SNAPSHOT_S if before is None else before
                if since < at:
                    warehouse.add(
                        engine,
                        KINDS["gaps"],
                        _rows("gaps", [{"source": source.name, "since": since, "until": at, "reason": outcome.reason}]),
                    )
            else:
                _keep_snapshot(warehouse, engine, source, tables, at, before, outcome)
            state.through[source.name] = max(at, before or at)
            replace_file(path, msgspec.json.encode(state), PUBLIC)
            return outcome
    except TimeoutError:
        raise SeatkeeperError(f"Another snapshot is being taken into {warehouse.path}.", "Try again when it has ended.") from None


def _keep_snapshot(
    warehouse: Warehouse,
    engine: Engine,
    source: ConfigurationSource,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    at: int,
    before: int | None,
    outcome: Outcome,
) -> None:
    kind = KINDS["configuration"]
    known = warehouse.table(engine, kind, warehouse.manifest().parts.get(kind.name, []))
    own = known.filter(known.source == source.name, known.until.isnull())
    standing = {Object(row["tenant"], row["kind"], row["name"], row["detail"]): row["since"] for row in engine.rows(own)}
    snapshot = snapshot_of(tables, source, at)
    outcome.rows["configuration"] = len(snapshot.objects)
    told = changes(standing, before, snapshot)
    rows = [{"source": source.name, **msgspec.structs.asdict(each), "since": since, "until": until} for each, since, until in told]
    if rows:
        outcome.added = warehouse.add(engine, kind, _rows("configuration", rows)).rows
