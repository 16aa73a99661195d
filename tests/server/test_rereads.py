"""A reread is whole or nothing: what is served, what the machine knows and what was said always fit together."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import clock
from seatkeeper.base.errors import InputError, LicenseError, error_text
from seatkeeper.server import rereads as rereads_module
from seatkeeper.server import vendord as vendord_module
from seatkeeper.server.control import OrderReread, RereadDone
from seatkeeper.server.rereads import _told
from seatkeeper.vendor.entries import Reread
from seatkeeper.wire.messages import Checkout, Denied, Granted, Lost
from support.hosted import Hosted, Peer, entries, run, until
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.server.license import Served


async def order(hosted: Hosted, request: int, *, dry_run: bool = False) -> RereadDone:
    hosted.control.send(OrderReread(request, "admin", "here", dry_run))
    while True:
        told = await asyncio.wait_for(hosted.told.get(), 10)
        if isinstance(told, RereadDone):
            assert told.request == request
            return told


def total(hosted: Hosted, feature: str) -> int:
    return hosted.daemon._machine.ledger.pools[feature][0].total


def test_what_is_good_is_served_and_in_the_journal(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", {"f1": 5})

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            await peer.send(Checkout(1, "f1"))
            assert isinstance(await peer.receive(), Granted)
            site.write({"f2": 7})
            before = hosted.daemon._rereads.served
            looked = await order(hosted, 1, dry_run=True)
            assert "-92" in looked.text
            assert hosted.daemon._rereads.served is before
            assert total(hosted, "f1") == 5
            done = await order(hosted, 2)
            assert (done.number, done.text.splitlines()[0]) == (0, "1 lines are served")
            lost = await peer.receive()
            assert isinstance(lost, Lost)
            assert lost.number == -92
            assert total(hosted, "f2") == 7
            assert "Done rereading" in hosted.log.read_text()

    run(work)
    assert [(one.by_user, [pool[0] for pool in one.pools]) for one in entries(tmp_path / "j") if isinstance(one, Reread)] == [
        ("", ["f1"]),
        ("admin", ["f2"]),
    ]


def test_what_becomes_of_the_options_file_is_said(tmp_path: Path) -> None:
    site = Site(tmp_path / "site", {"f1": 5})
    options = site.directory / "genesys.d.opt"

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            for request, (text, said) in enumerate(
                [
                    ("EXCLUDE f1 USER eve\n", f"Options file {options} applied: 1 line new, 0 lines gone"),
                    ("EXCLUDE f1 USER eve\n", f"Options file {options} applied: it says what it said before"),
                    ("MAX 1 f1 USER eve\n", f"Options file {options} applied: 1 line new, 1 line gone"),
                    ("", "There is no options file any more: 1 line gone"),
                ]
            ):
                options.write_text(text) if text else options.unlink()
                dry = await order(hosted, 10 + request, dry_run=True)
                assert ("would change nothing" in dry.text) is (request == 1), dry.text
                done = await order(hosted, request)
                assert said in done.text.splitlines()
                assert said in hosted.log.read_text()

    run(work)


@pytest.mark.parametrize("fault", ["forged", "nothing", "gone"])
def test_what_is_not_good_changes_nothing_and_says_why(tmp_path: Path, fault: str) -> None:
    site = Site(tmp_path / "site", {"f1": 5})

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            before = hosted.daemon._rereads.served
            text = site.license.read_text()
            if fault == "gone":
                site.license.unlink()
            elif fault == "forged":
                site.license.write_text(text.replace(" 5 ", " 50 "))
            else:
                site.license.write_text("\n".join(line for line in text.splitlines() if line.startswith(("SERVER", "VENDOR"))) + "\n")
            done = await order(hosted, 3)
            assert done.number
            assert done.text.startswith("Nothing was changed: ")
            assert done.text in hosted.log.read_text()
            assert hosted.daemon._rereads.served is before
            assert total(hosted, "f1") == 5

    run(work)


def test_what_no_reader_has_foreseen_is_answered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site", {"f1": 5})

    def broken() -> Served:
        raise RecursionError("nested too deeply")

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            with monkeypatch.context() as patched:
                patched.setattr(hosted.daemon._rereads, "_load", broken)
                done = await order(hosted, 3)
            assert done.number == -76
            assert done.text == "Nothing was changed: The files cannot be read by this program (RecursionError: nested too deeply)."
            assert done.text in hosted.log.read_text()
            assert (await order(hosted, 4)).number == 0

    run(work)


def test_a_remedy_of_its_own_is_told_and_that_of_the_number_is_not() -> None:
    assert _told(LicenseError(-8, reason="It was changed.")) == (-8, f"{error_text(-8)} It was changed.")
    assert _told(LicenseError(-8, reason="It was changed.", remedy="Put the copy back.")) == (
        -8,
        f"{error_text(-8)} It was changed. Put the copy back.",
    )
    assert _told(InputError("Bad.", remedy="Mend it.")) == (-2, "Bad. Mend it.")
    assert _told(OSError(2, "No such file")) == (-30, "[Errno 2] No such file")
    assert _told(RecursionError("too deep")) == (-76, "The files cannot be read by this program (RecursionError: too deep).")


def test_rereads_come_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site", {"f1": 5})
    under_way: list[int] = []

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            real = hosted.daemon._rereads._read_anew
            busy = 0

            def read(*args: object) -> object:
                nonlocal busy
                busy += 1
                under_way.append(busy)
                try:
                    return real(*args)  # type: ignore[arg-type]
                finally:
                    busy -= 1

            monkeypatch.setattr(hosted.daemon._rereads, "_read_anew", read)
            for request in range(5):
                hosted.control.send(OrderReread(request, "admin", "here"))
            answered = [await asyncio.wait_for(hosted.told.get(), 10) for _ in range(5)]
            assert [one.request for one in answered if isinstance(one, RereadDone)] == list(range(5))

    run(work)
    assert under_way == [1] * 5


def test_a_checkout_is_served_while_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is beside the service: it goes on until a client has been answered meanwhile."""
    import threading

    site = Site(tmp_path / "site", {"f1": 5})
    answered = threading.Event()
    real = rereads_module.prepare

    def prepare(*args: object) -> object:
        assert answered.wait(10)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rereads_module, "prepare", prepare)

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:
            peer = Peer(hosted)
            await peer.hello("ann")
            reread = hosted.loop.create_task(order(hosted, 1))
            await peer.send(Checkout(1, "f1"), Checkout(2, "none"))
            told = [await peer.receive(), await peer.receive()]
            assert {type(one) for one in told} == {Granted, Denied}
            assert not reread.done()
            answered.set()
            assert (await reread).number == 0

    run(work)


