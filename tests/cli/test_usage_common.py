from __future__ import annotations

from datetime import UTC, date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.cli.usage_common import day_given, moment_given, read, site_of, utc, zone_given

if TYPE_CHECKING:
    from pathlib import Path


def test_days_moments_and_zones_are_those_given_or_the_option_is_told(tmp_path: Path) -> None:
    assert day_given("2026-09-01", "--from") == date(2026, 9, 1)
    assert (
        moment_given("2026-09-01T02:00+02:00", "--at") == moment_given("2026-09-01T00:00:00Z", "--at") == moment_given("2026-09-01", "--at")
    )
    assert utc(moment_given("2026-09-01", "--at")) == "2026-09-01T00:00:00Z"
    assert utc(None) is None
    assert (zone_given("tenant"), zone_given("utc")) == (None, UTC)
    for wrong in (lambda: day_given("x", "--from"), lambda: moment_given("x", "--from"), lambda: zone_given("Mars")):
        with pytest.raises(InputError, match=r"--from: |--zone: "):
            wrong()
    (tmp_path / "f").write_bytes(b"\xff")
    with pytest.raises(InputError, match="no UTF-8"):
        read(tmp_path / "f")
    assert len(site_of(tmp_path).items) == 25
