"""A violation is raised once for its cause and cleared once, and is named as the guide names it."""

from __future__ import annotations

import pytest

from seatkeeper.apps.events import Alarm, Cleared, Write
from seatkeeper.apps.violations import SERVER_ERRORS, Violations, violation_kind
from seatkeeper.base.errors import LICENSE_ERRORS, error_text
from seatkeeper.base.logevents import license_fail, license_restored


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (-15, "GLMR_LICENSE_SERVER_NOT_AVAILABLE"),
        (-97, "GLMR_LICENSE_SERVER_NOT_AVAILABLE"),
        (-4, "GLMR_LICENSE_NO_LICENSE_AVAILABLE"),
        (0, "GLMR_LICENSE_NO_LICENSE_AVAILABLE"),
        (-14, "Cannot find SERVER hostname in network database"),
        (-1, "Cannot find license file"),
        (-10, "Feature has expired"),
    ],
)
def test_types_are_the_guide_s_or_flexnet_s_own_text(number: int, kind: str) -> None:
    assert violation_kind(number) == kind


def test_every_license_error_has_a_type() -> None:
    for number in LICENSE_ERRORS:
        assert violation_kind(number)
        assert (
            number in SERVER_ERRORS or violation_kind(number).startswith("GLMR") or violation_kind(number) == error_text(number).rstrip(".")
        )


def test_a_cause_is_raised_once_and_cleared_once() -> None:
    violations = Violations()
    assert violations.begin("c", "KIND") == [Write(license_fail("KIND")), Alarm("c", "KIND")]
    assert violations.begin("c", "OTHER") == []
    assert violations.begin("c", "KIND", again=True) == [Write(license_fail("KIND"))]
    assert violations.begin("d", "KIND") == [Write(license_fail("KIND")), Alarm("d", "KIND")]
    assert violations.end("c") == [Write(license_restored("KIND")), Cleared("c", "KIND")]
    assert violations.end("c") == []
    assert violations.standing == {"d": "KIND"}
