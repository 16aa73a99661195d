"""Reports about the use of sellable items, worked out from the warehouse by an engine, and compared with what was bought.

Rows are worked out together of all subjects whose periods and excluded times are the same. Where a limit or a bundle changes, periods
are measured in parts, each with its own limit, and joined afterwards (lrm.limits).
"""

from __future__ import annotations

from datetime import UTC, date, tzinfo
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded, nearest_sentence
from seatkeeper.lrm.close import all_subjects
from seatkeeper.lrm.features import check_feature
from seatkeeper.lrm.figures import Asked, Together, figures, time_over
from seatkeeper.lrm.gaps import gaps_in
from seatkeeper.lrm.limits import Part, compared
from seatkeeper.lrm.site import Site, read_site
from seatkeeper.usage.limits import Limit, Measure, at_moment, split
from seatkeeper.usage.measures import ITEMS, CheckoutRule, Item, PortRule
from seatkeeper.usage.peaks import KEYS_MAX, MINUTE_S
from seatkeeper.usage.periods import Granularity, Period, periods
from seatkeeper.usage.reports import GROUP_KINDS, Membership, ReportType, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.adapters.warehouse import Manifest, Warehouse
    from seatkeeper.lrm.limits import Compared
    from seatkeeper.usage.excluded import ExcludedTime
    from seatkeeper.usage.limits import Step
    from seatkeeper.usage.reports import DayEnds

__all__ = ["SAMPLINGS", "Query", "Row", "Sampling", "items_by_name", "report", "report_all", "subjects_of"]

#: `exact` and `second` look at every second, which is as fine as facts are; `minute` at every whole minute, as LRM does.
Sampling = Literal["exact", "second", "minute"]
SAMPLINGS: Final[dict[str, int]] = {"exact": 1, "second": 1, "minute": MINUTE_S}
_NO_BUNDLE: Final = "no set of bundles in force has this bundle"


class Query(msgspec.Struct, frozen=True):
    """What is asked.

    Attributes:
        report: Whom the rows are about.
        item: The sellable item, as the person wrote it.
        granularity: How long a period is.
        first: The first day, in `zone`.
        end: The day after the last one.
        zone: Whose days and hours they are; None: those of each tenant's own zone.
        week_start: The weekday on which a week begins, 0 for Monday.
        tenant: Only this tenant; None: all.
        group: Only this group; None: all.
        sampling: Which moments are looked at.
        membership: Who belongs to a group.
    """

    report: ReportType
    item: str
    granularity: Granularity
    first: date
    end: date
    zone: tzinfo | None = UTC
    week_start: int = 0
    tenant: str | None = None
    group: str | None = None
    sampling: Sampling = "exact"
    membership: Membership = "history"


class Row(msgspec.Struct, frozen=True):
    """One period of one subject.

    Attributes:
        subject: Whom it is about.
        item: The item, as it was asked for.
        period: When.
        peak: The most seats that were in use at once; None where that cannot be known.
        peak_time: The last second of the peak; None where nothing was in use.
        enabled: The most seats that were configured at once; None where that is not known, or not measured.
        limit: What was bought, or provisioned: the limit that was passed, else the one in force at the peak; None where there was none.
        over: By how much use was above a limit, at most; 0 where it was not.
        missing: Why something is not known; empty where all is.
        limit_since: From which day the limit has held.
        burst: How much may be in use for a while; at least the limit.
        measure: What is compared with the limit.
        over_seconds: For how long use was above the limit in force; None where that cannot be known.
        excluded: Why some of the period does not count, and for how many seconds.
        zone: Whose days and hours the period's are.
    """

    subject: Subject
    item: str
    period: Period
    peak: int | None
    peak_time: int | None
    enabled: int | None
    limit: int | None = None
    over: int = 0
    missing: str = ""
    limit_since: date | None = None
    burst: int | None = None
    measure: Measure = "peak"
    over_seconds: int | None = 0
    excluded: tuple[tuple[str, int], ...] = ()
    zone: tzinfo = UTC


def items_by_name(items: Sequence[Item] = ITEMS) -> dict[str, Item]:
    """Items by their folded names."""
    return {folded(item.name): item for item in items}


def report_all(warehouse: Warehouse, engine: Engine, query: Query, site: Site) -> list[Row]:
    """The rows of all items that are measured, one item after the other; what closed days have is read at once.

    Raises:
        InputError: As `report`.
    """
    together = Together([item.name for item in site.items.values()] + [""])
    rows: list[Row] = []
    for item in site.items.values():
        rows += report(warehouse, engine, msgspec.structs.replace(query, item=item.name), {}, {}, site, together)
    return rows


