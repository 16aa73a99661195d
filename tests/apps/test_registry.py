"""Every profile says what it does, and does what it says."""

from __future__ import annotations

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.apps.application import COMMON_EVENTS, Application
from seatkeeper.apps.options import RESTART
from seatkeeper.apps.profile import BEHAVIOURS, Settings
from seatkeeper.apps.registry import APPLICATIONS, application_type
from seatkeeper.base.errors import InputError

EVERY = pytest.mark.parametrize("made", APPLICATIONS.values(), ids=lambda made: made.profile.type)


def everything_on(made: type[Application]) -> Application:
    """The application with every function that an option switches on, in hot standby."""
    options: dict[str, dict[str, object]] = {}
    for option in made.profile.options:
        if option.flag:
            options.setdefault(option.section, {})[option.name] = True
    return made(Settings("app", options, redundancy="hot standby"))


def test_there_are_at_least_twenty_five() -> None:
    assert len(APPLICATIONS) >= 25
    assert len({made.profile.name for made in APPLICATIONS.values()}) == len(APPLICATIONS)


@EVERY
def test_what_it_checks_out_is_what_its_profile_says(made: type[Application]) -> None:
    told = {(license.feature.lower(), license.version) for license in made.profile.licenses}
    built = {(behaviour.feature.lower(), behaviour.version) for behaviour in everything_on(made).behaviours}
    assert built
    assert built <= told
    assert {license.behaviour for license in made.profile.licenses} <= BEHAVIOURS.keys()


@EVERY
def test_it_asks_for_the_version_that_the_catalog_gives(made: type[Application]) -> None:
    versions = {(license.feature.lower(), license.version) for license in load_catalog().technical}
    for license in made.profile.licenses:
        assert (license.feature.lower(), license.version) in versions, license


@EVERY
def test_it_serves_the_events_that_its_profile_names(made: type[Application]) -> None:
    for event in (*made.profile.events, *COMMON_EVENTS):
        assert callable(getattr(made, f"on_{event.name.replace('-', '_')}", None)), event.name
    handlers = {name for name in dir(made) if name.startswith("on_")}
    assert handlers == {f"on_{event.name.replace('-', '_')}" for event in (*made.profile.events, *COMMON_EVENTS)}


@EVERY
def test_its_texts_are_whole_sentences(made: type[Application]) -> None:
    profile = made.profile
    texts = [profile.unlicensed, profile.violation, profile.recovery, *(text for _, text in profile.functions)]
    texts += [option.text for option in profile.options] + [event.text for event in profile.events]
    assert all(text.endswith(".") and text[0].isupper() for text in texts)


@EVERY
def test_its_defaults_are_valid(made: type[Application]) -> None:
    for option in made.profile.options:
        assert option.read(option.default) == (option.default, True), option
        assert option.valid
        assert option.takes_effect in ("immediately", RESTART)


def test_the_features_of_the_catalog_are_those_of_the_profiles() -> None:
    """Every technical license is checked out by some application, but for those of which no application of the guide's tables speaks."""
    known = {license.feature.lower() for made in APPLICATIONS.values() for license in made.profile.licenses}
    assert {license.feature for license in load_catalog().technical if license.feature.lower() not in known} == set()


def test_an_unknown_type_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="tserver, perhaps"):
        application_type("tservr")
    with pytest.raises(InputError, match="app list"):
        application_type("zzz")
