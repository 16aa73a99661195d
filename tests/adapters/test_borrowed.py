"""borrowed: no borrowed seat is in use twice, by whatever processes; no clock that was set back is believed."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.borrowed import CLOCK_BACK_S, BorrowStore, Loan, borrow_directory, wished_until, wishes_path
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.licfile.borrowing import Borrowed, sign_borrowed

if TYPE_CHECKING:
    from pathlib import Path

START, END = 1_000_000.0, 1_090_000.0
SECRET = b"0123456789abcdef"


def borrowed(handle: int = 101, count: int = 3, **changes: object) -> Borrowed:
    record = Borrowed("genesys.d", "f1", "8.5", count, "ann", "laptop", "d", handle, START, END, SECRET, "7260@licsrv", (), "", "", b"")
    return msgspec.structs.replace(record, **changes)


class Shelf:
    """A store with one borrow in it."""

    def __init__(self, directory: Path, count: int = 3) -> None:
        self.directory = directory / "of" / "ann"
        self.store = BorrowStore(self.directory)
        self.borrowed = borrowed(count=count)
        self.loan = self.store.keep(sign_borrowed(None, self.borrowed), self.borrowed, START, "7260@licsrv")

    def use(self, count: int, up_to: bool = False, now: float = START + 1) -> int:
        """How many seats could be taken, which are then used until the process ends."""
        used = self.store.use(self.loan, self.borrowed, count, up_to, now)
        return used.count if used is not None else 0


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def refusal(work: object) -> LicenseError:
    with pytest.raises(LicenseError) as caught:
        work()  # type: ignore[operator]
    return caught.value


def test_a_borrow_is_kept_for_its_owner_alone(shelf: Shelf) -> None:
    (loan,) = BorrowStore(shelf.directory).loans()
    assert loan == shelf.loan
    assert loan.path.name.startswith("genesys.d-101-")
    assert stat.S_IMODE(shelf.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in shelf.directory.iterdir()} == {0o600}
    assert loan.server == "7260@licsrv"
    loan.path.with_suffix(".from").unlink()
    assert BorrowStore(shelf.directory).loans()[0].server == ""
    shelf.store.keep(loan.data, shelf.borrowed, START)
    assert len(shelf.store.loans()) == 1
    odd = borrowed(vendor="../x y")
    assert shelf.store.keep(b"", odd, START).path.parent == shelf.directory


def test_seats_are_used_once(shelf: Shelf) -> None:
    store, loan, record = shelf.store, shelf.loan, shelf.borrowed
    one = store.use(loan, record, 1, False, START)
    assert one is not None
    assert store.use(loan, record, 3, False, START) is None
    two = store.use(loan, record, 3, True, START)
    assert two is not None
    assert two.count == 2
    assert store.use(loan, record, 1, True, START) is None
    one.end()
    one.end()
    again = store.use(loan, record, 2, True, START)
    assert again is not None
    assert again.count == 1
    two.end()
    again.end()
    whole = store.use(loan, record, 3, False, START)
    assert whole is not None
    whole.end()


PROGRAM = """
import sys
from pathlib import Path
from tests.adapters.test_borrowed import Shelf, BorrowStore
shelf = object.__new__(Shelf)
shelf.store = BorrowStore(Path(sys.argv[1]))
(shelf.loan,) = shelf.store.loans()
from seatkeeper.licfile.borrowing import claimed
shelf.borrowed = claimed(shelf.loan.data)
print(shelf.use(int(sys.argv[2]), True), flush=True)
sys.stdin.read()
"""


def other_process(shelf: Shelf, count: int) -> subprocess.Popen[str]:
    """A process that takes up to `count` seats, says how many it has, and lives until its input ends."""
    command = [sys.executable, "-c", PROGRAM, str(shelf.directory), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_processes_share_the_seats_and_a_dead_one_has_none(shelf: Shelf) -> None:
    first, second = other_process(shelf, 2), other_process(shelf, 2)
    try:
        assert sorted((said(first), said(second))) == [1, 2]
        assert shelf.use(1) == 0
        first.kill()
        first.wait()
        assert shelf.use(2, True) in (1, 2)
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_a_forked_child_uses_nothing_and_takes_nothing_away(shelf: Shelf) -> None:
    use = shelf.store.use(shelf.loan, shelf.borrowed, 2, False, START)
    assert use is not None
    child = os.fork()
    if not child:
        use.end()
        status = shelf.use(3, True)
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert shelf.use(2) == 0
    use.end()
    assert shelf.use(3) == 3


def test_a_clock_that_was_set_back_is_refused_until_it_is_right(shelf: Shelf) -> None:
    assert shelf.use(1, now=START + 5000) == 1
    error = refusal(lambda: shelf.use(1, now=START + 5000 - CLOCK_BACK_S - 1))
    assert (error.number, "minutes later" in error.reason) == (-88, True)
    assert shelf.use(1, now=START + 5000 - CLOCK_BACK_S) == 1
    # The little that a time service may take back does not add up.
    assert refusal(lambda: shelf.use(1, now=START + 5000 - 2 * CLOCK_BACK_S)).number == -88
    assert shelf.use(1, now=START + 6000) == 1


@pytest.mark.parametrize("data", [None, b"", b"short", bytes(40)])
def test_a_time_that_nobody_can_vouch_for_is_refused(shelf: Shelf, data: bytes | None) -> None:
    path = shelf.loan.path.with_suffix(".time")
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    assert refusal(lambda: shelf.use(1)).number == -88


def test_the_time_of_another_borrow_does_not_do(shelf: Shelf) -> None:
    other = borrowed(102, secret=b"another secret..")
    path = shelf.store.keep(b"", other, START - 9999).path.with_suffix(".time")
    shelf.loan.path.with_suffix(".time").write_bytes(path.read_bytes())
    assert refusal(lambda: shelf.use(1)).number == -88


def test_what_is_over_and_what_is_no_record_is_purged(shelf: Shelf) -> None:
    later = borrowed(102, until=END + 50, secret=b"another secret..")
    kept = shelf.store.keep(sign_borrowed(None, later), later, START)
    (shelf.directory / "x.borrow").write_bytes(b"nonsense")
    assert [loan.path.name for loan in shelf.store.purge(END - 1)] == ["x.borrow"]
    assert [loan.path for loan in shelf.store.purge(END)] == [shelf.loan.path]
    assert shelf.store.loans() == [kept]
    assert all(path.stem == kept.path.stem for path in shelf.directory.iterdir())
    assert BorrowStore(shelf.directory / "nowhere").purge(END) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_directory_that_is_closed_says_so(shelf: Shelf) -> None:
    shelf.directory.chmod(0o500)
    try:
        assert refusal(lambda: shelf.store.keep(b"x", shelf.borrowed, START)).number == -117
        assert refusal(lambda: shelf.store.drop(shelf.loan)).number == -122
        assert refusal(lambda: shelf.use(1)).number == -117
    finally:
        shelf.directory.chmod(0o700)


def test_a_home_that_is_closed_holds_no_borrows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    assert BorrowStore(tmp_path).is_there
    assert not BorrowStore(tmp_path / "none").is_there
    monkeypatch.setattr(type(tmp_path), "is_dir", forbidden)
    assert not BorrowStore(tmp_path).is_there


def test_who_has_returned_everything_does_not_pay_for_cryptography(tmp_path: Path) -> None:
    script = f"""
