"""The list of issued files only grows, and a line that was torn off costs no other line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.record import RECORD_NAME, FileRecorder, Record, append_record, digest_of


def record(number: str) -> Record:
    return Record(number, "1", "Example", "demo", "14-mar-2026", "permanent", "genesys.d", ("ANY",), "00", "f", digest_of("text"), "text")


def read(path: Path) -> list[Record]:
    return [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]


def test_records_stand_one_below_the_other(tmp_path: Path) -> None:
    path = append_record(tmp_path, record("1"))
    assert append_record(tmp_path, record("2")) == path == tmp_path / RECORD_NAME
    assert read(path) == [record("1"), record("2")]


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    assert stat.S_IMODE(append_record(tmp_path, record("1")).stat().st_mode) == 0o600


def test_a_torn_last_line_is_closed_first(tmp_path: Path) -> None:
    (tmp_path / RECORD_NAME).write_bytes(msgspec.json.encode(record("1")) + b'\n{"order":"2","si')
    path = append_record(tmp_path, record("3"))
    first, torn, last = path.read_bytes().splitlines()
    assert msgspec.json.decode(first, type=Record) == record("1")
    assert torn == b'{"order":"2","si'
    assert msgspec.json.decode(last, type=Record) == record("3")


def test_a_list_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / RECORD_NAME).mkdir()
    with pytest.raises(InputError, match="Nothing was signed"):
        append_record(tmp_path, record("1"))


def test_a_disk_that_is_full_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda descriptor, data: len(data) - 1)
    with pytest.raises(InputError, match="the disk is full"):
        append_record(tmp_path, record("1"))


def test_the_record_is_on_the_disk_when_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink())))
    append_record(tmp_path, record("1"))
    assert synced == [str(tmp_path / RECORD_NAME), str(tmp_path)]


def test_the_recorder_beside_the_keys_keeps_one_line_a_file(tmp_path: Path) -> None:
    recorder = FileRecorder(tmp_path)
    name = recorder.intend(record("1"))
    recorder.signed(name, "signed")
    recorder.placed(name)
    assert Path(name) == tmp_path / RECORD_NAME
    assert len(Path(name).read_text().splitlines()) == 1
