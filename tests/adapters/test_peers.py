"""peers: a Unix socket on a real file system, whose other end the kernel names."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seatkeeper.adapters import peers
from seatkeeper.adapters.peers import Peer, account_name, connect_unix, group_id, is_administrator, listen_unix, peer_of

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NO_GROUP = "no-such-group"


def test_the_kernel_says_who_connects(tmp_path: Path) -> None:
    with listen_unix(tmp_path / "s", NO_GROUP) as listener, connect_unix(tmp_path / "s", 5) as client:
        listener.setblocking(True)
        served, _ = listener.accept()
        with served:
            found = peer_of(served)
            assert (found.uid, found.gid, found.pid) == (os.geteuid(), os.getegid(), os.getpid())
            assert set(os.getgroups()) <= found.groups
            assert found.user == account_name(os.geteuid())
            assert is_administrator(found, NO_GROUP)
        assert client.recv(1) == b""


@root_only
def test_another_account_is_told_from_ours_and_its_groups_count() -> None:
    # Not in pytest's directory, which others do not reach.
    with tempfile.TemporaryDirectory() as name, listen_unix(Path(name) / "s", NO_GROUP) as listener:
        Path(name).chmod(0o755)
        code = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({name + '/s'!r}); s.recv(1)"
        listener.setblocking(True)
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$0" "$@"', _python(), "-c", code], user=12345, group=12346, extra_groups=[12347], cwd="/"
        )
        served, _ = listener.accept()
        with served:
            found = peer_of(served)
        child.wait(10)
    assert (found.uid, found.gid, found.groups) == (12345, 12346, {12347})
    assert found.user == "12345"
    assert not is_administrator(found, NO_GROUP)


def _python() -> str:
    """A Python that every account may run."""
    for name in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([name, "-c", ""], user=12345, check=True, capture_output=True, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return name
    pytest.skip("no Python here can be run by another account")


def test_administrators_are_root_the_server_s_own_account_and_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 500)
    monkeypatch.setattr(peers, "group_id", lambda name: {"lmadmin": 77}.get(name))
    assert is_administrator(Peer(0, 0, 1), "")
    assert is_administrator(Peer(500, 5, 1), "")
    assert is_administrator(Peer(501, 77, 1), "lmadmin")
    assert is_administrator(Peer(501, 5, 1, frozenset({77})), "lmadmin")
    assert not is_administrator(Peer(501, 5, 1, frozenset({78})), "lmadmin")
    assert not is_administrator(Peer(501, 77, 1), "other")


def test_an_account_that_has_no_number_here_is_not_the_server_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(peers, "_overflow_uid", lambda: 65534)
    assert not is_administrator(Peer(65534, 5, 1), NO_GROUP)


def test_without_the_group_everybody_may_connect_and_with_it_its_members(tmp_path: Path) -> None:
    with listen_unix(tmp_path / "a", NO_GROUP):
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666
    import grp

    own = grp.getgrgid(os.getegid()).gr_name
    assert group_id(own) == os.getegid()
    with listen_unix(tmp_path / "b", own):
        found = (tmp_path / "b").stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, os.getegid())


def test_a_path_of_any_length_will_do(tmp_path: Path) -> None:
    deep = tmp_path
    while len(str(deep)) < 300:
        deep = deep / "a-directory-of-some-length"
    deep.mkdir(parents=True)
    with listen_unix(deep / "lmgrd.socket", NO_GROUP) as listener, connect_unix(deep / "lmgrd.socket", 5):
        listener.accept()[0].close()
    assert (deep / "lmgrd.socket").is_socket()
    with pytest.raises(ConnectionRefusedError):
        connect_unix(deep / "lmgrd.socket", 5)


def test_what_a_dead_server_left_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listen_unix(path, NO_GROUP).close()
    assert path.is_socket()
    with listen_unix(path, NO_GROUP):
        with pytest.raises(OSError, match="another server"):
            listen_unix(path, NO_GROUP)
        with connect_unix(path, 5):
            pass


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(FileExistsError):
        listen_unix(tmp_path / "s", NO_GROUP)
    assert (tmp_path / "s").read_text() == "precious"


def test_where_nobody_listens_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_unix(tmp_path / "s", 1)


def test_without_the_list_of_the_kernel_the_group_database_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_SO_PEERGROUPS", 9999)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_of(ours).groups == set(os.getgrouplist(account_name(os.geteuid()), os.getegid()))