def test_a_reread_that_the_system_refuses_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site", {"f1": 5})

    async def work() -> None:
        async with Hosted(site, tmp_path / "j") as hosted:

            def fail(*_: object) -> object:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(vendord_module, "find_files", fail)
            hosted.control.send(OrderReread(7, "admin", "here"))
            done = await asyncio.wait_for(hosted.told.get(), 5)
            assert isinstance(done, RereadDone)
            assert (done.request, done.number) == (7, -30)
            assert "Permission denied" in done.text

    run(work)


@pytest.mark.parametrize(("options", "bad", "seats"), [("", False, 7), ("AUTOMATIC_REREAD OFF\n", False, 5), ("", True, 5)])
def test_the_files_are_read_again_at_midnight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, bad: bool, seats: int) -> None:
    site = Site(tmp_path / "site", {"f1": 5})
    (site.directory / f"{VENDOR}.opt").write_text(options)

    async def work() -> None:
        async with Hosted(site, tmp_path / "data") as hosted:
            site.write({"f1": 7})
            if bad:
                site.license.write_text(site.license.read_text().replace(" 7 ", " 70 "))
            tomorrow = clock.today() + timedelta(days=1)
            monkeypatch.setattr(clock, "today", lambda: tomorrow)
            terms = lambda: hosted.daemon._machine.ledger.terms  # noqa: E731 - exchanged by a reread
            await until(lambda: terms().today == tomorrow)
            if options:
                # The day is another, and nothing was read: no log line says so.
                assert "rereading" not in hosted.log.read_text()
            else:
                await until(lambda: ("Nothing was changed" if bad else "Done rereading") in hosted.log.read_text())
            assert terms().pools["f1"][0].total == seats

    run(work)
    rereads = [entry.by_user for entry in entries(tmp_path / "data") if isinstance(entry, Reread)]
    assert rereads == ["", "midnight"][: 2 if seats == 7 else 1]
