"""A real vendor daemon writes its logs where the options file and the tools say, over rereads, restarts and other programs' rotation."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from seatkeeper.cli.journal import main as journal
from seatkeeper.cli.lmutil import main
from seatkeeper.wire.messages import Checkin
from support.hostile import Peer, wait_until
from support.site import VENDOR, Site, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

#: lmgrd, after what a test changes in it.
MAIN = "import sys; from seatkeeper.cli.lmgrd import main; sys.exit(main())"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", {"f1": 5}) as made:
        yield made


def options(site: Site, *lines: str) -> None:
    (site.directory / f"{VENDOR}.opt").write_text("".join(f"{line}\n" for line in lines))


def use(site: Site, *users: str) -> None:
    """Each of them checks out and in."""
    for user in users:
        with Peer(site.port) as peer:
            peer.hello(user)
            peer.pair("f1", 1)


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def shows(path: Path, *words: str) -> None:
    """Returns when these words stand in the file, in whatever order."""
    wait_until(lambda: all(word in text(path) for word in words), why=lambda: f"{path} lacks one of {words}:\n{text(path)}")


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in text(path).splitlines()]


def of(path: Path, event: str) -> list[object]:
    return [record["user"] for record in records(path) if record.get("event") == event]


def reread(site: Site) -> None:
    assert main(["lmreread", "-c", str(site.license)]) == 0


def test_own_debug_log_by_the_options_file_and_back_by_a_reread(site: Site) -> None:
    options(site, "DEBUGLOG own.log", "NOLOG IN")
    site.start()
    own = site.directory / "own.log"
    use(site, "ann")
    shows(own, 'OUT: "f1" ann@ann-pc  \n')
    options(site)
    reread(site)
    use(site, "bob")
    shows(site.log, 'OUT: "f1" bob@bob-pc  \n', 'IN: "f1" bob@bob-pc  \n')
    assert "ann@" not in site.read_log()
    assert "bob@" not in text(own)
    assert "IN:" not in text(own)
    # The file says its day, and where the lines go on.
    assert re.match(r"[ \d]\d:\d\d:\d\d \(genesys\.d\) TIMESTAMP \d{1,2}/\d{1,2}/\d{4}\n", text(own))
    assert "The debug log goes on in " in text(own)


def test_a_debug_log_that_cannot_be_is_told_and_the_server_serves(site: Site) -> None:
    options(site, "DEBUGLOG nowhere/own.log", "REPORTLOG license.dat")
    before = site.license.read_bytes()
    site.start()
    use(site, "ann")
    shows(site.log, "nowhere: This directory does not exist.", "A license server's own files have such names.", 'OUT: "f1" ann@ann-pc  \n')
    assert site.license.read_bytes() == before


def test_report_log_is_the_journal_s_export_over_kills_and_restarts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options(site, "REPORTLOG +use.jsonl")
    report = site.directory / "use.jsonl"
    site.start()
    use(site, "ann", "bob")
    wait_until(lambda: of(report, "checkin") == ["ann", "bob"], why=lambda: text(report))
    site.wait_until_restarted(site.kill_daemon())
    use(site, "cy")
    assert site.stop() == 0
    site.start()
    use(site, "di")
    assert site.stop() == 0
    capsys.readouterr()
    assert journal(["export", str(site.directory / f"{VENDOR}.journal")]) == 0
    exported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = ("checkout", "checkin", "session", "denial")
    kept = [{name: value for name, value in record.items() if name != "seq"} for record in exported if record["event"] in told]
    assert [record for record in records(report) if record.get("event") in told] == kept
    assert of(report, "checkout") == ["ann", "bob", "cy", "di"]
    assert sum("format" in record for record in records(report)) == 3
    assert "format" in records(report)[0]


def test_hide_user_hides_them_in_the_report_log_only(site: Site) -> None:
    options(site, "REPORTLOG use.jsonl HIDE_USER")
    site.start()
    use(site, "wilhelmina", "wilhelmina")
    report = site.directory / "use.jsonl"
    wait_until(lambda: len(of(report, "checkin")) == 2, why=lambda: text(report))
    shows(site.log, "wilhelmina@")
    assert len(set(of(report, "checkout"))) == 1
    assert all("wilhelmina" not in str(user) for user in of(report, "checkout"))


def test_lmswitch_lmswitchr_and_lmnewlog_while_it_serves(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options(site, "DEBUGLOG own.log", "REPORTLOG use.jsonl")
    site.start()
    directory, path = site.directory, ["-c", str(site.license)]
    with Peer(site.port) as holder:
        holder.hello("holder")
        holder.checkout("f1")
        use(site, "ann")
        shows(directory / "own.log", 'IN: "f1" ann@ann-pc  \n')
        assert main(["lmswitch", *path, VENDOR, "second.log"]) == 0
        assert main(["lmnewlog", *path, "monday.jsonl"]) == 0
        use(site, "bob")
        assert main(["lmswitchr", *path, VENDOR, "tuesday.jsonl"]) == 0
        use(site, "cy")
        shows(directory / "second.log", 'IN: "f1" bob@bob-pc  \n', 'IN: "f1" cy@cy-pc  \n')
        assert main(["lmswitch", *path, VENDOR, "-rollover"]) == 0
        use(site, "di")
        shows(directory / "second.log", 'IN: "f1" di@di-pc  \n')
    (rolled,) = [each for each in directory.iterdir() if re.fullmatch(rf"{VENDOR}.+\d{{8}}_T\d{{6}}\.log", each.name)]
    assert "cy@cy-pc" in rolled.read_text()
    assert "cy@cy-pc" not in text(directory / "second.log")
    wait_until(lambda: "di" in of(directory / "tuesday.jsonl", "checkin"))
    checkouts = {name: of(directory / name, "checkout") for name in ("monday.jsonl", "use.jsonl", "tuesday.jsonl")}
    assert checkouts == {"monday.jsonl": ["holder", "ann"], "use.jsonl": ["bob"], "tuesday.jsonl": ["cy", "di"]}
    capsys.readouterr()
    for words in (["lmswitch", *path, VENDOR, "own.log"], ["lmnewlog", *path, f"{VENDOR}.journal/1.jsonl"], ["lmswitchr", *path, "no/x"]):
        assert main(words) == 214
    assert "This file exists already." in capsys.readouterr().err


def test_a_report_log_may_be_switched_only_where_there_is_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.start()
    assert main(["lmnewlog", "-c", str(site.license), "monday.jsonl"]) == 211
    assert "REPORTLOG" in capsys.readouterr().err
    assert not (site.directory / "monday.jsonl").exists()


def test_a_log_that_grows_over_its_limit_is_moved_away(site: Site) -> None:
    options(site, "DEBUGLOG own.log AUTO_ROLLOVER 1")
    own = site.directory / "own.log"
    own.write_text("11:59:59 (genesys.d) padding of an old log\n" * 24_500)
    options(site, "DEBUGLOG +own.log AUTO_ROLLOVER 1")
    site.start()
    use(site, *["ann"] * 5)
    wait_until(lambda: own.stat().st_size < 1 << 20, why=lambda: f"{own.stat().st_size} bytes")
    (rolled,) = [each for each in site.directory.iterdir() if re.fullmatch(rf"{VENDOR}.+\d{{8}}_T\d{{6}}\.log", each.name)]
    assert rolled.stat().st_size >= 1 << 20


def test_other_programs_move_a_log_and_it_goes_on_under_its_name(site: Site) -> None:
    options(site, "DEBUGLOG own.log", "REPORTLOG use.jsonl")
    site.start()
    use(site, "ann")
    own, report = site.directory / "own.log", site.directory / "use.jsonl"
    shows(own, 'IN: "f1" ann@ann-pc  \n')
    wait_until(lambda: of(report, "checkin") == ["ann"])
    own.rename(site.directory / "own.1")
    report.rename(site.directory / "use.1")
    # Within a second or two, whether anything is written or not.
    wait_until(own.exists)
    wait_until(lambda: (use(site, "bob"), report.exists())[1])
    use(site, "cy")
    shows(own, "TIMESTAMP ", 'IN: "f1" cy@cy-pc  \n')
    wait_until(lambda: "cy" in of(report, "checkin"))
    assert "format" in records(report)[0]
    assert "cy@" not in text(site.directory / "own.1") + text(site.directory / "use.1")


def test_all_processes_go_on_in_lmgrd_s_log_when_another_program_has_moved_it(site: Site) -> None:
    site.start()
    use(site, "ann")
    shows(site.log, 'IN: "f1" ann@ann-pc  \n')
    site.log.rename(site.directory / "debug.1")
    date = r"(?m)^[ \d]\d:\d\d:\d\d \({}\) TIMESTAMP \d{{1,2}}/\d{{1,2}}/\d{{4}}$"
    # Each of them says the day first, and a vendor daemon that is started later writes there as well.
    wait_until(
        lambda: all(re.search(date.format(re.escape(name)), text(site.log)) for name in ("lmgrd", VENDOR)), why=lambda: text(site.log)
    )
    use(site, "bob")
    shows(site.log, 'IN: "f1" bob@bob-pc  \n')
    os.kill(int(re.findall(r"pid (\d+)\)", text(site.directory / "debug.1"))[-1]), signal.SIGKILL)
    shows(site.log, "REStarted ", "Number of VD restarts since LS startup: 1")


def test_datestamp_gives_each_line_of_all_processes_its_date(site: Site) -> None:
    site.start("-datestamp")
    use(site, "ann")
    shows(site.log, 'IN: "f1" ann@ann-pc  \n')
    assert site.stop() == 0
    heads = [line.split(" ")[:2] for line in site.read_log().splitlines()]
    assert {daemon for _, daemon in heads} == {"(lmgrd)", f"({VENDOR})"}
    assert all(datetime.fromisoformat(stamp).tzinfo is not None for stamp, _ in heads)


def test_the_last_entries_before_a_shutdown_are_reported_too(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that are on their way to the disk when the order comes."""
    options(site, "REPORTLOG use.jsonl")
    site.start()
    with Peer(site.port) as peer:
        peer.hello()
        handles = [peer.checkout("f1", number).handle for number in range(5)]
        peer.send(*[Checkin(10 + number, handle) for number, handle in enumerate(handles)])
        peer.receive()
        assert site.stop() == 0
    capsys.readouterr()
    assert journal(["export", str(site.directory / f"{VENDOR}.journal")]) == 0
    exported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    came_back = [record["handle"] for record in exported if record["event"] == "checkin"]
    assert [record["handle"] for record in records(site.directory / "use.jsonl") if record.get("event") == "checkin"] == came_back


