"""lmver: the version of a program or library, read and never run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import seatkeeper
from seatkeeper.cli.lmutil import main

HERE = rf"v{seatkeeper.__version__} build "


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["lmver", *words]) == 0
    shown = capsys.readouterr()
    first, line = shown.out.splitlines()
    assert first.startswith("lmver - Copyright (c) ")
    assert shown.err == ""
    return line


def test_without_words_this_installation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # The program that was called, which the tests' own is not: it may be `python -c` (pytest-xdist).
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).parent / "lmver")])
    line = said(capsys)
    assert line.startswith(f"seatkeeper Licensing {HERE}")
    assert "Copyright (c) " in line


def test_a_script_of_an_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib/python3.11/site-packages/seatkeeper-7.8.9.dist-info").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/genesys.d"
    script.write_text(f"#!{tmp_path}/bin/python\nimport sys\nfrom seatkeeper.cli.vendord import main\nsys.exit(main())\n")
    assert said(capsys, str(script)).startswith("seatkeeper Licensing v7.8.9 build 70809 ")
    assert "(genesys.d)" in said(capsys, str(script))


def test_a_script_of_an_unknown_installation_and_one_on_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "lmfoo"
    script.write_text("#!/nowhere/bin/python\nfrom seatkeeper.cli.lmutil import main\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert HERE in said(capsys, "lmfoo")


def test_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert HERE in said(capsys, str(Path(seatkeeper.__file__).parent))


@pytest.mark.parametrize(
    "line",
    [
        "FlexNet Licensing v11.14.1.2 build 208719 (ipv6) x64_lsb (liblmgr.a), Copyright (c) 1988-2017 Example",
        "seatkeeper Licensing v0.9.1 (libapp)",
    ],
)
def test_a_binary_that_carries_a_version_line(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "app"
    binary.write_bytes(b"\x7fELF" + bytes(100_000) + line.encode() + b"\0more")
    assert said(capsys, str(binary)).startswith(line)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 0\n", b"\x7fELF" + bytes(5000)])
def test_a_file_without_a_version(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "app"
    file.write_bytes(content)
    assert main(["lmver", str(file)]) == 214
    shown = capsys.readouterr()
    assert shown.out == ""
    assert str(file) in shown.err


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/file", "x" * 300])
def test_a_file_that_is_not_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmver", name]) == 214
    assert name in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="directories of UNIX")
def test_a_directory_that_is_no_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lmver", str(tmp_path)]) == 214
    assert str(tmp_path) in capsys.readouterr().err
