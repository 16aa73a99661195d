"""A key ceremony runs from one file and leaves one transcript; where it breaks off, nothing exists or the transcript names all that does.

Whatever can be refused is refused before the first step: the plan, the passphrases, the PINs, the root key. Each step is one of
`adapters.keys`, which is done or leaves nothing. The transcript is on the disk before each step and after it, signed by the root as
soon as there is one, so that even a power cut leaves a page that says how far it came.

A rehearsal takes every step with keys that are thrown away, in a directory that goes with them; in tokens under labels of their own,
so that PINs and mechanisms are tried out. Its transcript says that it is one.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from seatkeeper import __version__
from seatkeeper.adapters import keys as store
from seatkeeper.adapters.keyplaces import KINDS, KeyKind, Passphrases, find_key, open_key
from seatkeeper.adapters.secretsource import read_secret
from seatkeeper.adapters.tokens import TokenKey, is_token, parse_uri, with_label
from seatkeeper.base.dates import format_date
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.issue.transcript import MadeFile, StepTaken, Transcript, sign_transcript
from seatkeeper.licfile.trust import key_id, sign_trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from seatkeeper.issue.ceremony_plan import Plan, Step
    from seatkeeper.licfile.trust import Trust

__all__ = ["hold_ceremony"]

_OWN_SUFFIXES: Final = (".key", ".token", ".pub", ".trust")


def hold_ceremony(
    plan: Plan,
    name: str,
    digest: str,
    output: Path,
    *,
    now: Callable[[], float],
    today: date,
    rehearse: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Transcript:
    """The transcript, as it is in `output`, of a ceremony that went as planned.

    Args:
        plan: What is to be done.
        name: The plan's file, for the transcript.
        digest: The SHA-256 of that file.
        output: Where the transcript is to be; nothing may be there.
        now: The wall clock.
        today: The day that is signed into the trust file.
        rehearse: Use keys that are thrown away.
        say: Is told what is being done.

    Raises:
        SeatkeeperError: It was broken off; the message says what exists.
    """
    if output.exists() or not output.parent.is_dir():
        problem = "There is a file already." if output.exists() else "There is no such directory."
        raise InputError(problem, file=str(output), remedy="Name another place for the transcript.")
    if plan.makes_vendor:
        # A rehearsal must not end well where the ceremony itself could not begin.
        store.check_empty(Path(plan.keys))
    transcript = Transcript(
        rehearsal=rehearse,
        vendor=plan.vendor,
        place=plan.place,
        operator=plan.operator,
        witnesses=plan.witnesses,
        plan=name,
        plan_sha256=digest,
        program=f"seatkeeper {__version__}",
        begun=_stamp(now()),
    )
    passphrases = _passphrases(plan)
    with _stage(plan, passphrases, today, rehearse=rehearse) as stage:
        ceremony = _Ceremony(plan, stage, passphrases, output, transcript, now, today, say)
        return ceremony.run()


class _Stage(msgspec.Struct, frozen=True):
    """Where the ceremony takes place: the real directory, or one that goes away.

    Attributes:
        keys: The directory of the keys.
        root: Where the root key is or is to be.
        label: What is added to the labels of keys in tokens; empty where they are meant to stay.
        files: Each directory that the steps write to -> how the transcript calls it.
    """

    keys: Path
    root: str | Path | None
    label: str
    files: dict[Path, str]

    def token(self, uri: str) -> str:
        """The URI under which a new key is made."""
        return with_label(uri, f"{parse_uri(uri).object}-{self.label}") if uri and self.label else uri


class _Ceremony:
    """One run."""

    def __init__(
        self,
        plan: Plan,
        stage: _Stage,
        passphrases: Passphrases,
        output: Path,
        transcript: Transcript,
        now: Callable[[], float],
        today: date,
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._stage, self._passphrases, self._output = plan, stage, passphrases, output
        self._transcript, self._now, self._today, self._say = transcript, now, today, say
        self._root: Ed25519PrivateKey | None = None

    def run(self) -> Transcript:
        plan, stage = self._plan, self._stage
        if not plan.makes_vendor:
            _, trust = store.load_trust(stage.keys)
            if trust.vendor != plan.vendor:
                raise InputError("These are another vendor's keys.", file=str(stage.keys), found=trust.vendor, expected=plan.vendor)
            for step in plan.steps:
                if step.do == "revoke":
                    store.known_issuer(trust, step.issuer)
            self._know_root(trust)
        taken: list[StepTaken] = []
        for number, step in enumerate(plan.steps, 1):
            before = self._snapshot()
            begun = StepTaken(step.do, _stamp(self._now()))
            self._write(steps=(*taken, begun))
            try:
                done = self._take(step, begun)
            except BaseException as error:
                self._break_off(taken, begun, before, number, error)
                raise
            taken.append(msgspec.structs.replace(done, ended=_stamp(self._now()), files=self._changed(before)))
            self._write(steps=tuple(taken))
        self._write(ended=_stamp(self._now()))
        return self._transcript

    def _take(self, step: Step, begun: StepTaken) -> StepTaken:
        """What the step did; on an error it did nothing."""
        keys, today, words = self._stage.keys, self._today, self._passphrases
        days = step.days if step.days is not None else store.ISSUER_DAYS
        if step.do == "init":
            more: dict[str, Any] = {"seats_max": step.seats_max} if step.seats_max is not None else {}
            kinds: tuple[KeyKind, ...] = ("issuer", "daemon")
            tokens = {kind: self._stage.token(self._plan.of(kind).where) for kind in kinds}
            trust = store.init_vendor(
                keys,
                self._plan.vendor,
                passphrase=words,
                today=today,
                version_rule=step.version_rule,
                days=days,
                start=step.start,
                root=self._stage.root,
                tokens={kind: uri for kind, uri in tokens.items() if uri},
                **more,
            )
            self._know_root(trust)
            return self._issuer_made(begun, trust, trust)
        _, before = store.load_trust(keys)
        if step.do == "revoke":
            wanted = store.known_issuer(before, step.issuer)
            on = step.on or today
            trust = store.revoke(keys, wanted.id, on=on, reason=step.reason, passphrase=words, today=today, root=self._stage.root)
            self._say(f"The issuer {wanted.id} is revoked as of {format_date(on)}.")
            return msgspec.structs.replace(
                begun, key=wanted.id, kind="issuer", public_key=wanted.public_key, revoked_on=on, reason=step.reason, serial=trust.serial
            )
        token = self._stage.token(step.where or self._plan.of("daemon" if step.daemon else "issuer").where)
        trust = store.rotate(
            keys,
            passphrase=words,
            today=today,
            daemon=step.daemon,
            root=self._stage.root,
            days=days,
            start=step.start,
            overlap=step.overlap,
            token=token,
        )
        if not step.daemon:
            return self._issuer_made(begun, trust, before)
        certificate = x509.load_pem_x509_certificate(trust.daemon_certificate.encode())
        public = certificate.public_key()
        raw = public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else b""
        self._say("The vendor daemon's key is new: each license server needs a new credential.")
        return msgspec.structs.replace(begun, key=key_id(raw), kind="daemon", public_key=raw.hex(), where=token, serial=trust.serial)

    def _issuer_made(self, begun: StepTaken, trust: Trust, before: Trust) -> StepTaken:
        issuer = trust.issuers[-1]
        place = find_key(self._stage.keys, f"issuer-{issuer.id}")
        where = place.read_text("utf-8").strip() if place is not None and place.suffix == ".token" else ""
        self._say(f"The issuer {issuer.id} may sign from {format_date(issuer.not_before)} to {format_date(issuer.not_after)}.")
        return msgspec.structs.replace(
            begun,
            key=issuer.id,
            kind="issuer",
            public_key=issuer.public_key,
            where=where,
            not_before=issuer.not_before,
            not_after=issuer.not_after,
            ends={each.id: each.not_after for each in trust.issuers[:-1] if before.issuer(each.id) != each},
            serial=trust.serial,
        )

    def _know_root(self, trust: Trust) -> None:
        self._root = store.open_root(self._stage.keys, trust, self._stage.root, passphrase=self._passphrases)
        token = self._root.uri.text if isinstance(self._root, TokenKey) else ""
        self._transcript = msgspec.structs.replace(self._transcript, root=trust.root, root_where=token)
        self._say(f"The root public key is {trust.root}.")

    def _break_off(self, taken: list[StepTaken], begun: StepTaken, before: dict[str, str], number: int, error: BaseException) -> None:
        """Takes the transcript away where nothing was made, and otherwise lets it say what exists; raises that as an error."""
        left = self._changed(before)
        why = str(error) if isinstance(error, SeatkeeperError) else type(error).__name__
        if not taken and not left:
            self._output.unlink(missing_ok=True)
            if isinstance(error, SeatkeeperError):
                raise SeatkeeperError(f"The ceremony was broken off in step 1 ({begun.do}): {why}", "Nothing was made.") from None
            return
        steps = (*taken, msgspec.structs.replace(begun, files=left))
        self._write(steps=steps, broken_off=f"step {number} ({begun.do}): {why}")
        if isinstance(error, SeatkeeperError):
            files = ", ".join(dict.fromkeys(file.path for step in steps for file in step.files))
            done = f"{len(taken)} of {len(self._plan.steps)} steps were done"
            remedy = f"{done} and hold, and the transcript {self._output} says so. They made or changed: {files}."
            if self._stage.label:
                remedy = f"It was a rehearsal, so nothing exists but its transcript, {self._output}."
            raise SeatkeeperError(f"The ceremony was broken off in step {number} ({begun.do}): {why}", remedy) from None

    def _write(self, **changes: Any) -> None:
        self._transcript = msgspec.structs.replace(self._transcript, **changes)
        text = sign_transcript(self._transcript, self._root)
        store.write_file(self._output, text.encode(), private=False, replace=True)

    def _snapshot(self) -> dict[str, str]:
        """The files of keys that are there, as the transcript calls them, and the SHA-256 of each."""
        found = {}
        for directory, shown in self._stage.files.items():
            for path in sorted(directory.iterdir()) if directory.is_dir() else ():
                if path.suffix in _OWN_SUFFIXES and path.is_file() and not path.name.startswith("."):
                    found[str(Path(shown) / path.name)] = sha256(path.read_bytes()).hexdigest()
        return found

    def _changed(self, before: dict[str, str]) -> tuple[MadeFile, ...]:
        return tuple(MadeFile(path, digest) for path, digest in self._snapshot().items() if before.get(path) != digest)


def _passphrases(plan: Plan) -> Passphrases:
    """What the plan's sources give; a new one is asked twice."""
    does = {step.do for step in plan.steps}
    new: set[KeyKind] = {"root", "issuer", "daemon"} if plan.makes_vendor else set()
    if "rotate" in does:
        new |= {"daemon" if step.daemon else "issuer" for step in plan.steps if step.do == "rotate"}
    found = {
        kind: read_secret(source, f"the {kind} key", name=f"{kind}.passphrase", new=kind in new)
        for kind in KINDS
        if (kind == "root" or kind in new) and (source := plan.of(kind).passphrase)
    }
    return Passphrases(**found)


