"""wholefile: what was there or what is to be, on a real file system, whoever else writes at the same time and whatever goes wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import wholefile
from seatkeeper.adapters.textfiles import change_text
from seatkeeper.adapters.wholefile import PRIVATE, PUBLIC, alone, append_line, replace_file, sync_directory, whole_file
from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

COUNT = """
import sys
from pathlib import Path
from seatkeeper.adapters.textfiles import change_text
for _ in range(int(sys.argv[2])):
    change_text(Path(sys.argv[1]), lambda text: text + sys.argv[3])
"""
HOLD = """
import sys
from pathlib import Path
from seatkeeper.adapters.wholefile import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def test_a_file_is_replaced_and_is_private_from_its_birth(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = os.umask(0)
    try:
        replace_file(path, b"one")
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", PRIVATE)
        replace_file(path, b"two", PUBLIC)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", PUBLIC)
        path.chmod(0o640)
        with whole_file(path, PUBLIC, like=path.stat()) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == PRIVATE
            file.write(b"three")
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"three", 0o640)
    finally:
        os.umask(before)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("fails", ["fsync", "write"])
def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def work() -> None:
        with whole_file(path, PRIVATE) as file:
            file.write(b"after")
            if fails == "write":
                full()

    if fails == "fsync":
        monkeypatch.setattr(wholefile.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        work()
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["a"]


def test_what_has_come_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole_file(path, PRIVATE, replace=False) as file:
        file.write(b"one")
    assert path.read_bytes() == b"one"
    with pytest.raises(FileExistsError), whole_file(path, PRIVATE, replace=False) as file:
        file.write(b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_a_directory_that_cannot_be_opened_is_passed_over(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    sync_directory(tmp_path / "nowhere")


def test_no_change_is_lost_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    children = [subprocess.Popen([sys.executable, "-c", COUNT, str(path), "40", letter]) for letter in "abc"]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert sorted(path.read_text()) == sorted("abc" * 40)
    assert names(tmp_path) == ["a"]


def test_no_change_is_lost_between_threads(tmp_path: Path) -> None:
    path = tmp_path / "a"
    threads = [threading.Thread(target=lambda: [change_text(path, lambda text: text + "x") for _ in range(30)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert path.read_text() == "x" * 90


def test_who_holds_it_too_long_is_told_of_and_one_who_is_dead_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError, match="another program"), alone(path, wait_s=0.05):
            pass
        monkeypatch.setattr(wholefile, "_LOOK_S", wholefile.LOCK_S)
        with pytest.raises(InputError, match="Another program is changing this file") as caught:
            change_text(path, lambda text: text + "x")
        assert str(tmp_path / ".a.lock") in str(caught.value)
    finally:
        holder.kill()
        holder.communicate()
    assert names(tmp_path) == [".a.lock"]
    change_text(path, lambda text: text + "y")
    assert path.read_text() == "y"
    assert names(tmp_path) == ["a"]


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".a.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"), alone(tmp_path / "a"):
        pass
    assert not (tmp_path / "precious").exists()


def test_a_list_grows_by_whole_lines_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "list"
    append_line(path, b"one")
    append_line(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # The end of a program that was killed in the middle costs no other line.
    path.write_bytes(b"one\ntw")
    append_line(path, b"three")
    assert path.read_bytes() == b"one\ntw\nthree\n"


def test_a_line_that_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda descriptor, data: len(data) - 1)
    with pytest.raises(OSError, match="the disk is full"):
        append_line(tmp_path / "list", b"one")
