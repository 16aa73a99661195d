from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from seatkeeper.base.errors import InputError
from seatkeeper.licfile.canonical import canonical_line, line_digest
from seatkeeper.licfile.model import Feature, LicenseFile, Package, Server, Signable, Upgrade, Vendor
from seatkeeper.licfile.parser import parse
from seatkeeper.licfile.signature import DIAGNOSED_LINES_MAX, NOT_TRUSTED, Verdict, sign_line, verify_lines
from seatkeeper.licfile.trust import Issuer, Trust, key_id
from seatkeeper.licfile.writer import write

HOSTID = "0800200005ac"
ISSUED = ("ISSUED", "03-mar-2026")
ROOT = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
KEY = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
OLD_KEY = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([4]) * 32)

LINES: tuple[Signable, ...] = (
    Feature(
        "3GP07021ABAA",
        "genesys.d",
        "8.5",
        "permanent",
        "100",
        attributes=(("vendor_info", "v8.5 - Enterprise Routing"), ("NOTICE", "Blue Harbor (no reseller)"), ISSUED, ("SN", "1111-1")),
    ),
    Feature("tserver_sdn", "genesys.d", "8.1", "31-dec-2027", "250", attributes=(("HOSTID", "0800200005ac #2005771344"), ISSUED)),
    Feature("router_seats", "genesys.d", "8.5", "permanent", "50", attributes=(("BORROW", None), ISSUED), keyword="INCREMENT"),
    Upgrade("tserver_sdn", "genesys.d", "8.0", "8.5", "permanent", "20", attributes=(ISSUED,)),
    Package("suite", "genesys.d", "8.5", attributes=(("COMPONENTS", "tserver_sdn:8.5 router_seats"), ("OPTIONS", "SUITE"), ISSUED)),
)


def issuer(key: Ed25519PrivateKey, **changes: object) -> Issuer:
    public = key.public_key().public_bytes_raw()
    whole = Issuer(key_id(public), public.hex(), date(2026, 1, 1), date(2026, 12, 31))
    return msgspec.structs.replace(whole, **changes)


def trust(*issuers: Issuer, vendor: str = "genesys.d") -> Trust:
    root = ROOT.public_key().public_bytes_raw().hex()
    return Trust(vendor, 1, date(2026, 1, 1), root, "release8", 9999, issuers, "")


TRUST = trust(issuer(OLD_KEY), issuer(KEY))


def signed_file(*lines: Signable, hostids: tuple[str, ...] = (HOSTID,), key: Ed25519PrivateKey = KEY) -> LicenseFile:
    servers = tuple(Server(f"licsrv{number}", hostid, 7260) for number, hostid in enumerate(hostids))
    return LicenseFile((*servers, Vendor("genesys.d", keyword="DAEMON"), *(sign_line(line, hostids, key) for line in lines or LINES)))


FILE = signed_file()


def with_line(file: LicenseFile, index: int, line: object) -> LicenseFile:
    lines = list(file.lines)
    lines[index] = line  # type: ignore[call-overload]
    return LicenseFile(tuple(lines))


def only(file: LicenseFile, trusted: Trust = TRUST, **options: object) -> Verdict:
    """The one verdict that is not good."""
    bad = [verdict for verdict in verify_lines(file, trusted, **options) if not verdict.ok]  # type: ignore[arg-type]
    assert len(bad) == 1
    return bad[0]


def changed(index: int, **changes: object) -> Verdict:
    return only(with_line(FILE, index, msgspec.structs.replace(FILE.lines[index], **changes)))


def attributes(index: int) -> tuple[tuple[str, str | None], ...]:
    return FILE.lines[index].attributes  # type: ignore[union-attr]


def test_what_was_signed_verifies() -> None:
    verdicts = verify_lines(FILE, TRUST)
    assert [verdict.sentence for verdict in verdicts] == [""] * len(LINES)
    assert [verdict.index for verdict in verdicts] == [2, 3, 4, 5, 6]
    assert {verdict.issuer for verdict in verdicts} == {issuer(KEY).id}


