"""service_unit: systemd understands the unit and finds it tight, and the license server can live in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.cli.service_unit import MARK, READY, Unit, argument, is_ours, license_of, target_text, unit_text
from seatkeeper.sdk.blocking import Client
from support import sandbox
from support.site import Site

#: "Goal: exposure <= 2.0" (facts on reliability, 5.3), in tenths as --threshold takes it.
EXPOSURE_TENTHS_MAX = 20
UNIT = Unit(
    "seatkeeper",
    (sys.executable, "-m", "seatkeeper.cli.lmgrd"),
    (sys.executable, "-m", "seatkeeper.cli.main", "service", "wait"),
    "/etc/seatkeeper/license.dat",
    "/var/log/seatkeeper/debug.log",
    "/var/lib/seatkeeper",
    "seatkeeper",
    state=True,
    logs=True,
)
OF_USER = msgspec.structs.replace(UNIT, user="", state=False, logs=False)
ODD = msgspec.structs.replace(
    UNIT, license='/srv/50% off $HOME/a "b".dat', data="/srv/da ta%", log="/srv/lo g/x.log", state=False, logs=False
)

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze (Debian: systemd)")


def analyzed(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_RUNTIME_DIR": str(directory)}
    return subprocess.run(
        ["systemd-analyze", *words], cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, OF_USER, ODD], ids=["system", "user", "odd"])
def test_systemd_understands_every_line(unit: Unit, tmp_path: Path) -> None:
    (tmp_path / "seatkeeper.service").write_text(unit_text(unit))
    (tmp_path / READY).write_text(target_text(system=bool(unit.user)))
    verified = analyzed(tmp_path, "verify", *([] if unit.user else ["--user"]), "./seatkeeper.service", f"./{READY}")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd
def test_the_check_would_find_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "seatkeeper.service").write_text(unit_text(UNIT).replace("ProtectClock=yes", "ProtectClock=perhaps"))
    assert "Failed to parse boolean value" in analyzed(tmp_path, "verify", "./seatkeeper.service").stderr


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, ODD], ids=["usual", "odd"])
def test_little_is_exposed(unit: Unit, tmp_path: Path) -> None:
    (tmp_path / "seatkeeper.service").write_text(unit_text(unit))
    judged = analyzed(tmp_path, "security", "--offline=yes", f"--threshold={EXPOSURE_TENTHS_MAX}", "--no-pager", "./seatkeeper.service")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    (bare := tmp_path / "bare.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert analyzed(tmp_path, "security", "--offline=yes", f"--threshold={EXPOSURE_TENTHS_MAX}", "--no-pager", f"./{bare.name}").returncode


@pytest.mark.processes
@pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing() or "possible")
def test_the_license_server_lives_with_the_system_calls_that_it_is_left(tmp_path: Path) -> None:
    (tmp_path / "unit").write_text(unit_text(UNIT))
    with Site(tmp_path / "site", {"f1": 2}) as site:
        server = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(site.license), "-l", f"+{site.log}"]
        command = [sys.executable, "-m", "support.sandbox", str(tmp_path / "unit"), "--", *server]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
        site.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        site.wait_until_serving()
        with Client(f"{site.port}@localhost", root=site.root) as client, client.checkout("f1", count=2):
            site.wait_until_restarted(site.kill_daemon())
            waited = subprocess.run(
                [sys.executable, "-m", "seatkeeper.cli.main", "service", "wait", "--license", str(site.license)], check=False, timeout=60
            )
            assert waited.returncode == 0
        assert site.stop() == 0


@pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing() or "possible")
def test_the_sandbox_holds_what_it_should(tmp_path: Path) -> None:
    (tmp_path / "unit").write_text(unit_text(UNIT))
    attempts = """
import errno, mmap, os, socket
def fails(work):
    try:
        work()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "works"
