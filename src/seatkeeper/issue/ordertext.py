"""An order that the desk made can be read like one that a customer wrote: as TOML, with every field that says more than its default.

The keys are those of `seatkeeper order template`; what is read from the text again is the same order.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from seatkeeper.base.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatkeeper.issue.model import Order

__all__ = ["order_text"]

#: Pairs of these fields are written as a table within a table.
_PAIRS = frozenset({"attributes", "quantities", "instances_of"})

#: Numbers of the environment that follow the applications where an order does not say them.
_COUNTED = ("sites", "network_tservers", "ivr_servers")


def order_text(order: Order, *, remarks: Iterable[str] = ()) -> str:
    """`order` as TOML.

    Args:
        order: The order.
        remarks: Lines to stand above it, as comments.
    """
    # A character that TOML does not allow in comments would make all of it unreadable.
    plain = ("".join(char if char.isprintable() else " " for char in remark) for remark in remarks)
    blocks = ["".join(f"# {' '.join(remark.split())}\n" for remark in plain)]
    # Who says nothing of the deployment is asked whether it was forgotten.
    blocks.append(_table("[order]", {**_fields(order.terms), "deployment": order.terms.deployment}))
    for name, structs in (("items", order.items), ("licenses", order.licenses)):
        blocks += [_table(f"[[{name}]]", _fields(each)) for each in structs]
    environment = {name: value for name, value in _fields(order.environment).items() if name not in {"deployment", "instances_of"}}
    if order.applications:
        # What is not said is counted from them, so that even the usual number must be said here.
        environment |= {name: getattr(order.environment, name) for name in _COUNTED}
    blocks.append(_table("[environment]", environment) if environment else "")
    for name, others in (("applications", order.applications), ("switches", order.switches), ("servers", order.servers)):
        blocks += [_table(f"[[{name}]]", _fields(each)) for each in others]
    return "\n".join(block for block in blocks if block)


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    """Name and value of each field that is not as it would be anyway."""
    fields = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.default is msgspec.NODEFAULT or value != field.default:
            fields[field.name] = dict(value) if field.name in _PAIRS else value
    return fields


def _table(head: str, fields: Mapping[str, Any]) -> str:
    return "\n".join([head, *(f"{name} = {_value(value)}" for name, value in fields.items())]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return '"permanent"' if value == NEVER else value.isoformat()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, for anything that can be printed.
    return json.dumps(text, ensure_ascii=False)
