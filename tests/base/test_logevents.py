"""Messages have the texts and the layouts that log readers and alarm conditions go by."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.logevents import (
    MESSAGE_FORMATS,
    TEXT_CHARS_MAX,
    TIME_FORMATS,
    Level,
    Message,
    checked_out,
    format_message,
    header,
    license_fail,
    license_restored,
)

AT = datetime(2002, 5, 7, 18, 11, 38, 196_700)
STARTED = Message(5060, "Application started")
#: What a parser of the field takes for the beginning of a line's body (facts, LRM 6.1).
BODY = re.compile(r"^\S+ (Non|Dbg|Trc|Int|Std|Alr|Unk) (\d{5}) ")


def test_the_documented_samples() -> None:
    full = format_message(STARTED, AT, message_format="full", time_format="iso8601", host="localhost", name="cfg_dbserver", type_number=21)
    assert full == "2002-05-07T18:11:38.196 Standard localhost cfg_dbserver GCTI-00-05060 Application started"
    assert format_message(STARTED, AT, time_format="iso8601") == "2002-05-07T18:11:38.196 Std 05060 Application started"
    assert format_message(STARTED, AT) == "18:11:38.196 Std 05060 Application started"


def test_messages_of_an_application_s_own_have_its_type_and_those_of_all_have_none() -> None:
    rejected = Message(20007, "All 3 seat licenses are in use already, registration rejected.")
    line = format_message(rejected, AT, message_format="full", host="h", name="ts", type_number=1)
    assert line == "18:11:38.196 Standard h ts GCTI-01-20007 All 3 seat licenses are in use already, registration rejected."
    assert "GCTI-00-07100" in format_message(license_fail("x"), AT, message_format="full", host="h", name="ts", type_number=1)


def test_the_medium_format_says_the_name_and_no_host() -> None:
    assert format_message(STARTED, AT, message_format="medium", host="h", name="ts") == "18:11:38.196 Standard ts 05060 Application started"


def test_the_locale_s_time_is_padded_as_the_field_has_it() -> None:
    line = format_message(STARTED, datetime(2016, 6, 5, 15, 22, 21, 741_000), time_format="locale")
    assert line == "Sun Jun  5 15:22:21 2016.741 Std 05060 Application started"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            license_fail("GLMR_LICENSE_NO_LICENSE_AVAILABLE"),
            "07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE",
        ),
        (checked_out("tserver_sdn", 3), "07101 Feature 'tserver_sdn': 3 licenses checked out."),
        (
            license_restored("GLMR_LICENSE_SERVER_NOT_AVAILABLE"),
            "07105 License status restored after violation with type 'GLMR_LICENSE_SERVER_NOT_AVAILABLE'",
        ),
    ],
)
def test_the_licensing_messages_are_the_guide_s(message: Message, text: str) -> None:
    assert format_message(message, AT) == f"18:11:38.196 Std {text}"


def test_a_text_of_any_length_is_cut_at_the_limit() -> None:
    line = format_message(license_fail("x" * 100_000), AT)
    text = line.removeprefix("18:11:38.196 Std 07100 ")
    assert len(text) == TEXT_CHARS_MAX
    assert text.endswith("x ...")
    whole = Message(5066, "y" * TEXT_CHARS_MAX)
    assert format_message(whole, AT).endswith("y" * TEXT_CHARS_MAX)


@given(st.text(), st.sampled_from(Level), st.sampled_from(MESSAGE_FORMATS), st.sampled_from(TIME_FORMATS))
def test_a_message_is_one_line_whatever_is_in_it(text: str, level: Level, message_format: str, time_format: str) -> None:
    line = format_message(Message(5066, text, level), AT, message_format=message_format, time_format=time_format, host="h", name="n")
    assert line.isprintable()
    assert line.splitlines() == [line]
    if message_format == "short" and time_format != "locale":
        assert BODY.match(line)


def test_the_head_of_a_file_ends_with_the_file() -> None:
    lines = header(
        name="ts1",
        type_name="TServer",
        type_number=1,
        version="8.1.000.12",
        command_line="tserver -l 7260@lic",
        host="node1",
        zone=(18000, "EST", "EDT"),
        start_utc=datetime(2016, 4, 20, 13, 22, 9, tzinfo=UTC),
        local=datetime(2016, 4, 20, 9, 22, 9, 123_000),
        file="ts1.20160420_092209_123.log",
    )
    assert [line.split(":")[0] for line in lines] == [
        "Application name",
        "Application type",
        "Application version",
        "Command line",
        "Host name",
        "Time zone",
        "Start time (UTC)",
        "Local time",
        "File",
    ]
    assert lines[1] == "Application type:    TServer (1)"
    assert lines[5] == "Time zone:           18000, EST, EDT"
    assert lines[6] == "Start time (UTC):    2016-04-20T13:22:09"
    assert lines[7] == "Local time:          2016-04-20T09:22:09.123"
    assert lines[-1] == "File:                (1) ts1.20160420_092209_123.log"
