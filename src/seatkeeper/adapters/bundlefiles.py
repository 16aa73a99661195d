"""A file of bundles is read as values, or refused with its line; its elements are License Reporting Manager's (facts, LRM 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from seatkeeper.adapters.xmlform import XmlElement, XmlForm, XmlReader
from seatkeeper.usage.bundles import BUNDLES_MAX, Bundle, BundleItem, BundleSet
from seatkeeper.usage.entitlement import TEXT_CHARS_MAX

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["parse_bundles"]

_FORM: Final = XmlForm(
    "a file of bundles",
    {
        "": ("lrm_bundle_set",),
        "lrm_bundle_set": ("header", "bundle"),
        "header": ("name", "description"),
        "bundle": ("header", "include_items", "exclude_items"),
        "include_items": ("sellable_item",),
        "exclude_items": ("sellable_item",),
    },
    {
        "lrm_bundle_set": (("id", "issue_date", "valid_from", "valid_to"), ()),
        "bundle": (("id",), ()),
        "sellable_item": (("item",), ("license_type",)),
    },
    frozenset({"exclude_items", "description"}),
    frozenset({"bundle", "sellable_item"}),
    100 * BUNDLES_MAX,
    TEXT_CHARS_MAX,
)
_TYPES: Final = ("concurrent", "enabled")


def parse_bundles(data: bytes, name: str) -> BundleSet:
    """What the bytes of a file of bundles say.

    Raises:
        InputError: They are no file of bundles.
    """
    reader = XmlReader(_FORM, name)
    root = reader.read(data)
    bundles = [child for child in root.children if child.name == "bundle"]
    if len(bundles) > BUNDLES_MAX:
        reader.fail("These are too many bundles.", line=root.line, found=str(len(bundles)), expected=f"at most {BUNDLES_MAX}")
    title, description = _header(root)
    return BundleSet(
        reader.number(root, root.attributes["id"], "id"),
        title,
        description,
        reader.day(root, "issue_date"),
        reader.day(root, "valid_from"),
        reader.day(root, "valid_to"),
        tuple(_bundle(reader, bundle) for bundle in bundles),
    )


def _header(element: XmlElement) -> tuple[str, str]:
    parts = element.parts()["header"].parts()
    return parts["name"].text.strip(), parts["description"].text.strip() if "description" in parts else ""


def _bundle(reader: XmlReader, element: XmlElement) -> Bundle:
    parts = element.parts()
    title, description = _header(element)
    include = tuple(_item(reader, each) for each in parts["include_items"].children)
    exclude = tuple(_item(reader, each) for each in parts["exclude_items"].children) if "exclude_items" in parts else ()
    return Bundle(reader.number(element, element.attributes["id"], "id"), title, description, include, exclude)


def _item(reader: XmlReader, element: XmlElement) -> BundleItem:
    kind = element.attributes.get("license_type", "")
    if kind and kind not in _TYPES:
        reader.fail("This is no license type.", line=element.line, found=kind, expected=" or ".join(_TYPES))
    return BundleItem(element.attributes["item"], cast('Literal["", "concurrent", "enabled"]', kind))