print(fails(lambda: os.chroot("/")), fails(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)), fails(lambda: socket.socket(socket.AF_NETLINK)))
print(fails(lambda: socket.socket(socket.AF_INET6).close()), fails(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "support.sandbox", str(tmp_path / "unit"), "--", sys.executable, "-c", attempts]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert told.stdout.split() == ["EPERM", "EPERM", "EAFNOSUPPORT", "works", "EACCES"], told.stderr


def settings_of(text: str, name: str) -> list[str]:
    return sandbox.settings(text, name)


def test_a_service_of_the_machine_comes_after_the_network_and_before_the_applications() -> None:
    text = unit_text(UNIT)
    assert "network-online.target" in settings_of(text, "After")[0].split()
    assert settings_of(text, "Wants") == ["network-online.target"]
    assert settings_of(text, "Before") == [READY]
    assert settings_of(text, "WantedBy") == [f"multi-user.target {READY}"]
    assert settings_of(text, "User") == ["seatkeeper"]
    (post,) = settings_of(text, "ExecStartPost")
    assert post.startswith("-")
    assert post.endswith("service wait --license /etc/seatkeeper/license.dat --seconds 30")


def test_a_service_of_a_user_asks_for_no_privilege() -> None:
    text = unit_text(OF_USER)
    for name in ("User", "CapabilityBoundingSet", "ProtectSystem", "PrivateTmp", "After", "MemoryMax"):
        assert not settings_of(text, name), name
    assert settings_of(text, "NoNewPrivileges") == ["yes"]
    assert settings_of(text, "WantedBy") == [f"default.target {READY}"]


def test_what_is_written_is_open_and_what_is_needed_is_not_hidden() -> None:
    text = unit_text(msgspec.structs.replace(UNIT, data="/srv/lm", log="/srv/lm/debug.log", state=False, logs=False))
    assert settings_of(text, "ReadWritePaths") == ["/srv/lm"]
    assert not settings_of(text, "StateDirectory")
    assert settings_of(text, "ProtectHome") == ["yes"]
    assert settings_of(unit_text(UNIT), "StateDirectory") == ["seatkeeper"]
    assert not settings_of(unit_text(UNIT), "ReadWritePaths")
    for place in ("/home/ada/license.dat", "/root/license.dat"):
        assert settings_of(unit_text(msgspec.structs.replace(UNIT, license=place)), "ProtectHome") == ["read-only"]
    assert settings_of(unit_text(msgspec.structs.replace(UNIT, license="/homestead/x")), "ProtectHome") == ["yes"]
    # The interpreter behind a virtual environment, or a license file behind a link.
    behind = msgspec.structs.replace(UNIT, behind=("/etc/license.dat", "/home/ada/.pyenv/versions/3.11/bin/python3.11"))
    assert settings_of(unit_text(behind), "ProtectHome") == ["read-only"]


def unquoted(text: str) -> str:
    """What systemd makes of one word of a command: quotes, backslashes, doubled percent and dollar signs (systemd.service(5))."""
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    assert "%" not in text.replace("%%", "")
    assert "$" not in text.replace("$$", "")
    return text.replace("%%", "%").replace("$$", "$")


@given(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=30))
def test_a_word_is_one_word_to_systemd(text: str) -> None:
    quoted = argument(text)
    assert unquoted(quoted) == text
    assert quoted.startswith('"') or not re.search(r"[^A-Za-z0-9_./:@+,=-]", quoted)
    assert "\n" not in quoted


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x1b", "\u2028"])
def test_what_no_unit_can_carry_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        argument(text)


def test_our_units_are_known_and_say_what_they_serve() -> None:
    for unit in (UNIT, OF_USER, ODD):
        text = unit_text(unit)
        assert text.startswith(MARK)
        assert is_ours(text)
        assert license_of(text) == unit.license
    assert is_ours(target_text(system=True))
    assert not is_ours("[Unit]\n" + MARK)
    assert license_of("[Unit]\n") == ""
