"""The certificate as PDF: all figures are in it, nothing of an order is a program, and the same data give the same bytes."""

from __future__ import annotations

import io
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from seatkeeper.adapters import documents
from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.documents import certificate_pdf, certificate_pngs, report_pdf, report_pngs
from seatkeeper.base.errors import InputError
from seatkeeper.issue.certificate_page import certificate_data
from seatkeeper.issue.parcel import read_parcel
from seatkeeper.usage.pages import report_page
from support import usagereports
from support.desk_mail import issued

DAY = date(2026, 3, 14)
#: Of Debian's fonts-wqy-microhei.
FONTS = Path("/usr/share/fonts/truetype/wqy")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    catalog = load_catalog()
    return certificate_data(read_parcel(*issued(tmp_path_factory.mktemp("issued")), catalog), catalog)


def texts(pdf: bytes) -> list[str]:
    """The text of each page, with single blanks and without the places where a long word may break."""
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def figures(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in figures(each)]
    if isinstance(value, list):
        return [text for each in value for text in figures(each)]
    return [value] if isinstance(value, str) and value else []


def test_every_figure_is_in_the_text(data: dict[str, Any]) -> None:
    (page,) = texts(certificate_pdf(data, DAY))
    assert [text for text in figures(data) if text not in page] == []
    assert "seatkeeper license verify license.dat" in page
    assert "Page 1 of 1" in page
    assert "NOT FOR PRODUCTION" not in page


def test_the_same_data_give_the_same_bytes_and_the_day_of_issue_is_the_documents(data: dict[str, Any]) -> None:
    pdf = certificate_pdf(data, DAY)
    assert pdf == certificate_pdf(data, DAY)
    read = PdfReader(io.BytesIO(pdf)).metadata
    assert read is not None
    assert (read.title, read.author) == ("License certificate 20260042", "Genesys")
    assert read.creation_date is not None
    assert read.creation_date.date() == DAY
    assert pdf != certificate_pdf({**data, "number": "20260043"}, DAY)


@pytest.mark.parametrize("name", ["#panic()", "$x$", '#read("/etc/passwd")', "*b* _i_ @ref <l> = h `r` // c \\ [x] ]", "{{data}}"])
def test_names_are_never_markup(data: dict[str, Any], name: str) -> None:
    (page,) = texts(certificate_pdf({**data, "company": name, "reseller": name, "requestor": name}, DAY))
    # Once as the heading, then as customer, reseller and requestor.
    assert page.count(" ".join(name.split())) == 4


@pytest.mark.parametrize("name", ["Café Straße", "Почтовые голуби", "Ταχυδρομείο", "Łódź Şişli Ýmir", "יונים", "حمام"])
def test_names_of_many_scripts_have_glyphs(data: dict[str, Any], name: str) -> None:
    (page,) = texts(certificate_pdf({**data, "company": name}, DAY))
    if name.isascii() or name[0] not in "יح":
        assert page.count(name) == 2


def test_a_glyph_that_no_font_has_is_an_error_with_a_remedy(data: dict[str, Any], tmp_path: Path) -> None:
    # Of a script without any font in the world's distributions: a private character.
    with pytest.raises(InputError, match="No font here has a character") as caught:
        certificate_pdf({**data, "company": "Pigeon \uf8fe"}, DAY)
    assert caught.value.found == r"\u{f8fe}"
    assert "--fonts DIR" in caught.value.remedy
    with pytest.raises(InputError, match="no such directory of fonts"):
        certificate_pdf(data, DAY, fonts=tmp_path / "none")


@pytest.mark.skipif(not FONTS.is_dir(), reason="no font with Chinese, Japanese and Korean letters here")
@pytest.mark.parametrize("named", [True, False])
def test_a_font_from_elsewhere_has_the_letters_that_ours_have_not(data: dict[str, Any], tmp_path: Path, named: bool) -> None:
    shutil.copy(FONTS / "wqy-microhei.ttc", tmp_path)
    names = {"company": "株式会社サンプル鳩便", "reseller": "示例电信有限公司", "requestor": "김예시"}
    # Of a directory that is named, or failing that of the system.
    pdf = certificate_pdf({**data, **names}, DAY, fonts=tmp_path if named else None)
    read = PdfReader(io.BytesIO(pdf))
    (page,) = (each.extract_text() for each in read.pages)
    # What a person copies out of the page is the name, without anything between its letters.
    assert {name: page.count(name) for name in names.values()} == {"株式会社サンプル鳩便": 2, "示例电信有限公司": 1, "김예시": 1}
    fonts: Any = read.pages[0]["/Resources"]
    assert any("WenQuanYi" in font.get_object()["/BaseFont"] for font in fonts["/Font"].values())


