from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from seatkeeper.adapters.usagesettings import (
    SETTINGS_FILE,
    JobSettings,
    LogSettings,
    UsageSettings,
    read_settings,
    reported_settings,
    zone_named,
)
from seatkeeper.base.errors import InputError
from seatkeeper.usage.measures import EnabledRule, PortRule, RecordingRule, SessionRule

if TYPE_CHECKING:
    from pathlib import Path


def settings(directory: Path, text: str) -> UsageSettings:
    (directory / SETTINGS_FILE).write_text(text)
    return read_settings(directory)


def test_without_a_file_everything_is_as_built_in(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == UsageSettings()
    assert settings(tmp_path, "# nothing\n") == UsageSettings()
    assert zone_named("gmt", "--zone") is UTC


def test_zones_and_excluded_times(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [[tenants]]
        name = "Harbor"
        zone = "Europe/Paris"
        [[excluded]]
        from = 07:45:00
        to = "08:15"
        reason = "shift change"
        tenant = "Harbor"
        [[excluded]]
        from = 2026-09-12T22:00:00Z
        to = 2026-09-13T02:00:00Z
        reason = "load test"
        [[excluded]]
        from = "12:00"
        to = "13:00"
        zone = "America/New_York"
        reason = "lunch"
        """,
    )
    assert found.zones == {"Harbor": ZoneInfo("Europe/Paris")}
    first, second, third = found.excluded
    assert (first.window, first.zone, first.tenant, first.reason) == ((465, 495), ZoneInfo("Europe/Paris"), "Harbor", "shift change")
    assert second.span is not None
    assert second.span[1] - second.span[0] == 4 * 3600
    assert third.zone == ZoneInfo("America/New_York")


def test_a_sites_own_rules(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [[items]]
        name = "genesys e-mail"
        sessions = { media = ["email", "fax"], none_of = [{ clients = ["supervisor"] }] }
        [[items]]
        name = "Fax lines"
        ports = "fax"
        [[items]]
        name = "All calls"
        recordings = true
        source = "contract 17"
        [[items]]
        name = "Headsets"
        enabled = { kind = "headset" }
        """,
    ).items
    email = found["genesys e-mail"]
    assert (email.name, email.enabled) == ("Genesys E-Mail", EnabledRule(details=("email",)))
    assert email.peak == SessionRule(media=("email", "fax"), none_of=(SessionRule(clients=("supervisor",)),))
    assert (found["fax lines"].peak, found["fax lines"].enabled) == (PortRule("fax"), None)
    assert (found["all calls"].peak, found["all calls"].source) == (RecordingRule(), "contract 17")
    assert (found["headsets"].peak, found["headsets"].enabled) == (None, EnabledRule(kind="headset"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[items]\n", "not understood"),
        ("[[itmes]]\nname = 'x'\n", "unknown field `itmes`"),
        ("[[items]]\nname = 'x'\nsessions = { medai = ['email'] }\n", r"unknown field `medai` - at `\$.items\[0\].sessions`"),
        ("[[items]]\nname = 'x'\nsessions = { switch = 'tdm' }\n", "no kind of switch.*premise, sip, network"),
        ("[[items]]\nname = 'x'\n", "has no rule"),
        ("[[items]]\nname = 'x'\nports = 'a'\nrecordings = true\n", "measured in one way"),
        ("[[items]]\nname = 'x'\nports = 'a'\n[[items]]\nname = 'X'\nports = 'b'\n", "stands there twice"),
        ("[[tenants]]\nname = 'x'\nzone = 'Mars'\n", "no time zone. .found 'Mars'"),
        ("[[tenants]]\nname = 'x'\nzone = 'UTC'\n[[tenants]]\nname = 'x'\nzone = 'UTC'\n", "stands there twice"),
        ("[[excluded]]\nfrom = '8:00'\nto = '9:00'\nreason = 'x'\n", r"\[\[excluded\]\] 1: This is no begin"),
        ("[[excluded]]\nfrom = '08:00'\nto = '09:00'\n", "missing required field `reason`"),
    ],
)
def test_a_mistake_is_told_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"{SETTINGS_FILE}.*{message}"):
        settings(tmp_path, text)


def test_what_reports_read_is_a_file_of_its_own_without_sources(tmp_path: Path) -> None:
    assert reported_settings(tmp_path) is None
    text = """
        [[tenants]]
        name = "Har\\u007fbor \\"é\\"\\n"
        zone = "Europe/Paris"
        [[excluded]]
        from = 07:45:00
        to = 2026-09-01T08:15:00Z
        reason = "shift change"
        [[excluded]]
        from = "2026-09-01T08:00:00Z"
        to = 2026-09-01T08:15:00Z
        reason = "no, a fair"
        [[items]]
        name = "Chat and mail"
        sessions = { media = ["chat"], any_of = [{ place_or_voice = true }] }
        [[sources]]
        kind = "icon"
        url = "postgresql://reports@db1.example/icon"
        """.replace('to = 2026-09-01T08:15:00Z\n        reason = "shift', 'to = "08:15"\n        reason = "shift')
    whole = settings(tmp_path, text)
    told = reported_settings(tmp_path)
    assert told is not None
    assert b"db1.example" not in told
    (tmp_path / "other").mkdir()
    assert settings(tmp_path / "other", told.decode()) == whole
    assert reported_settings(tmp_path / "other") == told
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff")
    with pytest.raises(InputError, match="not understood"):
        reported_settings(tmp_path)


def test_jobs_log_and_retention(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [jobs]
        collect_minutes = 15
        close_at = 03:10:00
        zone = "Europe/Paris"
        [log]
        file = "lrm.log"
        time_convert = "utc"
        [retention]
        detail_days = 400
        """,
    )
    assert found.jobs == JobSettings(collect_minutes=15, close_at="03:10:00", zone="Europe/Paris")
    assert found.log == LogSettings("lrm.log", time_convert="utc")
    assert found.detail_days == 400
    # None of it is a report's business.
    assert reported_settings(tmp_path) in {None, b""}
    for text, said in (
        ('[jobs]\nclose_at = "25:00"', "close_at"),
        ("[jobs]\nsnapshot_minutes = 0", "snapshot_minutes"),
        ('[jobs]\nzone = "Mars"', r"\[jobs\] zone: This is no time zone"),
        ('[log]\nmessage_format = "long"', "message_format"),
        ("[retention]\ndetail_days = 0", "detail_days"),
        ("[retention]\ndays = 1", "unknown field `days`"),
    ):
        with pytest.raises(InputError, match=said):
            settings(tmp_path, text)
