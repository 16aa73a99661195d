"""`lmpath` shows, sets and explains this user's license path; nothing but this command ever writes `.flexlmrc`.

FlexNet keeps on Windows in the registry what it keeps here in the file; ours is the file on every system. A checkout never writes it:
a path that once worked must not come back years later to puzzle somebody (facts, FlexNet 8 and 11, row 19).
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters import clock
from seatkeeper.adapters.settings import default_file, stored_paths
from seatkeeper.adapters.textfiles import change_text, read_text
from seatkeeper.base.errors import InputError, LicenseError, exit_status
from seatkeeper.cli import lmcommon
from seatkeeper.cli.lmcommon import UsageError
from seatkeeper.client.flexlmrc import ALL, GENERAL, added, flexlmrc_name, odd_lines, separator, variable_of, variables, with_variable
from seatkeeper.client.path import Chosen, parse_path, path_sources, vendor_variable
from seatkeeper.licfile.grammar import check_vendor_name, forbidden_at

if TYPE_CHECKING:
    from seatkeeper.client.path import Entry

__all__ = ["USAGE", "run"]

USAGE: Final = """\
usage: lmpath {-add | -override} {VENDOR | all} LIST
       lmpath -status [--json]
       lmpath -explain [VENDOR] [--json]

    -add        put the entries of LIST before those that are set for the vendor, or for all
    -override   set LIST in place of them; an empty LIST ("") deletes them
    -status     show the license paths of the environment and of this user's .flexlmrc
    -explain    show where an application of VENDOR (genesys.d) looks for its license path, what counts, and where that leads
    --json      print JSON, for scripts
    -v          version of this program
    -help       this text

