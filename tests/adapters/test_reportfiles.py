"""Tables for other programs are read back by programs that know nothing of us."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from seatkeeper.adapters.reportfiles import write_csv, write_parquet
from seatkeeper.usage.document import COLUMNS
from support.usagereports import document, query, rows


def test_csv_has_one_row_a_period_that_is_understood_alone() -> None:
    file = io.BytesIO()
    write_csv(document(query(granularity="hourly")), file)
    read = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8"), newline="")))
    assert len(read) == 96
    assert list(read[0]) == [column.name for column in COLUMNS]
    about = {"report": "tenant", "tenant": "Harbor", "group": "", "item": "Genesys E-Mail", "versions": "7.6+", "granularity": "hourly"}
    times = {"start": "2026-09-01T01:00:00Z", "since": "2026-09-01T01:00:00Z", "until": "2026-09-01T02:00:00Z", "zone": "UTC"}
    figures = {"peak": "9", "peak_time": "2026-09-01T01:59:59Z", "enabled": "12"}
    limit = {"limit": "7", "limit_since": "2026-08-01", "limit_is": "provisioned", "burst": "8", "compared": "peak"}
    over = {"over": "2", "over_seconds": "3723", "excluded_seconds": "", "excluded": "", "missing": ""}
    made = {"sampling": "exact", "membership": "", "made": "2026-10-02T06:30:00Z", "seatkeeper": "0.1.0"}
    assert read[1] == about | times | figures | limit | over | made
    # What is not known is no zero.
    unknown = ("peak", "peak_time", "enabled", "over", "over_seconds")
    assert [read[2][name] for name in unknown] == [""] * len(unknown)
    assert read[2]["missing"] == "icon has no data for 1 hour"
    assert (read[3]["excluded_seconds"], read[3]["excluded"]) == ("1800", "shift change (0:30:00)")


def test_no_name_is_a_formula_and_every_name_is_one_cell() -> None:
    names = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", 'a,"b"', "two\nlines", "Straße 鳩")
    file = io.BytesIO()
    write_csv(document(told=rows(tenants=names)), file)
    read = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8"), newline="")))
    told = ["\\=HYPERLINK(1)", "\\+1", "\\-1", "\\@SUM(1)", 'a,"b"', "two\nlines", "Straße 鳩"]
    assert list(dict.fromkeys(row["tenant"] for row in read)) == told


def test_parquet_has_types_and_nulls_and_says_what_was_asked() -> None:
    file = io.BytesIO()
    write_parquet(document(query(granularity="hourly")), file)
    table = pq.read_table(io.BytesIO(file.getvalue()))
    types = {field.name: field.type for field in table.schema}
    assert (types["start"].unit, types["start"].tz) in {("ms", "UTC"), ("s", "UTC")}
    assert (types["peak"], types["limit_since"], types["over_seconds"], types["tenant"]) == (
        pa.int64(),
        pa.date32(),
        pa.int64(),
        pa.string(),
    )
    read = table.to_pylist()
    assert len(read) == 96
    assert (read[1]["start"], read[1]["peak"], read[1]["limit_since"]) == (datetime(2026, 9, 1, 1, tzinfo=UTC), 9, date(2026, 8, 1))
    assert (read[2]["peak"], read[2]["over"], read[2]["missing"]) == (None, None, "icon has no data for 1 hour")
    about = table.schema.metadata
    assert about[b"title"] == b"Usage of Genesys E-Mail"
    assert about[b"Made"] == b"2026-10-02 06:30:00 UTC by seatkeeper 0.1.0"


def test_a_report_without_rows_is_a_table_without_rows() -> None:
    text, table = io.BytesIO(), io.BytesIO()
    write_csv(document(told=[]), text)
    write_parquet(document(told=[]), table)
    assert text.getvalue().decode().splitlines() == [",".join(column.name for column in COLUMNS)]
    read = pq.read_table(io.BytesIO(table.getvalue()))
    assert (read.num_rows, read.schema.metadata[b"Granularity"]) == (0, b"daily")
