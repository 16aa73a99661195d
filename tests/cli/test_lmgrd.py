"""What the command line of lmgrd accepts. What it then does is in tests/server."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from seatkeeper.cli.lmgrd import DESCRIPTORS_WANTED, main
from support.site import Site


@pytest.mark.parametrize(
    "flags",
    ["--lease=0.5", "--lease=nan", "--lease=inf", "--lease=604801", "--lease=9 --heartbeat=9", "--heartbeat=nan", "--heartbeat=-1"],
)
def test_times_that_no_client_accepts_are_refused(flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "license.dat").write_text("")
    assert main(["-z", "-c", str(tmp_path / "license.dat"), *flags.split()]) == 2
    assert "--lease" in capsys.readouterr().err


def test_a_missing_file_is_told_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-z", "-c", str(tmp_path / "none.dat")]) == 255
    assert "none.dat" in capsys.readouterr().err


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "license.dat").write_text("")
    assert main(["-z", "-c", str(tmp_path / "license.dat"), "-l", str(tmp_path / "none" / "log")]) == 2
    assert "cannot be opened" in capsys.readouterr().err


@pytest.mark.processes
def test_a_small_limit_of_open_files_is_raised_for_the_vendor_daemon_too(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 1}) as site:
        arguments = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}"]
        site.process = subprocess.Popen(["/bin/sh", "-c", 'ulimit -Sn 256; exec "$@"', "sh", *arguments])
        site.wait_until_serving()
        wanted = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], DESCRIPTORS_WANTED)
        assert f"Default descriptor limit 256 insufficient, increasing to {wanted}" in site.read_log()
        limits = Path(f"/proc/{site.daemon_pid()}/limits").read_text()
        (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert int(line.split()[3]) == wanted
