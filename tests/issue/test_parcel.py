"""A parcel is what the order asked for, verified; what is missing, changed or of another order is not delivered."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from seatkeeper.base.dates import NEVER
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.parcel import find_files, read_parcel
from seatkeeper.issue.reading import OrderError
from support.desk_mail import ORDER, TODAY, TWO_SERVERS, issued


def test_what_was_issued_can_be_delivered(tmp_path: Path, catalog: Catalog) -> None:
    license_file, order = issued(tmp_path)
    parcel = read_parcel(license_file, order, catalog)
    (only,) = parcel.files
    assert (only.path, only.data, only.sha256) == (license_file, license_file.read_bytes(), sha256(license_file.read_bytes()).hexdigest())
    assert (only.issued, only.expires, parcel.issued, parcel.expires) == (TODAY, NEVER, TODAY, NEVER)
    assert [server.hostid for server in only.servers] == ["0800200005ac"]
    assert only.issuers == (next((tmp_path / "keys").glob("issuer-*.key")).stem.removeprefix("issuer-"),)
    assert parcel.trust_data == (tmp_path / "out" / "genesys.d.trust").read_bytes()
    assert parcel.credentials == (tmp_path / "out" / "genesys.d.0800200005ac.credential",)
    assert read_parcel(tmp_path / "out", order, catalog) == parcel


def test_a_temporary_order_can_be_delivered_after_its_last_day(tmp_path: Path, catalog: Catalog) -> None:
    license_file, order = issued(tmp_path, ('"permanent"', "2026-03-20"))
    assert str(read_parcel(license_file, order, catalog).expires) == "2026-03-20"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("20260042", "20260043", "This file is of another order"),
        ("8:0:20:0:5:ac", "8:0:20:0:5:ad", "The order does not name the host id"),
    ],
)
def test_a_file_of_another_order_is_not_delivered(tmp_path: Path, catalog: Catalog, old: str, new: str, message: str) -> None:
    license_file, order = issued(tmp_path)
    order.write_text(ORDER.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_parcel(license_file, order, catalog)


def test_a_changed_file_is_not_delivered(tmp_path: Path, catalog: Catalog) -> None:
    license_file, order = issued(tmp_path)
    license_file.write_text(license_file.read_text().replace(" permanent 100 ", " permanent 900 "))
    with pytest.raises(InputError, match="would not be served"):
        read_parcel(license_file, order, catalog)
    license_file.write_text("FEATURE\n")
    with pytest.raises(InputError):
        read_parcel(license_file, order, catalog)
    license_file.write_text("# nothing\n")
    with pytest.raises(InputError, match="not a license file"):
        read_parcel(license_file, order, catalog)


def test_what_is_missing_is_named(tmp_path: Path, catalog: Catalog) -> None:
    license_file, order = issued(tmp_path)
    with pytest.raises(InputError, match="not the license files of one order"):
        find_files(tmp_path / "keys")
    with pytest.raises(InputError, match="cannot be read"):
        read_parcel(tmp_path / "out" / "other.dat", order, catalog)
    order.write_text(ORDER.replace("quantity = 100", "quantity = 101"))
    with pytest.raises(InputError, match="another quantity of Genesys CIM Platform - MS than what was issued"):
        read_parcel(license_file, order, catalog)
    order.write_text(ORDER.replace("quantity = 100", "quantity = 0"))
    with pytest.raises(OrderError):
        read_parcel(license_file, order, catalog)
    (tmp_path / "out" / "genesys.d.trust").unlink()
    with pytest.raises(InputError, match="trust file does not lie beside"):
        read_parcel(license_file, order, catalog)


def test_independent_servers_have_a_file_and_a_credential_each(tmp_path: Path, catalog: Catalog) -> None:
    place, order = issued(tmp_path, *TWO_SERVERS)
    parcel = read_parcel(place, order, catalog)
    assert {each.name: each.servers[0].hostid for each in parcel.files} == {
        "licsrv-license.dat": "0800200005ac",
        "second-license.dat": "0800200005ad",
    }
    assert {path.parent.name for path in parcel.credentials} == {"licsrv", "second"}
    with pytest.raises(InputError, match="no license file for a license server"):
        read_parcel(parcel.files[0].path, order, catalog)
