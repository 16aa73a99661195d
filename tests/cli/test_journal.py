from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.journal import Journal, segments
from seatkeeper.cli.journal import main
from seatkeeper.vendor.entries import (
    Act,
    CheckedIn,
    CheckedOut,
    Denial,
    Elected,
    Opened,
    Reread,
    SessionBegun,
    SessionEnded,
    SessionState,
    Snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = [
    Opened(1.0, "genesys.d", "0.1", 180.0),
    Reread(2.0, [("f1", "8.0", 5)], "admin", "here"),
    SessionBegun(3.0, 1, "digest", "ann", "ann-pc", "tty1", 42),
    CheckedOut(4.0, 1, 1, 101, "f1", "8.0", "8.0", 2, "tty1"),
    CheckedOut(4.5, 1, 2, 102, "f2", "8.0", "8.0", 1, "tty1"),
    Denial(5.0, "bob", "bob-pc", "f1", "", 9, -26, "Too many."),
    Act(6.0, "lmremove", "admin", "here", "f2"),
    CheckedIn(6.0, 102, "removed"),
    CheckedIn(7.0, 101, "closed"),
    SessionEnded(7.0, 1),
    Elected(8.0, 3, 1),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "genesys.d.journal", lambda call: call())
    list(journal.tail())
    journal.snapshot(Snapshot(0.0, 101, 1, [], []))
    for entry in ENTRIES:
        journal.append(journal.seq, [entry], lambda _outcome: None)
        journal.close() if entry is ENTRIES[-1] else _settle(journal)
    return tmp_path / "genesys.d.journal"


def _settle(journal: Journal) -> None:
    """Waits until the append is done: a second, empty question to the writing thread would be an append of its own."""
    import threading

    done = threading.Event()
    journal.append(-1, [], lambda _outcome: done.set())
    assert done.wait(10)


def test_show_tells_a_person_who_did_what(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(directory)]) == 0
    text = capsys.readouterr().out
    for told in (
        "OPENED    genesys.d v0.1 serves",
        "LICENSE   1 pools are served, by admin@here",
        "SESSION   1 is ann@ann-pc (pid 42)",
        "OUT       f1 v8.0 x2 handle 101 ann@ann-pc",
        "DENIED    f1 vany x9 bob@bob-pc (-26) Too many.",
        "ADMIN     lmremove by admin@here: f2",
        "IN        f1 x2 handle 101 ann@ann-pc (closed)",
        "SESSION   1 (ann@ann-pc) has ended",
        "SNAPSHOT  0 checkouts of 0 sessions are held",
    ):
        assert told in text
    assert len(text.splitlines()) == len(ENTRIES) + 1


def test_show_of_one_feature_and_for_scripts(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(directory), "--feature", "F1", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["entry"] for entry in found] == ["checkout", "denial", "checkin"]
    assert found[0]["seq"] == 5


def test_nothing_that_is_shown_stands_for_a_sessions_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A borrow's secret is made from the digest, and may be read by whoever reads what a script keeps of the journal."""
    journal = Journal(tmp_path / "genesys.d.journal", lambda call: call())
    list(journal.tail())
    journal.snapshot(Snapshot(0.0, 101, 2, [SessionState(1, "d1gest", "ann", "ann-pc", "tty1", 42, "", "")], []))
    journal.append(journal.seq, [SessionBegun(3.0, 2, "d1gest", "bob", "bob-pc", "tty1", 42)], lambda _outcome: None)
    journal.close()
    assert main(["show", str(tmp_path / "genesys.d.journal"), "--json"]) == 0
    out = capsys.readouterr().out
    assert [json.loads(line)["entry"] for line in out.splitlines()] == ["snapshot", "session"]
    assert json.loads(out.splitlines()[0])["sessions"][0]["user"] == "ann"
    assert "gest" not in out


def test_verify_vouches_for_a_whole_journal(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(directory), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["entries"], answer["last"]) == (True, len(ENTRIES) + 1, len(ENTRIES) + 1)
    assert main(["verify", str(directory)]) == 0
    assert f"verify; the last is {len(ENTRIES) + 1}" in capsys.readouterr().out


def test_verify_names_the_entry_that_was_changed(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(b'"count":2', b'"count":1'))
    assert main(["verify", str(directory), "--json"]) == 1
    answer = capsys.readouterr()
    assert json.loads(answer.out)["seq"] == 5
    assert "entry 5 of the journal does not match its hash" in answer.err


def test_verify_says_that_the_last_record_is_torn(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes()[:-20])
    assert main(["verify", str(directory)]) == 1
    assert "no whole record" in capsys.readouterr().err


def test_what_is_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "none")]) == 2
    assert "There is no journal here" in capsys.readouterr().err


def test_a_directory_without_a_journal_is_not_called_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A nightly job that looks at the wrong place must not be content."""
    for command in ("verify", "show"):
        assert main([command, str(tmp_path)]) == 2
        assert "no segment of a journal" in capsys.readouterr().err


def test_what_clients_call_themselves_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path / "j", lambda call: call())
    list(journal.tail())
    journal.snapshot(Snapshot(0.0, 101, 1, [], []))
    journal.close([Denial(5.0, "bob", "pc", "f\x1b[2J\nOUT", "8\r", 1, -5, "No line names f\x1b[2J.")])
    assert main(["show", str(tmp_path / "j")]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 2
    assert "f?[2J?OUT" in shown
    assert not [letter for letter in shown if letter < " " and letter != "\n"]


def test_a_reader_that_leaves_is_not_an_error(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def leave(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("builtins.print", leave)
    with pytest.raises(BrokenPipeError):
        main(["show", str(directory)])
    monkeypatch.undo()
    assert capsys.readouterr().err == ""
