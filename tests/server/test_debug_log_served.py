"""The debug log of a busy license server keeps every rule of facts/lmstat-formats.md, section 10, that readers in the field live by."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import pytest

from seatkeeper.adapters.host import host_name, user_name
from seatkeeper.cli.lmutil import main
from seatkeeper.sdk.admin import remove
from seatkeeper.wire.messages import PROTOCOL, Checkin, Checkout, Denied, Goodbye, Granted, Hello, Lost, Queued, Welcome
from support.hostile import Peer, wait_until
from support.site import VENDOR, Site

pytestmark = pytest.mark.processes

#: A line of any kind: time, daemon, text.
LINE = re.compile(r"([ \d]\d):(\d\d):(\d\d) \(([^()\s]+)\) (.*)")
#: What a strict reader (sj1024) takes for an event: two blanks follow user and host.
EVENT = re.compile(
    r'(?P<word>OUT|IN|DENIED|UNSUPPORTED|QUEUED|DEQUEUED): "(?P<feature>[^"]*)" (?P<hostids>\([^)]*\) )?(?P<who>\S.*?@\S+)'
    r"  (?P<data>\[[^\]]*\] )?(?P<count>\(\d+ licenses\) )?(?P<rest>.*)"
)


class Line(NamedTuple):
    daemon: str
    text: str


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a server on which everything has happened that the log tells of, as they stand in the file."""
    directory = tmp_path_factory.mktemp("busy")
    with Site(directory / "site", {"MATLAB": 30, "f2": 2, "rare": 1}) as site:
        site.start()
        _busy(site)
        assert main(["lmutil", "lmreread", "-c", str(site.license)]) == 0
        killed = site.kill_daemon()
        site.wait_until_restarted(killed)
        assert main(["lmutil", "lmdown", "-q", "-c", str(site.license)]) == 0
        assert site.process is not None
        site.process.wait(30)
        text = site.log.read_bytes().decode()
    assert text.endswith("\n")
    return text.removesuffix("\n").split("\n")


def _busy(site: Site) -> None:
    with Peer(site.port) as ann, Peer(site.port) as bob, Peer(site.port) as jose, Peer(site.port) as gone:
        ann.hello("ann")
        bob.hello("bob")
        assert isinstance(jose.ask(Hello(PROTOCOL, VENDOR, b"j" * 16, b"n" * 32, "José Juan", "jose-pc", "tty1")), Welcome)
        gone.hello("gone")
        # One license, four, with the application's data, and those of somebody whose name has a blank.
        handles = [granted(ann.ask(Checkout(number, "MATLAB", "8.0", count, data=data))) for number, count, data in WANTED]
        granted(jose.ask(Checkout(1, "MATLAB", "8.0")))
        granted(gone.ask(Checkout(1, "MATLAB", "8.0", 2)))
        for number, handle in enumerate(handles[:3]):
            ann.ask(Checkin(10 + number, handle))
        # Denied: too many at once, everything taken; unsupported: no such feature, no such version.
        granted(bob.ask(Checkout(1, "f2", "8.0", 2)))
        for number, (feature, version, count) in enumerate(REFUSED):
            answer = ann.ask(Checkout(20 + number, feature, version, count))
            assert isinstance(answer, Denied), answer
        # Waiting, and served.
        one = granted(bob.ask(Checkout(2, "rare", "8.0")))
        assert isinstance(ann.ask(Checkout(30, "rare", "8.0", queue=True)), Queued)
        bob.ask(Checkin(3, one))
        assert isinstance(ann.receive(), Granted)
        # Removed by an administrator; the client confirms it.
        remove("localhost", site.port, VENDOR, "rare", user="ann", user_host="ann-pc", display="tty1")
        lost = ann.receive()
        assert isinstance(lost, Lost), lost
        ann.ask(Checkin(40, lost.handle))
        gone.reset()
        for peer in (ann, bob, jose):
            peer.send(Goodbye())
            peer.rest()
    wait_until(lambda: site.read_log().count(" IN: ") >= EVENTS["IN"], why=site.read_log)


