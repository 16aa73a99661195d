"""Whatever is changed, put in or taken out behind the desk's back is found, and what broke off is told of with what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import init_vendor, load_trust, revoke, rotate
from seatkeeper.adapters.registry import Registry
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk import deliver
from seatkeeper.issue.desk_acts import added, change, end
from seatkeeper.issue.desk_base import lay_out
from seatkeeper.issue.desk_recorder import RegistryRecorder
from seatkeeper.issue.desk_verify import Finding, verify
from support.deskwork import CATALOG, TODAY, VOICE, Office, order
from support.registries import without_triggers


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with an order that another took the place of, a delta to that one, and one that was issued and ended."""
    made = Office.make(tmp_path_factory.mktemp("desk") / "office")
    first = made.register(order({VOICE: 5}))
    made.issue(first, "first.dat")
    second = grown(made, first)
    made.issue(second, "second.dat")
    delta(made, grown(made, second), "third.dat")
    other = made.register(order({VOICE: 2}))
    made.issue(other, "other.dat")
    end(made.desk(), other, "closed down")
    deliver(made.desk(), "F000002", "mail", "alex@pigeon.example")
    assert made.verify().findings == ()
    made.registry.close()
    return made.directory


@pytest.fixture
def office(pattern: Path, tmp_path: Path) -> Office:
    """A copy of it."""
    directory = tmp_path / "office"
    shutil.copytree(pattern, directory)
    return Office(directory, str(directory / "desk.db"), Registry(str(directory / "desk.db")))


def grown(office: Office, number: str) -> str:
    """The number of an order with one seat more."""
    return change(office.desk(), number, "add", lambda old: added(old, {VOICE: 1}, {}, CATALOG), {VOICE: 1}).row.number


def delta(office: Office, number: str, name: str) -> None:
    base = office.directory / f"base-{name}"
    base.mkdir()
    with office.registry.read() as view:
        lay_out(view, number, base, TODAY)
    office.issue(number, name, delta_to=base)


def errors(office: Office, **more: str) -> list[str]:
    """What is wrong, once it was found that all else is well."""
    report = office.verify(**more)
    assert report.whole == (not report.findings)
    return [finding.message for finding in report.findings]


@pytest.mark.parametrize(
    ("table", "statement", "words"),
    [
        ("orders", "UPDATE orders SET text = replace(text, '6', '7') WHERE number = '20260002'", "Order 20260002 is not as it was"),
        ("orders", "UPDATE orders SET sha256 = 'x' WHERE number = '20260001'", "Order 20260001 is not as it was registered"),
        ("orders", "DELETE FROM orders WHERE number = '20260004'", "20260004 stands in the history, and is gone"),
        ("files", "UPDATE files SET unsigned = unsigned || '#' WHERE number = 'F000001'", "The unsigned text of F000001 was changed"),
        ("files", "UPDATE files SET signed = signed || '#' WHERE number = 'F000001'", "The signed text of F000001 was changed"),
        ("files", "UPDATE files SET signed = NULL WHERE number = 'F000002'", "F000002 is not as the history tells"),
        ("files", "UPDATE files SET signed_sha256 = 'x' WHERE number = 'F000002'", "The signed text of F000002"),
        ("files", "DELETE FROM files WHERE number = 'F000003'", "F000003 stands in the history, and is gone"),
        (
            "entitlements",
            "UPDATE entitlements SET quantity = quantity + 1 WHERE \"order\" = '20260002'",
            "quantities of order 20260002 are not",
        ),
        ("entitlements", "UPDATE entitlements SET change = 9 WHERE \"order\" = '20260001'", "quantities of order 20260003 are not"),
        ("entitlements", "DELETE FROM entitlements WHERE \"order\" = '20260003'", "quantities of order 20260003 are not"),
        ("history", "UPDATE history SET by = 'eve' WHERE row = 3", ""),
        ("history", "DELETE FROM history WHERE row = 3", ""),
        ("history", "DELETE FROM history WHERE row = (SELECT max(row) FROM history)", ""),
        ("history", "UPDATE history SET details = replace(details, 'mail', 'post') WHERE act = 'deliver'", ""),
    ],
)
def test_what_was_changed_behind_the_desks_back_is_found(office: Office, table: str, statement: str, words: str) -> None:
    without_triggers(office.url, table, "PRAGMA foreign_keys = OFF", statement)
    found = errors(office)
    assert any(words in message for message in found), found
    assert all(finding.remedy.startswith("Restore the registry") for finding in office.verify().findings)


