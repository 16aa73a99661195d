"""A license path is walked from its text to a seat, and each step says what it found: the first that fails is the cause.

Theory of operation. The steps stand in the order in which each depends on those before it (client.diagnosis). Of several servers all
are looked at, and as long as one is left, the others' failures are warnings, as an application would go on to the next one. When no
server is left, the walk goes on with what needs none: the files of a license server on this machine. The trial checkout goes along
the whole path, by the client that applications use; what it is told decides from the server's identity on.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.adapters import clock, settings
from seatkeeper.adapters.host import host_facts
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.denials import denial_error
from seatkeeper.client.diagnosis import (
    STEP_OF,
    STEPS,
    Step,
    Want,
    cause_of,
    clock_step,
    identity_step,
    is_good,
    request_steps,
    skipped,
    softened,
    step_of_error,
)
from seatkeeper.client.findings import (
    daemon_step,
    file_step,
    name_step,
    path_step,
    port_step,
    protocol_step,
    wrong_path_step,
)
from seatkeeper.client.path import Address, Chosen, addresses_of, vendor_variable
from seatkeeper.sdk.admin import pools, server_status
from seatkeeper.sdk.premises import hostid_steps, is_server, local_files, served_files, signature_steps
from seatkeeper.sdk.probe import PORT_S, Trials, look_up, try_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatkeeper.client.diagnosis import Trial
    from seatkeeper.client.path import Entry
    from seatkeeper.sdk.premises import LocalFile
    from seatkeeper.wire.messages import PoolStatus, ServerStatus

__all__ = ["ASK_S", "FEATURES_MAX", "Question", "walk"]

#: How long a license server may take for each answer.
ASK_S: Final = 10.0
#: Features that are tried where none is named.
FEATURES_MAX: Final = 1000


class Question(msgspec.Struct, frozen=True):
    """What is to be found out: whether a checkout of `feature` (empty: of each feature) would work along `path`."""

    path: str | None = None
    vendor: str = "genesys.d"
    feature: str = ""
    version: str = ""
    count: int = 1


def walk(question: Question, tell: Callable[[str], None] = lambda doing: None) -> Iterator[Step]:
    """The steps as they are found, in their order; `tell` is called with what takes its time now."""
    return _Walk(question, tell).steps()


class _Walk:
    """One walk along one path."""

    def __init__(self, question: Question, tell: Callable[[str], None]) -> None:
        self._question = question
        self._tell = tell
        self._entries: tuple[Entry, ...] = ()
        self._servers = settings.Servers()
        self._files: list[LocalFile] = []
        # The addresses of the path's servers that have not failed yet, in its order.
        self._alive: list[Address] = []
        self._statuses: dict[Address, ServerStatus] = {}
        self._resolved: dict[str, tuple[str, ...]] = {}

    def steps(self) -> Iterator[Step]:
        """All steps, each as soon as it is found."""
        for stage in (self._path, self._places, self._names, self._ports, self._protocol):
            try:
                found = list(stage())
            except InputError as error:
                yield from self._unusable(error)
                return
            yield from found
            if cause_of(found) is not None:
                yield from self._without_server(STEPS[STEPS.index(found[0].name) + 1 :])
                return
        daemons = self._daemons()
        yield from (step for step in daemons if step.name == "ports")
        daemons = [step for step in daemons if step.name == "daemon"]
        if cause_of(daemons) is not None:
            yield from skipped(("clock",))
            yield from daemons
            yield from self._without_server(STEPS[STEPS.index("hostid") :])
            return
        yield from self._tried(daemons)

    # Path and files -----------------------------------------------------------------------------------------------------------

    def _path(self) -> Iterator[Step]:
        question = self._question
        try:
            chosen, self._entries = settings.find_path(question.path, None, question.vendor)
        except InputError as error:
            yield wrong_path_step(error)
            return
        variables = (vendor_variable(question.vendor), "LM_LICENSE_FILE")
        unused = [Chosen(text, name) for name in variables if (text := os.environ.get(name)) and (chosen is None or name != chosen.origin)]
        yield path_step(chosen, self._entries, question.vendor, unused)

    def _places(self) -> Iterator[Step]:
        vendor = self._question.vendor
        self._servers = settings.find_servers(self._entries, vendor)
        self._files = local_files(self._entries)
        self._alive = list(dict.fromkeys(address for _, addresses in self._servers.found for address in addresses))
        found: list[Step] = []
        for file in self._files:
            try:
                found.append(file_step(str(file.path), addresses_of(file.parsed.file, str(file.path), vendor), None))
            except LicenseError as error:
                found.append(file_step(str(file.path), (), error))
        told = {step.place for step in found}
        for denial in self._servers.failures:
            if denial.server not in told:
                found.append(file_step(denial.server, (), denial_error("", (), (denial,))))
        yield from softened(found, others=bool(self._alive))
        if not found:
            yield Step("files", "ok", "The path names servers; no license file is read here.")

    # Network ------------------------------------------------------------------------------------------------------------------

    def _names(self) -> list[Step]:
        found: list[Step] = []
        for host in dict.fromkeys(address.host for address in self._alive):
            self._tell(f"Looking up {host}")
            lookup = look_up(host)
            self._resolved[host] = lookup.addresses
            found.append(name_step(lookup))
        self._alive = [address for address in self._alive if self._resolved[address.host]]
        return softened(found)

    def _ports(self) -> list[Step]:
        found: list[Step] = []
        for address in list(self._alive):
            self._tell(f"Connecting to {address}")
            probe = try_port(address, PORT_S)
            found.append(port_step(probe))
            if probe.state != "open":
                self._alive.remove(address)
        return softened(found)

    def _protocol(self) -> list[Step]:
        found: list[Step] = []
        for address in self._alive:
            self._tell(f"Asking {address}")
            try:
                status = self._statuses[address] = server_status(address.host, address.port, ASK_S)
                found.append(protocol_step(address, status, None))
            except LicenseError as error:
                found.append(protocol_step(address, None, error))
        self._alive = list(self._statuses)
        return softened(found)

    def _daemons(self) -> list[Step]:
        """Steps about the vendor daemons, and about their own ports where those cannot be reached."""
        vendor = self._question.vendor
        found = [daemon_step(vendor, self._statuses[address], str(address)) for address in self._alive]
        self._alive = [address for address, step in zip(self._alive, found, strict=True) if step.state != "failed"]
        found = softened(found)
        for address in self._alive:
            port = next((daemon.port for daemon in self._statuses[address].daemons if daemon.name.lower() == vendor.lower()), 0)
            if port and port != address.port:
                self._tell(f"Connecting to port {port} of {address.host}")
                found.append(port_step(try_port(Address(address.host, port), PORT_S), vendor))
        return found

    def _without_server(self, names: tuple[str, ...]) -> Iterator[Step]:
        """The steps of these names: what can be looked at on this machine, and that the others were not reached."""
        facts = host_facts(resolve=False)
        files = self._files
        if is_server(facts, self._resolved, self._statuses):
            files = served_files(files, self._statuses.values())
        local = hostid_steps(files, facts, granted=False) + signature_steps(
            files, self._question.vendor, self._question.feature, granted=False
        )
        for name in STEPS:
            if name in names:
                yield from [step for step in local if step.name == name] or skipped((name,))

    def _unusable(self, error: InputError) -> Iterator[Step]:
        """The steps from the protocol on where nobody can be asked, as a variable that says whom to believe or who asks is no good."""
        at = STEPS.index("identity")
        yield from self._without_server(STEPS[STEPS.index("protocol") : at])
        yield _unusable_step(error)
        yield from skipped(STEPS[at + 1 :])

    # Trial --------------------------------------------------------------------------------------------------------------------

    def _tried(self, daemons: list[Step]) -> Iterator[Step]:
        """Everything from the clock on, by trial checkouts; `daemons` are the steps about the vendor daemons, all well."""
        question = self._question
        served = self._pools("")
        # A pool without an expiry is what is still held of a feature that is gone.
        names = list(dict.fromkeys(pool.feature for pool in served if pool.expiry or not pool.version))
        # Lines that are refused, and those that are over, are in the status, and nobody can have them.
        good = list(dict.fromkeys(pool.feature for pool in served if pool.version and pool.expiry and is_good(pool, clock.today())))
        wanted = [question.feature] if question.feature else names[:FEATURES_MAX]
        trials: list[Trial] = []
        try:
            with Trials(question.path, question.vendor, "seatkeeper diagnose") as client:
                for feature in wanted:
                    self._tell(f"Trying a checkout of {feature}")
                    seen = any(trial.skew_s is not None for trial in trials)
                    trials.append(client.attempt(Want(feature, question.version, question.count), clock_too=not seen))
        except InputError as error:
            yield from daemons
            yield _unusable_step(error)
            return
        if not trials:
            yield from daemons
            yield Step("feature", "failed", "The vendor daemon serves no feature, so there is nothing to check out.", "", -5, 222)
            return
        held = self._pools(question.feature)
        yield from self._of_the_server(daemons, trials, held)
        for trial in trials:
            mine = [pool for pool in held if pool.feature.lower() == trial.want.feature.lower()]
            steps = request_steps(trial, mine, good, clock.today(), _local_time)
            yield from steps if question.feature else [_of_one(trial, steps)]
        if not question.feature and len(names) > FEATURES_MAX:
            yield Step("checkout", "skipped", f"{len(names) - FEATURES_MAX} more features were not tried; name one with --feature.")

    def _of_the_server(self, daemons: list[Step], trials: list[Trial], held: list[PoolStatus]) -> Iterator[Step]:
        """From the clock to the server's identity, which all features share."""
        question = self._question
        best = next((trial for trial in trials if trial.error is None), trials[0])
        facts = host_facts(resolve=False)
        here = is_server(facts, self._resolved, self._statuses)
        mine = [pool for pool in held if pool.feature.lower() == best.want.feature.lower()]
        yield clock_step(best, mine, here=here, now=clock.now(), today=clock.today())
        error = best.error
        about = STEP_OF.get(error.number) if error is not None else None
        yield from [step_of_error("daemon", error)] if error is not None and about == "daemon" else daemons
        files = served_files(self._files, self._statuses.values()) if here else self._files
        if error is not None and about == "hostid":
            yield step_of_error("hostid", error, best.want.feature)
        else:
            yield from hostid_steps(files, facts, granted=error is None)
        self._tell("Verifying license files")
        yield from signature_steps(files, question.vendor, question.feature, granted=error is None)
        pinned, origin = self._root()
        yield identity_step(best, pinned=pinned, root=origin)

    def _pools(self, feature: str) -> list[PoolStatus]:
        """The pools that the servers of the path show; none where they do not."""
        found: list[PoolStatus] = []
        for address in self._alive:
            try:
                found += pools(address.host, address.port, self._question.vendor, feature, ASK_S)
            except LicenseError:
                continue
        return found

    def _root(self) -> tuple[bool, str]:
        """Whether a client here can check a server's proof, and the root key from where."""
        if os.environ.get(settings.ROOT_VARIABLE):
            return True, settings.ROOT_VARIABLE
        found = settings.read_trust(self._question.vendor, self._servers.places)
        return (True, found[0]) if found is not None else (False, "")


def _unusable_step(error: InputError) -> Step:
    """The step that fails by a root key, a trust file, an access token or the like that cannot be used."""
    remedy = error.remedy or "Correct the variable that is named, or the file that it names."
    if settings.ROOT_VARIABLE in error.file:
        remedy = f"Correct {settings.ROOT_VARIABLE}: 64 hex digits, or the name of a file with the vendor's root public key."
    return Step("identity", "failed", str(error), "", -33 if settings.ROOT_VARIABLE in error.file else -42, 0, remedy)


def _of_one(trial: Trial, steps: list[Step]) -> Step:
    """Of all steps about one feature, the one that says how it went."""
    if trial.error is not None:
        return cause_of(steps) or step_of_error(STEP_OF.get(trial.error.number, "checkout"), trial.error, trial.want.feature)
    return next((step for step in steps if step.state == "warning"), steps[-1])


def _local_time(since: float) -> str:
    try:
        return datetime.fromtimestamp(since).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
