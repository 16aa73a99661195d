"""All kinds of licensed applications are in one table, so that a new one is added in one place."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from seatkeeper.apps.agent_interaction import AgentInteraction, AgentScripting, GplusAdapter
from seatkeeper.apps.application import Application
from seatkeeper.apps.call_concentrator import CallConcentrator
from seatkeeper.apps.callback_server import CallbackServer
from seatkeeper.apps.classification_server import ClassificationServer
from seatkeeper.apps.configuration_import_wizard import ConfigurationImportWizard
from seatkeeper.apps.configuration_server import ConfigurationServer
from seatkeeper.apps.conversation_manager import ConversationManager
from seatkeeper.apps.cpd_server import CpdServer
from seatkeeper.apps.csta_connector import CstaConnector
from seatkeeper.apps.csta_tserver import CstaTServer
from seatkeeper.apps.ctiless_tserver import CtiLessTServer
from seatkeeper.apps.desktop import Desktop
from seatkeeper.apps.gis import DotNetServer, DotNetToolkit, IntegrationServer, InterfaceServer
from seatkeeper.apps.info_mart import InfoMart
from seatkeeper.apps.interaction_server import InteractionServer
from seatkeeper.apps.ivr_server import IvrServer
from seatkeeper.apps.lds import LoadDistributionServer
from seatkeeper.apps.network_tserver import NetworkTServer
from seatkeeper.apps.ocs import OutboundContactServer
from seatkeeper.apps.scs import SolutionControlServer
from seatkeeper.apps.tserver import TServer
from seatkeeper.apps.uc_connector import UcConnector
from seatkeeper.apps.urs import UniversalRoutingServer
from seatkeeper.apps.voice_treatment_server import VoiceTreatmentServer
from seatkeeper.base.errors import InputError

__all__ = ["APPLICATIONS", "application_type"]

#: In the order of the guide's table of FEATURE names; those that it has elsewhere stand beside their like, or at the end.
APPLICATIONS: Final[dict[str, type[Application]]] = {
    made.profile.type: made
    for made in (
        AgentInteraction,
        CallConcentrator,
        ClassificationServer,
        ConfigurationImportWizard,
        ConfigurationServer,
        CpdServer,
        CstaConnector,
        Desktop,
        DotNetToolkit,
        InfoMart,
        IntegrationServer,
        InterfaceServer,
        AgentScripting,
        GplusAdapter,
        InteractionServer,
        IvrServer,
        LoadDistributionServer,
        DotNetServer,
        NetworkTServer,
        OutboundContactServer,
        SolutionControlServer,
        TServer,
        CtiLessTServer,
        CstaTServer,
        UcConnector,
        CallbackServer,
        UniversalRoutingServer,
        VoiceTreatmentServer,
        ConversationManager,
    )
}


def application_type(name: str) -> type[Application]:
    """The application of this type.

    Raises:
        InputError: There is none.
    """
    made = APPLICATIONS.get(name)
    if made is None:
        near = get_close_matches(name, APPLICATIONS, 1)
        raise InputError(
            "This is no type of application.",
            found=name,
            expected=f"{near[0]}, perhaps" if near else "one of those that `seatkeeper app list` shows",
        )
    return made
