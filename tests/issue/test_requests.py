"""What arrives is an order with somebody to answer, or it is said why not; nothing hostile gets further than a sentence."""

from __future__ import annotations

from contextlib import suppress
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.issue import requests
from seatkeeper.issue.letters import Mailbox
from seatkeeper.issue.requests import PARTS_MAX, Request, Unanswerable, Unreadable, read_request, request_id
from support.desk_mail import ORDER


def mail(body: str = "", **heads: str) -> EmailMessage:
    message = EmailMessage()
    given = {"From": "Zoë <Alex@pigeon.example>", "Subject": "an order", "Message-ID": "<1@pigeon.example>"}
    for name, value in {**given, **{name.replace("_", "-"): value for name, value in heads.items()}}.items():
        if value:
            message[name] = value
    message.set_content(body)
    return message


def read(message: EmailMessage) -> Request:
    return read_request(message.as_bytes(), mail=True, own="desk@vendor.example")


def test_an_order_attached_or_in_the_text() -> None:
    attached = mail("see attachment")
    attached.add_attachment(ORDER.encode(), maintype="application", subtype="octet-stream", filename="../../etc/Order.TOML")
    assert read(attached) == Request(ORDER, Mailbox("Alex@pigeon.example", "Zoë"), "<1@pigeon.example>", "an order")
    assert read(mail(ORDER)).text == ORDER
    assert read(mail(f"Dear desk,\n\nplease:\n\n{ORDER}\n-- \nAlex\n[order]\n")).text == ORDER


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
def test_encodings(encoding: str) -> None:
    message = mail()
    text = ORDER.replace("Alex Example", "Ødegård")
    message.set_content(text, cte=encoding)
    message.add_alternative("<p>html</p>", subtype="html")
    assert read(message).text == text


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ({"Auto_Submitted": "auto-replied"}, "A program sent"),
        ({"Precedence": "bulk"}, "in bulk"),
        ({"List_Id": "<x>"}, "by a list"),
        ({"Return_Path": "<>"}, "undelivered"),
        ({"From": ""}, "From is not one"),
        ({"From": "undisclosed"}, "From is not one"),
        ({"From": "a@x.example, b@x.example"}, "From is not one"),
        ({"From": "desk@vendor.example"}, "our own address"),
    ],
)
def test_whom_nobody_answers(heads: dict[str, str], words: str) -> None:
    with pytest.raises(Unanswerable, match=words):
        read(mail(ORDER, **heads))


def test_without_an_order() -> None:
    zipped, many, two, html = mail("see attachment"), mail(), mail(), mail()
    zipped.add_attachment(b"PK", maintype="application", subtype="zip", filename="order.zip")
    html.set_content(f"<pre>{ORDER}</pre>", subtype="html")
    for number in range(PARTS_MAX + 10):
        many.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=f"{number}")
    for _ in range(2):
        two.add_attachment(b"x", maintype="application", subtype="toml", filename="order.toml")
    for message, words in (
        (zipped, "Archives are not opened"),
        (many, "more than 50 parts"),
        (two, "several orders"),
        (html, "plain text"),
    ):
        with pytest.raises(Unreadable, match=words) as caught:
            read(message)
        assert caught.value.request.sender == Mailbox("Alex@pigeon.example", "Zoë")


def test_files() -> None:
    assert read_request(ORDER.encode(), mail=False) == Request(ORDER)
    for data, words in ((b"x" * 1_000_001, "too large"), (b"a\n\xff", "see line 2")):
        with pytest.raises(Unreadable, match=words):
            read_request(data, mail=False)


def test_a_request_is_known_by_its_message_id_or_its_bytes() -> None:
    one, again, other = mail("a").as_bytes(), mail("b").as_bytes(), mail("a", Message_ID="<2@x>").as_bytes()
    assert request_id(one, mail=True) == request_id(again, mail=True) != request_id(other, mail=True)
    nameless = [mail(text, Message_ID="").as_bytes() for text in "ab"]
    assert request_id(nameless[0], mail=True) != request_id(nameless[1], mail=True)
    assert request_id(one, mail=False) != request_id(one, mail=True)


@given(st.binary(max_size=300))
def test_nothing_hostile_gets_further(data: bytes) -> None:
    request_id(data, mail=True)
    for heads in (b"", b"From: a@x.example\n", b"From: a@x.example\nContent-Type: multipart/mixed; boundary=x\n"):
        with suppress(Unanswerable, Unreadable):
            assert read_request(heads + data, mail=True).text


def test_nesting_without_end() -> None:
    deep = b"From: a@x.example\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number) for number in range(3000)
    )
    with pytest.raises((Unanswerable, Unreadable)):
        read_request(deep, mail=True)
    assert requests.request_id(deep, mail=True)
