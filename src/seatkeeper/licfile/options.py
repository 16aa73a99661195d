r"""The text of an options file becomes its rules, groups and settings, and all of its mistakes are known after one pass.

Theory of operation. A physical line that ends in `\` is continued by the next one, unless that is blank or a comment. A comment
begins with `#` at the beginning of a word outside quotes and ends with its physical line. A line with an error is reported and has
no effect, and all the others have theirs: whether a file with errors is served at all is for the caller to decide. Groups are
resolved after all lines are read, since they add up and may come after their use; a rule about a group that does not exist is an
error too, but stays a rule about nobody, so that an INCLUDE with a misspelt group does not let everybody in.

Of two lines that set the same thing the last one counts, with a warning (facts, FlexNet 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.licfile import grammar
from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.options_grammar import EVENTS, KEYWORDS, KINDS, address_pattern, parse_spec
from seatkeeper.licfile.options_lines import OptionLine, logical_lines
from seatkeeper.licfile.options_model import EMPTY_OPTIONS, DebugLog, FeatureSpec, OptionsFile, ReportLog, Rule
from seatkeeper.licfile.report import Report, shortened
from seatkeeper.licfile.scanner import BLANKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.licfile.options_grammar import Keyword

__all__ = [
    "EMPTY_OPTIONS",
    "FILE_BYTES_MAX",
    "GROUP_MEMBERS_MAX",
    "LINES_MAX",
    "LINE_CHARS_MAX",
    "MEBIBYTE",
    "NAME_CHARS_MAX",
    "RESERVATIONS_MAX",
    "RULES_MAX",
    "DebugLog",
    "FeatureSpec",
    "OptionsFile",
    "ReportLog",
    "Rule",
    "parse_options",
]

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
LINES_MAX: Final = 1024 * 1024
#: "Line limit 4000 chars" (facts 3.1), with the continuation lines.
LINE_CHARS_MAX: Final = 4000
#: Lines that say who may use what.
RULES_MAX: Final = 200_000
#: "Max 10 000 reservations per file" (facts 3.4).
RESERVATIONS_MAX: Final = 10_000
#: Users or hosts of all groups together.
GROUP_MEMBERS_MAX: Final = 1_000_000
#: A name of a user, host, display, project or group.
NAME_CHARS_MAX: Final = 255
#: What AUTO_ROLLOVER counts in.
MEBIBYTE: Final = 1024 * 1024

_KEYWORD_NAMES: Final = tuple(KEYWORDS)
#: USER_GROUP names a GROUP wherever it stands (facts 3.4).
_KINDS: Final = {**{kind: kind for kind in KINDS}, "USER_GROUP": "GROUP"}


def parse_options(text: str, name: str = "") -> OptionsFile:
    """What the options file says; every mistake is among its `problems`, and no text raises an exception.

    Args:
        text: The whole file, with line ends of UNIX or Windows.
        name: The file's name, for those who cite its lines.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > FILE_BYTES_MAX:
        message = f"The file has {size:,} bytes, and an options file at most {FILE_BYTES_MAX:,}; divide the work among groups."
        return OptionsFile(name=name, problems=(Problem(0, 0, message),))
    count = text.count("\n")
    if count > LINES_MAX:
        message = f"The file has {count:,} lines, and an options file at most {LINES_MAX:,}; divide the work among groups."
        return OptionsFile(name=name, problems=(Problem(0, 0, message),))
    reader = _Reader(name)
    for line in logical_lines(text.split("\n"), reader.report, reader.check_continuation):
        reader.read(line)
    return reader.finish()


