"""`seatkeeper app list` and `show`: what an administrator and a script read of the applications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.apps.events import Occurred
from seatkeeper.apps.profile import BEHAVIOURS, FIELD_KINDS, LICENSE_FILE, SiteEvent, read_fields
from seatkeeper.apps.registry import APPLICATIONS
from seatkeeper.cli.app import example_event, example_profile, main
from seatkeeper.drive.feed import event_of
from seatkeeper.drive.profilefile import read_profile

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.apps.application import Application

EVERY = pytest.mark.parametrize("made", APPLICATIONS.values(), ids=lambda made: made.profile.type)


def test_the_list_as_json_has_every_application(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == len(APPLICATIONS) >= 25
    for one in listed:
        assert one.keys() >= {"type", "name", "behaviours", "licenses", "options", "events", "unlicensed", "violation", "recovery"}
        assert all(license["meaning"] and license["version"] for license in one["licenses"])
        assert all(event["kinds"].keys() == {*event["fields"], *event["optional"]} for event in one["events"])
        assert all(option["takes_effect"] in ("immediately", "after restart") for option in one["options"])
        assert one["options"][0]["name"] == "license-file"


def test_the_list_for_a_person_names_types_and_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    for made in APPLICATIONS.values():
        assert made.profile.type in text
        assert all(license.feature in text for license in made.profile.licenses)


@EVERY
def test_what_is_shown_of_an_application_is_whole(made: type[Application], capsys: pytest.CaptureFixture[str]) -> None:
    profile = made.profile
    assert main(["show", profile.type]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 110
    text = " ".join(out.split())
    shown = [profile.name, profile.source, profile.unlicensed, profile.violation, profile.recovery]
    shown += [f"{license.feature} {license.version} {license.text}" for license in profile.licenses]
    shown += [f"{license.behaviour}: {BEHAVIOURS[license.behaviour]}" for license in profile.licenses]
    shown += [f"[{option.section}] {option.name} {option.text}" for option in (LICENSE_FILE, *profile.options)]
    shown += [f"A change holds {option.takes_effect}." for option in profile.options]
    shown += [event.name for event in profile.events]
    shown += [f"Degrades {function}: {text}" for function, text in profile.functions]
    shown += [f"{field}: {FIELD_KINDS[kind]}" for event in profile.events for field, kind in event.kinds.items()]
    shown += ["Knows one license server only"] if profile.single_server else []
    assert [part for part in shown if " ".join(part.split()) not in text] == []
    assert out.endswith(f"  {example_event(profile)}\n")


@EVERY
def test_what_is_shown_as_json_is_the_list_s_entry_and_an_example(made: type[Application], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", made.profile.type, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    example = shown.pop("example")
    assert example == {"profile": example_profile(made.profile), "event": example_event(made.profile)}
    main(["list", "--json"])
    assert shown in json.loads(capsys.readouterr().out)


@EVERY
def test_its_example_is_a_profile_and_an_event(made: type[Application], tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(example_profile(made.profile))
    profile = read_profile(path)
    assert profile.made is made
    app = made(profile.settings)
    # Each option stands there with its default, and the event is one that it takes.
    for option in made.profile.options:
        assert profile.settings.options[option.section][option.name] == option.default
        assert app.option(option.name, option.section) == option.default
    event = event_of(example_event(made.profile).encode())
    first = made.profile.events[0]
    assert isinstance(event, Occurred)
    assert event.name == first.name
    assert event.fields.keys() == set(first.fields)
    assert read_fields(first, event.fields) == (event.fields, "")


@pytest.mark.parametrize("kind", FIELD_KINDS)
def test_an_example_s_fields_are_of_their_kind(kind: str) -> None:
    event = SiteEvent("done", ("what",), "It is done.", kinds={"what": kind})
    profile = msgspec.structs.replace(APPLICATIONS["tserver"].profile, events=(event,))
    fields = json.loads(example_event(profile))
    assert fields.pop("event") == "done"
    assert read_fields(event, fields) == (fields, "")


def test_an_unknown_type_and_wrong_usage_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "tservr"]) == 2
    assert "tserver, perhaps" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