def test_a_signed_line_has_its_digest_and_sign_last() -> None:
    line = FILE.lines[2]
    assert isinstance(line, Feature)
    assert line.key == line_digest(line, (HOSTID,))
    name, value = line.attributes[-1]
    assert name == "SIGN"
    assert value is not None
    groups = value.split(" ")
    assert len(groups) == 36
    assert all(len(group) == 4 and group == group.upper() for group in groups)
    assert "".join(groups[:4]) == issuer(KEY).id


def test_a_thread_pool_gives_the_same_verdicts() -> None:
    many = signed_file(*(Feature(f"f{number}", "genesys.d", "8.5", "permanent", "1", attributes=(ISSUED,)) for number in range(600)))
    broken = with_line(many, 300, msgspec.structs.replace(many.lines[300], count="2"))
    with ThreadPoolExecutor(2) as pool:
        assert verify_lines(broken, TRUST, map=pool.map) == verify_lines(broken, TRUST)


@pytest.mark.parametrize(
    ("attribute", "phrase"),
    [
        (("ck", "103"), "checksum"),
        (("CK", "103"), "checksum"),
        (("SIGN", "00"), "signed already"),
        (("SIGN2", "00"), "signed already"),
        (("WONDER", "1"), "no server knows"),
        (("Issued", "03-mar-2026"), "twice"),
        (("NOTICE", "a\x1fb"), "control character"),
    ],
)
def test_refuses_to_sign(attribute: tuple[str, str], phrase: str) -> None:
    line = Feature("f", "genesys.d", "8.5", "permanent", "1", attributes=(ISSUED, attribute))
    with pytest.raises(InputError, match=phrase):
        sign_line(line, (HOSTID,), KEY)


def test_refuses_to_sign_without_a_day() -> None:
    with pytest.raises(InputError, match="ISSUED"):
        sign_line(Feature("f", "genesys.d", "8.5", "permanent", "1"), (HOSTID,), KEY)


# What is refused, and what is said about it.


@pytest.mark.parametrize(
    ("index", "changes", "field"),
    [
        (2, {"count": "9000"}, "count"),
        (2, {"count": "uncounted"}, "count"),
        (2, {"name": "3GP07021ABAB"}, "feature name"),
        (2, {"version": "9.9"}, "version"),
        (2, {"expiry": "01-jan-2030"}, "expiry date"),
        (3, {"expiry": "permanent"}, "expiry date"),
        (3, {"keyword": "INCREMENT"}, "keyword"),
        (3, {"key": "0123456789AB"}, "key"),
        (3, {"key": ""}, "key"),
        (5, {"from_version": "7.0"}, "old version"),
        (5, {"to_version": "8.6"}, "new version"),
        (6, {"name": "suitf"}, "package name"),
    ],
)
def test_the_changed_field_is_named(index: int, changes: dict[str, str], field: str) -> None:
    verdict = changed(index, **changes)
    assert (verdict.number, verdict.field) == (-8, field)
    assert field in verdict.sentence
    assert "was changed after signing" in verdict.sentence
    assert FILE.lines[index].name == changes.get("name", FILE.lines[index].name) or changes["name"] in verdict.sentence  # type: ignore[union-attr]


def test_the_sentence_says_line_value_and_what_was_signed() -> None:
    places = tuple(range(10, 10 + len(FILE.lines)))
    verdict = only(with_line(FILE, 2, msgspec.structs.replace(FILE.lines[2], count="999")), places=places)
    assert verdict.sentence == "line 12, FEATURE 3GP07021ABAA was changed after signing: count (found '999', signed with '100')."


def test_a_value_of_another_line_is_recognized() -> None:
    verdict = changed(5, name="3GP07021ABAA")
    assert (verdict.field, "signed with 'tserver_sdn'" in verdict.sentence) == ("feature name", True)
    assert changed(4, name="3GP07021ABAA").field == ""


def test_a_changed_attribute_is_named() -> None:
    notice = tuple((name, "Blue Harbour (no reseller)" if name == "NOTICE" else value) for name, value in attributes(2))
    assert changed(2, attributes=notice).field == "NOTICE"


