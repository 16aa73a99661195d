"""Proves that whatever keeps a database from its work is one sentence with a remedy and no password, on both real databases."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from seatkeeper.adapters import registry_engine
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.adapters.registry_engine import TRIES_MAX, BusyError, Database, retried
from seatkeeper.base.errors import InputError
from support.postgres import ACCOUNT, PASSWORD, database, server
from support.registries import BY, KINDS, NOW, filled, new_registry, raw, snapshot
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: An account of the system that owns nothing.
NOBODY = 65534
SECRET = "hidden-perch-77"


def refused(where: str, words: str) -> str:
    """The one sentence with which a registry is refused; its remedy is in it, the password and the database's own words are not."""
    with pytest.raises(InputError, match=words) as caught:
        Registry(where)
    assert caught.value.remedy
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "sqlalchemy" not in str(caught.value).lower()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "\n" not in str(caught.value)
    return str(caught.value)


def as_nobody(where: str) -> dict[str, str]:
    """What becomes of reading, writing and making a registry where an account does it that owns nothing; root asks no permission."""
    if os.geteuid() != 0:
        pytest.skip("only root can take on another account")
    into, out = os.pipe()
    child = os.fork()  # The account can read neither this Python nor this checkout, but what is loaded goes on.
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            said = [outcome(work, where) for work in (read_registry, write_registry, make_registry)]
            os.write(out, "\n".join(said).encode())
        finally:
            os._exit(0)
    os.close(out)
    with os.fdopen(into) as pipe:
        lines = pipe.read().split("\n")
    os.waitpid(child, 0)
    return dict(zip(("read", "write", "make"), lines, strict=True))


def outcome(work: Callable[[str], object], where: str) -> str:
    try:
        work(where)
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"no sentence: {error!r}"
    return "done"


def read_registry(where: str) -> None:
    with Registry(where) as registry, registry.read() as view:
        list(view.history())