@contextmanager
def _stage(plan: Plan, passphrases: Passphrases, today: date, *, rehearse: bool) -> Iterator[_Stage]:
    where = plan.root.where
    root: str | Path | None = (where if is_token(where) else Path(where)) if where else None
    keys = Path(plan.keys)
    shown = {keys: plan.keys}
    if isinstance(root, Path):
        shown.setdefault(root if root.is_dir() else root.parent, str(root if root.is_dir() else root.parent))
    if not rehearse:
        yield _Stage(keys, root, "", shown)
        return
    with tempfile.TemporaryDirectory(prefix="seatkeeper-rehearsal-") as made:
        aside = Path(made) / "keys"
        label = f"rehearsal-{Path(made).name.rpartition('-')[2]}"
        # An existing root key in a token has no part in a rehearsal; a new one is made beside where it will be.
        token = with_label(root, f"{parse_uri(root).object}-{label}") if isinstance(root, str) and plan.makes_vendor else None
        stage = _Stage(aside, token, label, {aside: plan.keys})
        try:
            if not plan.makes_vendor:
                _, real = store.load_trust(keys)
                # The real issuers, so that the steps find them, under a root that nobody pins.
                own = store.init_vendor(aside, plan.vendor, passphrase=passphrases, today=today, simulation=True)
                stand_in = msgspec.structs.replace(real, root=own.root, daemon_certificate=own.daemon_certificate)
                text = sign_trust(stand_in, store.load_root(aside, passphrase=passphrases))
                store.write_file(aside / f"{plan.vendor}.trust", text.encode(), private=False, replace=True)
            yield stage
        finally:
            for path in aside.glob("*.token"):
                with suppress(InputError):
                    key = open_key(path, None)
                    if isinstance(key, TokenKey):
                        key.destroy()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
