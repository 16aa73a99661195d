"""lendings: what is on its way is there after a crash, is its process's alone while that lives, and nothing to a forked child."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.lendings import Lending, Lendings

if TYPE_CHECKING:
    from pathlib import Path

LENDING = Lending("genesys.d", "f1", 1e9, "ann", "ann-pc", ":0", "7260@licsrv", b"secret", b"root")
HOLD = """
import sys
from pathlib import Path
from seatkeeper.adapters.lendings import Lending, Lendings
opened = Lendings(Path(sys.argv[1])).begin(Lending("genesys.d", "f1", 1e9, "ann", "ann-pc", ":0", "7260@licsrv", b"secret"))
print("begun", flush=True)
sys.stdin.read()
"""


def test_a_living_process_has_it_alone_and_a_dead_one_leaves_it(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "begun\n"
        assert Lendings(tmp_path).left() == []
        assert not Lendings(tmp_path).any_left()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    assert Lendings(tmp_path).any_left()
    ((lending, opened),) = Lendings(tmp_path).left()
    assert (lending.feature, lending.session) == ("f1", b"secret")
    # It is ours now.
    assert Lendings(tmp_path).left() == []
    opened.end()
    opened.end()
    assert list(tmp_path.iterdir()) == []


def test_it_is_for_its_owner_alone_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    lendings = Lendings(tmp_path / "borrow")
    opened = lendings.begin(LENDING)
    (path,) = (tmp_path / "borrow").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    opened.leave()
    ((lending, again),) = lendings.left()
    assert lending == LENDING
    again.end()
    assert lendings.left() == []


def test_what_is_no_lending_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "a.lending").write_bytes(b"nothing")
    (tmp_path / "b.lending").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("precious")
    assert Lendings(tmp_path).left() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.lending", "precious"]


def test_a_forked_child_keeps_none_of_its_parents(tmp_path: Path) -> None:
    lendings = Lendings(tmp_path)
    opened = lendings.begin(LENDING)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        theirs.send(b"x")
        theirs.recv(1)
        os._exit(0)
    with ours, theirs:
        try:
            assert ours.recv(1) == b"x"
            assert not lendings.any_left()
            # As if the parent had died: the child's copy must not keep the lock.
            opened.leave()
            assert lendings.any_left()
        finally:
            ours.send(b"x")
            os.waitpid(child, 0)


def test_without_a_directory_nothing_begins_and_nothing_is_left(tmp_path: Path) -> None:
    assert Lendings(None).left() == []
    assert Lendings(tmp_path / "nowhere").left() == []
    with pytest.raises(FileNotFoundError):
        Lendings(None).begin(LENDING)
