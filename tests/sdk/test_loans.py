"""loans: seats that a real server has lent are used on their machine without it, by their borrower, in their time, and go home early."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.support.site import VENDOR, Site, feature

from seatkeeper.adapters import clock
from seatkeeper.adapters.borrowed import BorrowStore
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.events import LicenseLost
from seatkeeper.licfile.borrowing import claimed
from seatkeeper.sdk import Client
from seatkeeper.sdk.admin import pools, revoke
from seatkeeper.sdk.blocking import Client as BlockingClient
from seatkeeper.sdk.loans import CHECK_S_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from pathlib import Path

HOUR_S = 3600.0
WAIT_S = 10.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that lends seats of f1 to f11 for a day, and none of plain."""
    lines = [feature(f"f{number}", 3, BORROW="24") for number in range(1, 12)]
    with Site(tmp_path_factory.mktemp("site"), [*lines, feature("plain", 3)]) as site:
        yield site.start()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's borrows are."""
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(tmp_path / "borrow"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LM_BORROW", raising=False)
    return tmp_path / "borrow"


def client(site: Site, **more: object) -> Client:
    return Client(f"{site.port}@localhost", root=site.root, **more)  # type: ignore[arg-type]


def offline(site: Site, **more: object) -> Client:
    """A client whose path leads nowhere."""
    return Client("1@localhost", root=site.root, **more)  # type: ignore[arg-type]


async def borrow(site: Site, name: str, count: int = 1) -> None:
    async with client(site) as online:
        await online.checkout(name, count=count, borrow_until=8)


async def number(checkout: Awaitable[object]) -> int:
    """The number of the error with which a checkout ends."""
    with pytest.raises(LicenseError) as caught:
        await checkout
    return caught.value.number


def out(site: Site, name: str) -> int:
    """How many seats of the feature the server has out."""
    return sum(pool.in_use for pool in pools("localhost", site.port, VENDOR, name))


async def until_in(site: Site, name: str, count: int) -> None:
    """Returns when the server has so many seats out."""
    async with asyncio.timeout(WAIT_S):
        while await asyncio.to_thread(out, site, name) != count:
            await asyncio.sleep(0.02)


def shift(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Sets this process's wall clock."""
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + seconds)


async def test_borrowed_seats_need_no_server(site: Site) -> None:
    async with client(site) as online:
        seat = await online.checkout("f1", "8.0", 3, borrow_until=8)
        assert seat.server == f"{site.port}@localhost"
        assert abs(seat.borrowed_until - clock.now() - 8 * HOUR_S) < 60
        assert seat.valid
        handle = seat.handle
    await until_in(site, "f1", 3)
    async with offline(site) as one, offline(site) as other:
        first = await one.checkout("f1", "8.0", 2)
        assert (first.server, first.handle, first.count, first.valid) == ("borrowed", handle, 2, True)
        # They are in use once, whoever uses them.
        assert await number(other.checkout("f1", count=2)) == -15
        assert (await other.checkout("f1", count=2, up_to=True)).count == 1
        await one.checkin(first)
        assert not first.valid
        assert (await other.checkout("f1", "7", count=2)).count == 2
        # Another feature, a later version: not what was borrowed.
        assert await number(one.checkout("f2")) == -15
        assert await number(one.checkout("f1", "9.0")) == -15


async def test_names_that_are_no_text_and_odd_values_cost_no_seats(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_PROJECT", "a\udcff")
    async with client(site, user="\udcff", host="h\udcff", display="\udcff" * 300, application="\udcff") as one:
        seat = await one.checkout("plain")
        handle = seat.handle
        for odd in ({"count": 1.5}, {"count": True}, {"feature": "f\udcff"}, {"data": "\udcff"}, {"version": 8.5}):
            assert await number(one.checkout(**{"feature": "plain"} | odd)) == -42  # type: ignore[arg-type]
        async with one.checkout("plain", up_to=1, queue=None) as other:  # type: ignore[arg-type]
            assert other.count == 1
        assert (seat.valid, seat.handle) == (True, handle)
    with pytest.raises(InputError, match="vendor"):
        client(site, vendor="v" * 300)


async def test_nobody_elses_seats(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await borrow(site, "f2")
    async with offline(site, user="somebody") as other, offline(site, host="elsewhere") as elsewhere:
        assert await number(other.checkout("f2")) == -15
        with pytest.raises(LicenseError, match=r"was borrowed by .* on .*, and this is .* on elsewhere") as caught:
            await elsewhere.checkout("f2")
        assert caught.value.number == -117
        # The same home on another machine: its seats are not this one's business.
        monkeypatch.setattr("seatkeeper.licfile.borrowing.is_same_machine", lambda *_: False)
        assert await number(elsewhere.checkout("f2")) == -15
    async with Client(None, root=site.root) as pathless:
        assert (await pathless.checkout("f2")).server == "borrowed"
        assert await number(pathless.checkout("f2")) == -1


async def test_a_changed_record_is_no_record(site: Site) -> None:
    await borrow(site, "f2")
    store = BorrowStore()
    (loan,) = store.loans()
    said = claimed(loan.data)
    assert said is not None
    loan.path.write_bytes(loan.data.replace(said.secret, bytes(16)))
    async with offline(site) as client:
        assert await number(client.checkout("f2")) == -117
    # One of another vendor's root is as little good.
    loan.path.write_bytes(loan.data)
    async with Client("1@localhost", root=bytes(32)) as stranger:
        assert await number(stranger.checkout("f2")) == -33


async def test_a_clock_that_was_set_back_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await borrow(site, "f3")
    with monkeypatch.context() as later:
        shift(later, HOUR_S)
        async with offline(site) as client:
            await client.checkout("f3")
    async with offline(site) as client:
        with pytest.raises(LicenseError) as caught:
            await client.checkout("f3")
        assert caught.value.number == -88
        assert "60 minutes later" in caught.value.reason


async def test_a_clock_that_is_set_back_in_use_ends_the_use(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.sdk.loans.CHECK_S_MAX", 0.02)
    async with client(site) as online:
        events = online.events()
        seat = await online.checkout("f3", borrow_until=8)
        shift(monkeypatch, -HOUR_S)
        lost = await asyncio.wait_for(anext(events), WAIT_S)
        assert isinstance(lost, LicenseLost)
        assert (lost.number, lost.handle, seat.valid) == (-88, seat.handle, False)
        await online.checkin(seat)
    assert CHECK_S_MAX <= 300


async def test_a_full_disk_ends_no_use(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper.sdk.loans.CHECK_S_MAX", 0.02)
    await borrow(site, "f11")
    async with offline(site) as one:
        events = one.events()
        seat = await one.checkout("f11")
        tried = asyncio.Event()

        def full(*_: object) -> None:
            tried.set()
            raise LicenseError(-117, reason="No space left on device.")

        monkeypatch.setattr(BorrowStore, "pass_time", full)
        async with asyncio.timeout(WAIT_S):
            for _ in range(2):
                await tried.wait()
                tried.clear()
        assert seat.valid
        # The end is the end all the same.
        shift(monkeypatch, 9 * HOUR_S)
        async with asyncio.timeout(WAIT_S):
            news = await anext(events)
        assert isinstance(news, LicenseLost)
        assert news.number == -118


async def test_a_borrow_ends(site: Site, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr("seatkeeper.sdk.loans.CHECK_S_MAX", 0.02)
    await borrow(site, "f4")
    async with offline(site) as client:
        events = client.events()
        seat = await client.checkout("f4")
        shift(monkeypatch, 8 * HOUR_S + 1)
        lost = await asyncio.wait_for(anext(events), WAIT_S)
        assert isinstance(lost, LicenseLost)
        assert (lost.number, lost.feature, lost.server, seat.valid) == (-118, "f4", "borrowed", False)
        # The first one after that is told why there are no seats; then nothing is borrowed any more.
        assert await number(client.checkout("f4")) == -118
        assert await number(client.checkout("f4")) == -15
    assert list(directory.iterdir()) == []


async def test_borrowed_seats_go_home_early(site: Site) -> None:
    await borrow(site, "f5", 2)
    await until_in(site, "f5", 2)
    (loan,) = BorrowStore().loans()
    said = claimed(loan.data)
    assert said is not None
    async with client(site) as online:
        await online.return_borrow(said)
        await until_in(site, "f5", 0)
        assert await number(online.return_borrow(said)) == -105


async def test_an_administrator_ends_a_borrow(site: Site, directory: Path) -> None:
    async with client(site) as online:
        events = online.events()
        seat = await online.checkout("f6", borrow_until=8)
        await asyncio.to_thread(revoke, "localhost", site.port, VENDOR, seat.handle)
        lost = await asyncio.wait_for(anext(events), WAIT_S)
        assert isinstance(lost, LicenseLost)
        assert (lost.number, lost.handle, seat.valid) == (0, seat.handle, False)
        assert "revoked" in lost.reason
    assert list(directory.iterdir()) == []
    await until_in(site, "f6", 0)


async def test_what_cannot_be_kept_goes_back_at_once(site: Site, directory: Path) -> None:
    directory.write_text("no directory")
    async with client(site) as online:
        with pytest.raises(LicenseError) as caught:
            await online.checkout("f7", borrow_until=8)
        assert caught.value.number == -117
        assert "cannot be kept" in caught.value.reason
        await until_in(site, "f7", 0)


async def test_who_stops_waiting_has_borrowed_nothing(site: Site, directory: Path) -> None:
    async with client(site) as online:
        await online.checkout("f8")
        waiting = asyncio.ensure_future(online.checkout("f8", borrow_until=8).__aenter__())
        while not online._seats.get(2):
            await asyncio.sleep(0)
        # Granted, but not yet taken.
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until_in(site, "f8", 1)
    assert list(directory.iterdir()) == []


async def test_a_wish_for_today_borrows_what_may_be_borrowed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    today, tomorrow = format_date(clock.today()), format_date(clock.today() + timedelta(days=1))
    monkeypatch.setenv("LM_BORROW", f"{today}:{VENDOR}:{format_date(clock.today() + timedelta(days=9))}")
    async with client(site) as online:
        assert await number(online.checkout("f9")) == -104
        assert (await online.checkout("plain")).borrowed_until == 0
    end = clock.now() + 2 * HOUR_S
    if format_date(clock.today()) != today:
        pytest.skip("the day has just ended")
    monkeypatch.setenv("LM_BORROW", f"{today}:other.d:{tomorrow}")
    async with client(site) as online:
        assert (await online.checkout("f9")).borrowed_until == 0
    async with client(site) as online:
        seat = await online.checkout("f9", borrow_until=2)
        assert abs(seat.borrowed_until - end) < 60
    async with client(site) as online:
        assert await number(online.checkout("f9", borrow_until=0)) == -42
        assert await number(online.checkout("plain", borrow_until=2)) == -68


def test_the_blocking_client_borrows_and_returns_the_same_way(site: Site) -> None:
    with BlockingClient(f"{site.port}@localhost", root=site.root) as online:
        seat = online.checkout("f9", borrow_until=1)
        assert seat.valid
        online.checkin(seat)
        with online.checkout("f9") as again:
            assert again.server == "borrowed"
        (loan,) = BorrowStore().loans()
        said = claimed(loan.data)
        assert said is not None
        online.return_borrow(said)


async def test_a_forked_child_has_borrowed_seats_of_its_own_only(site: Site) -> None:
    await borrow(site, "f10")
    async with offline(site) as client:
        seat = await client.checkout("f10")
        child = os.fork()
        if not child:
            os._exit(seat.valid)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert seat.valid
