"""Possible futures of daily peaks, from a structural model of statsmodels: a level that wanders, a weekday's share, and chance.

The model is of logarithms, since a site that grows has larger Mondays too. Days that are not known need not be made up: the filter goes
over them. A trend is taken only where history shows one for sure, since on sites without one it makes forecasts worse. How sure the model
is of the level and the trend is in the futures. docs/decisions.md has the measurements.
"""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from seatkeeper.base.errors import SeatkeeperError

if TYPE_CHECKING:
    from seatkeeper.usage.outlook import History

__all__ = ["FUTURES", "futures_of"]

#: So many possible futures are drawn.
FUTURES: Final = 1000
#: The same history has the same forecast.
_SEED: Final = 1
_WEEK: Final = 7
_STEPS_MAX: Final = 100
#: Where the model has the trend.
_SLOPE: Final = 1
#: A trend is shown that is so many times as large as its error.
_SURE: Final = 2
#: No peak is larger than what whole numbers of facts may be.
_PEAK_MAX: Final = 10**8


def _library() -> tuple[Any, Any]:
    try:
        import numpy
        from statsmodels.tsa.statespace.structural import UnobservedComponents
    except ImportError:
        raise SeatkeeperError(
            "Forecasts need packages that are not installed.", "Install them with `pip install 'seatkeeper[usage,plan]'`."
        ) from None
    return numpy, UnobservedComponents


def _fit(components: Any, trend: str, values: Any) -> Any:
    return components(values, trend, seasonal=_WEEK, stochastic_seasonal=False).fit(disp=0, maxiter=_STEPS_MAX)


def futures_of(history: History, days: int) -> list[list[int]]:
    """For each of the days after the history its peak in each of FUTURES possible futures; 0 on weekdays without use.

    Raises:
        SeatkeeperError: The library is not installed.
    """
    numpy, components = _library()
    values = numpy.array([numpy.nan if value is None else value for value in history.values], dtype=float)
    with warnings.catch_warnings():
        # That the search for the likeliest spread ended early is no news: what it has found by then is used, and shown by how it held.
        warnings.simplefilter("ignore")
        fit = _fit(components, "lldtrend", numpy.log1p(values))
        slope, spread = fit.filtered_state[_SLOPE, -1], fit.filtered_state_cov[_SLOPE, _SLOPE, -1] ** 0.5
        if abs(slope) < _SURE * spread:
            fit = _fit(components, "llevel", numpy.log1p(values))
        drawn = fit.simulate(days, anchor="end", repetitions=FUTURES, rng=numpy.random.default_rng(_SEED))
    peaks = numpy.rint(numpy.expm1(numpy.clip(numpy.asarray(drawn).reshape(days, FUTURES), 0, numpy.log(_PEAK_MAX)))).astype(int)
    for number in range(days):
        if (history.end + timedelta(number)).weekday() in history.idle:
            peaks[number] = 0
    found: list[list[int]] = peaks.tolist()
    return found
