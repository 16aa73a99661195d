"""lmborrow: today's wish, what is borrowed, its way home, and an administrator's way to end it, against a real license server."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.support.site import VENDOR, Site, feature

from seatkeeper.adapters import clock
from seatkeeper.adapters.borrowed import BorrowStore
from seatkeeper.base.dates import format_date
from seatkeeper.cli.lmutil import main
from seatkeeper.sdk.admin import pools
from seatkeeper.sdk.blocking import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = "\nVendor     Feature                          Expiration\n______     ________                         __________\n\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), [feature(f"f{number}", 3, BORROW="48") for number in range(1, 6)]) as site:
        yield site.start()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SEATKEEPER_BORROW_DIR", "SEATKEEPER_ROOT", "LM_BORROW", "LM_LICENSE_FILE", "GENESYS_D_LICENSE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Run:
    """lmborrow, and what it said without its first line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = main(["lmborrow", *words])
        said = self.capsys.readouterr()
        return status, said.out.removeprefix(f"lmborrow - Copyright (c) {clock.today().year} seatkeeper authors\n"), said.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def borrow(site: Site, name: str, count: int = 1, hours: float = 2, **more: str) -> datetime:
    """Borrows; until when."""
    with Client(f"{site.port}@localhost", root=site.root, **more) as client, client.checkout(name, count=count, borrow_until=hours) as seat:
        return datetime.fromtimestamp(seat.borrowed_until)


def out(site: Site, name: str) -> int:
    return sum(pool.in_use for pool in pools("localhost", site.port, VENDOR, name))


def day(days: int) -> str:
    return format_date(clock.today() + timedelta(days=days))


# What is to be borrowed ---------------------------------------------------------------------------------------------


def test_a_wish_is_what_the_next_checkout_does(site: Site, run: Run, home: Path) -> None:
    status, said, problems = run(VENDOR, day(1), "23:00")
    assert (status, problems) == (0, "")
    assert said.splitlines()[0] == f"LM_BORROW={day(0)}:{VENDOR}:{day(1)}:23:00"
    assert (home / ".flexlmborrow").read_text() == f"LM_BORROW={day(0)}:{VENDOR}:{day(1)}:23:00\n"
    assert "borrowed until" in run("-status")[1]
    with Client(f"{site.port}@localhost", root=site.root) as client:
        until = datetime.fromtimestamp(client.checkout("f1").borrowed_until)
    assert (until.date(), until.hour, until.minute) == (clock.today() + timedelta(days=1), 23, 0)
    assert run("-clear")[1].startswith("Nothing more is borrowed today.")
    assert (home / ".flexlmborrow").read_text() == ""
    assert run("-clear")[1].startswith("There is nothing to clear")
    with Client(f"{site.port}@localhost", root=site.root) as client:
        assert client.checkout("f2").borrowed_until == 0


def test_the_environment_counts_first_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_BORROW", f"{day(0)}:all:{day(1)}")
    status, said, problems = run("other.d", day(2))
    assert (status, said.splitlines()[0]) == (0, f"LM_BORROW={day(0)}:other.d:{day(2)}")
    assert "LM_BORROW is set in the environment" in problems
    assert f"from any vendor is borrowed until {day(1).lstrip('0')} 23:59" in run("-status")[1]
    assert "unset it" in run("-clear")[2]
    monkeypatch.setenv("LM_BORROW", "soon")
    status, _, problems = run("-status")
    assert (status, "LM_BORROW: This is no wish to borrow." in problems) == (214, True)


