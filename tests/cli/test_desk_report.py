"""What was done is said with the files that there are, and each kind of file with what to do with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.adapters.keys import rotate
from support.desk_commands import TODAY, Commands, order_text

ONE = "Next: bring the files to the license server and start it there"
DELTA = "Next: put it together with the license server's own file, LICENSE, look at what comes of it, and let the server read it"
SERVERS = '[[servers]]\nhost = "a"\nhostid = "0800200005a1"\nshare = 3\n[[servers]]\nhost = "b"\nhostid = "0800200005a2"\nshare = 2\n'


@pytest.fixture
def at_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path, monkeypatch, capsys)
    made.good("desk init")
    return made


def test_a_delta_that_is_put_out_again_is_still_a_delta(at_desk: Commands) -> None:
    at_desk.good("desk register order.toml")
    assert ONE in at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    first = at_desk.good("desk add 20260001 --item 'Genesys E-mail=1' --keys keys -o more.dat --delta")
    again = at_desk.good("desk issue 20260002 --keys keys -o again.dat --again")
    for out in (first, again):
        assert DELTA in out
        assert "Credential" not in out
    assert "as it was issued" in again
    assert Path("again.dat").read_bytes() == Path("more.dat").read_bytes()


def test_each_independent_server_has_its_file(at_desk: Commands) -> None:
    Path("order.toml").write_text(order_text({"Genesys Inbound Voice": 20, "Genesys E-mail": 10}, servers=SERVERS))
    at_desk.good("desk register order.toml")
    out = at_desk.good("desk issue 20260001 --keys keys -o out")
    assert "License file  out/a/license.dat (F000001, for a)" in out
    assert "License file  out/b/license.dat (F000002, for b)" in out
    assert "Next: bring each directory to its own license server, and start it there" in out
    more = at_desk.good("desk add 20260001 --item 'Genesys E-mail=5' --keys keys -o more --delta")
    assert "each license server's own file, LICENSE" in more
    assert "ics_multi_media_agent_seat 8.0: 6 become 9" in more


def test_many_changes_are_counted(at_desk: Commands) -> None:
    kinds = ("Chat", "E-mail", "Fax", "SMS", "Work Items")
    names = [f"3rd Party {kind}" for kind in kinds] + ["Genesys Inbound Voice", "Genesys E-mail", "Genesys CIM Platform - MS"]
    names += ["Advanced Agent Connector", "Call Qualification Parking", "Content Analyzer", "Conversation Manager"]
    Path("order.toml").write_text(order_text(dict.fromkeys(names, 10), expires="2026-06-30"))
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    out = at_desk.good("desk renew 20260001 --until 2026-09-30 --keys keys -o more.dat --delta")
    changes = Path("more.dat").read_text().count("\nFEATURE ")
    assert changes > 20
    assert out.count("until 30-jun-2026 becomes until 30-sep-2026") == 20
    assert f"              and {changes - 20} changes more\n" in out


def test_a_retired_file_is_named_once_with_its_place(at_desk: Commands) -> None:
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    rotate(Path("keys"), today=TODAY)
    out = at_desk.good("desk reissue 20260001 --keys keys -o license.dat --force")
    assert out.count("Retired       F000001, which was put out as license.dat") == 1
    assert "Items, versions and quantities stay as they are." in out
    assert "Old file      license.dat.bak" in out
