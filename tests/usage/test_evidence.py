"""The form of an evidence pack: one way to write it, which every ZIP program reads, and no other way that is read."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.usage.evidence import (
    LOCAL_BYTES,
    Code,
    Entry,
    Member,
    PackManifest,
    check_name,
    decoded,
    differences,
    directory,
    encoded,
    local_header,
    parse_local_header,
    rows_from_json,
    rows_to_json,
)

ENTRY = Entry("data.json", 5, zlib.crc32(b"hello"))
ROW = {"tenant": "Harbor", "item": "e-mail", "start": "2026-09-01T00:00:00Z", "peak": 2, "over": 0}


@given(st.dictionaries(st.sampled_from(["MANIFEST.json", "SIGNATURE", "data.json", "report.json", "site/usage.toml"]), st.binary()))
def test_any_zip_program_reads_what_is_written(members: dict[str, bytes]) -> None:
    ordered = sorted(members.items())
    entries = [Entry(name, len(data), zlib.crc32(data)) for name, data in ordered]
    whole = b"".join(local_header(entry) + data for entry, (_, data) in zip(entries, ordered, strict=True)) + directory(entries)
    with zipfile.ZipFile(io.BytesIO(whole)) as pack:
        assert pack.testzip() is None
        assert {name: pack.read(name) for name in pack.namelist()} == members
        assert all(info.compress_type == zipfile.ZIP_STORED and info.external_attr >> 16 == 0o100600 for info in pack.infolist())


def test_a_header_is_read_in_one_form_only() -> None:
    header = local_header(ENTRY)
    assert parse_local_header(header[:LOCAL_BYTES], header[LOCAL_BYTES:] + b"hello") == ENTRY
    for at in range(len(header)):
        for bit in range(8):
            other = header[:at] + bytes([header[at] ^ 1 << bit]) + header[at + 1 :]
            try:
                found = parse_local_header(other[:LOCAL_BYTES], other[LOCAL_BYTES:] + b"hello")
            except ValueError:
                continue
            # What is left are the sums themselves, which the reader compares with what follows; both sizes must agree.
            assert found.name == ENTRY.name
            assert found.size == ENTRY.size
            assert found.crc != ENTRY.crc


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../data.json",
        "/data.json",
        "facts/../data.json",
        "data.json/",
        "data.json\n",
        "DATA.JSON",
        "facts/sessions/2026-09-01-000.parquet.exe",
        "facts/people/2026-09-01-000.parquet",
        "facts\\sessions\\2026-09-01-000.parquet",
        "site/evidence.key",
        "site/entitlements/../../x.xml",
        "closed/２026-09-01-000.parquet",
        "inner.zip",
    ],
)
def test_no_member_has_another_name(name: str) -> None:
    with pytest.raises(ValueError, match="no member"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["facts/sessions/2026-09-01-000.parquet", "closed/1970-01-01-00012.parquet", "site/bundles/00003.xml", "SIGNATURE"]
)
def test_members_have_these_names(name: str) -> None:
    assert check_name(name) == name


def test_values_are_read_as_they_are_written_and_not_otherwise() -> None:
    manifest = PackManifest(1, "2026-11-24T00:00:00Z", "ab" * 32, [Member("data.json", 5, "cd" * 32)])
    written = encoded(manifest)
    assert decoded(written, PackManifest, "MANIFEST.json") == manifest
    for other in (
        written.replace(b'"form":1', b'"form": 1'),
        written.replace(b'"form":1', b'"form":1,"form":1'),
        written.replace(b'"form":1', b'"form":"1"'),
        written.replace(b'"bytes":5', b'"bytes":-5'),
        written.replace(b'"bytes":5', b'"bytes":5.5'),
        written.replace(b"cd", b"CD"),
        written.replace(b"T00:00:00Z", b"\\u001b[2JT0"),
        written.replace(b'"form"', b'"more":1,"form"'),
        written[:-2],
        b"[" * 100_000,
        b"\xff",
        b"",
    ):
        with pytest.raises(InputError):
            decoded(other, PackManifest, "MANIFEST.json")
    with pytest.raises(InputError):
        decoded(encoded(Code("0", "ab" * 32, {})), PackManifest, "MANIFEST.json")


def test_rows_are_a_list_one_on_a_line() -> None:
    assert rows_to_json([ROW, ROW]).count(b"\n") == 4
    for rows in ([], [ROW], [ROW, {**ROW, "peak": None}]):
        assert rows_from_json(rows_to_json(rows), "report.json") == rows
    for other in (b"{}", b"[1]\n", b"[\n\n]", b'[\n{"a": 1}\n]\n', b"[" * 100_000):
        with pytest.raises(InputError):
            rows_from_json(other, "report.json")


def test_rows_that_differ_are_told_with_both_values() -> None:
    other = {**ROW, "peak": None, "over": 1, "missing": "no ports were counted"}
    second = {**ROW, "start": "2026-09-02T00:00:00Z"}
    assert differences([ROW, second], [ROW, second]) == []
    (one,) = differences([ROW], [other])
    assert one.sentence() == (
        "Harbor, e-mail, 2026-09-01T00:00:00Z: peak is 2 in the pack and unknown anew, over is 0 in the pack and 1 anew, "
        "missing is unknown in the pack and no ports were counted anew."
    )
    assert [each.sentence() for each in differences([ROW], [second])] == [
        "Harbor, e-mail, 2026-09-02T00:00:00Z: not in the pack.",
        "Harbor, e-mail, 2026-09-01T00:00:00Z: only in the pack.",
    ]
    assert [each.sentence() for each in differences([second, ROW], [ROW, second])] == ["The rows stand in another order, or twice."]
    assert differences([ROW, ROW], [ROW])
