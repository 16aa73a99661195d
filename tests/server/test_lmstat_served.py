"""What the tools print about a busy server is as facts/lmstat-formats.md says, and the field's readers find in it what was checked out.

The sections named below are those of that page.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from seatkeeper.cli import lmutil
from seatkeeper.sdk.admin import pools, reread
from support import field_readers
from support.busy_server import ISSUED, LINGER_S, OTHER, UNCOUNTED, Application, BusyServer
from support.field_readers import Misread, Use
from support.lmstat_reader import Feature, StrictReader
from support.site import VENDOR, Site, feature, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.busy_server import Held

pytestmark = pytest.mark.processes

DAY_S = 86400
SUPPORT = Path(__file__).parents[1] / "support"
UNSUPPORTED = {"broken": 8, "expired": 4}
#: In the order of the license file; components stand after their suite.
FEATURES = [
    *("ports", "solo", "pair", "idle", "idle_one", "lingering", "lent", "kept", "shared", "suite", "write", "draw", "people", "free_held"),
    *("free_idle", "bound", "bound_free", "drafted", "over", "expired", "ended", "gone", "broken"),
]
OTHERS = ["ports", "other_tool"]
IDLE = {"idle", "idle_one", "free_idle", "other_tool", *UNSUPPORTED}


class Shown(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(*argv: str) -> Shown:
    """A tool, as its process does it."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = lmutil.main(list(argv))
    return Shown(status, out.getvalue(), err.getvalue())


def lmstat(path: str, *flags: str) -> Shown:
    return run("lmutil", "lmstat", *flags, "-c", path)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusyServer]:
    server = BusyServer(tmp_path_factory.mktemp("busy") / "site")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def screen(busy: BusyServer) -> Shown:
    return lmstat(busy.path, "-a")


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def display_of(shown: str) -> str:
    """A holder without a display has a word all the same; which one is not said here."""
    return "" if shown in ("?", "/dev/tty") else shown


def features_of(reader: StrictReader) -> dict[tuple[str, str], Feature]:
    found = {(daemon.name, one.name): one for daemon in reader.daemons for one in daemon.features}
    assert len(found) == sum(len(daemon.features) for daemon in reader.daemons)
    return found


# The whole screen ---------------------------------------------------------------------------------------------------------------


def test_every_line_is_one_that_readers_know_and_every_seat_is_there_once(busy: BusyServer, screen: Shown) -> None:
    assert (screen.status, screen.err) == (0, "")
    found = features_of(StrictReader(screen.out).read())
    counted = {name: one for name, one in found.items() if one.kind == "counted"}
    # Of a line that has ended, and of a feature that is no longer licensed, somebody still has a seat.
    ended, gone = counted.pop((VENDOR, "ended")), counted.pop((VENDOR, "gone"))
    assert {name: one.issued for name, one in counted.items()} == ISSUED
    assert {name: one.used for name, one in counted.items()} == {name: busy.used(*name) for name in ISSUED}
    # Section 3: the variants of the line.
    assert sorted(name for (_, name), one in found.items() if one.kind == "uncounted") == sorted(UNCOUNTED)
    assert {name: one.issued for (_, name), one in found.items() if one.kind == "unsupported"} == UNSUPPORTED
    assert (ended.issued, ended.used) == (gone.issued, gone.used) == (0, 1)
    for (vendor, name), one in found.items():
        held = [seats for block in one.blocks for seats in block.holders]
        told = [(s.user, s.host, display_of(s.display), s.version, s.handle, s.count, s.linger is not None) for s in held]
        truth = [each for each in busy.held if (each.vendor, each.feature) == (vendor, name)]
        assert sorted(told) == sorted((t.user, t.host, t.display, t.version, t.handle, t.count, t.lingers) for t in truth)
        kept = [(line.count, line.kind, line.name) for block in one.blocks for line in block.reservations]
        assert kept == [(k.count, k.kind, k.name) for k in busy.kept if (VENDOR, k.feature) == (vendor, name)]
        queue = [(s.user, s.host, s.display, s.version, s.handle, s.count) for block in one.blocks for s in block.queued]
        waits = [w for w in busy.waiting if (w.vendor, w.feature) == (vendor, name)]
        assert queue == [(w.user, w.host, w.display, w.version, w.handle, w.count) for w in waits]


def test_what_the_server_counts_is_what_the_lines_add_up_to(busy: BusyServer) -> None:
    for vendor in (VENDOR, OTHER):
        for pool in pools("localhost", busy.site.port, vendor):
            assert pool.in_use == sum(one.count for one in pool.holders) + sum(one.count for one in pool.reservations), pool.feature


def test_the_header_is_as_ever(busy: BusyServer, screen: Shown) -> None:
    """Section 1, line by line."""
    port, lines = busy.site.port, screen.lines
    assert re.fullmatch(r"lmutil - Copyright \(c\) \d{4} seatkeeper authors", lines[0])
    assert re.fullmatch(r"Flexible License Manager status on [A-Z][a-z]{2} [1-9]\d?/[1-9]\d?/\d{4} \d\d:\d\d", lines[1])
    assert lines[2:7] == [
        "",
        f"License server status: {port}@localhost",
        f"    License file(s) on localhost: {busy.site.license}:",
        "",
        f" localhost: license server UP (MASTER) {busy.version}",
    ]
    assert lines[7:13] == ["", "Vendor daemon status (on localhost):", "", f" genesys.d: UP {busy.version}", "Feature usage info:", ""]
    # One head for all vendor daemons, and each with its own features.
    assert screen.out.count("Vendor daemon status") == screen.out.count("License server status") == 1
    second = lines.index(f"   other.d: UP {busy.version}")
    assert lines[second - 1 : second + 3 : 2] == ["", "Feature usage info:"]
    assert [line.split()[2].rstrip(":") for line in lines[:second] if line.startswith("Users of")] == FEATURES
    assert [line.split()[2].rstrip(":") for line in lines[second:] if line.startswith("Users of")] == OTHERS


