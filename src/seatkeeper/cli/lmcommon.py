"""What the classic tools share: one way to read flags, one license path, one way to ask all its servers at once.

A flag is a word of the tool's table, known in any order and in its own case (`-a` and `-A` differ). The license path is `-c`,
else every `*_LICENSE_FILE` variable and LM_LICENSE_FILE together, as "all vendors' variables are honored by lmutil" (facts,
FlexNet 5), each from the environment or else from `.flexlmrc`. Servers are asked side by side, so one dead entry costs its own
timeout and not everybody's.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, field

from seatkeeper import __version__
from seatkeeper.adapters.settings import default_file, license_files_in, stored_paths
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.path import DEFAULT_PORT, LICENSE_SUFFIXES, Address, Entry, parse_path
from seatkeeper.sdk.access import note_license_file
from seatkeeper.sdk.admin import TIMEOUT_S, server_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seatkeeper.licfile.model import Parsed
    from seatkeeper.wire.messages import ServerStatus

__all__ = [
    "Options",
    "Reply",
    "Target",
    "UsageError",
    "ask_all",
    "banner",
    "complain",
    "complain_of",
    "files_of",
    "license_path",
    "read_file",
    "read_options",
    "said",
    "same_host",
    "side_by_side",
    "targets_of",
    "version_line",
]

#: Servers asked at the same time.
_ASKED_MAX: Final = 32
_FILES_MAX: Final = 1024

_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")


class UsageError(InputError):
    """A tool was called in a way that it does not know; its usage follows the sentence."""


# Words of the command line ---------------------------------------------------------------------------------------


class Options(Struct, frozen=True):
    """The flags given, each with its value (empty for a flag without one), and the words that are no flags."""

    flags: dict[str, str]
    words: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        """True where one of these flags was given."""
        return any(name in self.flags for name in names)


#: Flags that every tool knows (facts, FlexNet 5, "Common options"). `-verbose` changes nothing here.
_COMMON: Final[dict[str, str]] = {"-c": "license path", "-v": "", "-help": "", "--help": "", "-verbose": ""}


def read_options(argv: Sequence[str], kinds: Mapping[str, str], words_max: int = 0) -> Options:
    """The command line by a tool's table of flags: name to the value it takes, `[value]` where that may be left out.

    Raises:
        UsageError: A flag is unknown or lacks its value, or there are more than `words_max` words.
    """
    known = _COMMON | dict(kinds)
    flags: dict[str, str] = {}
    words: list[str] = []
    position = 0
    while position < len(argv):
        word = argv[position]
        position += 1
        if word in known:
            value = known[word]
            follows = position < len(argv)
            if value and follows and not (value.startswith("[") and argv[position].startswith("-")):
                flags[word] = argv[position]
                position += 1
            elif value and not value.startswith("["):
                raise UsageError("This option needs a value.", file=word, expected=value)
            else:
                flags[word] = ""
        elif word.startswith("-") and word != "-":
            raise UsageError("This option is not known.", file=word)
        elif len(words) == words_max:
            raise UsageError("This word is not expected here.", found=word, expected="options" if not words_max else "no more words")
        else:
            words.append(word)
    return Options(flags, tuple(words))


def banner(program: str, year: int) -> str:
    """The first line of every classic tool, by the name it was called by."""
    return f"{program} - Copyright (c) {year} seatkeeper authors"


def version_line(name: str, version: str = __version__, note: str = "") -> str:
    """`name v0.1.0 build 100 x64_lsb`, with the note before the platform: readers look for the version after `v` (lmstat formats, 7)."""
    from seatkeeper.adapters.host import platform_name

    # The build number rises with the release: 1.2.3 is 10203.
    numbers = [int("".join(char for char in part if char.isdigit()) or 0) for part in version.split(".")[:3]]
    build = sum(number * weight for number, weight in zip(numbers, (10000, 100, 1), strict=False))
    return " ".join(part for part in (name, f"v{version}", f"build {build}", note, platform_name()) if part)


def said(options: Options, program: str, tool: str, usage: str, year: int) -> bool:
    """True when the call only asked for help or the version, which is then printed."""
    if options.has("-help", "--help"):
        print(banner(program, year), "", usage.rstrip(), sep="\n")
    elif options.has("-v"):
        print(banner(program, year), version_line(tool), sep="\n")
    else:
        return False
    return True


def complain(tool: str, text: str) -> None:
    """Prints a sentence for people on stderr, after everything that stdout has to say."""
    sys.stdout.flush()
    print(f"{tool}: {text}", file=sys.stderr)


def complain_of(tool: str, errors: Sequence[LicenseError]) -> int:
    """Says each error and what to do about it; returns the exit status of the first, 0 where there is none."""
    for error in errors:
        complain(tool, " ".join(part for part in (error.short(), error.reason, error.remedy) if part))
    return errors[0].exit_status if errors else 0


# License path ----------------------------------------------------------------------------------------------------


class Target(Struct, frozen=True):
    """One server to ask, or the three of a triad."""

    addresses: tuple[Address, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.addresses))


def license_path(option: str | None, environment: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries of `-c`, else of all license variables: GENESYS_D_LICENSE_FILE, other vendors' by name, LM_LICENSE_FILE.

    A variable that the environment does not set has the value that lmpath keeps for it; where there is none at all, FlexNet's default
    file counts, as for applications.

    Raises:
        InputError: An entry is none.
        LicenseError: -1, there is no entry at all.
    """
    windows = sys.platform == "win32"
    if option is not None:
        entries = list(parse_path(option, windows, origin="-c"))
    else:
        entries = []
        for origin, text in _variables(environment, windows):
            entries += [entry for entry in parse_path(text, windows, origin=origin) if entry not in entries]
        if not entries:
            entries += parse_path(default_file(windows), windows, origin="default license file")
    if not entries:
        reason = "The license path of -c is empty."
        if option is None:
            reason = "There is no -c, no license variable is set, and lmpath has stored none."
        raise LicenseError(-1, minor=359, system=(2, "No such file or directory"), reason=reason)
    return tuple(entries)