def report(
    warehouse: Warehouse,
    engine: Engine,
    query: Query,
    items: Mapping[str, Item],
    products: Mapping[str, str],
    site: Site | None = None,
    together: Together | None = None,
) -> list[Row]:
    """The rows of a report: by subject in the order of their names, then by period.

    Args:
        warehouse: Where the facts are.
        engine: What works it out.
        query: What is asked.
        items: The items that are built in, by folded name.
        products: Folded names of products -> the item that measures them.
        site: Limits, bundles, and the site's own settings; None: as they stand beside the facts.
        together: What is read once, where several items are reported.

    Raises:
        InputError: The item, the tenant or the group is not known, the days are none, or one of the site's files cannot be used.
    """
    site = read_site(warehouse.path, items, products) if site is None else site
    versions = site.versions(query.item)
    if query.report in GROUP_KINDS and versions[0][1] is None:
        raise InputError("Bundles are not reported by group.", file="--item", found=query.item, expected="an item")
    manifest = warehouse.manifest()
    technical = versions[0][1] is not None and isinstance(versions[0][1].peak, CheckoutRule)
    if technical and query.report != "system":
        raise InputError("License servers know no tenants or groups.", file="--type", found=query.report, expected="system")
    if technical:
        check_feature(warehouse, engine, manifest, query.item)
    subjects = subjects_of(warehouse, engine, query, manifest)
    alike: dict[tuple[tzinfo, tuple[ExcludedTime, ...]], list[int]] = {}
    spans: dict[tzinfo, tuple[int, int]] = {}
    for key, subject in enumerate(subjects):
        zone = site.zone(subject) if query.zone is None else query.zone
        if zone not in spans:
            wholes = _wholes(query, zone)
            spans[zone] = wholes[0].since, wholes[-1].until
        alike.setdefault((zone, tuple(site.excluded(subject, *spans[zone]))), []).append(key)
    rows: list[list[Row]] = [[] for _ in subjects]
    for (zone, out), keys in alike.items():
        told = _Told(warehouse, engine, manifest, site, query, [subjects[key] for key in keys], zone, out, together or Together())
        for key, own in zip(keys, told.rows(versions), strict=True):
            rows[key] = own
    return [row for own in rows for row in own]


def _wholes(query: Query, zone: tzinfo) -> list[Period]:
    return periods(query.granularity, query.first, query.end, zone, query.week_start)