def test_blank_lines_separate_and_only_separate(screen: Shown) -> None:
    """Sections 3 and 4: one after a totals line, one between two idle features, around the users of a pool; never two."""
    assert "\n\n\n" not in screen.out
    assert screen.out.endswith("\n\n")
    lines = screen.lines
    for number, line in enumerate(lines):
        if line.startswith("Users of"):
            assert lines[number - 1] == lines[number + 1] == ""
        if line.startswith('  "'):
            assert lines[number - 1] == ""
            third = number + 2 if lines[number + 1].startswith("  vendor_string: ") else number + 1
            assert re.match(r"  (uncounted )?(floating|nodelocked) license", lines[third])
            assert lines[third + 1] == ""
    assert not any(line != line.rstrip() for line in lines)
    idle = lines.index("Users of idle:  (Total of 3 licenses issued;  Total of 0 licenses in use)")
    assert lines[idle + 1 : idle + 3] == ["", "Users of idle_one:  (Total of 1 license issued;  Total of 0 licenses in use)"]


def test_two_pools_of_a_feature_have_two_blocks(busy: BusyServer, screen: Shown) -> None:
    """Section 4; VENDOR_STRING and the day of the end where the license has them."""
    first, second = features_of(StrictReader(screen.out).read())[VENDOR, "ports"].blocks
    assert (first.version, first.vendor_string, first.expiry, first.used) == ("8.5", "", "1-jan-0", 15)
    assert (second.version, second.vendor_string, second.expiry, second.used) == ("8.0", "site=north", "5-feb-2031", 8)
    assert (
        '\n  "ports" v8.0, vendor: genesys.d, expiry: 5-feb-2031\n  vendor_string: site=north\n  floating license\n\n    bob ' in screen.out
    )


def test_kinds_of_license(busy: BusyServer, screen: Shown) -> None:
    found = features_of(StrictReader(screen.out).read())
    kinds = {name: [block.kind for block in one.blocks] for (_, name), one in found.items()}
    assert kinds["free_held"] == ["uncounted nodelocked license locked to NOTHING (hostid=ANY)"]
    assert kinds["bound_free"] == [f'uncounted nodelocked license, locked to "{busy.site.hostid}"']
    assert kinds["bound"] == [f'nodelocked license, locked to "{busy.site.hostid}"']
    assert {kind for name in ("pair", "suite", "over", "ended", "lent") for kind in kinds[name]} == {"floating license"}
    assert kinds["idle"] == kinds["free_idle"] == kinds["broken"] == []


def test_lines_of_checkouts_to_the_letter(busy: BusyServer, screen: Shown) -> None:
    """Section 5."""
    where = rf"\(localhost/{busy.site.port} \d+\)"
    start = r"start [A-Z][a-z]{2} [1-9]\d?/[1-9]\d? \d{1,2}:\d\d"
    for pattern in (
        rf"    ann desk1 :0 \(v8\.5\) {where}, {start}, 12 licenses",
        rf"    ann desk1 :0 \(v8\.5\) {where}, {start}",
        rf"    cy desk3 :0\.0 \(v8\.0\) {where}, {start}, 2 licenses",
        rf"    gil desk5 :0 \(v8\.0\) {where}, {start}, 2 licenses  \(linger: \d+ / {LINGER_S}\)",
        rf"    jo desk8 :0 \(v8\.0\) {where}, {start}  \(linger: \d+ / {LINGER_S}\)",
        rf"    eve laptop1 :0 \(v8\.0\) {where}, {start}  \(linger: \d+ / {DAY_S}\)",
        rf"    bob desk2\.example\.test /dev/pts/3 8\.0 \(v8\.0\) {where} queued for 1 license",
        rf"    dan desk4 tty1 8\.0 \(v8\.0\) {where} queued for 2 licenses",
        rf"\t4 RESERVATIONs for GROUP night \(localhost/{busy.site.port}\)",
        rf"\t1 RESERVATION for HOST desk9 \(localhost/{busy.site.port}\)",
        rf"\t2 RESERVATIONs for HOST_GROUP kiosks \(localhost/{busy.site.port}\)",
        rf"\t2 RESERVATIONs for USER hal \(localhost/{busy.site.port}\)",
        rf"    John Smith desk10 desk10 \(v8\.0\) {where}, {start}",
        rf"    \u0141ukasz b\u00fcro-3 :0 \(v8\.0\) {where}, {start}",
        rf"    u{{256}} h{{256}} d{{256}} \(v8\.0\) {where}, {start}",
        rf"    DOMAIN\\joe\.o'neil desk12\.example\.test 10\.1\.2\.3:0\.0 \(v8\.0\) {where}, {start}",
        rf"    no-display desk13 \S+ \(v8\.0\) {where}, {start}",
    ):
        assert [line for line in screen.lines if re.fullmatch(pattern, line)], pattern
    assert not re.search(r", [01] licenses?|PID|license\(s\)|\t1 RESERVATIONs", screen.out)


def test_handles_are_those_that_lmremove_takes(busy: BusyServer, screen: Shown) -> None:
    """The checkout answers with the handle that lmstat prints, and within a vendor daemon it is one checkout's alone."""
    for daemon in StrictReader(screen.out).read().daemons:
        handles: dict[int, set[tuple[str, str]]] = {}
        for one in daemon.features:
            for seats in (seats for block in one.blocks for seats in (*block.holders, *block.queued)):
                handles.setdefault(seats.handle, set()).add((seats.user, seats.host))
        assert all(len(who) == 1 for who in handles.values())


