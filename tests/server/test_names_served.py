"""A seat is removed by the names that lmstat prints, whatever its holder calls himself."""

from __future__ import annotations

import io
import time
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli import lmutil
from support.busy_server import Application
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.processes

#: As the application says it, and as lmstat prints it: user, host and display.
NAMES = [
    (("ann", "desk1", ""), "ann desk1 /dev/tty"),
    (("bo\u200bb", "desk2", ":0"), "bo b desk2 :0"),
    (("cy  lee", "\u202e3ksed\u202c", "tty\x00\x1b[1m"), "cy lee 3ksed tty [1m"),
    (("\t", "\ufeff", "\u2066"), "? ? /dev/tty"),
    (
        ("dan (v8.0) (licsrv/7260 101), start Mon 1/1 0:00", "desk4", "漢\u3000字"),
        "dan (v8.0) (licsrv/7260 101), start Mon 1/1 0:00 desk4 漢 字",
    ),
    (("eve\n    fay", "desk5 ", " pts/3"), "eve fay desk5 pts/3"),
]
#: Where user, host and display end in what is printed; only they know, who chose such names.
WORDS = [
    ("ann", "desk1", "/dev/tty"),
    ("bo b", "desk2", ":0"),
    ("cy lee", "3ksed", "tty [1m"),
    ("?", "?", "/dev/tty"),
    ("dan (v8.0) (licsrv/7260 101), start Mon 1/1 0:00", "desk4", "漢 字"),
    ("eve fay", "desk5", "pts/3"),
]


def run(*argv: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = lmutil.main(["lmutil", *argv])
    return status, out.getvalue() + err.getvalue()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def test_what_lmstat_prints_is_what_lmremove_takes(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 50}) as site:
        site.start()
        path = f"{site.port}@localhost"
        applications = [Application(site.port, *names) for names, _ in NAMES]
        handles = [application.checkout("f1") for application in applications]
        status, shown = run("lmstat", "-a", "-c", path)
        assert status == 0
        lines = [line for line in shown.splitlines() if line.startswith("    ") and ", start " in line]
        assert len(lines) == len(NAMES)
        for handle, (_, printed), words, line in zip(handles, NAMES, WORDS, lines, strict=True):
            assert line.startswith(f"    {printed} (v8.0) (localhost/{site.port} {handle}), start ")
            assert " ".join(words) == printed
        for words in WORDS:
            status, said = run("lmremove", "-c", path, "f1", *words)
            assert (status, "1 removed" in said) == (0, True), said
        # A wrong spelling finds nothing.
        status, said = run("lmremove", "-c", path, "f1", "bo", "desk2", ":0")
        assert status != 0
        assert "-41" in said
        for application in applications:
            application.close()
        until(lambda: ", start " not in run("lmstat", "-a", "-c", path)[1])
