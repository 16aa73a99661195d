"""lmgrd proves itself to a tool under the root of whichever of its vendors the tool pins, and under no other."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from seatkeeper.adapters.admins import Administrator, new_token, token_digest, write_admins
from seatkeeper.adapters.keys import issue_credential
from seatkeeper.base.errors import LicenseError
from seatkeeper.cli.lmutil import main
from seatkeeper.sdk.access import Access
from seatkeeper.sdk.blocking import Client
from seatkeeper.sdk.question import Question
from seatkeeper.wire.messages import AskServer, ServerStatus
from support.hostile import Peer, hello
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes


def test_lmgrd_of_two_vendors_proves_itself_under_either_root_and_no_third(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        other = site.add_vendor("other.d", {"g1": 2})
        site.start()
        for root in (site.root, other):
            with Question("localhost", site.port, "", Access(plain=False, root=bytes.fromhex(root)), 15) as question:
                (status,) = question.ask(AskServer(1))
            assert isinstance(status, ServerStatus)
            assert [daemon.up for daemon in status.daemons] == [True, True]
        with pytest.raises(LicenseError) as refused:
            Question("localhost", site.port, "", Access(plain=False, root=b"7" * 32), 15)
        assert refused.value.number == -33


class Away:
    """A server of two vendors, and an operator who asks it with a token, as from another machine: over TLS, and never the Unix socket."""

    def __init__(self, site: Site, other: str) -> None:
        self.site = site
        self.roots = {"genesys.d": site.root, "other.d": other}
        token = new_token()
        self.token = site.directory.parent / "token"
        self.token.write_text(token)
        self.token.chmod(0o600)
        admins = site.directory / "admins.toml"
        write_admins(admins, [Administrator("opal", "operator", token_digest(token))])
        site.start("--admins", str(admins))

    def run(self, *words: str, path: str = "", root: str = "") -> subprocess.CompletedProcess[str]:
        """A tool with the token; the root is that of a vendor, or none."""
        environment = {**os.environ, "SEATKEEPER_TOKEN_FILE": str(self.token), "SEATKEEPER_ROOT": self.roots.get(root, "")}
        command = [sys.executable, "-m", "seatkeeper.cli.lmutil", words[0], "-c", path or f"{self.site.port}@localhost", *words[1:]]
        return subprocess.run(
            command,
            env=environment,
            cwd=self.token.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    with Site(tmp_path_factory.mktemp("away") / "site", {"f1": 9}) as site:
        yield Away(site, site.add_vendor("other.d", {"g1": 9}))


def test_a_removal_succeeds_with_the_root_of_the_vendor_whose_seat_it_is(away: Away) -> None:
    with Peer(away.site.port) as peer:
        peer.hello("ann")
        peer.checkout("f1")
        done = away.run("lmremove", "f1", "ann", "ann-pc", "tty1", root="genesys.d")
    assert done.returncode == 0, done.stderr
    assert "lmremove successful" in done.stdout
    assert "without the root key of other.d nobody knows who other.d is" in done.stderr
    # Where the one vendor daemon that can be asked has no such seat, the other one may.
    missing = away.run("lmremove", "f1", "ann", "ann-pc", "tty1", root="genesys.d")
    assert missing.returncode == 256 - 33
    assert "other.d" in missing.stderr


def test_a_removal_succeeds_with_the_trust_files_of_both_vendors_beside_the_license_file(away: Away) -> None:
    for user, vendor, feature, root in (
        ("bob", "genesys.d", "f1", ""),
        ("bob", "other.d", "g1", ""),
        ("cy", "other.d", "g1", "genesys.d"),
        ("cy", "genesys.d", "f1", "other.d"),
    ):
        with Peer(away.site.port, vendor=vendor) as peer:
            peer.ask(hello(user, vendor=vendor))
            peer.checkout(feature)
            done = away.run("lmremove", feature, user, f"{user}-pc", "tty1", path=str(away.site.license), root=root)
        assert (done.returncode, done.stderr) == (0, ""), (vendor, root)


def test_lmstat_shows_every_vendor_and_says_whom_it_could_not_tell(away: Away) -> None:
    with Peer(away.site.port) as peer, Peer(away.site.port, vendor="other.d") as stranger:
        for one, vendor, feature in ((peer, "genesys.d", "f1"), (stranger, "other.d", "g1")):
            one.ask(hello("ida", vendor=vendor))
            one.checkout(feature)
        pinned = away.run("lmstat", "-a", root="genesys.d")
        beside = away.run("lmstat", "-a", path=str(away.site.license))
    assert pinned.returncode == 0, pinned.stderr
    assert "handshake" not in pinned.stdout
    assert "Users of g1:  (Total of 9 licenses issued" in pinned.stdout
    assert "other.d: no root key of this vendor is known here" in pinned.stderr
    assert (beside.returncode, beside.stderr) == (0, "")
    assert beside.stdout.count("ida ida-pc tty1") == 2


def test_a_vendor_daemon_with_the_trust_of_another_vendor_is_not_believed(away: Away) -> None:
    # Asked before anything has shown whose root it is.
    access = Access(plain=False, root=bytes.fromhex(away.roots["genesys.d"]))
    beside = Access(plain=False, beside=(("other.d", bytes.fromhex(away.roots["genesys.d"])),))
    for one in (access, beside):
        with pytest.raises(LicenseError) as refused:
            Question("localhost", away.site.port, "other.d", one, 15)
        assert refused.value.number == -33


@pytest.mark.parametrize("vendor", ["", "genesys.d"])
def test_a_connection_that_is_older_than_the_credential_has_its_proof_all_the_same(tmp_path: Path, vendor: str) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.start()
        with Question("localhost", site.port, vendor, Access(plain=False), 15) as older:
            before = next(site.directory.glob("*.credential")).read_bytes()
            issue_credential(site.keys, site.hostid, site.directory, today=date.today())
            assert next(site.directory.glob("*.credential")).read_bytes() != before
            assert main(["lmreread", "-c", str(site.license)]) == 0
            assert older._tls is not None
            # It raises what is wrong.
            older._verify(bytes.fromhex(site.root), vendor, older._tls.binding)
        with Question("localhost", site.port, vendor, Access(plain=False, root=bytes.fromhex(site.root)), 15) as newer:
            assert newer._tls is not None
            assert newer._tls.binding != older._tls.binding


def test_a_daemon_line_in_another_spelling_is_of_the_same_vendor(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        site.license.write_text(site.license.read_text().replace("DAEMON genesys.d", "DAEMON Genesys.D"))
        for file in (*site.directory.glob("genesys.d.trust"), *site.directory.glob("genesys.d.*.credential")):
            copy = site.directory / file.name.replace("genesys.d", "Genesys.D")
            copy.touch(0o600)
            copy.write_bytes(file.read_bytes())
        site.start()
        with Client(f"{site.port}@localhost", root=site.root) as client, client.checkout("f1") as seat:
            assert seat.count == 1
