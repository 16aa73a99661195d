"""A pack holds only as it was made: whoever alters it, its data or its report is found out, each by what can find him out."""

from __future__ import annotations

import tempfile
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.usagelimits import change_provisioned
from seatkeeper.adapters.warehouse import Warehouse
from seatkeeper.base.errors import InputError
from seatkeeper.licfile.detached import sign_detached
from seatkeeper.lrm.close import close_days, day_number
from seatkeeper.lrm.evidence_check import ROWS_MAX, check_pack
from seatkeeper.lrm.report import items_by_name
from seatkeeper.usage.entitlement import ENTITLEMENT_TAG
from seatkeeper.usage.evidence import (
    DATA,
    MANIFEST,
    PARAMETERS,
    REPORT,
    SIGNATURE,
    Data,
    File,
    Parameters,
    decoded,
    encoded,
    rows_from_json,
    rows_to_json,
)
from seatkeeper.usage.limits import Provisioned
from support.evidencepacks import CODE, KEY, KNOWN, PUBLIC, QUERY, STRANGER, altered, checked, made, members, outcomes, small_site
from support.usagefacts import DAY, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.lrm.evidence_check import Checked

ALL_GOOD = {"whole": "ok", "signer": "ok", "report": "ok", "code": "ok"}
SESSIONS = "facts/sessions/2026-09-01-000.parquet"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return made(tmp_path / "p.evidence", small_site(tmp_path))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shared")
    return made(path / "p.evidence", small_site(path))


def sentence(path: Path, what: str, **others: object) -> str:
    verdict = checked(path, **others)
    assert not verdict.holds
    return next(check.sentence for check in verdict.checks if check.what == what and check.outcome == "failed")


def verdict_of(path: Path) -> list[Checked]:
    """What was looked at; nothing where the manifest cannot be read."""
    try:
        verdict = checked(path)
    except InputError:
        return []
    assert not verdict.holds
    return list(verdict.checks)


def with_row(pack: Path, **changes: object) -> bytes:
    rows = rows_from_json(members(pack)[REPORT], REPORT)
    return rows_to_json([{**rows[0], **changes}, *rows[1:]])


def with_data(pack: Path, **changes: object) -> bytes:
    return encoded(msgspec.structs.replace(decoded(members(pack)[DATA], Data, DATA), **changes))


def test_a_good_pack_holds_on_its_own(pack: Path) -> None:
    verdict = checked(pack)
    assert verdict.holds
    assert outcomes(verdict) == ALL_GOOD
    assert (verdict.rows, verdict.signer, verdict.made) == (4, PUBLIC.hex(), "2026-11-24T00:00:00Z")


def test_of_no_data_nothing_is_carried_and_the_pack_is_as_good(tmp_path: Path) -> None:
    query = msgspec.structs.replace(QUERY, report="system", item="GVP Ports")
    pack = made(tmp_path / "p", small_site(tmp_path), query)
    assert set(members(pack)) == {MANIFEST, SIGNATURE, DATA, PARAMETERS, REPORT}
    assert outcomes(checked(pack)) == ALL_GOOD


