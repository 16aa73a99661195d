"""Charts are drawn without a network, show gaps as gaps, and a name in them is only a name."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import msgspec
import pytest

from seatkeeper.adapters.reportcharts import chart_svg, picture
from seatkeeper.base.errors import InputError
from support.usagereports import document, query, rows


def texts(svg: str) -> list[str]:
    return [text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text") for text in element.itertext()]


def path_of(svg: str, role: str) -> str:
    """The outline of the layer whose items have this description."""
    found = re.search(rf'aria-roledescription="{role}"[^>]*d="([^"]*)"|d="([^"]*)"[^>]*aria-roledescription="{role}"', svg)
    assert found is not None
    return found[1] or found[2]


def test_a_chart_of_the_pdf_has_no_text_of_the_facts() -> None:
    told = document(told=rows(tenants=("<b>Harbor</b> & {{x}}",)))
    drawn = texts(chart_svg(told, told.series[0]))
    assert {"Peak", "Enabled", "Limit", "Over the limit", "Seats", "Time (UTC)"} <= set(drawn)
    assert not [text for text in drawn if "Harbor" in text]


def test_what_is_not_known_is_a_gap_and_is_marked() -> None:
    told = document(query(end=date(2026, 9, 5)))
    svg = chart_svg(told, told.series[0])
    assert "Not all is known" in texts(svg)
    # The area is in two pieces, each of which begins by itself.
    assert path_of(svg, "area mark").count("M") == 2
    whole = document(told=rows()[:2])
    svg = chart_svg(whole, whole.series[0])
    assert "Not all is known" not in texts(svg)
    assert path_of(svg, "area mark").count("M") == 1


def test_times_are_the_zones_at_the_begin() -> None:
    zone = ZoneInfo("Europe/Berlin")
    asked = query(granularity="hourly", first=date(2026, 10, 24), end=date(2026, 10, 26), zone=zone)
    told = document(asked, rows(asked, ("Harbor",), zone))
    drawn = texts(chart_svg(told, told.series[0]))
    assert "Time (UTC+02:00)" in drawn
    assert "24 Oct 12:00" in drawn


def test_a_picture_names_the_report_and_its_subjects() -> None:
    named = "<b>Harbor</b> & #eval(1)"
    drawn = texts(picture(document(told=rows(tenants=(named, "Meadow"))), "svg").decode())
    assert {"Usage of Genesys E-Mail", named, "Meadow"} <= set(drawn)
    assert any("each tenant, daily, 2026-09-01 to 2026-09-02, UTC; made 2026-10-02 06:30 UTC" in text for text in drawn)
    assert picture(document(), "png").startswith(b"\x89PNG")


def test_one_period_of_many_is_a_bar_each() -> None:
    asked = query(granularity="monthly")
    tenants = tuple(f"T{number:02}" for number in range(20))
    told = [msgspec.structs.replace(row, over=2, peak=9) if row.subject.tenant == "T03" else row for row in rows(asked, tenants)]
    drawn = texts(picture(document(asked, told), "svg").decode())
    assert "T03" in drawn
    assert "T19" in drawn
    assert "T02" not in drawn
    assert "12 of 20: those most over, then the highest." in drawn


def test_where_nothing_is_known_nothing_is_drawn() -> None:
    told = [msgspec.structs.replace(row, peak=None, over=0, enabled=None) for row in rows()]
    with pytest.raises(InputError, match="Nothing is known that could be drawn"):
        picture(document(told=told), "png")


def test_each_chart_of_a_picture_has_its_own_lines_and_whole_numbers() -> None:
    told = rows()
    told[:2] = [msgspec.structs.replace(row, peak=2, enabled=2, limit=None, over=0) for row in told[:2]]
    drawn = texts(picture(document(told=told), "svg").decode())
    assert [drawn.count(name) for name in ("Peak", "Limit", "Over the limit")] == [2, 1, 1]
    svg = chart_svg(document(told=told), document(told=told).series[0])
    assert [text for text in texts(svg) if text.isdecimal()] == ["0", "1", "2"]
