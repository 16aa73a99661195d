"""No signed file is on a disk that the registry does not know, wherever the process was killed, and no order is issued twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk import withdraw
from seatkeeper.issue.desk_acts import added, change
from seatkeeper.issue.desk_recorder import FILE_DIGITS, RegistryRecorder
from seatkeeper.issue.record import Record, digest_of
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from support.deskwork import CATALOG, NOW, VOICE, Office, Worker, order, two_servers


def signed_on_disk(directory: Path) -> Iterator[str]:
    """The text of every signed license file anywhere below, also in hidden directories."""
    for path in directory.rglob("*"):
        if path.is_file() and path.suffix not in {".db", ".key", ".db-wal", ".db-shm"} and b"SIGN=" in path.read_bytes():
            yield path.read_text()


def signed_known(office: Office) -> dict[str, str]:
    """Number -> text of everything that the registry knows to be signed."""
    with office.registry.read() as view:
        return {file.number: file.signed for file in view.files() if file.signed is not None}


def single(office: Office) -> tuple[str, str]:
    return office.register(order({VOICE: 5})), ""


def several(office: Office) -> tuple[str, str]:
    return office.register(two_servers({VOICE: 5})), ""


def delta(office: Office) -> tuple[str, str]:
    """A delta that only one of two servers needs: the other one's file has been extended already."""
    first = office.register(two_servers({VOICE: 5}))
    office.issue(first, "before")
    registered = change(office.desk(), first, "add", lambda old: added(old, {VOICE: 1}, {}, CATALOG), {VOICE: 1})
    return registered.row.number, str(office.directory / "before")


@pytest.mark.parametrize("make", [single, several, delta])
@pytest.mark.parametrize("later", [0, 3])
def test_killed_at_any_step_nothing_signed_is_unknown_and_issuing_again_goes_on(
    make: Callable[[Office], tuple[str, str]], later: int, tmp_path: Path
) -> None:
    seen = set()
    for step in count(1) if later == 0 else count(2, 5):
        office = Office.make(tmp_path / f"{step}")
        number, delta_to = make(office)
        office.registry.close()
        worker = Worker(office.url, str(office.directory), [], [number], die_at=step, delta_to=delta_to, output="out")
        killed = worker.killed()
        office = office.opened()
        before = signed_known(office)
        on_disk = set(signed_on_disk(office.directory))
        assert on_disk <= set(before.values())
        report = office.verify()
        assert report.whole, report.findings
        with office.registry.read() as view:
            state = view.order(number).state
        broken_off = [file for file, was in office.states(number).items() if was in {"intended", "signed"}]
        # Each file that is half made is told of, with the command that goes on.
        assert [f"issue {number}" in finding.remedy for finding in report.findings] == [True] * len(broken_off)
        seen.update(["on disk"] if state == "registered" and {before[file] for file in broken_off if file in before} & on_disk else [])
        seen.update(office.states(number).values())
        if state == "registered":
            live = {file for file, was in office.states(number).items() if was in {"signed", "placed"}}
            put = office.issue(number, "out", later=later, delta_to=Path(delta_to) if delta_to else None)
            after = signed_known(office)
            assert before.items() <= after.items()
            for each in put:
                assert each.path.read_text() == after[each.number]
                parsed = parse(after[each.number])
                assert all(verdict.ok for verdict in verify_lines(parsed.file, office.trust))
                if later == 0 and len(live) > 0:
                    old = [before[file] for file in live if parse(before[file]).file.hostids == parsed.file.hostids]
                    assert old in ([], [after[each.number]])
        assert office.verify().findings == ()
        with office.registry.read() as view:
            assert view.order(number).state == "issued"
        assert not [path for path in office.directory.rglob(".issue-*") if path.is_dir()]
        office.registry.close()
        if not killed:
            break
    if later == 0:
        assert seen >= {"intended", "signed", "placed", "on disk"}


def spread(kind: str, directory: Path, texts: tuple[list[str], list[str]], numbers: list[str], office: Office) -> list[list[list[str]]]:
    """What two processes say that work at once."""
    workers = [
        Worker(office.url, str(directory), own, list(numbers), output=f"{at}-{{}}.dat", by=f"desk {at}").start()
        for at, own in enumerate(texts)
    ]
    for process in workers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr.read() if process.stderr else ""
    for process in workers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = []
    for process in workers:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        said.append([json.loads(line) for line in out.splitlines()])
    return said