WANTED = ((1, 1, ""), (2, 4, ""), (3, 3, "DOORS"), (4, 1, ""))
REFUSED = (("MATLAB", "8.0", 29), ("f2", "8.0", 1), ("nosuch", "8.0", 1), ("MATLAB", "9.0", 1))
#: Every checkout of `_busy` comes back; two wait-free refusals of each kind.
EVENTS = {"OUT": 9, "IN": 9, "DENIED": 2, "UNSUPPORTED": 2, "QUEUED": 1, "DEQUEUED": 1}


def granted(answer: object) -> int:
    assert isinstance(answer, Granted), answer
    return answer.handle


def parsed(log: list[str]) -> list[Line]:
    return [Line(match[4], match[5]) for match in map(LINE.fullmatch, log) if match is not None]


def events(log: list[str]) -> list[re.Match[str]]:
    return [match for match in (EVENT.fullmatch(line.text) for line in parsed(log) if line.daemon == VENDOR) if match is not None]


def test_every_line_has_time_and_daemon_and_the_hour_is_padded_with_a_blank(log: list[str]) -> None:
    assert [line for line in log if not LINE.fullmatch(line)] == []
    assert all(not line.startswith("0") for line in log)
    assert {line.daemon for line in parsed(log)} == {"lmgrd", VENDOR}


def test_the_start_banner_has_platform_and_date(log: list[str]) -> None:
    """Readers take the first day from here, and one of them crashes without `(linux)`."""
    texts = [line.text for line in parsed(log) if line.daemon == "lmgrd"]
    assert [
        text
        for text in texts
        if re.fullmatch(r"FlexNet Licensing \(v[\d.]+ build \S+(?: \S+)?\) started on \S+ \(linux\) \(\d{1,2}/\d{1,2}/\d{4}\)", text)
    ]
    assert any(re.fullmatch(r"lmgrd tcp-port \d+", text) for text in texts)


def test_restarts_of_a_vendor_daemon_can_be_told_from_its_start(log: list[str]) -> None:
    texts = [line.text for line in parsed(log) if line.daemon == "lmgrd"]
    form = rf"{re.escape(VENDOR)} \((?:internet tcp_port \d+ )?pid \d+\)"
    assert sum(re.fullmatch(f"Started {form}", text) is not None for text in texts) == 1
    assert sum(re.fullmatch(f"REStarted {form}", text) is not None for text in texts) == 1


def test_the_features_served_stand_behind_tabs(log: list[str]) -> None:
    served = [line.text for line in parsed(log) if line.daemon == VENDOR and line.text.startswith("Server started on ")]
    assert len(served) == 2
    for text in served:
        head, *features = text.split("\t")
        assert re.fullmatch(r"Server started on \S+ for:", head)
        assert sorted(features) == ["MATLAB", "f2", "rare"]
    assert sum(line.text == "EXTERNAL FILTERS are OFF" for line in parsed(log)) == 2


def test_all_events_are_there_in_the_strict_form(log: list[str]) -> None:
    found = Counter(match["word"] for match in events(log))
    assert found == EVENTS
    # A reader that splits at blanks finds the same ones.
    words = Counter(line.text.split(":")[0] for line in parsed(log) if re.match(r"[A-Z]+: ", line.text))
    assert words == EVENTS


def test_two_blanks_end_a_line_about_one_license_and_one_blank_that_about_several(log: list[str]) -> None:
    texts = [line.text for line in parsed(log)]
    assert 'OUT: "MATLAB" ann@ann-pc  ' in texts
    assert 'OUT: "MATLAB" ann@ann-pc  (4 licenses) ' in texts
    assert 'OUT: "MATLAB" ann@ann-pc  [DOORS] (3 licenses) ' in texts
    assert 'IN: "MATLAB" ann@ann-pc  ' in texts
    assert 'IN: "MATLAB" ann@ann-pc  (4 licenses) ' in texts
    assert 'QUEUED: "rare" ann@ann-pc  ' in texts
    assert 'DEQUEUED: "rare" ann@ann-pc  ' in texts
    assert not any("(1 licenses)" in text for text in texts)
    assert all(match[0] == match[0].rstrip() + "  " for match in events(log) if match["word"] == "OUT" and not match["count"])