def _variables(environment: Mapping[str, str], windows: bool) -> list[tuple[str, str]]:
    """Where each license path comes from, and what it is, in the order in which they are asked."""
    stored = stored_paths(environment, windows=windows)
    found = {name: (name, text) for name, text in environment.items() if name.upper().endswith("_LICENSE_FILE") and text.strip()}
    found = {name: (f"{name} in .flexlmrc", text) for name, text in stored.items()} | found
    return [found[name] for name in sorted(found, key=lambda name: (name != "GENESYS_D_LICENSE_FILE", name == "LM_LICENSE_FILE", name))]


def files_of(place: str) -> list[Path]:
    """The license files that an entry names: itself, or those of the directory by name.

    Raises:
        LicenseError: -1, there are none; -30, this account may not see what is there.
    """
    path = Path(place)
    try:
        if path.is_dir():
            found = license_files_in(path)
            if found:
                return found[:_FILES_MAX]
            reason = f"The directory {place} has no file that ends in {' or '.join(LICENSE_SUFFIXES)}."
        elif path.exists():
            return [path]
        else:
            reason = f"There is no file or directory {place}."
    except OSError as error:
        system = (error.errno or 0, error.strerror or "")
        raise LicenseError(-30, minor=359, system=system, reason=f"{place} cannot be read.") from error
    raise LicenseError(-1, minor=359, system=(2, "No such file or directory"), reason=reason)


def read_file(path: Path) -> Parsed:
    """The parsed license file.

    Raises:
        LicenseError: -30, it cannot be read; -2, it is too long.
    """
    from seatkeeper.licfile.grammar import FILE_BYTES_MAX
    from seatkeeper.licfile.parser import decode, parse

    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = f"{path} cannot be read."
        raise LicenseError(-30, minor=359, system=(error.errno or 0, error.strerror or ""), reason=reason) from error
    if len(data) > FILE_BYTES_MAX:
        raise LicenseError(-2, minor=359, reason=f"{path} is longer than {FILE_BYTES_MAX >> 20} MiB.")
    return parse(decode(data), str(path))


