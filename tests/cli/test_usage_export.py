"""`seatkeeper usage export` writes each form whole or not at all, from real facts through a real warehouse."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING

import openpyxl
import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader

from seatkeeper.cli.main import main
from support.usagefacts import moment, session, write_csv

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ["--from", "2026-09-01", "--to", "2026-09-03"]
#: A spreadsheet would compute it, and Typst, too.
NAME = '=#eval("1")'


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("usage")
    rows = [
        session(1, moment("08:00"), moment("09:00"), agent="a", media="email"),
        session(2, moment("08:30"), moment("09:30"), agent="b", media="email"),
        session(3, moment("08:30"), moment("09:30"), agent="c", media="email", tenant=NAME),
    ]
    db = str(path / "db")
    write_csv(
        path / "gaps.csv", "gaps", [{"source": "icon", "since": moment("2026-09-02T00:00:00Z"), "until": moment("2026-09-03T00:00:00Z")}]
    )
    for file in (write_csv(path / "sessions.csv", "sessions", rows), path / "gaps.csv"):
        assert main(["usage", "load", str(file), "--db", db]) == 0
    limit = ["--item", "Genesys E-Mail", "--count", "1", "--from", "2026-09-01"]
    assert main(["usage", "provision", "set", "--db", db, "--tenant", "Harbor", *limit]) == 0
    (path / "db" / "usage.toml").write_text('[[excluded]]\nfrom = "12:00"\nto = "12:15"\nreason = "shift change"\n')
    return db


def export(database: str, file: Path, *more: str, item: str = "genesys e-mail") -> int:
    return main(["usage", "export", "--db", database, "--item", item, "--type", "tenant", *DAYS, "-o", str(file), *more])


def test_the_name_of_the_file_says_what_it_is(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begins = {"csv": b"report,", "json": b"[", "xlsx": b"PK", "parquet": b"PAR1", "pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<svg"}
    for form, begin in begins.items():
        file = tmp_path / f"report.{form.upper()}"
        assert export(database, file) == 0
        assert capsys.readouterr().out == f"{file}: Usage of Genesys E-Mail, each tenant, daily, 2026-09-01 to 2026-09-02, UTC: 4 rows.\n"
        assert file.read_bytes().startswith(begin)
    assert export(database, tmp_path / "report", "--format", "csv") == 0
    assert (tmp_path / "report").read_bytes().startswith(b"report,")
    assert len(list(tmp_path.iterdir())) == len(begins) + 1


def test_json_is_what_the_report_prints(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(database, tmp_path / "report.json") == 0
    capsys.readouterr()
    assert main(["usage", "report", "--db", database, "--item", "genesys e-mail", "--type", "tenant", *DAYS, "--json"]) == 0
    assert (tmp_path / "report.json").read_text() == capsys.readouterr().out


def test_every_form_says_the_same(database: str, tmp_path: Path) -> None:
    for form in ("csv", "parquet", "xlsx", "pdf"):
        assert export(database, tmp_path / f"r.{form}") == 0
    read = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text(), newline="")))
    about = [(row["tenant"], row["peak"], row["limit"], row["over"], row["over_seconds"], row["missing"]) for row in read]
    gap = "icon has no data for 24 hours"
    assert about == [
        ("\\" + NAME, "1", "", "", "", ""),
        ("\\" + NAME, "", "", "", "", gap),
        ("Harbor", "2", "1", "1", "1800", ""),
        ("Harbor", "", "1", "", "", gap),
    ]
    assert {row["excluded"] for row in read} == {"shift change (0:15:00)"}
    table = pq.read_table(tmp_path / "r.parquet").to_pylist()
    assert [(row["tenant"], row["peak"], row["over"]) for row in table] == [
        (NAME, 1, None),
        (NAME, None, None),
        ("Harbor", 2, 1),
        ("Harbor", None, None),
    ]
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")["Report"]
    assert [sheet.cell(row, 1).value for row in range(2, 6)] == [NAME, NAME, "Harbor", "Harbor"]
    text = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(tmp_path / "r.pdf").pages)
    assert "Over the limit: Harbor by up to 1 (0:30:00 in all)." in text
    assert f"{NAME} 2026-09-01 Tue 1 2026-09-01 09:29" in text
    assert gap in text


def test_hours_of_a_zone_whose_clocks_change_and_all_items(database: str, tmp_path: Path) -> None:
    asked = ["usage", "export", "--db", database, "--type", "system"]
    hours = ["--item", "genesys e-mail", "--granularity", "hourly", "--zone", "Europe/Berlin", "--from", "2026-10-25", "--to", "2026-10-26"]
    assert main([*asked, *hours, "-o", str(tmp_path / "hours.csv")]) == 0
    starts = [row["start"] for row in csv.DictReader(io.StringIO((tmp_path / "hours.csv").read_text(), newline=""))]
    assert (len(starts), starts[0], starts[-1]) == (25, "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z")
    assert main([*asked, "--item", "all", *DAYS, "-o", str(tmp_path / "all.parquet")]) == 0
    items = pq.read_table(tmp_path / "all.parquet").column("item").to_pylist()
    assert (len(items), len(set(items))) == (50, 25)


def test_what_cannot_be_written_leaves_what_was_there(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.doc"
    assert export(database, file) == 1
    assert "--output: The file's name does not say what it is to be." in capsys.readouterr().err
    assert export(database, tmp_path / "none" / "report.csv") == 1
    assert "This file cannot be written: No such file or directory." in capsys.readouterr().err
    kept = tmp_path / "chart.png"
    kept.write_text("from before")
    assert export(database, kept, "--tenant", "Harbor", item="GVP Ports") == 1
    assert "Nothing is known that could be drawn." in capsys.readouterr().err
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("chart.png", "from before")]


@pytest.mark.parametrize(
    ("form", "package"), [("xlsx", "xlsxwriter"), ("pdf", "typst"), ("pdf", "vl_convert"), ("png", "altair"), ("svg", "vl_convert")]
)
def test_a_package_that_is_not_installed_is_named(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert export(database, tmp_path / f"report.{form}") == 1
    said = capsys.readouterr().err
    assert "not installed" in said
    assert "pip install 'seatkeeper[usage]'" in said
    assert list(tmp_path.iterdir()) == []
