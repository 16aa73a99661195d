"""A real PostgreSQL server for the tests: made in a directory of its own, one for the whole run, a fresh database for each test.

It listens on a Unix socket, where everybody is let in, and on a free port of the loopback interface, where a password is wanted.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from support.site import free_port

__all__ = ["ACCOUNT", "PASSWORD", "Server", "database", "registry_urls", "server"]

ACCOUNT = "desk"
PASSWORD = "loft-and-ring-41"
_START_S = 60.0
_numbers = itertools.count(1)


class Server(NamedTuple):
    """A server that runs.

    Attributes:
        socket: The directory of its Unix socket.
        port: Its port on 127.0.0.1, which names the socket, too.
    """

    socket: Path
    port: int

    def url(self, name: str) -> str:
        """A database, by the Unix socket."""
        return f"postgresql://{ACCOUNT}@/{name}?host={self.socket}&port={self.port}"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows that a statement gives; it is committed by itself."""
        with psycopg.connect(host=str(self.socket), port=self.port, user=ACCOUNT, dbname=name, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type,unused-ignore]
            return cursor.fetchall() if cursor.description else []


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    postgres = shutil.which("postgres")
    return Path(postgres).resolve().parent if postgres else None


@functools.cache
def server() -> Server:
    """The server of this run; the test is skipped only where no PostgreSQL is installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL is installed here")
    # Not below pytest's own directory, which only its owner may enter; and short, since a socket's path has little room.
    directory = Path(tempfile.mkdtemp(prefix="seatkeeper-pg-"))
    # PostgreSQL refuses to run as root.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    run: dict[str, Any] = {"env": {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}, "cwd": directory}
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
        run |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = directory / "data"
    secret = directory / "password"
    secret.write_text(PASSWORD + "\n")
    if account is not None:
        os.chown(secret, account.pw_uid, account.pw_gid)
    initdb = [binaries / "initdb", "-D", data, "-U", ACCOUNT, "-E", "UTF8", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"]
    made = subprocess.run([*initdb, f"--pwfile={secret}"], **run, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": directory,
        "fsync": "off",
        "shared_buffers": "16MB",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([binaries / "postgres", "-D", data, *options], **run, stdout=log, stderr=log)
    atexit.register(_stop, process, directory)
    started = Server(directory, port)
    deadline = time.monotonic() + _START_S
    while True:
        try:
            started.execute("SELECT 1")
            return started
        except psycopg.OperationalError:
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes], directory: Path) -> None:
    process.send_signal(signal.SIGINT)  # A fast shutdown: connections are ended.
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(directory, ignore_errors=True)


def database() -> str:
    """The name of a new, empty database."""
    name = f"registry{next(_numbers)}"
    server().execute(f"CREATE DATABASE {name}")
    return name


def registry_urls(kind: str, directory: Path) -> str:
    """Where a test's registry is to be: `sqlite`, a file in `directory`, or `postgresql`, a new database."""
    return str(directory / "desk.db") if kind == "sqlite" else server().url(database())
