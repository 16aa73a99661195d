"""Everything that is wrong with a TOML file is said at once, each thing with its line and column.

The TOML parser gives values without places, so the text is looked at a second time for the lines on which tables and keys
begin. Each key of a table has a reader: a function from the raw value to the value that is meant, which raises `Unfit` with
what is expected. A key that is not good costs only itself; reading goes on, and who looks at
several values together looks at those that are good.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.catalog.model import nearest, nearest_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["PROBLEMS_MAX", "REQUIRED", "Key", "OrderError", "OrderProblem", "Place", "Sheet", "Unfit", "find_places"]

#: Problems kept of one file; a person corrects a few at a time.
PROBLEMS_MAX: Final = 1000
#: The default of a key that must be there.
REQUIRED: Final = object()

_FOUND_CHARS_MAX: Final = 80

Place = tuple[int, int]
#: Table, its index among tables of that name, key; an empty key means the table's own header.
_Path = tuple[str, int, str]

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_NAME: Final = r'(?:[A-Za-z0-9_-]+|"[^"\n]*"|\'[^\'\n]*\')'
_KEY: Final = re.compile(rf"\s*({_NAME})(?:\s*\.\s*({_NAME}))?\s*=\s*")
_LONG_QUOTES: Final = ('"""', "'''")


