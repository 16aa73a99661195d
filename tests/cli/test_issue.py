"""`seatkeeper issue`: an order becomes a file that verifies and that a license server serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from seatkeeper.adapters import clock
from seatkeeper.adapters.keys import init_vendor
from seatkeeper.base.dates import format_date
from seatkeeper.cli import license as license_command
from seatkeeper.cli.issue import main
from seatkeeper.cli.order import main as order_main
from seatkeeper.licfile.parser import parse
from support.site import START_S, free_port


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A directory with keys and the template as order.toml, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    init_vendor(tmp_path / "keys", "genesys.d", today=clock.today())
    assert order_main(["template", "--host", "licsrv", "--hostid", "8:0:20:0:5:ac"]) == 0
    (tmp_path / "order.toml").write_text(capsys.readouterr().out)
    return tmp_path


def test_the_template_is_issued_as_it_stands(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Order 20260001 for Pigeon Post Example Ltd, production:"
    assert "SK034_INBOUND_VOICE         8.5        120  Genesys Inbound Voice" in lines
    assert "router_seats                8.0        150" in lines
    assert "4 sellable items and 13 technical licenses. They never expire." in lines
    assert lines[-6:] == [
        "Trust file    genesys.d.trust",
        "Credential    genesys.d.0800200005ac.credential (a private key: only for the license server)",
        "Record        keys/issued.jsonl",
        "",
        "Next: keep these files together on licsrv (host id 0800200005ac) and start there",
        "  lmgrd -c license.dat -l +debug.log",
    ]
    assert license_command.main(["verify", "license.dat"]) == 0
    assert "17 lines verified" in capsys.readouterr().out


def test_json_names_files_and_features(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat", "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert {key: report[key] for key in ("order", "expires", "file", "trust", "credentials", "record", "backup", "warnings")} == {
        "order": "20260001",
        "expires": "permanent",
        "file": "license.dat",
        "trust": "genesys.d.trust",
        "credentials": ["genesys.d.0800200005ac.credential"],
        "record": "keys/issued.jsonl",
        "backup": None,
        "warnings": [],
    }
    assert report["issued"] == format_date(clock.today())
    listed = {(row["feature"], row["version"], row["count"]) for row in report["features"]}
    assert listed == {(line.name, line.version, int(line.count)) for _, line in parse(Path("license.dat").read_text()).file.signable()}
    assert report["features"][0]["product"] == "Genesys CIM Platform - MS"
    assert report["features"][-1]["items"] == ["Genesys CIM Platform - MS", "Genesys Inbound Voice"]


def test_an_existing_file_needs_force_and_is_kept(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("license.dat").write_text("old")
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "license.dat: This file exists and is not overwritten" in err
    status, out, _ = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat", "--force")
    assert status == 0
    assert "Old file      license.dat.bak" in out.splitlines()
    assert Path("license.dat.bak").read_text() == "old"


def test_no_keys_says_how_to_make_them(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "order.toml", "--keys", "elsewhere", "-o", "license.dat")
    assert (status, out) == (1, "")
    assert err.endswith("Make them with `seatkeeper vendor init genesys.d --keys elsewhere`.\n")


def test_a_wrong_order_is_refused_with_all_its_errors_and_nothing_is_written(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("order.toml").read_text().replace("quantity = 120", "quantity = 0").replace("8:0:20:0:5:ac", "192.0.2.7")
    Path("order.toml").write_text(text)
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")
    assert (status, out) == (1, "")
    assert [line.split(":")[:2] for line in err.splitlines()] == [["seatkeeper issue", " order.toml"]] * 2
    assert {path.name for path in desk.iterdir()} == {"keys", "order.toml"}
    assert not (desk / "keys" / "issued.jsonl").exists()


def test_licenses_that_expire_soon_are_warned_of(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    today = clock.today()
    Path("order.toml").write_text(Path("order.toml").read_text().replace('"permanent"', today.isoformat()))
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")
    assert status == 0
    assert f"{format_date(today)} is their last day, today." in out
    assert f"order.expires: The licenses expire today, on {format_date(today)}." in err


def test_a_passphrase_comes_from_the_first_line_of_a_file(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init_vendor(desk / "locked", "genesys.d", today=clock.today(), passphrase=b"open up")
    Path("phrase").write_bytes(b"open up\r\nanything else\n")
    Path("empty").write_bytes(b"\n")
    for phrase, message in (("none", "cannot be read"), ("empty", "holds no passphrase")):
        status, _, err = run(capsys, "order.toml", "--keys", "locked", "-o", "license.dat", "--passphrase-file", phrase)
        assert status == 1
        assert f"--passphrase-file: The file {phrase} {message}" in err
    assert run(capsys, "order.toml", "--keys", "locked", "-o", "license.dat", "--passphrase-file", "phrase")[0] == 0


def test_a_vendors_own_catalog(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = desk / "acme"
    own.mkdir()
    (own / "vendor.toml").write_text(
        'name = "acme"\ntitle = "Acme Example"\ndefault_port = 27000\nseats_max = 10\nversion_rule = "flexnet"\ndaemons = ["acme"]\n'
    )
    (own / "technical.toml").write_text(
        '[[technical]]\nfeature = "anvil"\nversion = "1.0"\ndescription = "Anvils."\nrule = "per_seat"\nquantity = "one"\n'
    )
    (own / "products.toml").write_text('[[products]]\nname = "Anvil"\npart = "AC1"\nlicenses = [{ feature = "anvil", version = "1.0" }]\n')
    init_vendor(desk / "acme-keys", "acme", today=clock.today())
    assert order_main(["template", "--catalog", "acme", "--hostid", "ANY"]) == 0
    Path("order.toml").write_text(capsys.readouterr().out)
    assert run(capsys, "order.toml", "--catalog", "acme", "--keys", "acme-keys", "-o", "acme.lic")[0] == 0
    assert license_command.main(["verify", "acme.lic"]) == 0
    assert "DAEMON acme\n" in Path("acme.lic").read_text()


def servers(*rows: tuple[str, str, str]) -> str:
    """The order of the template for these license servers: host, last digits of the host id, further lines."""
    head, _, _ = Path("order.toml").read_text().partition("\n[[servers]]\n")
    return head + "".join(f'\n[[servers]]\nhost = "{host}"\nhostid = "0800200005{last}"\n{more}\n' for host, last, more in rows)


TRIAD = (("north", "a1", ""), ("middle", "a2", ""), ("south", "a3", ""))
SPLIT = (("north", "a1", "share = 30"), ("south", "a2", "share = 20\nport = 7270"))


def features_of(path: Path) -> dict[str, int]:
    return {line.name: int(line.count) for _, line in parse(path.read_text()).file.signable()}


def test_three_redundant_servers_have_one_file(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("triad.toml").write_text(servers(*TRIAD))
    status, out, err = run(capsys, "triad.toml", "--keys", "keys", "-o", "license.dat")
    assert (status, err) == (0, "")
    assert (
        out.splitlines()[-6:]
        == [
            "Next: bring the license file and the trust file to each of the three machines, and to each its own credential only",
            "  north (host id 0800200005a1)  genesys.d.0800200005a1.credential",
            "  middle (host id 0800200005a2)  genesys.d.0800200005a2.credential",
            "  south (host id 0800200005a3)  genesys.d.0800200005a3.credential",
            "and start on each",
            "  lmgrd -c license.dat -l +debug.log",
        ][-7:]
    )
    text = Path("license.dat").read_text()
    assert [line.split()[1] for line in text.splitlines() if line.startswith("SERVER")] == ["north", "middle", "south"]
    assert "# Three redundant license servers: seats are given while two of the three run" in text
    assert license_command.main(["verify", "license.dat"]) == 0
    assert all(Path(f"genesys.d.0800200005{last}.credential").is_file() for _, last, _ in TRIAD)


def test_redundant_servers_in_json(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("triad.toml").write_text(servers(*TRIAD))
    status, out, _ = run(capsys, "triad.toml", "--keys", "keys", "-o", "license.dat", "--json")
    report = json.loads(out)
    assert (status, report["file"], len(report["files"]), report["files"][0]["file"]) == (0, "license.dat", 1, "license.dat")
    assert [server["hostid"] for server in report["servers"]] == ["0800200005a1", "0800200005a2", "0800200005a3"]
    assert len(report["credentials"]) == 3


def test_independent_servers_have_a_directory_each(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("split.toml").write_text(servers(*SPLIT))
    status, out, err = run(capsys, "split.toml", "--keys", "keys", "-o", "out")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Order 20260001 for Pigeon Post Example Ltd, production, for 2 license servers:"
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("router_seats", "SK034", "lds"))}
    assert rows == {"SK034_INBOUND_VOICE": ["72", "48"], "router_seats": ["90", "60"], "lds": ["1", "0"]}
    assert "Divided by shares 30:20 as ordered." in lines
    assert "  Credential    out/south/genesys.d.0800200005a2.credential (a private key: only for south)" in lines
    assert lines[-3:] == [
        "Next: bring each directory, with all that is in it, to its own server and to no other, and start there",
        "  lmgrd -c license.dat -l +debug.log",
        "Applications ask one server after the other (on Windows with ; between them): LM_LICENSE_FILE=7260@north:7270@south",
    ]
    north, south = (Path("out", name, "license.dat") for name in ("north", "south"))
    for path in (north, south):
        assert license_command.main(["verify", str(path)]) == 0
        assert sorted(each.suffix for each in path.parent.iterdir()) == [".credential", ".dat", ".trust"]
    both = [features_of(path) for path in (north, south)]
    assert {name: sum(one.get(name, 0) for one in both) for name in both[0] | both[1]} == whole(desk, capsys)


def whole(desk: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """What the template's order has altogether."""
    assert run(capsys, "order.toml", "--keys", "keys", "-o", "whole.dat")[0] == 0
    return features_of(Path("whole.dat"))


