"""Each change of what a customer has is one command; what cannot be done is refused before anything is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.desk_commands import Commands, order_text

VOICE, MAIL = "Genesys Inbound Voice", "Genesys E-mail"


OTHER = '[[servers]]\nhost = "other"\nhostid = "0800200005ad"\n'


@pytest.fixture
def at_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """A desk with one order that was issued."""
    made = Commands(tmp_path, monkeypatch, capsys)
    made.good("desk init")
    made.good("desk register order.toml --maintained-from 2026-01-01 --maintained-until 2026-12-31")
    made.good("desk issue 20260001 --keys keys -o license.dat")
    return made


def held(at_desk: Commands) -> dict[str, int]:
    return {row["name"]: row["quantity"] for row in at_desk.json("entitlement list")}


def test_what_is_registered_counts_when_it_is_issued(at_desk: Commands) -> None:
    at_desk.good(f"desk add 20260001 --item '{VOICE}=1' --license vcb_full=2")
    assert held(at_desk) == {VOICE: 20, MAIL: 5}
    at_desk.good("desk issue 20260002 --keys keys -o second.dat")
    assert held(at_desk) == {VOICE: 21, MAIL: 5}
    assert re.search(r"FEATURE vcb_full \S+ \S+ permanent 2 ", Path("second.dat").read_text())
    # What is maintained stays maintained.
    assert {row["maintained_until"] for row in at_desk.json("entitlement list")} == {"2026-12-31"}
    at_desk.good("desk return 20260002 --license vcb_full=2 --keys keys -o third.dat")
    assert "vcb_full" not in Path("third.dat").read_text()


def test_a_delta_is_merged_and_then_has_everything(at_desk: Commands) -> None:
    at_desk.good(f"desk add 20260001 --item '{VOICE}=20' --keys keys -o more.dat --delta")
    at_desk.good("license merge license.dat more.dat --apply")
    merged = Path("license.dat").read_text()
    assert re.search(r"^FEATURE tserver_sdn \S+ \S+ permanent 40 ", merged, re.MULTILINE)
    assert not re.search(r"^FEATURE tserver_sdn \S+ \S+ permanent 20 ", merged, re.MULTILINE)
    assert at_desk.run("license verify license.dat")[0] == 0


def test_another_item_takes_the_place_of_one(at_desk: Commands) -> None:
    changed = at_desk.json(f"desk upgrade 20260001 --instead '{MAIL}=Genesys Chat'")["changes"]
    assert {row["name"]: row["change"] for row in changed if row["kind"] == "item"} == {MAIL: -5, "Genesys Chat": 5}


def test_temporary_licenses_last_longer(at_desk: Commands) -> None:
    Path("short.toml").write_text(order_text({VOICE: 3}, site="2222", expires="2026-06-30", servers=OTHER))
    at_desk.good("desk register short.toml")
    at_desk.good("desk issue 20260002 --keys keys -o short.dat")
    assert "This is not later than before." in at_desk.bad("desk renew 20260002 --until 2026-06-30")
    out = at_desk.good("desk renew 20260002 --until 2026-09-30 --maintained-until 2026-09-30 --keys keys -o longer.dat --delta")
    assert "2026-09-30 is their last day. It was 2026-06-30 before." in out
    assert " 30-sep-2026 3 " in Path("longer.dat").read_text()
    (row,) = at_desk.json("entitlement list --site 2222")
    assert (row["expires"], row["maintained_until"]) == ("2026-09-30", "2026-09-30")


def test_a_moved_order_is_for_the_new_host_only(at_desk: Commands) -> None:
    out = at_desk.good("desk move 20260001 --from 08:00:20:00:05:AC --to 00:11:22:33:44:55 --keys keys -o moved.dat")
    assert "SERVER licsrv 001122334455 " in Path("moved.dat").read_text()
    assert "Retired       F000001, which was put out as license.dat" in out
    assert "Next: bring the files to licsrv and start the license server there" in out
    assert Path("genesys.d.001122334455.credential").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("add 20260001", "It is not said what is to be changed."),
        ("upgrade 20260001", "It is not said what is to be changed."),
        ("return 20260001", "It is not said what is to be changed."),
        ("renew 20260001", "It is not said what is to be changed."),
        ("add 20260001 --item 'Genesys E-mial=1'", "Genesys E-mail"),
        (f"add 20260001 --item '{VOICE}=999999'", "999,999"),
        ("add 20260009 --item 'Genesys E-mail=1'", "The registry knows no such order."),
        (f"return 20260001 --item '{MAIL}=6'", "at most 5"),
        ("return 20260001 --license vcb_full=1", "all follow from its items"),
        (f"return 20260001 --item '{MAIL}=5' --item '{VOICE}=20'", "item"),
        (f"upgrade 20260001 --item '{MAIL}=banana'", "banana"),
        ("upgrade 20260001 --item 'Genesys Chat=8.1'", "The order has no such item."),
        ("move 20260001 --from 001122334455 --to 001122334456", "No license server of this order has that host id."),
        ("move 20260001 --from 0800200005ac --to elsewhere", "elsewhere"),
        ("renew 20260001 --until 2027-01-01", "never expire"),
        ("renew 20260001 --maintained-until 2025-01-01", "Maintenance ends before it begins."),
        ("reissue 20260001 --keys keys", "name where the license file is to be"),
        ("reissue 20260001 -o x.dat", "the directory of the vendor's keys is needed"),
        ("add 20260001 --item 'Genesys E-mail=1' --delta", "name --keys and -o too"),
        ("issue 20260001", "the directory of the vendor's keys is needed"),
        ("issue 20260001 --keys keys -o x.dat", "The order was issued already, as F000001."),
        ("issue 20260001 --keys keys -o x.dat --delta", "The order was issued already, as F000001."),
        ("withdraw 20260001", "`seatkeeper desk end 20260001`"),
        ("end 20260009", "The registry knows no such order."),
    ],
)
def test_what_cannot_be_done_changes_nothing(at_desk: Commands, line: str, expected: str) -> None:
    before = at_desk.json("desk history")
    files = sorted(Path().iterdir())
    err = at_desk.bad(f"desk {line}")
    assert expected in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert (at_desk.json("desk history"), sorted(Path().iterdir())) == (before, files)


def test_an_order_that_cannot_be_issued_stays_registered_and_that_is_said(at_desk: Commands) -> None:
    err = at_desk.bad(f"desk add 20260001 --item '{MAIL}=1' --keys keys -o license.dat")
    assert "Order 20260002 is registered in desk.db, and not issued, because:" in err
    assert "not overwritten" in err
    at_desk.good("desk withdraw 20260002 --why 'not wanted'")
    at_desk.good(f"desk add 20260001 --item '{MAIL}=2' --keys keys -o license.dat --force")
    assert held(at_desk)[MAIL] == 7


def test_keys_with_a_passphrase(at_desk: Commands, tmp_path: Path) -> None:
    from seatkeeper.adapters.keys import init_vendor
    from support.desk_commands import TODAY

    init_vendor(tmp_path / "locked", "genesys.d", passphrase=b"loft and ring", today=TODAY)
    (tmp_path / "secret").write_text("loft and ring\n")
    Path("order.toml").write_text(order_text({MAIL: 1}, site="3333", servers=OTHER))
    at_desk.good("desk register order.toml")
    Path("locked.d").mkdir()
    assert "passphrase" in at_desk.bad("desk issue 20260002 --keys locked -o locked.d/license.dat")
    at_desk.good("desk issue 20260002 --keys locked -o locked.d/license.dat --passphrase-file secret")
    made = at_desk.json("desk reproduce F000002 --keys locked --passphrase file:secret")
    assert made["signed_anew"] is True
