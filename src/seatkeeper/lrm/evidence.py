"""A report becomes evidence: it is worked out from the facts alone, and signed together with all that it was worked out from.

What a report reads is chosen before it is made, and nothing else is read for it: the facts of the asked days, all that is configured,
and the site's own files, which are read once. Closed days are not believed: where their detail is still there, they are worked out
from it, as whoever checks the pack will do. Only days whose detail has been dropped are taken from what was kept of them.

Where a source has a gap in the asked days, what a report says of it depends on what that source has ever told, so then all facts that
were observed belong to the data. So do all sessions where agents count as configured because there are sessions of them, and
all checkouts and denials where a technical license is reported, whose name is known by them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from seatkeeper.adapters.evidencefile import Content, content_of, facts_rows, write_pack
from seatkeeper.adapters.usagelimits import kept_files
from seatkeeper.adapters.usagesettings import SETTINGS_FILE, reported_settings, zone_named
from seatkeeper.adapters.warehouse import Manifest, Part, Warehouse
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.detached import sign_detached
from seatkeeper.lrm.close import day_number, day_of
from seatkeeper.lrm.report import Query, report, report_all
from seatkeeper.lrm.rows import report_json
from seatkeeper.lrm.site import Site, read_site
from seatkeeper.usage.evidence import (
    DATA,
    EVIDENCE_TAG,
    MANIFEST,
    PARAMETERS,
    REPORT,
    SIGNATURE,
    ClosedEvidence,
    Code,
    Data,
    FactsFile,
    File,
    Member,
    PackManifest,
    Parameters,
    Rule,
    encoded,
    rows_to_json,
)
from seatkeeper.usage.facts import DAY_S, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seatkeeper.adapters.engines import Engine
    from seatkeeper.usage.measures import Item

__all__ = ["FORM", "Chosen", "Gathered", "Known", "chosen", "gathered", "make_pack", "query_of", "rules_of", "worked_out"]

FORM: Final = 1
#: The name of a rule's class -> the facts that are counted by it.
_COUNTED: Final = {"SessionRule": "sessions", "RecordingRule": "recordings", "PortRule": "ports", "CheckoutRule": "checkouts"}
#: What is observed; a source that has told of any of it is known.
_OBSERVED: Final = (*_COUNTED.values(), "denials")
_ALWAYS: Final = ("configuration", "ends")


class Known(msgspec.Struct, frozen=True):
    """What is built in: items by folded name, and folded names of products -> the item that measures them."""

    items: Mapping[str, Item]
    products: Mapping[str, str]


class Chosen(Warehouse):
    """A directory of usage data, of which only that counts which was chosen."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._chosen = manifest
        super().__init__(path)

    def manifest(self) -> Manifest:
        """What was chosen."""
        return self._chosen


class Gathered(msgspec.Struct, frozen=True):
    """What a report reads, and what the pack says of it.

    Attributes:
        path: The directory in which the manifest's files are.
        manifest: Which facts and closed days count.
        site: What the site has beside them.
        data: What the pack says of them.
        contents: By the names in the pack.
    """

    path: Path
    manifest: Manifest
    site: Site
    data: Data
    contents: dict[str, Content]


def chosen(manifest: Manifest, query: Query, items: Sequence[Item]) -> Manifest:
    """What of a directory of usage data can matter for a report about these items."""
    # A day more on either side: days may be those of any zone.
    since, until = (day_number(query.first) - 1) * DAY_S, (day_number(query.end) + 1) * DAY_S
    days = {name: [part for part in parts if _touches(part, since, until)] for name, parts in manifest.parts.items()}
    counted = {_COUNTED.get(type(item.peak).__name__, "") for item in items if item.peak is not None}
    whole = {*_ALWAYS, *(_OBSERVED if days.get("gaps") else ())}
    if "agent" not in manifest.configured and any(item.enabled is not None and item.enabled.kind == "agent" for item in items):
        whole.add("sessions")
    if "checkouts" in counted:
        # Which technical licenses there are at all is told by all of them.
        whole |= {"checkouts", "denials"}
    parts: dict[str, list[Part]] = {}
    for name, every in manifest.parts.items():
        wanted = name == "gaps" or name in counted or ("" in counted and name in _OBSERVED)
        parts[name] = list(every) if name in whole else days[name] if wanted else []
    closed = [one for one in manifest.closed if one.day < manifest.dropped_before and since <= one.day * DAY_S < until]
    return msgspec.structs.replace(manifest, parts=parts, closed=closed)


def _touches(part: Part, since: int, until: int) -> bool:
    return part.first < until and (part.open or part.last > since)


def gathered(warehouse: Warehouse, query: Query, place: Path, known: Known) -> Gathered:
    """What a report reads of a directory of usage data.

    Args:
        warehouse: The directory.
        query: What is asked.
        place: An empty directory, to which copies of the site's files go.
        known: What is built in.

    Raises:
        InputError: The item is not known, or a file of the site's cannot be used.
        SeatkeeperError: A file cannot be read.
    """
    directory, manifest = warehouse.path, warehouse.manifest()
    # What is wrong with a file is told where it is, and not where its copy would be.
    read_site(directory, known.items, known.products)
    try:
        settings = reported_settings(directory)
        files = {**({} if settings is None else {SETTINGS_FILE: settings}), **kept_files(directory)}
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        contents = {f"site/{name}": content_of(data) for name, data in files.items()}
        site = read_site(place, known.items, known.products)
        manifest = chosen(manifest, query, measured(site, query))
        facts = _facts(directory, manifest, contents)
        closed = []
        for one in manifest.closed:
            day = day_of(one.day)
            found = sorted((content_of(directory / path) for path in one.paths), key=lambda content: content.sha256)
            names = {f"closed/{day}-{number:03}.parquet": content for number, content in enumerate(found)}
            contents |= names
            closed.append(ClosedEvidence(day, one.at, one.rules, [File(name, content.sha256) for name, content in names.items()]))
    except OSError as error:
        raise SeatkeeperError(
            f"{directory} cannot be read: {error.strerror or error}.", "Ask again: a load may just have ended."
        ) from error
    about = Data(
        sorted(manifest.parts),
        facts,
        manifest.tenants,
        day_of(manifest.dropped_before) if manifest.dropped_before else None,
        closed,
        sorted(File(name, content.sha256) for name, content in contents.items() if name.startswith("site/")),
    )
    return Gathered(directory, manifest, site, about, contents)


