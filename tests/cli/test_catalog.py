"""`seatkeeper catalog` prints the tables for people and for scripts, and answers a wrong name with the nearest ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.cli.catalog import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    status, out, err = run(capsys, *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_products_as_json_are_the_guides_rows(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run_json(capsys, "products")
    assert len(listed) == 93
    assert sum(len(product["licenses"]) for product in listed) == 347
    assert all(product.keys() == {"product", "licenses"} for product in listed)
    assert listed[30] == {
        "product": "Genesys E-mail",
        "licenses": [
            {"feature": "ics_email_webform_channel", "version": "8.0", "required": True},
            {"feature": "ics_multi_media_agent_seat", "version": "8.0", "required": True},
        ],
    }
    assert [product["product"] for product in listed] == [product.name for product in load_catalog().products]


def test_technical_licenses_and_applications_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    technical = run_json(capsys, "technical")
    assert len(technical) == 49
    assert technical[3] | {"description": "", "quantity": ""} == {
        "feature": "cti_ha_option",
        "version": "8.0",
        "description": "",
        "rule": "per_redundant_pair",
        "quantity": "",
        "listed": True,
    }
    applications = run_json(capsys, "applications")
    assert len(applications) == 27
    assert [row["feature"] for row in applications[-1]["licenses"]] == ["VTPort"]


def test_the_other_tables_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_json(capsys, "lrm")[9] == {"item": "SIP Voicemail", "enabled": True, "peak": False, "versions": "8.1+", "products": []}
    platforms = run_json(capsys, "platforms")
    assert [len(platforms["license_managers"]), len(platforms["hostids"])] == [3, 7]


@pytest.mark.parametrize(
    ("command", "phrases"),
    [
        ("products", ["Wallboard Connector", "tserver_ivr_max_ports_in_front  8.0      optional", "93 products, 347 license rows."]),
        ("technical", ["per redundant pair", "vcb_full *", "49 technical licenses.", "show FEATURE"]),
        ("applications", ["Voice Treatment Server", "27 applications, 70 license rows."]),
        ("lrm", ["Call Recording", "25 measured items."]),
        ("platforms", ["Red Hat Linux 5", "DISK_SERIAL_NUM=1CA25283"]),
    ],
)
def test_tables_fit_eighty_columns(capsys: pytest.CaptureFixture[str], command: str, phrases: list[str]) -> None:
    status, out, err = run(capsys, command)
    assert (status, err) == (0, "")
    assert max(len(line) for line in out.splitlines()) <= 80
    joined = " ".join(out.split("\n"))
    for phrase in phrases:
        assert phrase in joined


def test_a_wide_terminal_has_room_for_descriptions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = run(capsys, "technical")
    assert "T-Servers run as hot standby pairs." in out


def test_show_a_product_by_name_and_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", "Genesys", "CIM", "Platform", "-", "MS")
    assert status == 0
    assert out.startswith("Genesys CIM Platform - MS (product)\n")
    assert "SK029_CIM_PLATFORM_MS" in out
    assert run(capsys, "show", "sk029_cim_platform_ms")[1] == out
    shown = run_json(capsys, "show", "Genesys CIM Platform - MS")
    assert shown["technical"] == shown["applications"] == []
    assert shown["products"][0]["licenses"][4] == {"feature": "tserver_sdn", "version": "8.0", "required": False, "rule": "per_seat_dn"}


def test_show_a_technical_license_with_its_versions_and_users(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", "TSERVER_TDN")
    assert status == 0
    assert "tserver_tdn 7.0 (technical license)" in out
    assert "tserver_tdn 8.0 (technical license)" in out
    assert "Genesys Simulator Toolkit" in out
    shown = run_json(capsys, "show", "vcb_full")
    assert shown["technical"][0]["products"] == []
    assert shown["technical"][0]["applications"] == ["Universal Callback Server"]


def test_show_an_application_with_its_note(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", "genesys info mart")
    assert status == 0
    assert "gim_etl_redundancy" in out
    assert "needs no technical license" in out


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "show", "Genesys Chta")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "'Genesys Chta'" in err
    assert "Did you mean 'Genesys Chat'" in err


def test_a_broken_catalog_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "vendor.toml").write_text('name = "acme.d"\n')
    status, out, err = run(capsys, "products", "--catalog", str(tmp_path))
    assert (status, out) == (1, "")
    assert f"{tmp_path}/vendor.toml: This value is not good." in err


def test_a_wrong_option_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "products", "--bogus")[0] == 2
    assert run(capsys, "products", "--help")[0] == 0