# How lmutil is called (sections 8 and 9) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ("", []),
        ("-a", [FEATURES, OTHERS]),
        ("-A", [[name for name in FEATURES if name not in IDLE], ["ports"]]),
        ("-asec", [FEATURES, OTHERS]),
        ("-f", [FEATURES, OTHERS]),
        ("-f solo", [["solo"], []]),
        ("-a -f solo", [["solo"], []]),
        ("-f PORTS", [["ports"], ["ports"]]),
        ("-f other_tool", [[], ["other_tool"]]),
        ("-S", [FEATURES, OTHERS]),
        ("-S other.d", [OTHERS]),
        ("-a -S genesys.d", [FEATURES]),
        ("-s", []),
        ("-s localhost", []),
        ("-a -s localhost", [FEATURES, OTHERS]),
        ("-lm", []),
        ("-vd", []),
        ("-a --no-user-info", [FEATURES, OTHERS]),
        ("-f solo --no-user-info", [["solo"], []]),
        ("-t 5 -a", [FEATURES, OTHERS]),
        ("-a -old -proj", [FEATURES, OTHERS]),
    ],
)
def test_flags(busy: BusyServer, flags: str, shown: list[list[str]]) -> None:
    words = flags.split()
    answer = lmstat(busy.path, *words)
    people = "--no-user-info" not in words
    reader = StrictReader(answer.out, seconds="-asec" in words, people=people).read()
    assert (answer.status, answer.err) == (0, "")
    assert [[one.name for one in daemon.features] for daemon in reader.daemons if shown] == shown
    assert [server.master for server in reader.servers] == ["localhost"]
    assert bool(reader.servers[0].up) == ("-vd" not in words)
    alone = ("-s" in words or "-lm" in words) and "-a" not in words
    assert bool(reader.daemons) == (not alone)
    assert any(block.holders for daemon in reader.daemons for one in daemon.features for block in one.blocks) == (
        people and shown not in ([], [[], ["other_tool"]])
    )
    assert ("Users of" in answer.out) == bool(shown)


