"""`seatkeeper app`: licensed applications: which there are, what each of them does, and one that runs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatkeeper.apps.options import Option
    from seatkeeper.apps.profile import Profile

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
        features = "\n".join(license.feature for license in profile.licenses)
        table.add_row(profile.type, profile.name, features, "\n".join(license.behaviour for license in profile.licenses))
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
    for line in _text(profile):
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
            {"name": event.name, "fields": list(event.fields), "optional": list(event.optional), "text": event.text}
            for event in (*profile.events, *COMMON_EVENTS)
        ],
        "unlicensed": profile.unlicensed,
        "violation": profile.violation,
        "recovery": profile.recovery,
        "degrades": [{"function": function, "text": text} for function, text in profile.functions],
        "single_server": profile.single_server,
    }


def _text(profile: Profile) -> Iterator[str]:
    from seatkeeper.apps.application import COMMON_EVENTS
    from seatkeeper.apps.profile import BEHAVIOURS, LICENSE_FILE

    yield f"{profile.name} ({profile.type})"
    yield f"After: {profile.source}."
    yield ""
    yield "Checks out"
    for license in profile.licenses:
        yield f"  {license.feature} {license.version:<5} {license.text}"
        yield f"      {license.behaviour}: {BEHAVIOURS[license.behaviour]}"
    yield ""
    yield "Without a license"
    yield f"  At startup      {profile.unlicensed}"
    yield f"  At run time     {profile.violation}"
    yield f"  When it is back {profile.recovery}"
    for function, text in profile.functions:
        yield f"  Degrades        {function}: {text}"
    if profile.single_server:
        yield "  Knows one license server only: a license path with several is reported, and the first of them used."
    yield ""
    yield "Options"
    for option in (LICENSE_FILE, *profile.options):
        default = _written(option)
        yield f"  [{option.section}] {option.name}"
        yield f"      {option.text}"
        yield f"      Default {default}; valid: {option.valid}. A change holds {option.takes_effect}."
    yield ""
    yield "Events"
    for event in (*profile.events, *COMMON_EVENTS):
        fields = [*event.fields, *(f"[{field}]" for field in event.optional)]
        yield f"  {event.name:<24} {' '.join(fields):<22} {event.text}"
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
    """A line for its feed."""
    import msgspec

    event = profile.events[0]
    return msgspec.json.encode({"event": event.name, **{field: f"{field}1" for field in event.fields}}).decode()
