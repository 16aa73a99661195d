"""An order is registered once and issued once; each file can be put out or made again, and nothing that is not right is put out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters.keys import init_vendor, load_trust, revoke, rotate
from seatkeeper.adapters.registry import Act, Registry
from seatkeeper.adapters.registry_engine import BusyError
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.delivery import Delivery
from seatkeeper.issue.desk import Desk, deliver, file_faults, issue, order_of, register, reproduce, withdraw
from seatkeeper.issue.desk_acts import added, change, end, maintain, moved
from seatkeeper.issue.desk_deliveries import RegistryDeliveries
from seatkeeper.issue.desk_entitling import Held
from seatkeeper.issue.desk_imports import import_held
from seatkeeper.issue.desk_recorder import RegistryRecorder
from seatkeeper.issue.record import digest_of
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from support.deskwork import CATALOG, MAIL, TODAY, VOICE, Office, order, two_servers
from support.registries import raw, without_triggers


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.make(tmp_path / "office")


def more(office: Office, number: str, items: dict[str, int] | None = None) -> str:
    """The number of an order that adds to another."""
    return change(office.desk(), number, "add", lambda old: added(old, items or {VOICE: 1}, {}, CATALOG), {}).row.number


def history(office: Office) -> int:
    """How much has been told by now."""
    with office.registry.read() as view:
        return len(list(view.history()))


def refused(office: Office, act: Callable[[], object], words: str) -> SeatkeeperError:
    """It is refused, and leaves no trace in registry or directory."""
    before = history(office), sorted(office.directory.rglob("*"))
    with pytest.raises(SeatkeeperError, match=words) as caught:
        act()
    assert (history(office), sorted(office.directory.rglob("*"))) == before
    return caught.value


# Orders --------------------------------------------------------------------------------------------------------------------


def test_an_order_is_kept_as_it_came_beside_what_was_meant(office: Office) -> None:
    came = "\ufeff# für Pigeon Post\r\n" + order({VOICE: 2}).replace("\n", "\r\n")
    number = office.register(came)
    with office.registry.read() as view:
        row = view.order(number)
    assert row.received == came
    assert row.text == came.removeprefix("\ufeff").replace('number = "auto"', f'number = "{number}"')
    assert (row.sha256, row.state, row.previous) == (digest_of(row.text), "registered", None)
    with office.registry.read() as view:
        assert order_of(view, number, CATALOG).terms.number == number


def test_a_drawn_number_is_one_that_nobody_has(office: Office) -> None:
    office.register(order({VOICE: 1}, number="20260002"))
    assert [office.register(order({VOICE: 1})) for _ in range(3)] == ["20260001", "20260003", "20260004"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (order({VOICE: 3}, number="4711"), "has an order of this number.*Give it another number"),
        (order({VOICE: 2}, number="4711"), "It is the same order; issue it with `seatkeeper desk issue 4711`"),
        (order({VOICE: 2}).replace("Pigeon Post", "Loft"), "Site 1111 belongs to another customer"),
        (order({VOICE: 2}).replace(VOICE, "Genesys Inbound Vioce"), "Genesys Inbound Voice"),
        (order({VOICE: 2}).replace('number = "auto"', "number = '''auto'''"), "cannot be drawn"),
        (two_servers({MAIL: 2}).replace("share = 2", "share = 2\nquantities = { 'Genesys E-mail' = 0 }"), "would get no license at all"),
    ],
)
def test_what_could_not_be_issued_is_not_registered(office: Office, text: str, words: str) -> None:
    office.register(order({VOICE: 2}, number="4711"))
    refused(office, lambda: office.register(text), words)


def test_an_order_takes_the_place_of_one_that_counts_and_of_the_same_site(office: Office) -> None:
    first = office.register(order({VOICE: 2}))

    def replacing(text: str) -> Callable[[], object]:
        return lambda: register(office.desk(), text, "order.toml", replaces=first)

    refused(office, replacing(order({VOICE: 3})), "this one is registered. .*Issue it first: `seatkeeper desk issue 20260001`")
    office.issue(first)
    refused(office, replacing(order({VOICE: 3}).replace('"1111"', '"2222"')), "another site's")
    second = register(office.desk(), order({VOICE: 3}), "order.toml", replaces=first).row.number
    refused(office, replacing(order({VOICE: 3})), f"Issue order {second}, or withdraw it")
    office.issue(second, "second.dat")
    refused(office, replacing(order({VOICE: 3})), f"Change order {second}")
    end(office.desk(), second, "")
    refused(office, replacing(order({VOICE: 3})), "has ended; register a new order")


def test_only_what_was_not_issued_is_withdrawn(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first = office.register(order({VOICE: 2}))
    office.issue(first)
    refused(office, lambda: withdraw(office.desk(), first, ""), "this one is issued.*desk end 20260001")
    second = more(office, first)
    withdraw(office.desk(), second, "a mistake")
    refused(office, lambda: office.issue(second, "x.dat"), "The order is withdrawn, and is not issued")
    third = more(office, first)
    break_off(office, third, monkeypatch)
    # Its signed text may be in use somewhere.
    refused(office, lambda: withdraw(office.desk(), third, ""), f"this one is signed.*Issue it, `seatkeeper desk issue {third}`")


# Files ---------------------------------------------------------------------------------------------------------------------


def break_off(office: Office, number: str, monkeypatch: pytest.MonkeyPatch, name: str = "broken.dat") -> None:
    """Issue an order; the registry goes away just when the files are in their places."""

    def gone(*_: object) -> None:
        raise InputError("The registry went away.")

    with monkeypatch.context() as patched:
        patched.setattr(RegistryRecorder, "placed", gone)
        with pytest.raises(InputError, match="went away"):
            office.issue(number, name)


@pytest.mark.parametrize("make", [order, two_servers])
def test_what_broke_off_goes_on_with_the_same_text(
    office: Office, make: Callable[[dict[str, int]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.register(make({VOICE: 5}))
    break_off(office, number, monkeypatch, "broken")
    signed = {path.name + path.parent.name: path.read_bytes() for path in office.directory.glob("**/broken/**/*.dat")} or {
        "": (office.directory / "broken").read_bytes()
    }
    put = office.issue(number, "after", later=3)
    assert sorted(each.path.read_bytes() for each in put) == sorted(signed.values())
    assert all(each.again for each in put)
    assert set(office.states(number).values()) == {"placed"}
    assert office.verify().findings == ()


def test_a_text_whose_key_was_revoked_meanwhile_is_signed_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.register(two_servers({VOICE: 5}))
    break_off(office, number, monkeypatch, "broken")
    old = office.trust.issuers[-1].id
    rotate(office.keys, today=TODAY)
    # It is good where its key was stolen only after it had signed.
    revoke(office.keys, old, on=office.desk(1).today, reason="laptop lost", today=office.desk(1).today)
    with office.registry.read() as view:
        assert [file_faults(file, office.trust) for file in view.files()] == [[], []]
    revoke(office.keys, old, on=TODAY, reason="laptop lost", today=office.desk(1).today)
    assert {finding.remedy for finding in office.verify().findings if finding.severity == "error"} == {
        f"Issue it anew: `seatkeeper desk issue {number}`."
    }
    put = office.issue(number, "after", later=1)
    assert {each.issuer for each in put} == {office.trust.issuers[-1].id} != {old}
    assert list(office.states(number).values()) == ["retired", "retired", "placed", "placed"]
    for each in put:
        assert all(verdict.ok for verdict in verify_lines(parse(each.path.read_text()).file, office.trust))
    assert office.verify().findings == ()


def test_an_order_is_issued_once_and_put_out_as_often_as_wanted(office: Office) -> None:
    number = office.register(two_servers({VOICE: 5}))
    first = office.issue(number, "out")
    refused(office, lambda: office.issue(number, "other"), "issued already, as F000001 F000002.*--again")
    rotate(office.keys, today=TODAY)
    # What belongs to a license file comes with it, of today; the license file is the one of then.
    again = office.issue(number, "again", later=9, again=True)
    for one, other in zip(first, again, strict=True):
        assert (one.number, one.sha256, one.path.read_bytes()) == (other.number, other.sha256, other.path.read_bytes())
        assert other.path.parent.name == one.path.parent.name
        assert (other.path.parent / "genesys.d.trust").read_bytes() == (office.keys / "genesys.d.trust").read_bytes()
        assert (other.path.parent / f"genesys.d.{other.hostids}.credential").exists()
    # Where it lies already, a newer trust file is brought too, and a credential is never replaced.
    before = {path: path.read_bytes() for path in (office.directory / "out").rglob("*") if path.is_file()}
    office.issue(number, "out", again=True)
    assert {path.name for path, data in before.items() if path.read_bytes() != data} == {"genesys.d.trust"}
    assert office.acts(number).count("again") == 2


def test_a_file_in_the_way_is_replaced_only_when_that_was_asked_for(office: Office) -> None:
    number = office.register(order({VOICE: 5}))
    office.issue(number)
    mine = office.directory / "mine.dat"
    mine.write_text("mine\n")
    refused(office, lambda: office.issue(number, "mine.dat", again=True), "not overwritten.*--force")
    (put,) = office.issue(number, "mine.dat", again=True, force=True)
    assert put.backup is not None
    assert put.backup.read_text() == "mine\n"
    (office.directory / "room").mkdir()
    refused(office, lambda: office.issue(number, "room", again=True), "cannot be put there")
    both = office.register(two_servers({VOICE: 5}))
    office.issue(both, "both")
    refused(office, lambda: office.issue(both, "mine.dat", again=True), "a directory, with one in it for each server")


def test_what_cannot_be_signed_stays_registered(office: Office) -> None:
    number = office.register(order({VOICE: 5}))
    shutil.move(office.keys, office.directory / "away")
    with pytest.raises(InputError):
        office.issue(number)
    shutil.move(office.directory / "away", office.keys)
    (secret,) = office.keys.glob("issuer-*.key")
    secret.rename(secret.with_suffix(".away"))
    with pytest.raises(InputError):
        office.issue(number)
    assert (office.acts(number), office.states(number)) == (["register"], {})
    assert not (office.directory / "license.dat").exists()
    secret.with_suffix(".away").rename(secret)
    office.issue(number)
    assert office.verify().findings == ()


# Deltas --------------------------------------------------------------------------------------------------------------------


def test_a_moved_server_gets_a_whole_file(office: Office) -> None:
    """Also where it is one of several, and the others' files would be extended."""
    first = office.register(two_servers({VOICE: 5}))
    office.issue(first, "before")
    details = {"from": "0800200005a2", "to": "001122334455"}
    number = change(office.desk(), first, "move", lambda old: moved(old, "0800200005a2", "001122334455"), details).row.number
    refused(
        office,
        lambda: office.issue(number, "delta", delta_to=office.directory / "before"),
        "Another license server needs a whole file.*without --delta-to",
    )
    put = office.issue(number, "after")
    assert [each.hostids for each in put] == ["0800200005a1", "001122334455"]
    assert set(office.states(first).values()) == {"retired"}


