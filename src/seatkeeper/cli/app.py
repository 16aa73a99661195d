"""`seatkeeper app`: licensed applications: which there are, what each of them does, and one that runs."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatkeeper.apps.options import Option, Value
    from seatkeeper.apps.profile import Profile, SiteEvent

__all__ = ["example_event", "example_profile", "main"]

_USAGE: Final = 2
_WIDTH: Final = 110


def main(argv: Sequence[str]) -> int:
    """Runs the command line and returns its exit status."""
    arguments = list(argv)
    if arguments[:1] == ["run"]:
        from seatkeeper.cli.app_run import main as run

        return run(arguments[1:])
    parser = argparse.ArgumentParser(prog="seatkeeper app", description="Licensed applications.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="which applications there are, and what they check out", allow_abbrev=False)
    showing = commands.add_parser("show", help="one application: licenses, options, events, what happens without", allow_abbrev=False)
    showing.add_argument("type", metavar="TYPE", help="the application's type, as `seatkeeper app list` has it")
    commands.add_parser("run", help="run an application: seatkeeper app run PROFILE.toml", add_help=False)
    for command in (listing, showing):
        command.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        return _list(options.json) if options.command == "list" else _show(options.type, options.json)
    except InputError as error:
        print(f"seatkeeper app: {error}", file=sys.stderr)
        return _USAGE


def _list(as_json: bool) -> int:
    from seatkeeper.apps.registry import APPLICATIONS

    profiles = [made.profile for made in APPLICATIONS.values()]
    if as_json:
        _print_json([_described(profile) for profile in profiles])
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Type", "Application", "Checks out", "How"):
        table.add_column(title, overflow="fold", no_wrap=title != "Application")
    for profile in profiles:
        columns = ([license.feature, license.behaviour] for license in profile.licenses)
        table.add_row(profile.type, profile.name, *("\n".join(column) for column in zip(*columns, strict=True)))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    console.print(table)
    console.print(f"{len(profiles)} applications. `seatkeeper app show TYPE` says more of one.")
    return 0


def _show(name: str, as_json: bool) -> int:
    from seatkeeper.apps.registry import application_type

    profile = application_type(name).profile
    if as_json:
        _print_json({**_described(profile), "example": {"profile": example_profile(profile), "event": example_event(profile)}})
        return 0
    width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 1)).columns) if sys.stdout.isatty() else _WIDTH
    for line in _text(profile, width):
        print(line.rstrip())
    return 0


def _print_json(value: Any) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _described(profile: Profile) -> dict[str, Any]:
    from seatkeeper.apps.application import COMMON_EVENTS
    from seatkeeper.apps.profile import BEHAVIOURS, LICENSE_FILE

    return {
        "type": profile.type,
        "name": profile.name,
        "number": profile.number,
        "source": profile.source,
        "behaviours": sorted({license.behaviour for license in profile.licenses}),
        "licenses": [
            {
                "feature": license.feature,
                "version": license.version,
                "behaviour": license.behaviour,
                "meaning": BEHAVIOURS[license.behaviour],
                "for": license.text,
            }
            for license in profile.licenses
        ],
        "options": [
            {
                "section": option.section,
                "name": option.name,
                "default": option.default,
                "valid": option.valid,
                "takes_effect": option.takes_effect,
                "text": option.text,
            }
            for option in (LICENSE_FILE, *profile.options)
        ],
        "events": [
            {
                "name": event.name,
                "fields": list(event.fields),
                "optional": list(event.optional),
                "kinds": {field: event.kinds.get(field, "text") for field in (*event.fields, *event.optional)},
                "text": event.text,
            }
            for event in (*profile.events, *COMMON_EVENTS)
        ],
        "unlicensed": profile.unlicensed,
        "violation": profile.violation,
        "recovery": profile.recovery,
        "degrades": [{"function": function, "text": text} for function, text in profile.functions],
        "single_server": profile.single_server,
    }


def _text(profile: Profile, width: int) -> Iterator[str]:
    from seatkeeper.apps.application import COMMON_EVENTS
    from seatkeeper.apps.profile import BEHAVIOURS, FIELD_KINDS, LICENSE_FILE

    def told(label: str, text: str, column: int) -> list[str]:
        room = f"{label:<{column - 1}} "
        return textwrap.wrap(text, max(width, column + 30), initial_indent=room, subsequent_indent=" " * column, break_on_hyphens=False)

    yield f"{profile.name} ({profile.type})"
    yield from told("After:", f"{profile.source}.", 7)
    yield ""
    yield "Checks out"
    widest = max(len(license.feature) for license in profile.licenses)
    for license in profile.licenses:
        yield from told(f"  {license.feature:<{widest}} {license.version}", license.text, widest + 8)
        yield from told("", f"{license.behaviour}: {BEHAVIOURS[license.behaviour]}", 6)
    yield ""
    yield "Without a license"
    yield from told("  At startup", profile.unlicensed, 18)
    yield from told("  At run time", profile.violation, 18)
    yield from told("  When it is back", profile.recovery, 18)
    for function, text in profile.functions:
        yield from told("  Degrades", f"{function}: {text}", 18)
    if profile.single_server:
        text = "Knows one license server only: a license path with several is reported, and the first of them used."
        yield from told("  License path", text, 18)
    yield ""
    yield "Options"
    for option in (LICENSE_FILE, *profile.options):
        yield f"  [{option.section}] {option.name}"
        yield from told("", option.text, 6)
        yield from told("", f"Default {_written(option)}; valid: {option.valid}. A change holds {option.takes_effect}.", 6)
    yield ""
    yield "Events"
    for event in (*profile.events, *COMMON_EVENTS):
        fields = [*event.fields, *(f"[{field}]" for field in event.optional)]
        yield from told(f"  {event.name:<24} {' '.join(fields)}", event.text, 52)
        for field, kind in event.kinds.items():
            yield from told("", f"{field}: {FIELD_KINDS[kind]}", 52)
    yield ""
    yield "A profile for `seatkeeper app run`, and an event for it"
    for line in [*example_profile(profile).splitlines(), "", example_event(profile)]:
        yield f"  {line}"


def _written(option: Option) -> str:
    if option.default == "":
        return "none"
    return str(option.default).lower() if isinstance(option.default, bool) else str(option.default)


def example_profile(profile: Profile) -> str:
    """A profile file of this application, with its options at their defaults."""
    lines = [f'type = "{profile.type}"', f'name = "{profile.type}_1"']
    sections: dict[str, list[str]] = {"license": ['license-file = "7260@localhost"']}
    for option in profile.options:
        value = f'"{option.default}"' if isinstance(option.default, str) else str(option.default).lower()
        sections.setdefault(option.section, []).append(f"{option.name} = {value}")
    for section, options in sections.items():
        lines += ["", f"[{section}]", *options]
    lines += ["", "[log]", 'standard = "stdout"']
    return "\n".join(lines) + "\n"


def example_event(profile: Profile) -> str:
    """A line for its feed: the first event that it serves."""
    import msgspec

    event = profile.events[0]
    return msgspec.json.encode({"event": event.name, **{field: _example(event, field) for field in event.fields}}).decode()


def _example(event: SiteEvent, field: str) -> Value | list[str]:
    kinds: dict[str, Value | list[str]] = {"time": 1_790_000_000, "flag": True, "texts": [f"{field}1"]}
    return kinds.get(event.kinds.get(field, "text"), f"{field}1")
