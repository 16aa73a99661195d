"""A vendor's catalog as values: products, technical licenses with their quantity rules, applications, platforms.

Names of features compare without regard to case (the guide writes `desktop_agent` in one table and `DESKTOP_AGENT` in
another); the spelling of the technical license list is the one that license files get. Names of products compare
without regard to case and runs of white space. A name that is not known is answered with the nearest ones.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.base.values import VersionRule, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FEATURE_CHARS_MAX",
    "PURPOSES",
    "RULES_OF_ENVIRONMENT",
    "RULES_OF_QUANTITY",
    "Application",
    "ApplicationLicense",
    "Catalog",
    "HostidCommand",
    "LicenseManager",
    "LicenseManagerChoice",
    "MeasuredItem",
    "Product",
    "ProductLicense",
    "Purpose",
    "Rule",
    "TechnicalLicense",
    "Vendor",
    "folded",
    "nearest",
    "nearest_sentence",
]

#: As many characters as a feature name may have (facts, FlexNet 1).
FEATURE_CHARS_MAX: Final = 30
_FEATURE_PATTERN: Final = r"^[A-Za-z0-9_-]{1,30}$"

#: How the number of a technical license follows from an order (guide, "Genesys Technical Licenses List").
Rule = Literal[
    "per_seat",
    "per_user",
    "per_knowledge_worker",
    "per_connection",
    "per_port",
    "per_treated_call",
    "per_callback_request",
    "per_routing_place",
    "per_seat_dn",
    "per_technical_dn",
    "per_environment",
    "per_instance",
    "per_environment_or_instance",
    "per_redundant_pair",
    "per_site",
]

#: Rules whose number follows the ordered quantity.
RULES_OF_QUANTITY: Final[frozenset[Rule]] = frozenset(
    (
        "per_seat",
        "per_user",
        "per_knowledge_worker",
        "per_connection",
        "per_port",
        "per_treated_call",
        "per_callback_request",
        "per_routing_place",
        "per_seat_dn",
    )
)
#: Rules whose number follows the environment, however much is ordered.
RULES_OF_ENVIRONMENT: Final[frozenset[Rule]] = frozenset(
    ("per_technical_dn", "per_environment", "per_instance", "per_environment_or_instance", "per_redundant_pair", "per_site")
)

_NEAREST_MAX: Final = 3

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
FeatureName = Annotated[str, msgspec.Meta(pattern=_FEATURE_PATTERN)]
VersionText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,8}(\.[0-9]{1,8})?$", max_length=10)]


DaemonName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,30}$")]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that refuses fields it does not know, so that a misspelled key of a catalog is found."""


class ProductLicense(_Strict, frozen=True):
    """One row of the product mapping: a technical license that a product needs, or may have."""

    feature: FeatureName
    version: VersionText
    required: bool = True


class Product(_Strict, frozen=True):
    """A sellable item.

    Attributes:
        name: As it stands in the vendor's price list.
        part: The feature name of the item's own line in a license file; unique, and the same for ever.
        licenses: The technical licenses, in the order of the vendor's table.
        pairs: True for an item that is sold for redundant pairs, and for nothing else.
    """

    name: Name
    part: FeatureName
    licenses: tuple[ProductLicense, ...] = ()
    pairs: bool = False

    @property
    def required(self) -> tuple[ProductLicense, ...]:
        """The licenses without which the product does not run."""
        return tuple(row for row in self.licenses if row.required)

    @property
    def optional(self) -> tuple[ProductLicense, ...]:
        """The licenses that an order must ask for by name."""
        return tuple(row for row in self.licenses if not row.required)


class TechnicalLicense(_Strict, frozen=True):
    """A feature that applications check out, and how many of it an order needs.

    Attributes:
        rule: How the number follows from the order and the environment; `expand` knows each rule.
        quantity: The rule in words.
        listed: False for a license that no product yields; an order asks for it by name.
        attributes: What its line says beside the usual, unless the order has it otherwise.
        not_with: Features that cannot stand in one order with it.
        pairs: True for a license that only redundant pairs need.
    """

    feature: FeatureName
    version: VersionText
    description: str
    rule: Rule
    quantity: str
    listed: bool = True
    attributes: dict[str, str] = {}
    not_with: tuple[FeatureName, ...] = ()
    pairs: bool = False


class ApplicationLicense(_Strict, frozen=True):
    """A feature that one application checks out."""

    feature: FeatureName
    description: str
    quantity: str


class Application(_Strict, frozen=True):
    """An application with the features it checks out.

    Attributes:
        counts: The number of the environment that its instances, or redundant pairs of them, are counted by; empty for none.
    """

    name: Name
    licenses: tuple[ApplicationLicense, ...]
    note: str = ""
    counts: Literal["", "sites", "network_tservers", "ivr_servers"] = ""

    def checks_out(self, feature: str) -> bool:
        """True where that feature is among its licenses."""
        return any(folded(row.feature) == folded(feature) for row in self.licenses)


class LicenseManagerChoice(_Strict, frozen=True):
    """Releases that go together; each stands for itself and every later one."""

    license_manager: VersionText
    framework: str
    lmutil: VersionText


class LicenseManager(_Strict, frozen=True):
    """The license manager releases that some operating systems need."""

    systems: tuple[str, ...]
    mode: str
    choices: tuple[LicenseManagerChoice, ...]


class HostidCommand(_Strict, frozen=True):
    """How a host id is found on an operating system.

    Attributes:
        kind: The kind of host id that license files have for it; empty where any will do.
    """

    system: str
    type: str
    commands: tuple[str, ...]
    sample: str
    note: str = ""
    kind: Literal["", "ETHER", "LONG", "DISK_SERIAL_NUM"] = ""