@pytest.mark.parametrize(("kind", "each"), [("postgresql", 50), ("sqlite", 20)])
def test_two_desks_at_once_draw_no_number_twice_and_lose_nothing(kind: str, each: int, tmp_path: Path) -> None:
    office = Office.make(tmp_path / "office", kind)
    texts = [order({VOICE: 1 + at}) for at in range(each)]
    said = spread(kind, office.directory, (texts, texts), [], office)
    orders = [number for desk in said for number, *_ in desk]
    files = [number for desk in said for _, number in desk]
    assert len(set(orders)) == len(set(files)) == 2 * each
    assert sorted(files) == [f"F{number:0{FILE_DIGITS}d}" for number in range(1, 2 * each + 1)]
    known = signed_known(office)
    assert sorted(known) == sorted(files)
    for at, desk in enumerate(said):
        for number, file in desk:
            assert (office.directory / f"{at}-{number}.dat").read_text() == known[file]
    report = office.verify()
    assert (report.orders, report.files, report.findings) == (2 * each, 2 * each, ())
    with office.registry.read() as view:
        assert {row.by for row in view.history()} == {"desk 0", "desk 1"}
        assert sum(row["files"] for row in view.rows("keys")) == 2 * each
    office.registry.close()


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_an_order_that_two_desks_issue_at_once_is_issued_once(kind: str, tmp_path: Path) -> None:
    office = Office.make(tmp_path / "office", kind)
    numbers = [office.register(order({VOICE: 3})) for _ in range(4)] + [office.register(two_servers({VOICE: 3})) for _ in range(4)]
    said = spread(kind, office.directory, ([], []), numbers, office)
    for number in numbers:
        live = [file for file, state in office.states(number).items() if state == "placed"]
        assert len(live) == (1 if numbers.index(number) < 4 else 2)
        assert office.acts(number).count("issue") == 1
        answers = [answer[1:] for desk in said for answer in desk if answer[0] == number]
        assert live in answers
        for answer in answers:
            assert answer == live or (answer[0] == "refused" and "The order was issued already" in answer[1]), answer
    assert office.verify().findings == ()
    office.registry.close()


def record(number: str, hostid: str = "0800200005ac") -> Record:
    return Record(
        order=number,
        site="1111",
        company="Pigeon Post Example Ltd",
        purpose="production",
        issued="14-Mar-2026",
        expires="permanent",
        vendor="genesys.d",
        hostids=(hostid,),
        issuer="ab12",
        file="license.dat",
        sha256=digest_of("unsigned\n"),
        unsigned="unsigned\n",
    )


def recorder(office: Office) -> RegistryRecorder:
    return RegistryRecorder(office.registry, NOW, "bob")


def test_of_two_that_sign_the_same_the_second_keeps_nothing(tmp_path: Path) -> None:
    office = Office.make(tmp_path)
    number = office.register(order({VOICE: 1}))
    ann, bob = recorder(office), recorder(office)
    first, second = ann.intend(record(number)), bob.intend(record(number))
    ann.signed(first, "signed\n")
    with pytest.raises(InputError, match=r"issued already, or another desk is at it.*--again"):
        bob.signed(second, "signed\n")
    ann.placed(first)
    assert office.states(number) == {first: "placed", second: "retired"}
    with pytest.raises(InputError, match="issued already"):
        bob.intend(record(number))
    ann.placed(first)
    assert office.acts(number).count("place") == 1


def test_of_several_files_a_desk_whose_first_was_given_up_does_not_sign_the_next(tmp_path: Path) -> None:
    office = Office.make(tmp_path)
    number = office.register(two_servers({VOICE: 5}))
    ann = recorder(office)
    first = ann.intend(record(number, "0800200005a1"))
    ann.signed(first, "signed\n")
    office.issue(number, "out")
    with pytest.raises(InputError, match="issued already"):
        ann.intend(record(number, "0800200005a2"))
    other = office.register(two_servers({VOICE: 5}))
    ann = recorder(office)
    ann.signed(first := ann.intend(record(other, "0800200005a1")), "signed\n")
    second = ann.intend(record(other, "0800200005a2"))
    with office.registry.write(NOW, "cy") as act:
        act.change_file(first, state="retired", why="given up", retired_at=act.at)
    with pytest.raises(InputError, match="issued already, or another desk"):
        ann.signed(second, "signed\n")


def test_nothing_is_signed_for_an_order_that_is_withdrawn_or_unknown(tmp_path: Path) -> None:
    office = Office.make(tmp_path)
    number = office.register(order({VOICE: 1}))
    ann = recorder(office)
    name = ann.intend(record(number))
    withdraw(office.desk(), number, "a mistake")
    with pytest.raises(InputError, match="The order is withdrawn"):
        ann.signed(name, "signed\n")
    with pytest.raises(InputError, match="The order is withdrawn"):
        ann.intend(record(number))
    with pytest.raises(InputError, match="knows no such order"):
        ann.intend(record("4711"))
