"""An options file as values: its rules in the file's order, its groups, its settings, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from seatkeeper.licfile.model import Problem

__all__ = ["EMPTY_OPTIONS", "DebugLog", "FeatureSpec", "OptionsFile", "ReportLog", "Rule"]


class FeatureSpec(msgspec.Struct, frozen=True, gc=False):
    """Which pools a rule is about: those of a feature or of a package, narrowed by what their license lines say.

    Attributes:
        name: The feature's or package's name as written; upper and lower case are the same.
        keys: Keyword (as `options_grammar.SPEC_KEYWORDS` writes it) and value of each narrowing, in the file's order.
    """

    name: str
    keys: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """As an options file may write it."""
        return ":".join([self.name, *(f"{keyword}={value}" for keyword, value in self.keys)])


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A line that says who may use what, or how.

    Attributes:
        keyword: In upper case.
        line: Line number from 1.
        text: The line as written, with single blanks and without comment.
        feature: Which pools; None for a rule about all of them.
        kind: USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP; empty for a rule that is about everybody.
        name: The user, host or other subject.
        number: Seats, seconds or hours; 0 where the keyword takes none.
    """

    keyword: str
    line: int
    text: str
    feature: FeatureSpec | None = None
    kind: str = ""
    name: str = ""
    number: int = 0


class ReportLog(msgspec.Struct, frozen=True):
    """`REPORTLOG [+]path [HIDE_USER]`."""

    path: str
    append: bool = False
    hide_user: bool = False


class DebugLog(msgspec.Struct, frozen=True):
    """`DEBUGLOG [+]path [OBF_ADDMARK] [AUTO_ROLLOVER size]`; `rollover_bytes` is 0 where the log is not rolled over."""

    path: str
    append: bool = False
    rollover_bytes: int = 0


class OptionsFile(msgspec.Struct, frozen=True):
    """What one options file says.

    Attributes:
        name: The file's name, for those who cite its lines; empty where there is no file.
        rules: In the file's order; a line with an error is not among them.
        groups: Name -> its users, in the order of the file's GROUP lines.
        host_groups: Name -> its hosts.
        case_insensitive: Whether names within groups are compared without regard to case.
        nolog: Events that the debug log leaves out.
        reportlog: Where the report log is written; None for nowhere.
        debuglog: Where this daemon's own debug log is written; None for lmgrd's.
        automatic_reread: Whether the files are reread at midnight.
        max_connections: Connections that the daemon takes; 0 without a limit of its own.
        fqdn_lenient: Whether of two host names only those parts are compared that both have.
        problems: All that is wrong with the file, in the order of its lines.
    """

    name: str = ""
    rules: tuple[Rule, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = {}
    host_groups: Mapping[str, tuple[str, ...]] = {}
    case_insensitive: bool = False
    nolog: frozenset[str] = frozenset()
    reportlog: ReportLog | None = None
    debuglog: DebugLog | None = None
    automatic_reread: bool = True
    max_connections: int = 0
    fqdn_lenient: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def base_name(self) -> str:
        """The file's name without its directory, which is nobody's business but the administrator's."""
        return self.name.replace("\\", "/").rpartition("/")[2]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that is wrong with the file, each in one sentence with its place."""
        return tuple(f"{self.name}:{one.line}:{one.column}: {one.message}" for one in self.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps a line from having an effect."""
        return tuple(one for one in self.problems if one.severity == "error")

    def cite(self, rule: Rule) -> str:
        """The rule as a denial names it: `genesys.d.opt:12: EXCLUDE f1 USER joe`."""
        return f"{self.base_name}:{rule.line}: {rule.text}"


#: What holds where there is no options file.
EMPTY_OPTIONS: Final = OptionsFile()