def test_a_delta_to_what_is_no_file_of_ours_is_refused(office: Office, tmp_path: Path) -> None:
    first = office.register(order({VOICE: 5}))
    (put,) = office.issue(first)
    number = more(office, first)
    text = put.path.read_text()
    for name, data, words in (
        ("none.dat", None, "cannot be read"),
        ("text.dat", "nothing of ours\n", "no line of a license file"),
        ("changed.dat", text.replace(" 5 ", " 6 "), "not as it was issued"),
        ("other.dat", text.replace("0800200005ac", "0800200005ad"), "not as it was issued|another license server"),
    ):
        base = tmp_path / name
        if data is not None:
            base.write_text(data)
        refused(office, lambda base=base: office.issue(number, "delta.dat", delta_to=base), words)  # type: ignore[misc]
    assert office.states(number) == {}
    (delta,) = office.issue(number, "delta.dat", delta_to=put.path)
    assert delta.changes
    # A delta leaves in force what it adds to.
    assert (office.states(first), office.states(number)) == ({put.number: "placed"}, {delta.number: "placed"})
    again = change(office.desk(), number, "reissue", lambda old: old, {}).row.number
    office.issue(again, "whole.dat")
    assert set((office.states(first) | office.states(number)).values()) == {"retired"}


def test_every_act_is_done_again_where_the_database_ended_it_for_another_one(office: Office) -> None:
    """As PostgreSQL may at any time: here each transaction is ended once, when all of it was done."""
    contended = Contended(office.url)
    desk = msgspec.structs.replace(office.desk(), registry=contended)
    number = register(desk, order({VOICE: 5}), "order.toml").row.number
    (put,) = issue(desk, number, office.keys, office.directory / "license.dat")
    issue(desk, number, office.keys, office.directory / "again.dat", again=True)
    maintain(desk, number, None, "2027-12-31")
    withdraw(desk, change(desk, number, "reissue", lambda old: old, {}).row.number, "a mistake")
    grown = change(desk, number, "add", lambda old: added(old, {VOICE: 1}, {}, CATALOG), {}).row.number
    (delta,) = issue(desk, grown, office.keys, office.directory / "delta.dat", delta_to=put.path)
    recorder = RegistryDeliveries(desk)
    files = tuple((each.path.name, each.sha256) for each in (delta,))
    for outcome in ("sent", "refused"):
        recorder.begun(Delivery(outcome, "2026-03-14", grown, "1111", files, recipients=("alex@pigeon.example",), by="smtp://mail"))
        recorder.ended(outcome, outcome, "told")  # type: ignore[arg-type]
    old = Held("Loft Example AG", "77", "OLD-1", "production", "item", MAIL, "permanent", "seat", "7.6", 40, "permanent")
    assert import_held(desk, [(1, old)], "list.csv") == (1, 1)
    end(desk, grown, "closed down")
    with office.registry.read() as view:
        acts = [row.act for row in view.history()]
        assert len(view.deliveries()) == 1
    once = ("maintain", "withdraw", "delta", "deliver", "undelivered", "import", "end")
    assert {act: acts.count(act) for act in once} == dict.fromkeys(once, 1)
    assert (acts.count("register"), acts.count("sign"), acts.count("issue"), acts.count("again")) == (3, 2, 2, 1)
    assert office.verify().findings == ()
    assert contended.tries >= 2 * 15
    contended.close()


