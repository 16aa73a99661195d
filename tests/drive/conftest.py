"""Each module about the guide has one license server, whose license file every test writes anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.guided import Guided
from support.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A license server that is up."""
    with Site(tmp_path_factory.mktemp("guide"), {"nothing": 1}) as site:
        site.start()
        yield site


@pytest.fixture
def guided(served: Site) -> Guided:
    """It, for one test."""
    if served.process is None:
        served.start()
    return Guided(served)
