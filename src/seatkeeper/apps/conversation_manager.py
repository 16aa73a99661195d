"""Conversation Manager serves contexts under one license for the whole environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.apps.application import Application
from seatkeeper.apps.behaviours import Single
from seatkeeper.apps.profile import License, Profile, SiteEvent

if TYPE_CHECKING:
    from seatkeeper.apps.events import Occurred

__all__ = ["ConversationManager"]


class ConversationManager(Application):
    """Conversation Manager (guide, Genesys Product Mapping to Technical Licenses)."""

    profile = Profile(
        type="conversation-manager",
        name="Conversation Manager",
        number=0,
        source="guide, Genesys Product Mapping to Technical Licenses",
        licenses=(License("ContextServices", "8.5", "per environment", "Context Services"),),
        events=(SiteEvent("context-updated", ("customer",), "The context of a customer's conversation changes."),),
        unlicensed="Logs 07100 and exits; where another instance of the environment has the license, it runs under that.",
        violation="Contexts are served as before; logs 07100 once.",
        recovery="Logs 07105 when the license is restored.",
    )

    def build(self) -> None:
        """One license for the environment."""
        Single(self, "ContextServices", "8.5", scope="environment")

    def on_context_updated(self, event: Occurred) -> None:
        """Is served, licensed or in violation."""
        self.reply(event)
