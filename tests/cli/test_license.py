"""`seatkeeper license` is one command for what is in a file, what is wrong with it, and whether its lines are genuine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.cli.issue import main as issue_main
from seatkeeper.cli.license import main
from seatkeeper.cli.order import main as order_main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A license file that was issued from the template."""
    monkeypatch.chdir(tmp_path)
    init_vendor(tmp_path / "keys", "genesys.d", today=clock.today())
    order_main(["template", "--hostid", "8:0:20:0:5:ac"])
    Path("order.toml").write_text(capsys.readouterr().out)
    assert issue_main(["order.toml", "--keys", "keys", "-o", "license.dat"]) == 0
    capsys.readouterr()
    return Path("license.dat")


def test_an_issued_file_is_shown_linted_and_verified(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", str(file), "--json")
    assert status == 0
    assert len(json.loads(out)[0]["licenses"]) == 17
    assert run(capsys, "lint", "--strict", str(file))[0] == 0
    assert run(capsys, "verify", str(file))[0] == 0


def test_a_changed_line_ends_with_the_low_byte_of_minus_8(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text().replace("genesys.d 8.0 permanent 150", "genesys.d 8.0 permanent 151"))
    status, _, err = run(capsys, "verify", str(file))
    assert status == 248
    assert "router_seats was changed after signing" in err


def test_a_file_that_is_not_there_ends_with_the_low_byte_of_minus_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "lint", "verify"):
        status, out, err = run(capsys, command, str(tmp_path / "none.dat"))
        assert (status, out) == (255, "")
        assert str(tmp_path / "none.dat") in err
        assert err.count("\n") == 1


def test_an_unknown_subcommand_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "merge")[0] == 2
    assert run(capsys)[0] == 2
