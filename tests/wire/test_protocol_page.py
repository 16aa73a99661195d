"""docs/protocol.md is the wire: its tables name every message, field, type, default and limit; its example is what is sent."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import msgspec
import pytest
from msgspec import inspect

from seatkeeper.base.errors import LICENSE_ERRORS
from seatkeeper.client.remedies import PLACES
from seatkeeper.client.states import STATES, State
from seatkeeper.server.listener import STAGES_GREETED, STAGES_NEW
from seatkeeper.vendor.state import VendorSettings
from seatkeeper.wire import messages, status
from seatkeeper.wire.framing import HEADER_BYTES, decode_client, decode_server, encode_preface, frame
from seatkeeper.wire.messages import ClientMessage, ServerMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
CLIENT: tuple[type[msgspec.Struct], ...] = get_args(ClientMessage)
SERVER: tuple[type[msgspec.Struct], ...] = get_args(ServerMessage)
PARTS = [getattr(status, name) for name in status.__all__]
#: Where the limits of the page's third column are to be found.
LIMITS = [
    "wire.messages",
    "wire.framing",
    "server.accept",
    "server.channels",
    "server.child",
    "server.crowd",
    "server.listener",
    "vendor.checkouts",
    "vendor.state",
    "licfile.trust",
    "client.contact",
]


def section(heading: str) -> str:
    """What stands under a heading, up to the next of any level."""
    found = re.search(rf"(?ms)^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE)
    assert found, f"docs/protocol.md has no heading `{heading}`"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the first table's rows, without its head."""
    table = re.search(r"(?m)(^\|.*\n)+", text)
    lines = table[0].splitlines() if table else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def type_word(kind: inspect.Type) -> str:
    """What the page's second column says for a field of this type."""
    match kind:
        case inspect.BoolType():
            return "flag"
        case inspect.StrType():
            return "text" if kind.max_length is None else f"text {kind.max_length:,}"
        case inspect.BytesType():
            assert kind.min_length == kind.max_length
            return "bytes" if kind.max_length is None else f"bytes {kind.max_length}"
        case inspect.IntType():
            return {(None, None): "integer", (0, 2**53): "number", (1, 2**31 - 1): "count"}[kind.ge, kind.le]
        case inspect.FloatType():
            return {(None, None): "real", (0, 2**53): "time"}[kind.ge, kind.le]
        case inspect.ListType():
            return f"list{f' {kind.max_length:,}' if kind.max_length is not None else ''} of {type_word(kind.item_type)}"
        case inspect.LiteralType():
            return " or ".join(f"`{value}`" for value in kind.values)
        case inspect.StructType():
            return kind.cls.__name__
    raise TypeError(f"the page has no word for {kind}")


def default_word(field: inspect.Field) -> str:
    """What the page's third column says."""
    if field.default_factory is not msgspec.NODEFAULT:
        return "[]"
    value = field.default
    if value is msgspec.NODEFAULT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    return {"": '""', b"": "empty"}[value]


