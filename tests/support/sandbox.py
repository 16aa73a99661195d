"""Runs a command under a unit's filters of system calls, of socket families and of executable memory, without systemd.

    python -m support.sandbox UNIT -- COMMAND ...

What systemd does with libseccomp is done with libseccomp here: calls outside SystemCallFilter= fail with EPERM, sockets of families
outside RestrictAddressFamilies= with EAFNOSUPPORT; MemoryDenyWriteExecute= becomes PR_SET_MDWE. Children inherit all of it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import functools
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

_ALLOW = 0x7FFF0000
_PR_SET_MDWE = 65
_EQUAL = 4


def _errno(number: int) -> int:
    return 0x00050000 | number


class _Comparison(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def missing() -> str:
    """Why this machine cannot do it; empty where it can."""
    if not shutil.which("systemd-analyze"):
        return "there is no systemd-analyze (Debian: systemd)"
    if not ctypes.util.find_library("seccomp"):
        return "there is no libseccomp"
    probe = "import ctypes; raise SystemExit(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0))"
    if subprocess.run([sys.executable, "-c", probe], check=False).returncode:
        return "this kernel knows no PR_SET_MDWE"
    return ""


@functools.cache
def calls_of(group: str) -> frozenset[str]:
    """The system calls of a group such as @system-service."""
    told = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True)
    found: set[str] = set()
    for word in (line.strip() for line in told.stdout.splitlines()[1:]):
        if word.startswith("@"):
            found |= calls_of(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return frozenset(found)


def settings(unit: str, name: str) -> list[str]:
    """The values of a setting that may stand in a unit several times."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{name}=")]


def _restrict(unit: str) -> None:
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison)]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(_errno(errno.EPERM))
    # What systemd allows whatever the filter says.
    allowed = set(calls_of("@default")) | {"execve", "exit", "exit_group", "rt_sigreturn", "sigreturn", "time"}
    for value in settings(unit, "SystemCallFilter"):
        calls = set().union(*(calls_of(word) for word in value.removeprefix("~").split()))
        allowed = allowed - calls | set(calls_of("@default")) if value.startswith("~") else allowed | calls
    families = {int(getattr(socket, name)) for value in settings(unit, "RestrictAddressFamilies") for name in value.split()}

    def rule(action: int, call: str, *comparisons: _Comparison) -> None:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (_Comparison * max(1, len(comparisons)))(*comparisons)
            assert library.seccomp_rule_add_array(context, action, number, len(comparisons), array) == 0, call

    for call in sorted(allowed - {"socket"}):
        rule(_ALLOW, call)
    for family in range(46):
        action = _ALLOW if family in families else _errno(errno.EAFNOSUPPORT)
        rule(action, "socket", _Comparison(0, _EQUAL, family, 0))
    if settings(unit, "MemoryDenyWriteExecute") == ["yes"]:
        assert ctypes.CDLL(None).prctl(_PR_SET_MDWE, 1, 0, 0, 0) == 0
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    _, file, dash, *command = sys.argv
    assert dash == "--"
    _restrict(Path(file).read_text(encoding="utf-8"))
    os.execvp(command[0], command)
