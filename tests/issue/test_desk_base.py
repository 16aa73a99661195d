"""The base of a delta is what the license server has: the last complete file and every delta that was issued since."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatkeeper.adapters.keys import load_trust
from seatkeeper.adapters.registry import Registry
from seatkeeper.base.errors import InputError
from seatkeeper.issue.desk_base import files_in_force, lay_out
from seatkeeper.issue.existing import read_existing
from support.desk_commands import TODAY, Commands, order_text


@pytest.fixture
def at_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path, monkeypatch, capsys)
    made.good("desk init")
    return made


def seats(directory: Path) -> dict[str, dict[str, str]]:
    """Host id -> feature -> seats, of the files that were laid out."""
    trust = load_trust(Path("keys"))[1]
    return {
        " ".join(parsed.file.hostids): {line.name: line.count for _, line in parsed.file.signable()}
        for parsed in read_existing(directory, trust)
    }


def test_deltas_are_merged_into_the_complete_file(at_desk: Commands, tmp_path: Path) -> None:
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o license.dat")
    at_desk.good("desk add 20260001 --item 'Genesys Inbound Voice=20' --keys keys -o one.dat --delta")
    at_desk.good("desk add 20260002 --item 'Genesys E-mail=2' --keys keys -o two.dat --delta")
    at_desk.good("desk add 20260003 --item 'Genesys Inbound Voice=1'")
    base = tmp_path / "base"
    base.mkdir()
    with Registry("desk.db") as registry, registry.read() as view:
        assert [file.number for file in files_in_force(view, "20260004")] == ["F000001", "F000002", "F000003"]
        lay_out(view, "20260004", base, TODAY)
        with pytest.raises(InputError, match=r"no license file that this order could add to.*without --delta"):
            lay_out(view, "20260001", base, TODAY)
    (found,) = seats(base).values()
    assert (found["tserver_sdn"], found["ics_multi_media_agent_seat"]) == ("40", "7")
    # A complete file makes the deltas before it meaningless.
    at_desk.good("desk issue 20260004 --keys keys -o whole.dat")
    with Registry("desk.db") as registry, registry.read() as view:
        assert [file.number for file in files_in_force(view, "20260004")] == ["F000004"]


def test_independent_servers_have_a_base_each(at_desk: Commands, tmp_path: Path) -> None:
    servers = '[[servers]]\nhost = "a"\nhostid = "0800200005a1"\nshare = 3\n[[servers]]\nhost = "b"\nhostid = "0800200005a2"\nshare = 2\n'
    Path("order.toml").write_text(order_text({"Genesys Inbound Voice": 20, "Genesys E-mail": 10}, servers=servers))
    at_desk.good("desk register order.toml")
    at_desk.good("desk issue 20260001 --keys keys -o out")
    report = at_desk.json("desk add 20260001 --item 'Genesys E-mail=5' --keys keys -o more --delta")
    assert sorted(file["path"] for file in report["files"]) == ["more/a/delta.dat", "more/b/delta.dat"]
    at_desk.good("desk add 20260002 --item 'Genesys E-mail=5'")
    base = tmp_path / "base"
    base.mkdir()
    with Registry("desk.db") as registry, registry.read() as view:
        lay_out(view, "20260003", base, TODAY)
    found = {host: each["ics_multi_media_agent_seat"] for host, each in seats(base).items()}
    assert found == {"0800200005a1": "9", "0800200005a2": "6"}
