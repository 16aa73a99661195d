"""Where a vendor daemon's logs go: the options file's word, the tools' word, and what no word can make them do."""

from __future__ import annotations

import json
import os
import re
import resource
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.debuglog import DebugLog, open_log
from seatkeeper.licfile.options_model import DebugLog as DebugOption
from seatkeeper.licfile.options_model import OptionsFile
from seatkeeper.licfile.options_model import ReportLog as ReportOption
from seatkeeper.server.logs import Logs
from seatkeeper.vendor.entries import CheckedIn, CheckedOut, Denial, SessionBegun
from seatkeeper.vendor.events import Append
from seatkeeper.vendor.seats import Seat, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION = Session(1, "d", "ann", "ann-pc", "tty", 1, "", "")
SEAT = Seat(101, SESSION, 1, "f1", "8.0", "8.0", 1, "tty", 0.0)
BEGUN = Append(SessionBegun(1.0, 1, "d", "ann", "ann-pc", "tty"))
OUT = Append(CheckedOut(1.0, 1, 1, 101, "f1", "8.0", "8.0", 1, ""), SEAT)
IN = Append(CheckedIn(2.0, 101, "checkin"), SEAT)
DENIED = Append(Denial(3.0, "bob", "bob-pc", "f1", "8.0", 1, -4, "why"))
UNSUPPORTED = Append(Denial(3.0, "bob", "bob-pc", "f9", "8.0", 1, -5, "why"))
DESCRIPTORS = Path("/proc/self/fd")
NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """Logs, and a directory to look into."""

    def __init__(self, directory: Path, *, resumed: bool = False) -> None:
        self.directory = directory
        self.clock = Clock()
        log = DebugLog(open_log(f"+{directory / 'lmgrd.log'}"), "genesys.d", self.clock)
        self.logs = Logs(log, "genesys.d", "licsrv", directory, self.clock, False, resumed=resumed)

    def apply(
        self, *, debug: DebugOption | None = None, report: ReportOption | None = None, nolog: frozenset[str] = frozenset()
    ) -> list[str]:
        return self.logs.apply(OptionsFile(nolog=nolog, debuglog=debug, reportlog=report))

    def wrote(self, *appends: Append) -> None:
        self.logs.wrote(appends)
        self.logs.log.flush()

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()

    def texts(self, name: str = "lmgrd.log") -> list[str]:
        """The lines without their heads."""
        return [line.split(") ", 1)[1] for line in self.text(name).splitlines()]

    def records(self, name: str = "use.jsonl") -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text(name).splitlines()]

    def events(self, name: str = "use.jsonl") -> list[object]:
        return [one.get("event", "header") for one in self.records(name)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Options ---------------------------------------------------------------------------------------------------------


def test_without_options_all_lines_go_to_lmgrd_s_file(desk: Desk) -> None:
    assert desk.apply() == []
    desk.wrote(BEGUN, OUT, IN, DENIED, UNSUPPORTED)
    assert [text.split(" ")[0] for text in desk.texts()] == ["OUT:", "IN:", "DENIED:", "UNSUPPORTED:"]
    assert [path.name for path in desk.directory.iterdir()] == ["lmgrd.log"]


@pytest.mark.parametrize("event", ["OUT", "IN", "DENIED", "UNSUPPORTED"])
def test_nolog_leaves_one_event_out_of_the_debug_log_only(desk: Desk, event: str) -> None:
    assert desk.apply(nolog=frozenset([event]), report=ReportOption("use.jsonl")) == []
    desk.wrote(OUT, IN, DENIED, UNSUPPORTED)
    assert {"OUT", "IN", "DENIED", "UNSUPPORTED"} - {text.split(":")[0] for text in desk.texts()} == {event}
    assert desk.events() == ["header", "checkout", "checkin", "denial", "denial"]
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT, IN, DENIED, UNSUPPORTED)
    assert event in {text.split(":")[0] for text in desk.texts()}


