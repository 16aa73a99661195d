from __future__ import annotations

from datetime import datetime

import pytest

from seatkeeper.base.errors import HOLDERS_SHOWN_MAX, LICENSE_ERRORS, InputError, LicenseError, SeatkeeperError, error_text, exit_status


@pytest.mark.parametrize(("number", "status"), [(-15, 241), (-96, 160), (-1, 255), (-97, 159), (-16, 240), (-4, 252), (0, 0)])
def test_exit_statuses_are_the_low_byte(number: int, status: int) -> None:
    assert exit_status(number) == status


def test_every_number_has_a_sentence_and_a_remedy() -> None:
    for number, (text, remedy) in LICENSE_ERRORS.items():
        assert number < 0
        assert text.endswith("."), number
        assert remedy.endswith("."), number
        assert error_text(number) == text
    assert error_text(-999)


def test_the_long_format_of_clients() -> None:
    error = LicenseError(
        -15,
        minor=570,
        reason="Nobody listens on the port.",
        feature="f1",
        path=("7260@licsrv", "/opt/license.dat"),
        system=(111, "Connection refused"),
        hints=(("Hostname", "licsrv"),),
    )
    assert str(error).splitlines() == [
        "Cannot connect to license server system.",
        " Nobody listens on the port.",
        "Feature:       f1",
        "Hostname:      licsrv",
        "License path:  7260@licsrv:/opt/license.dat:",
        'FlexNet Licensing error:-15,570.  System Error: 111 "Connection refused"',
        "What to do: Start the server, or check host, port and firewall.",
    ]
    assert error.short() == 'Cannot connect to license server system. (-15,570:111 "Connection refused")'
    assert error.exit_status == 241


def test_the_short_format_of_logs() -> None:
    assert LicenseError(-4, minor=342).short() == "Licensed number of users already reached. (-4,342)"


def test_input_errors_name_place_finding_and_remedy() -> None:
    error = InputError("This is no date", file="a.dat", line=3, column=9, found="x", expected="dd-mmm-yyyy", remedy="Write it so.")
    assert str(error) == "a.dat:3:9: This is no date (found 'x', expected dd-mmm-yyyy) Write it so."
    assert str(InputError("Nothing stands here", expected="a name")) == "Nothing stands here (found nothing, expected a name)"
    assert str(InputError("Too long", found="y" * 3)) == "Too long (found 'yyy')"
    assert str(SeatkeeperError("Bad.", "Do this.")) == "Bad. Do this."


def test_a_denial_says_what_decided_who_holds_the_seats_and_when_one_comes_free() -> None:
    noon = datetime(2026, 11, 24, 12).timestamp()
    error = LicenseError(
        -87, reason="MAX is reached.", rule="genesys.d.opt:3: MAX 2 f1 USER ann", holders=("ann@desk, 2 seats",), free_at=noon
    )
    assert str(error).splitlines()[1:5] == [
        " MAX is reached.",
        " Decided by: genesys.d.opt:3: MAX 2 f1 USER ann",
        " The seats are held by ann@desk, 2 seats.",
        " Seats may come free on 24-nov-2026 at 12:00.",
    ]
    many = LicenseError(-4, holders=tuple(f"u{number}@h, 1 seat" for number in range(HOLDERS_SHOWN_MAX + 2)))
    assert "u9@h, 1 seat, and 2 more." in str(many)
    assert "u10@h" not in str(many)


@pytest.mark.parametrize(
    ("number", "reason", "remedy"),
    [
        (-2, "genesys.d: Nothing was changed: options file /etc/a b.opt:3:1: This is no keyword; did you mean MAX?", "options lint"),
        (-2, "/etc/license.dat:3:1: This is no keyword.", "license lint"),
        (-9, "The license of hu is for hostid USER=ada; this machine has USER=bob.", "as the user"),
        (-9, "The license of hi is for hostid INTERNET=10.*.*.*; this machine has INTERNET=127.0.0.1.", "from the address"),
        (-9, "The license of hl is for hostid 001122334455; this machine has 66.", "on this machine, the application's"),
        (-9, "The SERVER line is for hostid aabbccddeeff; this machine has 02fc00000001.", "SERVER line"),
        (-97, "There is no vendor daemon nosuch.", "Name one that `lmstat` shows."),
        (-97, "other.d: it was shut down by root@vm.", "lmreread starts it again"),
        (-97, "genesys.d: it is being started again.", "Try again in a moment"),
        (-97, "genesys.d: the license file is gone.", "lmreread starts it again"),
    ],
)
def test_the_remedy_fits_the_reason(number: int, reason: str, remedy: str) -> None:
    assert remedy in LicenseError(number, reason=reason).remedy
    assert LicenseError(number, reason=reason, remedy="Do this.").remedy == "Do this."
