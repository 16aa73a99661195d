"""`seatkeeper service`: the license server as a service of systemd, installed, removed and looked at.

Unit files that others wrote are never touched. Where systemd does not run (a container, an image that is being built) the files are
written all the same, and what is left to do is said.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from seatkeeper.adapters import accounts, clock, systemd
from seatkeeper.adapters.textfiles import read_text, replace_text
from seatkeeper.base.errors import InputError, LicenseError, SeatkeeperError
from seatkeeper.cli.service_unit import READY, READY_S, Unit, is_ours, license_of, target_text, unit_text

if TYPE_CHECKING:
    from seatkeeper.adapters.systemd import Scope

__all__ = ["main"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_USUAL: Final = "seatkeeper"
#: Exit statuses of `systemctl status`: not running, and no such unit.
_NOT_RUNNING: Final = 3
_NOT_INSTALLED: Final = 4
_ASK_S: Final = 2.0
_PAUSE_S: Final = 0.2
_WAIT_S_MAX: Final = 86400
#: Directories of which the service sees an empty one of its own (PrivateTmp=).
_PRIVATE_PLACES: Final = ("/tmp", "/var/tmp")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seatkeeper service", allow_abbrev=False, description="The license server as a service of systemd."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    install = commands.add_parser("install", allow_abbrev=False, help="write the unit file, and start the service at each boot and now")
    remove = commands.add_parser("remove", allow_abbrev=False, help="stop the service and take its unit file away")
    status = commands.add_parser("status", allow_abbrev=False, help="is it installed, does it run, does it serve?")
    wait = commands.add_parser("wait", allow_abbrev=False, help="return when the license server of a license file serves")
    for command in (install, remove, status):
        command.add_argument("--name", default=_USUAL, help=f"the service's name (default {_USUAL})")
        command.add_argument("--scope", choices=["system", "user"], default="system", help="the machine's services, or those of this user")
        command.add_argument("--json", action="store_true", help="print JSON, for scripts")
    for command in (install, wait):
        command.add_argument("--license", "-c", metavar="FILE", required=True, help="license file, or directory with some")
    install.add_argument("--user", help=f"account to run as; by default the owner of the license file or, if that is root, {_USUAL}")
    install.add_argument("--log", metavar="FILE", help="debug log (default /var/log/NAME/debug.log)")
    install.add_argument("--data", metavar="DIR", help="where the journals are kept (default /var/lib/NAME)")
    install.add_argument("--print", action="store_true", help="print the unit file, and install nothing")
    wait.add_argument("--seconds", type=_seconds, default=READY_S, help=f"how long (default {READY_S})")
    return parser


def _seconds(text: str) -> float:
    """The argument as seconds to wait.

    Raises:
        argparse.ArgumentTypeError: It is no such number.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _WAIT_S_MAX:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of seconds from 0 to {_WAIT_S_MAX}")
    return number


def main(argv: list[str]) -> int:
    """Runs `seatkeeper service ...` and returns the exit status."""
    options = _parser().parse_args(argv)
    work = {"install": _install, "remove": _remove, "status": _status, "wait": _wait}[options.command]
    try:
        return work(options)
    except BrokenPipeError:
        raise
    except (SeatkeeperError, OSError) as error:
        print(f"seatkeeper service: {error}", file=sys.stderr)
        return error.exit_status if isinstance(error, LicenseError) else 2


def _name(options: argparse.Namespace) -> str:
    name = str(options.name).removesuffix(".service")
    if not _NAME.fullmatch(name) or f"{name}.target" == READY:
        raise InputError("This is no name for a service.", file="--name", found=options.name, expected="letters, digits, - and _")
    return name


# Install ---------------------------------------------------------------------------------------------------------


def _install(options: argparse.Namespace) -> int:
    unit = _unit(options)
    text = unit_text(unit)
    if options.print:
        print(text, end="")
        return 0
    scope = cast("Scope", options.scope)
    directory = systemd.units_directory(scope)
    file, target = directory / f"{unit.name}.service", directory / READY
    for path in (file, target):
        _ours(path)
    if scope == "system":
        if os.geteuid() != 0:
            raise InputError("Only root installs a service of the machine.", file=str(directory), remedy="Use sudo, or --scope user.")
        _check_account(unit)
    _license_files(unit.license)
    _prepare(unit)
    directory.mkdir(parents=True, exist_ok=True)
    replace_text(target, target_text(system=scope == "system"))
    replace_text(file, text)
    manager = "systemctl --user" if scope == "user" else "systemctl"
    todo = [f"{manager} daemon-reload", f"{manager} enable {file.name} {READY}", f"{manager} restart {file.name}"]
    done = systemd.runs(scope)
    if done:
        for command in todo:
            systemd.systemctl(scope, *command.removeprefix(manager).split())
        todo = []
    if scope == "user":
        todo.append(f"loginctl enable-linger {accounts.current_name()}")
    if options.json:
        print(_json({"name": unit.name, "unit": str(file), "target": str(target), "started": done, "todo": todo}))
        return 0
    print(f"{file} is written.")
    if done:
        print(f"{file.name} runs, and starts at each boot. Licensed applications start after it with Wants={READY} and After={READY}.")
    else:
        print("systemd does not run here.")
    if todo:
        print("Left to do:" if done else "Where it does:", *(f"  {command}" for command in todo), sep="\n")
    return 0


