"""What the command line of lmgrd accepts. What it then does is in tests/server."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import seatkeeper
from seatkeeper.cli.lmgrd import DESCRIPTORS_WANTED, main
from seatkeeper.sdk.admin import reread
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


@pytest.mark.parametrize("flag", ["-zz", "-zp", "-2p", "-vz", "-hz", "-helpme", "-zl", "-bz"])
def test_flags_that_run_together_are_not_known(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([flag, "-c", "license.dat"])
    assert caught.value.code == 2
    assert f"unrecognized arguments: {flag}" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["-2"], ["-p"]])
def test_2_and_p_mean_something_only_together(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(flags) == 2
    assert "together" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["-x", "lmstat"], ["--plain", "some"], ["--per-address", "many"]])
def test_what_no_option_takes_is_refused_with_what_it_takes(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(flags)
    assert flags[0].lstrip("-") in capsys.readouterr().err


@pytest.mark.parametrize(("name", "words"), [("no-such-account", "no account"), ("root", "is root")])
def test_an_account_that_will_not_do_is_refused(name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "license.dat").write_text("")
    log = tmp_path / "log"
    assert main(["-z", "-c", str(tmp_path / "license.dat"), "-l", str(log), "--user", name]) == 2
    assert words in capsys.readouterr().err


def test_only_root_starts_a_server_for_another_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "license.dat").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert main(["-z", "-c", str(tmp_path / "license.dat"), "-l", str(tmp_path / "log"), "--user", "daemon"]) == 2
    assert "Only root" in capsys.readouterr().err


def python_for(account: str) -> tuple[str, dict[str, str]]:
    """A Python that the account may run, and the environment that lets it find what this one has; skips the test without one."""
    here = Path(seatkeeper.__file__).parents[1]
    for name in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *site_packages()])}
        command = [name, "-c", "import grp, uvloop, msgspec, cryptography, seatkeeper.server.vendord"]
        try:
            subprocess.run(command, user=account, check=True, capture_output=True, cwd="/", env=environment)
        except (OSError, subprocess.CalledProcessError):
            continue
        return name, environment
    pytest.skip(f"no Python here can be run by {account}")


def site_packages() -> list[str]:
    return [path for path in sys.path if path.endswith("site-packages")]


@pytest.mark.processes
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
class TestUser:
    ACCOUNT = "daemon"

    def given(self, directory: Path) -> Site:
        """A site that belongs to the account."""
        directory.chmod(0o755)
        site = Site(directory, {"f1": 2})
        for path in (directory, *directory.iterdir()):
            shutil.chown(path, self.ACCOUNT)
        return site

    def start(self, site: Site, *flags: str) -> subprocess.Popen[bytes]:
        python, environment = python_for(self.ACCOUNT)
        command = [python, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}", "--user", self.ACCOUNT]
        site.process = subprocess.Popen([*command, *flags], env=environment, cwd="/", stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        return site.process

    def test_lmgrd_and_its_vendor_daemon_are_the_account_and_cannot_become_root_again(self) -> None:
        with tempfile.TemporaryDirectory() as name, self.given(Path(name)) as site:
            process = self.start(site)
            site.wait_until_serving()
            account = pwd.getpwnam(self.ACCOUNT)
            for pid in (process.pid, site.daemon_pid()):
                status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
                # Real, effective, saved: with none of them root, the kernel lets nobody be it again.
                assert status["Uid"].split() == [str(account.pw_uid)] * 4
                assert status["Gid"].split() == [str(account.pw_gid)] * 4
                assert "0" not in status["Groups"].split()
                assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
            assert f"Running as {self.ACCOUNT} from now on" in site.read_log()
            assert "Running as root is not needed" not in site.read_log()
            socket = Path(name) / f"lmgrd-{site.port}.socket"
            assert socket.owner() == self.ACCOUNT
            # Root administers it as before.
            assert "served" in reread("localhost", site.port)
            assert process.stderr is not None
            site.stop()
            assert process.stderr.read() == b""
            process.stderr.close()

    @pytest.mark.parametrize(
        ("name", "words"),
        [("license.dat", "cannot read this file"), (".credential", "cannot read this file"), ("", "cannot write into this directory")],
    )
    def test_what_the_account_could_not_do_is_told_before_anything_starts(self, name: str, words: str) -> None:
        with tempfile.TemporaryDirectory() as place, self.given(Path(place)) as site:
            path = next(path for path in Path(place).iterdir() if name and path.name.endswith(name)) if name else Path(place)
            shutil.chown(path, "root")
            path.chmod(0o755 if path.is_dir() else 0o600)
            _, said = self.start(site).communicate(timeout=30)
            assert words in said.decode()
            assert str(path) in said.decode()
            assert "Starting vendor daemons" not in site.read_log()


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
