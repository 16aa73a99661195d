"""What is issued verifies, was recorded before it was signed, and appears whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.keys import find_credential, init_vendor, read_trust, revoke, rotate
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue import issuer, record
from seatkeeper.issue.issuer import Permit, examine, issue_file, issue_order, sign
from seatkeeper.issue.model import Order, OrderServer
from seatkeeper.issue.plan import plan_file
from seatkeeper.issue.record import RECORD_NAME, Record, digest_of
from seatkeeper.licfile.model import Feature, LicenseFile
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.writer import write

GOLDEN = Path(__file__).parent / "golden" / "issued.dat"
ORDER_FILE = Path(__file__).parent / "order.toml"


def records(keys: Path) -> list[Record]:
    path = keys / RECORD_NAME
    return [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()] if path.exists() else []


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


def check(path: Path) -> LicenseFile:
    """The file at `path`, in which every line verifies against the trust file beside it."""
    text = path.read_text()
    parsed = parse(text)
    assert not parsed.problems
    assert write(parsed.file) == text
    verdicts = verify_lines(parsed.file, read_trust(path.parent / "genesys.d.trust"))
    assert verdicts
    assert [verdict.sentence for verdict in verdicts if not verdict.ok] == []
    names = [line.name.lower() for _, line in parsed.file.signable()]
    assert len(set(names)) == len(names)
    return parsed.file


def test_the_issued_file_is_the_golden_one(order: Order, catalog: Catalog, fixed_keys: Path, today: date) -> None:
    text = issue_file(order, catalog, fixed_keys, today).text
    if os.environ.get("SEATKEEPER_REWRITE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_everything_that_a_server_needs_lies_beside_the_file(
    order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path
) -> None:
    (issued,) = issue_order(order, catalog, keys, tmp_path / "license.dat", today).files
    check(issued.path)
    assert issued.trust.read_bytes() == (keys / "genesys.d.trust").read_bytes()
    credential = find_credential(tmp_path, "genesys.d", ["0800200005AC"])
    assert credential is not None
    assert (credential.path,) == issued.credentials
    assert stat.S_IMODE(credential.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(issued.path.stat().st_mode) == 0o644
    assert {path.name for path in tmp_path.iterdir()} == {"keys", "license.dat", issued.trust.name, credential.path.name}


def test_the_record_holds_what_is_signed_before_it_is_signed(
    order: Order, catalog: Catalog, keys: Path, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Record] = []
    monkeypatch.setattr(issuer, "sign", lambda permit, key: (seen.extend(records(keys)), sign(permit, key))[1])
    signed = issue_file(order, catalog, keys, today, destination="license.dat")
    (record,) = seen
    unsigned = write(plan_file(order, catalog, today).file)
    assert record == Record(
        order="20260042",
        site="1111",
        company="Pigeon Post Example Ltd",
        purpose="production",
        issued="14-mar-2026",
        expires="permanent",
        vendor="genesys.d",
        hostids=("0800200005ac",),
        issuer=signed.issuer,
        file="license.dat",
        sha256=digest_of(unsigned),
        unsigned=unsigned,
    )


def test_a_recorded_file_can_be_made_again(order: Order, catalog: Catalog, keys: Path, today: date) -> None:
    from seatkeeper.adapters.keys import load_issuer

    signed = issue_file(order, catalog, keys, today)
    again = sign(examine(parse(records(keys)[0].unsigned).file, today), load_issuer(keys, today=today))
    assert write(again) == signed.text


def test_a_permit_is_good_once(order: Order, catalog: Catalog, keys: Path, today: date) -> None:
    permit = examine(plan_file(order, catalog, today).file, today)
    assert isinstance(permit, Permit)
    permit.redeem()
    with pytest.raises(SeatkeeperError, match="used already"):
        permit.redeem()


@pytest.mark.parametrize(
    "line",
    [
        Feature("f1", "other.d", "8.0", "permanent", "5", attributes=(("ISSUED", "14-mar-2026"),)),
        Feature("f1", "genesys.d", "8.0", "permanent", "uncounted", attributes=(("ISSUED", "14-mar-2026"),)),
        Feature("f1", "genesys.d", "eight", "permanent", "5"),
        Feature("f1", "genesys.d", "8.0", "31-feb-2027", "5"),
        Feature("f1", "genesys.d", "8.0", "permanent", "5", attributes=(("NOTICE", 'a"b'),)),
    ],
)
def test_what_the_linter_refuses_gets_no_permit(order: Order, catalog: Catalog, today: date, line: Feature) -> None:
    file = plan_file(order, catalog, today).file
    with pytest.raises(SeatkeeperError, match=r"Nothing was signed\."):
        examine(LicenseFile((*file.lines[:3], line)), today)


def test_what_would_be_read_otherwise_gets_no_permit(order: Order, catalog: Catalog, today: date) -> None:
    file = plan_file(order, catalog, today).file
    odd = msgspec.structs.replace(file.lines[3], attributes=(("NOTICE", "a  b \n c"), ("ISSUED", "14-mar-2026")))
    with pytest.raises(SeatkeeperError, match=r"Nothing was signed\."):
        examine(LicenseFile((*file.lines[:3], odd)), today)


def test_every_product_can_be_issued_alone(order: Order, catalog: Catalog, fixed_keys: Path, today: date) -> None:
    for number, product in enumerate(catalog.products):
        version = ("7.0", "7.6", "8.0", "8.5", "9.0")[number % 5]
        alone = msgspec.structs.replace(order, items=(Item(product.name, version, 7),), licenses=())
        file = issue_file(alone, catalog, fixed_keys, today).file
        lines = {line.name.lower(): line for _, line in file.signable()}
        assert lines.pop(product.part.lower()).version == version
        assert lines.keys() == {row.feature.lower() for row in product.required}
        for row in product.required:
            assert lines[row.feature.lower()].version == row.version
            assert int(lines[row.feature.lower()].count) >= 1


_PRODUCTS = st.integers(0, 92)
_ASKED = ("vcb_full", "CConCopies", "gim_etl_voice", "router_seats", "tserver_iscc", "ROUTER_SEATS")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(
        st.tuples(_PRODUCTS, st.sampled_from(["7.2", "8.0", "8.5", "9.0", "10.1"]), st.integers(1, 999_999)), min_size=1, max_size=12
    ),
    asked=st.lists(st.tuples(st.sampled_from(_ASKED), st.integers(1, 999_999)), max_size=4),
    environment=st.builds(
        Environment,
        deployment=st.sampled_from(["separate", "blended"]),
        sites=st.integers(0, 999_999),
        redundant_pairs=st.integers(0, 99),
        technical_dns=st.none() | st.integers(0, 999_999),
    ),
    days=st.none() | st.integers(0, 4000),
    hostid=st.sampled_from(["0800200005ac", "778da450", "DISK_SERIAL_NUM=1ca25283", "HOSTNAME=licsrv", "ANY", "INTERNET=192.0.2.*"]),
)
def test_any_order_gives_a_file_that_verifies_and_repeats_no_feature(
    order: Order,
    catalog: Catalog,
    fixed_keys: Path,
    today: date,
    items: list[tuple[int, str, int]],
    asked: list[tuple[str, int]],
    environment: Environment,
    days: int | None,
    hostid: str,
) -> None:
    terms = order.terms if days is None else msgspec.structs.replace(order.terms, expires=today + timedelta(days=days))
    drawn = Order(
        terms=terms,
        items=tuple(Item(catalog.products[number].name, version, quantity) for number, version, quantity in items),
        licenses=tuple(ExtraLicense(feature, quantity) for feature, quantity in asked),
        environment=environment,
        servers=(OrderServer("licsrv", hostid, 7260),),
    )
    signed = issue_file(drawn, catalog, fixed_keys, today)
    (fixed_keys / "check.dat").write_text(signed.text)
    file = check(fixed_keys / "check.dat")
    assert file == signed.file
    parts = {catalog.products[number].part: 0 for number, _, _ in items}
    for number, _, quantity in items:
        parts[catalog.products[number].part] += quantity
    issued = {line.name: int(line.count) for _, line in file.signable() if isinstance(line, Feature)}
    assert {name: count for name, count in issued.items() if name.startswith("SK")} == parts
    needed = {row.feature.lower() for number, _, _ in items for row in catalog.products[number].required} | {f.lower() for f, _ in asked}
    assert {name.lower() for name in issued if not name.startswith("SK")} == needed


def test_a_directory_without_keys_says_how_to_make_them(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=rf"seatkeeper vendor init genesys\.d --keys {directory}"):
            issue_order(order, catalog, directory, tmp_path / "license.dat", today)


def test_another_vendors_keys_are_refused(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    init_vendor(tmp_path / "acme", "acme", today=today)
    with pytest.raises(InputError, match="another vendor's keys"):
        issue_order(order, catalog, tmp_path / "acme", tmp_path / "license.dat", today)


def test_a_revoked_issuer_signs_nothing(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    revoke(keys, read_trust(keys / "genesys.d.trust").issuers[0].id, on=today, today=today)
    with pytest.raises(InputError, match="no issuer key that may sign today"):
        issue_order(order, catalog, keys, tmp_path / "license.dat", today)
    assert not records(keys)
    assert {path.name for path in tmp_path.iterdir()} == {"keys"}


def test_a_file_that_is_there_is_not_touched_without_force(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    (tmp_path / "license.dat").write_text("somebody's")
    with pytest.raises(InputError, match=r"exists and is not overwritten.*license\.dat\.bak"):
        issue_order(order, catalog, keys, tmp_path / "license.dat", today)
    assert snapshot(tmp_path) == {"license.dat": b"somebody's"}
    assert not records(keys)


def test_force_keeps_the_old_file(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    (tmp_path / "license.dat").write_text("somebody's")
    (issued,) = issue_order(order, catalog, keys, tmp_path / "license.dat", today, force=True).files
    check(issued.path)
    assert issued.backup == tmp_path / "license.dat.bak"
    assert issued.backup.read_text() == "somebody's"


@pytest.mark.parametrize("output", ["none/license.dat", "keys"])
def test_a_place_that_is_none_is_refused(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path, output: str) -> None:
    with pytest.raises(InputError, match=r"There is no such directory|This is a directory"):
        issue_order(order, catalog, keys, tmp_path / output, today)
    assert not records(keys)


def boom(*_: Any, **__: Any) -> None:
    raise InputError("The disk broke.")


@pytest.mark.parametrize(
    ("target", "name", "recorded"),
    [
        (issuer, "issue_credential", False),
        (issuer, "write_file", False),
        (issuer, "lint", False),
        (record, "append_record", False),
        (issuer, "sign_line", True),
        (issuer, "verify_lines", True),
        (issuer.Placing, "commit", True),
        (issuer.Placing, "_sync", True),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_step_that_fails_leaves_everything_as_it_was(
    order: Order,
    catalog: Catalog,
    keys: Path,
    today: date,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Any,
    name: str,
    recorded: bool,
    force: bool,
) -> None:
    if force:
        issue_order(order, catalog, keys, tmp_path / "license.dat", today)
    before, held = snapshot(tmp_path), len(records(keys))
    monkeypatch.setattr(target, name, boom)
    with pytest.raises(InputError, match="The disk broke"):
        issue_order(order, catalog, keys, tmp_path / "license.dat", today, force=force)
    assert snapshot(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"keys", *before}
    assert len(records(keys)) - held == recorded


def test_a_signature_that_does_not_verify_is_not_put_out(
    order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(permit: Permit, key: Any) -> LicenseFile:
        file = sign(permit, key)
        bad = msgspec.structs.replace(file.lines[4], count="999")
        return LicenseFile((*file.lines[:4], bad, *file.lines[5:]))

    monkeypatch.setattr(issuer, "sign", spoilt)
    with pytest.raises(SeatkeeperError, match=r"does not stand the test: .*was changed after signing"):
        issue_order(order, catalog, keys, tmp_path / "license.dat", today)
    assert snapshot(tmp_path) == {}


def test_a_trust_file_of_another_root_is_not_replaced(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    init_vendor(tmp_path / "other", "genesys.d", today=today)
    other = (tmp_path / "other" / "genesys.d.trust").read_bytes()
    (tmp_path / "genesys.d.trust").write_bytes(other)
    with pytest.raises(InputError, match="of another root"):
        issue_order(order, catalog, keys, tmp_path / "license.dat", today)
    assert snapshot(tmp_path) == {"genesys.d.trust": other}
    check(issue_order(order, catalog, keys, tmp_path / "license.dat", today, force=True).files[0].path)


def test_a_newer_trust_file_stays(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    old = (keys / "genesys.d.trust").read_bytes()
    rotate(keys, today=today)
    newer = (keys / "genesys.d.trust").read_bytes()
    (tmp_path / "genesys.d.trust").write_bytes(newer)
    (keys / "genesys.d.trust").write_bytes(old)
    check(issue_order(order, catalog, keys, tmp_path / "license.dat", today).files[0].path)
    assert (tmp_path / "genesys.d.trust").read_bytes() == newer


def test_an_older_trust_file_is_replaced(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    issue_order(order, catalog, keys, tmp_path / "first.dat", today)
    rotate(keys, today=today)
    issue_order(order, catalog, keys, tmp_path / "second.dat", today)
    # The first file stays good: rotation never forces a new one.
    check(tmp_path / "first.dat")
    check(tmp_path / "second.dat")


def test_a_passphrase_opens_the_keys(order: Order, catalog: Catalog, today: date, tmp_path: Path) -> None:
    init_vendor(tmp_path / "locked", "genesys.d", today=today, passphrase=b"open up")
    with pytest.raises(InputError, match="passphrase"):
        issue_order(order, catalog, tmp_path / "locked", tmp_path / "license.dat", today)
    assert snapshot(tmp_path) == {}
    check(issue_order(order, catalog, tmp_path / "locked", tmp_path / "license.dat", today, passphrase=b"open up").files[0].path)


def test_what_the_administrator_may_change_leaves_the_file_good(
    order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path
) -> None:
    path = issue_order(order, catalog, keys, tmp_path / "license.dat", today).files[0].path
    text = path.read_text().replace("SERVER licsrv 0800200005ac 7260", "SERVER other 0800200005ac 27000")
    text = text.replace('"/opt/example dir/genesys.d" port=7261', "/usr/sbin/genesys.d").replace("v8.5 - ", "")
    trust = read_trust(tmp_path / "genesys.d.trust")
    assert all(verdict.ok for verdict in verify_lines(parse(text).file, trust))
    assert not any(verdict.ok for verdict in verify_lines(parse(text.replace("0800200005ac", "0800200005ad")).file, trust))


def three(order: Order, configuration: str) -> Order:
    """The order for three servers."""
    terms = msgspec.structs.replace(order.terms, configuration=configuration)
    others = (OrderServer("2001:db8::7", "0800200005ad", 7260, daemon_port=7262), OrderServer("licsrv-c", "0800200005ae", 7260))
    return msgspec.structs.replace(order, terms=terms, servers=(*order.servers, *others))


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_three_redundant_servers_share_a_file(order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path) -> None:
    (issued,) = issue_order(three(order, "redundant"), catalog, keys, tmp_path / "license.dat", today).files
    file = check(issued.path)
    assert file.hostids == ("0800200005ac", "0800200005ad", "0800200005ae")
    assert [server.host for server in file.servers] == ["licsrv", "2001:db8::7", "licsrv-c"]
    assert len(issued.credentials) == 3
    for hostid, path in zip(file.hostids, issued.credentials, strict=True):
        credential = find_credential(tmp_path, "genesys.d", [hostid])
        assert credential is not None
        assert credential.path == path
    text = issued.path.read_text()
    assert "while two of the three run" in text
    assert "3 of 3" in text


def test_independent_servers_have_a_directory_each_with_their_own_key_only(
    order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    issued = issue_order(
        three(order, "independent"), catalog, keys, tmp_path / "out", today, progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert set(tree(tmp_path / "out")) == {
        f"{host}/{name}"
        for host, hostid in (("licsrv", "0800200005ac"), ("2001-db8--7", "0800200005ad"), ("licsrv-c", "0800200005ae"))
        for name in ("license.dat", "genesys.d.trust", f"genesys.d.{hostid}.credential")
    }
    files = [check(one.path) for one in issued.files]
    assert [file.hostids for file in files] == [("0800200005ac",), ("0800200005ad",), ("0800200005ae",)]
    assert [file.vendors[0].port for file in files] == [7261, 7262, 0]
    whole = plan_file(order, catalog, today)
    for line in whole.lines:
        assert sum(planned.count for one in issued.files for planned in one.signed.plan.lines if planned.name == line.name) == line.count
    assert [one.file for one in records(keys)] == [str(one.path) for one in issued.files]
    assert {path.name for path in tmp_path.iterdir()} == {"keys", "out"}


def test_independent_files_that_are_there_are_kept_or_not_touched(
    order: Order, catalog: Catalog, keys: Path, today: date, tmp_path: Path
) -> None:
    split = three(order, "independent")
    issue_order(split, catalog, keys, tmp_path / "out", today)
    more = msgspec.structs.replace(split, licenses=(ExtraLicense("vcb_full", 9),))
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"license\.dat: This file exists and is not overwritten"):
        issue_order(more, catalog, keys, tmp_path / "out", today)
    assert tree(tmp_path) == before
    issued = issue_order(more, catalog, keys, tmp_path / "out", today, force=True)
    for one in issued.files:
        check(one.path)
        assert one.backup is not None
        assert one.backup.read_bytes() == before[str(one.path.relative_to(tmp_path))]


@pytest.mark.parametrize(
    ("target", "name", "recorded", "turn"),
    [
        (issuer, "issue_credential", 0, 3),
        (issuer, "write_file", 0, 2),
        (issuer, "lint", 0, 3),
        (record, "append_record", 1, 2),
        (issuer, "sign_line", 2, 12),
        (issuer, "verify_lines", 2, 3),
        (issuer.Placing, "commit", 3, 1),
        (issuer.Placing, "_move", 3, 1),
        (issuer.Placing, "_move", 3, 5),
        (issuer.Placing, "_sync", 3, 1),
    ],
)
@pytest.mark.parametrize("state", ["new", "there", "empty"])
def test_a_step_that_fails_leaves_several_files_as_they_were(
    order: Order,
    catalog: Catalog,
    keys: Path,
    today: date,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Any,
    name: str,
    recorded: int,
    turn: int,
    state: str,
) -> None:
    split = three(order, "independent")
    output = tmp_path / "out"
    if state == "there":
        issue_order(split, catalog, keys, output, today)
        split = msgspec.structs.replace(split, licenses=(ExtraLicense("vcb_full", 9),))
    elif state == "new" and name == "_move" and turn > 1:
        pytest.skip("a new directory is one move")
    elif state == "empty":
        output.mkdir()
    before, held, real, calls = tree(tmp_path), len(records(keys)), getattr(target, name), []

    def fails(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return boom() if len(calls) == turn else real(*arguments, **named)

    monkeypatch.setattr(target, name, fails)
    with pytest.raises(InputError, match="The disk broke"):
        issue_order(split, catalog, keys, output, today, force=True)
    after = tree(tmp_path)
    after.pop("keys/issued.jsonl", None)
    before.pop("keys/issued.jsonl", None)
    assert after == before
    assert output.exists() == (state != "new")
    assert not list(tmp_path.rglob(".issue-*"))
    assert len(records(keys)) - held == recorded


KILLED_AT = """
import sys
from datetime import date
from pathlib import Path
import msgspec, os, signal
from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.issue import issuer, placing, record
from seatkeeper.issue.order import check_order
from seatkeeper.issue.model import OrderServer