def test_what_stands_behind_a_checkin_says_why(log: list[str]) -> None:
    texts = [line.text for line in parsed(log)]
    assert 'IN: "MATLAB" gone@gone-pc  (2 licenses) (USER_EXITED_IMPROPERLY)' in texts
    assert 'IN: "rare" ann@ann-pc  (REMOVED)' in texts
    assert all(re.fullmatch(r"|\([A-Z_]+\)", match["rest"]) for match in events(log) if match["word"] == "IN")


def test_a_user_name_may_hold_a_blank(log: list[str]) -> None:
    named = [(match["word"], match["who"]) for match in events(log) if "Juan" in match[0]]
    assert named == [("OUT", "José Juan@jose-pc"), ("IN", "José Juan@jose-pc")]


def test_refusals_have_text_and_numbers(log: list[str]) -> None:
    texts = [line.text for line in parsed(log)]
    assert 'DENIED: "MATLAB" ann@ann-pc  (29 licenses) (Licensed number of users already reached. (-4,342))' in texts
    assert 'DENIED: "f2" ann@ann-pc  (Licensed number of users already reached. (-4,342))' in texts
    assert 'UNSUPPORTED: "nosuch" (PORT_AT_HOST_PLUS   ) ann@ann-pc  (No such feature exists. (-5,346))' in texts
    assert 'UNSUPPORTED: "MATLAB" (PORT_AT_HOST_PLUS   ) ann@ann-pc  (License file does not support this version. (-21,346))' in texts


def test_settings_are_never_taken_for_events(log: list[str]) -> None:
    """Most readers look at the third word of a line."""
    slog = [line for line in log if "-SLOG@" in line]
    assert slog
    assert all(re.search(r"\) \(@[^@\s]+-SLOG@\) ", line) for line in slog)
    for line in log:
        # An empty line of the banner has no third word.
        third = [*line.split(), "", ""][2]
        assert (third in {f"{word}:" for word in EVENTS}) == (EVENT.fullmatch(LINE.fullmatch(line)[5]) is not None)  # type: ignore[index]


def test_administration_is_told(log: list[str]) -> None:
    texts = [line.text for line in parsed(log)]
    assert any(re.match(r"REREAD request from \S+ at node \S+", text) for text in texts)
    assert any(text.startswith("Rereading license file ") for text in texts)
    assert any(text.startswith("Done rereading license file") for text in texts)
    assert any(re.match(r"SHUTDOWN request from \S+ at node \S+", text) for text in texts)
    assert any(text.startswith(f"REMOVE request from {user_name()} at node {host_name()}: rare ann") for text in texts)
    assert "lmgrd will now shut down all the vendor daemons" in texts
    assert any(text.startswith(f"Shutting down {VENDOR}") for text in texts)


def test_what_went_out_came_back(log: list[str]) -> None:
    """Who counts use from the log ends at zero."""
    held: Counter[tuple[str, str]] = Counter()
    for match in events(log):
        count = int(re.sub(r"\D", "", match["count"] or "1"))
        held[match["feature"], match["who"]] += {"OUT": count, "IN": -count}.get(match["word"], 0)
    assert set(held.values()) == {0}


def test_a_day_can_be_told_for_every_line(log: list[str]) -> None:
    """The first date stands before the first event, in a form that readers convert."""
    first_date = next(number for number, line in enumerate(log) if re.search(r"\(\d{1,2}/\d{1,2}/\d{4}\)$", line))
    first_event = next(number for number, line in enumerate(log) if " OUT: " in line)
    assert first_date < first_event
