from __future__ import annotations

import pytest

from seatkeeper.adapters.gvp import ReportingServer, parse_peaks
from seatkeeper.base.errors import SeatkeeperError
from support.gvp_server import USER, reporting_server
from support.site import free_port
from support.usagefacts import DAY


def peak(report: str, tenant: str, begin: int) -> tuple[int, int]:
    number = (begin - DAY) // 300
    return (3 if tenant else 10) + number + (100 if report == "ASR" else 0), begin + 7


def test_the_system_and_each_tenant_are_asked_for_themselves() -> None:
    asked: list[str] = []
    with reporting_server(peak, asked) as url:
        server = ReportingServer((url,), *USER, tenants={"Harbor": "101"})
        rows = list(server.peaks("rs-1", ["calls", "asr"], DAY, DAY + 600))
    assert [(row["tenant"], row["kind"], row["start"] - DAY, row["peak"], row["peak_time"] - row["start"]) for row in rows] == [
        ("", "calls", 0, 10, 7),
        ("", "calls", 300, 11, 7),
        ("Harbor", "calls", 0, 3, 7),
        ("Harbor", "calls", 300, 4, 7),
        ("", "asr", 0, 110, 7),
        ("", "asr", 300, 111, 7),
        ("Harbor", "asr", 0, 103, 7),
        ("Harbor", "asr", 300, 104, 7),
    ]
    assert all(row["seconds"] == 300 and row["source"] == "rs-1" for row in rows)
    assert asked[0] == "/ems-rs/operations/peaks/RM?granularity=FIVE_MINUTES&from=2026-09-01T00%3A00%3A00Z&to=2026-09-01T00%3A10%3A00Z"


def test_the_backup_answers_where_the_primary_does_not() -> None:
    asked: list[str] = []
    broken: list[str] = []
    with reporting_server(peak, asked) as backup, reporting_server(peak, broken, status=503) as primary:
        for first in (primary, f"http://127.0.0.1:{free_port()}"):
            rows = list(ReportingServer((first, backup), *USER).peaks("rs", ["calls"], DAY, DAY + 300))
            assert [row["peak"] for row in rows] == [10]
        assert len(broken) == 1
        with pytest.raises(SeatkeeperError, match=r"No Reporting Server answers: .*503"):
            list(ReportingServer((primary,), *USER).peaks("rs", ["calls"], DAY, DAY + 300))
        with pytest.raises(SeatkeeperError, match="refuses this account"):
            list(ReportingServer((backup,), USER[0], "wrong").peaks("rs", ["calls"], DAY, DAY + 300))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<r><row from='2026-09-01T00:00:00+02:00' count='4'/></r>", [(DAY - 7200, 4, None)]),
        ("<r><i begin='2026-09-01T00:00:00'><peak time='2026-09-01T00:00:09Z'>5</peak></i></r>", [(DAY, 5, DAY + 9)]),
        ("<r from='2026-09-01T00:00:00Z'><manifest/></r>", []),
    ],
)
def test_answers_of_other_forms_are_read(text: str, told: list[tuple[int, int, int | None]]) -> None:
    assert parse_peaks(text.encode(), "calls") == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "<r><i start='2026-09-01T00:00:00Z' value='many'/></r>",
        "<r><i start='2026-09-01T00:00:00Z' value='-1'/></r>",
        "<r><i start='noon' value='1'/></r>",
        "<!DOCTYPE r [<!ENTITY a 'b'>]><r/>",
        "<r>" + "<x/>" * 30 + "</r>",
    ],
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(SeatkeeperError, match="The answer about calls"):
        parse_peaks(text.encode(), "calls")
