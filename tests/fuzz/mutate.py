"""A fuzzer of a few lines: mutations of known inputs, for where the guided one (atheris) cannot be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

#: Bytes that stand at the borders of what formats allow.
_EDGES = (0x00, 0x01, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x22, 0x5C, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xDC, 0xDD, 0xFE, 0xFF)


def mutated(chance: random.Random, inputs: Sequence[bytes], words: Sequence[bytes], size_max: int) -> bytes:
    """One of the inputs with one to six changes, at most `size_max` bytes long."""
    data = bytearray(chance.choice(inputs))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(data) + 1)
        how = chance.randrange(9)
        if how == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif how == 1 and at < len(data):
            data[at] = chance.choice(_EDGES)
        elif how == 2:
            del data[at : at + chance.choice((1, 1, 2, 8, 60))]
        elif how == 3:
            data[at:at] = bytes((chance.choice(_EDGES),)) * chance.choice((1, 1, 2, 30))
        elif how == 4:
            data[at:at] = chance.choice(words)
        elif how == 5:
            end = at + chance.choice((1, 4, 20, 100))
            data[at:at] = data[at:end] * chance.choice((1, 2, 9))
        elif how == 6:
            other = chance.choice(inputs)
            start = chance.randrange(len(other) + 1)
            data[at:] = other[start:]
        elif how == 7:
            del data[at:]
        else:
            # A part goes elsewhere.
            end = at + chance.choice((1, 10, 80))
            part = bytes(data[at:end])
            del data[at:end]
            to = chance.randrange(len(data) + 1)
            data[to:to] = part
    return bytes(data[:size_max])
