"""The certificate's figures are those of the license file and the order."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.certificate_page import certificate_data, grouped, long_date
from seatkeeper.issue.parcel import read_parcel
from support.desk_mail import TWO_SERVERS, issued


def test_all_figures_are_there(tmp_path: Path, catalog: Catalog) -> None:
    parcel = read_parcel(*issued(tmp_path), catalog)
    data = certificate_data(parcel, catalog)
    assert json.loads(json.dumps(data)) == data
    assert {key: data[key] for key in ("number", "site", "company", "reseller", "purpose", "production", "expires", "issued")} == {
        "number": "20260042",
        "site": "1111",
        "company": "Pigeon Post Example Ltd",
        "reseller": "Twine Example Trading",
        "purpose": "production",
        "production": True,
        "expires": "permanent, no expiry",
        "issued": "14 March 2026",
    }
    assert data["items"][1] == {"product": "Genesys E-mail", "part": "SK031_E_MAIL", "version": "8.1", "quantity": "20"}
    (only,) = data["files"]
    assert only["hosts"] == [{"host": "licsrv", "hostid": "0800200005ac", "port": "7260", "site": ""}]
    assert only["sha256"].replace(" ", "") == parcel.files[0].sha256
    rows = {row["feature"]: row for row in only["licenses"]}
    assert rows["vcb_full"]["rule"] == "as ordered by name"
    assert rows["tserver_tdn"]["count"] == "200"
    assert rows["tserver_tdn"]["rule"].startswith("one for each technical DN")
    assert only["shares"] == []
    # Every license of the file stands on the page once: as a sellable item or as a technical license.
    assert len(only["licenses"]) + len(data["items"]) == len(parcel.files[0].features)


def test_what_an_order_asks_of_a_license_is_there_and_what_the_catalog_gives_it_is_not(tmp_path: Path, catalog: Catalog) -> None:
    changes = (
        ('feature = "vcb_full"\n', 'feature = "vcb_full"\nattributes = { BORROW = "168" }\n'),
        ("[environment]\n", '[[licenses]]\nfeature = "CLDistributed"\nquantity = 1\n\n[environment]\n'),
    )
    parcel = read_parcel(*issued(tmp_path, *changes), catalog)
    assert any(line.attribute("DUP_GROUP") == "V" for line in parcel.files[0].features)
    rows = {row["feature"]: row["notes"] for row in certificate_data(parcel, catalog)["files"][0]["licenses"]}
    assert (rows["vcb_full"], rows["CLDistributed"]) == ("BORROW=168", "")


def test_a_last_day_and_another_purpose(tmp_path: Path, catalog: Catalog) -> None:
    changes = (('purpose = "production"', 'purpose = "evaluation"'), ('"permanent"', "2026-04-01"))
    data = certificate_data(read_parcel(*issued(tmp_path, *changes), catalog), catalog)
    assert (data["production"], data["expires"]) == (False, "1 April 2026 (last day)")


def test_words_for_people() -> None:
    assert grouped("0123456789abcdef01") == "01234567 89abcdef 01"
    assert long_date(date(2026, 11, 2)) == "2 November 2026"


def test_of_several_files_each_says_its_part(tmp_path: Path, catalog: Catalog) -> None:
    data = certificate_data(read_parcel(*issued(tmp_path, *TWO_SERVERS), catalog), catalog)
    assert [each["name"] for each in data["files"]] == ["licsrv-license.dat", "second-license.dat"]
    shares = [{row["product"]: int(row["quantity"]) for row in each["shares"]} for each in data["files"]]
    assert shares[0]["Genesys CIM Platform - MS"] + shares[1]["Genesys CIM Platform - MS"] == 100
