"""`seatkeeper app list` and `show`: what an administrator and a script read of the applications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

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
        assert one.keys() >= {"type", "name", "licenses", "options", "events", "unlicensed", "violation", "recovery"}
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
    text = capsys.readouterr().out
    for shown in (profile.name, profile.unlicensed, profile.violation, profile.recovery, *(option.name for option in profile.options)):
        assert shown in text
    assert main(["show", profile.type, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == profile.type


@EVERY
def test_its_example_is_a_profile_and_an_event(made: type[Application], tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(example_profile(made.profile))
    profile = read_profile(path)
    assert profile.made is made
    app = made(profile.settings)
    assert not app._faults
    event = event_of(example_event(made.profile).encode())
    assert getattr(event, "name", "") == made.profile.events[0].name


def test_an_unknown_type_and_wrong_usage_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "tservr"]) == 2
    assert "tserver, perhaps" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
