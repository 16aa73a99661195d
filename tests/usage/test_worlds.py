"""Reports about random small worlds say what somebody finds who looks at every second (tests/support/usageworld.py).

SEATKEEPER_LONG=1 makes ten times as many worlds.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.engines import Engine, open_duckdb
from seatkeeper.adapters.warehouse import Manifest, Part, Warehouse
from seatkeeper.cli.main import main
from seatkeeper.lrm.close import close_days, day_number
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.joining import joined
from support.usageasked import drawn, loaded, told
from support.usagefacts import table_of, utc
from support.usageworld import PORTS, tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ibis.expr.types import Table

    from seatkeeper.usage.facts import Kind
    from support.usageworld import Asked, World

LONG = os.environ.get("SEATKEEPER_LONG") == "1"
WORLDS = 2000 if LONG else 200
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Later than all days of the worlds.
FAR = 2_000_000_000.0


class Held(Warehouse):
    """The world as it is when it has been loaded, without files: that spares most of the time of a test."""

    def __init__(self, world: World, engine: Engine, path: Path) -> None:
        super().__init__(path / "db")
        self._tables = {
            name: engine.keep(joined(table_of(name, rows), KINDS[name])) if rows else table_of(name, [])
            for name, rows in {name: tables(world).get(name, []) for name in KINDS}.items()
        }
        there = world.files()
        tenants = {row["tenant"] for kind in ("sessions", "recordings") for row in there.get(kind, [])}
        tenants |= {row["tenant"] for row in world.configuration if row["tenant"] or row["kind"] != "system"}
        tenants |= {row["tenant"] for row in world.ports if row["tenant"]}
        kinds = {row["kind"] for row in world.configuration}
        self._manifest = Manifest(parts={kind: [] for kind in there}, tenants=sorted(tenants), configured=sorted(kinds))

    def manifest(self) -> Manifest:
        return getattr(self, "_manifest", Manifest())

    def table(self, engine: Engine, kind: Kind, parts: Iterable[Part]) -> Table:
        return self._tables[kind.name]


def check(warehouse: Warehouse, engine: Engine, world: World, questions: Iterable[Asked]) -> None:
    for asked in questions:
        assert told(warehouse, engine, asked) == world.report(asked), asked


@pytest.mark.parametrize("seed", range(WORLDS))
def test_reports_agree_with_one_who_looks_at_every_second(seed: int, tmp_path: Path) -> None:
    world, questions = drawn(seed)
    engine = open_duckdb()
    from_files = LONG or seed % 8 == 0
    check(loaded(world, tmp_path) if from_files else Held(world, engine, tmp_path), engine, world, questions)


@pytest.mark.parametrize("seed", range(1000, 1004))
def test_looking_where_something_changes_is_looking_at_every_second(seed: int) -> None:
    world, questions = drawn(seed)
    for asked in questions:
        day = replace(asked, end=asked.first + timedelta(days=1))
        assert world.report(day) == world.report(day, every_second=True), day


@pytest.mark.parametrize("seed", range(2000, 2010))
def test_halves_joined_are_the_whole(seed: int, tmp_path: Path) -> None:
    world, questions = drawn(seed)
    engine = open_duckdb()
    warehouse = Held(world, engine, tmp_path)
    for asked in questions:
        middle = asked.first + timedelta(days=1)
        whole = replace(asked, end=middle + timedelta(days=1))
        best: dict[tuple[Any, ...], dict[str, Any]] = {}
        for half in (replace(whole, end=middle), replace(whole, first=middle)):
            for row in told(warehouse, engine, half):
                # A period that lies in both halves has the larger peak of the two, at its latest second.
                name = row["tenant"], row["group"], row["start"]
                other = best.get(name)
                if other is None:
                    best[name] = row
                    continue
                larger = max(row, other, key=lambda one: (-1 if one["peak"] is None else one["peak"], one["peak_time"] or 0))
                able = [one["enabled"] for one in (row, other) if one["enabled"] is not None]
                best[name] = {**larger, "enabled": max(able, default=None)}
        rows = told(warehouse, engine, whole)
        if asked.item not in PORTS:
            # What ports were counted by stretches of time that reach over the middle is in no half.
            assert sorted(best.values(), key=_order) == sorted(rows, key=_order), whole


def _order(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["tenant"] or "", row["group"] or "", row["start"]


@pytest.mark.parametrize("seed", range(3000, 3008))
def test_any_order_of_arrival_and_any_replay_gives_the_same(seed: int, tmp_path: Path) -> None:
    world, questions = drawn(seed)
    draws = random.Random(seed)
    pieces = []
    for kind, rows in world.files().items():
        shuffled = draws.sample(rows, len(rows))
        cut = draws.randrange(len(rows) + 1)
        pieces += [(kind, shuffled[:cut]), (kind, shuffled[cut:]), (kind, draws.sample(rows, len(rows) // 2))]
    draws.shuffle(pieces)
    check(loaded(world, tmp_path, pieces), open_duckdb(), world, questions)


@pytest.mark.parametrize("seed", range(4000, 4010))
def test_days_that_are_closed_say_the_same_whatever_comes_late(seed: int, tmp_path: Path) -> None:
    world, questions = drawn(seed)
    draws = random.Random(seed)
    pieces = [(kind, rows[part::2]) for kind, rows in world.files().items() for part in range(2) if rows[part::2]]
    draws.shuffle(pieces)
    cut = len(pieces) // 2
    warehouse = loaded(world, tmp_path, pieces[:cut])
    engine = open_duckdb()
    days = [day_number(questions[0].first) + day for day in range(-1, 3)]
    close_days(warehouse, engine, items_by_name(), days, FAR, lambda _day, _rows: None)
    loaded(world, tmp_path, pieces[cut:])
    exact = [replace(asked, minutes=False, day_end=False) for asked in questions]
    check(warehouse, engine, world, exact)


@pytest.mark.parametrize("seed", range(5000, 5004))
def test_the_command_line_says_the_same(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world, questions = drawn(seed)
    loaded(world, tmp_path)
    for asked in questions:
        options = ["--type", asked.report, "--item", asked.item, "--granularity", asked.granularity, "--zone", asked.zone]
        options += ["--from", str(asked.first), "--to", str(asked.end), "--week-start", WEEKDAYS[asked.week_start]]
        options += ["--sampling", "minute" if asked.minutes else "exact", "--membership", "day-end" if asked.day_end else "history"]
        assert main(["usage", "report", "--db", str(tmp_path / "db"), *options, "--json"]) == 0
        names = ("tenant", "group", "start", "peak", "peak_time", "enabled")
        found = [{name: row.get(name) for name in names} for row in json.loads(capsys.readouterr().out)]
        expected = world.report(asked)
        for row in expected:
            row |= {name: utc(row[name]) or None for name in ("start", "peak_time")}
        assert found == expected, asked