def test_debuglog_and_the_way_back(desk: Desk) -> None:
    assert desk.apply(debug=DebugOption("own.log")) == []
    desk.wrote(OUT)
    assert desk.apply() == []
    desk.wrote(IN)
    own = str(desk.directory / "own.log")
    assert desk.texts() == [
        f"The debug log goes on in {own}",
        f"TIMESTAMP {desk.logs.log.date()}",
        f"The debug log was in {own} until now",
        'IN: "f1" ann@ann-pc  ',
    ]
    assert desk.texts("own.log") == [
        f"TIMESTAMP {desk.logs.log.date()}",
        "The debug log was in the file of lmgrd until now",
        'OUT: "f1" ann@ann-pc  ',
        "The debug log goes on in the file of lmgrd",
    ]


def test_a_debuglog_begins_anew_at_a_start_and_goes_on_with_a_plus_or_after_a_crash(tmp_path: Path) -> None:
    for append, resumed, kept in ((False, False, False), (True, False, True), (False, True, True)):
        (tmp_path / "own.log").write_text(" 9:00:00 (genesys.d) before\n")
        desk = Desk(tmp_path, resumed=resumed)
        assert desk.apply(debug=DebugOption("own.log", append=append)) == []
        assert ("before" in desk.texts("own.log")) is kept


def test_a_reread_that_changes_nothing_keeps_what_was_switched(desk: Desk) -> None:
    option = DebugOption("own.log")
    desk.apply(debug=option, report=ReportOption("use.jsonl"))
    assert desk.logs.switch("debug", "other.log", False)[0] == 0
    assert desk.logs.switch("report", "other.jsonl", False)[0] == 0
    assert desk.apply(debug=DebugOption("own.log"), report=ReportOption("use.jsonl")) == []
    desk.wrote(OUT)
    assert 'OUT: "f1" ann@ann-pc  ' in desk.texts("other.log")
    assert desk.events("other.jsonl") == ["header", "checkout"]


def test_a_reread_that_changes_only_the_limit_goes_on_in_the_file(desk: Desk) -> None:
    desk.apply(debug=DebugOption("own.log"))
    desk.wrote(OUT)
    assert desk.apply(debug=DebugOption("own.log", rollover_bytes=300)) == []
    assert desk.texts("own.log").count('OUT: "f1" ann@ann-pc  ') == 1
    for _ in range(12):
        desk.wrote(OUT)
    rolled = [path.name for path in desk.directory.iterdir() if re.fullmatch(r"genesys\.dlicsrv\d{8}_T\d{6}.*\.log", path.name)]
    assert rolled
    assert sum(desk.texts(name).count('OUT: "f1" ann@ann-pc  ') for name in [*rolled, "own.log"]) == 13


def test_lmgrd_s_own_file_as_debuglog_changes_nothing_and_loses_nothing(desk: Desk) -> None:
    desk.wrote(OUT)
    assert desk.apply(debug=DebugOption("lmgrd.log", rollover_bytes=1)) == []
    desk.wrote(IN)
    assert desk.texts() == ['OUT: "f1" ann@ann-pc  ', 'IN: "f1" ann@ann-pc  ']


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere/own.log", "This directory does not exist"),
        ("", "no name of a file"),
        ("a\nb.log", "no name of a file"),
        ("x" * 5000, "no name of a file"),
        (".", "is a directory"),
        ("..", "is a directory"),
        ("logs", "is a directory"),
        ("license.dat", "A license server's own files"),
        ("root.key", "A license server's own files"),
        ("admins.toml", "A license server's own files"),
        ("new.LIC", "A license server's own files"),
        ("genesys.d.journal/00000000000000000009.jsonl", "A license server's own files"),
        ("link/00000000000000000009.jsonl", "A license server's own files"),
        ("genesys.d.pseudonyms", "A license server's own files"),
        ("to_license.log", "A license server's own files"),
        ("to_journal.log", "A license server's own files"),
        ("pipe", "This is no ordinary file."),
    ],
)
@pytest.mark.parametrize("append", [False, True])
def test_a_debuglog_that_cannot_be_is_a_sentence_and_harms_nothing(desk: Desk, path: str, said: str, append: bool) -> None:
    (desk.directory / "logs").mkdir()
    (desk.directory / "genesys.d.journal").mkdir()
    (desk.directory / "link").symlink_to("genesys.d.journal")
    (desk.directory / "to_license.log").symlink_to("license.dat")
    (desk.directory / "to_journal.log").symlink_to("genesys.d.journal/00000000000000000009.jsonl")
    os.mkfifo(desk.directory / "pipe")
    (desk.directory / "license.dat").write_text("precious")
    (problem,) = desk.apply(debug=DebugOption(path, append=append))
    assert problem.startswith("DEBUGLOG: ")
    assert said in problem
    desk.wrote(OUT)
    assert desk.texts() == ['OUT: "f1" ann@ann-pc  ']
    assert desk.text("license.dat") == "precious"
    assert list((desk.directory / "genesys.d.journal").iterdir()) == []


