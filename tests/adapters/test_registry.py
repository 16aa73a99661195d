"""Proves that acts are kept whole or not at all, that numbers are drawn once by however many desks, and that kill -9 loses no commit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.registry import BY_CHARS_MAX, Registry, make_registry, moment
from seatkeeper.adapters.registry_chain import chain_faults
from seatkeeper.base.errors import InputError
from support.postgres import registry_urls
from support.registries import BY, FILE, KINDS, NOW, ORDER, filled, new_registry, raw, snapshot

if TYPE_CHECKING:
    from pathlib import Path

THREADS, PROCESSES, DRAWN = 4, 3, 15


def history_faults(where: str) -> list[str]:
    with Registry(where) as registry, registry.read() as view:
        return chain_faults(view.history(), view.last_number("history"))


def test_a_moment_is_written_alike_everywhere() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(1_790_000_000.999) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_is_made_once_and_kept(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    before = snapshot(where)
    assert make_registry(where) == "kept"
    assert snapshot(where) == before


@pytest.mark.parametrize("kind", KINDS)
def test_desks_that_make_the_same_registry_at_once_make_one(kind: str, tmp_path: Path) -> None:
    where = registry_urls(kind, tmp_path)
    found: list[str] = []
    # On SQLite they are at the file's mode at the same moment, which it does not wait for by itself.
    start = threading.Barrier(4)

    def make() -> None:
        start.wait()
        found.append(make_registry(where))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == {"made": 1, "kept": 3}
    assert history_faults(where) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_of_another_program_stays_its_own(kind: str, tmp_path: Path) -> None:
    where = registry_urls(kind, tmp_path)
    raw(where, "CREATE TABLE orders (pigeon TEXT)")
    with pytest.raises(InputError, match=r"another program's\. \(found 'table orders'\) Name another one"):
        make_registry(where)
    with pytest.raises(InputError, match="There is no registry here"):
        Registry(where)
    raw(where, "DROP TABLE orders", "CREATE TABLE registry (pigeon TEXT)", "INSERT INTO registry VALUES ('grey')")
    for opened in (Registry, make_registry):
        with pytest.raises(InputError, match="no registry, but something else"):
            opened(where)
    assert raw(where, "SELECT * FROM registry") == [("grey",)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", "one", "²", "9" * 5000])
def test_a_version_that_is_none_is_no_registry(value: str, kind: str, tmp_path: Path) -> None:
    where = new_registry(kind, tmp_path)
    raw(where, f"UPDATE registry SET value = '{value}'")
    with pytest.raises(InputError, match="no registry, but something else"):
        Registry(where)


@pytest.mark.parametrize("kind", KINDS)
def test_an_act_that_breaks_off_leaves_nothing(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    before = snapshot(where)

    def broken_off() -> None:
        with Registry(where) as registry, registry.write(NOW, BY) as act:
            act.place_site("7009", "Loft Example Ltd")
            act.draw("file")
            act.tell("note", site="7009")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    assert snapshot(where) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_act_does_is_what_stands_there(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    with Registry(where) as registry, registry.write(NOW + 60, f"  Una\n\udcff {'x' * 200}") as act:
        act.change_order(ORDER.number, "issued")
        act.change_file(FILE.number, state="placed", placed_at=act.at)
        act.maintain(ORDER.number, "2026-10-01", None)
        act.use_key("issuer-1", "pigeon_d")
        act.raise_number("file", 40)
        act.raise_number("file", 7)
        act.raise_number("new", 3)
        act.tell("issue", site="7001", order=ORDER.number, count=1)
        assert (act.draw("file"), act.draw("new"), act.draw("other")) == (41, 4, 1)
    with Registry(where) as registry, registry.read() as view:
        assert view.order(ORDER.number).state == "issued"
        assert view.file(FILE.number).placed_at == "2026-09-21T14:14:20Z"
        assert {row.maintained_from for row in view.entitlements(ORDER.number)} == {"2026-10-01"}
        [key] = view.keys()
        assert (key.files, key.first, key.last) == (2, "2026-09-21T14:13:20Z", "2026-09-21T14:14:20Z")
        last = view.last_history()
        assert last is not None
        assert last.by.startswith("Una ? xxx")
        assert len(last.by) == BY_CHARS_MAX
        assert (last.customer, json.loads(last.details)) == ("Pigeon Post Example Ltd", {"count": 1})
    assert history_faults(where) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_database_refuses_an_act_that_would_change_the_past(kind: str, tmp_path: Path) -> None:
    with Registry(filled(kind, tmp_path)) as registry:
        message = r"The registry never changes rows of files\. What was issued and done stays"
        with pytest.raises(InputError, match=message), registry.write(NOW, BY) as act:
            act.change_file(FILE.number, signed="another text")
        with pytest.raises(InputError, match=message), registry.write(NOW, BY) as act:
            act.change_file(FILE.number, unsigned="another text")


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_is_known_by_his_name_and_a_site_is_of_one_customer(kind: str, tmp_path: Path) -> None:
    where = filled(kind, tmp_path)
    with Registry(where) as registry:
        with registry.write(NOW, BY) as act:
            act.place_site("7002", " PIGEON post  example ltd")
            assert act.count("customers") == 1
            assert act.site_customers() == dict.fromkeys(("7001", "7002"), "Pigeon Post Example Ltd")
        with pytest.raises(InputError, match="Site 7001 belongs to another customer") as caught, registry.write(NOW, BY) as act:
            act.place_site("7001", "Loft Example Ltd")
        assert caught.value.expected == "Pigeon Post Example Ltd"
        with registry.read() as view:
            assert view.count("customers") == 1


#: A desk that is a process of its own: draws numbers, prints each once it is committed.
DESK = """
import sys
from seatkeeper.adapters.registry import Registry
where, count = sys.argv[1], int(sys.argv[2])
with Registry(where) as registry:
    while count:
        with registry.write(0, "process") as act:
            number = act.draw("file")
            act.tell("draw", number=number)
        print(number, flush=True)
        count -= 1
