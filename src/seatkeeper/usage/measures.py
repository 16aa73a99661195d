"""What a sellable item counts: one table of named rules, each with its source, for sessions, ports, recordings and configuration.

A rule says which login sessions take a seat of the item; a seat counts while a session of its own qualifies, for the whole session,
also for a medium that was added later (facts, LRM 1.2). A seat is a place, else a DN, else the agent. Enabled seats are what is
configured: agents with a capability, mailboxes, IVR ports (facts, LRM 5).

Some rules ask the configuration: whether a person is set up as an agent, whether a campaign group was loaded, whether there is a
redundant pair. Where nothing of that sort was ever loaded, everybody counts as configured and every condition as met; where the
configuration is known, it decides. Whatever overlaps a session counts for all of it, so that the same session counts in one way
whichever days a report asks for.

A site may write rules of its own in TOML, with the same fields.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import folded, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatkeeper.catalog.model import MeasuredItem

__all__ = [
    "CAPABILITY_AGENT",
    "CLIENTS",
    "FEATURE_PREFIX",
    "ITEMS",
    "LOGIN_CAPABILITIES",
    "MEDIA_KNOWN",
    "SOCIAL_MEDIA",
    "CheckoutRule",
    "EnabledRule",
    "Item",
    "PortRule",
    "RecordingRule",
    "SessionRule",
    "feature_item",
    "item_named",
    "products_of",
]

SOCIAL_MEDIA: Final = ("social", "facebook", "twitter", "rss")
#: Media that have an item of their own; any other one is a third-party work item's.
MEDIA_KNOWN: Final = ("voice", "email", "chat", *SOCIAL_MEDIA)

#: What a person may log in with -> how sources write it.
CLIENTS: Final[dict[str, tuple[str, ...]]] = {
    "desktop": ("desktop", "agent desktop", "genesys agent desktop", "genesys desktop", "gad"),
    "supervisor": ("supervisor", "supervisor desktop", "genesys supervisor desktop", "gsd"),
    "workspace": ("workspace", "interaction workspace", "workspace desktop edition", "iw", "wde"),
}

#: A person who is set up as an agent, and enabled.
CAPABILITY_AGENT: Final = "agent"
#: An agent login, on a switch of a kind or of any.
LOGIN_CAPABILITIES: Final = ("login", "premise", "sip", "network")
#: Capabilities that are neither a login nor a medium.
_OTHER_CAPABILITIES: Final = (CAPABILITY_AGENT, "desktop", "supervisor", "workspace", "wfm", "campaign")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule as a site may write it."""


class SessionRule(_Strict, frozen=True):
    """Which login sessions count. Every field that is set must hold; none set: every session.

    Attributes:
        media: At least one of these media.
        other_media: A medium that is none of MEDIA_KNOWN.
        clients: The agent works with one of these programs.
        not_clients: With none of these.
        switch: The session is one of a switch of this kind.
        unknown_switch: ... or of one whose kind is not known.
        place_or_voice: It has a place, or voice.
        capability: The agent is configured with it.
        campaign: Logged in to a queue, or at a place, of a campaign group that was loaded meanwhile.
        system: The installation has this.
        tenant_system: The tenant has this; where the configuration is not known, the session's switch is of the kind `switch`.
        any_of: At least one of these rules holds, too.
        none_of: And none of these does.
    """

    media: tuple[str, ...] = ()
    other_media: bool = False
    clients: tuple[str, ...] = ()
    not_clients: tuple[str, ...] = ()
    switch: str = ""
    unknown_switch: bool = False
    place_or_voice: bool = False
    capability: str = ""
    campaign: bool = False
    system: str = ""
    tenant_system: str = ""
    any_of: tuple[SessionRule, ...] = ()
    none_of: tuple[SessionRule, ...] = ()


class PortRule(_Strict, frozen=True):
    """Ports of this kind, as a reporting server has counted them."""

    ports: str


class RecordingRule(_Strict, frozen=True):
    """Recordings that are under way at the same time."""

    recordings: Literal[True] = True


class CheckoutRule(_Strict, frozen=True):
    """Seats of this feature of the license file that license servers have given out."""

    feature: str


class EnabledRule(_Strict, frozen=True):
    """What is counted of the configuration.

    Attributes:
        kind: The kind of object.
        details: At least one of these: capabilities of an agent. None: any.
        not_details: What matters is a detail other than these.
        unless: Not counted while it has one of these.
        system: Only while the installation has this.
        tenant_system: Only while the tenant has this.
    """

    kind: str = "agent"
    details: tuple[str, ...] = ()
    not_details: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    system: str = ""
    tenant_system: str = ""


class Item(msgspec.Struct, frozen=True):
    """A sellable item and how its use is measured.

    Attributes:
        name: As in the guide's table of what is measured.
        peak: How concurrent use is counted; None where it is not.
        enabled: How enabled seats are counted; None where they are not.
        source: Where the rules come from.
    """

    name: str
    peak: SessionRule | PortRule | RecordingRule | CheckoutRule | None
    enabled: EnabledRule | None
    source: str

    @property
    def digest(self) -> str:
        """The same for the same rules: what was measured by other rules is measured again."""
        rules = msgspec.json.encode((type(self.peak).__name__, self.peak, self.enabled, CLIENTS, MEDIA_KNOWN))
        return sha256(rules).hexdigest()[:16]


#: Begins the name of an item that is a technical license: `feature:tserver_sdn`.
FEATURE_PREFIX: Final = "feature:"


