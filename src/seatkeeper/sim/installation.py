"""A contact center has an application of every kind, where and how often a center of its size has them, and licenses for a usual day.

Licenses are ordered a little short where people are counted, so that a simulated day has something to show: who must wait at the change of
shifts, and what to buy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from seatkeeper.apps.options import Value
from seatkeeper.apps.profile import BACKUP, HOT_STANDBY, NO_REDUNDANCY, PRIMARY
from seatkeeper.sim.day import MINUTES, Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatkeeper.sim.center import Center

__all__ = ["REREAD_LOWERS", "REREAD_WITHDRAWS", "Installed", "Ordered", "install", "order_licenses"]

#: What a reread at noon takes away whole, and of what it leaves fewer seats (sim.day.Failures).
REREAD_WITHDRAWS: Final = "VTPort"
REREAD_LOWERS: Final = "desktop_agent"

_Options = dict[str, dict[str, Value]]


class Installed(msgspec.Struct, frozen=True):
    """One application of the center; `pair` is what primary and backup have in common."""

    name: str
    type: str
    host: str
    options: _Options = {}
    redundancy: str = NO_REDUNDANCY
    role: str = PRIMARY
    pair: str = ""


class Ordered(msgspec.Struct, frozen=True):
    """Licenses of one feature."""

    feature: str
    version: str
    quantity: int


def install(center: Center, licenses: Sequence[Ordered]) -> list[Installed]:
    """The applications of a center that has these licenses, in the order in which they start."""
    numbers = {one.feature.lower(): one.quantity for one in licenses}
    main, *others = center.sites
    found = [Installed("config-main", "configuration-server", f"mgmt-{main}")]
    found += [Installed(f"config-{site}", "configuration-server", f"mgmt-{site}", {"csproxy": {"proxy-mode": True}}) for site in others]
    management: _Options = {"general": {"snmp": True, "distributed_mode": True}}
    found += [Installed(f"scs-{site}", "scs", f"mgmt-{site}", management) for site in center.sites]
    for site in center.sites:
        found += _tservers(site, center)
    found += [Installed("urs-a", "urs", f"routing-{main}"), Installed("urs-b", "urs", f"routing-{others[0]}")]
    found += [Installed("ocs", "ocs", f"outbound-{main}"), Installed("cpd", "cpd-server", f"outbound-{main}")]
    found += [Installed("callback", "callback-server", f"callback-{main}")]
    channels = ("ics_multi_media_agent_seat", "ics_email_webform_channel", "ics_live_web_channel", "ics_custom_media_channel")
    found.append(
        Installed(
            "interactions",
            "interaction-server",
            f"media-{main}",
            {"license": {**{name: numbers[name] for name in channels}, "iwd_jms_cp": True}},
        )
    )
    found.append(Installed("classification", "classification-server", f"media-{main}"))
    found += [Installed(f"desktop-{site}", "desktop", f"desktop-{site}") for site in center.sites]
    found += [Installed(f"toolkit-{site}", "dotnet-toolkit", f"desktop-{site}") for site in center.sites]
    found += [Installed(f"ivr-{site}", "ivr-server", f"ivr-{site}", _ivr(center.ivr_ports[site])) for site in center.sites]
    found += [Installed(name, kind, f"{name}-{main}", options) for name, kind, options in _SINGLE]
    return found


def _tservers(site: str, center: Center) -> list[Installed]:
    options: _Options = {"license": {"num-of-licenses": min(9999, center.places[site])}, "TServer": {"multi-site": True}}
    pair = f"tserver-{site}"
    return [
        Installed(f"{pair}-{letter}", "tserver", f"voice-{site}-{letter}", options, HOT_STANDBY, role, pair)
        for letter, role in (("a", PRIMARY), ("b", BACKUP))
    ]


def _ivr(ports: int) -> _Options:
    return {"license": {"num-of-licenses": min(9999, ports)}, "IServer": {"multi-site": True}}


#: One each of the others: name, type, options.
_SINGLE: Final[tuple[tuple[str, str, _Options], ...]] = (
    ("gis", "gis", {"services": {"queue": True}}),
    ("lds", "lds", {}),
    ("network", "network-tserver", {"license": {"num-calltreatments": 20}, "TServer": {"multi-site": True}}),
    ("branch", "ctiless-tserver", {"license": {"num-of-licenses": 10}}),
    ("csta", "csta-tserver", {"license": {"num-of-licenses": 10}}),
    ("broadworks", "csta-connector", {"license": {"num-of-licenses": 10}}),
    ("ail", "agent-interaction", {"license": {"route-point-monitoring": True}}),
    ("scripting", "agent-scripting", {}),
    ("gplus", "gplus-adapter", {}),
    ("interface", "interface-server", {}),
    ("dotnet", "dotnet-server", {}),
    ("concentrator", "call-concentrator", {}),
    ("infomart", "info-mart", {}),
    ("treatments", "voice-treatment-server", {"license": {"num-of-licenses": 8}}),
    ("unified", "uc-connector", {}),
    ("import", "configuration-import-wizard", {}),
    ("contexts", "conversation-manager", {}),
)

#: How much of what is wanted at once is ordered, where people are counted.
_SHORT: Final = 0.97
_AMPLE: Final = 1.05


def order_licenses(center: Center, day: Sequence[Happening]) -> list[Ordered]:
    """What the center has bought, by what is wanted at once on such a day."""
    desktop = _peak(day, lambda one: one.agent is not None and one.agent.client == "desktop" and not one.agent.supervisor)
    supervisors = _peak(day, lambda one: one.agent is not None and one.agent.client == "desktop" and one.agent.supervisor)
    toolkit = _peak(day, lambda one: one.agent is not None and one.agent.client == "toolkit")
    routed = _peak(day, lambda one: one.agent is not None)
    outbound = _peak(day, lambda one: one.agent is not None and bool(one.agent.group.campaign))
    media = {name: _peak(day, _works_with(name)) for name in ("email", "chat", "custom")}
    multimedia = _peak(day, lambda one: one.agent is not None and any(name != "voice" for name in one.agent.group.media))
    places, ports, sites = sum(center.places.values()), sum(center.ivr_ports.values()), len(center.sites)
    agents = len(center.agents)
    return [
        Ordered("CLDistributed", "8.0", 1),
        Ordered("MLSNMP", "8.0", 1),
        Ordered("MLDistributed", "8.0", 1),
        Ordered("ha_redundancy", "8.0", 1),
        # Beside the places of the sites, the branch's ten.
        Ordered("tserver_sdn", "8.0", min(9999, places) + 10),
        Ordered("cti_ha_option", "8.0", sites),
        Ordered("tserver_iscc", "8.0", 2 * sites + 1),
        Ordered("router_seats", "8.0", _some(routed, _SHORT)),
        Ordered("router_ha_option", "8.0", 1),
        Ordered("occ_full", "8.0", _some(outbound, _SHORT)),
        Ordered("occ_port", "8.0", max(2, agents // 20)),
        Ordered("vcb_full", "8.0", max(2, agents // 16)),
        Ordered("ics_multi_media_agent_seat", "8.0", _some(multimedia, _AMPLE)),
        Ordered("ics_email_webform_channel", "8.0", _some(media["email"], _AMPLE)),
        Ordered("ics_live_web_channel", "8.0", _some(media["chat"], _SHORT)),
        Ordered("ics_custom_media_channel", "8.0", _some(media["custom"], _AMPLE)),
        Ordered("iwd_jms_cp", "8.0", 1),
        Ordered("ics_nlp_content_analysis", "8.0", 1),
        # Environments and instances: Desktop Servers share one, everything else on the library has its own.
        Ordered("ISDK_FACTORY", "8.0", sites + 8),
        Ordered("ISDK_QUEUE", "8.0", 4),
        Ordered("desktop_agent", "7.0", _some(desktop, _SHORT)),
        Ordered("DESKTOP_SUPERVISOR", "7.0", _some(supervisors, _AMPLE)),
        Ordered("GIS", "8.0", sites + 2),
        Ordered("GIS_INTERACTIONSERVICE", "8.0", _some(toolkit, _AMPLE) + 3),
        Ordered("GIS_CONFIGSERVICE", "8.0", 2),
        Ordered("GIS_STATSERVICE", "8.0", 5),
        Ordered("DOT_NET_SERVER", "7.0", 1),
        Ordered("tserver_ivr_max_ports_behind", "8.0", min(9999, ports)),
        Ordered("lds", "8.0", 1),
        Ordered("tserver_nts", "8.0", 1),
        Ordered("tserver_nts_calltreatments", "8.0", 20),
        Ordered("tserver_cc_sdn", "8.0", 10),
        Ordered("csta_connector_bw_sdn", "8.0", 10),
        Ordered("CConCopies", "8.0", 1),
        Ordered("gim_etl_voice", "7.0", 1),
        Ordered("VTPort", "7.0", 8),
        Ordered("ucc_seats", "8.0", 5),
        Ordered("ConfigurationImport", "8.0", 1),
        Ordered("ContextServices", "8.5", 1),
    ]


def _works_with(medium: str) -> Callable[[Happening], bool]:
    return lambda one: one.agent is not None and medium in one.agent.group.media


def _some(wanted: int, part: float) -> int:
    return max(2, int(wanted * part))


def _peak(day: Sequence[Happening], counts: Callable[[Happening], bool]) -> int:
    """How many of these agents are logged in at once, at most."""
    changes = [0] * MINUTES
    for one in day:
        if one.what in ("agent-login", "agent-logout") and counts(one):
            changes[one.minute] += 1 if one.what == "agent-login" else -1
    now = most = 0
    for change in changes:
        now += change
        most = max(most, now)
    return most
