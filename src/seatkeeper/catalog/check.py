"""A catalog that passes here holds together: every name is unique, every license named is known, every rule is one.

What a single value may look like is checked where the files are read (`adapters.catalogs`); here stands what concerns
several values. Keys are the paths that an author finds in the files: `products[3].licenses[0].feature`, from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seatkeeper.catalog.model import Application, ApplicationLicense, Catalog, Product, ProductLicense, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CatalogProblem", "problems"]


class CatalogProblem(msgspec.Struct, frozen=True):
    """One thing that keeps a catalog from being used: in which file, under which key, and why."""

    file: str
    key: str
    reason: str
    found: str
    expected: str


def problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    """Everything that is wrong between the values of a catalog; nothing for a good one."""
    yield from _technical_problems(catalog)
    yield from _repeated("products.toml", "products", "name", [product.name for product in catalog.products])
    yield from _repeated("products.toml", "products", "part", [product.part for product in catalog.products])
    yield from _part_problems(catalog)
    yield from _license_problems(catalog, "products.toml", "products", catalog.products)
    yield from _repeated("applications.toml", "applications", "name", [application.name for application in catalog.applications])
    yield from _license_problems(catalog, "applications.toml", "applications", catalog.applications)
    yield from _repeated("lrm.toml", "items", "name", [item.name for item in catalog.measured])
    yield from _measured_problems(catalog)


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
