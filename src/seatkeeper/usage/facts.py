"""What was observed, in one schema: whoever measures reads these columns, and whoever brings data writes them.

A fact is a row of one kind. Times are whole UTC seconds since 1970, as a contact center's database has them (facts, LRM 2); a fraction
of a second is cut off a beginning and rounds an end up, so that no seat is counted for less than it was held. What has no end yet has a
null there. Text that is unknown is empty. Lists are kept as text between bars, `|chat|voice|`, sorted, which every engine can search.

Facts come from several sources, in any order, and again: rows with the same key are one fact. What they say is joined so that the
order does not matter: the earlier beginning; an end that was seen before one that was estimated, and the later of two; of two names the
one that is not empty; all that stands in lists. So a replay changes nothing, and of a pair of databases that saw the same session the
one that saw its end is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError

if TYPE_CHECKING:
    from ibis.expr.types import ArrayValue, StringValue

__all__ = [
    "DAY_S",
    "FIELD_CHARS_MAX",
    "GAP_FILLED",
    "KINDS",
    "LIST_BAR",
    "PART_BAR",
    "Column",
    "ColumnType",
    "Kind",
    "entries",
    "kind_named",
    "kind_of_columns",
]

#: Seconds of a UTC day.
DAY_S: Final = 86_400
#: Separates the entries of a list, in files and in tables.
LIST_BAR: Final = "|"
#: Separates a source from the part of it that observed: `icon-north#17`. Gaps are those of the source.
PART_BAR: Final = "#"
#: The reason of a gap that is none any more, since its time was read later: facts are never taken back, and of two reasons of the same
#: gap the one that sorts last is kept, as this one does.
GAP_FILLED: Final = "~ read later"
#: As long as a text of a fact may be.
FIELD_CHARS_MAX: Final = 4_000

#: `text` and `list` are strings, never null; `time` and `whole` are integers, null where they may be missing; `flag` is a boolean.
ColumnType = Literal["text", "list", "time", "whole", "flag"]


class Column(msgspec.Struct, frozen=True):
    """One column of a kind of facts.

    Attributes:
        name: As in the files.
        type: What it holds.
        required: Every row has it.
        optional: A file may lack the whole column.
        join: How rows of the same key are made one: the larger, or the smaller. Lists are always united, and an end is joined with
            its flag `estimated`.
        folded: Words of a list that programs know, in lower case.
    """

    name: str
    type: ColumnType
    required: bool = False
    optional: bool = False
    join: Literal["max", "min"] = "max"
    folded: bool = False


class Kind(msgspec.Struct, frozen=True):
    """One kind of facts.

    Attributes:
        name: What it is called, in directories and messages.
        what: One fact, in words.
        columns: In the order of the files.
        key: Rows that agree in these are one fact.
        begins: The column by whose UTC day facts are kept together.
        ends: The column that says until when it holds, exclusive; empty where a fact has no duration.
        spread_s: Two sources may tell the same fact with beginnings so far apart.
    """

    name: str
    what: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    begins: str
    ends: str = ""
    spread_s: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(column.name for column in self.columns)


def _text(name: str, *, required: bool = False, optional: bool = False) -> Column:
    return Column(name, "text", required, optional)


def _words(name: str) -> Column:
    return Column(name, "text", folded=True)


def _sources() -> Column:
    # Who saw it: more than one where it was seen twice, so that it is open as long as one of them still sees it.
    return Column("source", "list", required=True)


def _begin(name: str) -> Column:
    return Column(name, "time", required=True, join="min")


#: By name, in the order in which a report asks for them.
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "sessions",
            "a login session of an agent, from login up to but not including logout",
            (
                _sources(),
                _text("session_id", required=True),
                _text("tenant"),
                _text("agent"),
                _text("place"),
                _text("dn"),
                _words("switch_kind"),
                Column("media", "list", folded=True),
                _words("client"),
                Column("queues", "list"),
                _begin("login"),
                Column("logout", "time"),
                Column("estimated", "flag", optional=True),
            ),
            ("session_id",),
            "login",
            "logout",
            spread_s=DAY_S,
        ),
        Kind(
            "configuration",
            "something that was configured, from one moment to another: an agent's capability, a member of a group, a port",
            (
                _text("source", required=True),
                _text("tenant"),
                Column("kind", "text", required=True, folded=True),
                _text("name", required=True),
                _text("detail"),
                _begin("since"),
                Column("until", "time"),
            ),
            ("tenant", "kind", "name", "detail", "since"),
            "since",
            "until",
        ),
        Kind(
            "ports",
            "the most ports in use at once during some time, as a reporting server of a voice platform has counted them",
            (
                _text("source", required=True),
                _text("tenant"),
                Column("kind", "text", required=True, folded=True),
                _begin("start"),
                Column("seconds", "whole", required=True),
                Column("peak", "whole", required=True),
                Column("peak_time", "time"),
            ),
            ("tenant", "kind", "start", "seconds"),
            "start",
        ),
        Kind(
            "recordings",
            "a recording of a call, from its beginning to its end",
            (
                _sources(),
                _text("recording_id", required=True),
                _text("tenant"),
                _text("agent"),
                _begin("started"),
                Column("ended", "time"),
                Column("estimated", "flag", optional=True),
            ),
            ("recording_id",),
            "started",
            "ended",
            spread_s=DAY_S,
        ),
        Kind(
            "checkouts",
            "seats of a feature that a license server gave out, from checkout to checkin",
            (
                _text("source", required=True),
                _text("handle", required=True),
                _text("feature", required=True),
                _text("user"),
                _text("host"),
                Column("seats", "whole", required=True),
                _begin("taken"),
                Column("returned", "time"),
                Column("estimated", "flag", optional=True),
            ),
            ("source", "handle", "taken"),
            "taken",
            "returned",
        ),
        Kind(
            "denials",
            "a checkout that a license server refused, as often as it was asked for in that second",
            (
                _text("source", required=True),
                _text("feature", required=True),
                _text("user"),
                _text("host"),
                _begin("at"),
                Column("code", "whole", required=True),
                Column("times", "whole", required=True),
            ),
            ("source", "feature", "user", "host", "at", "code"),
            "at",
        ),
        Kind(
            "ends",
            "the moment at which a source stopped to observe; what is still open there ended then, as far as anybody knows",
            (_text("source", required=True), _begin("ended")),
            ("source", "ended"),
            "ended",
        ),
        Kind(
            "gaps",
            "a time of which a source has no data, and why",
            (_text("source", required=True), _begin("since"), Column("until", "time", required=True), _text("reason")),
            ("source", "since", "until"),
            "since",
            "until",
        ),
    )
}


def entries(text: StringValue) -> ArrayValue:
    """The entries of lists that are kept as text, and an empty one before the first bar and after the last."""
    # A pattern, since Spark takes every separator for one; to it a bare bar is a choice between nothing and nothing.
    return text.re_split("[|]")


def kind_named(name: str) -> Kind:
    """The kind of that name.

    Raises:
        InputError: There is none.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise InputError("This is no kind of facts.", file="--kind", found=name, expected=", ".join(KINDS))
    return kind


def kind_of_columns(columns: tuple[str, ...], file: str) -> Kind:
    """The kind of facts that a file with these columns has; other columns beside them do not matter.

    Raises:
        InputError: No kind has them; what the most similar one lacks is said.
    """
    best: Kind | None = None
    lacking: tuple[str, ...] = ()
    for kind in KINDS.values():
        missing = tuple(column.name for column in kind.columns if not column.optional and column.name not in columns)
        if not missing:
            return kind
        if best is None or len(missing) < len(lacking):
            best, lacking = kind, missing
    assert best is not None
    raise InputError(
        "The columns are those of no kind of facts.",
        file=file,
        line=1,
        found=",".join(columns),
        expected=f"for {best.name} also {', '.join(lacking)}",
        remedy="docs/usage.md lists the columns of each kind.",
    )
