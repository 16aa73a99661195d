"""Versions of features, and the two rules by which a license's version meets a request's.

A version is a decimal number compared as such: 1.10 equals 1.1, and 1.9 is above 1.10 (facts, FlexNet 1.5).
Date-based versions (`2026.0901`) are decimals too.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Literal

__all__ = ["VERSION_CHARS_MAX", "VersionRule", "is_version", "parse_version", "version_satisfies"]

#: As in FlexNet: "at most 10 characters".
VERSION_CHARS_MAX: Final = 10

VersionRule = Literal["flexnet", "release8"]


@lru_cache(maxsize=4096)
def parse_version(text: str) -> Decimal:
    """The number that a version stands for.

    Raises:
        ValueError: `text` is no version (error -77).
    """
    if not 0 < len(text) <= VERSION_CHARS_MAX or not text.isascii() or not text.replace(".", "", 1).isdigit():
        raise ValueError(f"a decimal number of at most {VERSION_CHARS_MAX} characters")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a decimal number") from None


@lru_cache(maxsize=4096)
def is_version(text: str) -> bool:
    """True where `parse_version` takes `text`."""
    try:
        parse_version(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def version_satisfies(licensed: str, requested: str, rule: VersionRule) -> bool:
    """True where a license of version `licensed` meets a request for `requested`.

    An empty request means any version. Under `flexnet` the license's version must be at or above the request's. Under
    `release8` a request of major version 8 must further be met by a license of major version 8: "8.x products will check
    out only 8.x license features" (guide, Technical License Compatibility).
    """
    if not requested:
        return True
    have, want = parse_version(licensed), parse_version(requested)
    if have < want:
        return False
    return not (rule == "release8" and int(want) == 8 and int(have) != 8)