def test_an_added_attribute_is_named() -> None:
    verdict = changed(2, attributes=(*attributes(2), ("OVERDRAFT", "500")))
    assert (verdict.number, verdict.field) == (-8, "OVERDRAFT")
    assert "signed without it" in verdict.sentence


def test_attributes_in_another_order_are_refused() -> None:
    verdict = changed(2, attributes=tuple(reversed(attributes(2))))
    assert verdict.number == -8
    one, two, *rest = attributes(6)
    verdict = changed(6, attributes=(two, one, *rest))
    assert (verdict.number, verdict.field) == (-8, "order of the attributes")


def test_a_removed_attribute_is_refused() -> None:
    verdict = changed(3, attributes=attributes(3)[1:])
    assert (verdict.number, verdict.field) == (-8, "")
    assert "in more than one place, or was made for a server with another host id" in verdict.sentence


def test_without_sign() -> None:
    verdict = changed(2, attributes=attributes(2)[:-1])
    assert (verdict.number, verdict.field) == (-114, "SIGN")
    assert "has no SIGN" in verdict.sentence


def test_with_two_signs() -> None:
    assert changed(2, attributes=(*attributes(2), attributes(2)[-1])).number == -8


def test_with_the_sign_of_another_line() -> None:
    verdict = changed(2, attributes=(*attributes(2)[:-1], attributes(3)[-1]))
    assert (verdict.number, verdict.field) == (-8, "SIGN")
    assert "digest fits" in verdict.sentence


@pytest.mark.parametrize("sign", ["64C2C0C0A262", "<...>", "", "0DC4 A818 1FF0"])
def test_a_foreign_signature_is_not_trusted(sign: str) -> None:
    verdict = changed(2, attributes=(*attributes(2)[:-1], ("SIGN", sign)))
    assert verdict.number == -137
    assert "not signed by a key this server trusts" in verdict.sentence


@pytest.mark.parametrize("name", ["SIGN2", "AUTH", "V84_SIGN"])
def test_other_kinds_of_signatures_are_foreign(name: str) -> None:
    verdict = changed(2, attributes=(*attributes(2)[:-1], (name, "{x}")))
    assert verdict.number == -137
    assert NOT_TRUSTED in verdict.sentence


def test_a_stranger_is_not_trusted() -> None:
    verdicts = verify_lines(signed_file(key=STRANGER), TRUST)
    assert {verdict.number for verdict in verdicts} == {-137}
    assert all(issuer(STRANGER).id in verdict.sentence and NOT_TRUSTED in verdict.sentence for verdict in verdicts)


def test_a_stranger_cannot_borrow_a_key_id() -> None:
    sign = attributes(2)[-1][1] or ""
    own = signed_file(key=STRANGER).lines[2].attributes[-1][1] or ""  # type: ignore[union-attr]
    forged = sign[:20] + own[20:]
    verdict = changed(2, attributes=(*attributes(2)[:-1], ("SIGN", forged)))
    assert verdict.number == -8


def test_unknown_attributes_are_refused_even_when_signed() -> None:
    line = msgspec.structs.replace(LINES[0], attributes=(ISSUED, ("WONDER", "1")))
    line = msgspec.structs.replace(line, key=line_digest(line, (HOSTID,)))
    value = issuer(KEY).id + KEY.sign(canonical_line(line, (HOSTID,))).hex()
    verdict = only(with_line(FILE, 2, msgspec.structs.replace(line, attributes=(*line.attributes, ("SIGN", value)))))
    assert (verdict.number, verdict.field) == (-8, "WONDER")


def test_a_signed_line_without_a_day_is_refused() -> None:
    line = Feature("f", "genesys.d", "8.5", "permanent", "1")
    value = issuer(KEY).id + KEY.sign(canonical_line(line, (HOSTID,))).hex()
    verdict = only(with_line(FILE, 2, msgspec.structs.replace(line, attributes=(("SIGN", value),))))
    assert (verdict.number, verdict.field) == (-8, "ISSUED")


