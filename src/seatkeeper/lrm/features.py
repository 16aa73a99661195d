"""What license servers gave out and refused of each technical license in a time, with what of that time they did not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import nearest_sentence
from seatkeeper.lrm.gaps import gaps_in
from seatkeeper.usage.facts import KINDS
from seatkeeper.usage.features import denied_in, ended_with_server, feature_peaks, used_in
from seatkeeper.usage.measures import FEATURE_PREFIX, feature_item
from seatkeeper.usage.periods import edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibis.expr.types import Table

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Manifest, Warehouse
    from seatkeeper.usage.periods import Period

__all__ = ["DeniedFeature", "UsedFeature", "check_feature", "denied_features", "features_known", "used_features"]


class UsedFeature(msgspec.Struct, frozen=True):
    """What was used of a technical license in a time.

    Attributes:
        feature: Its name in the license file.
        peak: The most seats that were out at once.
        peak_time: The last second of the peak; None where none was out.
        seat_seconds: How long seats were out, added up.
        checkouts: How many reached into the time.
        users: How many users had them.
        denials: How often a checkout was refused.
    """

    feature: str
    peak: int
    peak_time: int | None
    seat_seconds: int
    checkouts: int
    users: int
    denials: int


class DeniedFeature(msgspec.Struct, frozen=True):
    """How often a technical license was refused in a period.

    Attributes:
        feature: Its name in the license file.
        period: When.
        denials: How often.
        codes: The errors' numbers, and how often each.
        users: Who was refused, and how often; who most, first.
    """

    feature: str
    period: Period
    denials: int
    codes: dict[int, int]
    users: dict[str, int]


def features_known(warehouse: Warehouse, engine: Engine, manifest: Manifest) -> list[str]:
    """The features that checkouts and denials are of, by name, each in one spelling."""
    found: dict[str, str] = {}
    for kind in ("checkouts", "denials"):
        for row in engine.rows(_all(warehouse, engine, manifest, kind).select("feature").distinct().order_by("feature")):
            found.setdefault(row["feature"].lower(), row["feature"])
    return [found[name] for name in sorted(found)]


def _all(warehouse: Warehouse, engine: Engine, manifest: Manifest, kind: str, since: int = 0, until: int = 1 << 62) -> Table:
    """The facts of a kind that may touch the time."""
    ends = KINDS[kind].ends
    parts = manifest.parts.get(kind, [])
    wanted = [part for part in parts if part.first < until and (part.open or part.last > since or not ends)]
    return warehouse.table(engine, KINDS[kind], wanted)


def check_feature(warehouse: Warehouse, engine: Engine, manifest: Manifest, name: str) -> str:
    """The feature that `name` or `feature:NAME` means, as license servers write it.

    Raises:
        InputError: None was ever checked out or refused under that name.
    """
    item = feature_item(name) or feature_item(FEATURE_PREFIX + name)
    feature = name if item is None else item.name.removeprefix(FEATURE_PREFIX)
    known = features_known(warehouse, engine, manifest)
    for each in known:
        if each.lower() == feature.lower():
            return each
    raise InputError(
        "No license server has told of this feature.", file="the feature", found=feature, remedy=nearest_sentence(feature, known)
    )


def used_features(warehouse: Warehouse, engine: Engine, period: Period, until: int) -> tuple[list[UsedFeature], str]:
    """What was used of every feature in the period, up to a moment that is not over yet, and what of it is missing, in words."""
    manifest = warehouse.manifest()
    features = features_known(warehouse, engine, manifest)
    end = max(min(period.until, until), period.since + 1)
    checkouts = ended_with_server(
        _all(warehouse, engine, manifest, "checkouts", period.since, end), _all(warehouse, engine, manifest, "ends")
    )
    denials = _all(warehouse, engine, manifest, "denials", period.since, end)
    piece = msgspec.structs.replace(period, until=end)
    found = []
    if features:
        peaks = {row["key"]: row for row in engine.rows(feature_peaks(checkouts, features, edges([piece], [])))}
        used = {row["key"]: row for row in engine.rows(used_in(checkouts, features, (period.since, end)))}
        denied: dict[int, int] = {}
        for row in engine.rows(denied_in(denials, features, [(0, period.since, end)])):
            denied[row["key"]] = denied.get(row["key"], 0) + row["times"]
        for key, feature in enumerate(features):
            own, peak = used.get(key, {"seat_seconds": 0, "checkouts": 0, "users": 0}), peaks[key]
            times = denied.get(key, 0)
            if peak["peak"] or times:
                sums = own["seat_seconds"], own["checkouts"], own["users"]
                found.append(UsedFeature(feature, peak["peak"], peak["last"], *sums, times))
    return found, _missing(warehouse, engine, manifest, [piece]).get(0, "")


def denied_features(
    warehouse: Warehouse, engine: Engine, pieces: Sequence[Period], feature: str = ""
) -> tuple[list[DeniedFeature], dict[int, str]]:
    """The refusals of every feature, or of one, by feature and period where there were any, and what of which period is missing.

    Raises:
        InputError: The feature is not known.
    """
    manifest = warehouse.manifest()
    features = [check_feature(warehouse, engine, manifest, feature)] if feature else features_known(warehouse, engine, manifest)
    denials = _all(warehouse, engine, manifest, "denials", pieces[0].since, pieces[-1].until)
    numbers = [(number, piece.since, piece.until) for number, piece in enumerate(pieces)]
    rows = engine.rows(denied_in(denials, features, numbers)) if features else []
    found: dict[tuple[int, int], tuple[dict[int, int], dict[str, int]]] = {}
    for row in rows:
        codes, users = found.setdefault((row["key"], row["period"]), ({}, {}))
        codes[row["code"]] = codes.get(row["code"], 0) + row["times"]
        users[row["user"]] = users.get(row["user"], 0) + row["times"]
    told = [
        DeniedFeature(
            features[key],
            pieces[number],
            sum(codes.values()),
            dict(sorted(codes.items())),
            dict(sorted(users.items(), key=lambda one: (-one[1], one[0]))),
        )
        for (key, number), (codes, users) in sorted(found.items())
    ]
    return told, _missing(warehouse, engine, manifest, pieces)


def _missing(warehouse: Warehouse, engine: Engine, manifest: Manifest, pieces: Sequence[Period]) -> dict[int, str]:
    item = feature_item(f"{FEATURE_PREFIX}any")
    assert item is not None
    return gaps_in(warehouse, engine, manifest, [item], pieces)
