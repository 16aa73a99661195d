"""The frames of all answers."""

from __future__ import annotations

from datetime import date

from seatkeeper.pools.counted import Pool
from seatkeeper.pools.lines import ServedLine
from seatkeeper.server.answers import ANSWER_FRAMES, Grants
from seatkeeper.vendor.events import DenialAnswer, GrantAnswer, LossAnswer, QueuedAnswer, RemovalAnswer, RestoreAnswer, ReturnAnswer
from seatkeeper.wire.framing import HEADER_BYTES, decode_server
from seatkeeper.wire.messages import FRAME_BYTES_MAX, Denied, Done, Granted, Lost, Queued, Restored, Returned


def test_every_answer_has_its_frame() -> None:
    pool = Pool("8.0", (ServedLine("f1", "genesys.d", "8.0", "permanent", "5"),), ("FEATURE f1 ...",), date(2026, 11, 24))
    frames = {**ANSWER_FRAMES, GrantAnswer: Grants("").frame}
    for answer, message in (
        (GrantAnswer(1, 101, 2, pool, True), Granted(1, 101, 2, "8.0", "permanent", "FEATURE f1 ...")),
        (GrantAnswer(1, 101, 2, pool, False), Granted(1, 101, 2, "8.0", "permanent")),
        (GrantAnswer(1, 101, 2, None, False), Granted(1, 101, 2)),
        (DenialAnswer(1, -4, "why"), Denied(1, -4, 342, "why")),
        (ReturnAnswer(1, 101, -41), Returned(1, 101, -41)),
        (LossAnswer(101, -92, "why"), Lost(101, -92, "why")),
        (RestoreAnswer(101), Restored(101)),
        (RemovalAnswer(1, 2, 0, "2 removed"), Done(1, 0, "2 removed")),
        (RemovalAnswer(1, 0, -41, "No checkout matches."), Done(1, -41, "No checkout matches.")),
        (QueuedAnswer(1, 101, 3), Queued(1, 101, 3)),
        (DenialAnswer(1, -38, "why", "o:1: EXCLUDE", ("a@b",), 5.0), Denied(1, -38, 0, "why", "o:1: EXCLUDE", ["a@b"], 5.0)),
    ):
        assert decode_server(frames[type(answer)](answer)[HEADER_BYTES:]) == message


def test_lines_bring_a_trust_file_that_no_welcome_has_brought() -> None:
    pool = Pool("8.0", (ServedLine("f1", "genesys.d", "8.0", "permanent", "5"),), ("FEATURE f1 ...",), date(2026, 11, 24))
    grants = Grants("first")

    def trust(show_line: bool) -> str:
        granted = decode_server(grants.frame(GrantAnswer(1, 101, 2, pool, show_line))[HEADER_BYTES:])
        assert isinstance(granted, Granted)
        return granted.trust

    grants.serve("first")
    assert trust(True) == ""
    grants.serve("second")
    assert (trust(True), trust(False)) == ("second", "")
    # Clients that were welcomed with the second one must hear of the first one, too.
    grants.serve("first")
    assert trust(True) == "first"
    # What does not fit is left out: the lines themselves must arrive.
    grants.serve("x" * FRAME_BYTES_MAX)
    assert trust(True) == ""
    assert grants.trust_with("line", FRAME_BYTES_MAX) == ""
