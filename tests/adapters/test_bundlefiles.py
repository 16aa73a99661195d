from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.adapters.bundlefiles import parse_bundles
from seatkeeper.base.errors import InputError
from seatkeeper.usage.bundles import Bundle, BundleItem, BundleSet
from support.boughtfiles import BUNDLES


def test_a_set_is_read() -> None:
    basic = Bundle(
        10_001, "Basic", "", (BundleItem("Genesys E-Mail", "concurrent"), BundleItem("SIP Server")), (BundleItem("Genesys Web Media"),)
    )
    advanced = Bundle(10_002, "Advanced", "", (BundleItem("Genesys Web Media"),))
    days = date(2026, 1, 2), date(2026, 1, 3), date(2026, 12, 31)
    assert parse_bundles(BUNDLES.encode(), "b.xml") == BundleSet(10_000, "What we sell", "For 2026", *days, (basic, advanced))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('license_type="concurrent"', 'license_type="site"', "b.xml:6: This is no license type"),
        ('id="10001"', 'id="B1"', "The id is no number"),
        ('id="10001"', "", "no attribute id"),
        ('valid_to="2026-12-31" ', "", "no attribute valid_to"),
        ("2026-01-02", "02.01.2026", "issue_date is no date"),
        ("<include_items>", "<items>", "does not belong here"),
        ("  <header><name>What we sell</name><description>For 2026</description></header>\n", "", "has no header"),
    ],
)
def test_anything_else_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_bundles(BUNDLES.replace(old, new, 1).encode(), "b.xml")
