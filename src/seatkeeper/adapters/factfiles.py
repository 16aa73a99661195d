"""A file of facts becomes a table in which every row can be used, or an error that says which row cannot and why.

CSV has a header; times are `2026-09-30T08:00:00Z`, lists are separated by `|`, what is empty is not known. Parquet may have the same
texts, or times as timestamps (UTC) or whole seconds, and lists as lists. Columns are found by name, in any order; others do not matter.
Nothing is taken from a file with a row that is wrong: the first such row is told, and how many there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import InputError
from seatkeeper.usage.facts import FIELD_CHARS_MAX, LIST_BAR, kind_of_columns

if TYPE_CHECKING:
    from pathlib import Path

    from ibis.expr.types import StringValue, Table, Value

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.usage.facts import Column, Kind

__all__ = ["TIME_PATTERN", "read_facts"]

TIME_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"
_NOTHING: Final = "Nothing was taken in."
_TIME_FORM: Final = "a UTC time such as 2026-09-30T08:00:00Z"
#: More of anything is a slip of the pen; and a peak must fit above a moment in one number (usage.reports).
_WHOLE_DIGITS: Final = 8
_WHOLE_PATTERN: Final = rf"[0-9]{{1,{_WHOLE_DIGITS}}}"
#: Spellings of a medium that mean another word.
_WORDS: Final = {"e-mail": "email", "web chat": "chat", "webchat": "chat"}


def read_facts(engine: Engine, file: Path, kind: Kind | None = None) -> tuple[Kind, Table]:
    """The kind of facts that a file has, and the facts, as a temporary table of the engine.

    Raises:
        InputError: The file cannot be read, or a row of it cannot be used.
    """
    raw = _open(engine, file)
    kind = kind or kind_of_columns(tuple(raw.columns), str(file))
    lacking = [column.name for column in kind.columns if column.name not in raw.columns and not column.optional]
    if lacking:
        raise InputError(
            f"Columns of {kind.name} are missing.",
            file=str(file),
            line=1,
            found=",".join(raw.columns),
            expected=f"also {', '.join(lacking)}",
        )
    import ibis

    read = raw.mutate(line=ibis.row_number() + 2)
    values = {column.name: _value(read, column, ends=column.name == kind.ends) for column in kind.columns}
    problems = [_problem(read, column, values[column.name]) for column in kind.columns if column.name in read.columns]
    if kind.ends:
        problems.append((values[kind.ends] < values[kind.begins], f"{kind.ends}~no moment before the row's {kind.begins}"))
    typed = read.select("line", problem=ibis.cases(*problems, else_=""), **values)
    try:
        typed = engine.keep(typed)
    except Exception as error:
        # Rows are read only now.
        raise _unreadable(file, error) from None
    wrong = typed.filter(typed.problem != "")
    count = engine.value(wrong.count())
    if count:
        _refuse(engine, file, read, engine.rows(wrong.order_by("line").limit(1).select("line", "problem"))[0], count)
    return kind, typed.select(*kind.names)


def _open(engine: Engine, file: Path) -> Table:
    if file.is_dir():
        raise InputError("This is a directory.", file=str(file), expected="a file of facts")
    if not file.is_file():
        raise InputError("There is no such file.", file=str(file))
    try:
        if file.suffix.lower() == ".parquet":
            return engine.backend.read_parquet(str(file))
        return engine.backend.read_csv(
            str(file),
            all_varchar=True,
            header=True,
            delim=",",
            quote='"',
            escape='"',
            null_padding=False,
            auto_detect=False,
            columns=_header(file),
        )
    except InputError:
        raise
    except Exception as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> InputError:
    """Why the engine cannot read the file, as well as that can be told from what it says."""
    if file.suffix.lower() != ".parquet" and _ends_in_two_ways(file):
        # The engine speaks of the state of its parser then.
        return InputError("Some lines of the file end with CR LF and some with LF.", file=str(file), remedy="`dos2unix` mends it.")
    said = str(error)
    line = re.search(r"Line: (\d+)", said)
    at = int(line[1]) if line else 0
    if columns := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said):
        expected, found = int(columns[1]), int(columns[2])
        return InputError(
            "A row has another number of columns than the first line.",
            file=str(file),
            line=at,
            # Of too many it is said that there is one more.
            found=f"{found} or more" if found > expected else str(found),
            expected=str(expected),
            remedy=_NOTHING,
        )
    if "unterminated quote" in said:
        return InputError("A quote is opened here and not closed.", file=str(file), line=at, remedy=_NOTHING)
    return InputError("The file cannot be read.", file=str(file), line=at, found=_short(error), remedy=_NOTHING)


def _ends_in_two_ways(file: Path) -> bool:
    ends = set[bool]()
    with file.open("rb") as data:
        for line in data:
            ends.add(line.endswith(b"\r\n"))
            # The last line may have no end.
            if len(ends) > 1 and line.endswith(b"\n"):
                return True
    return False


def _header(file: Path) -> dict[str, str]:
    """The columns of a CSV file, all of them texts."""
    import csv

    with file.open(encoding="utf-8-sig", newline="") as text:
        try:
            names = next(csv.reader(text), [])
        except UnicodeDecodeError:
            # What is read ahead of the first line may be the one that is wrong.
            raise InputError("The file is no CSV text in UTF-8.", file=str(file), line=_first_other(file), remedy=_NOTHING) from None
        except csv.Error as error:
            raise InputError("The file is no CSV text.", file=str(file), line=1, found=_short(error), remedy=_NOTHING) from None
    if not names or len(set(names)) != len(names):
        raise InputError("The first line must name the columns, each once.", file=str(file), line=1, found=",".join(names))
    return {name.strip(): "VARCHAR" for name in names}


def _first_other(file: Path) -> int:
    """The number of the first line that is no UTF-8; 0 where all are."""
    with file.open("rb") as data:
        for number, line in enumerate(data, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0


def _short(error: Exception) -> str:
    return " ".join(str(error).partition("Possible fixes")[0].split())[:300]


def _value(read: Table, column: Column, *, ends: bool) -> Value:
    """The column as facts have it; null where it cannot be."""
    import ibis

    if column.name not in read.columns:
        return ibis.literal(False) if column.type == "flag" else ibis.literal("")
    value = read[column.name]
    if column.type == "time":
        return _seconds(value, up=ends)
    if column.type == "whole":
        digits = value.cast("string")
        # FlexNet's error codes are below zero; nothing else is.
        sign = "-?" if column.name == "code" else ""
        return digits.re_search(f"^{sign}{_WHOLE_PATTERN}$").ifelse(digits.try_cast("int64"), None)
    if column.type == "flag":
        return value if value.type().is_boolean() else value.fill_null("").lower().isin(["true", "1", "yes"])
    if value.type().is_array():
        value = value.join(LIST_BAR)
    text: StringValue = value.cast("string").fill_null("").strip()
    if column.folded:
        text = text.lower()
    if column.type != "list":
        return text
    entries = text.split(LIST_BAR).map(lambda one: one.strip()).filter(lambda one: one != "")
    for word, meant in _WORDS.items() if column.folded else ():
        entries = entries.map(lambda one, word=word, meant=meant: (one == word).ifelse(meant, one))
    entries = entries.unique().sort()
    return (entries.length() > 0).ifelse(LIST_BAR + entries.join(LIST_BAR) + LIST_BAR, "")


def _seconds(value: Value, *, up: bool) -> Value:
    """UTC seconds; a fraction is cut off, or rounds up where something ends."""
    if value.type().is_integer():
        return value.cast("int64")
    if not value.type().is_timestamp():
        text = value.strip()
        value = text.re_search(TIME_PATTERN).ifelse(text.replace("Z", "").try_cast("timestamp"), None)
    seconds = value.truncate("s").epoch_seconds().cast("int64")
    if not up:
        return seconds
    return seconds + (value.microsecond() > 0).cast("int64")


def _problem(read: Table, column: Column, value: Value) -> tuple[Value, str]:
    """What is wrong with a column of a row: a condition, and the column with what is expected of it."""
    raw = read[column.name]
    if column.type in {"time", "whole"}:
        given = raw.notnull() if not raw.type().is_string() else (raw.fill_null("").strip() != "")
        form = _TIME_FORM if column.type == "time" else f"a whole number of at most {_WHOLE_DIGITS} digits"
        return (value.isnull() if column.required else value.isnull() & given), f"{column.name}~{form}"
    if column.type == "flag":
        return value.isnull(), f"{column.name}~true or false"
    if column.required:
        return (value == "") | (value.length() > FIELD_CHARS_MAX), f"{column.name}~1 to {FIELD_CHARS_MAX} characters"
    return value.length() > FIELD_CHARS_MAX, f"{column.name}~at most {FIELD_CHARS_MAX} characters"


def _refuse(engine: Engine, file: Path, read: Table, wrong: dict[str, Any], count: int) -> None:
    column, _, expected = wrong["problem"].partition("~")
    row = engine.rows(read.filter(read.line == wrong["line"]).select(column))[0]
    others = f" {count - 1} more rows of the file cannot be used either." if count > 1 else ""
    raise InputError(
        f"A row's {column} cannot be used.",
        file=str(file),
        line=wrong["line"],
        found=str(row[column] if row[column] is not None else "")[:80],
        expected=expected,
        remedy=f"{_NOTHING}{others}",
    )