def targets_of(entries: Iterable[Entry]) -> tuple[list[Target], list[LicenseError]]:
    """The servers that the entries name, each once, and why an entry names none; a license file stands for its SERVER lines.

    Raises:
        LicenseError: The first entry's error (-1, -2, -13, -30), where no entry names a server.
    """
    targets: list[Target] = []
    errors: list[LicenseError] = []
    for entry in entries:
        try:
            targets += [Target(entry.addresses)] if entry.addresses else _targets_of_place(entry.place)
        except LicenseError as error:
            errors.append(error)
    if not targets:
        raise errors[0]
    return list(dict.fromkeys(targets)), errors


def _targets_of_place(place: str) -> list[Target]:
    found: list[Target] = []
    for path in files_of(place):
        file = read_file(path).file
        servers = file.servers
        if servers:
            note_license_file(path, tuple(file.hostids))
            # `this_host` is the machine that reads the file (facts, FlexNet 1.2).
            hosts = ["localhost" if server.host.lower() == "this_host" else server.host.strip("[]") for server in servers]
            ports = [server.port or DEFAULT_PORT for server in servers]
            found.append(Target(tuple(map(Address, hosts, ports))))
    if not found:
        raise LicenseError(-13, minor=359, reason=f"{place} names no license server.")
    return found


# Servers ---------------------------------------------------------------------------------------------------------


class Reply(Struct, frozen=True):
    """What a target answered.

    Attributes:
        target: Who was asked.
        status: The answer; None where nobody answered.
        at: The address that answered.
        errors: Why others did not, by host and port.
    """

    target: Target
    status: ServerStatus | None = None
    at: Address | None = None
    errors: dict[tuple[str, int], LicenseError] = field(default_factory=dict)

    @property
    def error(self) -> LicenseError | None:
        """Why there is no answer; None where there is one."""
        return next(iter(self.errors.values()), None) if self.status is None else None


def side_by_side(work: Callable[[_Asked], _Told], asked: Sequence[_Asked]) -> list[_Told]:
    """`work` done on each, in threads where there are several, in their order."""
    if len(asked) < 2:
        return [work(one) for one in asked]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(asked), _ASKED_MAX)) as pool:
        return list(pool.map(work, asked))


def ask_all(targets: Sequence[Target], timeout: float = TIMEOUT_S) -> list[Reply]:
    """Every target's reply. Of a triad the master's view counts, or else that of the first member that answers."""

    def ask(address: Address) -> ServerStatus | LicenseError:
        try:
            return server_status(address.host, address.port, timeout)
        except LicenseError as error:
            return error

    addresses = list(dict.fromkeys(address for target in targets for address in target.addresses))
    answers = dict(zip(addresses, side_by_side(ask, addresses), strict=True))
    return [_reply(target, answers) for target in targets]


def _reply(target: Target, answers: Mapping[Address, ServerStatus | LicenseError]) -> Reply:
    told: list[tuple[Address, ServerStatus]] = []
    errors: dict[tuple[str, int], LicenseError] = {}
    for address in target.addresses:
        answer = answers[address]
        if isinstance(answer, LicenseError):
            errors[address.host, address.port] = answer
        else:
            told.append((address, answer))
    if not told:
        return Reply(target, errors=errors)
    at, status = next((one for one in told if any(member.master for member in one[1].members)), told[0])
    return Reply(target, status, at, errors)


def same_host(one: str, other: str) -> bool:
    """True for names of one host: equal in any case, or one of them the other's first label."""
    first, second = one.lower().strip("[]"), other.lower().strip("[]")
    return first == second or first.split(".")[0] == second or first == second.split(".")[0]
