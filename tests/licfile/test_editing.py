"""Merging license files: by hand for each rule, and at random for what must hold of all."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.editing import Merge, in_context, merge, read_source
from seatkeeper.licfile.model import Blank, Comment, Feature, LicenseFile, Line, Package, Server, Signable, Vendor
from seatkeeper.licfile.parser import decode
from seatkeeper.licfile.signature import verify_lines
from seatkeeper.licfile.writer import write
from seatkeeper.pools.lines import effective_lines
from seatkeeper.pools.shrinking import losses
from support.editing import HOSTID, TODAY, TRUST, feature, random_file, signed

HEAD: tuple[Line, ...] = (Server("licsrv", HOSTID, 7260), Vendor("genesys.d", keyword="DAEMON"))


def text(*lines: Line, head: tuple[Line, ...] = HEAD) -> bytes:
    return write(LicenseFile((*head, *lines)), columns=400).encode()


def merged(old: bytes, new: bytes, **options: object) -> Merge:
    return merge(read_source(old, "old.dat"), read_source(new, "new.lic"), TODAY, **options)  # type: ignore[arg-type]


def licenses(result: Merge) -> list[Signable]:
    return [line for _, line in result.parsed.file.signable()]


def test_a_line_is_replaced_where_it_stands_and_stays_as_a_comment() -> None:
    a, b, more = feature("a", 10), feature("b", 10), feature("a", 20)
    result = merged(text(Comment("# first"), a, Blank(), b, Comment("# last")), text(more))
    assert licenses(result) == [more, b]
    lines = result.data.decode().splitlines()
    assert [line[:40] for line in lines] == [
        "SERVER licsrv 0800200005ac 7260",
        "DAEMON genesys.d",
        "# first",
        write(LicenseFile((more,)), columns=400)[:40],
        "# 24-nov-2026: replaced by the line from"[:40],
        ("# " + write(LicenseFile((a,)), columns=400))[:40],
        "",
        write(LicenseFile((b,)), columns=400)[:40],
        "# last",
    ]
    assert [(each.place, each.by, each.reason) for each in result.replaced] == [(4, 3, "replaced")]


def test_a_line_that_is_there_is_not_doubled_even_if_it_was_edited() -> None:
    a = feature("a", vendor_info="as issued")
    edited = text(a).replace(b"as issued", b"our own words")
    result = merged(edited, text(a))
    assert result.data == edited
    assert result.present == (3,)
    assert not result.added


def test_increments_add_up_and_one_that_is_there_does_not() -> None:
    one, two = feature("a", 5, add=True, SN="1"), feature("a", 7, add=True, SN="1")
    result = merged(text(one), text(one, two))
    assert licenses(result) == [one, two]
    assert result.added[0].sums == (3,)
    assert result.added[0].same_serial == (3,)
    assert b"added from new.lic" in result.data


def test_the_new_line_of_another_version_is_the_one_that_is_granted() -> None:
    old, new = feature("a", 10, "8.0"), feature("a", 10, "8.5")
    result = merged(text(feature("b"), old), text(new))
    assert [line.name for line in licenses(result)] == ["b", "a"]
    assert licenses(result)[1] == new
    assert "would be ignored" in result.replaced[0].reason


def test_a_line_that_is_there_but_not_in_force_comes_to_the_front() -> None:
    first, second = feature("a", 10, "8.0"), feature("a", 10, "8.5")
    result = merged(text(first, second), text(second))
    assert licenses(result) == [second]
    assert merged(result.data, text(second)).data == result.data


def test_of_two_new_lines_of_a_name_the_first_is_granted() -> None:
    first, second = feature("a", 10, "8.5"), feature("a", 10, "8.0")
    assert licenses(merged(text(second), text(first, second)))[0] == first
    assert licenses(merged(text(second), text(second, first))) == [second, first]
    assert licenses(merged(text(feature("b")), text(first, second))) == [feature("b"), first, second]


def test_a_line_that_takes_over_by_itself_leaves_the_old_one_in_force() -> None:
    old = feature("a", 10, expiry="31-dec-2026", ISSUED="01-nov-2026")
    new = feature("a", 10, START="01-jan-2027", SUPERSEDE="")
    result = merged(text(old), text(new))
    assert licenses(result) == [old, new]
    assert losses([old], licenses(result), TODAY) == ()


def test_packages_are_replaced_by_version() -> None:
    one, two, other = (
        signed(Package("p", "genesys.d", version, attributes=(("COMPONENTS", parts), ("ISSUED", "24-nov-2026"))))
        for version, parts in (("8.0", "a"), ("8.0", "a b"), ("8.5", "c"))
    )
    assert licenses(merged(text(one, other), text(two))) == [two, other]


def test_what_both_files_have_gives_way_to_nothing() -> None:
    one, two = (
        signed(Package("p", "genesys.d", "8.0", attributes=(("COMPONENTS", parts), ("ISSUED", "24-nov-2026")))) for parts in ("a", "a b")
    )
    assert sorted(map(repr, licenses(merged(text(one), text(one, two))))) == sorted(map(repr, [one, two]))


def test_uncounted_lines_give_way_to_their_like_only() -> None:
    here = feature("a", 0, HOSTID=HOSTID, NOTICE="x")
    anew, there = feature("a", 0, HOSTID=HOSTID, NOTICE="y"), feature("a", 0, HOSTID="0800200005ad")
    assert licenses(merged(text(here), text(anew, there))) == [anew, there]


def test_a_refused_line_is_not_taken_for_one_that_is_there() -> None:
    good = feature("a")
    assert isinstance(good, Feature)
    broken = text(good).replace(b'SIGN="', b'SIGN="0')
    result = merged(broken, text(good), old_refused=[2])
    assert licenses(result) == [good]
    assert result.replaced[0].reason == "signed anew"


def test_who_issued_first_is_told() -> None:
    result = merged(text(feature("a", 20)), text(feature("a", 30, ISSUED="01-oct-2026")))
    assert result.replaced[0].is_older


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (text(feature("a")), text(), "no license in it"),
        (text(feature("a")), text(feature("b"), head=(Server("x", "0800200005ad"), HEAD[1])), "another host id"),
        (text(feature("a")), text(feature("b"), head=tuple(Server(f"x{n}", HOSTID, 7260) for n in range(3))), "three redundant"),
        (text(feature("a")), b"From: desk\n" + text(feature("b")), "license import"),
        (text(feature("a")), text(feature("b")).replace(b"genesys.d", b"other.d"), "serves? it beside|Serve it beside"),
        (text(feature("a")), b"", "no license in it"),
    ],
)
def test_what_does_not_fit_is_refused(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        merged(old, new)


def test_three_servers_in_another_order_are_named_as_that() -> None:
    servers = [Server(f"s{n}", f"08002000050{n}", 7260) for n in range(3)]
    with pytest.raises(InputError, match="another order"):
        merged(text(feature("a"), head=(*servers, HEAD[1])), text(feature("b"), head=(*servers[::-1], HEAD[1])))


def test_lines_alone_may_come() -> None:
    new = feature("b")
    assert licenses(merged(text(feature("a")), text(new, head=())))[1] == new


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_old_file_keeps_its_encoding(encoding: str) -> None:
    old = ("# Gr\u00fc\u00dfe\r\n" + text(feature("a")).decode().replace("\n", "\r\n")).encode(encoding)
    result = merged(old, text(feature("b")))
    whole = result.data.decode(encoding)
    assert whole.startswith("# Gr\u00fc\u00dfe\r\n")
    assert whole.count("\n") == whole.count("\r\n")
    assert whole.count("\ufeff") == 0
    assert [line.name for line in licenses(result)] == ["a", "b"]


def test_what_an_encoding_lacks_is_refused() -> None:
    old = "# Gr\u00fc\u00dfe\n".encode("latin-1") + text(feature("a"))
    with pytest.raises(InputError, match="latin-1, which has no"):
        merged(old, text(feature("b", NOTICE="\u20ac")))
    with pytest.raises(InputError, match="no sound"):
        read_source(b"\xff\xfea")


def first_of_each(file: LicenseFile) -> dict[str, str]:
    """By name, the key of the FEATURE line that is granted."""
    lines = [line for _, line in file.signable() if isinstance(line, Feature)]
    return {line.name: line.key for line in effective_lines(lines, TODAY)[0] if line.keyword == "FEATURE" and line.seats}


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
def test_what_holds_of_every_merge(seed: int) -> None:
    r = Random(seed)
    old, new = random_file(r).encode(), random_file(r, host="other").encode()
    one, two = read_source(old, "old.dat"), read_source(new, "new.lic")
    refused = [verdict.index for verdict in verify_lines(one.file, TRUST) if not verdict.ok]
    copies = {verdict.line for verdict in verify_lines(two.file, TRUST) if not verdict.ok}
    result = merge(one, two, TODAY, old_refused=refused)
    # Every byte of the old file is there still, in its order, but for the mark before what was replaced.
    replaced = {each.place for each in result.replaced}
    rest = decode(result.data)
    for place, piece in zip(one.parsed.places, one.pieces, strict=True):
        if place not in replaced:
            at = rest.find(piece)
            assert at >= 0
            rest = rest[at + len(piece) :]
    assert decode(result.data).startswith(one.pieces[0] + one.pieces[1] + one.pieces[2])
    # No good license is lost or doubled, and all of the new ones are in the file and genuine.
    verdicts = verify_lines(result.parsed.file, TRUST)
    good = Counter(verdict.line.key for verdict in verdicts if verdict.ok)
    gone = {each.line.key for each in result.replaced}
    wanted = {line.key for index, line in one.file.signable() if index not in refused} - gone
    assert wanted | {line.key for _, line in two.file.signable() if line not in copies} <= set(good)
    # Unless lines wait for their day, the new file's first FEATURE line of a name is the one that is granted.
    if not any(line.attribute("SUPERSEDE") is not None for source in (one, two) for _, line in source.file.signable()):
        assert first_of_each(in_context(two.file, one.file)).items() <= first_of_each(result.parsed.file).items()
    # Once more changes nothing.
    again = merge(read_source(result.data, "old.dat"), two, TODAY, old_refused=[verdict.index for verdict in verdicts if not verdict.ok])
    assert again.data == result.data
    assert not again.added