class MeasuredItem(_Strict, frozen=True):
    """A sellable item whose use is reported.

    Attributes:
        enabled: True where enabled seats are reported.
        peak: True where the peak of concurrent seats or ports is reported.
        since: The oldest version measured.
        only: True where no later version is measured.
        products: The products that the item stands for.
    """

    name: Name
    enabled: bool
    peak: bool
    since: VersionText
    only: bool = False
    products: tuple[str, ...] = ()

    @property
    def versions(self) -> str:
        """The versions measured, as the guide writes them: `7.6+`, or `7.6` alone."""
        return self.since if self.only else f"{self.since}+"


class Purpose(_Strict, frozen=True):
    """What an installation is for, and what that means for its licenses.

    Attributes:
        name: The word that orders have.
        days_max: How many days after the day of issue they may last; None for no limit.
        marks: What NOTICE says of it at its end, such as "EVALUATION ONLY"; empty for nothing.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,30}$")]
    title: Name
    days_max: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    marks: Annotated[str, msgspec.Meta(max_length=100)] = ""


#: What installations are for (guide, order kit, Purpose of the license request).
PURPOSES: Final = ("demo", "evaluation", "testing", "development", "production")
#: For a catalog that limits none of it.
_PURPOSES: Final = tuple(Purpose(word, word.capitalize()) for word in PURPOSES)


class Vendor(_Strict, frozen=True):
    """Names and limits of the vendor.

    Attributes:
        name: The vendor daemon's name, as DAEMON and FEATURE lines write it.
        seats_max: How many of one feature one client may hold.
        daemons: File names of the vendor daemon.
        attributes: What an order may have the lines of its licenses say beside the usual.
        purposes: What installations may be for.
    """

    name: DaemonName
    title: Name
    default_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    seats_max: Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
    version_rule: VersionRule
    daemons: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    license_file: str = "license.dat"
    attributes: tuple[str, ...] = ()
    purposes: Annotated[tuple[Purpose, ...], msgspec.Meta(min_length=1)] = _PURPOSES

    def purpose(self, name: str) -> Purpose:
        """The purpose of that name; one without limits for a name that the catalog does not have."""
        return next((purpose for purpose in self.purposes if purpose.name == name), Purpose(name, name.capitalize() or "None"))


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """Everything that one vendor sells and licenses; `check.problem` says whether it holds together."""

    vendor: Vendor
    products: tuple[Product, ...]
    technical: tuple[TechnicalLicense, ...]
    applications: tuple[Application, ...] = ()
    license_managers: tuple[LicenseManager, ...] = ()
    hostids: tuple[HostidCommand, ...] = ()
    measured: tuple[MeasuredItem, ...] = ()

    @cached_property
    def _products(self) -> dict[str, Product]:
        return {folded(product.name): product for product in self.products}

    @cached_property
    def _technical(self) -> dict[str, tuple[TechnicalLicense, ...]]:
        by_feature: dict[str, tuple[TechnicalLicense, ...]] = {}
        for license_ in self.technical:
            key = folded(license_.feature)
            by_feature[key] = tuple(sorted((*by_feature.get(key, ()), license_), key=lambda each: parse_version(each.version)))
        return by_feature

    def product(self, name: str) -> Product:
        """The product of that name.

        Raises:
            InputError: There is none; the nearest names are in the error.
        """
        found = self._products.get(folded(name))
        if found is None:
            raise InputError(
                f"The catalog of {self.vendor.title} has no such product.",
                found=name,
                expected="the name of a product as `seatkeeper catalog products` lists it",
                remedy=nearest_sentence(name, (product.name for product in self.products)),
            )
        return found

    def application(self, name: str) -> Application:
        """The application of that name.

        Raises:
            InputError: There is none; the nearest names are in the error.
        """
        found = next((application for application in self.applications if folded(application.name) == folded(name)), None)
        if found is None:
            raise InputError(
                f"The catalog of {self.vendor.title} has no such application.",
                found=name,
                expected="the name of an application as `seatkeeper catalog applications` lists it",
                remedy=nearest_sentence(name, (application.name for application in self.applications)),
            )
        return found

    def versions_of(self, feature: str) -> tuple[TechnicalLicense, ...]:
        """The technical licenses of that feature, lowest version first; none where the feature is not known."""
        return self._technical.get(folded(feature), ())

    def technical_license(self, feature: str, version: str = "") -> TechnicalLicense:
        """The technical license of that feature: of that version where the list has it, else of the highest.

        Raises:
            InputError: There is none; the nearest names are in the error.
        """
        known = self.versions_of(feature)
        if not known:
            raise InputError(
                f"The catalog of {self.vendor.title} has no such technical license.",
                found=feature,
                expected="the name of a feature as `seatkeeper catalog technical` lists it",
                remedy=nearest_sentence(feature, (license_.feature for license_ in self.technical)),
            )
        return next((license_ for license_ in known if license_.version == version), known[-1])


def folded(name: str) -> str:
    """`name` in the form in which names compare: one case, single spaces."""
    return " ".join(name.casefold().split())


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names most like `name`, best first; at most three, possibly none."""
    by_fold = {folded(each): each for each in known}
    wanted = folded(name)
    close = get_close_matches(wanted, by_fold, n=_NEAREST_MAX, cutoff=0.6)
    # Somebody who types one word of a long name means a name that has it.
    close += [fold for fold in by_fold if wanted and wanted in fold and fold not in close]
    return [by_fold[fold] for fold in close[:_NEAREST_MAX]]


def nearest_sentence(name: str, known: Iterable[str]) -> str:
    """The nearest names as a question; empty where none is near."""
    names = [repr(each) for each in nearest(name, known)]
    if not names:
        return ""
    return f"Did you mean {' or '.join(([', '.join(names[:-1])] if names[1:] else []) + names[-1:])}?"