LIST has entries as -c of the other tools: FILE, DIRECTORY, PORT@HOST, @HOST; several with ':' (Windows: ';').
"""

_VENDOR: Final = "genesys.d"
_KINDS: Final = {"-add": "", "-override": "", "-status": "", "-explain": "", "--json": ""}
_WORDS: Final = {"-add": 2, "-override": 2, "-status": 0, "-explain": 1}
_WINDOWS: Final = sys.platform == "win32"
_PRIVATE: Final = 0o600


def run(argv: list[str], program: str) -> int:
    """Does what the command line asks for; returns 0, or 255 where -explain finds no license path.

    Raises:
        UsageError: The command line cannot be understood.
        InputError: A license path is malformed, or `.flexlmrc` cannot be read or written.
    """
    options = lmcommon.read_options(argv, _KINDS, 2)
    year = datetime.fromtimestamp(clock.now()).year
    if lmcommon.said(options, program, "lmpath", USAGE, year):
        return 0
    asked = [flag for flag in _WORDS if options.has(flag)]
    if len(asked) != 1 or options.has("-c"):
        raise UsageError("lmpath does one thing at a time.", found=" ".join(asked), expected="one of " + ", ".join(_WORDS))
    todo, words = asked[0], options.words
    if len(words) > _WORDS[todo] or (len(words) < _WORDS[todo] and todo != "-explain"):
        raise UsageError(f"{todo} does not take these words.", found=" ".join(words), expected="those of the usage below")
    if not options.has("--json"):
        print(lmcommon.banner(program, year))
    if todo == "-status":
        return _status(as_json=options.has("--json"))
    if todo == "-explain":
        return _explain(_known(words[0] if words else _VENDOR), as_json=options.has("--json"))
    return _change(_known(words[0]), words[1], add=todo == "-add")


def _known(vendor: str) -> str:
    try:
        return vendor if vendor.lower() == ALL else check_vendor_name(vendor)
    except ValueError as error:
        raise UsageError("This is no vendor.", found=vendor, expected=f"{error}, or {ALL}") from None


def _file() -> Path:
    name = flexlmrc_name(os.environ, _WINDOWS)
    if not name:
        raise InputError("There is no home directory to keep a license path in.", file="HOME", remedy="Set HOME.")
    return Path(name)


def _change(vendor: str, path: str, *, add: bool) -> int:
    file = _file()
    variable = variable_of(vendor)
    given = _checked(path, vendor) if path.strip() else ""
    if add and not given:
        raise InputError("There is nothing to add.", file="-add", remedy='To delete a license path, use -override with "".')

    def change(text: str) -> str:
        return with_variable(text, variable, added(variables(text).get(variable, ""), given, _WINDOWS) if add else given)

    text, after = change_text(file, change, mode=_PRIVATE)
    before, wanted = (variables(each).get(variable, "") for each in (text, after))
    if wanted:
        print(f"{variable}={wanted}")
    else:
        print(f"{variable} is not set in {file} any more." if before else f"{variable} was not set in {file}.")
    for entry in parse_path(wanted, _WINDOWS):
        try:
            if entry.place and not Path(entry.place).exists():
                lmcommon.complain("lmpath", f"there is no file or directory {entry.place}.")
        except OSError as error:
            lmcommon.complain("lmpath", f"{entry.place} cannot be looked at: {error.strerror}.")
    for chosen in path_sources(None, None, os.environ, vendor if vendor.lower() != ALL else _VENDOR):
        if chosen.text and chosen.origin == variable:
            lmcommon.complain("lmpath", f"{variable} is set in the environment too, and that counts first.")
    return 0


def _checked(path: str, vendor: str) -> str:
    """The license path with its relative names made absolute, since it is to be good in every directory."""
    if forbidden_at(path) >= 0:
        raise InputError("The license path holds a character that cannot be stored.", file=vendor, found=ascii(path))
    entries = parse_path(path, _WINDOWS, origin=vendor)
    if not entries:
        raise InputError("The license path has no entry.", file=vendor, found=path)
    # A link is left as it is: it may lead elsewhere tomorrow.
    return separator(_WINDOWS).join(os.path.abspath(entry.place) if entry.place else entry.text for entry in entries)  # noqa: PTH100


def _status(*, as_json: bool) -> int:
    file = flexlmrc_name(os.environ, _WINDOWS)
    stored = variables(read_text(Path(file)) or "") if file else {}
    rows = [(name, value.strip(), name) for name, value in sorted(os.environ.items()) if name.endswith("_LICENSE_FILE") and value.strip()]
    rows += [(name, value, f"{name} in .flexlmrc") for name, value in sorted(stored.items())]
    if as_json:
        print(_json([{"vendor": _vendor_of(name), "path": value, "from": origin} for name, value, origin in rows]))
        return 0
    for title, general in (("Known Vendors:", False), ("Other Vendors:", True)):
        print("", title, "_" * len(title), "", sep="\n")
        shown = [row for row in rows if (row[0] == GENERAL) == general]
        for name, value, origin in shown:
            print(f"{'' if general else _vendor_of(name) + ': '}{value}    ({origin})")
        if not shown:
            print("(no license path is set)")
    return 0


def _vendor_of(variable: str) -> str:
    """The vendor that a variable is for, as far as its name tells: the dot of `genesys.d` has become `_`."""
    if variable == GENERAL:
        return ALL
    return _VENDOR if variable == vendor_variable(_VENDOR) else variable.removesuffix("_LICENSE_FILE").lower()


def _explain(vendor: str, *, as_json: bool) -> int:
    remarks: list[str] = []
    file = flexlmrc_name(os.environ, _WINDOWS)
    try:
        text = (read_text(Path(file)) or "") if file else ""
    except InputError as error:
        text = ""
        remarks.append(f"{error} Applications pass over it.")
    remarks += [f"{file}, line {number}: this says nothing; expected is NAME_LICENSE_FILE=path." for number in odd_lines(text)]
    sources = [
        *path_sources(None, None, os.environ, vendor if vendor.lower() != ALL else "", stored_paths(os.environ))[2:],
        Chosen(default_file(_WINDOWS), "default license file"),
    ]
    if vendor.lower() == ALL:
        sources = [source for source in sources if not source.origin.startswith("_")]
    counts = next((source for source in sources if source.text), None)
    entries: list[tuple[Entry, str]] = []
    if counts is not None:
        try:
            entries = [(entry, _leads_to(entry)) for entry in parse_path(counts.text, _WINDOWS, origin=counts.origin)]
        except InputError as error:
            remarks.append(f"{error} Applications refuse the whole path.")
    if as_json:
        rows = [{"from": source.origin, "path": source.text, "counts": source is counts} for source in sources]
        leads = [{"entry": entry.text, "leads_to": told} for entry, told in entries]
        print(_json({"vendor": vendor, "file": file, "sources": rows, "entries": leads, "remarks": remarks}))
    else:
        _print_explained(vendor, sources, counts, entries)
        for remark in remarks:
            lmcommon.complain("lmpath", remark)
    return 0 if counts is not None else exit_status(-1)


def _print_explained(vendor: str, sources: list[Chosen], counts: Chosen | None, entries: list[tuple[Entry, str]]) -> None:
    who = "all vendors" if vendor.lower() == ALL else vendor
    print(
        "",
        f"The license path for {who} is the first of these that is set, unless the application names one itself (-l, license-file):",
        "",
        sep="\n",
    )
    width = max(len(source.origin) for source in sources)
    over = False
    for source in sources:
        mark = "=>" if source is counts else "  "
        told = (source.text + ("    (not asked)" if over else "")) if source.text else "not set"
        print(f"{mark} {source.origin:<{width}}  {told}")
        over = over or source is counts
    if entries:
        print("", "Its entries, in the order in which they are asked:", "", sep="\n")
        width = max(len(entry.text) for entry, _ in entries)
        for entry, told in entries:
            print(f"   {entry.text:<{width}}  {told}")
    print("", "Nothing but lmpath writes .flexlmrc: a checkout leaves no path behind.", sep="\n")


def _leads_to(entry: Entry) -> str:
    """What an entry means, as far as this machine can tell without asking a server."""
    if entry.addresses:
        return ", ".join(f"license server {address.host}, port {address.port}" for address in entry.addresses)
    try:
        files = lmcommon.files_of(entry.place)
        targets, _ = lmcommon.targets_of([entry])
    except LicenseError as error:
        return error.reason
    what = "license file" if len(files) == 1 else f"{len(files)} license files"
    return f"{what}, with {', '.join(map(str, targets))}"


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