class Contended(Registry):
    """A registry whose transactions are ended every other time, when all was done."""

    tries = 0

    @contextmanager
    def write(self, now: float, by: str) -> Iterator[Act]:
        with super().write(now, by) as act:
            yield act
            self.tries += 1
            if self.tries % 2:
                raise BusyError("Another transaction was in the way.")


# Reproducing ---------------------------------------------------------------------------------------------------------------


def test_any_file_is_made_again_also_one_that_counts_no_longer(office: Office) -> None:
    first = office.register(order({VOICE: 5}))
    (old,) = office.issue(first)
    text = old.path.read_text()
    rotate(office.keys, today=TODAY)
    second = change(office.desk(), first, "reissue", lambda was: was, {}).row.number
    office.issue(second, "new.dat")
    made = reproduce(office.desk(), old.number, office.trust, office.keys)
    assert (made.text, made.resigned, made.file.state) == (text, True, "retired")
    # Without its key it is still known to the letter, and verified.
    (office.keys / f"issuer-{old.issuer}.key").unlink()
    assert (made := reproduce(office.desk(), old.number, office.trust, office.keys)).text == text
    assert not made.resigned
    assert not reproduce(office.desk(), old.number, office.trust).resigned


@pytest.mark.parametrize("column", ["unsigned", "signed"])
def test_a_text_that_was_changed_in_the_registry_is_not_put_out(office: Office, column: str) -> None:
    number = office.register(order({VOICE: 5}))
    (put,) = office.issue(number)
    without_triggers(office.url, "files", f"UPDATE files SET {column} = replace({column}, 'permanent 5', 'permanent 6')")
    words = f"The {column} text of {put.number} was changed"
    refused(office, lambda: reproduce(office.desk(), put.number, None), words)
    refused(office, lambda: office.issue(number, "again.dat", again=True), words)


