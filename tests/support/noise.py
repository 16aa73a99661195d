"""Random messages of the protocol: valid ones of every kind, with the values that make trouble, and ones that are a little wrong.

The fields' types are read from the messages themselves, so that a message that is added later is among them without a word here.
"""

from __future__ import annotations

import time
import typing
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.wire.messages import PROTOCOL, AskDown, AskReread, AskSwitch, Checkin, Checkout, ClientMessage, Hello
from support.hostile import header

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection

__all__ = ["KINDS", "Noise"]

KINDS: tuple[type, ...] = typing.get_args(ClientMessage)
#: What a test must not ask: it would end the server, write files under random names, or read all license files again each time.
_LEFT_OUT = (AskDown, AskSwitch, AskReread)

_NUMBERS = (
    0,
    1,
    2,
    3,
    101,
    102,
    103,
    127,
    128,
    255,
    256,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**53 + 1,
    2**63,
    2**64 - 1,
    -1,
)
_TEXTS = (
    *(
        "",
        "f1",
        "F1",
        "many",
        "none",
        "good",
        "8.0",
        "8.5",
        "1e400",
        "-1",
        "8,0",
        "nan",
        "." * 10,
        "9" * 10,
        "a" * 255,
        "a" * 256,
        "a" * 257,
    ),
    *(
        "ann",
        "genesys.d",
        "\x00",
        "\x1b[2J",
        "\n",
        "a\r\nOUT: x",
        "\u2028",
        "é" * 100,
        "漢" * 256,
        "\U0001f600" * 64,
        "%s%n",
        "../../etc/passwd",
    ),
    *("' OR 1=1 --", "root", "/dev/tty", "x" * 32, "x" * 33, "[red]", "{0}", "\ufeff", "\u202e"),
)


#: Values of another type, or beyond every limit.
_WRONG: tuple[object, ...] = (None, -1, 1.5, "x", b"x", [], {}, True, [[]], 2**63, 2**64 - 1, "a" * 5000, b"s" * 17, [0] * 10_000)


@lru_cache
def _field_types(kind: type) -> list[Any]:
    return [field.type for field in msgspec.inspect.type_info(kind).fields]  # type: ignore[attr-defined]


class Noise:
    """Makes frames at random.

    Args:
        chance: The source of randomness.
        wildness: The share of frames that are wrong: of another shape, of another length, with values of another type.
        kinds: Of which messages; all but those that would end the server, write files or read all files again.
        features: Names of features that exist.
    """

    def __init__(
        self,
        chance: random.Random,
        wildness: float = 0.25,
        kinds: Collection[type] = KINDS,
        features: tuple[str, ...] = ("f1", "many", "scarce", "scarce", "lent", "shared"),
    ) -> None:
        self.now = time.time()
        self._chance = chance
        self._wildness = wildness
        self._features = features
        self._makers: dict[type, list[Callable[[], object]]] = {}
        self._tags: dict[type, int] = {}
        for kind in kinds:
            if kind not in _LEFT_OUT:
                self._tags[kind] = kind.__struct_config__.tag  # type: ignore[attr-defined]
                self._makers[kind] = [self._maker(info) for info in _field_types(kind)]
        self._kinds = list(self._makers)

    def frame(self) -> bytes:
        """One frame, of a message or of what is none."""
        body = self.body()
        roll = self._chance.random()
        if roll >= self._wildness:
            return header(len(body)) + body
        if roll >= self._wildness / 4:
            body = self.mutated(body)
            return header(len(body)) + body
        # The length itself is wrong.
        return header(self._chance.choice((0, 1, len(body) - 1, len(body) + 1, 65536, 65537, 2**31 - 1, 2**32 - 1))) + body

    def body(self) -> bytes:
        """A message of the right shape, whose values are often odd."""
        chance = self._chance
        kind = chance.choice(self._kinds)
        if Checkout in self._makers and chance.random() < 0.4:
            # What a client mostly sends, so that seats are held when the odd comes.
            kind = chance.choice((Checkout, Checkout, Checkin))
        values = [make() for make in self._makers[kind]]
        if kind is Checkout and chance.random() < 0.8:
            count, more = chance.choice((1, 1, 2, 25)), chance.random() < 0.3
            values = [chance.randrange(1, 2**31), chance.choice(self._features), "8.0", count, more, "", chance.random() < 0.3]
            if chance.random() < 0.1:
                values += ["", chance.choice((1.0, 1e9, 4e9, 2.0**53, self.now + 3600, self.now + 1e6))]
        elif kind is Checkin:
            values = [chance.randrange(1, 2**31), chance.randrange(95, 400)]
        elif kind is Hello and chance.random() < 0.5:
            values[0], values[1] = PROTOCOL, "genesys.d"
        # Fields at the end may be left out, and further ones are ignored.
        if chance.random() < self._wildness:
            values = values[: chance.randrange(len(values) + 1)]
        elif len(values) == len(self._makers[kind]) and chance.random() < 0.05:
            values.append(chance.choice(_TEXTS))
        return msgspec.msgpack.encode([self._tags[kind], *values])

    def mutated(self, body: bytes) -> bytes:
        """A body with one thing about it changed."""
        chance = self._chance
        data = bytearray(body)
        at = chance.randrange(len(data)) if data else 0
        how = chance.randrange(8)
        if how == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            data[at] = chance.choice((0x00, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xC4, 0xC6, 0xCF, 0xD3, 0xDB, 0xDD, 0xDF, 0xFF))
        elif how == 2:
            del data[at:]
        elif how == 3:
            data[at:at] = chance.randbytes(chance.randrange(1, 20))
        elif how == 4:
            data += data[:at]
        elif how == 5:
            del data[at : at + chance.randrange(1, 9)]
        elif how == 6:
            # Another tag, maybe one of the server's.
            data[1:2] = bytes((chance.randrange(64),))
        else:
            data = bytearray(chance.randbytes(chance.randrange(64)))
        return bytes(data)

    def _maker(self, info: Any) -> Callable[[], object]:
        """Makes values for a field: within its limits, and sometimes of another type or beyond them."""
        chance = self._chance
        make: Callable[[], object]
        if isinstance(info, msgspec.inspect.IntType):
            numbers = [number for number in _NUMBERS if (info.ge or 0) <= number <= (info.le or 2**53)]
            make = lambda: chance.choice(numbers) if chance.random() < 0.5 else chance.randrange(1, 1000)  # noqa: E731
        elif isinstance(info, msgspec.inspect.FloatType):
            make = lambda: chance.choice((0.0, 0.0, 1.0, 1e9, 1.8e9, 4e9, 2.0**53))  # noqa: E731
        elif isinstance(info, msgspec.inspect.BoolType):
            make = lambda: chance.random() < 0.5  # noqa: E731
        elif isinstance(info, msgspec.inspect.BytesType):
            size = info.min_length or 16
            make = lambda: chance.choice((b"s" * size, b"t" * size, chance.randbytes(size)))  # noqa: E731
        elif isinstance(info, msgspec.inspect.ListType):
            one = self._maker(info.item_type)
            make = lambda: [one() for _ in range(chance.choice((0, 0, 1, 3, 60)))]  # noqa: E731
        elif isinstance(info, msgspec.inspect.LiteralType):
            make = lambda: chance.choice(info.values)  # noqa: E731
        else:
            texts = [text for text in _TEXTS if info.max_length is None or len(text) <= info.max_length]
            make = lambda: chance.choice(texts)  # noqa: E731
        return lambda: make() if chance.random() >= self._wildness / 10 else chance.choice(_WRONG)
