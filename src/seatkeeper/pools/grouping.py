"""License lines become pools: which lines are counted together, and in which order pools are tried.

Of the lines that count (lines.py), INCREMENT lines are one pool when they agree in name, version, DUP_GROUP, FLOAT_OK, HOST_BASED,
HOSTID, PLATFORMS and USER_BASED (facts, FlexNet 1.5), and in VENDOR_STRING if the vendor wants that. Components of a package never
pool with lines that give the feature by itself, and those of a suite only where their enabling lines are one pool too, for that one
is counted with them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal
from zlib import crc32

from seatkeeper.base.values import parse_version
from seatkeeper.pools.counted import Pool
from seatkeeper.pools.lines import ServedLine, effective_lines, selection_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from seatkeeper.licfile.model import Feature, Signable

__all__ = ["POOLING_ATTRIBUTES", "PoolOrder", "group_lines", "pool_key", "suite_pool"]

POOLING_ATTRIBUTES: Final = ("DUP_GROUP", "FLOAT_OK", "HOST_BASED", "HOSTID", "PLATFORMS", "USER_BASED")

#: In which order the pools of a feature are tried: as documented (the highest version first), or the lowest version that suffices
#: first, which keeps the newest licenses for those who need them.
PoolOrder = Literal["documented", "best_fit"]


def pool_key(line: Feature, *, pool_vendor_string: bool = False) -> str:
    """The pool that a line belongs to, among those of its feature: its version, and a mark of what else sets it apart if anything.

    FEATURE and INCREMENT, counted and uncounted lines never pool with each other.
    """
    marks = [line.keyword if line.keyword == "INCREMENT" else "", "" if line.seats else "uncounted"]
    names = (*POOLING_ATTRIBUTES, "VENDOR_STRING") if pool_vendor_string else POOLING_ATTRIBUTES
    marks += [f"{name}={value.lower()}" for name in names if (value := line.attribute(name)) is not None]
    if isinstance(line, ServedLine):
        marks += [f"{line.suite}/{line.package.lower()}" if line.package else "", f"{line.suite}:enables" if line.enables else ""]
        marks += [pool_key(line.enabling, pool_vendor_string=pool_vendor_string)] if line.enabling is not None else []
    mark = "|".join(part for part in marks if part)
    version = _spelled(line.version)
    return f"{version}#{crc32(mark.encode()):08x}" if mark else version


def group_lines(
    lines: Iterable[Signable], today: date, *, pool_vendor_string: bool = False, order: PoolOrder = "documented"
) -> tuple[dict[str, list[Pool]], list[str]]:
    """Pools by feature name in lower case, each list in the order in which they are tried, and one sentence for each line ignored.

    The features stand in the files' order. A pool is tried where its first line is.
    """
    effective, ignored = effective_lines(lines, today)
    by_name: dict[str, list[tuple[int, ServedLine]]] = {}
    for place, line in enumerate(effective):
        by_name.setdefault(line.name.lower(), []).append((place, line))
    pools: dict[str, list[Pool]] = {}
    for name, members in by_name.items():
        members.sort(key=lambda member: selection_order(member[1], member[0]))
        by_key: dict[str, list[ServedLine]] = {}
        for _, line in members:
            by_key.setdefault(pool_key(line, pool_vendor_string=pool_vendor_string), []).append(line)
        groups = list(by_key.items())
        if order == "best_fit":
            # What the administrator marked with sort= stays where it was put, and uncounted licenses cost nobody a seat.
            groups.sort(key=lambda group: (_sort_number(group[1][0]), group[1][0].seats is not None, parse_version(group[1][0].version)))
        pools[name] = [Pool(key, tuple(group), _texts(group), today) for key, group in groups]
    return pools, ignored


def suite_pool(pool: Pool, pools: Mapping[str, Sequence[Pool]]) -> Pool | None:
    """The pool of the enabling line from which a suite's seat is taken together with one of `pool`; None for any other pool."""
    enabling = pool.lines[0].enabling
    if enabling is None:
        return None
    among = pools.get(enabling.name.lower(), ())
    return next((one for one in among if one.enables and any(line is enabling for line in one.lines)), None)


def _texts(lines: Iterable[ServedLine]) -> tuple[str, ...]:
    return tuple("\n".join(line.texts) for line in lines)


def _sort_number(line: ServedLine) -> int:
    return selection_order(line, 0)[0]


@lru_cache(maxsize=4096)
def _spelled(version: str) -> str:
    """One spelling for versions that are equal as numbers, with one decimal at least: "1.10 = 1.1" (facts 1.5, Version)."""
    whole, _, decimals = version.partition(".")
    return f"{whole.lstrip('0') or '0'}.{decimals.rstrip('0') or '0'}"
