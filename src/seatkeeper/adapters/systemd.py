"""systemd as this machine has it: where unit files go, whether the manager runs, and what it answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from seatkeeper.base.errors import SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Scope", "runs", "state_of", "systemctl", "units_directory"]

#: The machine's manager, or that of the user who calls.
Scope = Literal["system", "user"]
#: A start waits for what ExecStartPost= waits for.
_PATIENCE_S: Final = 120.0
_SHOWN: Final = ("ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts", "Result", "ExecMainStatus")


def units_directory(scope: Scope, environment: Mapping[str, str] | None = None) -> Path:
    """Where an administrator's unit files lie (systemd.unit(5))."""
    if scope == "system":
        return Path("/etc/systemd/system")
    environment = os.environ if environment is None else environment
    settings = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(settings) / "systemd/user"


def runs(scope: Scope, environment: Mapping[str, str] | None = None) -> bool:
    """True where the manager runs that would start the unit (sd_booted(3))."""
    if scope == "system":
        return Path("/run/systemd/system").is_dir()
    environment = os.environ if environment is None else environment
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "systemd/private").exists()


def systemctl(scope: Scope, *words: str) -> str:
    """What systemctl says.

    Raises:
        SeatkeeperError: It could not be run, or did not succeed.
    """
    command = ["systemctl", *(["--user"] if scope == "user" else []), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False)
    except OSError as error:
        raise SeatkeeperError(f"{command[0]} cannot be run: {error.strerror}.", "Is systemd installed?") from None
    except subprocess.TimeoutExpired:
        raise SeatkeeperError(f"`{' '.join(command)}` has not ended after {_PATIENCE_S:.0f} s.") from None
    if done.returncode:
        raise SeatkeeperError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def state_of(scope: Scope, unit: str) -> dict[str, str]:
    """The unit's state, by systemd's names for its parts.

    Raises:
        SeatkeeperError: systemctl did not tell.
    """
    told = systemctl(scope, "show", unit, "--property", ",".join(_SHOWN))
    pairs = (line.partition("=") for line in told.splitlines())
    return {name: value for name, equals, value in pairs if equals and name in _SHOWN}
