"""A key ceremony is written down whole before it begins: who, where, which keys, which steps; what cannot be done is refused beforehand.

One TOML file. Paths in it are meant from the directory in which it lies.
"""

from __future__ import annotations

import tomllib
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from seatkeeper.adapters.keyplaces import KINDS, KeyKind
from seatkeeper.adapters.secretsource import check_source
from seatkeeper.adapters.tokens import is_token, parse_uri
from seatkeeper.base.errors import InputError
from seatkeeper.base.values import VersionRule

__all__ = ["PLAN_BYTES_MAX", "STEPS_MAX", "KeyPlan", "Plan", "Step", "parse_plan", "read_plan"]

PLAN_BYTES_MAX: Final = 1024 * 1024
STEPS_MAX: Final = 100

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class KeyPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the keys of one kind are, or are to be made, and what opens them.

    Attributes:
        where: The URI of a key in a token; for the root key also a directory or file. Empty for the directory of the keys.
        passphrase: Where its passphrase is read; empty for none.
    """

    where: str = ""
    passphrase: str = ""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """One act of the root key.

    Attributes:
        do: What.
        days: How long the new issuer key may sign; None for the usual time.
        start: The first day on which it may; today by default.
        overlap: rotate: how many days longer the old one may sign.
        daemon: rotate: replace the vendor daemon's key instead.
        where: rotate: the URI of the new key, where it is not that of its kind.
        issuer: revoke: the key id.
        on: revoke: the first day on which its signatures are refused; today by default.
        reason: revoke: why.
        version_rule: init: by which rule a license's version meets a request's.
        seats_max: init: how many seats of one feature a client may hold; None for the usual number.
    """

    do: Literal["init", "rotate", "revoke"]
    days: int | None = None
    start: date | None = None
    overlap: Annotated[int, msgspec.Meta(ge=0, le=36500)] = 0
    daemon: bool = False
    where: str = ""
    issuer: str = ""
    on: date | None = None
    reason: str = ""
    version_rule: VersionRule | None = None
    seats_max: Annotated[int, msgspec.Meta(ge=1)] | None = None


#: Which keys a step may have beside `do`.
_FIELDS: Final = {
    "init": {"days", "from", "version_rule", "seats_max"},
    "rotate": {"days", "from", "overlap", "daemon", "where"},
    "revoke": {"issuer", "on", "reason"},
}


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ceremony as it is to be.

    Attributes:
        vendor: The vendor daemon's name.
        keys: The directory of the keys.
        operator: Who gives the commands.
        steps: What is to be done, in this order.
        witnesses: Who sees it.
        place: Where.
        root: The root key.
        issuer: The issuer keys.
        daemon: The vendor daemon's key.
    """

    vendor: _Text
    keys: _Text
    operator: _Text
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=STEPS_MAX)]
    witnesses: tuple[_Text, ...] = ()
    place: str = ""
    root: KeyPlan = KeyPlan()
    issuer: KeyPlan = KeyPlan()
    daemon: KeyPlan = KeyPlan()

    @property
    def makes_vendor(self) -> bool:
        """True where the keys are made for the first time."""
        return self.steps[0].do == "init"

    def of(self, kind: KeyKind) -> KeyPlan:
        """Where the keys of that kind are."""
        return {"root": self.root, "issuer": self.issuer, "daemon": self.daemon}[kind]


def read_plan(path: Path) -> tuple[Plan, str]:
    """The plan in a file, and the SHA-256 of the file.

    Raises:
        InputError: It cannot be read, or as for `parse_plan`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(PLAN_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"This file cannot be read: {error.strerror}.", file=str(path)) from None
    if len(data) > PLAN_BYTES_MAX:
        raise InputError(f"This file is larger than {PLAN_BYTES_MAX} bytes.", file=str(path))
    return parse_plan(data, str(path), path.parent), sha256(data).hexdigest()


def parse_plan(data: bytes, name: str, base: Path) -> Plan:
    """The plan that a config file says, with its paths made whole from the directory `base`.

    Raises:
        InputError: It is no TOML, a key is unknown or missing, or a step cannot be meant so.
    """
    try:
        given = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise InputError("This file is not UTF-8.", file=name) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"This is not TOML: {error}.", file=name) from None
    try:
        plan = msgspec.convert(given, Plan)
    except msgspec.ValidationError as error:
        raise InputError(f"This plan of a ceremony cannot be followed: {error}.", file=name, remedy="docs/keys.md shows one.") from None
    for number, (step, raw) in enumerate(zip(plan.steps, given["steps"], strict=True), 1):
        strange = sorted(set(raw) - {"do"} - _FIELDS[step.do])
        place = f"step {number} ({step.do})"
        if strange:
            raise InputError(f"{place} has no {strange[0]}.", file=name, expected=", ".join(sorted(_FIELDS[step.do])))
        if step.do == "init" and number > 1:
            raise InputError(f"{place} must be the first one: keys are made once.", file=name)
        if step.do == "revoke" and not step.issuer:
            raise InputError(f"{place} does not say which issuer.", file=name, expected='issuer = "KEY ID"')
        _check_where(step.where, f"{place}.where", name, tokens_only=True)
    for kind in KINDS:
        key = plan.of(kind)
        _check_where(key.where, f"{kind}.where", name, tokens_only=kind != "root")
        if key.passphrase:
            check_source(key.passphrase, name=f"{name}: {kind}.passphrase")
    root = plan.root.where if not plan.root.where or is_token(plan.root.where) else str(base / plan.root.where)
    changes = {kind: msgspec.structs.replace(plan.of(kind), passphrase=_whole(plan.of(kind).passphrase, base)) for kind in KINDS}
    changes["root"] = msgspec.structs.replace(changes["root"], where=root)
    return msgspec.structs.replace(plan, keys=str(base / plan.keys), **changes)


def _check_where(where: str, place: str, name: str, *, tokens_only: bool) -> None:
    if is_token(where):
        try:
            parse_uri(where)
        except InputError as error:
            raise InputError(
                f"{place}: {error.message}", file=name, found=error.found, expected=error.expected, remedy=error.remedy
            ) from None
    elif where and tokens_only:
        remedy = "These keys lie in the directory of the keys, or in a token."
        raise InputError(f"{place} does not name a key in a token.", file=name, expected="pkcs11:...", remedy=remedy)


def _whole(source: str, base: Path) -> str:
    kind, _, rest = source.partition(":")
    return f"file:{base / rest}" if kind == "file" else source
