"""A pack is written whole or not at all, and any file that is not exactly a pack is refused before anything of it is used."""

from __future__ import annotations

import io
import os
import stat
import warnings
import zipfile
from hashlib import sha256
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seatkeeper
from seatkeeper.adapters import evidencefile
from seatkeeper.adapters.evidencefile import PackFile, content_of, facts_rows, source_digest, write_pack
from seatkeeper.base.errors import InputError, SeatkeeperError

MEMBERS = {"data.json": b"{}\n", "facts/sessions/2026-09-01-000.parquet": b"x" * 1000, "report.json": b""}


def written(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    write_pack(path, {name: content_of(data) for name, data in members.items()}, replace=True)
    return path


def test_what_is_written_is_read_and_the_same_gives_the_same_bytes(tmp_path: Path) -> None:
    pack = written(tmp_path / "a.evidence")
    assert stat.S_IMODE(pack.stat().st_mode) == 0o600
    assert pack.read_bytes() == written(tmp_path / "b.evidence", dict(reversed(MEMBERS.items()))).read_bytes()
    with PackFile(pack) as file:
        assert file.sizes == {name: len(data) for name, data in MEMBERS.items()}
        for name, data in MEMBERS.items():
            assert file.read(name) == data
            assert file.digest(name) == sha256(data).hexdigest()
            assert file.unpack(name, file.digest(name), tmp_path / "out").read_bytes() == data
        with pytest.raises(InputError, match=r"SIGNATURE is missing"):
            file.read("SIGNATURE")
        with pytest.raises(InputError, match="another than the manifest says"):
            file.unpack("data.json", "0" * 64, tmp_path / "other")
        with pytest.raises(SeatkeeperError, match="cannot be unpacked"):
            file.unpack("data.json", file.digest("data.json"), tmp_path / "out")


def test_a_pack_comes_from_files_that_stay_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "facts"
    source.write_bytes(b"one")
    content = content_of(source)
    write_pack(tmp_path / "p", {"data.json": content}, replace=False)
    with pytest.raises(InputError, match="exists"):
        write_pack(tmp_path / "p", {"data.json": content}, replace=False)
    source.write_bytes(b"two")
    with pytest.raises(SeatkeeperError, match="has changed"):
        write_pack(tmp_path / "q", {"data.json": content}, replace=False)
    with pytest.raises(SeatkeeperError, match="cannot be written"):
        write_pack(tmp_path / "no" / "q", {}, replace=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts", "p"]


def test_a_pack_that_would_be_too_large_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidencefile, "PACK_BYTES_MAX", 1000)
    with pytest.raises(InputError, match="too large"):
        written(tmp_path / "p")
    assert not list(tmp_path.iterdir())


def refused(path: Path, data: bytes, match: str | None = None) -> None:
    path.write_bytes(data)
    with pytest.raises(InputError, match=match):
        read_all(path)


def read_all(path: Path) -> None:
    with PackFile(path) as file:
        for name, told in MEMBERS.items():
            # The form does not say which bytes a member has; the manifest does.
            if file.digest(name) != sha256(told).hexdigest():
                raise InputError("another")


@given(st.data())
def test_any_flipped_bit_and_any_missing_or_added_byte_is_seen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    whole = written(path).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    refused(path, whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    refused(path, whole[:at])
    refused(path, whole[:at] + b"\0" + whole[at:])
    refused(path, whole + whole[at:])


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compress: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP file as others write them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as pack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members:
            pack.writestr(name, data, compress_type=compress)
    return file.getvalue()


def plain(name: str, mode: int = 0o100600) -> zipfile.ZipInfo:
    """A member with the properties that packs have, so that only what is tested is wrong."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_the_form_is_one_that_others_can_write(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(zipped(*((plain(name), data) for name, data in sorted(MEMBERS.items()))))
    assert (tmp_path / "p").read_bytes() == written(tmp_path / "q").read_bytes()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "no ZIP file"),
        (b"no ZIP at all, but long enough to hold a header", "no ZIP file"),
        (zipped(), "no ZIP file|something else"),
        (zipped((plain("data.json"), bytes(50_000_000)), compress=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped((plain("data.json"), b"a" * 999), compress=zipfile.ZIP_BZIP2), "compressed|another property"),
        (zipped((plain("../../etc/passwd"), b"x")), "no member of an evidence pack is called"),
        (zipped((plain("/etc/passwd"), b"x")), "no member of an evidence pack is called"),
        (zipped((plain("inner.zip"), zipped((plain("data.json"), b"{}")))), "no member of an evidence pack is called"),
        (zipped((plain("data.json"), b"x"), (plain("data.json"), b"y")), "stands there twice"),
        (zipped((plain("report.json"), b"x"), (plain("data.json"), b"y")), "not in its place"),
        (zipped((plain("data.json", 0o120777), b"/etc/passwd")), "another than that of the members"),
        (zipped(("data.json", b"x")), "time or another property|another than that"),
        (zipped((plain("data.json"), b"x")) + b"more", "something follows"),
        (b"before" + zipped((plain("data.json"), b"x")), "no ZIP file"),
        (zipped((plain("data.json"), b"x" * 99))[:60], "ends in the middle"),
        (zipped((plain("data.json"), b"x" * 99))[:-30], "another than that|ends in the middle"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, data: bytes, match: str) -> None:
    refused(tmp_path / "p", data, match)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    whole = bytearray(written(tmp_path / "p", {"data.json": b"{}\n"}).read_bytes())
    whole[18:22] = whole[22:26] = (0xFFFFFFF0).to_bytes(4, "little")
    refused(tmp_path / "p", bytes(whole), "ends in the middle")


def test_a_check_sum_that_is_wrong_in_both_places_is_found(tmp_path: Path) -> None:
    content = content_of(b"{}\n")
    write_pack(tmp_path / "p", {"data.json": msgspec.structs.replace(content, crc=content.crc ^ 1)}, replace=False)
    with PackFile(tmp_path / "p") as file, pytest.raises(InputError, match=r"check sum of data.json is wrong"):
        file.digest("data.json")


def test_limits_are_those_that_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = written(tmp_path / "p")
    monkeypatch.setattr(evidencefile, "MEMBERS_MAX", 2)
    with pytest.raises(InputError, match="too many members"):
        PackFile(pack)
    monkeypatch.setattr(evidencefile, "MEMBERS_MAX", 50_000)
    monkeypatch.setattr(evidencefile, "TEXT_BYTES_MAX", 2)
    with PackFile(pack) as file, pytest.raises(InputError, match=r"data.json is too large"):
        file.read("data.json")
    # 5 GB of nothing: its length alone is enough to refuse it.
    with (tmp_path / "large").open("wb") as large:
        large.truncate(5_000_000_000)
    with pytest.raises(InputError, match="too large"):
        PackFile(tmp_path / "large")
    (tmp_path / "large").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        PackFile(tmp_path / "none")
    with pytest.raises(InputError):
        PackFile(tmp_path)


def test_facts_do_not_grow_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": [f"s{number}" for number in range(100)]}), path)
    assert facts_rows(path, "f") == 100
    pq.write_table(pa.table({"a": pa.repeat(1, 1_000_000)}), path, compression="zstd")
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(evidencefile, "ROWS_PER_BYTE_MAX", 20)
    with pytest.raises(InputError, match="more rows than it can have"):
        facts_rows(path, "f")
    path.write_bytes(b"PAR1 and then nothing of the sort PAR1")
    with pytest.raises(InputError, match="no Parquet file"):
        facts_rows(path, "f")


def test_the_code_has_a_digest_that_others_can_make() -> None:
    root = Path(seatkeeper.__file__).parent
    lines = []
    for directory, _, names in os.walk(root):
        if "__pycache__" not in directory:
            lines += [
                (Path(directory, name).relative_to(root).as_posix(), sha256(Path(directory, name).read_bytes()).hexdigest())
                for name in names
            ]
    assert source_digest() == sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(lines)).encode()).hexdigest()