def test_the_path_is_written_in_many_ways(busy: BusyServer, screen: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Section 8: a file, a directory, p@h by every address, a list, the environment; before or after the flags."""
    port = busy.site.port
    (tmp_path / "copy.lic").write_text(busy.site.license.read_text())
    alone = screen.out.splitlines()[2:]
    for path in (str(busy.site.license), str(tmp_path), f"{port}@127.0.0.1", f"{port}@[::1]", f"{busy.path}:{busy.site.license}"):
        for argv in (("lmutil", "lmstat", "-a", "-c", path), ("lmutil", "lmstat", "-c", path, "-a")):
            answer = run(*argv)
            assert (answer.status, _without_seconds(answer.lines[2:])) == (0, _without_seconds(alone)), path
    # Rule 4: no IPv6 address is ever printed, however the server was reached.
    assert "::1" not in lmstat(f"{port}@[::1]", "-a").out
    monkeypatch.setenv("LM_LICENSE_FILE", busy.path)
    answer = run("/usr/local/bin/lmstat", "-a")
    assert answer.lines[0].startswith("lmstat - Copyright")
    assert answer.lines[2:4] == ["", "[Detecting lmgrd processes...]"]
    assert _without_seconds(answer.lines[4:]) == _without_seconds(alone[1:])
    assert field_readers.fixed_lines(answer.out) == (str(busy.site.license), "genesys.d")


def _without_seconds(lines: list[str]) -> list[str]:
    """A linger time goes on while lmstat is called again."""
    return [re.sub(r"linger: \d+", "linger: n", line) for line in lines]


def test_what_is_not_good_has_its_status(busy: BusyServer) -> None:
    """Sections 2, 3 and 9."""
    unknown = lmstat(busy.path, "-f", "nosuch")
    assert unknown.status == 251
    assert unknown.out.count("\nUsers of nosuch: Cannot get users of nosuch: No such feature exists. (-5,222)\n") == 1
    assert [one.kind for daemon in StrictReader(unknown.out).read().daemons for one in daemon.features] == ["unknown"]
    # A feature that is no longer licensed, and still held.
    gone = lmstat(busy.path, "-f", "gone")
    assert gone.status == 0
    assert "Users of gone:  (Total of 0 licenses issued;  Total of 1 license in use)\n" in gone.out
    assert '  "gone" v8.0, vendor: genesys.d, expiry: 1-jan-0\n' in gone.out
    assert "    ann desk1 :0 (v8.0) " in gone.out
    vendor = lmstat(busy.path, "-S", "nosuch.d")
    assert (vendor.status, StrictReader(vendor.out).read().daemons[0].up) == (159, False)
    assert "\n  nosuch.d: The desired vendor daemon is down. (-97,121)\n" in vendor.out
    assert [run("lmutil", *argv).status for argv in ((), ("lmstat", "-v"), ("lmstat", "-help"))] == [0, 0, 0]
    assert lmstat(busy.path, "-f", "broken").status == 0


def test_no_server_answers(busy: BusyServer) -> None:
    """Section 2: the error in place of everything after the header, and among others in place of the server's line."""
    dead = free_port()
    refused = 'Cannot connect to license server system. (-15,570:111 "Connection refused")'
    down = lmstat(f"{dead}@localhost", "-a")
    assert down.status == 241
    assert down.lines[2:] == [f"Error getting status: {refused}"]
    assert StrictReader(down.out).read().error == refused
    assert field_readers.probe(down.out, down.status) == "server down"
    triad = lmstat(f"{dead}@localhost,{free_port()}@127.0.0.1,{free_port()}@[::1]", "-a")
    assert (triad.status, triad.lines[2:]) == (241, down.lines[2:])
    both = lmstat(f"{busy.path}:{dead}@[::1]", "-a")
    assert both.status == 241
    assert both.lines[-4:] == [f"License server status: {dead}@localhost", "", f" localhost: {refused}", ""]
    reader = StrictReader(both.out).read()
    assert [server.up for server in reader.servers] == [["localhost"], []]
    assert "::1" not in both.out


def test_version_of_the_tool() -> None:
    """Section 7."""
    assert re.fullmatch(r"lmstat v\d+\.\d+\.\d+ build \d+ \w+", run("lmutil", "lmstat", "-v").lines[1])


def test_a_terminal_that_cannot_show_a_name_loses_no_line(busy: BusyServer, screen: Shown) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(lmutil.__file__).parents[2]), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    command = [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmstat", "-a", "-c", busy.path]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment, check=True)
    assert done.stderr == b""
    assert r"\u0141ukasz b\xfcro-3 :0" in done.stdout.decode("ascii")
    assert _without_seconds(done.stdout.decode("ascii").splitlines()[2:]) == _without_seconds(
        [line.encode("ascii", "backslashreplace").decode() for line in screen.lines[2:]]
    )


def test_an_ordinary_user_of_the_machine_sees_all_of_it(busy: BusyServer, screen: Shown) -> None:
    """Nothing of the server's belongs to him: he asks through lmgrd's port, like everybody."""
    # The interpreter itself may belong to somebody else, so it is loaded before the process becomes nobody's.
    program = f"""\
import os
import encodings.idna
from seatkeeper.cli import lmutil, lmstat
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
raise SystemExit(lmutil.main(["lmutil", "lmstat", "-a", "-c", {busy.path!r}]))
"""
    environment = {"PYTHONPATH": str(Path(lmutil.__file__).parents[2]), "HOME": "/", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=60, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert _without_seconds(done.stdout.decode().splitlines()[2:]) == _without_seconds(screen.lines[2:])


# The field's readers -----------------------------------------------------------------------------------------------------------


def uses(held: list[Held]) -> list[Use]:
    return sorted(Use(one.feature, one.user, one.host, one.display, one.handle, one.count) for one in held)


def shown_uses(found: list[Use]) -> list[Use]:
    return sorted(use._replace(display=display_of(use.display)) for use in found)


def test_an_exporter_publishes_what_was_checked_out(busy: BusyServer, screen: Shown) -> None:
    found = field_readers.exporter(screen.out)
    assert found.servers == {"localhost": (True, True)}
    assert list(found.vendors) == [VENDOR, OTHER]
    assert found.features == {name: (issued, busy.used(*name)) for name, issued in ISSUED.items()} | {
        (VENDOR, name): (0, 1) for name in ("ended", "gone")
    }
    everybody = [use for each in found.users.values() for use in each]
    assert shown_uses(everybody) == uses(busy.held)
    assert found.reserved == {(VENDOR, "kept"): sum(one.count for one in busy.kept)}
    assert found.queued == {(VENDOR, "solo"): 1, (VENDOR, "pair"): 3}


def test_an_agent_of_a_scheduler_books_what_was_checked_out(busy: BusyServer, screen: Shown) -> None:
    """Section 5: its patterns end where the line ends. Lingering seats and names with blanks are lost to it, here as on genuine output."""
    for vendor in (VENDOR, OTHER):
        found = field_readers.agent(lmstat(busy.path, "-a", "-S", vendor).out)
        assert {name: numbers[:2] for name, numbers in found.items() if name not in ("ended", "gone")} == {
            name: (issued, busy.used(vendor, name)) for (of, name), issued in ISSUED.items() if of == vendor
        }
        truth = [one for one in busy.held if one.vendor == vendor and not one.lingers and " " not in one.user]
        # It gives users of uncounted features to the feature before, as on genuine output.
        told = Counter(use for _, _, booked in found.values() for use in booked)
        assert told == Counter((one.user, one.host, one.count) for one in truth)
        for name in ("ports", "pair", "shared", "suite", "over"):
            if name in found:
                told = Counter(found[name][2])
                assert told == Counter((one.user, one.host, one.count) for one in truth if one.feature == name)


def test_readers_that_count_words_columns_and_lines(busy: BusyServer, screen: Shown) -> None:
    assert sorted(field_readers.words(screen.out)) == sorted(
        [(name, issued, busy.used(vendor, name)) for (vendor, name), issued in ISSUED.items()] + [("ended", 0, 1), ("gone", 0, 1)]
    )
    # A name with blanks shifts the columns, here as on genuine output; such readers are asked about a feature without one.
    now = datetime.now()
    for name in ("ports", "shared", "suite", "lingering", "free_held"):
        found = field_readers.columns(lmstat(busy.path, "-S", VENDOR, "-f", name).out)
        assert shown_uses([use for use, _ in found]) == uses([one for one in busy.held if (one.vendor, one.feature) == (VENDOR, name)])
        assert all(now - timedelta(minutes=15) < began <= now for _, began in found)


@pytest.mark.parametrize("name", ["solo", "idle", "idle_one", "kept", "over", "other_tool", "lingering"])
def test_scripts_that_ask_for_one_feature(busy: BusyServer, name: str) -> None:
    """Rule 7: the last totals line, and every line with the word start."""
    vendor = OTHER if name == "other_tool" else VENDOR
    shown = lmstat(busy.path, "-f", name).out
    assert field_readers.last_totals(shown) == ISSUED[vendor, name] - busy.used(vendor, name)
    assert field_readers.start_lines(shown) == sum(one.feature == name for one in busy.held)


def test_readers_of_blocks(busy: BusyServer, screen: Shown) -> None:
    found = field_readers.details(screen.out)
    assert [(pool.feature, pool.version, pool.vendor, pool.expiry) for pool in found[:4]] == [
        ("ports", "8.5", VENDOR, "1-jan-0"),
        ("ports", "8.0", VENDOR, "5-feb-2031"),
        ("solo", "8.0", VENDOR, "1-jan-0"),
        ("pair", "8.0", VENDOR, "31-dec-2030"),
    ]
    told = sorted((pool.vendor, pool.feature, handle) for pool in found for handle in pool.handles)
    assert told == sorted((one.vendor, one.feature, one.handle) for one in (*busy.held, *busy.waiting))
    assert field_readers.paragraphs(screen.out) == ("localhost", [VENDOR, OTHER])
    assert field_readers.paragraphs(lmstat(busy.path).out) == ("localhost", [VENDOR, OTHER])


def test_readers_that_take_reservations_off(busy: BusyServer, screen: Shown) -> None:
    found = field_readers.people(screen.out)
    truth: Counter[str] = Counter(dict.fromkeys((name for _, name in ISSUED), 0))
    truth.update({one.feature: 0 for one in busy.held})
    for one in busy.held:
        truth[one.feature] += one.count if one.feature not in UNCOUNTED else 0
    assert found == {name: count for name, count in truth.items() if name not in UNCOUNTED}


def test_readers_of_the_queue(busy: BusyServer, screen: Shown) -> None:
    assert field_readers.queue(screen.out) == [(one.feature, one.user, one.host, one.count) for one in busy.waiting]


@pytest.mark.parametrize("of", ["file", "server"])
def test_readers_of_expiry_dates(busy: BusyServer, of: str) -> None:
    """Section 6; a server shows what it serves, a file what it says."""
    shown = lmstat(busy.path if of == "server" else str(busy.site.license), "-i")
    assert shown.status == 0
    assert shown.lines[2:7] == [
        "",
        "NOTE: lmstat -i does not give information from the server,",
        "      but only reads the license file.  For this reason,",
        "      lmstat -a is recommended instead.",
        "",
    ]
    rows = field_readers.expiry_rows(shown.out)
    counts = [(row["Vendor"], row["Feature"], row["Version"], row["#licenses"], row["Expires"]) for row in rows]
    assert counts[:4] == [
        (VENDOR, "ports", "8.5", "20", "never"),
        (VENDOR, "ports", "8.0", "10", "5-feb-2031"),
        (VENDOR, "solo", "8.0", "1", "never"),
        (VENDOR, "pair", "8.0", "2", "31-dec-2030"),
    ]
    assert (VENDOR, "expired", "8.0", "4", "1-feb-2020") in counts
    assert (VENDOR, "free_idle", "8.0", "uncounted", "never") in counts
    assert counts[-2:] == [(OTHER, "ports", "8.0", "2", "never"), (OTHER, "other_tool", "2.11", "1", "never")]
    names = [name for name in FEATURES if name not in (("broken", "gone") if of == "server" else ("write", "draw", "gone"))]
    assert [row["Feature"] for row in rows] == ["ports", *names, *OTHERS] if of == "server" else sorted(["ports", *names, *OTHERS])
    assert lmstat(busy.path, "-i", "-a").lines[2:] == lmstat(busy.path, "-i").lines[2:]
    one = field_readers.expiry_rows(lmstat(busy.path, "-i", "pair").out)
    assert [(row["Feature"], row["#licenses"]) for row in one] == [("pair", "2")]


def test_readers_of_lmcksum_and_of_the_license_file(busy: BusyServer) -> None:
    """Sections 7 and 11."""
    file = field_readers.license_file(busy.site.license.read_text())
    lines = sorted(tuple(words[:5]) for words in file["FEATURE"] + file["INCREMENT"])
    assert file["SERVER"] == [["localhost", busy.site.hostid, str(busy.site.port)]]
    assert file["DAEMON"] == [[VENDOR], [OTHER]]
    assert sorted(field_readers.checksums(run("lmutil", "lmcksum", "-c", str(busy.site.license)).out)) == lines
    served = run("lmutil", "lmcksum", "-c", busy.path)
    assert served.status == 0
    assert sorted(field_readers.checksums(served.out)) == [words for words in lines if words[0] != "broken"]
    # What proves a line stays where it is.
    assert "SIGN" not in served.out


def test_readers_of_lmdiag(busy: BusyServer) -> None:
    """Section 7."""
    able = run("lmutil", "lmdiag", "-c", busy.path, "idle", "-n")
    assert (able.status, field_readers.diagnoses(able.out)) == (0, [("idle", "8.0", "localhost", True)])
    shape = (
        '\n"idle" v8.0, vendor: genesys.d, expiry: 1-jan-0\nLicense server: localhost\n'
        "floating license  starts: 1-jan-1990,   expires: 1-jan-0\n \nThis license can be checked out\n"
    )
    assert shape in able.out
    unable = run("lmutil", "lmdiag", "-c", busy.path, "-n", "over")
    assert (unable.status, field_readers.diagnoses(unable.out)) == (252, [("over", "8.0", "localhost", False)])
    assert "\n \nThis license cannot be checked out because:\n" in unable.out
    ended = run("lmutil", "lmdiag", "-c", busy.path, "-n", "expired")
    assert (ended.status, field_readers.diagnoses(ended.out)) == (246, [("expired", "8.0", "localhost", False)])
    assert "starts: 1-jan-1990,   expires: 1-feb-2020\n" in ended.out
    node = run("lmutil", "lmdiag", "-c", busy.path, "-n", "bound")
    assert (node.status, "\nThis is the correct node for this node-locked license\n" in node.out) == (0, True)
    component = run("lmutil", "lmdiag", "-c", str(busy.site.license), "-n", "write")
    assert (component.status, field_readers.diagnoses(component.out)) == (0, [("write", "8.0", "localhost", True)])
    several = run("lmutil", "lmdiag", "-c", busy.path, "-n", "ports")
    assert [(version, can) for _, version, _, can in field_readers.diagnoses(several.out)] == [("8.5", True), ("8.0", True), ("8.0", True)]


def test_lmdiag_of_everything_ends_without_a_key_and_leaves_no_trace(busy: BusyServer) -> None:
    """With -n it waits for nobody, whatever its standard input is."""
    before = lmstat(busy.path, "-a").lines[2:]
    reading, writing = os.pipe()
    try:
        environment = {**os.environ, "PYTHONPATH": str(Path(lmutil.__file__).parents[2])}
        command = [sys.executable, "-m", "seatkeeper.cli.lmutil", "lmdiag", "-c", busy.path, "-n"]
        done = subprocess.run(command, stdin=reading, capture_output=True, text=True, timeout=60, env=environment, check=False)
    finally:
        os.close(reading)
        os.close(writing)
    assert [line.partition("(linger:")[0] for line in lmstat(busy.path, "-a").lines[2:]] == [
        line.partition("(linger:")[0] for line in before
    ]
    verdicts = {name: can for name, _, _, can in field_readers.diagnoses(done.stdout)}
    assert done.returncode != 0
    assert set(verdicts) == {*FEATURES, *OTHERS} - {"suite", "broken", "gone"}
    # Queued for, ended, used up. Of a package its components are tried.
    assert {name for name, can in verdicts.items() if not can} == {"solo", "pair", "expired", "ended", "drafted", "over"}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("before", "after", "reader"),
    [
        (r"    ann desk1 :0 \(v8\.5\) .*\n", "", field_readers.exporter),
        (r"\t4 RESERVATIONs", "\t3 RESERVATIONs", field_readers.exporter),
        (r"status: (\d+)@localhost", r"status: \1@127.0.0.1", field_readers.exporter),
        (r"Total of (\d+) licenses issued", r"Total of about \1 licenses issued", field_readers.words),
        (r"Vendor daemon status \(on localhost\):\n\n", "Vendor daemon status (on localhost):\n\n\n", field_readers.paragraphs),
        (r"    ann desk1 ", "    ann  desk1 ", field_readers.columns),
        (r"  floating license\n", "  some license\n", field_readers.details),
        (r" 8\.0 \(v8\.0\) (\S+ \d+\)) queued", r" any (v8.0) \1 queued", field_readers.queue),
    ],
)
def test_the_readers_notice_a_line_that_is_not_as_it_should_be(
    screen: Shown, before: str, after: str, reader: Callable[[str], object]
) -> None:
    # The feature whose users' names such readers cannot take apart is not part of this.
    start = screen.out.index("Users of people:")
    text = screen.out[:start] + screen.out[screen.out.index("Users of free_held:") :]
    reader(text)
    spoiled = re.sub(before, after, text, count=1)
    assert spoiled != text
    with pytest.raises((Misread, ValueError)):
        reader(spoiled)
    with pytest.raises(AssertionError):
        StrictReader(spoiled).read()


def test_readers_of_expiry_dates_know_both_orders() -> None:
    head = "Feature                         Version     #licenses    Expires      Vendor\n_______ _________ _________ __________ ______\n"
    (row,) = field_readers.expiry_rows(f"{head}f1 8.0 3 31-dec-2030 genesys.d\n")
    assert (row["Vendor"], row["Expires"]) == ("genesys.d", "31-dec-2030")
    with pytest.raises(Misread):
        field_readers.expiry_rows(f"{head}f1 8.0 3 31-dec-2030 genesys.d more\n")


# From another machine -------------------------------------------------------------------------------------------------------------


def test_a_stranger_from_another_machine_sees_every_line_and_no_name(tmp_path: Path) -> None:
    """Issue B, security: pseudonyms for users and hosts, and all else as it is, so that the field's readers work from there too."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT.parent), str(Path(lmutil.__file__).parents[2])])}
    command = ["unshare", "--map-root-user", "--net", sys.executable, str(SUPPORT / "remote_screens.py"), str(tmp_path / "site")]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip("there are no network namespaces here")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    (status, local, _), (remote_status, remote, complaints) = shown["local"], shown["remote"]
    assert (status, remote_status, complaints) == (0, 0, "")
    here, there = features_of(StrictReader(local).read()), features_of(StrictReader(remote).read())
    assert list(here) == list(there)
    pseudonyms: dict[tuple[str, str], set[str]] = {}
    for name, one in here.items():
        other = there[name]
        assert (one.kind, one.issued, one.used, len(one.blocks)) == (other.kind, other.issued, other.used, len(other.blocks))
        for block, told in zip(one.blocks, other.blocks, strict=True):
            assert (block.version, block.vendor, block.expiry, block.kind) == (told.version, told.vendor, told.expiry, told.kind)
            for seats, seen in zip((*block.holders, *block.queued), (*told.holders, *told.queued), strict=True):
                assert (seats.version, seats.handle, seats.count, seats.start) == (seen.version, seen.handle, seen.count, seen.start)
                pseudonyms.setdefault(("user", seats.user), set()).add(seen.user)
                pseudonyms.setdefault(("host", seats.host), set()).add(seen.host)
            for kept, seen in zip(block.reservations, told.reservations, strict=True):
                assert (kept.count, kept.kind) == (seen.count, seen.kind)
                if kept.kind in ("USER", "HOST"):
                    pseudonyms.setdefault((kept.kind.lower(), kept.name), set()).add(seen.name)
    # Who is one person here is one there, nobody is two, and nobody is himself.
    assert all(len(names) == 1 for names in pseudonyms.values())
    told = [(kind, min(names)) for (kind, _), names in pseudonyms.items()]
    assert len(set(told)) == len(pseudonyms)
    assert {(kind, name) for kind, name in pseudonyms} & set(told) == set()
    for user, host in shown["held"]:
        assert not re.search(rf"(?<!\S){re.escape(user)} {re.escape(host)} ", remote)
    assert str(tmp_path) not in remote
    found = field_readers.exporter(remote)
    assert found.features == field_readers.exporter(local).features
    assert sorted(field_readers.words(remote)) == sorted(field_readers.words(local))
    assert len(field_readers.queue(remote)) == len(field_readers.queue(local))


# Two daemons, one of them failing --------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Site]:
    """Two vendor daemons; the second has its license file for itself."""
    with Site(tmp_path / "site", {"f1": 5, "both": 2}) as site:
        site.add_vendor(OTHER, [feature("g1", 3, vendor=OTHER), feature("both", 1, vendor=OTHER)], apart=True)
        yield site


def credential_of(site: Site, vendor: str) -> Path:
    return site.directory / f"{vendor}.{site.hostid}.credential"


def daemon_is_down(site: Site, vendor: str) -> bool:
    status = site.status()
    return status is not None and [daemon.up for daemon in status.daemons if daemon.name == vendor] == [False]


def test_a_daemon_that_is_killed_and_gives_up_hurts_nobody_else(pair: Site) -> None:
    pair.start()
    path = f"{pair.port}@localhost"
    ann, kim = Application(pair.port, "ann", "desk1", ":0"), Application(pair.port, "kim", "desk2", ":0", OTHER)
    with ExitStack() as stack:
        stack.callback(ann.close)
        stack.callback(kim.close)
        handle, lost = ann.checkout("f1"), kim.checkout("g1", count=2)
        both = lmstat(path, "-a")
        assert (both.status, [daemon.up for daemon in StrictReader(both.out).read().daemons]) == (0, [True, True])
        assert f"    License file(s) on localhost: {pair.license}:{pair.files[1]}:\n" in both.out
        first = pair.daemon_pid()
        # Without its credential it cannot serve again, and lmgrd does not try for ever.
        credential_of(pair, OTHER).rename(pair.directory / "away")
        pair.kill_daemon(OTHER)
        until(lambda: f"{OTHER} is NOT started again" in pair.read_log())
        shown = lmstat(path, "-a")
        assert shown.status == 159
        assert "\n   other.d: The desired vendor daemon is down. (-97,121)\n" in shown.out
        assert "other.d" in shown.err
        assert field_readers.probe(shown.out, shown.status) == "daemon down"
        one, other = StrictReader(shown.out).read().daemons
        assert (one.up, [item.name for item in one.features], other.up, other.features) == (True, ["f1", "both"], False, [])
        assert [(seats.user, seats.handle) for seats in one.features[0].blocks[0].holders] == [("ann", handle)]
        assert field_readers.exporter(shown.out).features == {(VENDOR, "f1"): (5, 1), (VENDOR, "both"): (2, 0)}
        # Who asks for what is served has a good answer; who asks for the other daemon has not.
        asked = {
            flags: lmstat(path, *flags.split()).status for flags in ("-f f1", "-f both", "-S genesys.d", "-lm", "-f g1", "-S other.d", "")
        }
        assert asked == {"-f f1": 0, "-f both": 0, "-S genesys.d": 0, "-lm": 0, "-f g1": 159, "-S other.d": 159, "": 159}
        assert run("lmutil", "lmdiag", "-c", path, "-n", "f1").status == 0
        assert ann.checkout("f1") > handle
        assert pair.daemon_pid() == first
        # Its credential comes back: a reread starts it, with its holder from before.
        (pair.directory / "away").rename(credential_of(pair, OTHER))
        reread("localhost", pair.port)
        pair.wait_until_serving()
        again = StrictReader(lmstat(path, "-a").out).read().daemons[1]
        assert [(seats.user, seats.handle, seats.count) for seats in again.features[0].blocks[0].holders] == [("kim", lost, 2)]


def test_a_daemon_with_a_wrong_credential_hurts_nobody_else(pair: Site) -> None:
    credential_of(pair, OTHER).write_bytes(pair.license.read_bytes())
    pair.start(wait=False)
    until(lambda: daemon_is_down(pair, OTHER) and not daemon_is_down(pair, VENDOR) and "NOT started again" in pair.read_log())
    shown = lmstat(f"{pair.port}@localhost", "-a")
    assert shown.status == 159
    assert [(daemon.name, daemon.up) for daemon in StrictReader(shown.out).read().daemons] == [(VENDOR, True), (OTHER, False)]
    ann = Application(pair.port, "ann", "desk1", ":0")
    ann.checkout("f1")
    ann.close()


def test_the_first_daemon_down_leaves_the_second_its_features(pair: Site) -> None:
    """A reader that must see `V: UP` before a feature does."""
    (pair.directory / f"{VENDOR}.trust").unlink()
    pair.start(wait=False)
    until(lambda: daemon_is_down(pair, VENDOR) and not daemon_is_down(pair, OTHER) and "NOT started again" in pair.read_log())
    shown = lmstat(f"{pair.port}@localhost", "-a")
    assert shown.status == 159
    lines = shown.lines[shown.lines.index("Vendor daemon status (on localhost):") :]
    assert lines[2] == " genesys.d: The desired vendor daemon is down. (-97,121)"
    assert re.fullmatch(r"   other\.d: UP v[\d.]+", lines[4])
    assert field_readers.exporter(shown.out).features == {(OTHER, "g1"): (3, 0), (OTHER, "both"): (1, 0)}


def test_a_server_has_one_name_on_all_its_lines(tmp_path: Path) -> None:
    """Rule 4, whatever the SERVER line says: a long name from the first column on, an address of IPv6 never."""
    with Site(tmp_path / "site", {"f1": 5}) as site:
        text = site.license.read_text()
        site.start()
        ann = Application(site.port, "ann", "desk1", ":0")
        handle = ann.checkout("f1")
        for written in ("licsrv-with-a-long-name.example.test", "127.0.0.1", "::1", "this_host", "localhost"):
            site.license.write_text(text.replace("SERVER localhost", f"SERVER {written}"))
            reread("localhost", site.port)
            shown = lmstat(f"{site.port}@localhost", "-a")
            (server,) = StrictReader(shown.out).read().servers
            expected = socket.gethostname() if written in ("::1", "this_host") else written
            assert (shown.status, server.places, server.master) == (0, [f"{site.port}@{expected}"], expected)
            assert f"    ann desk1 :0 (v8.0) ({expected}/{site.port} {handle}), start " in shown.out
            assert field_readers.exporter(shown.out).servers == {expected: (True, True)}
            assert "::" not in shown.out
        ann.close()


def test_a_name_cannot_make_a_line_or_hide_one(tmp_path: Path) -> None:
    """Whatever a client calls itself is one line, which ends as its checkout says; lmremove takes what is printed."""
    with Site(tmp_path / "site", {"f1": 50}) as site:
        site.start()
        names = [
            "eve\n    bob desk2 :0 (v8.0) (localhost/1 1), start Mon 1/1 1:01, 9 licenses",
            "eve\n\nUsers of f2:  (Total of 5 licenses issued;  Total of 5 licenses in use)",
            "\teve\r\x1b[2K\x9b1A\u2028",
            "eve\u202e\u200b\ufeff",
            " ",
            "",
            "7 RESERVATIONs for GROUP night (localhost/1)",
        ]
        crowd = [Application(site.port, name, name, name) for name in names]
        handles = [one.checkout("f1", count=2) for one in crowd]
        shown = lmstat(f"{site.port}@localhost", "-a")
        assert [line for line in shown.lines if line.startswith("Users of")] == [
            f"Users of f1:  (Total of 50 licenses issued;  Total of {2 * len(names)} licenses in use)"
        ]
        users = [line for line in shown.lines if line.startswith("    ") and "License file" not in line]
        assert len(users) == len(names)
        for line, handle in zip(users, handles, strict=True):
            assert re.search(rf" \(v8\.0\) \(localhost/{site.port} {handle}\), start \w+ \d+/\d+ \d+:\d\d, 2 licenses$", line)
        assert not any(not char.isprintable() for char in shown.out.replace("\n", "").replace("\t", ""))
        for one in crowd:
            one.close()


def test_lmgrd_that_does_not_answer_in_time_is_told_by_its_number(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shown = lmstat(f"{silent.getsockname()[1]}@127.0.0.1", "-a", "-t", "0.2")
    assert (shown.status, shown.lines[2:]) == (240, ["Error getting status: Cannot read data from license server system. (-16,287)"])


# While seats change ----------------------------------------------------------------------------------------------------------------

SCREENS = 50
SEATS = 2000


@pytest.mark.timeout(300)
def test_every_screen_of_many_adds_up_while_seats_change(tmp_path: Path) -> None:
    """Two thousand seats held by some, others coming and going: each screen is of one moment, and nobody who stays is ever missing."""
    from support.busy_server import suite

    lines = [feature("many", SEATS + 50), feature("shared", 8, DUP_GROUP="UH"), *suite("suite", 6), feature("scarce", 2)]
    with Site(tmp_path / "site", lines) as site, ExitStack() as stack:
        (site.directory / f"{VENDOR}.opt").write_text("GROUP night nan\nRESERVE 3 many GROUP night\n")
        site.start()
        keepers = [Application(site.port, f"keeper{number}", f"host{number}", ":0") for number in range(20)]
        for keeper in keepers:
            stack.callback(keeper.close)
        held = {keeper.checkout("many"): keeper.user for _ in range(SEATS // 20) for keeper in keepers}
        command = [sys.executable, str(SUPPORT / "restless.py"), str(site.port)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT.parent), str(Path(lmutil.__file__).parents[2])])}
        crowd = [
            stack.enter_context(
                subprocess.Popen([*command, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            )
            for seed in (1, 2)
        ]
        for one in crowd:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        moments = set()
        for number in range(SCREENS):
            shown = lmstat(f"{site.port}@localhost", "-a")
            assert shown.status == 0
            found = features_of(StrictReader(shown.out).read())
            blocks = found[VENDOR, "many"].blocks
            seats = {seats.handle: seats.user for block in blocks for seats in block.holders}
            assert sum(len(block.holders) for block in blocks) == len(seats)
            assert {handle: seats.get(handle) for handle in held} == held
            assert all(one.used <= one.issued for one in found.values())
            assert [line.count for line in blocks[0].reservations] == [3]
            moments.add((len(seats), *(one.used for one in found.values())))
            if number % 10 == 0:
                for pool in pools("localhost", site.port, VENDOR):
                    assert pool.in_use == sum(one.count for one in pool.holders) + sum(one.count for one in pool.reservations)
        # The seats did change under the screens.
        assert len(moments) > SCREENS // 5
        for one in crowd:
            output, _ = one.communicate("", timeout=60)
            assert one.returncode == 0
            assert int(output) > 100
