from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.base.dates import NEVER
from seatkeeper.licfile.model import Comment, Feature, LicenseFile, Package, Server, Vendor

LINE = Feature("f1", "genesys.d", "8.0", "24-nov-2026", "5", attributes=(("NOTICE", "a b"), ("FLOAT_OK", None), ("vendor_info", "x")))


def test_a_line_says_what_its_fields_mean() -> None:
    assert (LINE.seats, LINE.expires) == (5, date(2026, 11, 24))


@pytest.mark.parametrize("count", ["0", "uncounted", "UNCOUNTED"])
def test_uncounted_licenses_have_no_number_of_seats(count: str) -> None:
    line = Feature("f1", "genesys.d", "8.0", "permanent", count)
    assert line.seats is None
    assert line.expires == NEVER


def test_attributes_are_found_in_any_case() -> None:
    assert LINE.attribute("notice") == "a b"
    assert LINE.attribute("FLOAT_OK") == ""
    assert LINE.attribute("SIGN") is None


def test_letters_that_only_look_alike_are_other_names() -> None:
    assert Feature("f1", "v", "1", "permanent", "1", attributes=(("ſIGN", "00"),)).attribute("SIGN") is None


def test_a_file_knows_its_lines_by_kind() -> None:
    file = LicenseFile((Comment("# x"), Server("h", "0800200005ac", 7260), Vendor("genesys.d"), LINE, Package("p", "genesys.d")))
    assert [server.host for server in file.servers] == ["h"]
    assert [vendor.name for vendor in file.vendors] == ["genesys.d"]
    assert file.hostids == ("0800200005ac",)
    assert [index for index, _ in file.signable()] == [3, 4]
