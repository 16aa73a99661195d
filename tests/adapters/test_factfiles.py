from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow
import pyarrow.parquet
import pytest

from seatkeeper.adapters.engines import open_duckdb
from seatkeeper.adapters.factfiles import read_facts
from seatkeeper.base.errors import InputError
from support.usagefacts import DAY

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "source,session_id,tenant,agent,place,dn,switch_kind,media,client,queues,login,logout\n"


def written(tmp_path: Path, text: str, name: str = "f.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_csv_file_is_read_as_facts_are(tmp_path: Path) -> None:
    text = HEAD + ' a ,s1,"Harbor, Inc",x,,,SIP, Voice|e-mail||voice ,GAD,q,2026-09-01T00:00:00.9Z,2026-09-01T00:00:01.1Z\n'
    text += "a,s2,,,,,,,,,2026-09-01T00:00:00Z,\n"
    kind, table = read_facts(open_duckdb(), written(tmp_path, text))
    one, two = table.order_by("session_id").to_pyarrow().to_pylist()
    assert kind.name == "sessions"
    assert one == {
        "source": "|a|",
        "session_id": "s1",
        "tenant": "Harbor, Inc",
        "agent": "x",
        "place": "",
        "dn": "",
        "switch_kind": "sip",
        "media": "|email|voice|",
        "client": "gad",
        "queues": "|q|",
        "login": DAY,
        "logout": DAY + 2,
        "estimated": False,
    }
    assert (two["media"], two["logout"]) == ("", None)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a,s2,,,,,,,,,2026-09-01T00:00:00,", "login .*found '2026-09-01T00:00:00', expected a UTC time"),
        ("a,s2,,,,,,,,,2026-09-01T00:00:00+02:00,", "login"),
        ("a,s2,,,,,,,,,2026-13-01T00:00:00Z,", "login"),
        ("a,s2,,,,,,,,,,2026-09-01T00:00:00Z", "login .*found nothing"),
        ("a,s2,,,,,,,,,2026-09-01T00:00:09Z,2026-09-01T00:00:08Z", "logout .*no moment before the row's login"),
        ("a,s2,,,,,,,,,2026-09-01T00:00:09Z,noon", "logout .*noon"),
        ("a,,,,,,,,,,2026-09-01T00:00:09Z,", "session_id .*1 to"),
        (",s2,,,,,,,,,2026-09-01T00:00:09Z,", "source"),
        (f"a,{'s' * 5000},,,,,,,,,2026-09-01T00:00:09Z,", "session_id"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_line(row: str, told: str, tmp_path: Path) -> None:
    good = "a,s1,,,,,,,,,2026-09-01T00:00:00Z,\n"
    with pytest.raises(InputError, match=f"f.csv:3: A row's {told}.*1 more rows"):
        read_facts(open_duckdb(), written(tmp_path, HEAD + good + row + "\n" + good + row + "\n"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "first line must name"),
        ("source,source\n", "first line must name"),
        ("source,session\n", "columns are those of no kind"),
        (HEAD + "a,s1\n", r"f.csv:2: A row has another number of columns .*found '2', expected 12\) Nothing was taken in."),
        (HEAD + "a,s1,,,,,,,,,2026-09-01T00:00:00Z,,x,y\n", "found '13 or more', expected 12"),
        (HEAD + 'a,"s1,,,,,,,,,2026-09-01T00:00:00Z,\n', "f.csv:2: A quote is opened here and not closed"),
        ("\x00\x01", "f.csv"),
    ],
)
def test_a_file_that_is_no_table_of_facts_is_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read_facts(open_duckdb(), written(tmp_path, text))
    with pytest.raises(InputError, match="no such file"):
        read_facts(open_duckdb(), tmp_path / "missing.csv")


def test_the_line_that_is_no_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes((HEAD + "a,s1,,,,,,,,,2026-09-01T00:00:00Z,\n").encode() + b"a,\xff,,,,,,,,,2026-09-01T00:00:00Z,\n")
    with pytest.raises(InputError, match=r"f.csv:3: The file is no CSV text in UTF-8"):
        read_facts(open_duckdb(), path)


def test_lines_end_in_either_way_and_where_a_mixture_cannot_be_read_that_is_said(tmp_path: Path) -> None:
    row = "a,s1,,ann,,,,voice,,,2026-09-01T00:00:00Z,2026-09-01T00:00:01Z"
    path = tmp_path / "s.csv"
    for end in ("\n", "\r\n"):
        path.write_bytes((HEAD.rstrip() + end + row + end + row.replace("s1", "s2")).encode())
        engine = open_duckdb()
        assert len(engine.rows(read_facts(engine, path)[1])) == 2
    # Most files that are mixed so are read; of a single row DuckDB says something about its parser.
    path.write_bytes((HEAD.rstrip() + "\r\n" + row + "\n").encode())
    with pytest.raises(InputError, match="end with CR LF and some with LF"):
        read_facts(open_duckdb(), path)
    with pytest.raises(InputError, match="This is a directory"):
        read_facts(open_duckdb(), tmp_path)


def test_parquet_may_have_timestamps_and_lists(tmp_path: Path) -> None:
    at = datetime.fromtimestamp(DAY, UTC)
    names = HEAD.strip().split(",")
    row = dict.fromkeys(names, "")
    data = {name: pyarrow.array([row[name]]) for name in names}
    data |= {
        "source": pyarrow.array(["a"]),
        "session_id": pyarrow.array(["s1"]),
        "media": pyarrow.array([["voice", "chat"]]),
        "login": pyarrow.array([at], pyarrow.timestamp("us", "UTC")),
        "logout": pyarrow.array([DAY + 5]),
    }
    pyarrow.parquet.write_table(pyarrow.table(data), tmp_path / "f.parquet")
    _, table = read_facts(open_duckdb(), tmp_path / "f.parquet")
    (found,) = table.to_pyarrow().to_pylist()
    assert (found["media"], found["login"], found["logout"]) == ("|chat|voice|", DAY, DAY + 5)


def test_numbers_are_as_large_as_ports_may_be(tmp_path: Path) -> None:
    head = "source,tenant,kind,start,seconds,peak,peak_time\n"
    engine = open_duckdb()
    for peak in ("100000000", "-1", "1.5"):
        with pytest.raises(InputError, match="a whole number of at most 8 digits"):
            read_facts(engine, written(tmp_path, f"{head}rs,,asr,2026-09-01T00:00:00Z,300,{peak},\n"))
    _, table = read_facts(engine, written(tmp_path, "source,feature,user,host,at,code,times\ns,f,u,h,2026-09-01T00:00:00Z,-4,1\n"))
    assert [row["code"] for row in engine.rows(table)] == [-4]
