"""Answers go to a real mail server once, wherever a run breaks off; what it does not take waits, or is for a person."""

from __future__ import annotations

import json
from email import message_from_bytes
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters import clock, mail
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.adapters.mail import parse_server
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue import posting
from seatkeeper.issue.intake import Desk, Handled, take_in
from seatkeeper.issue.letters import Mailbox
from seatkeeper.issue.posting import Post, send_answer, send_answers, unsent
from support.desk_mail import ORDER, TWO_SERVERS, Letterbox, mail_server
from support.site import free_port

ALEX = "alex@pigeon.example"


@pytest.fixture
def desk(tmp_path: Path, catalog: Catalog) -> Desk:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    init_vendor(tmp_path / "keys", "genesys.d", today=clock.today())
    return Desk(
        folder=tmp_path / "in",
        outbox=tmp_path / "out",
        keys=tmp_path / "keys",
        catalog=catalog,
        sender=Mailbox("desk@vendor.example"),
        contact="desk@vendor.example",
        allowed=frozenset({ALEX}),
        settle_s=0,
        posted=True,
    )


def take(desk: Desk, text: str = ORDER, number: int = 1) -> Handled:
    """What becomes of one more order."""
    (desk.folder / "a.eml").write_text(f"From: {ALEX}\nMessage-ID: <{number}@x.example>\n\n{text}")
    (done,) = take_in(desk)
    return done


def post(desk: Desk, port: int) -> Post:
    url = f"smtp-plain://localhost:{port}"
    return Post(desk.folder, desk.outbox, desk.keys, desk.catalog, url, parse_server(url), registry=desk.registry)


def states(desk: Desk) -> list[str]:
    return sorted(path.name for path in desk.outbox.glob("*/mail.*"))


def delivered(desk: Desk) -> list[str]:
    return [json.loads(line)["event"] for line in (desk.keys / "deliveries.jsonl").read_text().splitlines()]


def test_each_answer_is_sent_once(desk: Desk) -> None:
    good = take(desk)
    bad = take(desk, "hello", 2)
    several = take(desk, ORDER.replace("20260042", "20260043").replace(*TWO_SERVERS[0]).replace(*TWO_SERVERS[1]), 3)
    assert [each.what for each in (good, bad, several)] == ["issued", "refused", "issued"]
    box = Letterbox()
    with mail_server(box) as port:
        done = list(send_answers(post(desk, port)))
        assert [each.what for each in done] == ["sent"] * 3
        assert list(send_answers(post(desk, port))) == []
        for each in done:
            with pytest.raises(InputError, match="This answer was sent"):
                send_answer(post(desk, port), each.id)
        # What comes again has its answer in the outbox, and nobody sends that by himself.
        assert take(desk).what == "again"
        assert list(send_answers(post(desk, port))) == []
    assert [(each.mail_from, each.rcpt_tos) for each in box.taken] == [("desk@vendor.example", [ALEX])] * 3
    ids = {str(message_from_bytes(each.content)["message-id"]) for each in box.taken}
    assert ids == {f"<{each.id}.answer@vendor.example>" for each in (good, bad, several)}
    assert states(desk) == ["mail.sent"] * 3
    assert "taken as 4711" in (desk.outbox / good.id / "mail.sent").read_text()
    # License files went out twice; that an order could not be issued is no delivery.
    assert delivered(desk) == ["begun", "sent"] * 2


def test_where_a_mail_server_is_not_there_all_answers_wait(desk: Desk) -> None:
    for number in (1, 2):
        take(desk, "hello", number)
    (done,) = send_answers(post(desk, free_port()))
    assert (done.what, "cannot be reached" in done.detail, states(desk)) == ("unsent", True, ["mail.waiting"] * 2)
    box = Letterbox()
    with mail_server(box) as port:
        assert [each.what for each in send_answers(post(desk, port))] == ["sent"] * 2


