"""access: who a connection is, and that each message of a tool has its row in the table."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import get_args

import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.admins import Administrator, token_digest, write_admins
from seatkeeper.adapters.host import user_name
from seatkeeper.base.roles import NOBODY, ROLES, RULES, Identity, Restrictions
from seatkeeper.server import access as access_module
from seatkeeper.server.access import ATTEMPTS_MAX, ATTEMPTS_S, Access, AccessPolicy, Attempts, command_of, this_machine
from seatkeeper.wire.messages import (
    Activity,
    AskDown,
    AskFeatures,
    AskIdentity,
    AskLines,
    AskRemove,
    AskReread,
    AskRevoke,
    AskServer,
    AskSwitch,
    Authenticate,
    Checkin,
    Checkout,
    ClientMessage,
    Goodbye,
    Heartbeat,
    Hello,
    ReturnBorrow,
)

#: What applications say, who need no leave of an administrator.
APPLICATIONS = {Hello, Checkout, Checkin, Heartbeat, Goodbye, Activity, ReturnBorrow}
#: Every message of a tool in every meaning.
TOOL_MESSAGES = [
    AskServer(1),
    AskFeatures(1),
    AskLines(1),
    AskRemove(1, "f1"),
    AskRevoke(1, 101),
    AskReread(1),
    AskReread(1, dry_run=True),
    AskSwitch(1, "debug"),
    AskSwitch(1, "report"),
    AskSwitch(1, "new"),
    AskDown(1),
    AskIdentity(1, b"n" * 32),
    Authenticate(1, "x"),
]
FAR = Identity("anonymous", "", "192.0.2.9")


def test_a_message_is_an_application_s_or_has_a_row_in_the_table() -> None:
    known = APPLICATIONS | {type(message) for message in TOOL_MESSAGES}
    assert known == set(get_args(ClientMessage)), "a new message: say who may send it (base/roles.py), and name it here"
    assert {command_of(message) for message in TOOL_MESSAGES} == set(RULES)


@pytest.mark.parametrize(
    ("peer", "here", "local"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.9.9.9", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.2", "192.0.2.1", False),
        ("2001:db8::2", "2001:db8::1", False),
        ("fe80::1%eth0", "fe80::1%eth0", True),
        ("fe80::2%eth0", "fe80::1%eth0", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_what_this_machine_is(peer: str, here: str, local: bool) -> None:
    assert this_machine(peer, here) is local


def access(**policy: object) -> Access:
    return Access(AccessPolicy(**policy), print)  # type: ignore[arg-type]


def test_a_unix_socket_is_the_account_behind_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = access(group="no-such-group").identity_of(ours)
    assert found == Identity("administrator", user_name(), socket.gethostname(), local=True, attested=True)


def test_another_account_is_a_viewer_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "is_administrator", lambda _peer, _group: False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = access().identity_of(ours)
    assert (found.role, found.user, found.attested) == ("viewer", user_name(), True)


def test_tcp_from_this_machine_is_a_viewer_without_a_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        served, _ = listener.accept()
        with served:
            assert access().identity_of(served) == Identity("viewer", "", "127.0.0.1", local=True)
        client.close()


def test_a_connection_that_is_gone_is_nobody() -> None:
    with socket.socket() as closed:
        assert access().identity_of(closed) == NOBODY


@pytest.mark.parametrize(("plain", "near", "far"), [("none", False, False), ("loopback", True, False), ("all", True, True)])
def test_where_plain_text_is_taken(plain: str, near: bool, far: bool) -> None:
    asked = access(plain=plain)
    assert asked.plain_allowed(Identity("viewer", "", "127.0.0.1", local=True), unix=False) is near
    assert asked.plain_allowed(FAR, unix=False) is far
    assert asked.plain_allowed(FAR, unix=True)


@pytest.fixture
def admins(tmp_path: Path) -> Path:
    write_admins(tmp_path / "admins", [Administrator("ada", "operator", token_digest("right")), Administrator("bo", "desk")])
    return tmp_path / "admins"


def test_a_token_is_its_entry_from_wherever_it_comes(admins: Path) -> None:
    asked = access(admins=str(admins))
    assert asked.by_token("right", FAR) == Identity("operator", "ada", "192.0.2.9", local=False, attested=True)
    assert asked.by_token("wrong", FAR) is None
    assert asked.by_token("", FAR) is None
    assert access().by_token("right", FAR) is None


def test_a_token_that_was_taken_out_is_good_no_more(admins: Path) -> None:
    asked = access(admins=str(admins))
    assert asked.by_token("right", FAR) is not None
    write_admins(admins, [])
    assert asked.by_token("right", FAR) is None


def test_who_has_tried_too_often_is_not_believed_for_a_while(admins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    asked = access(admins=str(admins))
    for _ in range(ATTEMPTS_MAX):
        assert asked.by_token("wrong", FAR) is None
    assert asked.by_token("right", FAR) is None
    assert asked.by_token("right", Identity("anonymous", "", "192.0.2.10")) is not None
    now += ATTEMPTS_S
    assert asked.by_token("right", FAR) is not None


def test_a_file_that_cannot_be_used_lets_nobody_in_and_is_told(admins: Path) -> None:
    said: list[str] = []
    asked = Access(AccessPolicy(admins=str(admins)), said.append)
    admins.chmod(0o644)
    assert asked.by_token("right", FAR) is None
    assert asked.by_token("right", FAR) is None
    assert len([one for one in said if "0600" in one]) == 1


def test_a_certificate_is_its_entry(tmp_path: Path) -> None:
    from datetime import date

    from seatkeeper.adapters.keys import init_vendor, issue_credential
    from seatkeeper.adapters.tls import digest_of

    init_vendor(tmp_path / "keys", "d", today=date.today())
    text = issue_credential(tmp_path / "keys", "aa", tmp_path, today=date.today()).read_text()
    certificate = text[text.index("-----BEGIN CERT") : text.index("-----END CERT")] + "-----END CERTIFICATE-----"
    write_admins(
        tmp_path / "admins", [Administrator("eve", "desk", "", certificate), Administrator("bad", "administrator", "", "nonsense")]
    )
    asked = access(admins=str(tmp_path / "admins"))
    assert asked.by_certificate(digest_of(certificate), FAR).role == "desk"
    assert asked.by_certificate("0" * 64, FAR) == FAR
    assert asked.by_certificate("", FAR) == FAR
    assert asked.known_certificates() == (certificate, "nonsense")


def test_restrictions_are_those_of_the_policy() -> None:
    administrator = Identity("administrator", "root", "here", local=True, attested=True)
    assert access().objection(AskDown(1), administrator) is None
    assert access(restrictions=Restrictions(("lmdown",))).objection(AskDown(1), administrator) is not None


def test_attempts_are_forgotten_in_time_and_in_number() -> None:
    attempts = Attempts()
    for number in range(20_000):
        attempts.wrong(f"host{number}", 0.0)
    assert len(attempts._wrong) == 10_000
    for _ in range(ATTEMPTS_MAX):
        assert not attempts.too_many("a", 1.0)
        attempts.wrong("a", 1.0)
    assert attempts.too_many("a", 1.0 + ATTEMPTS_S - 0.1)
    assert not attempts.too_many("a", 1.0 + ATTEMPTS_S)
    attempts.wrong("a", 1.0 + ATTEMPTS_S)
    assert not attempts.too_many("a", 1.0 + ATTEMPTS_S)


def test_the_account_of_the_process_is_told_by_number_where_it_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatkeeper.adapters import peers

    peers.account_name.cache_clear()
    monkeypatch.setattr(peers.pwd, "getpwuid", lambda _uid: (_ for _ in ()).throw(KeyError))
    assert peers.account_name(os.geteuid()) == str(os.geteuid())
    peers.account_name.cache_clear()


def test_the_manual_s_table_is_the_one_that_is_obeyed() -> None:
    page = Path(__file__).parents[2] / "docs" / "security.md"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    head = ["command", "message", *ROLES]
    assert head in rows
    found = {row[1].strip("`"): (row[0], row[2:]) for row in rows if len(row) == len(head) and row != head}
    assert found == {
        name: (rule.tool or "(introduction)", ["yes" if role in rule.roles else "" for role in ROLES]) for name, rule in RULES.items()
    }
