"""Who somebody is to an options file: his names, his groups, his address; and the same as if every rule had been asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.licfile.options import parse_options
from seatkeeper.pools.subjects import Subject, Subjects, Who
from support.optionsfiles import host_names, is_subject, named, users, whos


def subjects(text: str, who: Who) -> set[Subject]:
    options = parse_options(text)
    assert not options.problems
    return set(Subjects(options).of(who))


def exclude(*subjects: str) -> str:
    return "".join(f"EXCLUDE f1 {subject}\n" for subject in subjects)


def test_somebody_has_many_names() -> None:
    who = Who("joe", "pc1", ":0", "Blue", "192.0.2.7")
    text = exclude("USER joe", "HOST pc1", "DISPLAY :0", "PROJECT Blue", "INTERNET 192.0.2.*", "GROUP g", "HOST_GROUP h", "HOST 192.0.2.7")
    text += "GROUP g anne joe\nHOST_GROUP h pc1\n"
    assert len(subjects(text, who)) == 8
    assert not subjects(text, Who("max", "pc2", ":1", "Red", "192.0.3.7"))


def test_only_subjects_that_rules_name_are_told() -> None:
    assert subjects("GROUP g joe\nGROUP h joe\nEXCLUDE f1 GROUP h", Who("joe", "pc1")) == {("GROUP", "h")}


def test_case_counts() -> None:
    text = exclude("USER Joe", "HOST PC1", "GROUP g", "HOST_GROUP h") + "GROUP g Joe\nHOST_GROUP h PC1\n"
    assert not subjects(text, Who("joe", "pc1"))
    # "Affects names inside GROUP/HOST_GROUP lists only" (facts 3.4).
    assert subjects(text + "GROUPCASEINSENSITIVE ON", Who("joe", "pc1")) == {("GROUP", "g"), ("HOST_GROUP", "h")}
    assert len(subjects(text, Who("Joe", "PC1"))) == 4


@pytest.mark.parametrize(
    ("rule", "host", "exact", "lenient"),
    [
        ("pc1", "pc1", True, True),
        ("pc1", "pc1.example.com", False, True),
        ("pc1.example.com", "pc1", False, True),
        ("pc1.example.com", "pc1.example", False, True),
        ("pc1.example.com", "pc1.example.org", False, False),
        ("pc1", "pc11", False, False),
        ("pc1", "pc2", False, False),
        ("10.0.0.5", "10.0.0.5", True, True),
        ("10.0.0.5", "10", False, False),
        ("10.0.0.*", "10", False, False),
    ],
)
def test_host_names_with_domains(rule: str, host: str, exact: bool, lenient: bool) -> None:
    text = f"EXCLUDE f1 HOST {rule}\nHOST_GROUP h {rule}\nEXCLUDE f2 HOST_GROUP h\n"
    assert len(subjects(text, Who("joe", host))) == (2 if exact else 0)
    assert len(subjects(text + "FQDN_MATCHING LENIENT", Who("joe", host))) == (2 if lenient else 0)


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.*", "192.0.2.200", True),
        ("192.0.2.*", "192.0.3.200", False),
        ("192.*", "192.8.9.1", True),
        ("*.*.*.7", "10.0.0.7", True),
        ("192.0.2.*", "::ffff:192.0.2.7", True),
        ("2001:db8:*", "2001:db8::7", True),
        ("2001:db8:*", "2001:db9::7", False),
        ("2001:db8::7", "2001:0DB8:0:0:0:0:0:7", True),
        ("fe80:*", "fe80::1%eth0", True),
        ("192.0.2.*", "2001:db8::7", False),
        ("*", "2001:db8::7", True),
        ("*", "192.0.2.7", True),
        ("*", "", False),
        ("*.*.*.*", "2001:db8::7", False),
        ("192.0.2.*", "no address", False),
    ],
)
def test_addresses(pattern: str, address: str, fits: bool) -> None:
    text = f"EXCLUDE f1 INTERNET {pattern}\nEXCLUDE f1 HOST {pattern}\nHOST_GROUP h {pattern}\nEXCLUDE f1 HOST_GROUP h"
    assert len(subjects(text, Who("joe", "pc1", address=address))) == (3 if fits else 0)


@given(
    st.lists(named, max_size=8),
    st.lists(st.tuples(st.sampled_from("gh"), users), max_size=4),
    st.lists(st.tuples(st.sampled_from("gh"), host_names), max_size=4),
    st.booleans(),
    st.booleans(),
    whos,
)
def test_the_subjects_are_those_of_the_naive_model(
    rules: list[Subject], groups: list[Subject], host_groups: list[Subject], fold: bool, lenient: bool, who: Who
) -> None:
    lines = [f"EXCLUDE f1 {kind} {name}" for kind, name in rules]
    lines += [f"GROUP {name} {user}" for name, user in groups] + [f"HOST_GROUP {name} {host}" for name, host in host_groups]
    lines += [f"GROUPCASEINSENSITIVE {'ON' if fold else 'OFF'}", f"FQDN_MATCHING {'LENIENT' if lenient else 'EXACT'}"]
    options = parse_options("\n".join(lines))
    expected = {(kind, name) for kind, name in rules if is_subject(kind, name, who, options)}
    assert Subjects(options).of(who) == expected
