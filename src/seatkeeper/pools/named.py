"""Who is named for a USER_BASED or HOST_BASED license: those whom the options file includes, in its order, up to the license's number.

Users are named by the INCLUDE and INCLUDEALL lines of type USER and GROUP, hosts by those of type HOST and HOST_GROUP, where a range of
addresses names no host. (Facts, FlexNet 1.5, say who must be included; how the named are counted is our choice.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.options_grammar import address_pattern, plain_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seatkeeper.licfile.options import OptionsFile, Rule
    from seatkeeper.pools.counted import Pool
    from seatkeeper.pools.subjects import Who

__all__ = ["Named", "based_kinds", "named_max"]

_KINDS: Final = ("USER", "HOST")


def based_kinds(pool: Pool) -> tuple[str, ...]:
    """USER where the pool is USER_BASED, HOST where it is HOST_BASED."""
    return tuple(kind for kind in _KINDS if pool.lines[0].attribute(f"{kind}_BASED") is not None)


def named_max(kind: str, pool: Pool) -> int:
    """How many users or hosts may be named: the attribute's number, else that of the seats; 0 for any number."""
    written = pool.lines[0].attribute(f"{kind}_BASED") or ""
    return int(written) if written.isascii() and written.isdigit() else pool.total


class Named:
    """The users or hosts that are named for a pool.

    Args:
        kind: USER or HOST.
        including: The INCLUDE and INCLUDEALL rules of the pool, in the file's order.
        options: Their file, which has the groups.

    Attributes:
        kind: USER or HOST.
        rules: For each of the named, in order, the line that names it.
    """

    def __init__(self, kind: str, including: Iterable[Rule], options: OptionsFile) -> None:
        self.kind = kind
        self.rules: list[Rule] = []
        self._lenient = kind == "HOST" and options.fqdn_lenient
        self._folded = options.case_insensitive
        #: Name -> its place; those in groups by themselves, since their case may not count.
        self._single: dict[str, int] = {}
        self._grouped: dict[str, int] = {}
        groups = options.groups if kind == "USER" else options.host_groups
        group_kind = "GROUP" if kind == "USER" else "HOST_GROUP"
        for rule in including:
            if rule.kind == kind:
                self._add(rule.name, rule, self._single)
            elif rule.kind == group_kind:
                for name in groups.get(rule.name, ()):
                    self._add(self._fold(name), rule, self._grouped)

    def _add(self, name: str, rule: Rule, names: dict[str, int]) -> None:
        if self.kind == "HOST" and (pattern := address_pattern(name)) is not None:
            if "*" in pattern:
                return
            name = pattern
        if name not in self._single and name not in self._grouped:
            names[name] = len(self.rules)
            self.rules.append(rule)

    def place(self, who: Who) -> int | None:
        """The place of `who` among the named, from 0; None where he is none of them."""
        places = [self._single.get(name) for name in self._names(who)]
        places += [self._grouped.get(self._fold(name)) for name in self._names(who)]
        if self._lenient and who.host:
            whole = self._fold(f"{who.host}.")
            places += [at for names in (self._single, self._grouped) for name, at in names.items() if name.startswith(whole)]
        return min((at for at in places if at is not None), default=None)

    def _names(self, who: Who) -> Iterator[str]:
        """The names by which `who` may be named."""
        if self.kind == "USER":
            yield who.user
            return
        yield who.host
        yield plain_address(who.address)
        if self._lenient:
            parts = who.host.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts)))

    def _fold(self, name: str) -> str:
        return name.lower() if self._folded else name
