"""Peaks of ports come from a voice platform's Reporting Server over HTTP, of the primary one, or of the backup where that does not answer.

What is asked is known (facts, LRM 3): a path for each kind of port, `granularity`, `from`, `to`, and for a tenant's share `tenant-id`; the
system's own peak is asked without one, since tenants' peaks cannot be added up. Stretches of five minutes are taken, so that a peak of
ten minutes is the larger of two.

The elements of the answers are not published where we could read them. So what is read is: every element with a beginning (`start`,
`from` or `begin`) that is, or holds, an element with a number (`value`, `count` or `peak`, or its text) and perhaps a `time`. An answer
in which nothing of this is found is an error, unless it says itself that it has no intervals.
"""

from __future__ import annotations

import base64
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["ANSWER_BYTES_MAX", "GRANULARITY", "PATHS", "STRETCH_S", "ReportingServer", "parse_peaks"]

#: Kind of port, as measures name it -> the path of its report.
PATHS: Final[dict[str, str]] = {
    "calls": "/ems-rs/operations/peaks/RM",
    "asr": "/ems-rs/operations/peaks/ASR",
    "tts": "/ems-rs/operations/peaks/TTS",
    "parking": "/ems-rs/operations/peaks/MCP",
}
GRANULARITY: Final = "FIVE_MINUTES"
STRETCH_S: Final = 300
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_TIMEOUT_S: Final = 60.0
_BEGINNINGS: Final = ("start", "from", "begin")
_NUMBERS: Final = ("value", "count", "peak")


class ReportingServer(msgspec.Struct, frozen=True):
    """A Reporting Server, and the one that stands in for it.

    Attributes:
        urls: `http://host:port` of the primary, then of the backup.
        user: Of HTTP basic authentication; empty where none is asked for.
        password: Belongs to it.
        tenants: The tenant's name -> its id at the Reporting Server.
        paths: Where the reports of a kind are, if elsewhere than in PATHS.
    """

    urls: tuple[str, ...]
    user: str = ""
    password: str = ""
    tenants: Mapping[str, str] = {}
    paths: Mapping[str, str] = {}

    def peaks(self, source: str, kinds: Sequence[str], since: int, until: int) -> Iterator[dict[str, Any]]:
        """Rows of `ports` facts about [since, until), of the system and of each tenant.

        Raises:
            SeatkeeperError: No server answers, or an answer cannot be read.
        """
        for kind in kinds:
            for tenant, number in (("", ""), *self.tenants.items()):
                query = {"granularity": GRANULARITY, "from": _utc(since), "to": _utc(until), **({"tenant-id": number} if number else {})}
                path = {**PATHS, **self.paths}[kind]
                answer = self._ask(f"{path}?{urllib.parse.urlencode(query)}")
                for start, peak, at in parse_peaks(answer, f"{kind} of {tenant or 'the system'}"):
                    if since <= start < until:
                        yield {
                            "source": source,
                            "tenant": tenant,
                            "kind": kind,
                            "start": start,
                            "seconds": STRETCH_S,
                            "peak": peak,
                            "peak_time": at,
                        }

    def _ask(self, what: str) -> bytes:
        """The answer of the first server that gives one."""
        failures = []
        for url in self.urls:
            request = urllib.request.Request(url.rstrip("/") + what, headers={"Accept": "application/xml, text/xml"})
            if not url.startswith(("http://", "https://")):
                raise InputError("A Reporting Server has an http or https address.", found=url)
            if self.user:
                # Only to whom it is meant for: a redirect elsewhere is not followed.
                token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
                request.add_header("Authorization", f"Basic {token}")
            try:
                with _OPENER.open(request, timeout=_TIMEOUT_S) as response:
                    data: bytes = response.read(ANSWER_BYTES_MAX + 1)
            except urllib.error.HTTPError as error:
                if error.code in {401, 403}:
                    raise SeatkeeperError(f"{url} refuses this account ({error.code}).", "Name another user, or its password.") from None
                failures.append(f"{url} answers {error.code}")
                continue
            except (OSError, ValueError) as error:
                failures.append(f"{url}: {getattr(error, 'reason', error) or type(error).__name__}")
                continue
            if len(data) > ANSWER_BYTES_MAX:
                raise SeatkeeperError(f"{url} answers with more than {ANSWER_BYTES_MAX >> 20} MiB.", "Ask for fewer days.")
            return data
        raise SeatkeeperError(f"No Reporting Server answers: {'; '.join(failures)}.", "Start it, or mend its url.")


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_Staying())


def _utc(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seconds(text: str) -> int:
    """UTC seconds of a time with or without a zone; without one it is UTC."""
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


class _Peaks:
    """The events of expat as peaks."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        self.found: list[tuple[int, int, int | None]] = []
        self.elements = 0
        # Of each element that is open: its beginning, or that of what holds it; its number's time; its text.
        self._open: list[tuple[str, str, list[str]]] = []

    def _refuse(self, *_args: Any) -> None:
        raise ValueError("it has a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        held = self._open[-1][0] if self._open else ""
        beginning = next((attributes[key] for key in _BEGINNINGS if key in attributes), "")
        # The root's own times are those of the question.
        begins = beginning or held if self._open else ""
        self._open.append((begins, attributes.get("time", ""), []))
        number = next((attributes[key] for key in _NUMBERS if key in attributes), "")
        if begins and number:
            self._tell(begins, number, attributes.get("time", ""))

    def _take(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def _end(self, name: str) -> None:
        begins, time, text = self._open.pop()
        written = "".join(text).strip()
        if begins and written and name.rpartition(":")[2] in _NUMBERS:
            self._tell(begins, written, time)

    def _tell(self, begins: str, number: str, time: str) -> None:
        peak = int(number)
        if peak < 0:
            raise ValueError(f"a peak of {number}")
        self.found.append((_seconds(begins), peak, _seconds(time) if time else None))


def parse_peaks(data: bytes, what: str) -> list[tuple[int, int, int | None]]:
    """Beginning of each stretch, its peak, and the moment of that where it is told, all in UTC seconds.

    Raises:
        SeatkeeperError: It is no XML, or nothing in it is a peak.
    """
    reading = _Peaks()
    try:
        reading.parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise SeatkeeperError(
            f"The answer about {what} cannot be read: {error}.", "Is this a Reporting Server of release 8.1.6 or later?"
        ) from None
    if not reading.found and reading.elements > _EMPTY_ELEMENTS_MAX:
        raise SeatkeeperError(f"The answer about {what} has no peak in it.", "See docs/usage.md for what is read of an answer.")
    return reading.found


#: An answer about a time in which there was nothing has its root and its manifest.
_EMPTY_ELEMENTS_MAX: Final = 20