directory, step, turn, quantity = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
today = date(2026, 3, 14)
catalog = load_catalog()
text = Path(sys.argv[5]).read_text().replace("quantity = 5\\n", f"quantity = {quantity}\\n")
order = check_order(text, "order.toml", catalog, today).order
terms = msgspec.structs.replace(order.terms, configuration="independent")
order = msgspec.structs.replace(order, terms=terms, servers=(*order.servers, OrderServer("licsrv-b", "0800200005ad", 7260)))
owner, name, after = {
    "intend": (record.FileRecorder, "intend", True),
    "signed": (record.FileRecorder, "signed", True),
    "placed": (record.FileRecorder, "placed", False),
    "move": (placing.Placing, "_move", True),
    "sync": (placing.Placing, "_sync", False),
    "none": (placing.Placing, "nothing", False),
}[step]
calls = 0
real = getattr(owner, name, None)

def killed(*arguments):
    global calls
    calls += 1
    if calls == turn and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments)
    if calls == turn:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, killed)
issuer.issue_order(order, catalog, directory / "keys", directory / "out", today, force=sys.argv[6] == "force")
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    ("step", "turn", "there"),
    [
        ("intend", 1, False),
        ("intend", 2, True),
        ("signed", 1, True),
        ("signed", 2, False),
        ("move", 1, False),
        ("move", 2, True),
        ("move", 5, True),
        ("sync", 1, True),
        ("placed", 1, False),
        ("placed", 2, True),
    ],
)
def test_a_power_cut_leaves_no_file_that_the_record_does_not_know(keys: Path, tmp_path: Path, step: str, turn: int, there: bool) -> None:
    def run(step: str, quantity: int, force: bool) -> int:
        program = [sys.executable, "-c", KILLED_AT, str(tmp_path), step, str(turn), str(quantity), str(ORDER_FILE)]
        done = subprocess.run([*program, "force" if force else "no"], capture_output=True, text=True, check=False, timeout=60)
        return done.returncode if done.returncode in (0, -signal.SIGKILL) else pytest.fail(done.stderr)

    old = {}
    if there:
        assert run("none", 5, False) == 0
        old = {path: path.read_bytes() for path in tmp_path.glob("out/*/license.dat")}
    assert run(step, 7, there) == -signal.SIGKILL
    known = {record.sha256 for record in records(keys)}
    for path in tmp_path.rglob("license.dat*"):
        plain = parse(path.read_text()).file
        unsigned = [
            msgspec.structs.replace(line, key="", attributes=line.attributes[:-1]) if isinstance(line, Feature) else line
            for line in plain.lines
        ]
        assert digest_of(write(LicenseFile(tuple(unsigned)))) in known, path
    # A second run does what the first was to do, and nothing of the old is lost.
    assert run("none", 7, there) == 0
    for host in ("licsrv", "licsrv-b"):
        check(tmp_path / "out" / host / "license.dat")
    for path, data in old.items():
        assert path.with_name("license.dat.bak").read_bytes() == data
    assert not list(tmp_path.glob("**/.issue-*"))