def _unit(options: argparse.Namespace) -> Unit:
    name, system = _name(options), options.scope == "system"
    license_file = _absolute(options.license)
    if system:
        data, log = options.data or f"/var/lib/{name}", options.log or f"/var/log/{name}/debug.log"
    else:
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
        data, log = options.data or f"{home}/{name}", options.log or f"{home}/{name}/debug.log"
        if options.user:
            raise InputError("A service of a user runs as that user.", file="--user", found=options.user, remedy="Leave --user out.")
    data, log = _absolute(data), _absolute(log)
    for option, path in (("--license", license_file), ("--data", data), ("--log", log)) if system else ():
        if any(path == place or path.startswith(f"{place}/") for place in _PRIVATE_PLACES):
            raise InputError(
                "The service cannot see this directory: it has one of its own.", file=option, found=path, remedy="Use another."
            )
    return Unit(
        name,
        _program("lmgrd", "seatkeeper.cli.lmgrd"),
        (*_program("seatkeeper", "seatkeeper.cli.main"), "service", "wait"),
        license_file,
        log,
        data,
        _user(options.user, license_file) if system else "",
        state=system and not options.data,
        logs=system and not options.log,
        behind=tuple(os.path.realpath(path) for path in (license_file, sys.executable, sys.prefix)),
    )


def _absolute(path: str) -> str:
    # Links are left as they are: an administrator may point them elsewhere.
    return os.path.abspath(path)  # noqa: PTH100


def _user(given: str | None, license_file: str) -> str:
    user = given or accounts.owner_of(Path(license_file))
    if not given and user in ("", "root"):
        user = _USUAL
    if not _USER.fullmatch(user):
        raise InputError("This is no name of an account.", file="--user", found=user)
    return user


def _program(script: str, module: str) -> tuple[str, ...]:
    """The command that runs this installation's script."""
    beside = Path(sys.executable).parent / script
    return (str(beside),) if beside.is_file() and os.access(beside, os.X_OK) else (sys.executable, "-m", module)


def _ours(path: Path) -> str | None:
    """The text of a unit file of ours; None where there is none.

    Raises:
        InputError: It is somebody else's.
    """
    if path.is_symlink():
        raise InputError("This unit is a link that seatkeeper did not make.", file=str(path), remedy="Take another --name, or remove it.")
    text = read_text(path)
    if text is not None and not is_ours(text):
        raise InputError("seatkeeper did not write this unit, and leaves it alone.", file=str(path), remedy="Take another --name.")
    return text


def _check_account(unit: Unit) -> None:
    """Raises InputError where the account does not exist, is root, or could not run the server."""
    account = accounts.account_of(unit.user)
    if account.uid == 0:
        raise InputError("The license server needs no root, and a service does not run as it.", file="--user", found=unit.user)
    licenses = _license_files(unit.license)
    beside = [path for place in dict.fromkeys(path.parent for path in licenses) for path in sorted(place.iterdir())]
    needed = [*licenses, *(path for path in beside if path.suffix in (".trust", ".credential"))]
    closed = accounts.unreadable(account, needed)
    if closed:
        raise InputError(
            f"{unit.user} may not read this file.",
            file=str(closed[0]),
            remedy=f"Give it the files, with `chown {unit.user} {' '.join(map(str, closed))}`, or name another account with --user.",
        )
    if accounts.unreadable(account, [Path(unit.lmgrd[0]), Path(sys.executable).resolve()]):
        raise InputError(
            f"{unit.user} may not run the license server, which is installed here.",
            file=unit.lmgrd[0],
            remedy="Install seatkeeper where everybody may read it, as in /opt/seatkeeper.",
        )


def _license_files(place: str) -> list[Path]:
    from seatkeeper.cli.lmcommon import files_of

    return files_of(place)


