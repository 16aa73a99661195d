"""License lines become pools: which lines are counted together, and which are ignored.

INCREMENT lines are one pool when they agree in name, version, DUP_GROUP, FLOAT_OK, HOST_BASED, HOSTID, PLATFORMS and
USER_BASED (facts, FlexNet 1.5). Of several FEATURE lines of one name the first counts and the others are ignored, with an
error in the log (guide, License Files).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

from seatkeeper.base.values import parse_version
from seatkeeper.licfile.writer import write_line
from seatkeeper.pools.counted import Pool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from seatkeeper.licfile.model import Feature

__all__ = ["POOLING_ATTRIBUTES", "group_lines", "pool_key"]

POOLING_ATTRIBUTES: Final = ("DUP_GROUP", "FLOAT_OK", "HOST_BASED", "HOSTID", "PLATFORMS", "USER_BASED")


def pool_key(line: Feature) -> str:
    """The pool that a line belongs to, among those of its feature: its version, and a mark of its pooling attributes if any.

    FEATURE and INCREMENT, counted and uncounted lines never pool with each other.
    """
    marks = [line.keyword if line.keyword == "INCREMENT" else "", "" if line.seats else "uncounted"]
    marks += [f"{name}={value.lower()}" for name in POOLING_ATTRIBUTES if (value := line.attribute(name)) is not None]
    mark = "|".join(part for part in marks if part)
    return f"{line.version}#{crc32(mark.encode()):08x}" if mark else line.version


def group_lines(lines: Iterable[Feature], today: date) -> tuple[dict[str, list[Pool]], list[str]]:
    """Pools by feature name in lower case, in the order in which they are tried, and one sentence for each line ignored.

    Pools are tried uncounted before counted, then the higher version first, then as in the file.
    """
    members: dict[str, dict[str, list[Feature]]] = {}
    named: set[str] = set()
    ignored: list[str] = []
    for line in lines:
        name = line.name.lower()
        if line.keyword == "FEATURE":
            if name in named:
                ignored.append(
                    f"FEATURE {line.name} appears more than once: the first line is used, "
                    f"the one of version {line.version} with {line.count} seats is ignored."
                )
                continue
            named.add(name)
        members.setdefault(name, {}).setdefault(pool_key(line), []).append(line)
    pools: dict[str, list[Pool]] = {}
    for name, by_key in members.items():
        made = [Pool(key, tuple(group), tuple(map(write_line, group)), today) for key, group in by_key.items()]
        pools[name] = sorted(made, key=lambda pool: (pool.counted, -parse_version(pool.version)))
    return pools, ignored