def test_what_was_found_is_told_and_a_daemon_of_another_name_is_no_daemon_that_is_down(site: Site, run: Run) -> None:
    assert "found 'genesys.d'" in run("genesys.d")[2]
    status, _, problems = run("-revoke", "-c", f"{site.port}@localhost", "nosuch.d", "f1", "101")
    assert status == 256 - 97
    assert "lmstat -a" in problems
    assert "debug log" not in problems


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "until when"),
        (("all",), "until when"),
        (("a b", "31-dec-2099"), "no vendor"),
        (("all", "tomorrow"), "dd-mmm-yyyy"),
        (("all", "permanent"), "every borrow ends"),
        (("all", "31-dec-2099", "25:00"), "hh:mm"),
        (("all", "31-dec-2001"), "in the future"),
        (("-status", "-clear"), "one thing at a time"),
        (("-status", "f1"), "takes no words"),
        (("-return",), "which feature"),
        (("-q", "-return", "f1"), "-q belongs to -revoke"),
        (("-status", "-bv", "1"), "-bv belongs to -return"),
        (("-revoke", "a", "b"), "which borrow"),
        (("-revoke", "a", "b", "c"), "HANDLE"),
        (("-nonsense",), "not known"),
    ],
)
def test_wrong_usage_is_named(run: Run, words: tuple[str, ...], said: str) -> None:
    status, _, problems = run(*words)
    assert status == 123  # -133 as a byte
    assert said in problems
    assert "usage: lmborrow" in problems


