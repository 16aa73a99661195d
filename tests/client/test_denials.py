"""denials: of several answers the application gets the one that helps most, in FlexNet's long format."""

from __future__ import annotations

from seatkeeper.client.denials import OTHERS_MAX, denial_error, failure_of
from seatkeeper.client.events import BORROWED, MINOR_CONNECT, MINOR_NAME, MINOR_PATH, Denial, Failure

FULL = Denial("7260@a", Failure(-4, 132, "All 5 seats are in use."), reached=True)
UNKNOWN = Denial("7260@b", Failure(-5, 346), reached=True)
OLD = Denial("7260@c", Failure(-21), reached=True)
ENDED = Denial(BORROWED, Failure(-118, reason="The borrow of f1 has ended."), reached=False)
FALSE = Denial("7260@d", Failure(-33, reason="No proof."), reached=False)
DAEMON_DOWN = Denial("7260@e", Failure(-97, 121), reached=False)
DOWN = Denial("7260@f", Failure(-15, MINOR_CONNECT, "", (111, "Connection refused")), reached=False)
GONE = Denial("7260@g", Failure(-96, MINOR_NAME), reached=False)
NO_FILE = Denial("x.lic", Failure(-1, MINOR_PATH, "x.lic cannot be read.", (2, "No such file or directory")), reached=False)


def test_the_order_of_what_helps() -> None:
    order = [FULL, OLD, UNKNOWN, ENDED, FALSE, DAEMON_DOWN, DOWN, NO_FILE]
    for place, denial in enumerate(order):
        error = denial_error("f1", (), list(reversed(order[place:])))
        assert error.number == denial.failure.number, denial


def test_the_first_of_a_kind_speaks() -> None:
    assert denial_error("f1", (), [DOWN, GONE]).number == -15
    assert denial_error("f1", (), [GONE, DOWN]).number == -96


def test_an_empty_path_is_no_license_file() -> None:
    error = denial_error("f1", (), [])
    assert (error.number, error.minor) == (-1, 359)


def test_the_long_format() -> None:
    assert str(denial_error("tserver_sdn", ("7260@f",), [DOWN])).splitlines() == [
        "Cannot connect to license server system.",
        "Feature:       tserver_sdn",
        "Hostname:      f",
        "License path:  7260@f:",
        'FlexNet Licensing error:-15,570.  System Error: 111 "Connection refused"',
        "What to do: Start the server, or check host, port and firewall.",
    ]


def test_the_others_stand_below() -> None:
    lines = str(denial_error("f1", ("@a", "@f", "x.lic"), [DOWN, FULL, NO_FILE])).splitlines()
    assert lines[1] == " All 5 seats are in use."
    assert 'Also:          7260@f: Cannot connect to license server system. (-15,570:111 "Connection refused")' in lines
    assert 'Also:          x.lic: Cannot find license file. (-1,359:2 "No such file or directory")' in lines
    assert len(denial_error("f1", (), [DOWN] + [NO_FILE] * 50).hints) == 1 + OTHERS_MAX


def test_a_file_is_a_file_and_a_triad_keeps_its_name() -> None:
    assert denial_error("f1", (), [NO_FILE]).hints == (("Filename", "x.lic"),)
    triad = Denial("1@a,2@b,3@c", Failure(-15), reached=False)
    assert denial_error("f1", (), [triad]).hints == (("Hostname", "1@a,2@b,3@c"),)
    assert denial_error("f1", (), [Denial("1@[::1]", Failure(-4), reached=True)]).hints == (("Hostname", "::1"),)


def test_an_error_as_a_value() -> None:
    error = denial_error("f1", (), [DOWN])
    assert failure_of(error) == DOWN.failure


def test_what_explains_a_denial_comes_through() -> None:
    explained = Denial("7260@a", Failure(-87, rule="o.opt:1: MAX 1 f1 USER ann", holders=("ann@h, 1 seat",), free_at=5.0), reached=True)
    error = denial_error("f1", (), [explained])
    assert (error.rule, error.holders, error.free_at) == ("o.opt:1: MAX 1 f1 USER ann", ("ann@h, 1 seat",), 5.0)
    assert failure_of(error) == explained.failure


def test_a_borrow_that_is_over_stands_on_no_host() -> None:
    assert denial_error("f1", (), [ENDED]).hints == ()