def test_a_history_that_was_written_anew_is_missed_by_who_kept_its_end(office: Office) -> None:
    head = office.verify().head
    assert errors(office, kept=head) == []
    grown(office, "20260003")
    assert errors(office, kept=head) == []
    number, digest = head.split(":")
    for other in (f"{number}:{'0' * len(digest)}", f"{int(number) + 1}:{digest}"):
        assert errors(office, kept=other) == [f"The history has no row {other}: it was rewritten or cut off."]


def test_what_broke_off_is_told_of_and_keeps_nothing_from_being_whole(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise InputError("The power went.")

    told = []
    for step in ("signed", "placed"):
        number = office.register(order({VOICE: 2}))
        with monkeypatch.context() as patched:
            patched.setattr(RegistryRecorder, step, gone)
            with pytest.raises(InputError, match="power"):
                office.issue(number, f"{step}.dat")
        told.append(number)
    report = office.verify()
    assert report.whole
    assert [(each.severity, each.message.split(";")[0], each.remedy) for each in report.findings] == [
        (
            "warning",
            f"F000005 for order {told[0]} was to be signed and was not",
            f"Issue the order: `seatkeeper desk issue {told[0]}`, or withdraw it.",
        ),
        ("warning", f"F000006 for order {told[1]} was signed", f"`seatkeeper desk issue {told[1]}` goes on with the same file."),
    ]
    for number in told:
        office.issue(number, "after.dat", force=True)
    assert office.verify().findings == ()


def test_what_a_stolen_key_signed_is_to_be_issued_anew_by_the_order_that_counts(office: Office) -> None:
    stolen = office.trust.issuers[-1].id
    before = office.trust
    rotate(office.keys, today=TODAY)
    revoke(office.keys, stolen, on=TODAY, reason="laptop lost", today=TODAY)
    report = office.verify()
    assert not report.whole
    # Of an order and the delta to it both files count, and one act replaces both. Those that are retired harm nobody.
    assert [(each.message.split()[0], "laptop lost" in each.message, each.remedy) for each in report.findings] == [
        (number, True, "Issue it anew: `seatkeeper desk reissue 20260003`.") for number in ("F000002", "F000003")
    ]
    number = change(office.desk(), "20260003", "reissue", lambda old: old, {"why": "laptop lost"}).row.number
    office.issue(number, "anew.dat")
    assert office.verify().findings == ()
    with office.registry.read() as view:
        # By a trust of before, the new key is one that nobody knows.
        assert [finding.message.split()[0] for finding in verify(view, before).findings] == ["F000005"]


def test_keys_of_others_verify_nothing_and_without_a_trust_hashes_are_looked_at(office: Office, tmp_path: Path) -> None:
    init_vendor(tmp_path / "others", "genesys.d", today=TODAY)
    with office.registry.read() as view:
        report = verify(view, load_trust(tmp_path / "others")[1])
        assert [each.message.split(" does not verify")[0] for each in report.findings] == ["F000002", "F000003"]
        assert verify(view, None).findings == ()


def test_a_report_says_how_much_was_looked_at(office: Office) -> None:
    report = office.verify()
    with office.registry.read() as view:
        rows = list(view.history())
    assert (report.orders, report.files, report.rows, report.head) == (4, 4, len(rows), f"{rows[-1].row}:{rows[-1].hash}")
    assert report.whole


def test_an_empty_registry_is_whole(tmp_path: Path) -> None:
    report = Office.make(tmp_path / "office").verify()
    assert (report.orders, report.files, report.rows, report.head, report.whole) == (0, 0, 0, "0:", True)


@pytest.mark.parametrize("forge", [lambda row: {**row, "sha256": "0" * 64}, lambda row: {}])
def test_what_the_history_never_told_of_is_found(office: Office, forge: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Also where somebody has written the row of the history that tells of a file."""
    details = json.dumps(forge({"sha256": ""}))
    without_triggers(office.url, "history", f"UPDATE history SET details = '{details}' WHERE act = 'sign' AND file = 'F000001'")
    messages = errors(office)
    assert "The signed text of F000001 is not the one that the history tells of." in messages
    assert len(messages) == 2, "the chain is broken, too"
    assert isinstance(office.verify().findings[0], Finding)
