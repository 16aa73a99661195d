"""Who is a subject of an options file: a naive model that asks every rule, and hypothesis strategies for people and subjects."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from seatkeeper.pools.subjects import Who

if TYPE_CHECKING:
    from seatkeeper.licfile.options import OptionsFile

__all__ = ["host_names", "is_subject", "named", "users", "whos"]


def is_subject(kind: str, name: str, who: Who, options: OptionsFile) -> bool:
    """True where `who` is that subject."""
    if kind == "USER":
        return who.user == name
    if kind == "DISPLAY":
        return who.display == name
    if kind == "PROJECT":
        return who.project == name
    if kind == "HOST":
        return _is_host(name, who, options.fqdn_lenient, fold=False)
    if kind == "INTERNET":
        return _in_range(name, who.address)
    if kind == "GROUP":
        members = options.groups.get(name, ())
        return who.user.lower() in map(str.lower, members) if options.case_insensitive else who.user in members
    return any(_is_host(host, who, options.fqdn_lenient, fold=options.case_insensitive) for host in options.host_groups.get(name, ()))


def _is_host(name: str, who: Who, lenient: bool, fold: bool) -> bool:
    if _in_range(name, who.address):
        return True
    one, two = (name.lower(), who.host.lower()) if fold else (name, who.host)
    if not lenient or one[0].isdigit():
        return one == two
    return all(mine == theirs for mine, theirs in zip(one.split("."), two.split("."), strict=False))


def _in_range(pattern: str, text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if pattern == "*":
        return True
    separator = "." if address.version == 4 else ":"
    fields = address.exploded.split(separator)
    wanted = pattern.split(separator)
    if wanted[-1] == "*":
        wanted += ["*"] * (len(fields) - len(wanted))
    return len(wanted) == len(fields) and all(
        want == "*" or (want.isalnum() and int(want, 16) == int(have, 16)) for want, have in zip(wanted, fields, strict=True)
    )


users = st.sampled_from(["joe", "Joe", "anne"])
hosts = st.sampled_from(["pc1", "PC1", "pc1.ex", "pc1.ex.org", "pc2.ex", "192.0.2.7"])
addresses = st.sampled_from(["", "192.0.2.7", "192.0.3.7", "10.0.2.7", "2001:db8::7", "2001:db9::7"])
whos = st.builds(Who, user=users, host=hosts, display=st.sampled_from(["", ":0"]), project=st.sampled_from(["", "P"]), address=addresses)
patterns = st.sampled_from(["192.0.2.7", "192.0.2.*", "192.*", "*.*.2.*", "2001:db8:*", "*"])
host_names = hosts | patterns
named = st.one_of(
    st.tuples(st.just("USER"), users),
    st.tuples(st.just("HOST"), host_names),
    st.tuples(st.just("DISPLAY"), st.sampled_from([":0", ":1"])),
    st.tuples(st.just("PROJECT"), st.just("P")),
    st.tuples(st.just("INTERNET"), patterns),
    st.tuples(st.just("GROUP"), st.sampled_from(["g", "h", "undefined"])),
    st.tuples(st.just("HOST_GROUP"), st.sampled_from(["g", "h"])),
)
