"""A customer's life with the licensing desk, on real license servers: ordered, changed, moved or revoked, nobody loses a seat."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.host import default_hostid
from seatkeeper.adapters.keys import init_vendor, load_trust, revoke, rotate
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import LicenseError
from seatkeeper.catalog.expand import Item
from seatkeeper.cli.license import main as license_command
from seatkeeper.issue.desk import Desk, Put, issue, register, reproduce
from seatkeeper.issue.desk_acts import added, change, moved, renewed
from seatkeeper.issue.desk_entitling import held
from seatkeeper.issue.desk_verify import verify
from seatkeeper.sdk import admin
from seatkeeper.sdk.blocking import Client
from support.site import START_S, VENDOR, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from seatkeeper.issue.model import Order
    from seatkeeper.licfile.trust import Trust

TODAY: Final = date.today()
CATALOG: Final = load_catalog()
VOICE, EMAIL = "Genesys Inbound Voice", "Genesys E-mail"
#: A technical license of VOICE, one for each seat, and one of EMAIL.
VOICE_SEAT, EMAIL_SEAT = "tserver_sdn", "ics_multi_media_agent_seat"
OTHER_HOST: Final = f"HOSTNAME={socket.gethostname()}"


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def order(items: dict[str, int], servers: str, terms: str = 'purpose = "production"') -> str:
    tables = "".join(f'[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = {count}\n' for name, count in items.items())
    return (
        '[order]\nnumber = "auto"\nsite = "1111"\ncompany = "Pigeon Post Example Ltd"\nrequestor = "Alex Example"\n'
        f"{terms}\n{tables}[environment]\ntechnical_dns = 100\n{servers}"
    )


def server(host: str, hostid: str, port: int, more: str = "") -> str:
    return f'[[servers]]\nhost = "{host}"\nhostid = "{hostid}"\nport = {port}\n{more}\n'


class LicenseServer:
    """A real lmgrd on a directory with a license file and what belongs to it."""

    def __init__(self, directory: Path, port: int) -> None:
        self.file, self.port = directory / "license.dat", port
        self.log = directory / "debug.log"
        command = [sys.executable, "-m", "seatkeeper.cli.lmgrd", "-z", "-c", str(self.file), "-l", f"+{self.log}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                if all(daemon.up for daemon in admin.server_status("localhost", port).daemons):
                    return
            except LicenseError:
                time.sleep(0.02)
        raise AssertionError(f"the license server does not serve:\n{self.log.read_text()}")

    def reread(self) -> None:
        admin.reread("localhost", self.port)

    def total(self, feature: str) -> int:
        return sum(pool.total for pool in admin.pools("localhost", self.port, VENDOR, feature))

    def stop(self) -> None:
        os.kill(self.process.pid, signal.SIGTERM)
        assert self.process.wait(30) == 0


class Customer:
    """The desk's side: keys, registry, and the acts on a day."""

    def __init__(self, directory: Path) -> None:
        self.keys = directory / "keys"
        self.where = str(directory / "desk.db")
        self.root = bytes.fromhex(init_vendor(self.keys, VENDOR, today=day(60)).root)
        make_registry(self.where)
        self.registry = Registry(self.where)
        self.files: list[Put] = []

    def desk(self, ago: int) -> Desk:
        now = datetime.combine(day(ago), datetime.min.time(), UTC).timestamp()
        return Desk(self.registry, CATALOG, now, day(ago), "sam")

    def issue(self, ago: int, number: str, output: Path, **how: object) -> list[Put]:
        files = issue(self.desk(ago), number, self.keys, output, **how)  # type: ignore[arg-type]
        self.files += files
        return files

    def trust_to(self, directory: Path) -> None:
        """The vendor sends its newest trust file to a license server."""
        shutil.copy(self.keys / f"{VENDOR}.trust", directory)