def test_without_a_home_there_is_no_place_for_a_wish(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("USERPROFILE", raising=False)
    status, _, problems = run("all", day(1))
    assert (status, "Set HOME" in problems) == (214, True)


def test_without_a_home_what_is_kept_elsewhere_goes_home_all_the_same(
    site: Site, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(tmp_path / "kept"))
    monkeypatch.delenv("HOME")
    borrow(site, "f1")
    status, said, problems = run("-return", "f1")
    assert (status, said, problems) == (0, f"f1: 1 seat returned to {site.port}@localhost.\n", "")
    assert run("-clear")[0] == 214


def test_a_file_that_cannot_be_cleared_is_an_error(run: Run, home: Path) -> None:
    (home / ".flexlmborrow").mkdir()
    status, _, problems = run("-clear")
    assert status == 134  # -122 as a byte
    assert "This is no file." in problems


# What is borrowed -----------------------------------------------------------------------------------------------------


def test_the_status_of_what_is_borrowed(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("-status")[1] == HEAD
    assert run("-status", "--json")[1] == "[]\n"
    ends = {"f4": borrow(site, "f4", 1, 2), "f5": borrow(site, "f5", 2, 30)}
    shown = [f"{VENDOR}  {name:<33}{at.day}-{format_date(at.date()).partition('-')[2]} {at:%H:%M}\n" for name, at in ends.items()]
    assert run("-status")[1] == HEAD + "".join(shown)
    rows = json.loads(run("-status", "--json")[1])
    assert [row["count"] for row in rows] == [1, 2]
    assert [row["server"] for row in rows] == [f"{site.port}@localhost"] * 2
    assert "secret" not in rows[0]
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + 3 * 3600)
    status, said, problems = run("-status")
    assert (status, said) == (0, HEAD + shown[1])
    assert "has ended; lmborrow -purge deletes it" in problems
    assert "is deleted." in run("-purge")[1]
    assert run("-purge")[1] == "No borrow has ended here.\n"
    assert len(BorrowStore().loans()) == 1


def test_a_record_of_another_root_is_told_of(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    borrow(site, "f5")
    monkeypatch.setenv("SEATKEEPER_ROOT", "00" * 32)
    status, said, problems = run("-status")
    assert (status, said, "(-33," in problems) == (0, HEAD, True)


# Giving back ----------------------------------------------------------------------------------------------------------


def test_borrowed_seats_are_returned_early(site: Site, run: Run) -> None:
    borrow(site, "f1", 2)
    run(VENDOR, day(1))
    before = out(site, "f1")
    status, said, problems = run("-return", "-c", f"{site.port}@localhost", "f1")
    assert (status, problems) == (0, "")
    assert said.splitlines() == [
        f"f1: 2 seats returned to {site.port}@localhost.",
        f"Today's checkouts from {VENDOR} are not borrowed any more.",
    ]
    assert out(site, "f1") == before - 2
    assert BorrowStore().loans() == []
    status, _, problems = run("-return", "f1")
    assert status == 132  # -124 as a byte
    assert "No such license of f1 is borrowed here" in problems


def test_only_what_is_meant_is_returned(site: Site, run: Run) -> None:
    borrow(site, "f2", display="one")
    borrow(site, "f2", display="two", user="somebody")
    path = ("-c", f"{site.port}@localhost", "f2")
    for words in (("-d", "two"), ("-vendor", "other.d"), ("-h", "elsewhere"), ("-bv", "8.1"), ("-u", "nobody")):
        assert run("-return", *words, *path)[0] == 132
    assert run("-return", "-bv", "eight", *path)[0] == 123
    assert run("-return", "-u", "somebody", "-d", "two", *path)[0] == 0
    assert len(BorrowStore().loans()) == 1
    assert run("-return", "-d", "one", "-vendor", VENDOR, "-bv", "8", "-fqdn", *path)[0] == 0
    assert BorrowStore().loans() == []


def test_seats_in_use_stay(site: Site, run: Run) -> None:
    borrow(site, "f2")
    with Client("1@localhost", root=site.root) as client:
        seat = client.checkout("f2")
        status, _, problems = run("-return", "-c", f"{site.port}@localhost", "f2")
        assert (status, "are in use on this machine" in problems) == (132, True)
        client.checkin(seat)
    assert run("-return", "-c", f"{site.port}@localhost", "f2")[0] == 0


def test_the_record_stays_as_long_as_nobody_has_taken_the_seats(site: Site, run: Run) -> None:
    borrow(site, "f2")
    status, _, problems = run("-return", "-c", "1@localhost", "f2")
    assert (status, "(-15,570" in problems) == (241, True)
    (loan,) = BorrowStore().loans()
    # The lender's own name is tried where no path is given, and then the license path.
    assert run("-return", "f2")[0] == 0
    # What is back already is not on record any more.
    loan.path.write_bytes(loan.data)
    status, _, problems = run("-return", "-c", f"{site.port}@localhost", "f2")
    assert status == 151  # -105 as a byte
    assert "holds these seats no longer" in problems
    assert BorrowStore().loans() == []


# For administrators ---------------------------------------------------------------------------------------------------


def handle_of(site: Site, name: str) -> str:
    (pool,) = pools("localhost", site.port, VENDOR, name)
    return str(max(holder.handle for holder in pool.holders))


def test_a_revocation_states_its_consequence_and_asks(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    borrow(site, "f3", 2)
    words = ("-revoke", "-c", f"{site.port}@localhost", VENDOR, "f3", handle_of(site, "f3"))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    status, said, _ = run(*words)
    assert status == 1
    assert "has borrowed 2 seats of f3" in said
    assert "may go on using them there without a server until" in said
    assert said.endswith("Are you sure (y/n)? Nothing is revoked.\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(*words)[0] == 1
    assert out(site, "f3") == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(*words)[0] == 0
    assert out(site, "f3") == 0
    status, _, problems = run("-q", *words)
    assert (status, "No borrow of f3 has handle" in problems) == (215, True)  # -41


def test_what_is_no_borrow_is_not_revoked(site: Site, run: Run) -> None:
    path = ("-revoke", "-q", "-c", f"{site.port}@localhost")
    with Client(f"{site.port}@localhost", root=site.root) as client:
        seat = client.checkout("f4")
        assert run(*path, VENDOR, "f4", str(seat.handle))[0] == 215
    assert run(*path, VENDOR, "nothing", "101")[0] == 251
    assert run(*path, "other.d", "f4", "101")[0] == 159
    assert run("-revoke", "-q", "-c", "1@localhost", VENDOR, "f4", "101")[0] == 241
