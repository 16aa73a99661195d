"""lmgrd proves itself to a tool under the root of whichever of its vendors the tool pins, and under no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatkeeper.base.errors import LicenseError
from seatkeeper.sdk.access import Access
from seatkeeper.sdk.question import Question
from seatkeeper.wire.messages import AskServer, ServerStatus
from support.site import Site

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def test_lmgrd_of_two_vendors_proves_itself_under_either_root_and_no_third(tmp_path: Path) -> None:
    with Site(tmp_path / "site", {"f1": 2}) as site:
        other = site.add_vendor("other.d", {"g1": 2})
        site.start()
        for root in (site.root, other):
            with Question("localhost", site.port, "", Access(plain=False, root=bytes.fromhex(root)), 15) as question:
                (status,) = question.ask(AskServer(1))
            assert isinstance(status, ServerStatus)
            assert [daemon.up for daemon in status.daemons] == [True, True]
        with pytest.raises(LicenseError) as refused:
            Question("localhost", site.port, "", Access(plain=False, root=b"7" * 32), 15)
        assert refused.value.number == -33