def _facts(directory: Path, manifest: Manifest, contents: dict[str, Content]) -> list[FactsFile]:
    facts = []
    for kind in KINDS:
        days: dict[int, list[tuple[str, Path, Content]]] = {}
        for part in manifest.parts.get(kind, []):
            content = content_of(directory / part.path)
            days.setdefault(part.day, []).append((content.sha256, directory / part.path, content))
        for day, found in sorted(days.items()):
            for number, (digest, path, content) in enumerate(sorted(found, key=lambda one: one[0])):
                name = f"facts/{kind}/{day_of(day)}-{number:03}.parquet"
                contents[name] = content
                facts.append(FactsFile(kind, day_of(day), facts_rows(path, name), digest, name))
    return facts


def measured(site: Site, query: Query) -> list[Item]:
    """What a report measures; of a bundle all that it has ever stood for.

    Raises:
        InputError: The item is not known.
    """
    if query.item == "all":
        return list(site.items.values())
    return [item for _, item in site.versions(query.item) if item is not None]


def rules_of(site: Site, query: Query) -> list[Rule]:
    """How what a report is about is measured."""
    return [
        Rule(
            item.name,
            item.digest,
            "" if item.peak is None else _COUNTED.get(type(item.peak).__name__, type(item.peak).__name__),
            msgspec.to_builtins(item.peak),
            msgspec.to_builtins(item.enabled),
            item.source,
        )
        for item in measured(site, query)
    ]


def worked_out(path: Path, manifest: Manifest, site: Site, engine: Engine, query: Query) -> list[dict[str, Any]]:
    """The rows of the report as the pack has them.

    Raises:
        InputError: As `lrm.report.report`.
    """
    warehouse = Chosen(path, manifest)
    rows = report_all(warehouse, engine, query, site) if query.item == "all" else report(warehouse, engine, query, {}, {}, site)
    told: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode([report_json(row) for row in rows]))
    return told


def make_pack(
    path: Path,
    warehouse: Warehouse,
    open_engine: Callable[[Path], Engine],
    query: Query,
    known: Known,
    key: Ed25519PrivateKey,
    *,
    made: str,
    code: Code,
    with_facts: bool = True,
    replace: bool = False,
) -> PackManifest:
    """The manifest of the pack that is at `path` now.

    Args:
        path: Where it is to be.
        warehouse: The usage data.
        open_engine: Gives the engine, with a directory for what does not fit into memory.
        query: What is asked.
        known: What is built in.
        key: Signs it.
        made: When that is, as `...Z`.
        code: What works it out.
        with_facts: Whether it carries the data, too.
        replace: Whether a file that is there may be replaced.

    Raises:
        InputError: As `lrm.report.report`; or there is a file.
        SeatkeeperError: Something cannot be read or written; nothing was.
    """
    with tempfile.TemporaryDirectory(prefix="seatkeeper-evidence-") as directory:
        place = Path(directory)
        found = gathered(warehouse, query, place, known)
        engine = open_engine(place)
        rows = worked_out(found.path, found.manifest, found.site, engine, query)
        members = {
            REPORT: content_of(rows_to_json(rows)),
            PARAMETERS: content_of(encoded(_parameters(query, rules_of(found.site, query), engine.name, code))),
            DATA: content_of(encoded(found.data)),
            **(found.contents if with_facts else {}),
        }
        public = key.public_key().public_bytes_raw().hex()
        listed = [Member(name, members[name].size, members[name].sha256) for name in sorted(members)]
        manifest = PackManifest(FORM, made, public, listed)
        members[MANIFEST] = content_of(encoded(manifest))
        members[SIGNATURE] = content_of(f"{sign_detached(encoded(manifest), EVIDENCE_TAG, key)}\n".encode())
        write_pack(path, members, replace=replace)
    return manifest


def query_of(told: Parameters) -> Query:
    """What was asked, as the pack tells it.

    Raises:
        InputError: There is no such time zone.
    """
    zone = None if told.zone == "tenant" else zone_named(told.zone, PARAMETERS)
    return Query(
        told.report,
        told.item,
        told.granularity,
        told.first,
        told.end,
        zone,
        told.week_start,
        told.tenant,
        told.group,
        told.sampling,
        told.membership,
    )


def _parameters(query: Query, rules: list[Rule], engine: str, code: Code) -> Parameters:
    zone = "tenant" if query.zone is None else str(query.zone)
    return Parameters(
        query.report,
        query.item,
        query.granularity,
        query.first,
        query.end,
        zone,
        query.week_start,
        query.tenant,
        query.group,
        query.sampling,
        query.membership,
        engine,
        rules,
        code,
    )
