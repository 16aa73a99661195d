"""A Unix socket says who is at its other end, and the kernel, not he, says it.

The path of a Unix socket may have at most about a hundred bytes, and license files lie deeper than that. So the directory is
opened, and the socket is named through its descriptor (/proc/self/fd), which is short whatever the directory's name.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import stat
import struct
import sys
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Peer",
    "Stranger",
    "account_name",
    "connect_believed",
    "connect_unix",
    "group_id",
    "is_administrator",
    "listen_unix",
    "peer_of",
    "server_account",
]

_BACKLOG: Final = 256
#: What Python asks a socket for at most: 256 groups. Who has more is looked up by name.
_GROUPS_BYTES_MAX: Final = 1024
#: What Linux calls the option that lists a peer's supplementary groups; Python has no name for it.
_SO_PEERGROUPS: Final = 59
_PATH_BYTES_MAX: Final = 100
#: What the kernel lists of this machine's TCP connections: addresses in hexadecimal, in the 4th column the state, in the 8th the account.
_TCP_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"


class Stranger(Exception):
    """A Unix socket is there, and is of an account that nobody has reason to believe."""


class Peer(Struct, frozen=True):
    """The process at the other end of a Unix socket, as it was when it connected."""

    uid: int
    gid: int
    pid: int
    groups: frozenset[int] = frozenset()

    @property
    def user(self) -> str:
        """The account's name."""
        return account_name(self.uid)


def peer_of(connection: socket.socket) -> Peer:
    """Who is at the other end of a connected Unix socket.

    Raises:
        OSError: The kernel does not tell.
    """
    size = struct.calcsize("3i")
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES_MAX)
        groups = frozenset(struct.unpack(f"{len(packed) // 4}I", packed))
    except OSError:
        # Before Linux 4.13, or too many. The group database then has to do.
        groups = frozenset(_groups_by_name(uid, gid))
    return Peer(uid, gid, pid, groups)


def is_administrator(peer: Peer, group: str) -> bool:
    """Whether the peer administers license servers of this process's account: root, the account itself, members of the group."""
    if peer.uid == 0:
        return True
    # An account of another user namespace that has no number here shows as this one: it would be anybody.
    if peer.uid == os.geteuid() and peer.uid != _overflow_uid():
        return True
    wanted = group_id(group)
    return wanted is not None and (peer.gid == wanted or wanted in peer.groups)


def group_id(group: str) -> int | None:
    """The number of a group; None where there is none of that name."""
    try:
        return grp.getgrnam(group).gr_gid if group else None
    except KeyError:
        return None


@lru_cache(maxsize=1024)
def account_name(uid: int) -> str:
    """The name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def listen_unix(path: Path, group: str) -> socket.socket:
    """A socket that listens at `path`, in place of one that a dead server has left there.

    Members of the group may connect where there is such a group and the socket can be given to it, otherwise every account of
    this machine: what they may do, they are asked for each time.

    Raises:
        OSError: It cannot be made; EADDRINUSE where a living server listens there, EEXIST where the path is no socket.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        for short in _short(path):
            _clear(path, short)
            # Born closed to others; opened below.
            before = os.umask(0o177)
            try:
                listener.bind(short)
            finally:
                os.umask(before)
            mode = 0o666
            wanted = group_id(group)
            if wanted is not None:
                try:
                    os.chown(short, -1, wanted)
                    mode = 0o660
                except PermissionError:
                    pass
            os.chmod(short, mode)  # noqa: PTH101 - the name is a descriptor's
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def connect_unix(path: Path, timeout: float) -> socket.socket:
    """A connection to the socket at `path`.

    Raises:
        OSError: Nobody listens there, or it may not be used.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        for short in _short(path):
            connection.connect(short)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_believed(path: Path, timeout: float, server: int | None) -> socket.socket:
    """A connection to the socket at `path`, which is of root, of ourselves, or of the account `server`: by its file, and by who listens.

    Whoever named the path may be anybody, so the file is looked at before anything listens to us, and who listens before anything is
    said to him: the kernel names both. A link is followed by neither.

    Raises:
        Stranger: The socket is another account's, or the path is no socket.
        OSError: Nobody listens there, or it may not be used.
    """
    believed = {0, os.geteuid()} if server is None else {0, os.geteuid(), server}
    for short in _short(path):
        found = os.lstat(short)
        if not stat.S_ISSOCK(found.st_mode):
            raise Stranger("is no socket")
        if found.st_uid not in believed:
            raise Stranger(f"belongs to {account_name(found.st_uid)}")
    connection = connect_unix(path, timeout)
    try:
        listening = peer_of(connection).uid
        if listening not in believed:
            raise Stranger(f"is served by {account_name(listening)}")
    except BaseException:
        connection.close()
        raise
    return connection


def server_account(connection: socket.socket) -> int | None:
    """The account of the process that has accepted this TCP connection on this machine; None where the kernel does not tell."""
    here, there = connection.getsockname(), connection.getpeername()
    wanted = (_address(there), _address(here))
    for table in _TCP_TABLES:
        try:
            rows = table.read_text("ascii").splitlines()[1:]
        except (OSError, ValueError):
            continue
        for row in rows:
            words = row.split()
            if len(words) > 7 and words[3] == _ESTABLISHED and (_listed(words[1]), _listed(words[2])) == wanted:
                return int(words[7])
    return None


def _address(name: tuple[str, int]) -> tuple[bytes, int]:
    """A socket's address in 16 bytes, IPv4 ones as IPv6 writes them, and its port."""
    address = ip_address(name[0].partition("%")[0])
    return _mapped(address.packed), name[1]


def _listed(text: str) -> tuple[bytes, int]:
    """The same of an address as the kernel lists it: words of 32 bits as this machine keeps them."""
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return _mapped(raw), int(port, 16)


def _mapped(packed: bytes) -> bytes:
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


def _short(path: Path) -> Iterator[str]:
    """A name of the path that a socket can bear, good until the generator goes on."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _clear(path: Path, short: str) -> None:
    """Takes a dead server's socket away."""
    try:
        found = os.lstat(short)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "there is a file of this name that is no socket", str(path))
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.setblocking(False)
        probe.connect(short)
    except ConnectionRefusedError:
        os.unlink(short)  # noqa: PTH108 - the name is a descriptor's
    except OSError as error:
        raise OSError(errno.EADDRINUSE, f"another server may listen there: {error.strerror}", str(path)) from None
    else:
        raise OSError(errno.EADDRINUSE, "another server listens there", str(path))
    finally:
        probe.close()


def _groups_by_name(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return []


@lru_cache(maxsize=1)
def _overflow_uid() -> int:
    try:
        return int(Path("/proc/sys/kernel/overflowuid").read_text("ascii"))
    except (OSError, ValueError):
        return 65534
