"""Classification Server screens always, and classifies with a license."""

from __future__ import annotations

from seatkeeper.apps.classification_server import ClassificationServer
from support.stage import Stage


def test_without_a_license_it_provides_screening_rules() -> None:
    stage = Stage(ClassificationServer, {}).start()
    assert stage.app.state == "running"
    assert stage.accepted("screening-requested", interaction="i1")
    assert not stage.accepted("classification-requested", interaction="i1")
    assert stage.alarms == ["feature ics_nlp_content_analysis"]


def test_with_a_license_it_analyzes_content() -> None:
    stage = Stage(ClassificationServer, {"ics_nlp_content_analysis": 1}).start()
    assert stage.accepted("classification-requested", interaction="i1")
    stage.withdraw("ics_nlp_content_analysis")
    assert not stage.accepted("classification-requested", interaction="i1")
    assert stage.accepted("screening-requested", interaction="i1")


def test_where_it_is_switched_off_nothing_is_asked_for() -> None:
    stage = Stage(ClassificationServer, {}, {"license": {"content-analysis": False}}).start()
    assert stage.log(7100) == []
    assert not stage.app.degraded
    stage.change("content-analysis", True)
    assert stage.alarms == ["feature ics_nlp_content_analysis"]


def test_what_is_lost_is_one_violation_and_comes_back() -> None:
    stage = Stage(ClassificationServer, {"ics_nlp_content_analysis": 1}).start()
    stage.cut()
    assert list(stage.app.degraded) == ["content analysis"]
    assert stage.accepted("screening-requested", interaction="i1")
    stage.heal()
    assert not stage.app.degraded
    assert stage.alarms == ["license server", "-license server"]
    assert stage.accepted("classification-requested", interaction="i2")
    stage.change("content-analysis", False)
    assert stage.in_use("ics_nlp_content_analysis") == 0
    assert not stage.accepted("classification-requested", interaction="i3")