def feature_item(name: str) -> Item | None:
    """The technical license that is meant as an item; None where the name is not written as one."""
    prefix, feature = name[: len(FEATURE_PREFIX)], name[len(FEATURE_PREFIX) :].strip()
    if prefix.lower() != FEATURE_PREFIX or not feature:
        return None
    return Item(FEATURE_PREFIX + feature, CheckoutRule(feature), None, "the journals of license servers")


_ANY_SESSION: Final = SessionRule()


def _cim(system: str) -> EnabledRule:
    return EnabledRule(not_details=_OTHER_CAPABILITIES, system=system)


#: In the guide's order ("LRM Supported Products"); the sources are facts, LRM 5.
ITEMS: Final[tuple[Item, ...]] = (
    Item("Genesys CIM Platform-MS", _ANY_SESSION, _cim("multi-site"), "guide, what multi-site means; proposed"),
    Item("Genesys CIM Platform-SS", _ANY_SESSION, _cim("single-site"), "guide, what single-site means; proposed"),
    Item("HA-CIM", SessionRule(system="redundant-pair"), _cim("redundant-pair"), "guide, redundant pairs; proposed"),
    Item(
        "Genesys Agent Desktop",
        SessionRule(clients=("desktop",)),
        EnabledRule(details=("desktop",)),
        "guide, one license for each user who is logged in; proposed",
    ),
    Item(
        "Genesys Supervisor Desktop",
        SessionRule(clients=("supervisor",)),
        EnabledRule(details=("supervisor",)),
        "guide, one license for each user who is logged in; proposed",
    ),
    Item(
        "Interaction Workspace",
        SessionRule(clients=("workspace",)),
        EnabledRule(details=("workspace",)),
        "as Billing Data Server counts Workspace; proposed",
    ),
    Item("Genesys E-Mail", SessionRule(media=("email",)), EnabledRule(details=("email",)), "LRM, by analogy with Web Media"),
    Item("Genesys Social Engagement", SessionRule(media=SOCIAL_MEDIA), EnabledRule(details=SOCIAL_MEDIA), "proposed"),
    Item("Genesys Web Media", SessionRule(media=("chat",), capability=CAPABILITY_AGENT), EnabledRule(details=("chat",)), "LRM"),
    Item("SIP Voicemail", None, EnabledRule(kind="mailbox"), "as Billing Data Server counts mailboxes"),
    Item(
        "Third-party work items",
        SessionRule(other_media=True),
        EnabledRule(not_details=(*_OTHER_CAPABILITIES, *LOGIN_CAPABILITIES, *MEDIA_KNOWN)),
        "guide, other media; proposed",
    ),
    Item(
        "Genesys Outbound Contact - MS",
        SessionRule(campaign=True),
        EnabledRule(details=("campaign",)),
        "guide, Outbound Contact Server; as Billing Data Server counts whole sessions",
    ),
    Item("Genesys Info Mart", _ANY_SESSION, _cim("info-mart"), "proposed"),
    Item("Genesys Interactive Insights (GI2)", _ANY_SESSION, _cim("gi2"), "proposed"),
    Item(
        "Agent Connector",
        SessionRule(not_clients=("desktop", "supervisor", "workspace"), place_or_voice=True),
        EnabledRule(details=LOGIN_CAPABILITIES, unless=("desktop", "supervisor", "workspace")),
        "LRM (concurrent); proposed (enabled)",
    ),
    Item(
        "Genesys Inbound Voice",
        SessionRule(media=("voice",), switch="premise", unknown_switch=True),
        EnabledRule(details=("premise",)),
        "as Billing Data Server counts voice; guide",
    ),
    Item(
        "Genesys Network Voice",
        SessionRule(media=("voice",), switch="network", tenant_system="network-switch"),
        EnabledRule(details=LOGIN_CAPABILITIES, tenant_system="network-switch"),
        "proposed",
    ),
    Item("IVR Connector", None, EnabledRule(kind="ivr-port"), "guide, one license for each IVR port"),
    Item("SIP Server", SessionRule(media=("voice",), switch="sip"), EnabledRule(details=("sip",)), "guide; proposed"),
    Item("Call Qualification Parking", PortRule("parking"), None, "LRM"),
    Item("GVP ASR Ports", PortRule("asr"), None, "LRM"),
    Item("GVP TTS Ports", PortRule("tts"), None, "LRM"),
    Item("GVP Ports", PortRule("calls"), None, "LRM"),
    Item("Genesys Workforce Management", SessionRule(capability="wfm"), EnabledRule(details=("wfm",)), "proposed"),
    Item("Call Recording", RecordingRule(), None, "as Billing Data Server counts recordings"),
)


def item_named(name: str, items: Mapping[str, Item], products: Mapping[str, str]) -> Item:
    """The item of that name, whatever its case.

    Args:
        name: As a person writes it.
        items: Items by folded name.
        products: Folded names of products -> the item that measures them.

    Raises:
        InputError: There is none; the nearest names are told.
    """
    key = folded(name)
    item = items.get(key) or items.get(folded(products.get(key, "")))
    if item is None:
        near = nearest(name, [one.name for one in items.values()])
        meant = f"one of {', '.join(near)}" if near else "an item that is measured"
        raise InputError(
            "No such item is measured.", file="--item", found=name, expected=meant, remedy="`seatkeeper usage items` lists them."
        )
    return item


def products_of(measured: Iterable[MeasuredItem]) -> dict[str, str]:
    """Folded names of products -> the item that measures them; a product that several items measure is not in it."""
    found: dict[str, list[str]] = {}
    for item in measured:
        for product in item.products:
            found.setdefault(folded(product), []).append(item.name)
    return {product: items[0] for product, items in found.items() if len(items) == 1}
