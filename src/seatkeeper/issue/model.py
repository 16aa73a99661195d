"""An order as a value: who bought what, on which terms, and for which license servers.

It is what the license order kit of the guide asks for ("Information for License Order Kit"); `order` reads it from a file and says
what is wrong with it, `plan` makes the lines of license files of it.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

from seatkeeper.base.dates import NEVER
from seatkeeper.catalog.expand import Environment, ExtraLicense, Item

__all__ = ["AUTO", "Configuration", "Deployment", "Order", "OrderServer", "OrderedApplication", "Purpose", "Switch", "Terms"]

#: The number of an order whose number the desk's registry is to draw.
AUTO: Final = "auto"

#: "Specify what type of installation you plan to use the licenses for" (guide, Information for License Order Kit).
Purpose = Literal["demo", "evaluation", "testing", "development", "production"]
Deployment = Literal["separate", "blended"]
#: "Specify one of the following: single server; three redundant servers; or multiple, independent servers" (there).
Configuration = Literal["single", "redundant", "independent"]


class Terms(msgspec.Struct, frozen=True):
    """The table `[order]`: who orders, for what, until when.

    Attributes:
        number: The order's number; issued lines bear it as SN.
        site: The number of the customer's site.
        company: The end user.
        requestor: The person who asked for the file.
        purpose: What the installation is for.
        reseller: Who sold it, where that is not the vendor.
        license_use: On what terms the licenses may be used; part of NOTICE.
        expires: The last day of the licenses, or `NEVER`.
        deployment: Whether the same agents serve several items (`blended`) or each item has its own (`separate`).
        configuration: How many license servers there are, and whether they share one file or divide the licenses.
        ordered: The day of the order; None where it does not say.
    """

    number: str
    site: str
    company: str
    requestor: str
    purpose: Purpose
    reseller: str = ""
    license_use: str = "Customer use"
    expires: date = NEVER
    deployment: Deployment = "separate"
    configuration: Configuration = "single"
    ordered: date | None = None

    @property
    def notice(self) -> str:
        """The text of NOTICE: `Customer (Reseller) license_use`, as in the guide's samples."""
        return " ".join([self.company, *([f"({self.reseller})"] if self.reseller else []), self.license_use])


class OrderServer(msgspec.Struct, frozen=True):
    """One of the tables `[[servers]]`: a license server, and what its SERVER and DAEMON lines say.

    Attributes:
        host: Host name; the administrator may change it later.
        hostid: Host id in the form that license files have; licenses are bound to it.
        port: Port of lmgrd.
        daemon_path: Where the vendor daemon lies; empty where lmgrd finds it itself.
        daemon_options: The options file; empty for the usual one.
        daemon_port: A fixed port of the vendor daemon, for a firewall; 0 for none.
        system: Type of its operating system, as the catalog's host id table names them; empty where the order does not say.
        system_version: Its version.
        site: Of independent servers: the customer's site that this one serves, in whatever words the customer uses.
        share: Of independent servers: its part of all licenses, in relation to the others' (60 and 40, or 3 and 2); 0 where the order
            leaves it open.
        quantities: Of independent servers: by sellable item (the catalog's name) or asked feature, how many of it this server gets; what
            is not named follows `share`.
    """

    host: str
    hostid: str
    port: int
    daemon_path: str = ""
    daemon_options: str = ""
    daemon_port: int = 0
    system: str = ""
    system_version: str = ""
    site: str = ""
    share: int = 0
    quantities: tuple[tuple[str, int], ...] = ()


class OrderedApplication(msgspec.Struct, frozen=True):
    """One of the tables `[[applications]]`: an application that needs technical licenses.

    Attributes:
        name: The catalog's name.
        version: Its first two digits.
        instances: How many run, a redundant pair being two.
        redundant: Whether they run in hot standby pairs.
    """

    name: str
    version: str
    instances: int = 1
    redundant: bool = False


class Switch(msgspec.Struct, frozen=True):
    """One of the tables `[[switches]]`: a part of the media layer.

    Attributes:
        type: Of the switch.
        version: Of the switch.
        seat_dns: DNs of agent seats (extensions, positions) on it; None where the order does not say.
        technical_dns: Its other DNs (queues, routing points); None where the order does not say.
        distribution: How the seats' DNs are distributed among agents and places, in the customer's words.
        site: Where it stands; independent servers that serve sites divide licenses by this.
    """

    type: str
    version: str
    seat_dns: int | None = None
    technical_dns: int | None = None
    distribution: str = ""
    site: str = ""


class Order(msgspec.Struct, frozen=True):
    """A whole order; product names are the catalog's, and the environment knows the deployment mode."""

    terms: Terms
    items: tuple[Item, ...]
    licenses: tuple[ExtraLicense, ...]
    environment: Environment
    servers: tuple[OrderServer, ...]
    applications: tuple[OrderedApplication, ...] = ()
    switches: tuple[Switch, ...] = ()