class _Wrong(Exception):
    """A line that has no effect; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Reader:
    """What has been read so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.report = Report()
        self.rules: list[Rule] = []
        self.groups: dict[str, dict[str, None]] = {}
        self.host_groups: dict[str, dict[str, None]] = {}
        self.nolog: set[str] = set()
        self.settings: dict[str, object] = {}
        self._set_at: dict[str, int] = {}
        self._members = 0
        self._reservations = 0
        self._columns: dict[int, int] = {}

    def read(self, line: OptionLine) -> None:
        """Takes one line in, or reports why not."""
        if not line.written:
            return
        try:
            self._check_text(line)
            keyword = KEYWORDS.get(line.written[0].upper()) if line.written[0].isascii() else None
            if keyword is None:
                found = line.written[0]
                hint = self.report.suggestion(found, _KEYWORD_NAMES)
                raise _Wrong(Problem(*line.place(0), f"This is no keyword of an options file{hint or '.'}", shortened(found)))
            if keyword.words:
                self._add(_rule(keyword, line, self.report), line)
            else:
                _READERS[keyword.name](self, keyword, line)
            if keyword.note:
                message = f"{keyword.name} has no effect here: {keyword.note}."
                self.report.add(Problem(*line.place(0), message, keyword.name, severity="warning"))
        except _Wrong as wrong:
            self.report.add(wrong.problem)

    def check_continuation(self, number: int, raw: str) -> None:
        """Reports a whole rule that the backslash before it has made a part of another line."""
        words = raw.split()
        keyword = KEYWORDS.get(words[0].upper()) if words and words[0].isascii() and len(raw) <= LINE_CHARS_MAX else None
        if keyword is None or not keyword.words:
            return
        try:
            _rule(keyword, OptionLine(number, [raw.rstrip(BLANKS).removesuffix("\\")]), Report())
        except _Wrong:
            return
        message = f"The line before ends in a backslash, so this {keyword.name} is read as a part of it; take the backslash away."
        self.report.add(Problem(number, 1 + len(raw) - len(raw.lstrip(BLANKS)), message, shortened(raw.strip(BLANKS))))

    def finish(self) -> OptionsFile:
        """The whole file."""
        groups = {name: tuple(members) for name, members in self.groups.items()}
        host_groups = {name: tuple(members) for name, members in self.host_groups.items()}
        self._check_groups()
        problems = self.report.all()
        return OptionsFile(
            name=self.name,
            rules=tuple(self.rules),
            groups=groups,
            host_groups=host_groups,
            nolog=frozenset(self.nolog),
            problems=tuple(sorted(problems, key=lambda problem: (problem.line or LINES_MAX + 2, problem.column))),
            **self.settings,  # type: ignore[arg-type]
        )

    def _check_text(self, line: OptionLine) -> None:
        if line.size > LINE_CHARS_MAX:
            message = f"The line has {line.size:,} characters with its continuation lines, and {LINE_CHARS_MAX:,} are the most"
            raise _Wrong(Problem(line.number, 1, f"{message}; GROUP lines of one name add up, so divide it."))
        text = line.text
        at = grammar.forbidden_at(text)
        if at >= 0:
            message = "A line may not hold this character, which cannot be seen or looks like a blank."
            raise _Wrong(Problem(*line.place_of(at), message, f"U+{ord(text[at]):04X}"))
        if text.count('"') % 2:
            raise _Wrong(Problem(*line.open_quote(), "The double quote is not closed on its line."))

    def _add(self, rule: Rule, line: OptionLine) -> None:
        if len(self.rules) >= RULES_MAX:
            raise _Wrong(
                Problem(rule.line, 1, f"An options file has at most {RULES_MAX:,} rules; this one is left out.", shortened(rule.text))
            )
        if rule.keyword == "RESERVE":
            self._reservations += 1
            if self._reservations > RESERVATIONS_MAX:
                message = f"An options file has at most {RESERVATIONS_MAX:,} reservations; this one is left out."
                raise _Wrong(Problem(rule.line, 1, message, shortened(rule.text)))
        if rule.kind in ("GROUP", "HOST_GROUP"):
            self._columns[len(self.rules)] = line.place(len(line.written) - 1)[1]
        self.rules.append(rule)

    def _check_groups(self) -> None:
        """Reports rules about groups that no line defines."""
        known = {"GROUP": self.groups, "HOST_GROUP": self.host_groups}
        names = {kind: tuple(groups) for kind, groups in known.items()}
        for index, column in self._columns.items():
            rule = self.rules[index]
            if rule.name in known[rule.kind]:
                continue
            other = "HOST_GROUP" if rule.kind == "GROUP" else "GROUP"
            if rule.name in known[other]:
                hint = f"; {rule.name} is a {other}."
            else:
                hint = self.report.suggestion(rule.name, names[rule.kind]) or f"; define it with {rule.kind} {shortened(rule.name)} ..."
            message = f"There is no {rule.kind} of this name, so the rule is about nobody{hint}"
            self.report.add(Problem(rule.line, column, message, shortened(rule.name)))

    def members(self, groups: dict[str, dict[str, None]], line: OptionLine) -> None:
        """A GROUP or HOST_GROUP line."""
        if len(line.written) < 2:
            raise _Wrong(_missing(KEYWORDS[line.written[0].upper()], line, 1, "a group's name"))
        name = _name(line, 1)
        members = groups.setdefault(name, {})
        if len(line.written) == 2 and not members:
            message = f"This line names nobody, so {shortened(name)} may be empty."
            self.report.add(Problem(*line.place(2), message, severity="warning"))
        self._members += len(line.written) - 2
        if self._members > GROUP_MEMBERS_MAX:
            raise _Wrong(Problem(line.number, 1, f"Groups have at most {GROUP_MEMBERS_MAX:,} members together; this line is left out."))
        hosts = groups is self.host_groups
        for index in range(2, len(line.written)):
            try:
                member = _name(line, index)
                if hosts:
                    _check_host(member, line, index)
                members[member] = None
            except _Wrong as wrong:
                self.report.add(wrong.problem)

    def set(self, field: str, value: object, line: OptionLine) -> None:
        """A setting; the last line counts."""
        if field in self._set_at:
            message = f"Line {self._set_at[field]} has set this already; the last line counts."
            self.report.add(Problem(*line.place(0), message, shortened(line.text), severity="warning"))
        self._set_at[field] = line.number
        self.settings[field] = value


