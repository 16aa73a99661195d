"""An entitlement file is read as values, or refused with its line; its elements and attributes are those of docs/license-files.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seatkeeper.adapters.xmlform import XmlElement, XmlForm, XmlReader, read_bytes
from seatkeeper.usage.entitlement import LINES_MAX, TEXT_CHARS_MAX, Entitlement, EntitlementLine, Header

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_entitlement", "read_entitlement"]

_FORM: Final = XmlForm(
    "an entitlement file",
    {
        "": ("entitlement",),
        "entitlement": ("header", "items", "signature"),
        "header": ("customer_name", "customer_id", "site_id", "site_address", "site_type"),
        "items": ("item",),
        "item": ("description", "quantity"),
    },
    {
        "entitlement": (("version", "vendor", "issue_date", "valid_from"), ("valid_to",)),
        "item": (("order", "number"), ("measured",)),
        "description": (("release",), ()),
        "quantity": (("burst_limit", "license_type"), ()),
    },
    frozenset({"signature"}),
    frozenset({"item"}),
    3 * LINES_MAX + 100,
    TEXT_CHARS_MAX,
)


def read_entitlement(path: Path) -> tuple[Entitlement, str]:
    """What an entitlement file says, and its signature, which is yet to be checked; empty where it has none.

    Raises:
        InputError: It cannot be read, or is no entitlement file.
    """
    return parse_entitlement(read_bytes(path), str(path))


def parse_entitlement(data: bytes, name: str = "entitlement file") -> tuple[Entitlement, str]:
    """What the bytes of an entitlement file say, and its signature.

    Raises:
        InputError: They are no entitlement file.
    """
    reader = XmlReader(_FORM, name)
    root = reader.read(data)
    if root.attributes["version"] != "1":
        reader.fail("This version of the form is not known.", line=root.line, found=root.attributes["version"], expected="1")
    parts = root.parts()
    header = parts["header"].parts()
    site_type = header["site_type"].text.strip()
    if site_type not in ("single-site", "multi-site"):
        reader.fail("This is no site type.", line=header["site_type"].line, found=site_type, expected="single-site or multi-site")
    end = reader.day(root, "valid_to") if "valid_to" in root.attributes else None
    said = Header(
        header["customer_name"].text.strip(),
        header["customer_id"].text.strip(),
        header["site_id"].text.strip(),
        header["site_address"].text.strip(),
        site_type,  # type: ignore[arg-type]
        reader.day(root, "issue_date"),
        reader.day(root, "valid_from"),
        end,
    )
    lines = tuple(_line(reader, item) for item in parts["items"].children)
    signature = parts["signature"].text.strip() if "signature" in parts else ""
    return Entitlement(root.attributes["vendor"], said, lines), signature


def _line(reader: XmlReader, item: XmlElement) -> EntitlementLine:
    parts = item.parts()
    quantity, described = parts["quantity"], parts["description"]
    kind = quantity.attributes["license_type"]
    if kind not in ("concurrent", "enabled"):
        reader.fail("This is no license type.", line=quantity.line, found=kind, expected="concurrent or enabled")
    return EntitlementLine(
        item.attributes["order"],
        item.attributes["number"],
        described.text.strip(),
        described.attributes["release"],
        reader.number(quantity, quantity.text.strip(), "quantity"),
        reader.number(quantity, quantity.attributes["burst_limit"], "burst limit"),
        kind,  # type: ignore[arg-type]
        item.attributes.get("measured", ""),
    )
