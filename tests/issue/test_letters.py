"""A letter arrives as it was meant: attachments byte for byte, names of all scripts, and no header that comes from an order."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.letters import Attachment, Envelope, Letter, Mailbox, compose, delivery_letter, parse_mailbox
from seatkeeper.issue.order import check_order
from seatkeeper.issue.parcel import Parcel, read_parcel
from support.desk_mail import TODAY, TWO_SERVERS, issued

SENDER = Mailbox("desk@vendor.example", "Zoë's desk")
ENVELOPE = Envelope(SENDER, (Mailbox("alex@pigeon.example"),), datetime(2026, 3, 14, 9, 30, tzinfo=UTC), "<1@vendor.example>", "sep")


@pytest.fixture
def parcel(tmp_path: Path, catalog: Catalog) -> Parcel:
    return read_parcel(*issued(tmp_path), catalog)


def read(mail: bytes) -> EmailMessage:
    message = message_from_bytes(mail, policy=default)
    assert isinstance(message, EmailMessage)
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_what_goes_to_the_customer(parcel: Parcel) -> None:
    letter = delivery_letter(parcel, "Genesys", "desk@vendor.example", certificate=b"%PDF-")
    message = read(compose(letter, ENVELOPE))
    assert message["subject"] == "License file for order 20260042"
    assert message["from"].addresses[0].display_name == "Zoë's desk"
    assert message["message-id"] == "<1@vendor.example>"
    assert message["auto-submitted"] is None
    attached = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert attached == {"license.dat": parcel.files[0].data, "genesys.d.trust": parcel.trust_data, "certificate.pdf": b"%PDF-"}
    for kind in ("plain", "html"):
        said = " ".join(body(message, kind).split())
        for words in (
            "Pigeon Post Example Ltd",
            "licsrv (host id 0800200005ac)",
            "genesys.d.0800200005ac.credential",
            "did not come by mail",
            "seatkeeper license verify license.dat",
            "lmgrd -c license.dat -l +debug.log",
            "lmreread -c license.dat",
            "never",
            "Ask desk@vendor.example, and name order 20260042",
            parcel.files[0].sha256[:8],
        ):
            assert words in said, words
    assert [line[:2] for line in body(message, "plain").splitlines() if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert body(message, "html").count("<li>") == 6


def test_credentials_go_only_when_they_are_given_and_then_with_a_warning(parcel: Parcel) -> None:
    plain = compose(delivery_letter(parcel, "Genesys", "us"), ENVELOPE)
    assert b"PRIVATE KEY" not in plain
    key = Attachment(parcel.credentials[0].name, parcel.credentials[0].read_bytes())
    message = read(compose(delivery_letter(parcel, "Genesys", "us", credentials=[key]), ENVELOPE))
    assert key.data in [part.get_payload(decode=True) for part in message.iter_attachments()]
    said = " ".join(body(message, "plain").split())
    assert "a PRIVATE KEY" in said
    assert "Whoever else has read it can pose as your license server" in said
    assert f"chmod 600 {key.name}" in said


def test_the_last_day_and_the_purpose_are_said(tmp_path: Path, catalog: Catalog) -> None:
    changes = (('purpose = "production"', 'purpose = "evaluation"'), ('"permanent"', "2026-04-01"), ("Alex Example", "Ødegård & <Söhne>"))
    letter = delivery_letter(read_parcel(*issued(tmp_path, *changes), catalog), "Genesys", "us")
    assert letter.subject == "License file for order 20260042 (evaluation)"
    assert "after 1 April 2026; order a renewal" in letter.text
    assert "evaluation, not for production" in letter.text
    assert "Dear Ødegård &amp; &lt;Söhne&gt;," in letter.html
    assert "Dear Ødegård & <Söhne>," in body(read(compose(letter, ENVELOPE)), "plain")


def test_a_delta_is_to_be_merged_and_never_served_by_itself(parcel: Parcel, tmp_path: Path, catalog: Catalog) -> None:
    more = parcel.order_text.replace("quantity = 100", "quantity = 120").replace("20260042", "20260043")
    assert more.count("quantity = 120") == 1
    checked = check_order(more, "order.toml", catalog, TODAY)
    assert checked.order is not None
    (tmp_path / "delta").mkdir()
    issue_order(checked.order, catalog, tmp_path / "keys", tmp_path / "delta" / "more.dat", TODAY, delta_to=parcel.files[0].path)
    delta = read_parcel(tmp_path / "delta" / "more.dat", lambda number: more if number == "20260043" else "", catalog)
    assert (parcel.partial, delta.partial) == (False, True)
    letter = delivery_letter(delta, "Genesys", "us")
    assert letter.subject == "License changes for order 20260043"
    for said in (letter.text, letter.html):
        assert "license merge LICENSE more.dat --apply" in said
        assert "lmreread -c LICENSE" in said
        assert "do not serve it by itself" in said
        # Who started a license server with it, or let one read it, would serve nothing else any more.
        assert "lmgrd -c" not in said
        assert "-c more.dat" not in said
    assert max(map(len, letter.text.splitlines())) <= 78


def test_three_redundant_servers_are_all_started_with_one_file_and_a_credential_each(tmp_path: Path, catalog: Catalog) -> None:
    servers = "".join(f'[[servers]]\nhost = "host{number}"\nhostid = "8:0:20:0:5:a{number}"\n' for number in (1, 2))
    parcel = read_parcel(*issued(tmp_path, ("[[servers]]\n", f"{servers}[[servers]]\n")), catalog)
    text = " ".join(delivery_letter(parcel, "Genesys", "us").text.split())
    assert "the license file for host1 (host id 0800200005a1), host2 (host id 0800200005a2), licsrv (host id 0800200005ac)" in text
    assert "genesys.d.0800200005a1.credential, genesys.d.0800200005a2.credential, genesys.d.0800200005ac.credential" in text
    assert "each only on its own server" in text
    assert "on all three, where none runs yet; seats are given while two of the three run: lmgrd -c license.dat" in text


def test_of_many_servers_each_is_told_once_which_file_is_its_own(tmp_path: Path, catalog: Catalog) -> None:
    text = delivery_letter(read_parcel(*issued(tmp_path, *TWO_SERVERS), catalog), "Genesys", "us").text
    assert "  licsrv-license.dat  the license file for licsrv (host id 0800200005ac)\n" in text
    assert "  second-license.dat  the license file for second (host id 0800200005ad)\n" in text
    said = " ".join(text.split())
    assert "Save its own license file, here called FILE, and genesys.d.trust together in one directory on each license server." in said
    assert "(genesys.d.<host id>.credential)" in said
    assert "seatkeeper license verify FILE" in said
    assert said.count("0800200005ad") == 1


def test_the_same_letter_gives_the_same_mail(parcel: Parcel) -> None:
    letter = delivery_letter(parcel, "Genesys", "us", certificate=b"%PDF-")
    mail = compose(letter, ENVELOPE)
    assert mail == compose(letter, ENVELOPE)
    assert b'boundary="sep-0"' in mail
    assert all(len(line) <= 998 for line in mail.split(b"\r\n"))


def test_an_answer_by_a_program_says_so() -> None:
    envelope = Envelope(*[getattr(ENVELOPE, name) for name in ENVELOPE.__struct_fields__[:5]], answers="<q@x.example>", automatic=True)
    message = read(compose(Letter("s", "t", "h"), envelope))
    assert (message["in-reply-to"], message["auto-submitted"]) == ("<q@x.example>", "auto-replied")


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_becomes_a_header(subject: str, name: str) -> None:
    mail = compose(Letter(f"a{subject}\r\nBcc: x@y.example", "t", "h", (Attachment(f"{name}\r\nX-Evil: 1", b"x"),)), ENVELOPE)
    message = read(mail)
    heads = {part_name.lower() for part in message.walk() for part_name in part.keys()}  # noqa: SIM118
    assert heads <= {
        *("from", "to", "subject", "date", "message-id", "mime-version"),
        *("content-type", "content-transfer-encoding", "content-disposition"),
    }


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("desk@vendor.example", Mailbox("desk@vendor.example")),
        (" <desk@vendor.example> ", Mailbox("desk@vendor.example")),
        ('"Desk, the" <d.e+s@v-1.example>', Mailbox("d.e+s@v-1.example", "Desk, the")),
        ("Zoë <desk@bücher.example>", Mailbox("desk@xn--bcher-kva.example", "Zoë")),
    ],
)
def test_mailboxes(text: str, mailbox: Mailbox) -> None:
    assert parse_mailbox(text) == mailbox
    assert compose(Letter("s", "t", "h"), Envelope(mailbox, (mailbox,), ENVELOPE.date, "<1@x>", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "", "desk", "@x.example", "a@", "a@@x", "a@b c", "a b@x.example", "a@x.example, b@x.example", "a@x.example\nBcc: b@x.example",
        "N\r\nX: y <a@x.example>", "<a@x.example", "zoë@x.example", ".a@x.example", "a..b@x.example", "a@-x.example", "a@x..example",
        "a" * 65 + "@x.example", "a@" + "x" * 300, "a@x\x00.example", "a@x.example> <b@x.example",
    ],
)  # fmt: skip
def test_what_is_no_mailbox(text: str) -> None:
    with pytest.raises(InputError, match="This is not a mail address"):
        parse_mailbox(text, "--to")
