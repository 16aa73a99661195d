"""Conversation Manager: Context Services of version 8.5."""

from __future__ import annotations

from seatkeeper.apps.conversation_manager import ConversationManager
from seatkeeper.apps.events import CheckOut
from support.stage import Stage


def test_it_asks_for_version_8_5() -> None:
    stage = Stage(ConversationManager, {"ContextServices": 1}).start()
    assert [(effect.feature, effect.version) for effect in stage.effects if isinstance(effect, CheckOut)] == [("ContextServices", "8.5")]
    assert stage.accepted("context-updated", customer="c1")
    assert Stage(ConversationManager, {}).start().status == 3