def test_lines_of_a_vendor_without_a_daemon_line_are_refused() -> None:
    verdicts = verify_lines(with_line(FILE, 1, Vendor("other.d")), TRUST)
    assert {verdict.number for verdict in verdicts} == {-8}
    assert all("no DAEMON line" in verdict.sentence for verdict in verdicts)


def test_the_root_of_one_vendor_does_not_vouch_for_another() -> None:
    verdicts = verify_lines(FILE, trust(issuer(KEY), vendor="other.d"))
    assert {verdict.number for verdict in verdicts} == {-8, -137} - {-8}
    file = LicenseFile((*FILE.lines, Vendor("other.d")))
    assert {verdict.number for verdict in verify_lines(file, trust(issuer(KEY), vendor="other.d"))} == {-137}


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"not_after": date(2026, 3, 2)}, "was valid only until 02-mar-2026"),
        ({"not_before": date(2026, 3, 4)}, "is valid only from 04-mar-2026"),
        ({"revoked_on": date(2026, 3, 3), "reason": "laptop lost"}, "was revoked on 03-mar-2026 (laptop lost)"),
        ({"revoked_on": date(2026, 1, 1)}, "was revoked on 01-jan-2026"),
    ],
)
def test_an_issuer_that_was_not_good_on_the_day(changes: dict[str, object], phrase: str) -> None:
    for verdict in verify_lines(FILE, trust(issuer(KEY, **changes))):
        assert verdict.number == -137
        assert phrase in verdict.sentence
        assert NOT_TRUSTED in verdict.sentence


def test_rotation_and_revocation_leave_older_files_good() -> None:
    later = trust(issuer(KEY, not_after=date(2026, 3, 3), revoked_on=date(2026, 3, 4)), issuer(STRANGER))
    assert all(verdict.ok for verdict in verify_lines(FILE, later))


def test_a_copy_of_an_increment_counts_once() -> None:
    verdict = only(LicenseFile((*FILE.lines, FILE.lines[4])), places=tuple(range(1, 9)))
    assert (verdict.index, verdict.number) == (7, -8)
    assert "copy of line 5" in verdict.sentence


def test_a_copy_dressed_up_is_still_a_copy() -> None:
    line = FILE.lines[4]
    assert isinstance(line, Feature)
    dressed = msgspec.structs.replace(line, name=line.name.upper(), key=line.key.lower(), attributes=(("sort", "5"), *line.attributes))
    assert only(LicenseFile((*FILE.lines, dressed))).number == -8


def test_a_repeated_feature_is_left_to_the_rule_of_repeated_features() -> None:
    assert all(verdict.ok for verdict in verify_lines(LicenseFile((*FILE.lines, FILE.lines[2])), TRUST))


# Host ids.


def moved(*hostids: str) -> LicenseFile:
    servers = tuple(Server("other", hostid) for hostid in hostids)
    return LicenseFile((*servers, *FILE.lines[1:]))


def test_a_slip_in_the_hostid_is_told_from_a_change_of_the_line() -> None:
    for verdict in verify_lines(moved("0800200005ad"), TRUST):
        assert (verdict.number, verdict.field) == (-9, "SERVER host id")
        assert "signed for host id 0800200005ac" in verdict.sentence


def test_another_server_is_refused() -> None:
    verdicts = verify_lines(moved("00b0d0abb1b2"), TRUST)
    assert {verdict.number for verdict in verdicts} == {-8}
    assert all("or the host id of a SERVER line was" in verdict.sentence for verdict in verdicts)
    known = verify_lines(moved("00b0d0abb1b2"), TRUST, hostids_known=[("x",), (HOSTID,)])
    assert {(verdict.number, verdict.field) for verdict in known} == {(-9, "SERVER host id")}


@pytest.mark.parametrize("hostids", [(), (HOSTID, "1"), (HOSTID, HOSTID, HOSTID), ("",)])
def test_another_number_of_servers_is_refused(hostids: tuple[str, ...]) -> None:
    assert not any(verdict.ok for verdict in verify_lines(moved(*hostids), TRUST))