"""


def desk(where: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", DESK, where, str(count)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_drawn_by_many_desks_at_once_are_never_the_same_and_none_is_lost(kind: str, tmp_path: Path) -> None:
    where = new_registry(kind, tmp_path)
    drawn: list[int] = []
    shared = Registry(where)

    def draw(registry: Registry) -> None:
        for _ in range(DRAWN):
            with registry.write(NOW, "thread") as act:
                number = act.draw("file")
                act.tell("draw", number=number)
            drawn.append(number)

    def draw_alone() -> None:
        with Registry(where) as registry:
            draw(registry)

    processes = [desk(where, DRAWN) for _ in range(PROCESSES)]
    # Half of the threads share a registry.
    threads = [threading.Thread(target=draw_alone) for _ in range(THREADS // 2)]
    threads += [threading.Thread(target=draw, args=(shared,)) for _ in range(THREADS // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        drawn += map(int, out.split())
    shared.close()
    assert sorted(drawn) == list(range(1, (THREADS + PROCESSES) * DRAWN + 1))
    assert history_faults(where) == []
    told = sorted(json.loads(row["details"])["number"] for row in snapshot(where)["history"])
    assert told == sorted(drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_reads_sees_one_moment(kind: str, tmp_path: Path) -> None:
    with Registry(new_registry(kind, tmp_path)) as registry, registry.read() as view:
        assert view.count("history") == 0
        with registry.write(NOW, BY) as act:
            act.tell("note")
        assert (view.count("history"), view.last_history()) == (0, None)
        with registry.read() as later:
            assert later.count("history") == 1


def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    where = new_registry("sqlite", tmp_path)
    told = []
    for _ in range(3):
        # It would go on for ever.
        process = desk(where, -1)
        assert process.stdout is not None
        told += [int(process.stdout.readline()) for _ in range(3)]
        os.kill(process.pid, signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.stdout.close()
        process.wait()
    kept = [json.loads(row["details"])["number"] for row in snapshot(where)["history"]]
    assert kept == list(range(1, len(kept) + 1))
    # At most the number that was committed and not yet told is more.
    assert set(told) <= set(kept)
    assert len(kept) - len(told) <= 3
    assert history_faults(where) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_whose_making_was_killed_is_made_the_next_time(kind: str, tmp_path: Path) -> None:
    where = registry_urls(kind, tmp_path)
    program = """
import os, signal, sys
from seatkeeper.adapters import registry_tables
from seatkeeper.adapters.registry import make_registry
create = registry_tables.create
def killed(connection):
    create(connection)
    os.kill(os.getpid(), signal.SIGKILL)
registry_tables.create = killed
make_registry(sys.argv[1])
"""
    assert subprocess.run([sys.executable, "-c", program, where], check=False).returncode == -signal.SIGKILL
    with pytest.raises(InputError, match=r"no registry here.*desk init"):
        Registry(where)
    assert make_registry(where) == "made"
    assert history_faults(where) == []
