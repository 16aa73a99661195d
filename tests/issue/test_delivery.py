"""The list of deliveries grows by a line before and a line after each, and who cannot write it is told so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.delivery import Delivery, FileDeliveryRecorder


def test_a_line_before_and_a_line_after(tmp_path: Path) -> None:
    recorder = FileDeliveryRecorder(tmp_path)
    recorder.begun(Delivery("d1", "2026-03-14T09:30:00+00:00", "1", "2", (("license.dat", "ab"),), recipients=("a@x.example",)))
    recorder.ended("d1", "sent", "taken as 4711")
    first, second = map(json.loads, (tmp_path / "deliveries.jsonl").read_text().splitlines())
    assert (first["event"], first["id"], first["files"], first["recipients"]) == ("begun", "d1", [["license.dat", "ab"]], ["a@x.example"])
    assert second == {"event": "sent", "id": "d1", "detail": "taken as 4711"}
    assert (tmp_path / "deliveries.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_list_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "deliveries.jsonl").mkdir()
    with pytest.raises(InputError, match="list of deliveries cannot be written"):
        FileDeliveryRecorder(tmp_path).ended("d1", "sent", "")