# Lines that are rules.


def _rule(keyword: Keyword, line: OptionLine, report: Report) -> Rule:
    written = line.written
    feature: FeatureSpec | None = None
    kind = name = ""
    number = 0
    for index, word in enumerate(keyword.words, 1):
        if index >= len(written):
            raise _Wrong(_missing(keyword, line, index, _EXPECTED.get(word, keyword.what)))
        if word == "number":
            number = _number(keyword, line, index)
        elif word == "feature":
            feature = _spec(line, index)
        elif word == "kind":
            kind = _kind(line, index, report)
        else:
            name = _name(line, index)
            if kind == "HOST":
                _check_host(name, line, index)
            elif kind == "INTERNET" and address_pattern(name) is None:
                expected = "an address as 192.0.2.7, 192.0.2.* or 2001:db8:*"
                raise _Wrong(Problem(*line.place(index), "INTERNET takes an IP address.", shortened(name), expected))
    _nothing_after(keyword, line, len(keyword.words) + 1)
    return Rule(keyword.name, line.number, " ".join(written), feature, kind, name, number)


_EXPECTED: Final = {"feature": "a feature", "kind": " or ".join([", ".join(KINDS[:-1]), KINDS[-1]]), "name": "a name"}


def _missing(keyword: Keyword, line: OptionLine, index: int, expected: str) -> Problem:
    return Problem(*line.place(index), f"{keyword.name} is not complete; write it as {keyword.usage}.", "", expected)


def _nothing_after(keyword: Keyword, line: OptionLine, count: int) -> None:
    if len(line.written) <= count:
        return
    more = "one name a line, or a GROUP" if keyword.words[-1:] == ("name",) else "nothing more"
    message = f"{keyword.name} ends before this word; write it as {keyword.usage}."
    raise _Wrong(Problem(*line.place(count), message, shortened(line.written[count]), more))


def _bare(word: str) -> str:
    """The word without its quotes."""
    return word.replace('"', "") if '"' in word else word


def _number(keyword: Keyword, line: OptionLine, index: int) -> int:
    text = _bare(line.written[index])
    # No more digits than the greatest number has, and some zeros before it: int() takes its time with long ones.
    if text.isascii() and text.isdigit() and len(text) <= 2 * grammar.NUMBER_DIGITS_MAX and keyword.low <= int(text) <= keyword.high:
        return int(text)
    message = f"{keyword.name} takes {keyword.what} here; write it as {keyword.usage}."
    expected = f"{keyword.what} from {keyword.low:,} to {keyword.high:,}"
    raise _Wrong(Problem(*line.place(index), message, shortened(text), expected))


def _spec(line: OptionLine, index: int) -> FeatureSpec:
    text = _bare(line.written[index])
    try:
        return parse_spec(text)
    except ValueError as error:
        raise _Wrong(Problem(*line.place(index), "This is no feature of a rule.", shortened(text), str(error))) from None


def _kind(line: OptionLine, index: int, report: Report) -> str:
    text = _bare(line.written[index])
    kind = _KINDS.get(text.upper()) if text.isascii() else None
    if kind is None:
        hint = report.suggestion(text, KINDS)
        raise _Wrong(Problem(*line.place(index), f"This is no type of subject{hint or '.'}", shortened(text), _EXPECTED["kind"]))
    return kind


def _name(line: OptionLine, index: int) -> str:
    name = _bare(line.written[index])
    if not name.strip(BLANKS) or len(name) > NAME_CHARS_MAX:
        expected = f"a name of 1 to {NAME_CHARS_MAX} characters"
        raise _Wrong(Problem(*line.place(index), f"This name has {len(name):,} characters.", shortened(name), expected))
    return name