def test_independent_servers_in_json(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("split.toml").write_text(servers(*SPLIT))
    status, out, _ = run(capsys, "split.toml", "--keys", "keys", "-o", "out", "--json")
    report = json.loads(out)
    assert status == 0
    assert report.keys() == {"order", "issued", "expires", "files", "unchanged", "warnings"}
    assert [(each["file"], each["servers"][0]["port"]) for each in report["files"]] == [
        ("out/north/license.dat", 7260),
        ("out/south/license.dat", 7270),
    ]
    assert report["files"][1]["left_out"][:2] == ["CLDistributed", "ha_redundancy"]


def test_many_servers_are_told_in_a_row_each(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("split.toml").write_text(servers(*[(f"host{at}", f"{at:02x}", "share = 1") for at in range(7)]))
    status, out, _ = run(capsys, "split.toml", "--keys", "keys", "-o", "out")
    assert status == 0
    head, ruler, first, *_ = out.splitlines()[2:]
    assert head.split() == ["Server", "Features", "Not", "there", "License", "file"]
    assert set(ruler) == {"-", " "}
    assert first.split()[0] == "host0"
    assert first.split()[3] == "out/host0/license.dat"
    assert "Beside each whole file lie the trust file and the server's credential" in out
    assert "Credential " not in out
    assert "Divided by shares 1:1:1:1:1:1:1 as ordered." in out
    Path("more.toml").write_text(Path("split.toml").read_text().replace("quantity = 120", "quantity = 161"))
    status, out, _ = run(capsys, "more.toml", "--keys", "keys", "-o", "new", "--delta-to", "out")
    assert status == 0
    assert out.count("  Changes in the old file:\n    SK034_INBOUND_VOICE 8.5: ") == 7


def test_a_delta_has_what_is_new_and_says_what_changes(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")[0] == 0
    Path("more.toml").write_text(Path("order.toml").read_text().replace("quantity = 120", "quantity = 160").replace("20260001", "20260002"))
    status, out, err = run(capsys, "more.toml", "--keys", "keys", "-o", "delta.dat", "--delta-to", "license.dat")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    at = lines.index("Changes in the old file:")
    assert lines[at + 1 : at + 4] == ["  SK034_INBOUND_VOICE 8.5: 120 become 160", "  tserver_sdn 8.0: 120 become 160", ""]
    assert not any(line.startswith("Credential") for line in lines)
    assert lines[-3:] == [
        "  seatkeeper license merge OLD delta.dat",
        "  seatkeeper license merge OLD delta.dat --apply",
        "  lmreread",
    ]
    delta = features_of(Path("delta.dat"))
    assert delta == {"SK034_INBOUND_VOICE": 160, "tserver_sdn": 160}
    assert license_command.main(["merge", "license.dat", "delta.dat", "--apply"]) == 0
    assert features_of(Path("license.dat")) | delta == features_of(Path("license.dat"))
    capsys.readouterr()
    status, out, err = run(capsys, "more.toml", "--keys", "keys", "-o", "again.dat", "--delta-to", "license.dat")
    assert (status, out) == (1, "")
    assert "The license file has all that the order asks for, so there is nothing to sign." in err


def test_a_delta_in_json(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")[0] == 0
    Path("more.toml").write_text(Path("order.toml").read_text().replace("quantity = 120", "quantity = 160"))
    status, out, _ = run(capsys, "more.toml", "--keys", "keys", "-o", "delta.dat", "--delta-to", "license.dat", "--json")
    report = json.loads(out)
    assert (status, report["delta"], report["credentials"], report["file"]) == (0, True, [], "delta.dat")
    assert "SK034_INBOUND_VOICE 8.5: 120 become 160" in report["changes"]
    assert {row["feature"]: row["count"] for row in report["features"]} == features_of(Path("delta.dat"))


def test_a_delta_for_several_servers_and_a_new_one(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("split.toml").write_text(servers(*SPLIT))
    assert run(capsys, "split.toml", "--keys", "keys", "-o", "out")[0] == 0
    text = servers(*SPLIT, ("west", "a3", "share = 10")).replace("quantity = 120", "quantity = 180")
    Path("more.toml").write_text(text)
    status, out, err = run(capsys, "more.toml", "--keys", "keys", "-o", "new", "--delta-to", "out")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert {str(path) for path in Path("new").glob("*/*.dat")} == {"new/north/delta.dat", "new/south/delta.dat", "new/west/license.dat"}
    assert "  Changes in the old file:" in lines
    # Who gets a whole file starts a server with it, who gets a delta puts it into the file that is there.
    at = lines.index(
        "Next: bring each directory that has a license.dat, with all that is in it, to its own server and to no other, and start there"
    )
    assert lines[at + 1] == "  lmgrd -c license.dat -l +debug.log"
    assert lines[at + 2].startswith("Next: bring each delta.dat, which is only what changes, to its own server")
    assert lines[at + 4 : at + 7] == [
        "  seatkeeper license merge OLD delta.dat",
        "  seatkeeper license merge OLD delta.dat --apply",
        "  lmreread",
    ]


@pytest.mark.parametrize(("rows", "files"), [(TRIAD, 1), (SPLIT, 2), (TRIAD[:1], 1)])
def test_a_dry_run_needs_no_keys_and_writes_nothing(
    desk: Path, capsys: pytest.CaptureFixture[str], rows: tuple[tuple[str, str, str], ...], files: int
) -> None:
    Path("order.toml").write_text(servers(*rows))
    before = sorted(desk.rglob("*"))
    status, out, err = run(capsys, "order.toml", "--dry-run")
    assert (status, err) == (0, "")
    assert sum(line.startswith("==> ") and line.endswith(", not signed <==") for line in out.splitlines()) == files
    assert out.splitlines()[-1] == "Nothing was signed or written."
    assert "SIGN=" not in out
    status, out, _ = run(capsys, "order.toml", "--dry-run", "--json")
    report = json.loads(out)
    assert status == 0
    assert [len(each["servers"]) for each in report["files"]] == [len(rows) // files] * files
    assert all("FEATURE router_seats genesys.d" in each["unsigned"] for each in report["files"])
    assert sorted(desk.rglob("*")) == before


def test_a_dry_run_of_a_delta_needs_the_trust_file(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")[0] == 0
    Path("more.toml").write_text(Path("order.toml").read_text().replace("quantity = 120", "quantity = 160"))
    assert run(capsys, "more.toml", "--dry-run", "--delta-to", "license.dat")[0] == 2
    status, out, _ = run(capsys, "more.toml", "--dry-run", "--delta-to", "license.dat", "--keys", "keys", "--json")
    report = json.loads(out)
    assert (status, report["files"][0]["delta"]) == (0, True)
    assert "SK034_INBOUND_VOICE 8.5: 120 become 160" in report["files"][0]["changes"]


def test_keys_whose_trust_file_is_no_good_sign_nothing(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "keys" / "root.pub").write_text("00" * 32)
    status, out, err = run(capsys, "order.toml", "--keys", "keys", "-o", "license.dat")
    assert (status, out, err.count("\n")) == (119, "", 1)  # -137: the trust file is not to be trusted.
    assert not (desk / "keys" / "issued.jsonl").exists()
    assert not Path("license.dat").exists()


@pytest.mark.parametrize("arguments", [(), ("order.toml",), ("order.toml", "--keys", "keys"), ("order.toml", "--nonsense")])
def test_a_wrong_command_line_ends_with_2(desk: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert run(capsys, *arguments)[0] == 2


def command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a program of ours as a process that nobody answers."""
    module, *rest = arguments
    return subprocess.run(
        [sys.executable, "-m", f"seatkeeper.cli.{module}", *rest],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.processes
def test_from_nothing_to_a_license_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("main", "vendor", "init", "genesys.d", "--keys", "keys").returncode == 0
    port = free_port()
    template = command("main", "order", "template", "--host", "localhost").stdout
    Path("order.toml").write_text(template.replace("port = 7260", f"port = {port}"))
    issued = command("main", "issue", "order.toml", "--keys", "keys", "-o", "license.dat")
    assert (issued.returncode, issued.stderr) == (0, "")
    assert command("main", "license", "verify", "license.dat").returncode == 0
    assert command("main", "license", "lint", "license.dat", "--strict").returncode == 0
    server = subprocess.Popen(
        [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", "license.dat", "-l", "+debug.log"], stdin=subprocess.DEVNULL
    )
    try:
        deadline = clock.monotonic() + START_S
        while "router_seats" not in (shown := command("lmutil", "lmstat", "-a", "-c", f"{port}@localhost").stdout):
            assert clock.monotonic() < deadline, shown + Path("debug.log").read_text()
        assert "Users of router_seats:  (Total of 150 licenses issued;  Total of 0 licenses in use)" in shown
        assert "Users of SK034_INBOUND_VOICE:  (Total of 120 licenses issued;  Total of 0 licenses in use)" in shown
    finally:
        server.terminate()
        assert server.wait(30) == 0, os.fspath(tmp_path)


@pytest.mark.processes
def test_the_manuals_example_runs(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "issue.md").read_text()
    example = manual.partition("```sh\n")[2].partition("```")[0]
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euc", example],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "17 lines verified" in done.stdout


@pytest.mark.processes
def test_an_independent_servers_file_serves_its_part(desk: Path) -> None:
    from seatkeeper.adapters.catalogs import load_catalog
    from seatkeeper.adapters.host import default_hostid
    from seatkeeper.issue.issuer import issue_order
    from seatkeeper.issue.model import OrderServer
    from seatkeeper.issue.order import read_order

    catalog, port = load_catalog(), free_port()
    order, _ = read_order(Path("order.toml"), catalog, clock.today())
    terms = msgspec.structs.replace(order.terms, configuration="independent")
    servers = (OrderServer("localhost", default_hostid(), port, share=2), OrderServer("elsewhere", "0800200005ac", 7260, share=1))
    split = msgspec.structs.replace(order, terms=terms, servers=servers)
    issue_order(split, catalog, Path("keys"), Path("out"), clock.today())
    server = subprocess.Popen(
        [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", "out/localhost/license.dat", "-l", "+debug.log"],
        stdin=subprocess.DEVNULL,
    )
    try:
        deadline = clock.monotonic() + START_S
        while "router_seats" not in (shown := command("lmutil", "lmstat", "-a", "-c", f"{port}@localhost").stdout):
            assert clock.monotonic() < deadline, shown + Path("debug.log").read_text()
        assert "Users of router_seats:  (Total of 100 licenses issued;  Total of 0 licenses in use)" in shown
        assert "Users of SK034_INBOUND_VOICE:  (Total of 80 licenses issued;  Total of 0 licenses in use)" in shown
    finally:
        server.terminate()
        assert server.wait(30) == 0
