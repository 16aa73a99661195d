"""A server that was started as root for a low port is somebody else for the rest of its life, and cannot become root again."""

from __future__ import annotations

import os

__all__ = ["become"]


def become(uid: int, gid: int, groups: frozenset[int]) -> None:
    """Let this process, and all that it starts, be this account from now on.

    Raises:
        OSError: The process may not, or could still become root again; then nothing more may be done with it.
    """
    os.setgroups(sorted(groups))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise PermissionError("this process can still become root")