def _check_host(name: str, line: OptionLine, index: int) -> None:
    """A host is a name, an address, or a range of addresses; there are no wildcards in names."""
    if "*" in name and address_pattern(name) is None:
        message = "A * stands for a field of an IP address only, not for a part of a host's name."
        raise _Wrong(Problem(*line.place(index), message, shortened(name), "a host name, or an address as 192.0.2.*"))


# Other lines.


def _group(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    reader.members(reader.groups if keyword.name == "GROUP" else reader.host_groups, line)


def _choice(keyword: Keyword, line: OptionLine, index: int, choices: tuple[str, ...]) -> str:
    if index >= len(line.written):
        raise _Wrong(_missing(keyword, line, index, " or ".join(choices)))
    text = _bare(line.written[index])
    if not text.isascii() or text.upper() not in choices:
        message = f"{keyword.name} does not know this word; write it as {keyword.usage}."
        raise _Wrong(Problem(*line.place(index), message, shortened(text), " or ".join(choices)))
    return text.upper()


def _switch(field: str, choices: tuple[str, str]) -> Callable[[_Reader, Keyword, OptionLine], None]:
    """A reader of lines that choose between two words, of which the second sets `field`."""

    def read(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
        chosen = _choice(keyword, line, 1, choices)
        _nothing_after(keyword, line, 2)
        reader.set(field, chosen == choices[1], line)

    return read


def _nolog(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    event = _choice(keyword, line, 1, EVENTS)
    # "One event per line" (facts 3.4).
    _nothing_after(keyword, line, 2)
    reader.nolog.add(event)


def _path(keyword: Keyword, line: OptionLine) -> tuple[str, bool]:
    """The path of a log, and whether what stands there is kept."""
    text = _bare(line.written[1]) if len(line.written) > 1 else ""
    path = text.removeprefix("+")
    if not path.strip(BLANKS):
        raise _Wrong(_missing(keyword, line, 1, "a path, with + before it to append"))
    return path, path != text


def _reportlog(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    path, append = _path(keyword, line)
    hide_user = len(line.written) > 2
    if hide_user:
        _choice(keyword, line, 2, ("HIDE_USER",))
    _nothing_after(keyword, line, 3)
    reader.set("reportlog", ReportLog(path, append, hide_user), line)


def _debuglog(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    path, append = _path(keyword, line)
    rollover = 0
    index = 2
    while index < len(line.written):
        word = _choice(keyword, line, index, ("OBF_ADDMARK", "AUTO_ROLLOVER"))
        index += 1
        if word == "AUTO_ROLLOVER":
            if index >= len(line.written):
                raise _Wrong(_missing(keyword, line, index, "a number of megabytes"))
            rollover = _number(keyword, line, index) * MEBIBYTE
            index += 1
        else:
            message = "OBF_ADDMARK has no effect here: names are not hidden in the debug log."
            reader.report.add(Problem(*line.place(index - 1), message, word, severity="warning"))
    reader.set("debuglog", DebugLog(path, append, rollover), line)


def _connections(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    if len(line.written) < 2:
        raise _Wrong(_missing(keyword, line, 1, keyword.what))
    number = _number(keyword, line, 1)
    _nothing_after(keyword, line, 2)
    reader.set("max_connections", number, line)


def _without_effect(reader: _Reader, keyword: Keyword, line: OptionLine) -> None:
    """A line that is known and does nothing: only its length is checked."""
    count = len(keyword.usage.split())
    if len(line.written) < count:
        raise _Wrong(_missing(keyword, line, len(line.written), keyword.usage.split()[len(line.written)]))
    _nothing_after(keyword, line, count)
    if keyword.name == "DAEMON_SELECT_TIMEOUT":
        _number(keyword, line, 1)


_READERS: Final[dict[str, Callable[[_Reader, Keyword, OptionLine], None]]] = {
    "GROUP": _group,
    "HOST_GROUP": _group,
    "GROUPCASEINSENSITIVE": _switch("case_insensitive", ("OFF", "ON")),
    "NOLOG": _nolog,
    "REPORTLOG": _reportlog,
    "DEBUGLOG": _debuglog,
    "AUTOMATIC_REREAD": _switch("automatic_reread", ("OFF", "ON")),
    "DAEMON_SELECT_TIMEOUT": _without_effect,
    "FQDN_MATCHING": _switch("fqdn_lenient", ("EXACT", "LENIENT")),
    "MAX_CONNECTIONS": _connections,
    **{name: _without_effect for name, keyword in KEYWORDS.items() if keyword.note and name != "DAEMON_SELECT_TIMEOUT"},
}
