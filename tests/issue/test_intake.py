"""Each request is answered exactly once: wherever a run breaks off, the next one goes on from there."""

from __future__ import annotations

import os
import shutil
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue import intake
from seatkeeper.issue.intake import AGAIN_MAX, Desk, Handled, approve, take_in, waiting
from seatkeeper.issue.letters import Mailbox
from seatkeeper.issue.parcel import read_parcel
from support.desk_mail import ORDER, TWO_SERVERS

ALEX = "alex@pigeon.example"


@pytest.fixture
def desk(tmp_path: Path, catalog: Catalog) -> Desk:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    init_vendor(tmp_path / "keys", "genesys.d", today=clock.today())
    sender = Mailbox("desk@vendor.example")
    return Desk(tmp_path / "in", tmp_path / "out", tmp_path / "keys", catalog, sender, "desk@vendor.example", settle_s=0)


def automatic(desk: Desk) -> Desk:
    return Desk(**{name: getattr(desk, name) for name in Desk.__struct_fields__} | {"allowed": frozenset({ALEX})})


def drop(desk: Desk, text: str = ORDER, *, name: str = "a.eml", message_id: str = "<1@x.example>", sender: str = ALEX) -> None:
    message = EmailMessage()
    message["From"], message["Message-ID"] = sender, message_id
    message.set_content(text)
    (desk.folder / name).write_bytes(message.as_bytes())


def run(desk: Desk) -> list[Handled]:
    return list(take_in(desk))


def issued_lines(desk: Desk) -> int:
    path = desk.keys / "issued.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def answers(desk: Desk) -> list[str]:
    return sorted(path.name for path in desk.outbox.iterdir())


def test_a_mail_alone_gives_no_license_away(desk: Desk) -> None:
    drop(desk)
    (done,) = run(desk)
    assert (done.what, answers(desk), issued_lines(desk)) == ("checked", [], 0)
    assert waiting(desk.folder)[0][0] == done.id
    assert "order 20260042, Pigeon Post Example Ltd, production, from alex@pigeon.example" in waiting(desk.folder)[0][1]
    assert approve(desk, done.id[:6]).what == "issued"
    place = desk.outbox / done.id
    assert read_parcel(place, place / "order.toml", desk.catalog).order.terms.number == "20260042"
    message = message_from_bytes((place / "answer.eml").read_bytes(), policy=default)
    assert (message["to"], message["in-reply-to"], message["auto-submitted"]) == (ALEX, "<1@x.example>", "auto-replied")
    names = {part.get_filename() for part in message.walk() if part.get_filename()}
    assert names == {"license.dat", "genesys.d.trust", "certificate.pdf"}
    assert (run(desk), waiting(desk.folder)) == ([], [])
    with pytest.raises(InputError, match="does not name one order"):
        approve(desk, done.id)


def test_who_may_is_answered_at_once_but_a_number_only_once(desk: Desk) -> None:
    desk = automatic(desk)
    drop(desk)
    drop(desk, name="b.eml", message_id="<2@x.example>")
    drop(desk, name="c.eml", message_id="<3@x.example>", sender="mallory@x.example")
    assert [(done.name, done.what) for done in run(desk)] == [("a.eml", "issued"), ("b.eml", "checked"), ("c.eml", "checked")]
    assert issued_lines(desk) == 1


def test_a_second_order_for_a_license_server_is_for_a_person_who_says_whose_place_it_takes(desk: Desk, tmp_path: Path) -> None:
    auto = ORDER.replace("20260042", "auto")
    with pytest.raises(InputError, match="Only a registry"):
        approve(desk, "x", replaces="1")
    make_registry(str(tmp_path / "desk.db"))
    with Registry(str(tmp_path / "desk.db")) as registry:
        desk = msgspec.structs.replace(automatic(desk), registry=registry)
        drop(desk, auto)
        (first,) = run(desk)
        number = first.detail.removeprefix("order ")
        assert (first.what, number.isdigit()) == ("issued", True)
        # Of another license server; orders without a number have nothing in common.
        drop(desk, auto.replace("8:0:20:0:5:ac", "8:0:20:0:5:ad"), name="b.eml", message_id="<2@x.example>")
        assert run(desk)[0].what == "issued"
        drop(desk, auto.replace("quantity = 100", "quantity = 120"), name="c.eml", message_id="<3@x.example>")
        (third,) = run(desk)
        assert (third.what, f"counts order {number}" in third.detail) == ("checked", True)
        ((_, summary),) = waiting(desk.folder)
        assert summary.startswith("order without a number, Pigeon Post Example Ltd")
        with pytest.raises(InputError, match="waits on"):
            approve(desk, third.id, replaces="20269999")
        last = approve(desk, third.id, replaces=number)
        with registry.read() as view:
            assert view.order(last.detail.removeprefix("order ")).previous == number
            assert view.order(number).state == "superseded"
            assert len(view.orders(states=["issued"])) == 2


def test_all_that_is_missing_is_answered(desk: Desk) -> None:
    drop(desk, ORDER.replace("quantity = 100", "quantity = 0").replace("8:0:20:0:5:ac", "192.0.2.7"))
    drop(desk, "hello", name="b.eml", message_id="<2@x.example>")
    (desk.folder / "c.toml").write_text("[order]\n")
    assert [done.what for done in run(desk)] == ["refused"] * 3
    assert len(answers(desk)) == 3
    texts = [(path / "answer.txt").read_text() for path in desk.outbox.iterdir()]
    assert sum("things must be corrected" in text for text in texts) == 2
    assert sum((path / "answer.eml").exists() for path in desk.outbox.iterdir()) == 2
    assert issued_lines(desk) == 0


