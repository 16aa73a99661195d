"""Idle seats on a real server: the application says that its user does nothing, and the options file says for how long that goes well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from seatkeeper.sdk.blocking import Client
from support.site import VENDOR, Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.processes
def test_a_seat_whose_user_does_nothing_is_taken_back_and_one_in_use_is_not(tmp_path: Path) -> None:
    with Site(tmp_path, {"f1": 2, "f2": 1}) as site:
        (tmp_path / f"{VENDOR}.opt").write_text("TIMEOUT f1 1\n")
        site.start("--timeout-min", "1")
        with Client(f"{site.port}@localhost", root=site.root) as client:
            idle, busy, untimed = client.checkout("f1", "8.0"), client.checkout("f1", "8.0"), client.checkout("f2", "8.0")
            idle.idle(True)
            untimed.idle(True)
            deadline = time.monotonic() + 20
            while idle.valid:
                assert time.monotonic() < deadline, site.read_log()
                time.sleep(0.02)
            assert busy.valid
            assert untimed.valid
        while "(INACTIVE)" not in site.read_log():
            assert time.monotonic() < deadline, site.read_log()
            time.sleep(0.02)
        assert site.read_log().count("(INACTIVE)") == 1
