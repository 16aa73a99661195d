"""guard: a server is believed with all of its proofs, and with none of them missing, stale, borrowed or changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.keys import find_credential, init_vendor, issue_credential, load_issuer, load_root
from seatkeeper.base.errors import LicenseError
from seatkeeper.client.guard import Guard
from seatkeeper.licfile.model import Feature, LicenseFile, Package, Upgrade
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.trust import server_proof, sign_trust
from seatkeeper.licfile.writer import write
from seatkeeper.wire.messages import PROTOCOL, Beat, Checkout, Denied, Granted, Welcome

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.adapters.keys import Credential
    from seatkeeper.licfile.model import Signable
    from seatkeeper.licfile.trust import Trust

VENDOR = "genesys.d"
TODAY = date(2026, 11, 24)
NONCE, SESSION = bytes(range(32)), bytes(range(16))
HOSTID, OTHER = "0800200005ac", "0800200005ad"


class Vendor:
    """A vendor's keys, a server's credential, and what that server says."""

    def __init__(self, directory: Path) -> None:
        self.keys = directory
        self.trust: Trust = init_vendor(directory, VENDOR, today=TODAY)
        self.root = bytes.fromhex(self.trust.root)
        self.text = (directory / f"{VENDOR}.trust").read_text()
        self.credential = self.credential_of(HOSTID)

    def credential_of(self, hostid: str) -> Credential:
        issue_credential(self.keys, hostid, self.keys, today=TODAY)
        found = find_credential(self.keys, VENDOR, [hostid])
        assert found is not None
        return found

    def line(self, name: str = "f1", version: str = "8.5", expiry: str = "permanent", hostids: tuple[str, ...] = (HOSTID,)) -> str:
        return self.signed(Feature(name, VENDOR, version, expiry, "5"), hostids)

    def signed(self, line: Signable, hostids: tuple[str, ...] = (HOSTID,)) -> str:
        line = msgspec.structs.replace(line, attributes=(*line.attributes, ("ISSUED", "24-nov-2026")))
        return write(LicenseFile((sign_line(line, hostids, load_issuer(self.keys, today=TODAY)),)))

    def package(self, components: str = "f1 f2:8.0:3", name: str = "pack", **attributes: str) -> str:
        return self.signed(Package(name, VENDOR, attributes=(("COMPONENTS", components), *attributes.items())))

    def upgrade(self, count: int = 2, low: str = "8.0", high: str = "9.0", expiry: str = "permanent", name: str = "f1") -> str:
        return self.signed(Upgrade(name, VENDOR, low, high, expiry, str(count)))

    def welcome(self, **changes: object) -> Welcome:
        welcome = Welcome(
            PROTOCOL,
            "licsrv",
            "",
            60.0,
            180.0,
            [],
            [HOSTID],
            self.text,
            self.credential.chain,
            server_proof(self.credential.key, NONCE, SESSION, VENDOR),
        )
        return msgspec.structs.replace(welcome, **changes)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    return Vendor(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    return Vendor(tmp_path_factory.mktemp("other"))


def guard(vendor: Vendor, known: Trust | None = None) -> Guard:
    made = Guard(VENDOR, vendor.root, known)
    made.greeted(NONCE, SESSION)
    return made


def open_guard(vendor: Vendor, feature: str = "f1", version: str = "") -> Guard:
    made = guard(vendor)
    made.check(vendor.welcome(), TODAY)
    made.asked(Checkout(1, feature, version))
    made.asked(Checkout(2, feature, version))
    return made


def refusal(made: Guard, message: object, today: date = TODAY) -> LicenseError:
    with pytest.raises(LicenseError) as caught:
        made.check(message, today)  # type: ignore[arg-type]
    assert caught.value.minor == 622
    assert caught.value.reason
    return caught.value


def test_a_genuine_server_is_believed(vendor: Vendor) -> None:
    made = open_guard(vendor)
    made.check(Granted(1, 101, 1, "8.5", "permanent", vendor.line()), TODAY)
    made.check(Granted(2, 102, 1), TODAY)  # The line is shown once.
    made.check(Denied(3, -4), TODAY)
    made.check(Beat(1), TODAY)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trust": ""}, "no trust file"),
        ({"trust": "x"}, "not a trust file"),
        ({"chain": b""}, ""),
        ({"chain": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, ""),
        ({"proof": b""}, "did not prove"),
        ({"proof": bytes(64)}, "did not prove"),
        ({"hostids": []}, ""),
        ({"hostids": [OTHER]}, ""),
    ],
)
def test_nothing_may_be_missing(vendor: Vendor, changes: dict[str, object], words: str) -> None:
    error = refusal(guard(vendor), vendor.welcome(**changes))
    assert error.number == -33
    assert words in error.reason


def test_a_recorded_conversation_proves_nothing(vendor: Vendor) -> None:
    made = guard(vendor)
    made.greeted(bytes(32), SESSION)
    assert refusal(made, vendor.welcome()).number == -33
    made.greeted(NONCE, bytes(16))
    assert refusal(made, vendor.welcome()).number == -33


def test_another_vendors_server_is_refused(vendor: Vendor, stranger: Vendor) -> None:
    error = refusal(guard(vendor), stranger.welcome())
    assert error.number == -33
    assert stranger.trust.root in error.reason
    # With our trust file and its own certificate it is no better.
    assert refusal(guard(vendor), stranger.welcome(trust=vendor.text)).number == -33


def test_a_server_of_another_name_is_refused(vendor: Vendor) -> None:
    renamed = sign_trust(msgspec.structs.replace(vendor.trust, vendor="other"), load_root(vendor.keys))
    assert "other" in refusal(guard(vendor), vendor.welcome(trust=renamed)).reason


def test_a_certificate_has_its_days(vendor: Vendor) -> None:
    assert refusal(guard(vendor), vendor.welcome(), today=TODAY + timedelta(days=40 * 365)).number == -33


def test_a_line_has_to_be_shown(vendor: Vendor) -> None:
    assert refusal(open_guard(vendor), Granted(1, 101, 1)).number == -8


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("", -8),
        ("nothing", -8),
        ("# a comment", -8),
        ("FEATURE f1 genesys.d 8.5 permanent 5", -8),
        ("SERVER a ANY 1\n", -8),
    ],
)
def test_a_line_has_to_be_a_signed_one(vendor: Vendor, line: str, number: int) -> None:
    assert refusal(open_guard(vendor), Granted(1, 101, 1, line=line)).number == number


def test_a_line_has_to_be_of_this_feature_server_version_and_day(vendor: Vendor, stranger: Vendor) -> None:
    def granted(line: str, version: str = "") -> LicenseError:
        return refusal(open_guard(vendor, version=version), Granted(1, 101, 1, line=line))

    assert granted(vendor.line("f2")).number == -8
    assert granted(vendor.line(hostids=(OTHER,))).number == -8
    assert granted(vendor.line(version="8.0"), version="8.5").number == -8
    assert granted(stranger.line()).number == -8
    assert granted(vendor.line().replace(" 5 ", " 6 ")).number == -8
    assert granted(vendor.line() + "FEATURE f1 genesys.d 8.5 permanent 5\n").number == -8
    assert granted(vendor.line(expiry="22-nov-2026")).number == -10


def test_a_day_more_is_granted_for_the_time_zones(vendor: Vendor) -> None:
    line = vendor.line(expiry="23-nov-2026")
    made = open_guard(vendor)
    made.check(Granted(1, 101, 1, line=line), TODAY)
    assert refusal(made, Granted(2, 102, 1), TODAY + timedelta(days=1)).number == -10


def test_several_lines_may_make_one_pool(vendor: Vendor) -> None:
    open_guard(vendor).check(Granted(1, 101, 10, line=vendor.line() + vendor.line(version="8.6")), TODAY)


def grant(vendor: Vendor, text: str, feature: str = "f1", version: str = "", count: int = 1) -> None:
    """A client that asked for that is granted so many seats by `text`."""
    open_guard(vendor, feature, version).check(Granted(1, 101, count, line=text), TODAY)


def refused(vendor: Vendor, text: str, feature: str = "f1", version: str = "", count: int = 1) -> tuple[int, str]:
    error = refusal(open_guard(vendor, feature, version), Granted(1, 101, count, line=text))
    return error.number, error.reason


def test_a_component_is_believed_with_its_package_and_the_line_that_enables_it(vendor: Vendor) -> None:
    enabling = vendor.line("pack", "8.5")
    for text in (vendor.package() + enabling, enabling + vendor.package()):
        grant(vendor, text, "f1", "8.5", 5)
        grant(vendor, text, "f2", "8.0", 15)
        assert refused(vendor, text, "f2", "8.5")[0] == -8
    grant(vendor, vendor.package("f1 f2", OPTIONS="SUITE") + enabling, "f2", "8.5", 5)


def test_a_package_gives_nothing_that_it_does_not_name(vendor: Vendor) -> None:
    enabling = vendor.line("pack")
    assert refused(vendor, vendor.package() + enabling, "f3") == (
        -8,
        "The server granted f3 as a part of the package pack, which has no such component.",
    )
    # A list that somebody has lengthened is not the one that was signed.
    number, reason = refused(vendor, vendor.package().replace("f1 f2", "f1 f3 f2") + enabling, "f3")
    assert number == -8
    assert "not genuine" in reason
    assert refused(vendor, vendor.package().replace("8.0:3", "8.0:9") + enabling, "f2", count=40)[0] == -8
    # The name of a package is no license.
    assert refused(vendor, vendor.package() + enabling, "pack")[0] == -8


def test_a_package_without_its_enabling_line_gives_nothing(vendor: Vendor) -> None:
    assert "without the line that enables it" in refused(vendor, vendor.package())[1]
    assert "without the line that enables it" in refused(vendor, vendor.package() + vendor.line("pack2"))[1]
    assert "without the line that enables it" in refused(vendor, vendor.package() + vendor.package("f9", "pack2") + vendor.line("pack2"))[1]
    of_other_server = vendor.line("pack", hostids=(OTHER,))
    assert "not genuine" in refused(vendor, vendor.package() + of_other_server)[1]
    assert refused(vendor, vendor.package() + vendor.line("pack", expiry="22-nov-2026"))[0] == -10


def test_an_upgraded_version_is_believed_with_the_line_that_was_upgraded(vendor: Vendor) -> None:
    text = vendor.line(version="8.0") + vendor.upgrade(2)
    grant(vendor, text, version="9.0", count=2)
    grant(vendor, text, version="8.0", count=5)
    assert "that give 2 at most" in refused(vendor, text, version="9.0", count=3)[1]
    # What a pool shows for two upgrades of one line holds that line twice.
    grant(vendor, text + vendor.line(version="8.0") + vendor.upgrade(3), version="9.0", count=5)
    # The upgrade has its own days.
    grant(vendor, vendor.line(version="8.0", expiry="22-nov-2026") + vendor.upgrade(2), version="9.0")
    assert refused(vendor, vendor.line(version="8.0") + vendor.upgrade(2, expiry="22-nov-2026"), version="9.0")[0] == -10


@pytest.mark.parametrize("version", ["7.9", "9.0", "9.5"])
def test_an_upgrade_without_its_base_gives_nothing(vendor: Vendor, version: str) -> None:
    assert "without the line that it upgrades" in refused(vendor, vendor.upgrade())[1]
    assert refused(vendor, vendor.upgrade(high="9.9", low="8.0") + vendor.line("f2", "8.0"), version="9.9")[0] == -8
    assert refused(vendor, vendor.upgrade() + vendor.line(version=version), version="9.0", count=6)[0] == -8
    assert refused(vendor, vendor.upgrade(name="f2") + vendor.line(version="8.0"), version="9.0")[0] == -8


def test_a_package_enabled_by_an_upgraded_line(vendor: Vendor) -> None:
    text = vendor.package("f1") + vendor.line("pack", "8.0") + vendor.upgrade(2, name="pack")
    grant(vendor, text, version="9.0", count=2)
    assert refused(vendor, text, version="9.0", count=3)[0] == -8


def test_no_more_seats_are_believed_than_the_lines_give(vendor: Vendor) -> None:
    grant(vendor, vendor.line(), count=5)
    assert refused(vendor, vendor.line(), count=6) == (-8, "The server granted 6 seats of f1 by lines that give 5 at most.")
    overdrawn = vendor.signed(Feature("f1", VENDOR, "8.5", "permanent", "5", attributes=(("OVERDRAFT", "2"),)))
    grant(vendor, overdrawn, count=7)
    assert refused(vendor, overdrawn, count=8)[0] == -8
    grant(vendor, vendor.signed(Feature("f1", VENDOR, "8.5", "permanent", "uncounted", attributes=(("HOSTID", "ANY"),))), count=9999)
    # A line that has expired, or that is shown twice in other letters, adds nothing.
    assert refused(vendor, vendor.line() + vendor.line(version="8.6", expiry="22-nov-2026"), count=6)[0] == -8
    assert refused(vendor, vendor.line() + vendor.line().replace("FEATURE f1", "FEATURE F1"), count=6)[0] == -8


def test_of_very_many_lines_not_all_can_be_shown(vendor: Vendor) -> None:
    """A pool of more lines than fit into an answer may well have more seats than the lines that are shown."""
    many = "".join(
        vendor.signed(
            Feature("f1", VENDOR, "8.5", "permanent", "1", attributes=(("NOTICE", f"{number} {'n' * 900}"),), keyword="INCREMENT")
        )
        for number in range(24)
    )
    grant(vendor, many, count=25)
    few = many[: many.index("INCREMENT", 1)]
    assert refused(vendor, few, count=2)[0] == -8


def test_a_line_that_starts_later_gives_nothing_yet(vendor: Vendor) -> None:
    def starting(day: str) -> str:
        return vendor.signed(Feature("f1", VENDOR, "8.5", "permanent", "5", attributes=(("START", day),)))

    grant(vendor, starting("25-nov-2026"))  # Where the server stands it may be tomorrow.
    assert refused(vendor, starting("26-nov-2026"))[0] == -31


def test_a_signed_line_that_is_not_understood_is_refused(vendor: Vendor) -> None:
    """Our own issuer would not sign such a line; whoever holds the key of one might."""
    assert refused(vendor, vendor.line().replace(" 8.5 ", " eight "))[0] == -8
    assert refused(vendor, vendor.package("f1:x") + vendor.line("pack"))[0] == -8


def test_a_line_is_verified_once(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = open_guard(vendor)
    line = vendor.line()
    made.check(Granted(1, 101, 1, line=line), TODAY)
    monkeypatch.setattr("seatkeeper.licfile.signature.verify_lines", None)
    made.check(Granted(2, 102, 1, line=line), TODAY)


def test_lines_of_one_host_id_are_nothing_to_another(vendor: Vendor) -> None:
    made = open_guard(vendor)
    made.check(Granted(1, 101, 1, line=vendor.line()), TODAY)
    other = vendor.credential_of(OTHER)
    proof = server_proof(other.key, NONCE, SESSION, VENDOR)
    made.check(vendor.welcome(hostids=[OTHER], chain=other.chain, proof=proof), TODAY)
    made.asked(Checkout(3, "f1"))
    assert refusal(made, Granted(3, 103, 1)).number == -8
    made.asked(Checkout(4, "f1"))
    assert refusal(made, Granted(4, 104, 1, line=vendor.line())).number == -8


def test_the_newer_trust_counts(vendor: Vendor) -> None:
    """A server with the trust file from before a revocation does not make the revoked key good again."""
    issuer = msgspec.structs.replace(vendor.trust.issuers[0], revoked_on=TODAY)
    newer = msgspec.structs.replace(vendor.trust, serial=vendor.trust.serial + 1, issuers=(issuer,))
    made = guard(vendor, newer)
    made.check(vendor.welcome(), TODAY)
    made.asked(Checkout(1, "f1"))
    assert refusal(made, Granted(1, 101, 1, line=vendor.line())).number == -8


def test_what_nobody_asked_for_is_left_to_the_session(vendor: Vendor) -> None:
    open_guard(vendor).check(Granted(77, 101, 1), TODAY)


def test_without_a_root_everything_passes() -> None:
    made = Guard(VENDOR, None)
    made.greeted(NONCE, SESSION)
    made.check(Welcome(PROTOCOL, "x", "", 1.0, 3.0, [], []), TODAY)
    made.asked(Checkout(1, "f1"))
    made.check(Granted(1, 101, 1, line="x"), TODAY)
