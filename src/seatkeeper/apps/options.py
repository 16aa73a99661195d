"""An application's option has a default, valid values and a moment from which a change holds; a value that is not valid is its default.

Options are those of the Application object: section, name, text. The default in place of an invalid value is the guide's rule
("Exceeding the Number of Licenses").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "COUNT_MAX",
    "IMMEDIATELY",
    "MAX",
    "RESTART",
    "Change",
    "Option",
    "OptionValues",
    "Value",
    "count_of",
    "count_option",
    "flag_option",
    "number_of",
]

#: So many licenses of one feature may one instance of an application check out (guide, the warning in "Technical Licenses").
COUNT_MAX: Final = 9999
#: The word for "all there are".
MAX: Final = "max"

IMMEDIATELY: Final = "immediately"
RESTART: Final = "after restart"

Value = str | int | bool


class Option(msgspec.Struct, frozen=True):
    """One option.

    Attributes:
        section: Section on the Options tab, such as `license`.
        name: As written there.
        default: Used where none is given or the one given is not valid.
        text: What it is for, in one sentence.
        words: Words that are valid.
        low, high: Numbers that are valid, from and to; `high` 0 for an option that takes no number.
        flag: Takes true or false.
        any_text: Takes every text.
        takes_effect: When a change holds: IMMEDIATELY or RESTART.
    """

    section: str
    name: str
    default: Value
    text: str
    words: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    flag: bool = False
    any_text: bool = False
    takes_effect: str = IMMEDIATELY

    @property
    def valid(self) -> str:
        """The valid values, for a person."""
        parts = [*self.words]
        parts += [f"{self.low} to {self.high}"] if self.high else []
        parts += ["true", "false"] if self.flag else []
        return "any text" if self.any_text else ", ".join(parts)

    def read(self, given: Value | None) -> tuple[Value, bool]:
        """The value that holds, and whether the one given was valid; None, for none given, is."""
        if given is None:
            return self.default, True
        if self.any_text:
            return str(given), True
        if self.flag:
            word = str(given).strip().lower()
            if word in _TRUE or word in _FALSE:
                return word in _TRUE, True
            return self.default, False
        if not isinstance(given, bool):
            text = str(given).strip().lower()
            if text in self.words:
                return text, True
            number = number_of(text)
            if self.high and number is not None and self.low <= number <= self.high:
                return number, True
        return self.default, False


_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


def number_of(text: str) -> int | None:
    """The decimal number that a text is; None where it is none. A sign is allowed, and so are more digits than any count has."""
    digits = text[1:] if text[:1] in "+-" else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        return None
    return int(text)


def count_option(name: str, text: str, *, default: Value = MAX, takes_effect: str = IMMEDIATELY) -> Option:
    """An option of section [license] that is a number of seats, or `max` for all there are."""
    return Option("license", name, default, text, words=(MAX,), high=COUNT_MAX, takes_effect=takes_effect)


def flag_option(section: str, name: str, text: str, *, default: bool = False, takes_effect: str = IMMEDIATELY) -> Option:
    """An option that is true or false."""
    return Option(section, name, default, text, flag=True, takes_effect=takes_effect)


def count_of(value: object) -> int:
    """How many seats an option asks for: `max` and 0 stand for all there are (facts, LRM 7)."""
    return value if isinstance(value, int) and value else COUNT_MAX


class Change(msgspec.Struct, frozen=True):
    """What became of changed options: whether any holds another value now, and what people are to be told."""

    differs: bool
    faults: tuple[str, ...]
    after_restart: tuple[str, ...]


class OptionValues:
    """The options of one application, of which each has the value that holds now.

    Attributes:
        faults: A sentence about each value that was given at first and is not valid.
    """

    def __init__(self, options: Iterable[Option], given: Mapping[str, Mapping[str, Value]]) -> None:
        self._options = {(option.section, option.name): option for option in options}
        self._values: dict[tuple[str, str], Value] = {}
        self._invalid: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        for key in self._options:
            value, fault = self._read(key, given.get(key[0], {}).get(key[1]))
            self._values[key] = value
            self.faults += [fault] if fault else []

    def __getitem__(self, key: tuple[str, str]) -> Value:
        return self._values[key]

    def is_meant(self, name: str, section: str = "license") -> bool:
        """Whether the value that was given last is one that the option can have, and not its default in place of that."""
        return (section, name) not in self._invalid

    def change(self, changes: Mapping[str, Mapping[str, Value | None]]) -> Change:
        """Takes new values, None for the default; those that hold only after a restart leave the old ones in force."""
        faults: list[str] = []
        after_restart: list[str] = []
        differs = False
        for section, options in changes.items():
            for name, given in options.items():
                option = self._options.get((section, name))
                if option is None:
                    continue
                value, fault = self._read((section, name), given)
                faults += [fault] if fault else []
                if value == self._values[section, name]:
                    continue
                if option.takes_effect == RESTART:
                    after_restart.append(f"The new value of option {name} takes effect after a restart.")
                else:
                    self._values[section, name] = value
                    differs = True
        return Change(differs, tuple(faults), tuple(after_restart))

    def _read(self, key: tuple[str, str], given: Value | None) -> tuple[Value, str]:
        option = self._options[key]
        value, good = option.read(given)
        self._invalid.discard(key)
        if good:
            return value, ""
        self._invalid.add(key)
        return value, (
            f"Option {option.name} in section {option.section} has the value {given!r}, which is not valid ({option.valid}); "
            f"its default {option.default} is used."
        )