def test_what_comes_again_is_given_its_first_answer(desk: Desk) -> None:
    desk = automatic(desk)
    drop(desk)
    (first,) = run(desk)
    for _ in range(AGAIN_MAX + 2):
        drop(desk, ORDER + "# changed\n", name="again.eml")
        assert run(desk)[0].what == "again"
    assert answers(desk) == [first.id, *[f"{first.id}-again-{number + 1}" for number in range(AGAIN_MAX)]]
    assert (desk.outbox / f"{first.id}-again-1" / "answer.eml").read_bytes() == (desk.outbox / first.id / "answer.eml").read_bytes()
    assert issued_lines(desk) == 1


def test_hostile_files_fail_with_a_reason(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "REQUEST_BYTES_MAX", 5000)
    (desk.folder / "order.zip").write_bytes(b"PK")
    (desk.folder / "huge.eml").write_bytes(b"x" * 5001)
    (desk.folder / "link.toml").symlink_to(tmp_path / "keys" / "root.key")
    os.mkfifo(desk.folder / "pipe.eml")
    (desk.folder / "loop.eml").write_bytes(b"From: a@x.example\nAuto-Submitted: auto-replied\n\n")
    (desk.folder / "who.eml").write_bytes(b"From: nobody\n\n" + ORDER.encode())
    (desk.folder / "half.eml.part").write_bytes(b"F")
    assert {done.name: done.what for done in run(desk)} == dict.fromkeys(
        ["order.zip", "huge.eml", "link.toml", "pipe.eml", "loop.eml", "who.eml"], "failed"
    )
    assert answers(desk) == []
    assert all((path / "why.txt").read_text().endswith(".\n") for path in (desk.folder / "failed").iterdir())
    assert (tmp_path / "keys" / "root.key").exists()
    assert (desk.folder / "half.eml.part").exists()


def test_what_is_still_being_written_is_left(desk: Desk) -> None:
    slow = Desk(**{name: getattr(desk, name) for name in Desk.__struct_fields__} | {"settle_s": 3600.0})
    drop(desk)
    assert run(slow) == []
    assert run(desk)[0].what == "checked"


def test_a_request_that_grows_while_it_is_claimed_goes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(desk)
    path = desk.folder / "a.eml"
    real = intake.request_id

    def slow(data: bytes, *, mail: bool) -> str:
        with path.open("ab") as file:
            file.write(b"# more\n")
        return real(data, mail=mail)

    with monkeypatch.context() as patch:
        patch.setattr(intake, "request_id", slow)
        assert run(desk) == []
    assert path.exists()
    assert run(desk)[0].what == "checked"


STEPS = ["replace_file", "sync_directory", "issue_order", "read_parcel", "certificate_pdf", "compose", "_publish", "_move", "_finish"]


class Killed(BaseException):
    """The power goes."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_wherever_a_run_breaks_off_there_is_one_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, moment: str) -> None:
    desk = automatic(desk)
    drop(desk)
    real = getattr(intake, step)
    at = 0
    while True:
        # In each run the step is used once more than in the one before, and then the power goes, until a run gets through.
        at += 1
        uses = 0

        def broken(*arguments: object, at: int = at, **options: object) -> object:
            nonlocal uses
            uses += 1
            if uses == at and moment == "before":
                raise Killed
            result = real(*arguments, **options)
            if uses == at:
                raise Killed
            return result

        with monkeypatch.context() as patch:
            patch.setattr(intake, step, broken)
            try:
                run(desk)
                break
            except Killed:
                pass
    assert [done.what for done in run(desk)] in ([], ["issued"])
    (answer,) = answers(desk)
    read_parcel(desk.outbox / answer, desk.outbox / answer / "order.toml", desk.catalog)
    assert list((desk.folder / "work").iterdir()) == []
    assert [path.name for path in (desk.folder / "processed").iterdir()] == [answer]


def test_an_order_that_cannot_be_issued_waits(desk: Desk) -> None:
    drop(desk)
    (done,) = run(desk)
    shutil.move(desk.keys, desk.keys.with_name("away"))
    with pytest.raises(InputError, match="waits on"):
        approve(desk, done.id)
    shutil.move(desk.keys.with_name("away"), desk.keys)
    assert run(desk) == []
    assert approve(desk, done.id).what == "issued"


def test_directories_are_made_by_people(desk: Desk) -> None:
    desk.outbox.rmdir()
    with pytest.raises(InputError, match="no such directory"):
        run(desk)


def test_independent_servers_are_answered_with_a_file_each(desk: Desk) -> None:
    text = ORDER
    for old, new in TWO_SERVERS:
        text = text.replace(old, new)
    drop(automatic(desk), text)
    (done,) = run(automatic(desk))
    assert (done.what, done.detail) == ("issued", "order 20260042")
    message = message_from_bytes((desk.outbox / done.id / "answer.eml").read_bytes(), policy=default)
    names = {part.get_filename() for part in message.walk() if part.get_filename()}
    assert names == {"licsrv-license.dat", "second-license.dat", "genesys.d.trust", "certificate.pdf"}