def test_also_where_its_hash_was_changed_with_it(office: Office) -> None:
    number = office.register(order({VOICE: 5}))
    (put,) = office.issue(number)
    changed = put.path.read_text().replace("permanent 5 ", "permanent 6 ")
    assert changed != put.path.read_text()
    statement = f"UPDATE files SET signed = '{changed.replace(chr(39), chr(39) * 2)}', signed_sha256 = '{digest_of(changed)}'"
    without_triggers(office.url, "files", statement)
    refused(office, lambda: reproduce(office.desk(), put.number, office.trust), "does not verify")
    refused(office, lambda: reproduce(office.desk(), put.number, None, office.keys), "Signing this file anew gives another text")
    refused(office, lambda: office.issue(number, "again.dat", again=True), "does not verify")


def test_a_file_that_nobody_signed_or_knows_or_trusts_is_not_reproduced(office: Office, tmp_path: Path) -> None:
    number = office.register(order({VOICE: 5}))
    (put,) = office.issue(number)
    refused(office, lambda: reproduce(office.desk(), "F000009", None), "knows no such file")
    init_vendor(tmp_path / "others", "genesys.d", today=TODAY)
    refused(office, lambda: reproduce(office.desk(), put.number, load_trust(tmp_path / "others")[1]), "does not verify")
    rotate(office.keys, today=TODAY)
    revoke(office.keys, put.issuer, on=TODAY, reason="laptop lost", today=TODAY)
    error = refused(office, lambda: reproduce(office.desk(), put.number, office.trust), "laptop lost")
    assert "seatkeeper desk verify" in str(error)
    assert reproduce(office.desk(), put.number, None, office.keys).resigned


