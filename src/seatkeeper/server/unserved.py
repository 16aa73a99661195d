"""Who asks for a feature whose license lines are refused is told so, and why, and not that there is no such feature.

A line that does not verify or cannot be read gives no seats. What it would have given is known all the same: the feature of its name,
of a PACKAGE line its components, and of a line that enables a package the components of that. Where nothing else gives such a feature,
a request for it is denied with the line's own fault (pools.decision). The fault is told as the debug log tells it, without the file's
directory: whoever asks for the feature may read it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatkeeper.licfile.bundles import components_of
from seatkeeper.licfile.model import Package, Unknown
from seatkeeper.pools.decision import Unserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seatkeeper.licfile.model import Parsed, Signable
    from seatkeeper.licfile.signature import Verdict

__all__ = ["unserved_features"]

_KEYWORDS: Final = ("FEATURE", "INCREMENT", "UPGRADE", "PACKAGE")


def unserved_features(parsed: Sequence[Parsed], vendor: str, refused: Iterable[tuple[str, Verdict]]) -> Mapping[str, Unserved]:
    """By name in lower case, what the vendor's refused lines would have given; of several lines of one name the first is told.

    Args:
        parsed: The license files.
        vendor: The vendor daemon's name.
        refused: The file and the verdict of each line that does not verify.
    """
    faults: list[tuple[tuple[str, ...], Unserved]] = []
    for name, verdict in refused:
        what = _keyword(verdict.line)
        fault = Unserved(verdict.number, _sentence(verdict.line.name, verdict.sentence), f"{Path(name).name}: {what} {verdict.line.name}")
        faults.append((_gives(verdict.line), fault))
    for one in parsed:
        faults += _unread(one, vendor)
    # A package whose enabling line is refused gives its components as little.
    packages: dict[str, tuple[str, ...]] = {}
    for one in parsed:
        for _, line in one.file.signable():
            if isinstance(line, Package) and line.vendor.lower() == vendor.lower():
                packages.setdefault(line.name.lower(), _gives(line))
    found: dict[str, Unserved] = {}
    for names, fault in faults:
        for name in names:
            for given in (name, *packages.get(name, ())):
                found.setdefault(given, fault)
    return found


def _gives(line: Signable) -> tuple[str, ...]:
    """The features of a line, in lower case; of a package its components."""
    if not isinstance(line, Package):
        return (line.name.lower(),)
    try:
        return tuple(component.name.lower() for component in components_of(line))
    except ValueError:
        return ()


def _unread(parsed: Parsed, vendor: str) -> Iterator[tuple[tuple[str, ...], Unserved]]:
    """What the lines of a file are about that cannot be read."""
    ends = (*parsed.places[1:], 1 << 62)
    for line, place, end in zip(parsed.file.lines, parsed.places, ends, strict=True):
        if not isinstance(line, Unknown):
            continue
        words = line.text.replace("\\\n", " ").split()
        if len(words) < 3 or words[0].upper() not in _KEYWORDS or words[2].lower() != vendor.lower():
            continue
        problem = next((one for one in parsed.problems if place <= one.line < end and one.severity == "error"), None)
        if problem is None:
            continue
        names: tuple[str, ...] = (words[1].lower(),)
        if words[0].upper() == "PACKAGE":
            written = re.search(r'COMPONENTS="([^"]*)"', " ".join(words), re.IGNORECASE)
            names = tuple(word.partition(":")[0].lower() for word in written[1].split()) if written else ()
        rule = f"{Path(parsed.name).name}:{place}: {words[0].upper()} {words[1]}"
        yield names, Unserved(-2, _sentence(words[1], f"line {problem.line}: {problem.message}"), rule)


def _sentence(name: str, why: str) -> str:
    return f"The license file has a line of {name}, and it is not served: {why}"


def _keyword(line: Signable) -> str:
    return "PACKAGE" if isinstance(line, Package) else getattr(line, "keyword", "UPGRADE")