class _Told:
    """What is told of subjects whose periods and excluded times are the same."""

    def __init__(
        self,
        warehouse: Warehouse,
        engine: Engine,
        manifest: Manifest,
        site: Site,
        query: Query,
        subjects: list[Subject],
        zone: tzinfo,
        out: tuple[ExcludedTime, ...],
        together: Together,
    ) -> None:
        self.warehouse = warehouse
        self.engine = engine
        self.manifest = manifest
        self.site = site
        self.query = query
        self.subjects = subjects
        self.zone = zone
        self.out = out
        self.together = together
        self.wholes = _wholes(query, zone)

    def rows(self, versions: list[tuple[int, Item | None]]) -> list[list[Row]]:
        """For each subject its rows."""
        items = [item for _, item in versions if item is not None]
        # All versions of a bundle have one name, and a bundle has no enabled seats: any of them will do.
        steps: list[list[Step]] = [[] for _ in self.subjects]
        if items:
            steps = self.site.limits(items[-1], self.query.report, self.subjects)
        moments = {at for at, _ in versions} | {step.at for own in steps for step in own}
        whole_parts = list(enumerate(self.wholes))
        parts = split(self.wholes, moments)
        found = self._parts(versions, [piece for _, piece in parts], steps)
        # Ports were counted by stretches of time, which may reach over a change of the limit.
        ports = len(parts) > len(whole_parts) and any(isinstance(item.peak, PortRule) for item in items)
        whole = self._parts(versions, self.wholes, steps) if ports else None
        numbers: list[list[int]] = [[] for _ in self.wholes]
        for position, (number, _) in enumerate(parts):
            numbers[number].append(position)
        told = [
            [compared([found[key, position] for position in numbers[number]]) for number in range(len(self.wholes))]
            for key in range(len(self.subjects))
        ]
        over = self._over(versions, [piece for _, piece in parts], found)
        missing = gaps_in(self.warehouse, self.engine, self.manifest, items, self.wholes)
        rows: list[list[Row]] = []
        for key, subject in enumerate(self.subjects):
            own: list[Row] = []
            for number, piece in enumerate(self.wholes):
                seconds = [over.get((key, position)) for position in numbers[number] if found[key, position].over > 0]
                lasted = None if None in seconds else sum(one for one in seconds if one is not None)
                found_here = told[key][number]
                if whole is not None:
                    most = whole[key, number]
                    missed = (most.missing,) if most.missing else ()
                    found_here = msgspec.structs.replace(found_here, peak=most.peak, last=most.last, missing=missed)
                own.append(self._row(subject, piece, found_here, lasted, missing.get(number, "")))
            rows.append(own)
        return rows

    def _asked(self, item: Item, pieces: Sequence[Period]) -> Asked:
        days: DayEnds = None
        if self.query.membership == "day-end":
            days = [(day.since, day.until) for day in periods("daily", self.query.first, self.query.end, self.zone)]
        out = [(time.since, time.until) for time in self.out]
        step = SAMPLINGS[self.query.sampling]
        return Asked(
            self.warehouse, self.engine, self.manifest, self.query.report, item, self.subjects, pieces, out, step, days, self.together
        )

    def _of_versions(self, versions: list[tuple[int, Item | None]], pieces: Sequence[Period]) -> list[tuple[Item | None, list[int]]]:
        """The numbers of the pieces in which each version counts."""
        found: list[tuple[Item | None, list[int]]] = []
        for position, (at, item) in enumerate(versions):
            end = versions[position + 1][0] if position + 1 < len(versions) else pieces[-1].until
            numbers = [number for number, piece in enumerate(pieces) if at <= piece.since < end]
            if numbers:
                found.append((item, numbers))
        return found

    def _parts(
        self, versions: list[tuple[int, Item | None]], pieces: Sequence[Period], steps: list[list[Step]]
    ) -> dict[tuple[int, int], Part]:
        parts: dict[tuple[int, int], Part] = {}
        for item, numbers in self._of_versions(versions, pieces):
            told = None if item is None else figures(self._asked(item, [pieces[number] for number in numbers]))
            for key in range(len(self.subjects)):
                for position, number in enumerate(numbers):
                    limit = at_moment(steps[key], pieces[number].since) if steps[key] else None
                    parts[key, number] = Part(missing=_NO_BUNDLE) if told is None else told.part(key, position, limit)
        return parts

    def _over(
        self, versions: list[tuple[int, Item | None]], pieces: Sequence[Period], parts: Mapping[tuple[int, int], Part]
    ) -> dict[tuple[int, int], int]:
        """For how long limits were passed, where they were, and that can be known."""
        passed = {place: part.limit for place, part in parts.items() if part.over > 0 and part.limit is not None}
        seconds: dict[tuple[int, int], int] = {}
        for item, numbers in self._of_versions(versions, pieces) if passed else []:
            position = {number: place for place, number in enumerate(numbers)}
            limits: dict[tuple[int, int], Limit] = {
                (key, position[number]): limit for (key, number), limit in passed.items() if number in position
            }
            if item is not None and limits:
                told = time_over(self._asked(item, [pieces[number] for number in numbers]), limits)
                seconds |= {(key, numbers[place]): lasted for (key, place), lasted in told.items()}
        return seconds

    def _row(self, subject: Subject, piece: Period, told: Compared, lasted: int | None, gap: str) -> Row:
        limit = told.limit
        # Where a source has no data, nothing is not known to be nothing.
        peak = None if gap and not told.peak else told.peak
        return Row(
            subject,
            self.query.item,
            piece,
            peak,
            told.last,
            told.enabled,
            None if limit is None else limit.count,
            told.over,
            "; ".join(filter(None, (*told.missing, gap))),
            None if limit is None else limit.since,
            None if limit is None else limit.burst,
            "peak" if limit is None else limit.measure,
            lasted,
            self._excluded(piece) if self.out else (),
            self.zone,
        )

    def _excluded(self, piece: Period) -> tuple[tuple[str, int], ...]:
        seconds: dict[str, int] = {}
        for time in self.out:
            lasted = min(time.until, piece.until) - max(time.since, piece.since)
            if lasted > 0:
                seconds[time.reason] = seconds.get(time.reason, 0) + lasted
        return tuple(seconds.items())


def subjects_of(warehouse: Warehouse, engine: Engine, query: Query, manifest: Manifest) -> list[Subject]:
    """Whom the report is about, in the order of their names.

    Raises:
        InputError: The tenant or the group is not known.
    """
    if query.report == "system" and query.tenant is not None:
        raise InputError(
            "A system report is about all tenants.", file="--tenant", found=query.tenant, remedy="Ask for --type tenant instead."
        )
    tenants = manifest.tenants
    if query.tenant is not None and query.tenant not in tenants:
        near = nearest_sentence(query.tenant, tenants)
        raise InputError("There are no data of this tenant.", file="--tenant", found=query.tenant, remedy=near)
    known = all_subjects(engine, warehouse.facts(engine, manifest, 0, 0), query.report, tenants)
    chosen = [one for one in known if query.tenant in {None, one.tenant}]
    if query.report not in GROUP_KINDS:
        return chosen
    # A group may belong to a tenant of whom there is nothing else.
    named = sorted({one.group or "" for one in known})
    chosen = [one for one in chosen if one.tenant in tenants and query.group in {None, one.group}]
    if query.group is not None and not chosen:
        near = nearest_sentence(query.group, named)
        kind = GROUP_KINDS[query.report]
        raise InputError(f"There is no such group of {kind}s.", file="--group", found=query.group, remedy=near)
    if len(chosen) > KEYS_MAX:
        raise InputError("These are too many groups.", file="--type", found=str(len(chosen)), expected=f"at most {KEYS_MAX}")
    return chosen
