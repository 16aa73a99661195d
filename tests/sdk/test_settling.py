"""settling: whenever a process is killed, no record of seats that are back can be used, and what is on record stays good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.borrowed import BorrowStore
from seatkeeper.adapters.lendings import Lending, Lendings
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli import lmborrow
from seatkeeper.sdk import Client
from seatkeeper.sdk.admin import pools
from seatkeeper.sdk.settling import settle
from support.site import VENDOR, Site, feature, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

WAIT_S = 10.0

# A client that kills its own process at the point that TEST_FAULT names.
CHILD = """
import asyncio, os, signal, sys
from seatkeeper.adapters.borrowed import BorrowStore
from seatkeeper.cli import lmborrow
from seatkeeper.sdk import client as module
from seatkeeper.sdk.engine import Engine
from seatkeeper.sdk.loans import Loans

POINT = os.environ["TEST_FAULT"]

def die_at(owner, name, point, after=False):
    real = getattr(owner, name)
    def faulty(self, *more):
        result = real(self, *more) if after else None
        if POINT == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return result if after else real(self, *more)
    setattr(owner, name, faulty)

die_at(Loans, "going", "written down", after=True)
die_at(Loans, "keep", "granted")
die_at(Loans, "keep", "kept", after=True)
die_at(Loans, "answered", "answered", after=True)
die_at(BorrowStore, "retire", "retired", after=True)
die_at(BorrowStore, "drop", "returned")

async def borrow(path, root, name):
    async with module.Client(path, root=root) as client:
        await client.checkout(name, borrow_until=8)

what, path, root, name = sys.argv[1:]
if what == "borrow":
    asyncio.run(borrow(path, root, name))
else:
    lmborrow.run(["-return", name], "lmborrow")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    lines = [feature(f"f{number}", 3, BORROW="24") for number in range(1, 12)]
    with Site(tmp_path_factory.mktemp("site"), lines) as site:
        yield site.start()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(tmp_path / "borrow"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LM_BORROW", raising=False)
    return tmp_path / "borrow"


def child(site: Site, what: str, name: str, fault: str) -> int:
    """The end of a process that borrows or returns, and is killed at this point."""
    command = [sys.executable, "-c", CHILD, what, f"{site.port}@localhost", site.root, name]
    done = subprocess.run(command, env={**os.environ, "TEST_FAULT": fault}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == -signal.SIGKILL) is bool(fault), done.stderr
    return done.returncode


def out(site: Site, name: str) -> int:
    return sum(pool.in_use for pool in pools("localhost", site.port, VENDOR, name))


def until_out(site: Site, name: str, count: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while (found := out(site, name)) != count:
        assert time.monotonic() < deadline, f"{found} seats of {name} are out, and not {count}"
        time.sleep(0.02)


def files(directory: Path) -> list[str]:
    return sorted(path.suffix for path in directory.iterdir())


async def usable(name: str, site: Site) -> bool:
    """Whether an application gets seats of the feature where no server can be reached."""
    async with Client(f"{free_port()}@localhost", root=site.root) as offline:
        try:
            return (await offline.checkout(name)).valid
        except LicenseError as error:
            number = error.number
    assert number == -15
    return False


async def test_who_dies_before_the_server_has_heard_of_it_has_borrowed_nothing(site: Site, directory: Path) -> None:
    child(site, "borrow", "f1", "written down")
    assert files(directory) == [".lending"]
    assert next(directory.iterdir()).stat().st_mode & 0o077 == 0
    until_out(site, "f1", 0)
    settled = await settle(BorrowStore(), Client)
    assert [lending.feature for lending in settled.lendings] == ["f1"]
    assert files(directory) == []


@pytest.mark.parametrize(("name", "fault"), [("f2", "kept"), ("f3", "answered")])
async def test_what_is_on_record_stays_good(site: Site, directory: Path, name: str, fault: str) -> None:
    child(site, "borrow", name, fault)
    assert (".lending" in files(directory)) is (fault == "kept")
    await settle(BorrowStore(), Client)
    assert files(directory) == [".borrow", ".from", ".seats", ".time"]
    assert await usable(name, site)
    assert out(site, name) == 1


async def test_the_next_checkout_settles_by_itself(site: Site, directory: Path) -> None:
    child(site, "borrow", "f4", "kept")
    async with Client(f"{site.port}@localhost", root=site.root) as client:
        await client.checkout("f1")
        assert ".lending" not in files(directory)
        assert out(site, "f4") == 1


async def test_a_living_process_is_left_alone(site: Site, directory: Path) -> None:
    lending = Lending(VENDOR, "f5", 4e9, "ann", "here", ":0", f"{site.port}@localhost", os.urandom(16))
    opened = Lendings(directory).begin(lending)
    assert (await settle(BorrowStore(), Client)).lendings == []
    opened.leave()
    assert [one.feature for one in (await settle(BorrowStore(), Client)).lendings] == ["f5"]


async def test_what_no_server_answers_stays_until_its_seats_are_back_by_themselves(site: Site, directory: Path) -> None:
    for until, left in ((4e9, 1), (1.0, 0)):
        Lendings(directory).begin(Lending(VENDOR, "f5", until, "ann", "here", ":0", f"{free_port()}@localhost", os.urandom(16))).leave()
        (sentence,) = (await settle(BorrowStore(), Client)).left
        assert "f5 was being borrowed" in sentence
        assert len(files(directory)) == left
        for path in directory.iterdir():
            path.unlink()


@pytest.mark.parametrize("by_itself", [True, False])
@pytest.mark.parametrize(("name", "fault", "count"), [("f6", "retired", 1), ("f7", "returned", 0)])
async def test_seats_that_are_going_back_are_used_by_nobody(
    site: Site, directory: Path, name: str, fault: str, count: int, by_itself: bool
) -> None:
    """Killed before the server was told, or after it has the seats: the record cannot be used, and the return is finished."""
    child(site, "borrow", name, "")
    assert await usable(name, site)
    until_out(site, name, 1)
    child(site, "return", name, fault)
    until_out(site, name, count)
    assert BorrowStore().loans() == []
    if by_itself:
        # An application that cannot reach a server of its own asks the lender on its way.
        assert not await usable(name, site)
    else:
        settled = await settle(BorrowStore(), Client)
        assert [borrowed.feature for borrowed in settled.returned] == [name]
    assert files(directory) == []
    until_out(site, name, 0)


def test_lmborrow_tells_of_what_was_broken_off_and_settles_it(site: Site, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child(site, "borrow", "f9", "")
    child(site, "return", "f9", "retired")
    Lendings(directory).begin(Lending(VENDOR, "f8", 4e9, "ann", "here", ":0", f"{site.port}@localhost", os.urandom(16))).leave()
    assert lmborrow.run(["-status"], "lmborrow") == 0
    shown = capsys.readouterr()
    assert "on their way back" in shown.err
    assert "broken off" in shown.err
    assert lmborrow.run(["-purge"], "lmborrow") == 0
    shown = capsys.readouterr()
    assert "f8: a borrow that was broken off is settled" in shown.out
    assert "f9: 1 seat returned to" in shown.out
    assert lmborrow.run(["-purge"], "lmborrow") == 0
    assert "No borrow has ended here." in capsys.readouterr().out