def test_a_debuglog_never_cuts_what_is_no_debug_log(desk: Desk) -> None:
    (desk.directory / "letter.txt").write_text("precious")
    (problem,) = desk.apply(debug=DebugOption("letter.txt"))
    assert "is no debug log" in problem
    desk.wrote(OUT)
    assert desk.texts() == ['OUT: "f1" ann@ann-pc  ']
    assert desk.text("letter.txt") == "precious"


def test_a_directory_that_comes_later_is_found_by_the_next_reread(desk: Desk) -> None:
    assert len(desk.apply(debug=DebugOption("logs/own.log"), report=ReportOption("logs/use.jsonl"))) == 2
    (desk.directory / "logs").mkdir()
    assert desk.apply(debug=DebugOption("logs/own.log"), report=ReportOption("logs/use.jsonl")) == []
    desk.wrote(OUT)
    assert desk.events("logs/use.jsonl") == ["header", "checkout"]


@NOT_ROOT
def test_a_place_where_the_daemon_may_not_write(desk: Desk) -> None:
    (desk.directory / "logs").mkdir(mode=0o500)
    (problem,) = desk.apply(report=ReportOption("logs/use.jsonl"))
    assert "Permission denied" in problem


# Report log ------------------------------------------------------------------------------------------------------


def test_a_report_log_has_a_header_and_every_entry(desk: Desk) -> None:
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(BEGUN, OUT)
    desk.wrote(IN)
    header, begun, out, back = desk.records()
    assert header == {"format": "seatkeeper-records/1", "vendor": "genesys.d", "host": "licsrv", "start": "2026-09-21T14:13:20Z"}
    assert (begun["event"], out["event"], back["event"]) == ("session", "checkout", "checkin")
    assert back | {"time": None} == {
        "time": None,
        "vendor": "genesys.d",
        "event": "checkin",
        "feature": "f1",
        "pool": "8.0",
        "version": "8.0",
        "count": 1,
        "user": "ann",
        "host": "ann-pc",
        "display": "tty",
        "pid": 1,
        "session": 1,
        "handle": 101,
        "since": "1970-01-01T00:00:00Z",
        "why": "checkin",
    }
    assert stat.S_IMODE((desk.directory / "use.jsonl").stat().st_mode) & 0o007 == 0


def test_a_report_log_begins_anew_or_is_continued(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT)
    desk.logs.close()
    with (tmp_path / "use.jsonl").open("a") as file:
        file.write('{"torn')
    desk = Desk(tmp_path)
    desk.apply(report=ReportOption("use.jsonl", append=True))
    desk.wrote(IN)
    lines = desk.text("use.jsonl").splitlines()
    assert lines.pop(2) == '{"torn'
    assert [json.loads(line).get("event", "header") for line in lines] == ["header", "checkout", "header", "checkin"]
    desk = Desk(tmp_path)
    desk.apply(report=ReportOption("use.jsonl"))
    assert desk.events() == ["header"]


@pytest.mark.parametrize("append", [False, True])
def test_what_is_no_report_log_is_never_made_one(desk: Desk, append: bool) -> None:
    (desk.directory / "use.jsonl").write_text('{"name": "precious"}\n')
    (problem,) = desk.apply(report=ReportOption("use.jsonl", append=append))
    assert "is no report log" in problem
    desk.wrote(OUT)
    assert desk.text("use.jsonl") == '{"name": "precious"}\n'


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("head", [b'{"format": "Gr\xf6\xdfe"}\n', b"[" * 512, b'{"format": 7}\n', b"\x00\xff\n"])
def test_whatever_is_in_a_file_it_is_no_report_log_or_one(desk: Desk, head: bytes, append: bool) -> None:
    """Text of the old code page, and brackets beyond number, are no reason for a vendor daemon to end."""
    (desk.directory / "use.jsonl").write_bytes(head)
    (problem,) = desk.apply(report=ReportOption("use.jsonl", append=append))
    assert "is no report log" in problem
    assert (desk.directory / "use.jsonl").read_bytes() == head


