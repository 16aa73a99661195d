"""A catalog that passes here holds together: every name is unique, every license named is known, every rule is one.

What a single value may look like is checked where the files are read (`adapters.catalogs`); here stands what concerns
several values. Keys are the paths that an author finds in the files: `products[3].licenses[0].feature`, from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.catalog.model import PURPOSES, Application, ApplicationLicense, Catalog, Product, ProductLicense, folded
from seatkeeper.licfile.grammar import attribute_of, forbidden_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CatalogProblem", "may_be_asked", "problems", "value_fault"]

#: What issuing writes on every line by itself, or what is about other lines.
_WRITTEN: Final = frozenset({"AUTH", "ISSUED", "ISSUER", "NOTICE", "SN", "SUPERSEDE", "VENDOR_STRING"})
_ASKABLE: Final = "an attribute that a vendor grants on FEATURE lines, in capitals, such as BORROW"
_VALUE_CHARS_MAX: Final = 200


class CatalogProblem(msgspec.Struct, frozen=True):
    """One thing that keeps a catalog from being used: in which file, under which key, and why."""

    file: str
    key: str
    reason: str
    found: str
    expected: str


def problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    """Everything that is wrong between the values of a catalog; nothing for a good one."""
    yield from _vendor_problems(catalog)
    yield from _technical_problems(catalog)
    yield from _repeated("products.toml", "products", "name", [product.name for product in catalog.products])
    yield from _repeated("products.toml", "products", "part", [product.part for product in catalog.products])
    yield from _part_problems(catalog)
    yield from _license_problems(catalog, "products.toml", "products", catalog.products)
    yield from _repeated("applications.toml", "applications", "name", [application.name for application in catalog.applications])
    yield from _license_problems(catalog, "applications.toml", "applications", catalog.applications)
    yield from _repeated("lrm.toml", "items", "name", [item.name for item in catalog.measured])
    yield from _measured_problems(catalog)


def may_be_asked(name: str) -> bool:
    """True for an attribute that an order could ask for: one that the vendor grants on FEATURE lines and issuing does not write itself."""
    known = attribute_of(name)
    return (
        known is not None
        and known.name == name
        and known.owner == "vendor"
        and "FEATURE" in known.lines
        and known.value != "none"
        and not known.is_signature
        and name not in _WRITTEN
    )


def value_fault(name: str, value: str) -> str:
    """What the attribute of that name takes, where that is not `value`; empty for a good one."""
    known = attribute_of(name)
    if known is None or not value or forbidden_at(value) >= 0 or '"' in value or "\\" in value or len(value) > _VALUE_CHARS_MAX:
        return f"a text of 1 to {_VALUE_CHARS_MAX} characters, in quotes and without quotes in it"
    try:
        if known.check is not None:
            known.check(value)
    except ValueError as error:
        return str(error)
    return ""


def _vendor_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    yield from _repeated("vendor.toml", "purposes", "name", [purpose.name for purpose in catalog.vendor.purposes])
    for index, purpose in enumerate(catalog.vendor.purposes):
        if purpose.name not in PURPOSES:
            yield CatalogProblem(
                "vendor.toml", f"purposes[{index}].name", "Orders have no such purpose.", purpose.name, ", ".join(PURPOSES)
            )
        if forbidden_at(purpose.marks) >= 0 or '"' in purpose.marks or "\\" in purpose.marks:
            yield CatalogProblem(
                "vendor.toml",
                f"purposes[{index}].marks",
                "This cannot stand in a license file.",
                purpose.marks,
                'printable characters, on one line, without " and \\',
            )
    for index, name in enumerate(catalog.vendor.attributes):
        if not may_be_asked(name):
            yield CatalogProblem("vendor.toml", f"attributes[{index}]", "Orders cannot ask for this attribute.", name, _ASKABLE)


def _technical_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    yield from _repeated(
        "technical.toml", "technical", "version", [f"{license_.feature} {license_.version}" for license_ in catalog.technical]
    )
    first = {folded(license_.feature): license_ for license_ in reversed(catalog.technical)}
    for index, license_ in enumerate(catalog.technical):
        model = first[folded(license_.feature)]
        # One FEATURE line stands for all versions of a feature, so they must be counted alike and have one spelling.
        if license_.rule != model.rule:
            yield CatalogProblem(
                "technical.toml",
                f"technical[{index}].rule",
                f"Two versions of {license_.feature} are counted by different rules.",
                license_.rule,
                f"{model.rule}, as for version {model.version}",
            )
        if license_.feature != model.feature:
            yield CatalogProblem(
                "technical.toml",
                f"technical[{index}].feature",
                "Two versions of one feature are spelled differently.",
                license_.feature,
                f"{model.feature}, as for version {model.version}",
            )
        if license_.attributes != model.attributes or license_.not_with != model.not_with:
            yield CatalogProblem(
                "technical.toml",
                f"technical[{index}].feature",
                "Two versions of one feature have other attributes, or cannot stand with other features.",
                license_.feature,
                f"those of version {model.version}",
            )
        for name, value in license_.attributes.items():
            fault = value_fault(name, value) if may_be_asked(name) else _ASKABLE
            if fault:
                yield CatalogProblem(
                    "technical.toml", f"technical[{index}].attributes", f"The attribute {name} is not good.", f"{name}={value}", fault
                )
        for feature in license_.not_with:
            if folded(feature) not in first:
                yield CatalogProblem(
                    "technical.toml", f"technical[{index}].not_with", "There is no such feature.", feature, "a feature of technical.toml"
                )


def _part_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    for index, product in enumerate(catalog.products):
        if catalog.versions_of(product.part):
            yield CatalogProblem(
                "products.toml",
                f"products[{index}].part",
                "The item's own line and a technical license would have the same feature name.",
                product.part,
                "a part that is no feature of technical.toml",
            )


def _license_problems(catalog: Catalog, file: str, table: str, owners: Iterable[Product | Application]) -> Iterator[CatalogProblem]:
    for index, owner in enumerate(owners):
        rows: tuple[ProductLicense | ApplicationLicense, ...] = owner.licenses
        yield from _repeated(file, f"{table}[{index}].licenses", "feature", [row.feature for row in rows])
        for row_index, row in enumerate(rows):
            if not catalog.versions_of(row.feature):
                yield CatalogProblem(
                    file,
                    f"{table}[{index}].licenses[{row_index}].feature",
                    f"{owner.name!r} names a technical license without a quantity rule.",
                    row.feature,
                    "a feature of technical.toml",
                )


def _measured_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    known = {folded(product.name) for product in catalog.products}
    for index, item in enumerate(catalog.measured):
        for product_index, name in enumerate(item.products):
            if folded(name) not in known:
                yield CatalogProblem(
                    "lrm.toml",
                    f"items[{index}].products[{product_index}]",
                    f"{item.name!r} stands for a product that is not sold.",
                    name,
                    "the name of a product of products.toml",
                )


def _repeated(file: str, table: str, field: str, names: list[str]) -> Iterator[CatalogProblem]:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        earlier = seen.setdefault(folded(name), index)
        if earlier != index:
            yield CatalogProblem(
                file, f"{table}[{index}].{field}", "The same stands twice.", name, f"something other than {table}[{earlier}].{field} has"
            )