def start_again(site: Site, log: str) -> subprocess.Popen[bytes]:
    """A second lmgrd by mistake, from the same directory and on another port."""
    other = site.directory / "two.dat"
    other.write_text(site.license.read_text().replace(f" {site.port}", f" {free_port()}"))
    command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(other), "-l", log]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def test_a_second_start_by_mistake_leaves_the_logs_of_the_server_that_runs_alone(site: Site) -> None:
    options(site, "DEBUGLOG own.log", "REPORTLOG report.log")
    site.start()
    use(site, "ann", "bob")
    own, report, second = site.directory / "own.log", site.directory / "report.log", site.directory / "second.log"
    shows(own, 'IN: "f1" bob@')
    wait_until(lambda: of(report, "checkin") == ["ann", "bob"])
    before = text(own), text(report)
    mistaken = start_again(site, str(second))
    try:
        # Also a second try of its vendor daemon, which goes on with what the one before had.
        shows(second, "The journal cannot be used", "another vendor daemon is writing this journal", "REStarted genesys.d")
        assert text(second).count("The journal cannot be used") >= 1
    finally:
        mistaken.terminate()
        mistaken.wait(30)
    assert (text(own), text(report)) == before
    use(site, "cy")
    wait_until(lambda: of(report, "checkin") == ["ann", "bob", "cy"])


@pytest.mark.parametrize("plus", ["", "+"])
def test_a_second_start_on_a_taken_port_does_not_empty_the_log(site: Site, plus: str) -> None:
    site.start()
    before = site.read_log()
    command = [sys.executable, "-c", f"from seatkeeper.server import lmgrd; lmgrd._BIND_S = 0.2; {MAIN}"]
    command += ["-z", "-c", str(site.license), "-l", f"{plus}{site.log}"]
    refused = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 199
    assert f"Port {site.port} cannot be opened" in refused.stderr
    assert site.read_log().startswith(before)
    assert f"Port {site.port} cannot be opened" in site.read_log()


def test_without_a_plus_the_log_begins_anew_once_the_port_is_open(site: Site) -> None:
    log = site.directory / "anew.log"
    log.write_text("10:00:00 (lmgrd) of yesterday\n")
    site.start("-l", str(log))
    assert "yesterday" not in text(log)
    assert "Please Note" in text(log)
    assert "lmgrd tcp-port" in text(log)