def test_servers_of_a_triad_keep_their_order() -> None:
    hostids = ("0800200005aa", "0800200005bb", "0800200005cc")
    file = signed_file(hostids=hostids)
    assert all(verdict.ok for verdict in verify_lines(file, TRUST))
    turned = LicenseFile((file.lines[1], file.lines[0], *file.lines[2:]))
    assert {(verdict.number, verdict.field) for verdict in verify_lines(turned, TRUST)} == {(-9, "SERVER host id")}


def test_lines_of_two_files_do_not_mix() -> None:
    other = signed_file(hostids=("00b0d0abb1b2",))
    verdicts = verify_lines(LicenseFile((*FILE.lines, *other.lines[2:])), TRUST)
    assert [verdict.ok for verdict in verdicts] == [True] * 5 + [False] * 5
    assert {verdict.number for verdict in verdicts[5:]} == {-8}


def test_many_changed_lines_are_refused_in_little_time() -> None:
    many = signed_file(*(Feature(f"f{number}", "genesys.d", "8.5", "permanent", "1", attributes=(ISSUED,)) for number in range(200)))
    lines = [msgspec.structs.replace(line, count="7") if isinstance(line, Feature) else line for line in many.lines]
    verdicts = verify_lines(LicenseFile(tuple(lines)), TRUST)
    assert {verdict.number for verdict in verdicts} == {-8}
    assert sum(verdict.field == "count" for verdict in verdicts) == DIAGNOSED_LINES_MAX


# The same on the text of a file.

TEXT = write(FILE)


def verify_text(text: str) -> list[Verdict] | None:
    """The verdicts; None where the file has errors without regard to signatures."""
    parsed = parse(text)
    if any(problem.severity == "error" for problem in parsed.problems):
        return None
    return verify_lines(parsed.file, TRUST)


def signed_content(text: str) -> object:
    """What the lines of a text say, as a set of folded fields, without the administrator's part."""
    parsed = parse(text)
    return parsed.file.hostids, [canonical_line(line, parsed.file.hostids) for _, line in parsed.file.signable()]


def served(text: str) -> int:
    verdicts = verify_text(text)
    return sum(verdict.ok for verdict in verdicts) if verdicts is not None else 0


def test_the_written_file_verifies() -> None:
    assert served(TEXT) == len(LINES)


@settings(max_examples=250, deadline=None)
@given(
    st.integers(TEXT.index("FEATURE"), len(TEXT) - 1),
    st.sampled_from(["change", "insert", "delete"]),
    st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("\u212a\u017f\u0131\u00a0\u0430éÉ\u200b\x00\x0b\x1f"),
)
def test_no_single_character_of_a_signed_line_can_be_changed(at: int, how: str, char: str) -> None:
    tail = TEXT[at + 1 :] if how != "insert" else TEXT[at:]
    text = TEXT[:at] + ("" if how == "delete" else char) + tail
    verdicts = verify_text(text)
    if verdicts is None:
        return
    if all(verdict.ok for verdict in verdicts) and len(verdicts) == len(LINES):
        # Then only case, white space or the administrator's own attributes may differ.
        assert signed_content(text) == signed_content(TEXT)
        return
    for verdict in verdicts:
        assert verdict.ok or (verdict.sentence and verdict.number in (-8, -9, -114, -137))
    assert sum(verdict.ok for verdict in verdicts) >= len(LINES) - 2


