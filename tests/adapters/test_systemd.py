"""systemd: where units lie, whether a manager runs, and what systemctl says when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.adapters.systemd import runs, state_of, systemctl, units_directory
from seatkeeper.base.errors import SeatkeeperError


@pytest.fixture(name="answers")
def _answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that notes how it was called, and answers with what is in this file; an exit status may follow in `status`."""
    program = tmp_path / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\ncat {tmp_path}/answer\nexit $(cat {tmp_path}/status)\n')
    program.chmod(0o755)
    (tmp_path / "answer").write_text("")
    (tmp_path / "status").write_text("0")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "answer"


def test_where_units_lie() -> None:
    assert units_directory("system") == Path("/etc/systemd/system")
    assert units_directory("user", {"HOME": "/home/ada"}) == Path("/home/ada/.config/systemd/user")
    assert units_directory("user", {"HOME": "/home/ada", "XDG_CONFIG_HOME": "/conf"}) == Path("/conf/systemd/user")


def test_a_user_s_manager_runs_where_its_socket_is(tmp_path: Path) -> None:
    assert not runs("user", {})
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert not runs("user", environment)
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/private").touch()
    assert runs("user", environment)
    assert runs("system") == Path("/run/systemd/system").is_dir()


def test_what_systemctl_is_asked_and_says(answers: Path) -> None:
    answers.write_text("ActiveState=active\nMainPID=17\nOther=x\nnonsense\n")
    assert systemctl("system", "daemon-reload").startswith("ActiveState")
    assert state_of("user", "a.service") == {"ActiveState": "active", "MainPID": "17"}
    calls = (answers.parent / "calls").read_text().splitlines()
    assert calls[0] == "daemon-reload"
    assert calls[1].startswith("--user show a.service --property ActiveState,")


def test_a_failure_says_the_command_and_why(answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers.write_text("Unit a.service not found.\n")
    (answers.parent / "status").write_text("5")
    with pytest.raises(SeatkeeperError, match=r"`systemctl restart a.service` failed: Unit a.service not found."):
        systemctl("system", "restart", "a.service")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SeatkeeperError, match="cannot be run"):
        systemctl("system", "daemon-reload")