import pathlib, sys
from seatkeeper.adapters.borrowed import BorrowStore
assert BorrowStore(pathlib.Path({str(tmp_path)!r})).loans() == []
print("cryptography" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout == "False\n"


def test_what_is_given_back_is_used_by_nobody_meanwhile(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    store, loan, record = shelf.store, shelf.loan, shelf.borrowed
    real, taken = type(loan.path).unlink, []
    use = store.use(loan, record, record.count, False, None)
    assert use is not None

    def unlink(path: Path, missing_ok: bool = False) -> None:
        # Another application that has read the record comes at the worst moment.
        with monkeypatch.context() as usual:
            usual.setattr(type(loan.path), "unlink", real)
            taken.append(store.use(loan, record, 1, True, None))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(type(loan.path), "unlink", unlink)
    store.drop(loan, use.end)
    assert taken == [None] * 5
    monkeypatch.undo()
    # Who comes after that, and saw the record, finds no seat and leaves nothing behind.
    assert store.use(loan, record, 1, False, None) is None
    assert list(shelf.directory.iterdir()) == []


def test_seats_that_were_given_back_between_two_steps_are_not_used(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def pass_time(self: BorrowStore, *_: object) -> None:
        self.drop(shelf.loan)

    monkeypatch.setattr(BorrowStore, "pass_time", pass_time)
    assert shelf.use(1) == 0
    assert list(shelf.directory.iterdir()) == []


def test_a_file_system_without_locks_costs_no_descriptors(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("seatkeeper.adapters.borrowed._lock", no_locks)
    free = os.dup(0)
    os.close(free)
    for _ in range(5):
        assert refusal(lambda: shelf.use(1)).number == -117
    assert os.dup(0) == free
    os.close(free)


def test_a_link_in_a_shared_directory_leads_nobody_astray(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    stamp = shelf.loan.path.with_suffix(".time")
    stamp.with_name(f".{stamp.name}.{os.getpid()}.{'00' * 8}").symlink_to(victim)
    assert refusal(lambda: shelf.use(1, now=START + 10)).number == -117
    assert victim.read_text() == "mine"


def test_what_cannot_be_written_says_so(tmp_path: Path, shelf: Shelf) -> None:
    (tmp_path / "file").write_text("")
    error = refusal(lambda: BorrowStore(tmp_path / "file" / "in").keep(b"x", shelf.borrowed, START))
    assert (error.number, error.system is not None) == (-117, True)
    shelf.loan.path.with_suffix(".seats").mkdir()
    assert refusal(lambda: shelf.use(1)).number == -117
    assert refusal(lambda: shelf.store.drop(Loan(shelf.loan.path, b""))).number == -122


def test_where_borrows_are_kept(tmp_path: Path) -> None:
    assert str(borrow_directory({"SEATKEEPER_BORROW_DIR": "/x/y", "HOME": "/home/ann"})) == "/x/y"
    assert str(borrow_directory({"HOME": "/home/ann"})) == "/home/ann/.seatkeeper/borrow"
    assert borrow_directory({}) is None


def test_who_has_no_home_borrows_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "USERPROFILE", "SEATKEEPER_BORROW_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    store = BorrowStore()
    assert (store.is_there, store.loans()) == (False, [])
    error = refusal(lambda: store.keep(b"", borrowed(), START))
    assert (error.number, "SEATKEEPER_BORROW_DIR" in error.reason) == (-117, True)
    assert list(tmp_path.iterdir()) == []


def test_the_wish_of_the_environment_comes_before_the_files(tmp_path: Path) -> None:
    today, home = date(2026, 11, 24), {"HOME": str(tmp_path)}
    assert wished_until("genesys.d", today, {}) is wished_until("genesys.d", today, home) is wishes_path({}) is None
    path = wishes_path(home)
    assert path is not None
    path.write_text("LM_BORROW=24-nov-2026:all:30-nov-2026\n")
    assert wished_until("genesys.d", today, home) == datetime(2026, 11, 30, 23, 59)
    both = {**home, "LM_BORROW": "24-nov-2026:genesys.d:25-nov-2026:8:00"}
    assert wished_until("genesys.d", today, both) == datetime(2026, 11, 25, 8)
    assert wished_until("other.d", today, both) is None
    with pytest.raises(InputError, match="LM_BORROW: This is no wish"):
        wished_until("genesys.d", today, {"LM_BORROW": "soon"})
    path.write_text("LM_BORROW=soon\n")
    with pytest.raises(InputError, match="in line 1 start:vendor:end"):
        wished_until("genesys.d", today, home)
    path.unlink()
    path.mkdir()
    assert wished_until("genesys.d", today, home) is None