class Unfit(Exception):
    """A value is not what its key takes; raised by readers.

    Args:
        expected: What may stand there; the end of a sentence.
        message: What is wrong, as a sentence; a general one when left out.
        remedy: What to do, as a sentence.
    """

    def __init__(self, expected: str = "", message: str = "", remedy: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.message = message
        self.remedy = remedy


class Key(NamedTuple):
    """How one key of a table is read, what it is where the table leaves it out, and whether its value is a table itself."""

    read: Callable[[Any], Any]
    default: Any = REQUIRED
    table: bool = False


class OrderProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong, or that deserves a second look.

    Attributes:
        file: The file's name as the user gave it.
        line: Line number from 1; 0 for the file as a whole.
        column: Column number from 1; 0 for the line as a whole.
        key: The key as a person finds it, such as `items[2].product`, from 1; empty for the file as a whole.
        message: One sentence.
        found: The text found; empty where nothing stands.
        expected: What may stand there.
        remedy: What to do, as a sentence.
        severity: An `error` keeps the order from being issued, a `warning` does not.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    found: str = ""
    expected: str = ""
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        message = f"{self.key}: {self.message}" if self.key else self.message
        return str(
            InputError(
                message if self.severity == "error" else f"warning: {message}",
                file=self.file,
                line=self.line,
                column=self.column,
                found=self.found,
                expected=self.expected,
                remedy=self.remedy,
            )
        )


class OrderError(SeatkeeperError):
    """An order cannot be issued, for all of these reasons; `str()` gives one a line."""

    def __init__(self, problems: Sequence[OrderProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def find_places(text: str) -> dict[_Path, Place]:
    """Line and column of each table's header and of each key's value, for a text that is TOML.

    Keys of inline tables have no place of their own.
    """
    places: dict[_Path, Place] = {}
    counts: dict[str, int] = {}
    table, index, closing = "", 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        if closing:
            closing = "" if closing in line else closing
        elif (header := _HEADER.fullmatch(line.rstrip("\r"))) is not None:
            table = header[2].strip("\"'")
            index = counts.get(table, 0) if header[1] == "[[" else 0
            counts[table] = index + 1
            places[table, index, ""] = (number, header.start(1) + 1)
            # `[servers.quantities]` is a key of the last of [[servers]].
            outer, _, inner = table.partition(".")
            if inner:
                places.setdefault((outer, max(0, counts.get(outer, 0) - 1), inner.strip("\"' ")), (number, header.start(1) + 1))
        elif (key := _KEY.match(line)) is not None:
            first, second = key[1].strip("\"'"), (key[2] or "").strip("\"'")
            path = (table, index, first) if table else (first, 0, second)
            places.setdefault(path, (number, key.end() + 1))
            value = line[key.end() :]
            closing = next((quotes for quotes in _LONG_QUOTES if value.startswith(quotes) and value.find(quotes, 3) < 0), "")
    return places


class Sheet:
    """A TOML file on its way to values, with the problems found so far.

    Raises:
        OrderError: The text is not TOML.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.problems: list[OrderProblem] = []
        try:
            self.raw: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # The parser ends its sentence with "(at line 3, column 7)" or "(at end of document)".
            reason, _, where = str(error).partition(" (at ")
            numbers = [int(number) for number in re.findall(r"\d+", where)] or [text.count("\n") + 1, 1]
            line = "".join(text.split("\n")[numbers[0] - 1 : numbers[0]]).strip()
            raise OrderError([OrderProblem(name, numbers[0], numbers[1], "", f"This is not TOML: {reason}.", _shown(line))]) from None
        self._places = find_places(text)

    @property
    def has_errors(self) -> bool:
        """True once something was found that keeps the file from being used."""
        return any(problem.severity == "error" for problem in self.problems)

    def add(
        self,
        path: _Path,
        message: str,
        *,
        found: object = "",
        expected: str = "",
        remedy: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Keep a problem with the key at `path`, or with the table where its key is empty."""
        if len(self.problems) == PROBLEMS_MAX:
            self.problems.append(OrderProblem(self.name, 0, 0, "", "There are more problems than these; correct these first."))
        elif len(self.problems) < PROBLEMS_MAX:
            line, column = self._place(path)
            shown = _shown(found)
            self.problems.append(OrderProblem(self.name, line, column, self._named(path), message, shown, expected, remedy, severity))

    def check_tables(self, known: Mapping[str, Collection[str]]) -> None:
        """Report every top-level name that is no table of the file; `known` gives the tables with their keys."""
        for name in self.raw:
            if name not in known:
                homes = [table for table, keys in known.items() if name in keys]
                remedy = f"It belongs into the table {homes[0]}." if homes else nearest_sentence(name, known)
                self.add((name, 0, ""), "There is no such table.", found=name, expected=f"one of {', '.join(known)}", remedy=remedy)

    def table(self, name: str, keys: Mapping[str, Key], others: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The good values of `[name]`, which may be left out where no key is required; a key is missing where its value is not good.

        Args:
            name: The table.
            keys: Its keys.
            others: Keys that people look for here, with the sentence that says where they stand.
        """
        raw = self.raw.get(name, {})
        if not isinstance(raw, dict):
            self.add((name, 0, ""), "This must be one table.", found=raw, expected=f"[{name}], with a single pair of brackets")
            return {}
        if not raw and name not in self.raw and any(key.default is REQUIRED for key in keys.values()):
            self.add((name, 0, ""), f"The table [{name}] is missing.", remedy="`seatkeeper order template` prints an order to start from.")
            return {}
        return self._values(raw, (name, 0), keys, others or {})

    def tables(
        self, name: str, keys: Mapping[str, Key], *, count_max: int, others: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """The good values of each `[[name]]`, as of `table`."""
        raw = self.raw.get(name, [])
        if isinstance(raw, dict) or not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
            self.add((name, 0, ""), "These must be tables of a list.", found=raw, expected=f"[[{name}]], with double brackets")
            return [{}]
        if len(raw) > count_max:
            self.add((name, count_max, ""), f"There are more than {count_max} of these.", found=len(raw), remedy="Divide the order.")
            return [{}]
        return [self._values(each, (name, index), keys, others or {}) for index, each in enumerate(raw)]

    def _values(self, raw: dict[str, Any], table: tuple[str, int], keys: Mapping[str, Key], others: Mapping[str, str]) -> dict[str, Any]:
        meant: set[str] = set()
        for name, value in raw.items():
            if name not in keys:
                meant.update(nearest(name, keys)[:1])
                remedy = others.get(name) or nearest_sentence(name, keys)
                self.add((*table, name), "There is no such key.", found=name, expected=f"one of {', '.join(keys)}", remedy=remedy)
            elif isinstance(value, (dict, list)) and not keys[name].table:
                self.add((*table, name), "This must be a single value.", found=value, expected="a value without brackets")
        values: dict[str, Any] = {}
        for name, key in keys.items():
            if name in meant and name not in raw:
                continue
            if name not in raw:
                if key.default is REQUIRED:
                    self.add((*table, ""), f"The key {name!r} is missing.", expected=_expected_of(key))
                else:
                    values[name] = key.default
            elif key.table or not isinstance(raw[name], (dict, list)):
                try:
                    values[name] = key.read(raw[name])
                except Unfit as unfit:
                    message = unfit.message or "This value cannot be used."
                    self.add((*table, name), message, found=raw[name], expected=unfit.expected, remedy=unfit.remedy)
        return values

    def _place(self, path: _Path) -> Place:
        table, index, _ = path
        known = [self._places[each] for each in (path, (table, index, ""), (table, 0, "")) if each in self._places]
        return known[0] if known else (0, 0)

    def _named(self, path: _Path) -> str:
        table, index, key = path
        shown = f"{table}[{index + 1}]" if isinstance(self.raw.get(table), list) and self.raw[table] else table
        return f"{shown}.{key}" if key else shown


def _expected_of(key: Key) -> str:
    """What a missing key should hold: what its reader would say about nothing."""
    try:
        key.read(None)
    except Unfit as unfit:
        return unfit.expected
    return ""


def _shown(found: object) -> str:
    """A raw value as the user knows it."""
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, dict):
        return "a table"
    if isinstance(found, list):
        return "a list"
    if isinstance(found, float):
        return f"{found}, a number"
    text = found.isoformat() if isinstance(found, date) else str(found)
    return text if len(text) <= _FOUND_CHARS_MAX else text[: _FOUND_CHARS_MAX - 1] + "…"