def test_a_word_is_broken_only_where_it_does_not_fit(data: dict[str, Any]) -> None:
    fits, too_long = "Brieftaubenzuchtgesellschaft", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau"
    (page,) = (each.extract_text() for each in PdfReader(io.BytesIO(certificate_pdf({**data, "company": f"{fits} {too_long}"}, DAY))).pages)
    assert page.count(fits) == 2
    # The heading has room for it, the column of customers has not.
    assert page.count(too_long) == 1
    assert page.replace("\u200b", "").replace("\n", "").count(too_long) == 2


def test_long_names_wrap_within_the_page(data: dict[str, Any]) -> None:
    long = "Taubenpostbetriebsgesellschaft" * 3
    (page, *_) = texts(certificate_pdf({**data, "company": long, "reseller": long}, DAY))
    assert page.replace(" ", "").count(long) == 3


def test_a_delta_says_what_it_is(data: dict[str, Any]) -> None:
    said = "license.dat has only what is new or changed."
    assert said not in texts(certificate_pdf(data, DAY))[0]
    files = [{**each, "partial": True} for each in data["files"]]
    assert said in texts(certificate_pdf({**data, "files": files}, DAY))[0]


def test_two_hundred_lines_go_over_pages_with_their_heads(data: dict[str, Any]) -> None:
    (only,) = data["files"]
    rows = [{**only["licenses"][0], "feature": f"feature_{number}", "count": f"{number}"} for number in range(200)]
    pages = texts(certificate_pdf({**data, "production": False, "purpose": "testing", "files": [{**only, "licenses": rows}]}, DAY))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "License certificate · Order 20260042" in page
        assert "TESTING - not for production" in page
    for page in pages[1:-1]:
        assert "Feature Version Count How it is counted" in page
    together = " ".join(pages)
    assert all(f"feature_{number} " in together for number in range(200))
    assert "TESTING - NOT FOR PRODUCTION" in pages[0]


def test_pictures_have_a_page_each(data: dict[str, Any]) -> None:
    (page,) = certificate_pngs(data, DAY)
    assert page.startswith(b"\x89PNG")


def test_data_have_a_limit(data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DATA_BYTES_MAX", 100)
    with pytest.raises(InputError, match="too much for one document"):
        certificate_pdf(data, DAY)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def test_a_usage_report_has_its_findings_its_parameters_and_all_rows_over_pages() -> None:
    told = usagereports.document(usagereports.query(granularity="hourly"))
    page = report_page(told, {0: SVG})
    pdf = report_pdf(page, DAY)
    pages = texts(pdf)
    together = " ".join(pages)
    assert len(pages) > 2
    for number, text in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in text
        assert "Usage of Genesys E-Mail" in text
        assert "each tenant, hourly, 2026-09-01 to 2026-09-02, UTC" in text
        assert "Made 2026-10-02 06:30 UTC by seatkeeper" in text
    assert "Over the limit: Meadow by up to 3" in pages[0]
    assert "1 of 2 are drawn" in together
    for label, value in told.about:
        assert f"{label} {value}" in together
    for text in pages[-2:]:
        assert "Tenant Start Peak Peak time Enabled Limit Over For Note" in text
    assert "Harbor 2026-09-01 01:00 9 2026-09-01 01:59 12 7 2 1:02:03" in together
    assert "Harbor 2026-09-01 02:00 ? - ? 7 ? 1" in together
    assert pdf == report_pdf(page, DAY)
    assert report_pngs(report_page(usagereports.document(told=[]), {}), DAY)[0].startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ['#eval("panic()")', "*b* _i_ @ref <l> $x$ [x] ]", "Taubenpostbetriebsgesellschaft" * 3])
def test_a_tenant_of_a_usage_report_is_never_markup(name: str) -> None:
    told = usagereports.document(told=usagereports.rows(tenants=(name, "Harbor")))
    together = "".join(texts(report_pdf(report_page(told, {0: SVG, 2: SVG}), DAY)))
    # In a finding, in the summary, above its chart, and in two rows.
    assert together.replace(" ", "").count(name.replace(" ", "")) == 5


@pytest.mark.skipif(not FONTS.is_dir(), reason="no font with Chinese, Japanese and Korean letters here")
def test_a_usage_report_takes_a_font_from_elsewhere() -> None:
    told = usagereports.document(told=usagereports.rows(tenants=("示例电信", "株式会社鳩便")))
    (page, *_) = texts(report_pdf(report_page(told, {}), DAY, fonts=FONTS))
    assert "示例电信" in page


def test_a_usage_report_for_which_no_font_has_the_letters_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"No font here.*--fonts DIR, or take another format"):
        report_pdf(report_page(usagereports.document(told=usagereports.rows(tenants=("Pigeon \uf8fe",))), {}), DAY)