def test_hidden_users_have_one_name_in_all_logs_of_a_daemon(tmp_path: Path) -> None:
    names = []
    for name in ("a.jsonl", "b.jsonl"):
        desk = Desk(tmp_path)
        assert desk.apply(report=ReportOption(name, hide_user=True)) == []
        desk.wrote(BEGUN, OUT, DENIED)
        assert "ann" not in desk.text(name).replace("ann-pc", "")
        names.append([one.get("user") for one in desk.records(name)[1:]])
    assert names[0] == names[1]
    assert names[0][0] == names[0][1] != names[0][2]
    key = tmp_path / "genesys.d.pseudonyms"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.write_text("nonsense")
    desk = Desk(tmp_path)
    (problem,) = desk.apply(report=ReportOption("c.jsonl", hide_user=True))
    assert "The key of pseudonyms is damaged" in problem
    assert not (tmp_path / "c.jsonl").exists()


def test_a_reread_can_begin_to_hide_users_in_the_same_file(desk: Desk) -> None:
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT)
    desk.apply(report=ReportOption("use.jsonl", hide_user=True))
    desk.wrote(IN)
    header, out, again, back = desk.records()
    assert header["format"] == again["format"]
    assert out["user"] == "ann"
    assert str(back["user"]).startswith("user-")


def test_a_full_disk_leaves_a_gap_that_says_how_much_is_missing(desk: Desk) -> None:
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT)
    with no_room_beyond((desk.directory / "use.jsonl").stat().st_size + 20):
        desk.wrote(IN, OUT)
        desk.wrote(IN)
    desk.wrote(OUT)
    lines = desk.text("use.jsonl").splitlines()
    torn = lines.pop(2)
    assert len(torn) == 20
    records = [json.loads(line) for line in lines]
    assert [one.get("event", "header") for one in records] == ["header", "checkout", "gap", "checkout"]
    assert (records[2]["count"], records[2]["reason"]) == (3, "File too large")


def test_a_disk_that_is_full_from_the_start_still_brings_the_header_first(desk: Desk) -> None:
    with no_room_beyond(0):
        assert desk.apply(report=ReportOption("use.jsonl")) == []
        desk.wrote(OUT)
    desk.wrote(IN)
    assert desk.events() == ["header", "gap", "checkin"]


@pytest.mark.parametrize("how", ["moved", "cut"])
def test_other_programs_may_rotate_a_report_log(desk: Desk, how: str) -> None:
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT)
    if how == "moved":
        (desk.directory / "use.jsonl").rename(desk.directory / "old.jsonl")
    else:
        (desk.directory / "old.jsonl").write_text(desk.text("use.jsonl"))
        os.truncate(desk.directory / "use.jsonl", 0)
    desk.clock.now += 2.0
    desk.wrote(IN)
    assert desk.events("old.jsonl") == ["header", "checkout"]
    assert desk.events() == ["header", "checkin"]


# Tools -----------------------------------------------------------------------------------------------------------


def test_lmswitch_goes_on_in_a_new_file(desk: Desk) -> None:
    number, text = desk.logs.switch("debug", "new.log", False)
    desk.wrote(OUT)
    assert (number, text) == (0, f"the debug log goes on in {desk.directory / 'new.log'}")
    assert desk.texts("new.log")[-1] == 'OUT: "f1" ann@ann-pc  '
    assert desk.texts()[-1] == f"The debug log goes on in {desk.directory / 'new.log'}"