def described(struct: type[msgspec.Struct]) -> list[list[str]]:
    """The first three columns of the table that a struct must have."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return [[field.name, type_word(field.type), default_word(field)] for field in info.fields]


def tag(struct: type[msgspec.Struct]) -> object:
    return struct.__struct_config__.tag


@pytest.mark.parametrize("struct", [*CLIENT, *SERVER], ids=lambda struct: struct.__name__)
def test_a_message_has_its_table(struct: type[msgspec.Struct]) -> None:
    assert [row[:3] for row in rows(section(f"{struct.__name__} ({tag(struct)})"))] == described(struct)


@pytest.mark.parametrize("struct", PARTS, ids=lambda struct: struct.__name__)
def test_a_part_of_a_message_has_its_table(struct: type[msgspec.Struct]) -> None:
    assert [row[:3] for row in rows(section(struct.__name__))] == described(struct)


def test_the_page_describes_no_message_that_does_not_exist() -> None:
    headings = re.findall(r"(?m)^#+ (\w+) \((\d+)\)$", PAGE)
    assert sorted(headings) == sorted((struct.__name__, str(tag(struct))) for struct in (*CLIENT, *SERVER))
    assert len({number for _, number in headings}) == len(headings)
    parts = re.findall(r"(?m)^#### (\w+)$", PAGE)
    assert sorted(parts) == sorted(struct.__name__ for struct in PARTS)


def test_client_and_server_tags_lie_apart() -> None:
    assert all(tag(struct) < 32 for struct in CLIENT)  # type: ignore[operator]
    assert all(tag(struct) >= 32 for struct in SERVER)  # type: ignore[operator]


def test_every_message_named_in_the_text_exists() -> None:
    known = {struct.__name__ for struct in (*CLIENT, *SERVER, *PARTS)}
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", re.sub(r"(?ms)^```.*?^```", "", PAGE)))
    assert named <= known, f"docs/protocol.md names messages that do not exist: {', '.join(sorted(named - known))}"


def test_what_each_stage_takes() -> None:
    stages = {row[0]: row[1].split(", ") for row in rows(section("Tools and administration"))}
    assert set(stages["vendor daemon, before the Hello"]) == {kind.__name__ for kind in STAGES_NEW}
    assert set(stages["vendor daemon, after the Hello"]) == {kind.__name__ for kind in STAGES_GREETED}
    # Whatever an application or a tool may say, somebody takes it.
    assert {name for names in stages.values() for name in names} == {kind.__name__ for kind in CLIENT}


def test_the_states_of_a_client() -> None:
    table = rows(section("The client's states"))
    known = {state.value: {after.value for after in following} for state, following in STATES.items()}
    assert {row[0] for row in table} - {"any"} == set(known) - {State.CLOSED.value}
    for state, _, _, following in table:
        if state != "any":
            named = {word.strip() for word in following.split(",")}
            assert named <= known[state] | {state}, f"a client does not go from {state} to {following}"


def limit(name: str) -> Any:
    """The value of a limit that the page calls by this name."""
    owner, _, setting = name.partition(".")
    if setting:
        assert owner == "VendorSettings"
        return getattr(VendorSettings("genesys.d"), setting)
    found = [getattr(module, name) for path in LIMITS if hasattr(module := import_module(f"seatkeeper.{path}"), name)]
    assert found, f"docs/protocol.md names a limit {name}, and no module has it"
    assert len(set(found)) == 1, f"{name} has several values"
    return found[0]


@pytest.mark.parametrize(("what", "value", "name"), rows(section("Limits")))
def test_a_limit_is_what_the_page_says(what: str, value: str, name: str) -> None:
    number = re.match(r"[\d,.]+", value)
    assert number, f"{what}: {value!r} begins with no number"
    assert float(number[0].replace(",", "")) == limit(name), what


def test_every_limit_of_the_messages_is_named() -> None:
    named = {row[2] for row in rows(section("Limits"))}
    assert {name for name in messages.__all__ if name.isupper()} - named == {"PROTOCOL"}


def numbers_in(*files: str) -> set[int]:
    """The license errors with which a file denies or refuses."""
    pattern = re.compile(r"(?:Decision|Rights|Refused|refuse|turn_away|Close)\(\s*(?:\w+(?:\.\w+)?, )?(-\d+)")
    return {int(number) for name in files for number in pattern.findall((ROOT / "src" / "seatkeeper" / name).read_text(encoding="utf-8"))}


def tables(heading: str) -> Iterator[list[list[str]]]:
    """All tables under a heading."""
    for table in re.findall(r"(?m)(?:^\|.*\n)+", section(heading)):
        yield rows(table)


def test_the_numbers_are_those_that_the_server_sends() -> None:
    refused, denied, seconds = tables("Numbers")
    # What an answer's own number says elsewhere (Lost, the clock at start) is no denial.
    assert {int(row[0]) for row in denied} == numbers_in(
        "pools/decision.py", "pools/access.py", "vendor/borrowing.py", "vendor/checkouts.py"
    )
    assert {int(row[0]) for row in refused} == numbers_in(
        "server/accept.py", "server/channels.py", "server/child.py", "server/listener.py", "server/lmgrd.py", "vendor/machine.py"
    )
    assert {int(row[0]) for row in [*refused, *denied]} <= set(LICENSE_ERRORS)
    others = {number for number, place in PLACES.items() if "other programs" in place}
    assert {int(row[0]) for row in seconds} == set(PLACES) - others


class Frame(NamedTuple):
    """One line of the page's conversation: whose, the bytes, and what they say."""

    sender: str
    data: bytes
    says: str


def conversation() -> list[Frame]:
    block = re.search(r"(?ms)^```text\n(.*?)^```", section("An example"))
    assert block
    found: list[Frame] = []
    for line in block[1].splitlines():
        sender, rest = line[:1], line[1:].strip()
        if re.fullmatch(r"[0-9a-f]{2}( [0-9a-f]{2})*", rest):
            if sender != " ":
                found.append(Frame(sender, b"", ""))
            found[-1] = found[-1]._replace(data=found[-1].data + bytes.fromhex(rest))
        else:
            found[-1] = found[-1]._replace(says=f"{found[-1].says} {rest}".strip())
    return found


def spoken(says: str) -> msgspec.Struct:
    """The message that a line like `Beat(sequence=1)` means."""
    call = ast.parse(says, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    assert not call.args
    made: msgspec.Struct = getattr(messages, call.func.id)(**{word.arg: ast.literal_eval(word.value) for word in call.keywords})
    return made


def test_the_conversation_is_what_is_sent() -> None:
    preface, *frames = conversation()
    assert preface.data == encode_preface("genesys.d")
    for one in frames:
        message = spoken(one.says)
        assert frame(message).hex(" ") == one.data.hex(" "), one.says
        decode = {"C": decode_client, "S": decode_server}[one.sender]
        assert decode(one.data[HEADER_BYTES:]) == message
    assert {type(spoken(one.says)).__name__ for one in frames} >= {
        "Hello", "Welcome", "Checkout", "Granted", "Denied", "Heartbeat", "Beat", "Lost", "Checkin", "Returned", "Goodbye"
    }  # fmt: skip


def test_a_short_body_says_the_same_as_the_whole_one() -> None:
    after = section("An example").rpartition("```")[2]
    (short,) = re.findall(r"`((?:[0-9a-f]{2} )+[0-9a-f]{2})`", after)
    data = bytes.fromhex(short)
    whole = next(spoken(one.says) for one in conversation()[1:] if one.says.startswith("Checkout"))
    assert int.from_bytes(data[:HEADER_BYTES], "big") == len(data) - HEADER_BYTES
    assert decode_client(data[HEADER_BYTES:]) == whole
