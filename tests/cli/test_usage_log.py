"""Where failures of jobs are told: the option, else usage.toml, else nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.base.logevents import Message
from seatkeeper.cli.usage_log import alarms_of, log_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_log_that_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_of(tmp_path, None, "close").write(Message(1, "nowhere"))
    (tmp_path / "usage.toml").write_text('[log]\nfile = "own.log"\nmessage_format = "short"\n')
    log_of(tmp_path, None, "close").write(Message(25_121, "said"))
    assert (tmp_path / "own.log").read_text().endswith(" Std 25121 said\n")
    (tmp_path / "usage.toml").write_text("[log\n")
    alarms_of(tmp_path, tmp_path / "given.log", "close").job_failed("close", "why")
    assert "GCTI-00-25120 Job 'close' failed: why" in (tmp_path / "given.log").read_text()
    log_of(tmp_path, tmp_path / "no" / "where", "close").write(Message(1, "lost"))
    assert "seatkeeper usage close: The log " in capsys.readouterr().err
