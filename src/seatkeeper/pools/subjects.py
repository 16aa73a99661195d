"""Which of an options file's subjects somebody is: a user, host, display, project, address, or a member of groups.

A subject is the pair of type and name that a rule writes. All subjects that the file's rules name are known beforehand, so that those
somebody is are found by looking up his names, his groups and his address, and never by asking every rule.

Names are compared with their case, and user and host names of group lists without it after `GROUPCASEINSENSITIVE ON` (facts,
FlexNet 3.1 and 3.4). A HOST is a host's name or its address; with `FQDN_MATCHING LENIENT` two names are the same host where one
continues the other with a domain. Addresses are looked up by what is left of the ranges without their wildcards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.licfile.options_grammar import address_pattern, plain_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatkeeper.licfile.options import OptionsFile

__all__ = ["WHO_CACHED_MAX", "Subject", "Subjects", "Who"]

#: People whose subjects are remembered.
WHO_CACHED_MAX: Final = 4096

#: Type and name, as the rules write them.
Subject = tuple[str, str]


class Who(msgspec.Struct, frozen=True):
    """Somebody who asks for seats.

    Attributes:
        user: Name of the user.
        host: Name of the machine.
        display: Name of the display or terminal.
        project: What LM_PROJECT says; empty for none.
        address: IP address of the machine; empty where it is not known.
    """

    user: str
    host: str
    display: str = ""
    project: str = ""
    address: str = ""


class Subjects:
    """The subjects that an options file's rules name."""

    def __init__(self, options: OptionsFile) -> None:
        used: dict[str, dict[str, None]] = {}
        for rule in options.rules:
            if rule.kind:
                used.setdefault(rule.kind, {})[rule.name] = None
        fold: Callable[[str], str] = str.lower if options.case_insensitive else str
        self._user_fold = fold
        self._lenient = options.fqdn_lenient
        self._plain: dict[str, dict[str, None]] = {kind: used.get(kind, {}) for kind in ("USER", "DISPLAY", "PROJECT")}
        self._groups: dict[str, list[Subject]] = {}
        for name in used.get("GROUP", ()):
            for user in dict.fromkeys(map(fold, options.groups.get(name, ()))):
                self._groups.setdefault(user, []).append(("GROUP", name))
        self._hosts = _Hosts(fold=str, lenient=options.fqdn_lenient)
        self._group_hosts = _Hosts(fold=fold, lenient=options.fqdn_lenient)
        self._addresses = _Addresses()
        for name in used.get("HOST", ()):
            self._add_host(name, ("HOST", name), self._hosts)
        for name in used.get("INTERNET", ()):
            self._addresses.add(address_pattern(name) or "", ("INTERNET", name))
        for name in used.get("HOST_GROUP", ()):
            for host in options.host_groups.get(name, ()):
                self._add_host(host, ("HOST_GROUP", name), self._group_hosts)
        self.of = lru_cache(WHO_CACHED_MAX)(self._of)

    def _add_host(self, name: str, subject: Subject, hosts: _Hosts) -> None:
        pattern = address_pattern(name)
        if pattern is not None:
            self._addresses.add(pattern, subject)
        # A machine without a name calls itself by its address.
        if pattern is None or "*" not in pattern:
            hosts.add(name, subject)

    def _of(self, who: Who) -> frozenset[Subject]:
        """All subjects of the file's rules that `who` is."""
        found: list[Subject] = []
        for kind, name in (("USER", who.user), ("DISPLAY", who.display), ("PROJECT", who.project)):
            if name in self._plain[kind]:
                found.append((kind, name))
        found += self._groups.get(self._user_fold(who.user), ())
        if who.host:
            found += self._hosts.of(who.host)
            found += self._group_hosts.of(who.host)
        if who.address:
            found += self._addresses.of(who.address)
        return frozenset(found)


class _Hosts:
    """Subjects by host name."""

    def __init__(self, *, fold: Callable[[str], str], lenient: bool) -> None:
        self._fold = fold
        self._lenient = lenient
        #: By the name or, where it is lenient, by its first part.
        self._by_name: dict[str, list[tuple[str, Subject]]] = {}

    def add(self, name: str, subject: Subject) -> None:
        folded = self._fold(name)
        self._by_name.setdefault(self._key(folded), []).append((folded, subject))

    def of(self, host: str) -> list[Subject]:
        folded = self._fold(host)
        candidates = self._by_name.get(self._key(folded), ())
        if not self._lenient:
            return [subject for _, subject in candidates]
        return [subject for name, subject in candidates if _same_host(name, folded)]

    def _key(self, name: str) -> str:
        # The fields of an address are no domain.
        return name if not self._lenient or plain_address(name) else name.partition(".")[0]


def _same_host(one: str, two: str) -> bool:
    """True where the two names agree in the parts that both have ("lenient", facts 3.4)."""
    short, long = sorted((one.rstrip("."), two.rstrip(".")), key=len)
    return long == short or long.startswith(f"{short}.")


class _Addresses:
    """Subjects by IP address, with wildcards."""

    def __init__(self) -> None:
        #: Where the literal fields or digits stand -> those -> subjects.
        self._by_mask: dict[tuple[int, ...], dict[tuple[str, ...], list[Subject]]] = {}
        self._any: list[Subject] = []

    def add(self, pattern: str, subject: Subject) -> None:
        """Adds an address or range in canonical form."""
        if pattern == "*":
            self._any.append(subject)
        elif pattern:
            parts = _parts(pattern)
            # The number of parts tells IPv4 from IPv6.
            mask = (len(parts), *(at for at, part in enumerate(parts) if part != "*"))
            literals = tuple(parts[at] for at in mask[1:])
            self._by_mask.setdefault(mask, {}).setdefault(literals, []).append(subject)

    def of(self, address: str) -> list[Subject]:
        canonical = plain_address(address)
        if not canonical:
            return []
        parts = _parts(canonical)
        found = list(self._any)
        for mask, by_literals in self._by_mask.items():
            if mask[0] == len(parts):
                found += by_literals.get(tuple([parts[at] for at in mask[1:]]), ())
        return found


def _parts(canonical: str) -> list[str]:
    return canonical.split(".") if "." in canonical else list(canonical)
