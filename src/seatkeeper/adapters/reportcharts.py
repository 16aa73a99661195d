"""Use over time is a picture: peaks as an area, enabled seats and limits as lines, over-use in red, what is not known as a gap.

Altair says what is drawn, and vl-convert draws it in this process, without a browser and without a network. Vega knows two clocks, UTC and
the drawing machine's, so times are moved by the zone's distance from UTC at the begin of the chart, which the axis names; where clocks
change within a chart, its labels stay those of its begin.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.usage.document import charted, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatkeeper.usage.document import Document, Series, Step

__all__ = ["INSTALL", "PNG_SCALE", "chart_svg", "picture"]

INSTALL: Final = "Install the packages of usage reports: pip install 'seatkeeper[usage]'."
PNG_SCALE: Final = 2.0
_INK: Final = "#1f3a4d"
_AREA: Final = "#7fa3bd"
_ALARM: Final = "#c1272d"
_GREY: Final = "#6f7b83"
_PALE: Final = "#e3e8ec"
_UNKNOWN: Final = "#f1dfa6"
#: Width and height of one chart, in points of its own.
_SIZE: Final = (680, 190)
_BAR: Final = 22
_TICKS: Final = 10
#: At most so many steps from zero to the most, and so much room above it.
_STEPS: Final = 6
_HEADROOM: Final = 1.06
#: Up to so many days in a chart -> how its times are written.
_LABELS: Final = ((3, "%d %b %H:%M"), (400, "%d %b"), (float("inf"), "%b %Y"))


def chart_svg(document: Document, series: Series, *, width: int = _SIZE[0], height: int = _SIZE[1], font: str = "Libertinus Serif") -> str:
    """The chart of one series as SVG, without any text of the facts.

    Raises:
        SeatkeeperError: Altair or vl-convert is not installed.
    """
    chart = _chart(document, series, width, height)
    return _drawn(chart, "svg", font).decode()


def picture(document: Document, form: Literal["svg", "png"]) -> bytes:
    """The charts of the report as one picture with its title: over time, or side by side where there is one period only.

    Raises:
        InputError: There is nothing to draw.
        SeatkeeperError: As `chart_svg`.
    """
    alt = _altair()
    drawn = charted(document)
    if not drawn:
        remedy = "The table says what is missing: take another format."
        raise InputError("Nothing is known that could be drawn.", found=document.subtitle, remedy=remedy)
    if all(series.periods == 1 for series in drawn):
        chart = _bars(drawn)
    else:
        width, height = _SIZE
        named = len(document.series) > 1
        charts = [_chart(document, one, width, height).properties(**({"title": one.name} if named else {})) for one in drawn]
        # Each has its own, since not all have a limit, or something that is missing.
        chart = alt.vconcat(*charts, spacing=18).resolve_scale(color="independent")
    left = len(document.series) - len(drawn)
    more = [f"{len(drawn)} of {len(document.series)}: those most over, then the highest."] if left else []
    made = f"{datetime.fromtimestamp(document.made, UTC):%Y-%m-%d %H:%M} UTC"
    title = alt.TitleParams(document.title, subtitle=[f"{document.subtitle}; made {made}", *more], anchor="start", offset=12)
    return _drawn(chart.properties(title=title), form, "sans-serif")


def _altair() -> Any:
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError:
        raise SeatkeeperError("Charts are drawn by Altair and vl-convert, which are not installed.", INSTALL) from None
    return altair


def _drawn(chart: Any, form: Literal["svg", "png"], font: str) -> bytes:
    """The chart as SVG in UTF-8, or as PNG."""
    import vl_convert

    axis = {"labelColor": _INK, "titleColor": _INK, "gridColor": _PALE, "domainColor": _GREY, "tickColor": _GREY}
    styled = chart.configure(font=font).configure_axis(**axis, titleFontWeight="normal", labelFontSize=11, titleFontSize=11)
    styled = styled.configure_title(color=_INK, subtitleColor=_GREY, anchor="start").configure_view(stroke=None)
    styled = styled.configure_legend(labelColor=_INK, titleColor=_INK)
    spec = styled.to_json(indent=None, validate=False)
    # Nothing of it names a file or a host; that none could be read says the empty list.
    if form == "svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(spec, scale=PNG_SCALE, allowed_base_urls=[])


def _chart(document: Document, series: Series, width: int, height: int) -> Any:
    alt = _altair()
    drawn = steps(document, series)
    ahead = datetime.fromtimestamp(drawn[0].since, series.zone).utcoffset()
    shift = 0 if ahead is None else int(ahead.total_seconds())
    hours, minutes = divmod(abs(shift) // 60, 60)
    clock = "UTC" if shift == 0 else f"UTC{'+' if shift > 0 else '-'}{hours:02}:{minutes:02}"
    days = (drawn[-1].until - drawn[0].since) / 86_400
    form = next(form for most, form in _LABELS if days <= most)
    # A day is not to be named twice.
    ticks: Any = {"interval": "day", "step": 1} if _LABELS[0][0] < days <= _TICKS else _TICKS
    axis = alt.Axis(title=f"Time ({clock})", format=form, labelOverlap=True, labelFlush=False, tickCount=ticks, grid=False)
    x = alt.X("t:T", scale=alt.Scale(type="utc", nice=False), axis=axis)
    most = max((value for one in drawn for value in (one.peak, one.enabled, one.limit) if value is not None), default=0)
    y = alt.Y("v:Q", axis=alt.Axis(title="Seats", values=_whole_ticks(most), format=",d"), scale=_scale(alt, most))
    names = ["Peak", "Enabled", "Limit", "Over the limit", "Not all is known"]
    colors = [_AREA, _GREY, _INK, _ALARM, _UNKNOWN]
    tells = [
        any(one.peak is not None for one in drawn),
        any(one.enabled is not None for one in drawn),
        any(one.limit is not None for one in drawn),
        any(one.over for one in drawn),
        any(one.missing for one in drawn),
    ]
    shown = [name for name, told in zip(names, tells, strict=True) if told]
    scale = alt.Scale(domain=shown, range=[color for name, color in zip(names, colors, strict=True) if name in shown])
    color = alt.Color("s:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolType="square", symbolOpacity=1))
    layers = []

    def layer(name: str, data: list[dict[str, Any]], mark: str, **style: Any) -> None:
        if name in shown:
            chart = alt.Chart(alt.Data(values=[{**point, "s": name} for point in data]))
            layers.append(getattr(chart, f"mark_{mark}")(**style).encode(x=x, color=color, **_places(alt, mark, y)))

    layer("Not all is known", [{"t": _ms(a, shift), "u": _ms(b, shift)} for a, b in _missing(drawn)], "rect", opacity=0.7)
    layer("Peak", _outline(drawn, [one.peak for one in drawn], shift), "area", opacity=0.85, line={"color": _INK, "strokeWidth": 1})
    bases = [None if one.top is None else one.top - one.over for one in drawn]
    tops = [one.top for one in drawn]
    layer("Over the limit", _outline(drawn, tops, shift, bases), "area", opacity=0.9)
    layer("Enabled", _outline(drawn, [one.enabled for one in drawn], shift), "line", strokeWidth=1.5)
    layer("Limit", _outline(drawn, [one.limit for one in drawn], shift), "line", strokeWidth=1.5, strokeDash=[5, 3])
    return alt.layer(*layers).properties(width=width, height=height)


def _whole_ticks(most: int) -> list[int]:
    """Some whole numbers from zero on, in steps that people count in."""
    step = next(size for power in range(12) for size in (10**power, 2 * 10**power, 5 * 10**power) if size * _STEPS >= most)
    return list(range(0, most + 1, step))


def _scale(alt: Any, most: int) -> Any:
    """From zero to a little above the most."""
    return alt.Scale(domain=[0, max(most, 1) * _HEADROOM], nice=False)


def _places(alt: Any, mark: str, y: Any) -> dict[str, Any]:
    if mark == "rect":
        return {"x2": alt.X2("u:T")}
    return {"y": y, "y2": alt.Y2("b:Q")} if mark == "area" else {"y": y}


def _ms(moment: int, shift: int) -> int:
    return (moment + shift) * 1000


def _outline(
    drawn: Sequence[Step], values: Sequence[int | None], shift: int, bases: Sequence[int | None] | None = None
) -> list[dict[str, Any]]:
    """The corners of the steps: two of each run of equal ones, and none of what is not known, which breaks the line."""
    points: list[dict[str, Any]] = []
    for at, (step, value) in enumerate(zip(drawn, values, strict=True)):
        base = 0 if bases is None else bases[at]
        begin, end = _ms(step.since, shift), _ms(step.until, shift)
        if value is None:
            if points and points[-1]["v"] is not None:
                points.append({"t": begin, "v": None, "b": None})
            continue
        if points and points[-1]["v"] == value and points[-1]["b"] == base and points[-1]["t"] == begin:
            points[-1] = {"t": end, "v": value, "b": base}
            continue
        points += [{"t": begin, "v": value, "b": base}, {"t": end, "v": value, "b": base}]
    return points


def _missing(drawn: Sequence[Step]) -> list[tuple[int, int]]:
    """The stretches of which something is missing, joined."""
    found: list[tuple[int, int]] = []
    for step in drawn:
        if step.missing and found and found[-1][1] == step.since:
            found[-1] = found[-1][0], step.until
        elif step.missing:
            found.append((step.since, step.until))
    return found


def _bars(drawn: Sequence[Series]) -> Any:
    """One bar of each series, and a stroke where its limit is."""
    alt = _altair()
    rows = [
        {"n": one.name, "p": one.peak, "l": one.limit, "s": "Over the limit" if one.over else "Peak"}
        for one in drawn
        if one.peak is not None
    ]
    y = alt.Y("n:N", sort=None, axis=alt.Axis(title=None, labelLimit=260))
    base = alt.Chart(alt.Data(values=rows))
    scale = alt.Scale(domain=["Peak", "Over the limit"], range=[_AREA, _ALARM])
    most = max((value for one in drawn for value in (one.peak, one.limit) if value is not None), default=0)
    named = "Peak; the stroke is the limit" if any(one.limit is not None for one in drawn) else "Peak"
    bars = base.mark_bar(height=_BAR - 8).encode(
        x=alt.X("p:Q", axis=alt.Axis(title=named, values=_whole_ticks(most), format=",d"), scale=_scale(alt, most)),
        y=y,
        color=alt.Color("s:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
    )
    limits = base.transform_filter("datum.l !== null").mark_tick(color=_INK, thickness=2, size=_BAR - 2).encode(x="l:Q", y=y)
    return alt.layer(bars, limits).properties(width=_SIZE[0] - 150, height=max(len(rows), 2) * _BAR)
