"""peers: a Unix socket on a real file system, whose other end the kernel names."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters import peers
from seatkeeper.adapters.peers import (
    Peer,
    Stranger,
    account_name,
    connect_believed,
    connect_unix,
    group_id,
    is_administrator,
    listen_unix,
    peer_of,
    server_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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


LISTEN_AS = """
import os, socket, sys
family, path, uid = sys.argv[1:]
os.setuid(int(uid))
listener = socket.socket(socket.AF_UNIX) if family == "unix" else socket.create_server((path, 0), family=getattr(socket, family))
if family == "unix":
    listener.bind(path)
    listener.listen()
print(listener.getsockname()[1], flush=True)
client = listener.accept()[0]
print("accepted", flush=True)
client.recv(1)
"""


def listening(family: str, path: str, uid: int) -> subprocess.Popen[str]:
    # The interpreter itself may belong to somebody else, and is loaded before the process becomes another's.
    command = [sys.executable, "-c", LISTEN_AS, family, path, str(uid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
@pytest.mark.parametrize("uid", [pytest.param(65534, marks=root_only), os.geteuid()])
def test_the_kernel_says_whose_the_other_end_of_a_local_connection_is(family: str, address: str, uid: int) -> None:
    with listening(family, address, uid) as process:
        try:
            assert process.stdout is not None
            with socket.create_connection((address, int(process.stdout.readline())), 10) as client:
                assert process.stdout.readline() == "accepted\n"
                assert server_account(client) == uid
        finally:
            process.kill()


def test_of_an_end_on_another_machine_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_TCP_TABLES", (Path("/nowhere"),))
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        assert server_account(client) is None


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory into which every account may write; pytest's are closed to others."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@root_only
def test_a_socket_is_believed_by_its_file_and_by_who_listens(open_directory: Path) -> None:
    path = open_directory / "s"
    with listening("unix", str(path), 65534) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(Stranger, match="belongs to"):
                connect_believed(path, 5, None)
            os.chown(path, 0, 0)
            with pytest.raises(Stranger, match="is served by"):
                connect_believed(path, 5, None)
        finally:
            process.kill()
    path.unlink()
    with listening("unix", str(path), 65534) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            connect_believed(path, 5, 65534).close()
        finally:
            process.kill()
