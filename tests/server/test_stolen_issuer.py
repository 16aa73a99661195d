"""The drill of docs/keys.md on a real license server: an issuer key is stolen, and nobody but the thief loses anything."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from seatkeeper.adapters.keys import init_vendor, issue_credential, load_issuer, load_trust
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmutil import main as lmutil
from seatkeeper.cli.vendor import main as vendor
from seatkeeper.licfile.model import LicenseFile, Server, Vendor
from seatkeeper.licfile.signature import sign_line
from seatkeeper.licfile.writer import write
from seatkeeper.sdk.blocking import Client
from support.site import VENDOR, Site, feature

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date.today()
LONG_AGO, STOLEN = TODAY - timedelta(days=30), TODAY - timedelta(days=5)


def issued(name: str, count: int, day: date) -> object:
    return msgspec.structs.replace(feature(name, count), attributes=(("ISSUED", format_date(day)),))


@pytest.mark.processes
def test_a_stolen_key_is_revoked_and_no_seat_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = Site(tmp_path / "site", {})
    for path in (site.keys, *site.directory.glob("*.credential")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # A vendor whose first issuer key has been in use for a month.
    site.root = init_vendor(site.keys, VENDOR, today=LONG_AGO).root
    issue_credential(site.keys, site.hostid, site.directory, today=LONG_AGO)
    trust_file = site.directory / f"{VENDOR}.trust"
    shutil.copy(site.keys / trust_file.name, trust_file)
    stolen = load_trust(site.keys)[1].issuers[0].id
    key = load_issuer(site.keys, today=TODAY)
    server = Server("localhost", site.hostid, site.port)
    good, late = (sign_line(each, (site.hostid,), key) for each in (issued("f1", 5, TODAY - timedelta(days=10)), issued("f2", 5, TODAY)))
    thief = sign_line(issued("f3", 500, TODAY), (site.hostid,), key)
    reread = ["lmutil", "lmreread", "-c", f"{site.port}@localhost"]
    head = (server, Vendor(VENDOR, keyword="DAEMON"))
    site.license.write_text(write(LicenseFile((*head, good, late, thief))))
    with site.start(), Client(f"{site.port}@localhost", root=site.root, user="ann") as client:
        held = client.checkout("f1", count=2)
        with client.checkout("f3"):
            pass  # The thief's file serves: it is signed as it should be.
        # The vendor finds out, revokes, rotates, and sends the trust file; the license file is still the old one.
        words = ["--keys", str(site.keys)]
        assert vendor(["revoke", stolen, "--on", format_date(STOLEN), "--reason", "laptop lost", *words]) == 0
        assert vendor(["rotate", *words]) == 0
        shutil.copy(trust_file, tmp_path / "old.trust")
        shutil.copy(site.keys / trust_file.name, trust_file)
        revoked = f"it was issued on {format_date(TODAY)}, and the key {stolen} was revoked on {format_date(STOLEN)} (laptop lost)"
        capsys.readouterr()
        assert lmutil(reread) == 0
        assert f"FEATURE f3 is not signed by a key this server trusts: {revoked}" in site.read_log()
        with pytest.raises(LicenseError):
            client.checkout("f3")
        # An older trust file does not bring it back.
        newer = trust_file.read_bytes()
        shutil.copy(tmp_path / "old.trust", trust_file)
        assert lmutil(reread) != 0
        assert "The trust file beside the license files has the number 1, the one that is served 3." in capsys.readouterr().err
        trust_file.write_bytes(newer)
        # With what was issued anew, and without the thief's line, nothing is refused any more.
        again = sign_line(issued("f2", 5, TODAY), (site.hostid,), load_issuer(site.keys, today=TODAY))
        site.license.write_text(write(LicenseFile((*head, good, again))))
        assert lmutil(reread) == 0
        with pytest.raises(LicenseError) as caught:
            client.checkout("f3")
        assert caught.value.number == -5
        # The application pinned the root long before: it has its seats still, and gets more, of the new issuer's lines too.
        assert held.valid
        with client.checkout("f2"):
            pass
        with client.checkout("f1", count=3), pytest.raises(LicenseError):
            client.checkout("f1")
        with Client(f"{site.port}@localhost", root=site.root, user="ben") as other, other.checkout("f2", count=5):
            pass
        # The thief's file comes back: it is refused, and the log says which line, which key, and why.
        site.license.write_text(write(LicenseFile((*head, good, again, thief))))
        assert lmutil(reread) != 0
        assert f"FEATURE f3 is not signed by a key this server trusts: {revoked}" in site.read_log()
        # A vendor daemon that starts on it serves everything else, to those who held seats before and to those who come.
        site.wait_until_restarted(site.kill_daemon())
        with Client(f"{site.port}@localhost", root=site.root, user="ben") as other:
            with other.checkout("f1", count=3), other.checkout("f2"), pytest.raises(LicenseError):
                other.checkout("f1")  # All five are out: ann's two are hers.
            with pytest.raises(LicenseError):
                other.checkout("f3")
        # The application that has run all the time is served as before.
        with client.checkout("f2", count=5):
            assert held.valid
    assert site.stop() == 0