def write_registry(where: str) -> None:
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        act.tell("note")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, which pytest's own is not."""
    directory = Path(tempfile.mkdtemp(prefix="seatkeeper-registry-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("", "names no registry"),
        (" ", "names no registry"),
        ("a\0b", "names no registry"),
        (":memory:", "names no registry"),
        (f"postgresql://a:{SECRET}@h:port/x", "names no registry"),
        ("sqlite://", "cannot be kept there"),
        ("sqlite:///:memory:", "cannot be kept there"),
        (f"mysql://a:{SECRET}@h/x", "cannot be kept there"),
    ],
)
def test_what_names_no_registry_is_refused(where: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Database(where)
    assert SECRET not in str(caught.value)
    assert "postgresql://ACCOUNT@HOST/DATABASE" in caught.value.expected


def test_the_name_that_people_see_has_no_account_and_no_password() -> None:
    found = Database(f"postgresql://una:{SECRET}@desk.example:5433/licenses?password={SECRET}")
    assert found.name == "postgresql://desk.example:5433/licenses"
    assert Database("postgres:///licenses").name == "postgresql://localhost/licenses"


def test_a_file_that_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    refused(str(tmp_path / "desk.db"), r"no registry here.*desk init")
    refused(str(tmp_path), "directory")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="directory is not there"):
        make_registry(str(tmp_path / "absent" / "desk.db"))
    new_registry("sqlite", tmp_path)
    assert (tmp_path / "desk.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"Dear Pigeon Post,\n" * 500, b"SQLite format 3\0" + b"x" * 4096])
def test_a_file_that_is_no_registry_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_bytes(content)
    refused(str(tmp_path / "desk.db"), "no registry")
    assert (tmp_path / "desk.db").read_bytes() == content or not content


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    where = filled("sqlite", tmp_path)
    raw(where, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = Path(where).read_bytes()
    Path(where).write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(InputError, match=r"is damaged.*backup"), Registry(where) as registry, registry.read() as view:
        list(view.history())


def test_a_registry_that_an_account_may_not_use(open_directory: Path) -> None:
    where = filled("sqlite", open_directory)
    before = snapshot(where)
    check = "Check the name, and who may"
    # A file of its owner in a directory that is not one's own.
    said = as_nobody(where)
    assert said["read"].startswith(f"{where}: The registry cannot be opened. {check} read")
    assert said["write"] == said["read"]
    assert said["make"].startswith(f"{where}: The registry cannot be made: Permission denied. {check} write")
    # Everybody may read the file.
    Path(where).chmod(0o644)
    said = as_nobody(where)
    assert said["write"].startswith(f"{where}: The registry c")
    assert "read here. Let this account write" in said["write"] or check in said["write"]
    open_directory.chmod(0o777)
    said = as_nobody(where)
    assert said["write"] == f"{where}: The registry can only be read here. Let this account write the file and its directory."
    # Not even the directory is open.
    open_directory.chmod(0o700)
    said = as_nobody(where)
    assert said["read"].startswith(f"{where}: The registry cannot be opened: Permission denied. {check}")
    assert snapshot(where) == before


def test_a_full_disk_keeps_nothing_of_an_act(tmp_path: Path) -> None:
    where = filled("sqlite", tmp_path)
    before = snapshot(where)
    program = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
from seatkeeper.adapters.registry import Registry
from seatkeeper.base.errors import InputError
try:
    with Registry(sys.argv[1]) as registry, registry.write(0, "x") as act:
        for _ in range(100):
            act.tell("note", text="x" * 100_000)
except InputError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", program, where], capture_output=True, text=True, check=False)
    # The limit is told as a failing disk, a full one as full.
    assert "The disk of the registry fails. " in found.stdout, found.stdout + found.stderr
    assert snapshot(where) == before


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of one megabyte; skipped where we may not have one."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", directory], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount")
def test_a_disk_that_is_full_is_told_of(tmp_path: Path) -> None:
    with small_disk(tmp_path) as directory:
        where = filled("sqlite", directory)
        before = snapshot(where)
        message = r"The disk of the registry is full\. Free space there"
        with Registry(where) as registry:
            with pytest.raises(InputError, match=message), registry.write(NOW, BY) as act:
                act.tell("note", text="x" * 2_000_000)
            assert snapshot(where) == before
            with registry.write(NOW, BY) as act:
                act.tell("note")


def test_a_database_that_is_locked_is_waited_for_and_then_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = new_registry("sqlite", tmp_path)
    connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(registry_engine, "LOCK_S", 0.1)
    with Registry(where) as registry:
        message = "Another program has held the registry for too long. Try again"
        with pytest.raises(InputError, match=message), registry.write(NOW, BY):
            raise AssertionError("two are writing at once")
        with registry.read() as view:
            assert view.last_history() is None
    monkeypatch.undo()
    with Registry(where) as registry:
        release = threading.Timer(0.2, connection.rollback)
        release.start()
        with registry.write(NOW, BY) as act:
            act.tell("note")
        release.join()
    connection.close()


def test_postgresql_waits_for_another_desk_and_then_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = new_registry("postgresql", tmp_path)
    monkeypatch.setattr(registry_engine, "LOCK_S", 0.1)
    with Registry(where) as one, Registry(where) as other, one.write(NOW, BY) as act:
        act.tell("note")
        with pytest.raises(InputError, match="Another desk has held the registry for too long"), other.write(NOW, BY):
            raise AssertionError("two are writing at once")


def test_a_server_that_is_not_there_or_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    name, port = database(), server().port
    refused(f"postgresql://{ACCOUNT}:{SECRET}@127.0.0.1:{free_port()}/{name}", "cannot be reached.*firewall")
    refused(f"postgresql://{ACCOUNT}:{SECRET}@127.0.0.1:{port}/{name}", "does not let this account in.*pgpass")
    refused(f"postgresql://{ACCOUNT}@127.0.0.1:{port}/{name}", "does not let this account in.*pgpass")
    refused(f"postgresql://nobody_{SECRET}@127.0.0.1:{port}/{name}?password=x", "does not let this account in")
    refused(f"postgresql://{ACCOUNT}:{PASSWORD}@127.0.0.1:{port}/absent", "no such database.*createdb")
    refused(f"postgresql://{ACCOUNT}:{SECRET}@127.0.0.1:{port}/{name}?unknown=1", "option that PostgreSQL does not know")
    refused(f"postgresql://{ACCOUNT}:{PASSWORD}@127.0.0.1:{port}/{name}", "no registry here.*desk init")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert make_registry(f"postgresql://{ACCOUNT}@127.0.0.1:{port}/{name}") == "made"


def test_an_account_without_rights_is_told_so(tmp_path: Path) -> None:
    where = new_registry("postgresql", tmp_path)
    role = where.rpartition("/registry")[2].partition("?")[0]
    raw(where, f"CREATE ROLE guest{role} LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
    with Registry(where.replace(f"{ACCOUNT}@", f"guest{role}@")) as registry:
        with registry.read() as view:
            assert view.last_history() is None
        with pytest.raises(InputError, match=r"may not do that in the registry\. Ask the owner"), registry.write(NOW, BY) as act:
            act.tell("note")


def test_a_server_that_takes_no_writes(tmp_path: Path) -> None:
    where = new_registry("postgresql", tmp_path)
    raw(where, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
    with Registry(where) as registry, pytest.raises(InputError, match="can only be read here"), registry.write(NOW, BY) as act:
        act.tell("note")


def test_a_server_that_goes_away_is_told_of_and_used_again(tmp_path: Path) -> None:
    where = new_registry("postgresql", tmp_path)
    with Registry(where) as registry:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

        def broken_off() -> None:
            with registry.write(NOW, BY) as act:
                act.tell("note")
                raw(where, end)
                act.tell("note")

        with pytest.raises(InputError, match="was shut down"):
            broken_off()
        with registry.write(NOW, BY) as act:
            act.tell("note")
            assert act.count("history") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_is_gone_is_told_of(kind: str, tmp_path: Path) -> None:
    where = new_registry(kind, tmp_path)
    raw(where, "DROP TABLE history")
    with Registry(where) as registry, pytest.raises(InputError, match=r"table of the registry is gone.*backup"), registry.read() as view:
        view.last_history()


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_there_or_refers_to_nothing_is_told_of(kind: str, tmp_path: Path) -> None:
    with Registry(filled(kind, tmp_path)) as registry:
        delivery = {"id": 5, "file": "F999999", "how": "mail", "recipient": "x", "at": ""}
        with pytest.raises(InputError, match="such a row already, or lacks one"), registry.write(NOW, BY) as act:
            act.insert("deliveries", delivery)
        with pytest.raises(InputError, match="such a row already, or lacks one"), registry.write(NOW, BY) as act:
            act.insert("customers", {"id": 7, "name": "x", "folded": act.rows("customers").__next__()["folded"], "since": ""})


def test_work_that_was_in_the_way_is_done_again_and_not_for_ever(tmp_path: Path) -> None:
    where = new_registry("postgresql", tmp_path)
    # A sequence counts on, whatever becomes of the transaction.
    raw(where, "CREATE SEQUENCE tries")
    fails = (
        "CREATE FUNCTION fails(times integer, code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('tries') <= times THEN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'x'; END IF; END $$"
    )
    raw(where, fails)
    with Registry(where) as registry:

        @retried
        def work(times: int, code: str) -> int:
            with registry.write(NOW, BY) as act:
                number = act.draw("file")
                act._connection.exec_driver_sql(f"SELECT fails({times}, '{code}')")
            return number

        assert work(2, "40001") == 1
        assert raw(where, "SELECT last_value FROM tries") == [(3,)]
        assert work(3 + TRIES_MAX - 1, "40P01") == 2
        assert raw(where, "SELECT last_value FROM tries") == [(3 + TRIES_MAX,)]
        with pytest.raises(BusyError, match="in the way"):
            work(1000, "40001")
        assert raw(where, "SELECT last_value FROM tries") == [(3 + 2 * TRIES_MAX,)]
        # Of others nobody knows whether they would go through.
        with pytest.raises(InputError):
            work(1000, "57P01")
        assert raw(where, "SELECT last_value FROM tries") == [(4 + 2 * TRIES_MAX,)]


def test_a_real_deadlock_costs_a_try_and_nothing_else(tmp_path: Path) -> None:
    where = new_registry("postgresql", tmp_path)
    # Ours looks for a deadlock at once, the other one never: so it is ours that PostgreSQL ends.
    raw(where, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END $$")
    tries: list[int] = []
    threads: list[threading.Thread] = []
    with psycopg.connect(where) as other, Registry(where) as registry:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("LOCK TABLE numbers IN EXCLUSIVE MODE")

        def want_the_desks_lock() -> None:
            other.execute(f"SELECT pg_advisory_xact_lock({registry_engine._LOCK_ID})")
            other.commit()

        @retried
        def work() -> int:
            with registry.write(NOW, BY) as act:
                tries.append(1)
                if not threads:
                    threads.append(threading.Thread(target=want_the_desks_lock))
                    threads[0].start()
                return act.draw("file")

        assert work() == 1
        threads[0].join()
    assert len(tries) == 2
    with Registry(where) as registry, registry.write(NOW, BY) as act:
        assert act.draw("file") == 2


def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    where = new_registry("sqlite", tmp_path)
    database_ = Database(where)
    with database_.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database_.close()
