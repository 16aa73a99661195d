"""What a user's `.flexlmrc` says of license paths, and the file with one of them changed and nothing else.

FlexNet keeps there what on Windows is in the registry: lines `VENDOR_LICENSE_FILE=path` (facts 5.7 and 8). Programs of other
vendors may keep lines of their own in it, so every line that is not changed stays as it is, to the byte. The first line of a name
counts for nothing once a later one has the same name, as in a shell's profile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from seatkeeper.client.path import parse_path, vendor_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALL", "GENERAL", "added", "flexlmrc_name", "odd_lines", "separator", "variable_of", "variables", "with_variable"]

#: The variable for all vendors, and the word for them.
GENERAL: Final = "LM_LICENSE_FILE"
ALL: Final = "all"
_NAME: Final = ".flexlmrc"
_LINE: Final = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def flexlmrc_name(environment: Mapping[str, str], windows: bool) -> str:
    """The file's name: `.flexlmrc` in the user's home; empty for a process that has none."""
    # A service may have neither; then the file of nobody is meant.
    home = environment.get("HOME") or (environment.get("USERPROFILE", "") if windows else "")
    return f"{home.rstrip('/')}/{_NAME}" if home else ""


def separator(windows: bool) -> str:
    """What stands between the entries of a license path."""
    return ";" if windows else ":"


def variable_of(vendor: str) -> str:
    """The variable of a vendor, or of `all` of them."""
    return GENERAL if vendor.lower() == ALL else vendor_variable(vendor)


def variables(text: str) -> dict[str, str]:
    """The license paths that the file sets, by variable; without the empty ones."""
    found = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is not None and match[1].endswith("_LICENSE_FILE"):
            found[match[1]] = match[2].strip()
    return {name: value for name, value in found.items() if value}


def odd_lines(text: str) -> list[int]:
    """The numbers of the lines that say nothing: neither `NAME=value` nor a comment nor empty."""
    lines = enumerate(text.split("\n"), 1)
    return [
        number for number, line in lines if line.strip() and not line.lstrip().startswith("#") and not _LINE.fullmatch(line.rstrip("\r"))
    ]


def with_variable(text: str, name: str, value: str) -> str:
    """The file's text with this variable at that value, or without it where the value is empty."""
    lines = text.split("\n")
    found = [_is_of(line, name) for line in lines]
    # Where it stands, so that the file keeps its order; a second line of the name would hide the first.
    first = found.index(True) if True in found else -1
    kept = [f"{name}={value}" if at == first else line for at, line in enumerate(lines) if not found[at] or (value and at == first)]
    if value and first < 0:
        kept = [*(kept[:-1] if kept[-1] == "" else kept), f"{name}={value}", ""]
    return "\n".join(kept)


def _is_of(line: str, name: str) -> bool:
    match = _LINE.fullmatch(line.removesuffix("\r"))
    return match is not None and match[1] == name


def added(path: str, more: str, windows: bool) -> str:
    """`more` before `path`, each entry once: what is added is asked first.

    Raises:
        InputError: An entry of them is malformed.
    """
    entries = [*parse_path(more, windows, origin="-add"), *parse_path(path, windows, origin=_NAME)]
    return separator(windows).join(dict.fromkeys(entry.text for entry in entries))