@pytest.mark.parametrize("index", range(2, 2 + len(LINES)))
def test_no_character_of_any_field_can_be_changed(index: int) -> None:
    """Every field of every line, every character: another one there, one less, one more."""
    line = FILE.lines[index]
    mutations = []
    for name, value in msgspec.structs.asdict(line).items():
        if isinstance(value, str) and name != "keyword":
            mutations += [msgspec.structs.replace(line, **{name: other}) for other in mutated(value)]
    pairs = attributes(index)
    for at, (name, value) in enumerate(pairs):
        if name != "vendor_info":
            values = [other for other in mutated(value or "") if name != "SIGN" or other.replace(" ", "") != (value or "").replace(" ", "")]
            changes = [(other, value) for other in mutated(name)] + [(name, other) for other in values]
            mutations += [msgspec.structs.replace(line, attributes=(*pairs[:at], pair, *pairs[at + 1 :])) for pair in changes]
            mutations.append(msgspec.structs.replace(line, attributes=(*pairs[:at], *pairs[at + 1 :])))
    assert len(mutations) > 200
    file = LicenseFile((*FILE.lines[:2], *mutations))
    verdicts = verify_lines(file, TRUST)
    assert [verdict.line for verdict in verdicts if verdict.ok] == []
    assert {verdict.number for verdict in verdicts} <= {-8, -114, -137}


def mutated(value: str) -> list[str]:
    others = [value[:at] + chr(ord(char) ^ 1) + value[at + 1 :] for at, char in enumerate(value) if char != " "]
    others += [value[:at] + value[at + 1 :] for at, char in enumerate(value)]
    return others + [value[:at] + "7" + value[at:] for at in range(len(value) + 1)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SERVER licsrv0", "SERVER another-host.example"),
        ("7260", "27000"),
        ("7260", ""),
        ("DAEMON genesys.d", "DAEMON genesys.d /opt/x/genesys.d options=/etc/g.opt port=7261"),
        ("DAEMON genesys.d", 'VENDOR genesys.d "/opt/with blank/genesys.d"'),
        ("v8.5 - Enterprise Routing", "what we call Routing"),
        ('vendor_info="v8.5 - Enterprise Routing"', ""),
        ("NOTICE=", "user_info=x sort=5 ck=17 NOTICE="),
        ("NOTICE=", "notice="),
        ("Blue Harbor", "BLUE   harbor"),
        ("Blue Harbor", "blue\tHarbor"),
        ("\nFEATURE", "\n# a comment\n\n   FEATURE"),
        (" \\\n\t", " "),
        (" \\\n\t", "\n        "),
        ("\n", "\r\n"),
        ("FEATURE", "feature"),
        ("genesys.d", "Genesys.D"),
        ("permanent", "PERMANENT"),
        ("DAEMON", "USE_SERVER\nDAEMON"),
        ("7260\n", "7260 PRIMARY_IS_MASTER HEARTBEAT_INTERVAL=30\n"),
    ],
)
def test_what_the_administrator_may_do_leaves_the_file_good(old: str, new: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new)
    assert served(text) == len(LINES), [verdict.sentence for verdict in verify_text(text) or []]


@settings(max_examples=50, deadline=None)
@given(st.integers())
def test_upper_and_lower_case_and_blanks_do_not_matter(seed: int) -> None:
    random = Random(seed)
    chars = [random.choice([char, char.swapcase()]) for char in TEXT.replace("\\\n", " ")]
    text = "".join(char if char != " " else random.choice([" ", "\t", "   "]) for char in chars)
    assert served(text) == len(LINES)


GUIDE = """\
#1111
SERVER licensehost 00b0d0abb1b2 7260
DAEMON genesys.d c:\\flexlm\\genesys.d.exe port=7261
FEATURE 3GP07021ABAA genesys.d 7.0 6-may-2005 100 05B93F46AAE8\\
    vendor_info="v7.0 - Genesys Enterprise Routing - MS" \\
    NOTICE="Customer (Reseller) license_use" SIGN=64C2C0C0A262
FEATURE tserver_sdn genesys.d 7.0 6-may-2005 100 8F796FD181BC \\
    NOTICE="Customer (Reseller) license_use" SIGN=9004ED5C4D08
"""


def test_the_sample_of_the_guide_is_another_vendors() -> None:
    verdicts = verify_text(GUIDE)
    assert verdicts is not None
    assert [verdict.number for verdict in verdicts] == [-137, -137]
    assert all("not signed by a key this server trusts" in verdict.sentence for verdict in verdicts)