@pytest.mark.parametrize(
    ("reply", "state", "events"),
    [("451 greylisted", "mail.waiting", ["begun", "later"]), ("550 no such user", "mail.refused", ["begun", "refused"])],
)
def test_what_one_recipient_s_server_says_stops_no_other(desk: Desk, reply: str, state: str, events: list[str]) -> None:
    done = take(desk)
    (desk.folder / "b.eml").write_text("From: ben@loft.example\nMessage-ID: <2@x.example>\n\nhello")
    list(take_in(desk))
    box = Letterbox()
    box.refused[ALEX] = reply
    with mail_server(box) as port:
        assert sorted(each.what for each in send_answers(post(desk, port))) == ["sent", "unsent"]
        assert (states(desk), delivered(desk)) == (sorted([state, "mail.sent"]), events)
        box.refused.clear()
        # What was refused is for a person.
        assert [each.what for each in send_answers(post(desk, port))] == (["sent"] if state == "mail.waiting" else [])
        if state == "mail.refused":
            ((name, what, why),) = unsent(desk.outbox)
            assert (name, what, "no such user" in why) == (done.id, "refused", True)
            assert send_answer(post(desk, port), done.id[:8]).what == "sent"
    assert (states(desk), unsent(desk.outbox)) == (["mail.sent"] * 2, [])
    assert len(box.taken) == 2


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("taken", [False, True])
def test_what_broke_off_while_it_was_sent_is_not_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    done = take(desk)
    box = Letterbox()

    def killed(*args: object, **more: object) -> str:
        assert states(desk) == ["mail.sending"]
        assert delivered(desk) == ["begun"]
        if taken:
            mail.send(*args, **more)  # type: ignore[arg-type]
        raise Killed

    with mail_server(box) as port:
        with monkeypatch.context() as patched:
            patched.setattr(posting, "send", killed)
            with pytest.raises(Killed):
                list(send_answers(post(desk, port)))
        (found,) = send_answers(post(desk, port))
        assert (found.what, "broke off" in found.detail, states(desk)) == ("unsent", True, ["mail.unknown"])
        assert (list(send_answers(post(desk, port))), len(box.taken)) == ([], int(taken))
        # A person who has asked lets it be sent.
        assert send_answer(post(desk, port), done.id).what == "sent"
    assert len(box.taken) == int(taken) + 1


def test_two_runs_do_not_send_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done = take(desk)
    box = Letterbox()
    seen: list[int] = []

    def slow(*args: object, **more: object) -> str:
        # Another run meanwhile finds that somebody is at it, and takes nothing for broken off.
        seen.append(len(list(send_answers(post(desk, port)))))
        return mail.send(*args, **more)  # type: ignore[arg-type]

    with mail_server(box) as port:
        monkeypatch.setattr(posting, "send", slow)
        assert [each.what for each in send_answers(post(desk, port))] == ["sent"]
    assert (seen, len(box.taken), states(desk)) == ([0], 1, ["mail.sent"])
    with pytest.raises(InputError, match="does not name one answer"):
        send_answer(post(desk, port), "x")
    assert done.what == "issued"


def test_the_registry_knows_what_was_sent_and_what_no_longer_counts_stays(desk: Desk, tmp_path: Path) -> None:
    make_registry(str(tmp_path / "desk.db"))
    with Registry(str(tmp_path / "desk.db")) as registry:
        desk = msgspec.structs.replace(desk, registry=registry)
        first = take(desk)
        box = Letterbox()
        with mail_server(box) as port:
            assert [each.what for each in send_answers(post(desk, port))] == ["sent"]
            with registry.read() as view:
                assert [(each.file, each.recipient) for each in view.deliveries()] == [("F000001", ALEX)]
            take(desk, ORDER.replace("20260042", "20260043").replace("8:0:20:0:5:ac", "8:0:20:0:5:ad"), 2)
            with registry.write(clock.now(), "ann") as act:
                act.change_file("F000002", state="retired", why="test")
            (done,) = send_answers(post(desk, port))
            assert (done.what, "no file of order 20260043 that counts" in done.detail) == ("unsent", True)
    assert (len(box.taken), states(desk), first.what) == (1, ["mail.refused", "mail.sent"], "issued")
