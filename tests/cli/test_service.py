"""service: what is written and to whom it is told, what is refused, and what it says of a service and its server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from seatkeeper.adapters import accounts, systemd
from seatkeeper.adapters.accounts import Account
from seatkeeper.cli.lmutil import main as lmutil
from seatkeeper.cli.main import main
from seatkeeper.cli.service_unit import MARK, READY
from support.site import Site, free_port

TEXT = "SERVER licsrv ANY {port}\nDAEMON genesys.d\n"
SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>{home}/calls
case "$*" in *"$(cat {home}/fails)"*) echo "Job failed." >&2; exit 1;; esac
case "$*" in *show*) cat {home}/state;; esac
"""


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a license file, without systemd."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "license.dat").write_text(TEXT.format(port=free_port()))
    return tmp_path


@pytest.fixture(name="manager")
def _manager(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manager of this user that does nothing but note how it was called; returns the home."""
    (home / "bin").mkdir()
    program = home / "bin/systemctl"
    program.write_text(SYSTEMCTL.format(home=home))
    program.chmod(0o755)
    (home / "fails").write_text("nothing fails")
    (home / "state").write_text("ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=17\nNRestarts=0\n")
    (home / "run/systemd").mkdir(parents=True)
    (home / "run/systemd/private").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    monkeypatch.setenv("PATH", f"{home}/bin:/usr/bin:/bin")
    return home


def calls(home: Path) -> list[str]:
    return (home / "calls").read_text().splitlines() if (home / "calls").exists() else []


def service(*words: str) -> int:
    return main(["service", *words])


def install(*words: str) -> int:
    return service("install", "--scope", "user", "--license", "license.dat", *words)


UNITS = ".config/systemd/user"


def test_print_installs_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", "--license", "/etc/no/such.dat", "--print", "--user", "lic", "--name", "one") == 0
    text = capsys.readouterr().out
    assert text.startswith(MARK)
    assert "\nUser=lic\n" in text
    assert "-c /etc/no/such.dat -l +/var/log/one/debug.log --data /var/lib/one\n" in text
    assert not (home / ".config").exists()
    assert service("install", "-c", "/etc/no/such.dat", "--print", "--user", "lic", "--name", "one") == 0
    assert capsys.readouterr().out == text


def test_the_account_is_the_license_file_s_owner_but_never_root(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for owner, user in (("ada", "ada"), ("root", "seatkeeper"), ("", "seatkeeper")):
        monkeypatch.setattr(accounts, "owner_of", lambda _, owner=owner: owner)
        assert service("install", "--license", "/srv/license.dat", "--print") == 0
        assert f"\nUser={user}\n" in capsys.readouterr().out


def test_without_systemd_the_files_are_written_and_the_rest_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    out = capsys.readouterr().out
    assert "systemd does not run here." in out
    for command in ("daemon-reload", f"enable seatkeeper.service {READY}", "restart seatkeeper.service"):
        assert f"  systemctl --user {command}\n" in out
    assert "loginctl enable-linger" in out
    text = (home / UNITS / "seatkeeper.service").read_text()
    assert f"-c {home}/license.dat -l +{home}/.local/state/seatkeeper/debug.log --data {home}/.local/state/seatkeeper\n" in text
    assert (home / ".local/state/seatkeeper").stat().st_mode & 0o777 == 0o750
    assert (home / UNITS / READY).read_text().startswith(MARK)


def test_with_systemd_it_is_enabled_and_started(manager: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("--name", "one", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["started"] is True
    assert told["unit"] == str(manager / UNITS / "one.service")
    assert calls(manager) == ["--user daemon-reload", f"--user enable one.service {READY}", "--user restart one.service"]
    # Again, with another file: ours may be replaced.
    (manager / "other.dat").write_text(TEXT.format(port=1))
    assert service("install", "--scope", "user", "--license", "other.dat", "--name", "one.service") == 0
    assert f"{manager}/other.dat" in (manager / UNITS / "one.service").read_text()
    assert "starts at each boot" in capsys.readouterr().out


def test_what_systemd_refuses_is_told(manager: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (manager / "fails").write_text("restart")
    assert install() == 2
    assert "`systemctl --user restart seatkeeper.service` failed: Job failed." in capsys.readouterr().err


@pytest.mark.parametrize("what", ["seatkeeper.service", READY])
def test_units_of_others_are_left_alone(what: str, manager: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units = manager / UNITS
    units.mkdir(parents=True)
    (units / what).write_text("[Unit]\nDescription=mine\n")
    assert install() == 2
    assert "did not write this unit" in capsys.readouterr().err
    assert [path.name for path in units.iterdir()] == [what]
    assert (units / what).read_text() == "[Unit]\nDescription=mine\n"
    if what != READY:
        assert service("remove", "--scope", "user") == 2
    (units / what).unlink()
    (units / what).symlink_to("/dev/null")
    assert install() == 2
    assert "is a link" in capsys.readouterr().err
    assert calls(manager) == []


def test_remove_takes_away_what_install_wrote_and_the_target_last(manager: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("--name", "one") == 0
    assert install("--name", "two") == 0
    (manager / "calls").unlink()
    units = manager / UNITS
    assert service("remove", "--scope", "user", "--name", "one") == 0
    assert sorted(path.name for path in units.iterdir()) == sorted([READY, "two.service"])
    assert calls(manager) == ["--user disable --now one.service", "--user daemon-reload"]
    capsys.readouterr()
    assert service("remove", "--scope", "user", "--name", "two", "--json") == 0
    assert json.loads(capsys.readouterr().out)["removed"] == [str(units / "two.service"), str(units / READY)]
    assert list(units.iterdir()) == []
    assert (manager / "license.dat").exists()
    assert service("remove", "--scope", "user", "--name", "two") == 4
    assert "does not exist" in capsys.readouterr().err


def test_a_service_that_does_not_stop_is_not_removed(manager: Path) -> None:
    assert install() == 0
    (manager / "fails").write_text("disable")
    assert service("remove", "--scope", "user") == 2
    assert (manager / UNITS / "seatkeeper.service").exists()


@pytest.mark.processes
def test_a_server_that_takes_no_plain_text_is_waited_for_and_administered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SEATKEEPER_PLAIN", raising=False)
    with Site(tmp_path / "site", {"f1": 1}) as site:
        site.start("--plain", "none", wait=False)
        assert service("wait", "--license", str(site.license), "--seconds", "90") == 0, site.read_log()
        assert lmutil(["lmstat", "-a", "-c", str(site.license)]) == 0
        # Over the Unix socket, the place of which lmgrd says over TLS.
        assert lmutil(["lmreread", "-c", f"{site.port}@localhost"]) == 0
        shown = capsys.readouterr()
        assert "Users of f1:  (Total of 1 license issued" in shown.out
        assert shown.err == ""
        # Who wants plain text gets no other.
        monkeypatch.setenv("SEATKEEPER_PLAIN", "1")
        assert lmutil(["lmstat", "-c", f"{site.port}@localhost"]) == 256 - 33
        assert service("wait", "--license", str(site.license), "--seconds", "0") == 1


@pytest.mark.processes
def test_status_says_what_systemd_and_the_server_say(manager: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def status(*words: str) -> int:
        return service("status", "--scope", "user", *words)

    assert status() == 4
    with Site(manager / "site", {"f1": 1}) as site:
        assert service("install", "--scope", "user", "--license", str(site.license)) == 0
        capsys.readouterr()
        assert status() == 0
        out = capsys.readouterr().out
        assert "active (running), enabled at boot, pid 17" in out
        assert f"server    port {site.port}: down\n" in out
        assert service("wait", "--license", str(site.license), "--seconds", "0") == 1
        assert f"port {site.port}: down" in capsys.readouterr().err
        site.start()
        assert service("wait", "--license", str(site.directory), "--seconds", "90") == 0
        assert status("--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["servers"] == [{"port": site.port, "up": True, "daemons": {"genesys.d": True}}]
        assert told["license"] == str(site.license)
        assert (told["installed"], told["ours"], told["systemd"]["ActiveState"]) == (True, True, "active")
    (manager / "state").write_text("ActiveState=failed\nSubState=failed\n")
    assert status() == 3
    assert "failed (failed), ? at boot" in capsys.readouterr().out


def test_status_of_others_units_and_without_systemd(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / UNITS).mkdir(parents=True)
    (home / UNITS / "seatkeeper.service").write_text("[Unit]\nDescription=mine\n")
    assert service("status", "--scope", "user") == 3
    out = capsys.readouterr().out
    assert "(not seatkeeper's)" in out
    assert "does not run here" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "a/b"], "no name for a service"),
        (["--name", "seatkeeper-ready"], "no name for a service"),
        (["--name", ""], "no name for a service"),
        (["--user", "a b"], "no name of an account"),
        (["--data", "/tmp/x"], "cannot see this directory"),
        (["--log", "/var/tmp/x.log"], "cannot see this directory"),
        (["--data", "/srv/a\nb"], "cannot have this character"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], said: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", "--license", "/srv/license.dat", "--print", *words) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
def test_a_time_to_wait_has_an_end(seconds: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        service("wait", "--license", "license.dat", "--seconds", seconds)
    assert caught.value.code == 2
    assert "a number of seconds from 0 to 86400" in capsys.readouterr().err


def test_a_license_file_that_is_not_there_is_not_installed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", "--scope", "user", "--license", "no/such.dat") == 255
    assert "There is no file or directory" in capsys.readouterr().err
    assert not (home / ".config").exists()


def test_where_links_lead_is_not_hidden_from_the_service(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "realpath", lambda path: f"/home/ada{path}")
    assert service("install", "--license", "/etc/license.dat", "--print", "--user", "lic") == 0
    assert "\nProtectHome=read-only\n" in capsys.readouterr().out


def test_a_user_s_service_runs_as_the_user(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("--user", "ada") == 2
    assert "Leave --user out" in capsys.readouterr().err
    # What a machine's service could not see, a user's can.
    assert install("--data", str(home / "x"), "--print") == 0


class Machine:
    """Units of the machine in a directory of the test, and an account that may do what the test says."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.units = home / "system"
        self.closed: list[Path] = []
        self.writable = True
        self.uid = os.geteuid() or 4242
        monkeypatch.setattr(systemd, "units_directory", lambda _: self.units)
        monkeypatch.setattr(systemd, "runs", lambda _: False)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(os, "chown", lambda *_: None)
        monkeypatch.setattr("seatkeeper.cli.service._PRIVATE_PLACES", ())
        monkeypatch.setattr(accounts, "account_of", lambda name: Account(name, self.uid, self.uid, frozenset({self.uid})))
        monkeypatch.setattr(accounts, "unreadable", lambda _, paths: [path for path in paths if path in self.closed])
        monkeypatch.setattr(accounts, "may_write", lambda *_: self.writable)


@pytest.fixture(name="machine")
def _machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(home, monkeypatch)


def system_install(*words: str) -> int:
    return service("install", "--license", "license.dat", "--user", "lic", *words)


def test_a_service_of_the_machine(home: Path, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert system_install("--data", str(home / "data"), "--log", str(home / "log/x.log")) == 0
    text = (machine.units / "seatkeeper.service").read_text()
    assert "\nUser=lic\n" in text
    assert f"\nReadWritePaths={home}/data\nReadWritePaths={home}/log\n" in text
    assert (home / "data").is_dir()
    assert (home / "log").is_dir()
    assert "  systemctl enable seatkeeper.service" in capsys.readouterr().out
    assert service("remove") == 0
    assert list(machine.units.iterdir()) == []


def test_an_account_that_could_not_run_the_server_is_refused(home: Path, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "genesys.d.ANY.credential").touch()
    machine.closed = [home / "genesys.d.ANY.credential"]
    assert system_install() == 2
    assert f"chown lic {home}/genesys.d.ANY.credential" in capsys.readouterr().err
    machine.closed = [Path(sys.executable).resolve()]
    assert system_install() == 2
    assert "/opt/seatkeeper" in capsys.readouterr().err
    machine.closed = []
    machine.writable = False
    (home / "data").mkdir()
    assert system_install("--data", str(home / "data")) == 2
    assert f"chown lic {home}/data" in capsys.readouterr().err
    machine.writable = True
    machine.uid = 0
    assert system_install() == 2
    assert "needs no root" in capsys.readouterr().err
    assert service("install", "--license", "missing.dat", "--user", "lic") != 0
    assert not machine.units.exists()


def test_only_root_installs_for_the_machine(
    home: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system_install() == 2
    assert "--scope user" in capsys.readouterr().err
    assert not machine.units.exists()
