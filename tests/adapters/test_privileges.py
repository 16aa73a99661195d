"""privileges: a process of its own becomes another account, and tries to come back."""

from __future__ import annotations

import os

import pytest

from seatkeeper.adapters.privileges import become

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def in_a_child(work: object) -> str:
    """What `work` returns in a forked process."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(work()).encode())  # type: ignore[operator]
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told


def test_all_numbers_of_the_process_are_the_account_s() -> None:
    def work() -> object:
        become(12345, 12346, frozenset({12347, 12346}))
        return os.getresuid(), os.getresgid(), sorted(os.getgroups())

    assert in_a_child(work) == str(((12345,) * 3, (12346,) * 3, [12346, 12347]))


@pytest.mark.parametrize("call", ["setuid", "seteuid", "setgid"])
def test_there_is_no_way_back(call: str) -> None:
    def work() -> object:
        become(12345, 12346, frozenset())
        return getattr(os, call)(0)

    assert in_a_child(work).startswith("PermissionError")


def test_a_process_that_stays_root_is_not_gone_on_with() -> None:
    assert in_a_child(lambda: become(0, 0, frozenset())).startswith("PermissionError")
