"""The guide's paragraphs on Interaction Server and Classification Server, each on a real license server."""

from __future__ import annotations

import pytest

from seatkeeper.apps.classification_server import ClassificationServer
from seatkeeper.apps.conversation_manager import ConversationManager
from seatkeeper.apps.interaction_server import MEDIA, SEAT, InteractionServer
from support.guided import ENDED, NO_FEATURE, NONE_LEFT, STARTED, Guided, failed, out, restored
from support.site import feature

EMAIL = MEDIA["email"]


async def test_interaction_server_a_seat_for_each_agent(guided: Guided) -> None:
    """Interaction Server: one ics_multi_media_agent_seat for each agent who is logged in; without any it does not start."""
    guided.license(**{SEAT: 2})
    async with guided.play(InteractionServer) as ixn:
        assert ixn.log() == [out(SEAT, 2), STARTED]
        assert [await ixn.accepted("agent-login", agent=agent) for agent in ("ann", "bob", "cid")] == [True, True, False]
        assert guided.in_use_in_all() == {SEAT: 2}
    guided.license(**{EMAIL: 2})
    async with guided.play(InteractionServer) as ixn:
        assert (ixn.log(), ixn.status) == ([failed(NO_FEATURE), ENDED], 3)


@pytest.mark.parametrize(("medium", "name"), MEDIA.items())
async def test_interaction_server_a_license_for_each_medium(guided: Guided, medium: str, name: str) -> None:
    """Interaction Server: an agent needs, besides his seat, a license of each medium that he works with."""
    guided.license(**{SEAT: 3, name: 1})
    async with guided.play(InteractionServer, {"license": {name: 1}}) as ixn:
        assert ixn.log() == [out(SEAT, 3), out(name), STARTED]
        assert await ixn.accepted("agent-login", agent="ann", media=[medium])
        assert not await ixn.accepted("agent-login", agent="bob", media=[medium])
        assert await ixn.accepted("agent-login", agent="cid")
        assert not await ixn.accepted("media-added", agent="cid", media=medium)
        await ixn.occur("agent-logout", agent="ann")
        assert await ixn.accepted("media-added", agent="cid", media=medium)


async def test_interaction_server_jms_capture_point(guided: Guided) -> None:
    """Interaction Server: one iwd_jms_cp enables the capture point; without it all else works."""
    options = {"license": {"iwd_jms_cp": True}}
    guided.license(**{SEAT: 1, "iwd_jms_cp": 1})
    async with guided.play(InteractionServer, options) as ixn:
        assert ixn.log() == [out(SEAT), out("iwd_jms_cp"), STARTED]
        assert await ixn.accepted("captured")
    guided.license(**{SEAT: 1})
    async with guided.play(InteractionServer, options) as ixn:
        assert ixn.log(7100) == [failed(NO_FEATURE)]
        assert ixn.functions == ["iWD capture point"]
        assert not await ixn.accepted("captured")
        assert await ixn.accepted("agent-login", agent="ann")


async def test_classification_server(guided: Guided) -> None:
    """Classification Server: screens without a license; with one it analyzes content too."""
    guided.license(other=1)
    async with guided.play(ClassificationServer) as classifier:
        assert classifier.log() == [failed(NO_FEATURE), STARTED]
        assert classifier.functions == ["content analysis"]
        assert await classifier.accepted("screening-requested", interaction="1")
        assert not await classifier.accepted("classification-requested", interaction="1")
        guided.license(ics_nlp_content_analysis=1)
        await guided.later(60, classifier)
        assert classifier.log(7105) == [restored(NO_FEATURE)]
        assert await classifier.accepted("classification-requested", interaction="1")
        assert guided.in_use_in_all() == {"ics_nlp_content_analysis": 1}
    async with guided.play(ClassificationServer, {"license": {"content-analysis": False}}) as classifier:
        assert classifier.log() == [STARTED]
        assert guided.in_use_in_all() == {}


async def test_conversation_manager(guided: Guided) -> None:
    """Product Mapping: ContextServices, of version 8.5, is one for the environment."""
    guided.license(feature("ContextServices", 1, "8.5"))
    async with guided.play(ConversationManager, name="cm1") as first, guided.play(ConversationManager, name="cm2") as second:
        assert first.log() == [out("ContextServices"), STARTED]
        assert (second.log(7100), second.status) == ([], None)
        assert await second.accepted("context-updated", customer="1")
    guided.license(ContextServices=1)
    async with guided.play(ConversationManager) as manager:
        assert (manager.log(), manager.status) == ([failed("License file does not support this version"), ENDED], 3)


async def test_interaction_server_checks_out_the_configured_number(guided: Guided) -> None:
    """Notes, Interaction Server: for each feature an option of its name, whose number is checked out at startup and at a change."""
    guided.license(**{SEAT: 5, EMAIL: 3})
    async with guided.play(InteractionServer, {"license": {SEAT: 2, EMAIL: 1}}) as ixn:
        assert ixn.log() == [out(SEAT, 2), out(EMAIL, 1), STARTED]
        await ixn.change(SEAT, 4)
        await ixn.change(EMAIL, 3)
        assert guided.in_use_in_all() == {SEAT: 4, EMAIL: 3}
        await ixn.change(SEAT, 1)
        await ixn.change(EMAIL, 0)
        assert guided.in_use_in_all() == {SEAT: 1}
        assert ixn.alarms == []
        await ixn.change(SEAT, 7)
        assert ixn.log(7100) == [failed(NONE_LEFT)]
        assert guided.in_use(SEAT) == 5


async def test_interaction_server_forces_logout(guided: Guided) -> None:
    """Notes, Interaction Server: where more agents are logged in than the option allows for, just so many are logged out."""
    guided.license(**{SEAT: 4, EMAIL: 4})
    async with guided.play(InteractionServer, {"license": {SEAT: 4, EMAIL: 4}}) as ixn:
        for agent in ("ann", "bob", "cid", "dan"):
            assert await ixn.accepted("agent-login", agent=agent, media=["email"])
        await ixn.change(SEAT, 3)
        assert ixn.forced == ["dan"]
        assert guided.in_use_in_all() == {SEAT: 3, EMAIL: 4}
        await ixn.change(EMAIL, 1)
        assert ixn.forced == ["dan", "cid", "bob"]
        assert list(ixn.app.agents) == ["ann"]
        assert guided.in_use_in_all() == {SEAT: 3, EMAIL: 1}
