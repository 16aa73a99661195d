from __future__ import annotations

import subprocess
import sys

import pytest

from seatkeeper import __version__
from seatkeeper.cli.main import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name}" in text for name in COMMANDS)


def test_without_a_command_the_help_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: seatkeeper COMMAND" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seatkeeper {__version__}\n"


def test_a_misspelt_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catlog"]) == 2
    assert "Did you mean 'catalog'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "seatkeeper.cli.main", name, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "usage" in answer.stdout.lower()


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m seatkeeper.cli.main catalog products | head -1"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in answer.stderr
    assert "BrokenPipe" not in answer.stderr


def test_hold_starts_without_the_heavy_libraries() -> None:
    heavy = "{'typer', 'rich', 'uvloop', 'cryptography.x509'}"
    script = f"import sys; from seatkeeper.cli import main, hold; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout == "[]\n"