def _prepare(unit: Unit) -> None:
    """Makes the directories that systemd does not make.

    Raises:
        InputError: One is there, and the account may not write it.
    """
    account = accounts.account_of(unit.user) if unit.user else None
    for path, kept in ((Path(unit.data), unit.state), (Path(unit.log).parent, unit.logs)):
        if not kept and not path.exists():
            path.mkdir(mode=0o750, parents=True)
            if account is not None:
                os.chown(path, account.uid, account.gid)
        elif not kept and account is not None and not accounts.may_write(account, path):
            remedy = f"Give it the directory, with `chown {unit.user} {path}`, or name another."
            raise InputError(f"{unit.user} may not write this directory.", file=str(path), remedy=remedy)


# Remove, status, wait --------------------------------------------------------------------------------------------


def _remove(options: argparse.Namespace) -> int:
    name, scope = _name(options), cast("Scope", options.scope)
    directory = systemd.units_directory(scope)
    file, target = directory / f"{name}.service", directory / READY
    if _ours(file) is None:
        print(f"seatkeeper service: {file} does not exist: nothing is installed under this name.", file=sys.stderr)
        return _NOT_INSTALLED
    others = [path for path in directory.glob("*.service") if path != file and not path.is_symlink() and is_ours(read_text(path) or "")]
    last = not others and target.exists() and not target.is_symlink() and is_ours(read_text(target) or "")
    gone = [file.name, *([READY] if last else [])]
    running = systemd.runs(scope)
    if running:
        systemd.systemctl(scope, "disable", "--now", *gone)
    for unit in gone:
        (directory / unit).unlink()
    if running:
        systemd.systemctl(scope, "daemon-reload")
    if options.json:
        print(_json({"name": name, "removed": [str(directory / unit) for unit in gone], "stopped": running}))
    else:
        print(f"{file} is removed. License files, journals and logs are where they were.")
    return 0


def _status(options: argparse.Namespace) -> int:
    name, scope = _name(options), cast("Scope", options.scope)
    file = systemd.units_directory(scope) / f"{name}.service"
    text = read_text(file)
    ours = text is not None and not file.is_symlink() and is_ours(text)
    license_file = license_of(text) if text is not None and ours else ""
    state = systemd.state_of(scope, file.name) if text is not None and systemd.runs(scope) else {}
    active = state.get("ActiveState") == "active"
    servers = _servers(license_file) if license_file else []
    if options.json:
        found = {"name": name, "unit": str(file), "installed": text is not None, "ours": ours, "systemd": state}
        print(_json({**found, "license": license_file, "servers": servers}))
    elif text is None:
        print(f"{file} does not exist: nothing is installed under this name.")
    else:
        print(f"unit      {file}" + ("" if ours else " (not seatkeeper's)"))
        told = f"{state.get('ActiveState', '?')} ({state.get('SubState', '?')}), {state.get('UnitFileState', '?')} at boot"
        print(
            f"systemd   {told}, pid {state.get('MainPID', '?')}, started again {state.get('NRestarts', '?')} times"
            if state
            else "systemd   does not run here"
        )
        for line in (*([f"license   {license_file}"] if license_file else []), *map(_told, servers)):
            print(line)
    if text is None:
        return _NOT_INSTALLED
    return 0 if active else _NOT_RUNNING


def _told(server: dict[str, Any]) -> str:
    daemons = ", ".join(f"{name} {'UP' if up else 'down'}" for name, up in server["daemons"].items())
    return f"server    port {server['port']}: {'UP' if server['up'] else 'down'}" + (f" ({daemons})" if daemons else "")


def _servers(license_file: str) -> list[dict[str, Any]]:
    """Each port of the license file's SERVER lines on this machine: whether lmgrd answers there, and which vendor daemons are up."""
    from seatkeeper.cli.lmcommon import read_file
    from seatkeeper.client.path import DEFAULT_PORT
    from seatkeeper.sdk.admin import server_status

    found: list[dict[str, Any]] = []
    try:
        ports = {server.port or DEFAULT_PORT for path in _license_files(license_file) for server in read_file(path).file.servers}
    except LicenseError:
        return []
    for port in sorted(ports):
        try:
            daemons = {daemon.name: daemon.up for daemon in server_status("localhost", port, _ASK_S).daemons}
            found.append({"port": port, "up": True, "daemons": daemons})
        except LicenseError:
            found.append({"port": port, "up": False, "daemons": {}})
    return found


def _wait(options: argparse.Namespace) -> int:
    until = clock.monotonic() + options.seconds
    _license_files(options.license)
    while True:
        servers = _servers(options.license)
        # Of a triad's three ports only one is this machine's.
        if any(server["daemons"] and all(server["daemons"].values()) for server in servers):
            return 0
        if clock.monotonic() >= until:
            break
        sleep(_PAUSE_S)
    told = "; ".join(_told(server).split(None, 1)[1] for server in servers) or "the license file names no server"
    print(f"seatkeeper service: not serving after {options.seconds:g} s: {told}. See lmstat -a and the debug log.", file=sys.stderr)
    return 1


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