def test_lmswitch_with_rollover_moves_the_old_lines(desk: Desk) -> None:
    number, text = desk.logs.switch("debug", "", True)
    assert number == -42
    assert "lmgrd" in text
    desk.apply(debug=DebugOption("own.log"))
    desk.wrote(OUT)
    number, text = desk.logs.switch("debug", "", True)
    (rolled,) = [path.name for path in desk.directory.iterdir() if path.name.startswith("genesys.dlicsrv")]
    assert number == 0
    assert rolled in text
    desk.wrote(IN)
    assert 'OUT: "f1" ann@ann-pc  ' in desk.texts(rolled)
    assert desk.texts("own.log") == [f"TIMESTAMP {desk.logs.log.date()}", 'IN: "f1" ann@ann-pc  ']
    assert desk.logs.switch("debug", "by-name.log", True)[0] == 0
    assert desk.texts("by-name.log")[-1] == 'IN: "f1" ann@ann-pc  '


def test_lmswitchr_and_lmnewlog(desk: Desk) -> None:
    desk.apply(report=ReportOption("use.jsonl"))
    desk.wrote(OUT)
    assert desk.logs.switch("new", "monday.jsonl", False)[0] == 0
    desk.wrote(IN)
    assert desk.logs.switch("report", "other.jsonl", False)[0] == 0
    desk.wrote(OUT)
    assert desk.events("monday.jsonl") == ["header", "checkout"]
    assert desk.events("use.jsonl") == ["header", "checkin"]
    assert desk.events("other.jsonl") == ["header", "checkout"]


@pytest.mark.parametrize("what", ["report", "new"])
def test_without_a_report_log_there_is_nothing_to_switch(desk: Desk, what: str) -> None:
    number, text = desk.logs.switch(what, "new.jsonl", False)
    assert number == -45
    assert "REPORTLOG" in text
    assert not (desk.directory / "new.jsonl").exists()


@pytest.mark.parametrize("what", ["debug", "report", "new"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("taken.log", "exists already"),
        ("dangling.log", "exists already"),
        ("nowhere/new.log", "does not exist"),
        ("", "no name of a file"),
        ("new\n 1:00:00 (genesys.d) OUT:.log", "no name of a file"),
        ("a\0b", "no name of a file"),
        ("genesys.d.journal/00000000000000000009.jsonl", "own files"),
        ("../genesys.d.journal/x.log", "own files"),
        ("new.lic", "own files"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_target_that_cannot_be_changes_nothing(tmp_path: Path, what: str, path: str, said: str) -> None:
    (tmp_path / "site").mkdir()
    for directory in (tmp_path, tmp_path / "site"):
        (directory / "genesys.d.journal").mkdir()
    desk = Desk(tmp_path / "site")
    desk.apply(report=ReportOption("use.jsonl"), debug=DebugOption("own.log"))
    (desk.directory / "taken.log").write_text("mine")
    (desk.directory / "dangling.log").symlink_to("elsewhere.log")
    before = sorted(desk.directory.rglob("*"))
    number, text = desk.logs.switch(what, path, False)
    assert number == -42
    assert said in text
    assert "\n" not in text
    desk.wrote(OUT)
    assert sorted(desk.directory.rglob("*")) == before
    assert desk.text("taken.log") == "mine"
    assert desk.events() == ["header", "checkout"]
    assert 'OUT: "f1" ann@ann-pc  ' in desk.texts("own.log")


def test_what_is_moved_must_stay_on_its_file_system(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.apply(report=ReportOption("use.jsonl"))

    def refuse(self: Path, _target: Path) -> Path:
        raise OSError(18, "Invalid cross-device link", str(self))

    monkeypatch.setattr(Path, "rename", refuse)
    number, text = desk.logs.switch("new", "monday.jsonl", False)
    assert number == -42
    assert "Invalid cross-device link" in text
    assert not (desk.directory / "monday.jsonl").exists()
    desk.wrote(OUT)
    assert desk.events() == ["header", "checkout"]


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="descriptors are counted as Linux shows them")
def test_files_are_not_kept_open(desk: Desk) -> None:
    before = len(list(DESCRIPTORS.iterdir()))
    for number in range(5):
        desk.apply(debug=DebugOption(f"own{number}.log"), report=ReportOption(f"use{number}.jsonl"))
        desk.logs.switch("debug", f"switched{number}.log", False)
        desk.logs.switch("report", f"switched{number}.jsonl", False)
        desk.apply(debug=DebugOption("license.dat"), report=ReportOption(f"own{number}.log"))
    desk.apply()
    desk.logs.close()
    assert len(list(DESCRIPTORS.iterdir())) == before
