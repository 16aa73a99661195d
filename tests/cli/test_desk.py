"""`seatkeeper desk`: an order's whole life by commands, each of which says what was done and what to do next.

The life is in tests/golden/desk/life.txt. SEATKEEPER_REWRITE_GOLDEN=1 writes anew what the commands say.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from support.desk_commands import Commands
from support.postgres import registry_urls

GOLDEN: Final = Path(__file__).parent.parent / "golden" / "desk" / "life.txt"


@pytest.fixture
def at_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path, monkeypatch, capsys)


def stable(text: str) -> str:
    """The text without what differs from run to run: hashes and keys."""
    text = re.sub(r"(?<=\d:)[0-9a-f]{64}", "HASH", text)
    return re.sub(r"\b[0-9A-F]{16}\b", "ISSUER", text)


def test_the_life_of_an_order(at_desk: Commands) -> None:
    steps = [line[2:] for line in GOLDEN.read_text().splitlines() if line.startswith("$ ")]
    told = []
    for step in steps:
        status, out, err = at_desk.run(step)
        told.append(f"$ {step}\n{stable(out)}{err}{f'(status {status})' + chr(10) if status else ''}\n")
    told_text = "".join(told)
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        GOLDEN.write_text(told_text)
    assert told_text == GOLDEN.read_text()
    assert Path("first.dat").read_bytes() != Path("license.dat").read_bytes()


def test_the_registry_is_found_by_option_then_setting_then_here(at_desk: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_desk.json("desk init --registry a.db") == {"registry": "a.db", "state": "made"}
    monkeypatch.setenv("SEATKEEPER_REGISTRY", "sqlite:///b.db")
    assert at_desk.json("desk init") == {"registry": "b.db", "state": "made"}
    assert at_desk.json("desk init --registry a.db") == {"registry": "a.db", "state": "kept"}
    monkeypatch.delenv("SEATKEEPER_REGISTRY")
    assert "desk.db: There is no registry here." in at_desk.bad("desk history")
    assert at_desk.json("desk history --registry a.db") == []


def test_an_order_is_printed_changed_and_registered_anew(at_desk: Commands) -> None:
    at_desk.good("desk init")
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    text = at_desk.good("desk order 20260001")
    assert text == Path("order.toml").read_text().replace('"auto"', '"20260001"')
    assert at_desk.json("desk order 20260001") == {"number": "20260001", "state": "issued", "text": text}
    Path("changed.toml").write_text(text)
    assert "The registry has an order of this number. (found '20260001') Give it another number; \"auto\"" in at_desk.bad(
        "desk register changed.toml --replaces 20260001"
    )
    Path("changed.toml").write_text(text.replace('"20260001"', '"auto"').replace("Alex Example", "Bo Example"))
    assert "20260002" in at_desk.good("desk register changed.toml --replaces 20260001")
    assert 'requestor = "Bo Example"' in at_desk.good("desk order 20260002")
    Path("before.csv").write_text(
        "customer,site,order,purpose,kind,name,type,unit,version,quantity,expires,maintained_from,maintained_until\n"
        "Loft Example AG,77,OLD-1,production,item,Genesys E-mail,permanent,seat,7.6,40,permanent,,\n"
    )
    at_desk.good("entitlement import before.csv")
    assert "imported without its text" in at_desk.bad("desk order OLD-1")


def test_a_second_order_for_a_license_server_is_taken_with_a_warning(at_desk: Commands) -> None:
    at_desk.good("desk init")
    at_desk.good("desk register order.toml")
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    status, _, err = at_desk.run("desk register order.toml")
    assert (status, "counts order 20260001, too" in err, "--replaces 20260001" in err) == (0, True, True)
    assert at_desk.run("desk register order.toml --replaces 20260001")[2] == ""


def test_without_the_extra_one_sentence_says_what_to_install(at_desk: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "sqlalchemy" else find(name, *more))
    for line in ("desk init", "desk history", "entitlement list"):
        assert at_desk.bad(line).strip().endswith("The licensing desk needs packages that are not installed: install seatkeeper[desk].")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_command_has_json(at_desk: Commands, tmp_path: Path, kind: str) -> None:
    where = registry_urls(kind, tmp_path)
    at = f"--registry '{where}'"
    at_desk.json(f"desk init {at}")
    registered = at_desk.json(f"desk register order.toml {at}")
    assert (registered["order"], registered["state"], registered["files"]) == ("20260001", "registered", [])
    assert {row["name"]: row["change"] for row in registered["changes"] if row["kind"] == "item"} == {
        "Genesys Inbound Voice": 20,
        "Genesys E-mail": 5,
    }
    issued = at_desk.json(f"desk issue 20260001 --keys keys -o license.dat {at}")
    assert [(file["file"], file["path"], file["delta"], file["hostids"]) for file in issued["files"]] == [
        ("F000001", "license.dat", False, ["0800200005ac"])
    ]
    more = at_desk.json(f"desk add 20260001 --item 'Genesys E-mail=1' --keys keys -o more.dat --delta {at}")
    assert (more["replaces"], more["files"][0]["delta"], more["retired"]) == ("20260001", True, [])
    assert "SK031_E_MAIL 8.5: 5 become 6" in more["files"][0]["changes"]
    anew = at_desk.json(f"desk reissue 20260002 --keys keys -o anew.dat {at}")
    assert [each["file"] for each in anew["retired"]] == ["F000001", "F000002"]
    made = at_desk.json(f"desk reproduce F000001 --keys keys {at}")
    assert (made["text"], made["signed_anew"], made["verified"]) == (Path("license.dat").read_text(), True, True)
    assert at_desk.json(f"desk verify --keys keys {at}")["whole"] is True
    assert at_desk.json(f"desk renew 20260003 --maintained-from 2026-01-01 {at}")["maintained_from"] == "2026-01-01"
    assert at_desk.json(f"desk end 20260003 {at}")["retired"] == [{"file": "F000003", "path": "anew.dat"}]
    acts = [row["act"] for row in at_desk.json(f"desk history --order 20260003 {at}")]
    assert (acts[0], acts[-2:]) == ("register", ["end", "retire"])
    rows = at_desk.json(f"desk export whole.json {at}")["rows"]
    assert at_desk.json("desk init --registry copy.db")["state"] == "made"
    assert at_desk.json("desk import whole.json --registry copy.db")["rows"] == rows
    assert at_desk.json("desk import whole.json --registry copy.db")["rows"] == 0
    assert at_desk.json("desk verify --registry copy.db")["head"] == at_desk.json(f"desk verify {at}")["head"]
    at_desk.json(f"desk register order.toml {at}")
    assert at_desk.json(f"desk withdraw 20260004 {at}")["state"] == "withdrawn"


def test_a_changed_registry_is_not_whole(at_desk: Commands) -> None:
    at_desk.good("desk init")
    at_desk.good("desk register order.toml")
    head = at_desk.json("desk verify")["head"]
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    assert "desk.db is whole" in at_desk.good(f"desk verify --keys keys --kept {head}")
    with sqlite3.connect("desk.db") as base:
        base.execute("DROP TRIGGER history_stay")
        base.execute("UPDATE history SET by = 'eve' WHERE row = 1")
    status, out, _ = at_desk.run("desk verify")
    assert (status, "desk.db is NOT whole" in out, "error: " in out) == (1, True, True)
    status, out, _ = at_desk.run("desk verify --json")
    assert (status, json.loads(out)["whole"]) == (1, False)


def test_a_reproduced_file_goes_to_stdout_and_replaces_nothing_unasked(at_desk: Commands) -> None:
    at_desk.good("desk init")
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    status, out, err = at_desk.run("desk reproduce F000001")
    assert (status, out) == (0, Path("license.dat").read_text())
    assert err == "F000001 of order 20260001, as it was issued: its hash is right; --keys or --trust would verify its signatures.\n"
    at_desk.good("desk reproduce F000001 --trust genesys.d.trust -o license.dat")
    Path("other.dat").write_text("something of mine\n")
    assert "not overwritten" in at_desk.bad("desk reproduce F000001 -o other.dat")
    assert Path("other.dat").read_text() == "something of mine\n"
    at_desk.good("desk reproduce F000001 -o other.dat --force")
    assert Path("other.dat").read_bytes() == Path("license.dat").read_bytes()


def test_an_order_that_cannot_be_issued_is_not_registered(at_desk: Commands) -> None:
    at_desk.good("desk init")
    Path("order.toml").write_text(Path("order.toml").read_text().replace("Genesys E-mail", "Genesys E-mial"))
    err = at_desk.bad("desk register order.toml")
    assert "order.toml:" in err
    assert "Genesys E-mial" in err
    assert at_desk.json("desk history") == []
    assert "nowhere.toml: The order cannot be read: No such file or directory." in at_desk.bad("desk register nowhere.toml")
