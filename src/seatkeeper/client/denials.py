"""Several servers said no in several ways; the application gets one error, and it is the one that helps most.

A server that knows the feature and has no seat says more than one that does not know it, and that more than one that is down. Within
a kind the first of the path speaks. What the others said stands below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.base.errors import LicenseError
from seatkeeper.client.events import BORROWED, MINOR_PATH, Denial, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OTHERS_MAX", "denial_error", "failure_of"]

#: So many further servers are told of in one error.
OTHERS_MAX: Final = 8

_WRONG_VERSION: Final = frozenset({-21, -25})
_NO_SUCH_FEATURE: Final = frozenset({-5, -18})
_NOT_TRUSTED: Final = frozenset({-8, -9, -10, -33, -114, -137})
_BORROW: Final = frozenset({-88, -117, -118})
_NO_CONNECTION: Final = frozenset({-7, -14, -15, -96})


def denial_error(feature: str, path: tuple[str, ...], denials: Sequence[Denial]) -> LicenseError:
    """The error of a checkout that every server of `path` has denied, `denials` being what they said, in their order.

    An empty sequence stands for a path without servers: error -1.
    """
    if not denials:
        return LicenseError(-1, minor=MINOR_PATH, feature=feature, path=path)
    main = min(denials, key=_rank)
    others = [denial for denial in denials if denial is not main][:OTHERS_MAX]
    hints = [("Filename", main.server) if _is_file(main) else ("Hostname", _host(main.server))] if main.server not in ("", BORROWED) else []
    hints += [("Also", f"{denial.server}: {_short(denial.failure)}") for denial in others]
    failure = main.failure
    return LicenseError(
        failure.number,
        minor=failure.minor,
        reason=failure.reason,
        feature=feature,
        path=path,
        system=failure.system,
        hints=tuple(hints),
        rule=failure.rule,
        holders=failure.holders,
        free_at=failure.free_at,
    )


def _rank(denial: Denial) -> int:
    number = denial.failure.number
    if denial.reached:
        return 1 if number in _WRONG_VERSION else 2 if number in _NO_SUCH_FEATURE else 0
    if denial.server == BORROWED and number in _BORROW:
        # The client had such seats itself, and says why it does not count on them any more.
        return 3
    return 4 if number in _NOT_TRUSTED else 6 if number in _NO_CONNECTION else 7 if _is_file(denial) else 5


def _is_file(denial: Denial) -> bool:
    """Whether the denial is about a license file, which led to no server."""
    return denial.failure.minor == MINOR_PATH


def _host(server: str) -> str:
    """The host of `port@host`; a triad stays as it is."""
    return server.partition("@")[2].strip("[]") if server.count("@") == 1 else server


def _short(failure: Failure) -> str:
    return LicenseError(failure.number, minor=failure.minor, system=failure.system).short()


def failure_of(error: LicenseError) -> Failure:
    """The error as a value."""
    return Failure(error.number, error.minor, error.reason, error.system, error.rule, error.holders, error.free_at)