@pytest.mark.processes
def test_from_the_evaluation_to_a_stolen_key(tmp_path: Path) -> None:
    customer = Customer(tmp_path)
    site, port = tmp_path / "site", free_port()
    site.mkdir()
    here = server("localhost", default_hostid(), port)
    servers: list[LicenseServer] = []
    try:
        with customer.registry:
            # Evaluation, renewed once.
            terms = f'purpose = "evaluation"\nexpires = "{day(-5)}"'
            first = register(customer.desk(58), order({VOICE: 5}, here, terms), "evaluation.toml").row.number
            customer.issue(58, first, site / "license.dat")
            main = LicenseServer(site, port)
            servers.append(main)
            client = Client(f"{port}@localhost", root=customer.root, user="ann")
            seat = client.checkout(VOICE_SEAT, "8.0")
            longer = change(customer.desk(50), first, "renew", lambda old: renewed(old, day(-25)), {"until": str(day(-25))}).row.number
            customer.issue(50, longer, site / "license.dat", force=True)
            main.reread()
            assert seat.valid
            # Production takes its place.
            bought = register(customer.desk(40), order({VOICE: 20}, here), "production.toml", replaces=longer).row.number
            customer.issue(40, bought, site / "license.dat", force=True)
            main.reread()
            assert (main.total(VOICE_SEAT), seat.valid) == (20, True)
            # More seats, as a delta that is merged into the file of the running server.
            more = change(customer.desk(30), bought, "add", lambda old: added(old, {VOICE: 10}, {}, CATALOG), {VOICE: 10}).row.number
            customer.issue(30, more, site / "delta.txt", delta_to=site / "license.dat")
            assert license_command(["merge", str(site / "license.dat"), str(site / "delta.txt"), "--apply"]) == 0
            main.reread()
            assert (main.total(VOICE_SEAT), seat.valid) == (30, True)
            rest = client.checkout(VOICE_SEAT, "8.0", count=29)
            with pytest.raises(LicenseError):
                client.checkout(VOICE_SEAT, "8.0")
            # A second site divides its licenses between two license servers; the machine of the second one is given away.
            ports = free_port(), free_port()
            shares = server("north", default_hostid(), ports[0], "share = 60") + server("south", "0800200005ac", ports[1], "share = 40")
            split = register(customer.desk(25), order({VOICE: 50, EMAIL: 10}, shares).replace('"1111"', '"2222"'), "split.toml").row.number
            north, south = customer.issue(25, split, tmp_path / "second")
            assert (north.path.parent.name, south.path.parent.name) == ("north", "south")
            servers.append(second := LicenseServer(north.path.parent, ports[0]))
            assert second.total(VOICE_SEAT) == 30
            details = {"from": "0800200005ac", "to": OTHER_HOST}
            move = change(
                customer.desk(20), split, "move", lambda old: moved(old, "0800200005ac", OTHER_HOST, "harbor"), details
            ).row.number
            kept, new = customer.issue(20, move, tmp_path / "moved")
            assert new.path.parent.name == "harbor"
            servers.append(third := LicenseServer(new.path.parent, ports[1]))
            assert (third.total(VOICE_SEAT), second.total(VOICE_SEAT) + third.total(VOICE_SEAT)) == (20, 50)
            with customer.registry.read() as view:
                assert {view.file(one.number).state for one in (north, south)} == {"retired"}
            # The issuer key changes; the application that has been connected since the evaluation notices nothing.
            rotate(customer.keys, today=day(10))
            mail = change(customer.desk(10), more, "add", _with_mail, {EMAIL: 7}).row.number
            customer.issue(10, mail, site / "license.dat", force=True)
            main.reread()
            with client.checkout(EMAIL_SEAT):
                assert seat.valid
            # The first issuer key turns out to be stolen a while ago: what it signed since then counts no longer, and is signed anew.
            trust_before = load_trust(customer.keys)[1]
            stolen = trust_before.issuers[0].id
            revoke(customer.keys, stolen, on=day(35), reason="laptop lost", today=TODAY)
            for place in (site, second.file.parent, third.file.parent):
                customer.trust_to(place)
            main.reread()
            assert (main.total(VOICE_SEAT), seat.valid, rest.valid) == (30, True, True)
            with customer.registry.read() as view:
                found = [finding.message for finding in verify(view, load_trust(customer.keys)[1]).findings]
            assert [(text.split()[0], "(laptop lost)" in text) for text in found] == [(kept.number, True), (new.number, True)]
            with Client(f"{ports[1]}@localhost", root=customer.root, user="cid") as south_client:
                calls = south_client.checkout(VOICE_SEAT, "8.0", count=20)
                anew = change(customer.desk(0), move, "reissue", lambda old: old, {"why": "key revoked"}).row.number
                files = customer.issue(0, anew, tmp_path / "anew")
                for one, running in zip(files, (second, third), strict=True):
                    shutil.copy(one.path, running.file)
                    running.reread()
                assert (second.total(VOICE_SEAT), third.total(VOICE_SEAT), calls.valid) == (30, 20, True)
                south_client.checkin(calls)
            _check_registry(customer, trust_before)
            client.close()
    finally:
        for running in servers:
            running.stop()


def _with_mail(old: Order) -> Order:
    return msgspec.structs.replace(old, items=(*old.items, Item(EMAIL, "8.5", 7)))


def _check_registry(customer: Customer, trust_before: Trust) -> None:
    """Every file ever issued can be made again, and verified by the trust of its time; what is entitled is what was ordered."""
    with customer.registry.read() as view:
        rows = list(view.files())
        assert {row.number for row in rows} == {file.number for file in customer.files}
        report = verify(view, trust_before)
        assert (report.whole, report.files) == (True, len(rows))
        # What the stolen key signed has been replaced.
        assert verify(view, load_trust(customer.keys)[1]).findings == ()
        counts = {(row.site, row.name): row.quantity for row in held(view)}
    assert (counts["1111", VOICE], counts["1111", EMAIL], counts["2222", VOICE], counts["2222", EMAIL]) == (30, 7, 50, 10)
    for file in customer.files:
        again = reproduce(customer.desk(0), file.number, trust_before, customer.keys)
        assert again.resigned