def test_only_what_was_signed_is_delivered(office: Office) -> None:
    number = office.register(order({VOICE: 5}))
    raw_intended(office, number)
    refused(office, lambda: deliver(office.desk(), "F000001", "mail", "alex@pigeon.example"), "never signed")
    refused(office, lambda: reproduce(office.desk(), "F000001", None), f"never signed.*desk issue {number}")
    (put,) = office.issue(number)
    deliver(office.desk(), put.number, "mail", "alex@pigeon.example")
    with office.registry.read() as view:
        assert [(each.file, each.how, each.recipient) for each in view.deliveries()] == [(put.number, "mail", "alex@pigeon.example")]
    assert office.acts(number)[-1] == "deliver"


def raw_intended(office: Office, number: str) -> None:
    """Let there be a file that was to be signed and was not, as after a power cut."""

    class Stop(RegistryRecorder):
        def signed(self, name: str, text: str, /) -> None:
            raise InputError("The power went.")

    from seatkeeper.issue.issuer import issue_order

    desk: Desk = office.desk()
    with office.registry.read() as view:
        value = order_of(view, number, CATALOG)
    with pytest.raises(InputError, match="power"):
        issue_order(value, CATALOG, office.keys, office.directory / "x.dat", TODAY, recorder=Stop(office.registry, desk.now, desk.by))
    assert raw(office.url, "SELECT state FROM files") == [("intended",)]