def test_without_a_pinned_key_it_is_anybodys(pack: Path) -> None:
    verdict = checked(pack, pinned=None)
    assert verdict.holds
    assert outcomes(verdict)["signer"] == "note"
    assert "whoever wrote it" in verdict.checks[1].sentence
    assert "--key" in verdict.checks[1].sentence


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.data())
def test_any_flipped_byte_of_any_member_is_refused(shared: Path, data: st.DataObject) -> None:
    there = members(shared)
    name = data.draw(st.sampled_from(sorted(there)))
    at = data.draw(st.integers(0, len(there[name]) - 1))
    changed = bytearray(there[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    # A pack that is well formed again: only the signature can tell.
    bad = altered(shared, {name: bytes(changed)}, shared.with_name("flipped"), None)
    looked = [check.what for check in verdict_of(bad)]
    assert looked == ["whole"] or (looked == [] and name == MANIFEST)


def test_a_member_of_another_pack_is_found(pack: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other", Warehouse(tmp_path / "db"), msgspec.structs.replace(QUERY, granularity="hourly"))
    assert sentence(altered(pack, {REPORT: members(other)[REPORT]}, tmp_path / "x", None), "whole") == (
        "report.json was changed after the pack was signed."
    )
    assert "changed after signing" in sentence(altered(pack, {SIGNATURE: members(other)[SIGNATURE]}, tmp_path / "x", None), "whole")
    assert "is in the manifest only" in sentence(altered(pack, {SESSIONS: None}, tmp_path / "x", None), "whole")
    extra = {"site/usage.toml": b"# more\n"}
    assert "site/usage.toml is not in the manifest" in sentence(altered(pack, extra, tmp_path / "x", None), "whole")
    shorter = {SESSIONS: members(pack)[SESSIONS][:-1]}
    assert "was changed" in sentence(altered(pack, shorter, tmp_path / "x", None), "whole")


def test_no_other_signature_of_the_house_counts(pack: Path, tmp_path: Path) -> None:
    manifest = members(pack)[MANIFEST]
    for tag in (ENTITLEMENT_TAG, b"seatkeeper/trust/1\0", b"seatkeeper/borrow/1\0"):
        signature = f"{sign_detached(manifest, tag, KEY)}\n".encode()
        assert "changed after signing" in sentence(altered(pack, {SIGNATURE: signature}, tmp_path / "x", None), "whole")
    good = members(pack)[SIGNATURE]
    for other in (good.upper(), good[:-1], good + b"\n", b" " + good, b"\xff" * 145, b""):
        assert "signature" in sentence(altered(pack, {SIGNATURE: other}, tmp_path / "x", None), "whole")


@pytest.mark.parametrize("member", [REPORT, SESSIONS])
def test_what_another_key_has_signed_is_not_looked_at(pack: Path, tmp_path: Path, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {REPORT: with_row(pack, peak=1)} if member == REPORT else {SESSIONS: b"PAR1"}
    bad = altered(pack, changes, tmp_path / "x", STRANGER)

    def never(place: Path) -> None:
        raise AssertionError(place)

    verdict = check_pack(bad, KNOWN, CODE, never, pinned=PUBLIC)  # type: ignore[arg-type]
    assert outcomes(verdict) == {"whole": "ok", "signer": "failed"}
    # Who pins nothing still sees that the report is not what the data give.
    assert outcomes(checked(bad, pinned=None))["report"] == "failed"


def test_a_report_that_its_owner_has_signed_must_be_what_the_data_give(pack: Path, tmp_path: Path) -> None:
    verdict = checked(altered(pack, {REPORT: with_row(pack, peak=1)}, tmp_path / "x"))
    assert outcomes(verdict) == {**ALL_GOOD, "report": "failed"}
    (difference,) = verdict.differences
    assert difference.sentence() == "Harbor, Genesys E-Mail, 2026-09-01T00:00:00Z: peak is 1 in the pack and 2 anew."
    rows = rows_from_json(members(pack)[REPORT], REPORT)
    verdict = checked(altered(pack, {REPORT: rows_to_json(rows[1:])}, tmp_path / "x"))
    assert [one.sentence() for one in verdict.differences] == ["Harbor, Genesys E-Mail, 2026-09-01T00:00:00Z: not in the pack."]
    asked = decoded(members(pack)[PARAMETERS], Parameters, PARAMETERS)
    for changes in ({"item": "Genesys Web Media"}, {"tenant": "Meadow"}, {"granularity": "hourly"}, {"end": date(2026, 9, 2)}):
        other = encoded(msgspec.structs.replace(asked, **changes))
        assert outcomes(checked(altered(pack, {PARAMETERS: other}, tmp_path / "x")))["report"] == "failed"
    for changes in ({"digest": "0" * 16}, {"peak": {"media": ["chat"]}}, {"name": "E-Mail"}):
        rule = msgspec.structs.replace(asked.rules[0], **changes)
        other = encoded(msgspec.structs.replace(asked, rules=[rule]))
        assert "made by other rules" in sentence(altered(pack, {PARAMETERS: other}, tmp_path / "x"), "report")
    for changes in ({"zone": "Mars"}, {"item": "nothing"}, {"end": date(2026, 8, 1)}):
        other = encoded(msgspec.structs.replace(asked, **changes))
        assert "report" in sentence(altered(pack, {PARAMETERS: other}, tmp_path / "x"), "report")


def test_data_that_their_owner_has_altered_must_agree_with_themselves(pack: Path, tmp_path: Path) -> None:
    data = decoded(members(pack)[DATA], Data, DATA)
    table = pq.read_table(pa.BufferReader(members(pack)[SESSIONS]))

    def packed(rows: pa.Table) -> dict[str, bytes]:
        """A pack with these facts, whose owner has thought of the digest."""
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink)
        bytes_ = sink.getvalue().to_pybytes()
        first = msgspec.structs.replace(data.facts[0], sha256=sha256(bytes_).hexdigest(), rows=rows.num_rows)
        return {SESSIONS: bytes_, DATA: with_data(pack, facts=[first, *data.facts[1:]])}

    # Facts that were left out, with all digests as they must be: the report is not what is left.
    assert outcomes(checked(altered(pack, packed(table.slice(0, 1)), tmp_path / "x")))["report"] == "failed"
    # A list that does not mention them, counts them otherwise, or gives them to another kind or day.
    for facts, told in (
        ([msgspec.structs.replace(data.facts[0], rows=ROWS_MAX), *data.facts[1:]], "more facts than are worked out"),
        ([*data.facts, data.facts[0]], "names a file of its data twice"),
        (data.facts[1:], "does not carry the data that it names"),
        ([msgspec.structs.replace(data.facts[0], rows=1), *data.facts[1:]], "other facts than the pack says"),
        ([msgspec.structs.replace(data.facts[0], kind="recordings"), *data.facts[1:]], "another kind"),
        ([msgspec.structs.replace(data.facts[0], day=date(2026, 9, 2)), *data.facts[1:]], "other facts than the pack says"),
        ([msgspec.structs.replace(data.facts[0], sha256="0" * 64), *data.facts[1:]], "another than the manifest says"),
    ):
        assert told in sentence(altered(pack, {DATA: with_data(pack, facts=facts)}, tmp_path / "x"), "report")
    assert "tenants that it does not name: Meadow" in sentence(
        altered(pack, {DATA: with_data(pack, tenants=["Harbor"])}, tmp_path / "x"), "report"
    )
    assert (
        outcomes(checked(altered(pack, {DATA: with_data(pack, tenants=["Harbor", "Meadow", "Nowhere"])}, tmp_path / "x")))["report"]
        == "failed"
    )
    assert "another kind" in sentence(altered(pack, {DATA: with_data(pack, kinds=[])}, tmp_path / "x"), "report")
    # Files of the site's that nobody can use, or that are made to break who reads them.
    for text in (b"tenants = 1\n", b"tenants = " + b"[" * 100_000 + b"\n", b"\xff"):
        file = File("site/usage.toml", sha256(text).hexdigest())
        bad = {"site/usage.toml": text, DATA: with_data(pack, site=[file])}
        told = sentence(altered(pack, bad, tmp_path / "x"), "report")
        assert "usage.toml" in told or "cannot be read" in told
        assert str(tmp_path) not in told
    # Facts that are none.
    bad = {**packed(table), SESSIONS: b"PAR1 nothing PAR1"}
    assert "report" in outcomes(checked(altered(pack, bad, tmp_path / "x")))
    for rows in (
        table.drop_columns(["place"]),
        table.set_column(table.schema.get_field_index("login"), "login", table["login"].cast(pa.string())),
        table.set_column(table.schema.get_field_index("login"), "login", pa.array([None] * table.num_rows, pa.int64())),
        table.slice(0, 0),
    ):
        assert SESSIONS in sentence(altered(pack, packed(rows), tmp_path / "x"), "report")


def test_closed_days_are_taken_only_where_detail_was_dropped(tmp_path: Path) -> None:
    warehouse, engine = small_site(tmp_path), open_duckdb()
    days = [day_number(date(2026, 9, 1)), day_number(date(2026, 9, 2))]
    close_days(warehouse, engine, items_by_name(), days, 2e9, lambda _day, _rows: None)
    warehouse.drop_detail(engine, days[1])
    pack = made(tmp_path / "p", warehouse)
    assert checked(pack).holds
    bad = altered(pack, {DATA: with_data(pack, dropped_before=None)}, tmp_path / "x")
    assert "whose detail is there" in sentence(bad, "report")
    name = next(name for name in members(pack) if name.startswith("closed/"))
    closed = decoded(members(pack)[DATA], Data, DATA).closed
    other = members(pack)[SESSIONS.replace("-01-", "-02-")]

    files = [msgspec.structs.replace(closed[0].files[0], sha256=sha256(other).hexdigest())]
    changes = {name: other, DATA: with_data(pack, closed=[msgspec.structs.replace(closed[0], files=files)])}
    assert "does not have the columns" in sentence(altered(pack, changes, tmp_path / "x"), "report")


def test_a_directory_is_compared_file_by_file(tmp_path: Path) -> None:
    warehouse = small_site(tmp_path)
    pack = made(tmp_path / "p", warehouse)
    bare = made(tmp_path / "q", warehouse, with_facts=False)
    assert set(members(bare)) == {MANIFEST, SIGNATURE, DATA, PARAMETERS, REPORT}
    good = {**ALL_GOOD, "data": "ok"}
    assert outcomes(checked(pack, database=warehouse.path)) == outcomes(checked(bare, database=warehouse.path)) == good
    assert "carries no facts" in sentence(bare, "report")
    # Late facts: the pack is as good as it was, and the directory is another one.
    warehouse.load(write_csv(tmp_path / "late.csv", "sessions", [session(7, DAY + 5400, DAY + 5500, agent="eve", media="email")]))
    change_provisioned(warehouse.path, lambda _: (Provisioned("Harbor", "Genesys E-Mail", date(2026, 9, 1), 1),))
    assert outcomes(checked(pack, database=warehouse.path)) == {**good, "data": "failed"}
    verdict = checked(bare, database=warehouse.path)
    assert outcomes(verdict) == {**good, "data": "failed", "report": "failed"}
    assert "sessions of 2026-09-01, provisioned.json" in sentence(bare, "data", database=warehouse.path)
    assert "peak is 2 in the pack and 3 anew" in verdict.differences[0].sentence()
    Warehouse(tmp_path / "other").load(write_csv(tmp_path / "o.csv", "sessions", [session(7, DAY, DAY + 5500)]))
    assert not checked(bare, database=tmp_path / "other").holds
    with pytest.raises(InputError, match="no usage data"):
        checked(bare, database=tmp_path / "none")


def test_other_code_is_told_and_no_failure(pack: Path) -> None:
    others = [
        (msgspec.structs.replace(CODE, packages={"python": "3.12.0"}), "with other versions of python"),
        (msgspec.structs.replace(CODE, version="0.2.0", sha256="11" * 32), "by other files of seatkeeper"),
    ]
    for code, told in others:
        verdict = check_pack(pack, KNOWN, code, open_duckdb, pinned=PUBLIC)
        assert verdict.holds
        assert verdict.checks[-1].outcome == "note"
        assert told in verdict.checks[-1].sentence


def test_a_pack_of_a_later_form_is_not_judged(pack: Path, tmp_path: Path) -> None:
    manifest = members(pack)[MANIFEST].replace(b'"form":1', b'"form":2')
    with pytest.raises(InputError, match="newer seatkeeper"):
        checked(altered(pack, {MANIFEST: manifest}, tmp_path / "x", None))


def test_nothing_stays_of_what_was_unpacked(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    seen = []

    def interrupted(scratch: Path) -> None:
        seen.extend(scratch.rglob("*.parquet"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_pack(pack, KNOWN, CODE, interrupted, pinned=PUBLIC)  # type: ignore[arg-type]
    assert seen
    assert all(place in path.parents for path in seen)
    assert not list(place.iterdir())
    assert not checked(altered(pack, {REPORT: with_row(pack, peak=1)}, tmp_path / "x")).holds
    assert not list(place.iterdir())
