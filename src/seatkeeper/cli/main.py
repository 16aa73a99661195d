"""`seatkeeper`: one command with subcommands, each in a module of its own that is imported only when it is asked for.

`hold` must start within a blink, so nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

from seatkeeper import __version__
from seatkeeper.cli import streams

__all__ = ["COMMANDS", "main"]

#: Name -> (module with `main(argv) -> int`, what it is for), in the order of the help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "the whole system on this machine, from order to lmstat"),
    "vendor": ("vendor", "a vendor's keys and trust file: init, show, rotate, revoke, ceremony"),
    "catalog": ("catalog", "what is sold: products, technical licenses, applications"),
    "order": ("order", "the license order: template, check, expand"),
    "issue": ("issue", "a signed license file from an order"),
    "desk": ("desk", "the licensing desk's registry: orders, changes, every license file issued"),
    "entitlement": ("entitlement", "what customers are entitled to, and what of it ends soon"),
    "deliver": ("deliver", "issued license files to the customer: mail, certificate, record"),
    "intake": ("intake", "orders that arrive by mail or as files: check, answer, approve"),
    "license": ("license", "license files: show, lint, verify, diff, merge, split, import, entitlement"),
    "options": ("options", "options files: lint them, explain what they mean for one person"),
    "diagnose": ("diagnose", "why a checkout does not work, and what to do; explain an error or a log line"),
    "hold": ("hold", "run a program while it holds licenses"),
    "app": ("app", "licensed applications: list, show, run"),
    "simulate": ("simulate", "a contact center's day against a real license server, or its month in a database"),
    "usage": ("usage", "use of sellable items: collect or load sessions, report peaks against what was bought"),
    "service": ("service", "the license server as a service: install, remove, status, wait"),
    "admin": ("admin", "who administers a license server from other machines: add, list, remove"),
    "journal": ("journal", "a vendor daemon's record of use: show, verify, export"),
}


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: seatkeeper COMMAND [...]",
            "",
            "Open license management on FlexNet-format license files.",
            "",
            *lines,
            "",
            "`seatkeeper COMMAND --help` says more. The license server is `lmgrd`, the classic tools are in `lmutil`.",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Runs one subcommand and returns its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(_help())
        return 0 if arguments else 2
    if arguments[0] in {"-V", "--version"}:
        print(f"seatkeeper {__version__}")
        return 0
    known = COMMANDS.get(arguments[0])
    if known is None:
        from difflib import get_close_matches

        near = get_close_matches(arguments[0], COMMANDS, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        print(f"seatkeeper: there is no command {arguments[0]!r}.{meant} See `seatkeeper --help`.", file=sys.stderr)
        return 2
    return streams.run(f"seatkeeper {arguments[0]}", lambda: import_module(f"seatkeeper.cli.{known[0]}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main())
