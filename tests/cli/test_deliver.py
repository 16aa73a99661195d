"""`seatkeeper deliver`: what was issued arrives in a real mail server, and the list of deliveries tells the truth."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from seatkeeper.cli.deliver import main
from support.desk_commands import Commands, order_text
from support.desk_mail import Letterbox, issued, mail_server
from support.site import free_port

TO = ["--from", "Desk <desk@vendor.example>", "--to", "alex@pigeon.example"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    issued(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outbox").mkdir()
    return tmp_path


def events(path: str = "out/deliveries.jsonl") -> list[str]:
    return [json.loads(line)["event"] for line in Path(path).read_text().splitlines()]


def test_a_mail_in_the_outbox(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["out", "--order", "order.toml", *TO, "--outbox", "outbox", "--pdf", "c.pdf", "--keys", "keys", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (status, report["outcome"], report["certificate"]) == (0, "written", "c.pdf")
    message = message_from_bytes(Path(report["mail"]).read_bytes(), policy=default)
    names = [part.get_filename() for part in message.walk() if part.get_filename()]
    assert names == ["license.dat", "genesys.d.trust", "certificate.pdf"]
    assert Path("c.pdf").read_bytes().startswith(b"%PDF")
    assert events("keys/deliveries.jsonl") == ["begun", "written"]


def test_a_mail_server_takes_it(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Letterbox()
    with mail_server(box) as port:
        status = main(["out/license.dat", "--order", "order.toml", *TO, "--smtp", f"smtp-plain://localhost:{port}", "--with-credentials"])
    out, err = capsys.readouterr()
    assert (status, events()) == (0, ["begun", "sent"])
    assert "Sent to       alex@pigeon.example (the mail server said: taken as 4711)" in out
    assert "private keys go by mail: genesys.d.0800200005ac.credential" in err
    assert Path("out/license.dat").read_bytes() in [
        part.get_payload(decode=True) for part in message_from_bytes(box.taken[0].content).walk()
    ]


def test_a_mail_that_is_not_taken_stays(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = f"smtp-plain://localhost:{free_port()}"
    status = main(["out", "--order", "order.toml", *TO, "--smtp", server, "--outbox", "outbox", "--no-pdf"])
    out, err = capsys.readouterr()
    assert (status, events()) == (1, ["begun", "later"])
    assert "cannot be reached" in err
    assert "Sent" not in out
    assert len(list(Path("outbox").glob("20260042-*.eml"))) == 1


def test_the_registry_knows_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    for line in (
        "init",
        "register order.toml",
        "issue 20260001 --keys keys -o license.dat",
        'add 20260001 --item "Genesys E-mail=1" --keys keys -o more.dat --delta',
    ):
        commands.good(f"desk {line}")
    # What was registered has no number of its own yet, and of the change there is no file at all.
    assert main(["license.dat", "--order", "order.toml", "--pdf", "c.pdf"]) == 1
    assert "give --registry, and leave --order out" in capsys.readouterr().err
    assert main(["license.dat", "--pdf", "c.pdf"]) == 1
    assert "No order is named" in capsys.readouterr().err
    (tmp_path / "outbox").mkdir()
    for name, number in (("license.dat", "20260001"), ("more.dat", "20260002")):
        assert main([name, *TO, "--outbox", "outbox", "--no-pdf", "--registry", "desk.db", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["order"], report["outcome"]) == (number, "written")
        assert "went to alex@pigeon.example" in commands.good(f"entitlement show {number}")
    # What does not count any more gets no certificate either.
    commands.good("desk move 20260002 --from 0800200005ac --to 0800200005ad --host other --keys keys -o moved.dat")
    assert main(["license.dat", "--pdf", "c.pdf", "--registry", "desk.db"]) == 1
    assert "no file of order 20260001 that counts" in capsys.readouterr().err
    assert not Path("c.pdf").exists()


def test_a_delta_for_one_of_several_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)

    def servers(north: int) -> str:
        table = '[[servers]]\nhost = "{}"\nhostid = "{}"\nquantities = {{ "Genesys E-mail" = {} }}\n'
        return table.format("north", "0800200005a1", north) + table.format("south", "0800200005a2", 10)

    Path("order.toml").write_text(order_text({"Genesys E-mail": 20}, servers=servers(10)))
    Path("more.toml").write_text(order_text({"Genesys E-mail": 25}, servers=servers(15)))
    for line in (
        "init",
        "register order.toml",
        "issue 20260001 --keys keys -o out",
        "register more.toml --replaces 20260001",
        "issue 20260002 --keys keys -o more --delta",
    ):
        commands.good(f"desk {line}")
    assert [path.name for path in Path("more").iterdir()] == ["north"]
    (tmp_path / "outbox").mkdir()
    assert main(["more", *TO, "--outbox", "outbox", "--registry", "desk.db", "--json"]) == 0
    mail = message_from_bytes(Path(json.loads(capsys.readouterr().out)["mail"]).read_bytes(), policy=default)
    assert mail["subject"] == "License changes for order 20260002"
    # Of whole files every license server needs its own.
    assert main(["out/north", "--pdf", "c.pdf", "--registry", "desk.db"]) == 1
    assert "no license file for a license server of the order" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing is to be delivered"),
        (["--outbox", "outbox"], "A mail needs a recipient and a sender"),
        (["--outbox", "none", *TO], "There is no such directory"),
        (["--smtp", "http://x", *TO], "This is no mail server"),
        (["--outbox", "outbox", "--from", "x", "--to", "a@b.example"], "This is not a mail address"),
        (["--pdf", "c.pdf", "--no-pdf"], "Both cannot be meant"),
        (["--pdf", "c.pdf", "--fonts", "none"], "no such directory of fonts"),
    ],
)
def test_what_cannot_be_delivered(desk: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["out", "--order", "order.toml", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not Path("out/deliveries.jsonl").exists()
    assert list(Path("outbox").iterdir()) == []
