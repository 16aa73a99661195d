"""What an order asks for beside seats is what a real license server does: lend, keep for a while, count one user once, listen on IPv6."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Final

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.base.errors import LicenseError
from seatkeeper.issue.issuer import issue_order
from seatkeeper.issue.order import check_order
from seatkeeper.sdk.admin import pools
from seatkeeper.sdk.blocking import Client
from support.site import START_S, VENDOR, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatkeeper.wire.messages import PoolStatus

pytestmark = pytest.mark.processes

CATALOG = load_catalog()
ORDER: Final = """
[order]
number = 20260007
site = 1111
company = "Pigeon Post Example Ltd"
requestor = "Alex Example"
purpose = "evaluation"

[[items]]
product = "Genesys E-mail"
version = "8.5"
quantity = 3
attributes = {{ BORROW = 24 }}

[[licenses]]
feature = "CConCopies"
quantity = 2
attributes = {{ LINGER = 600 }}

[[licenses]]
feature = "vcb_full"
quantity = 5
attributes = {{ DUP_GROUP = "UH" }}

[[servers]]
host = "::1"
hostid = "{hostid}"
port = {port}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A license server with the file of the order, which names it by an IPv6 address."""
    with Site(tmp_path_factory.mktemp("site"), {}) as made:
        checked = check_order(ORDER.format(hostid=made.hostid, port=made.port), "order.toml", CATALOG, date.today())
        assert checked.order is not None, checked.problems
        issue_order(checked.order, CATALOG, made.keys, made.license, date.today(), force=True)
        yield made.start()


@pytest.fixture(autouse=True)
def borrows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this test's borrows are."""
    monkeypatch.setenv("SEATKEEPER_BORROW_DIR", str(tmp_path / "borrow"))
    monkeypatch.setenv("HOME", str(tmp_path))


def client(site: Site, user: str = "kim") -> Client:
    return Client(f"{site.port}@[::1]", root=site.root, user=user, host="kim-pc")


def pool(site: Site, feature: str) -> PoolStatus:
    (found,) = pools("::1", site.port, VENDOR, feature)
    return found


def test_the_server_listens_on_the_orders_ipv6_address(site: Site) -> None:
    assert f"\nSERVER ::1 {site.hostid} {site.port}\n" in site.license.read_text()
    with client(site) as application, application.checkout("ics_email_webform_channel", "8.0"):
        assert pool(site, "ics_email_webform_channel").in_use == 1


def test_the_purpose_is_marked_in_the_file_and_shown_by_the_server(site: Site) -> None:
    assert site.license.read_text().count('NOTICE="Pigeon Post Example Ltd Customer use, EVALUATION ONLY"') == 5
    assert pool(site, "vcb_full").vendor_string == "evaluation"


def test_seats_are_lent_as_long_as_the_order_says(site: Site) -> None:
    with client(site) as application:
        with pytest.raises(LicenseError) as refused:
            application.checkout("ics_multi_media_agent_seat", borrow_until=25)
        assert refused.value.number == -104  # Not for so long.
        with pytest.raises(LicenseError) as refused:
            application.checkout("CConCopies", borrow_until=1)
        assert refused.value.number == -68  # Not at all: the order asks for it of another license.
        seat = application.checkout("ics_multi_media_agent_seat", borrow_until=23)
        assert seat.borrowed_until
    # The application has gone, and the seat is out.
    assert pool(site, "ics_multi_media_agent_seat").in_use == 1


def test_a_seat_that_was_given_back_is_kept_as_long_as_the_order_says(site: Site) -> None:
    with client(site) as application, application.checkout("CConCopies"):
        pass
    deadline = time.monotonic() + START_S
    while not (kept := [holder for holder in pool(site, "CConCopies").holders if holder.linger_total_s]):
        assert time.monotonic() < deadline
    assert (kept[0].user, kept[0].linger_total_s, pool(site, "CConCopies").in_use) == ("kim", 600, 1)
    with client(site) as application, application.checkout("CConCopies"), application.checkout("CConCopies"):
        # What is only kept is given to who asks.
        assert pool(site, "CConCopies").in_use == 2


def test_checkouts_of_one_user_on_one_machine_are_one_seat(site: Site) -> None:
    with client(site) as first, client(site) as second, first.checkout("vcb_full"), second.checkout("vcb_full"):
        assert pool(site, "vcb_full").in_use == 1
        with client(site, "lee") as other, other.checkout("vcb_full"):
            assert pool(site, "vcb_full").in_use == 2
