"""One license server for all tests of a module, and after each of them the proof that it came to no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.hostile import Watch
from support.site import Site, feature, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that serves through lmgrd's port and through the vendor daemon's own."""
    lines = [
        feature("lent", 3, BORROW="24"),
        feature("shared", 2, DUP_GROUP="UH"),
        feature("f1", 20),
        feature("scarce", 2),
        feature("many", 20_000),
        feature("good", 1_000),
        feature("free", "uncounted", HOSTID="ANY"),
    ]
    with Site(tmp_path_factory.mktemp("hostile"), lines, daemon_port=free_port()) as made:
        made.start("-x", "lmdown")
        yield made


@pytest.fixture(scope="module")
def watch(site: Site) -> Watch:
    """Who serves since the module's begin."""
    return Watch(site)


@pytest.fixture(autouse=True)
def _unharmed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that uses the module's server: it is the same one, and serves."""
    watch = request.getfixturevalue("watch") if "site" in request.fixturenames else None
    yield
    if watch is not None:
        watch.unharmed()
