"""The registry knows what was delivered and what came in, whatever breaks off."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from seatkeeper.adapters.keys import init_vendor
from seatkeeper.adapters.registry import Registry, make_registry
from seatkeeper.base.errors import InputError
from seatkeeper.catalog.model import Catalog
from seatkeeper.issue import desk_deliveries
from seatkeeper.issue.delivery import Delivery
from seatkeeper.issue.desk import Desk
from seatkeeper.issue.desk_deliveries import RegistryDeliveries, issue_received
from seatkeeper.issue.desk_verify import verify
from seatkeeper.issue.intake import Desk as Intake
from seatkeeper.issue.intake import approve, take_in
from seatkeeper.issue.letters import Mailbox
from support.desk_mail import ORDER

NUMBER = "20260042"


@pytest.fixture
def desk(tmp_path: Path, catalog: Catalog) -> Desk:
    init_vendor(tmp_path / "keys", "genesys.d", today=date.today())
    make_registry(str(tmp_path / "desk.db"))
    return Desk(Registry(str(tmp_path / "desk.db")), catalog, 1.79e9, date.today(), "sam")


def delivery(path: Path, order: str = NUMBER) -> Delivery:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Delivery("d1", "2026-11-24", order, "1111", ((path.name, digest),), recipients=("alex@pigeon.example",), by="smtp://mail")


def test_what_was_sent_is_known_file_by_file(desk: Desk, tmp_path: Path) -> None:
    with desk.registry:
        issue_received(desk, ORDER, "order.toml", NUMBER, tmp_path / "keys", tmp_path / "license.dat")
        recorder = RegistryDeliveries(desk)
        recorder.begun(delivery(tmp_path / "license.dat"))
        recorder.ended("d1", "sent", "taken")
        with desk.registry.read() as view:
            assert [(one.file, one.how, one.recipient) for one in view.deliveries()] == [("F000001", "smtp://mail", "alex@pigeon.example")]
        recorder.begun(delivery(tmp_path / "license.dat"))
        recorder.ended("d1", "refused", "no such user")
        with desk.registry.read() as view:
            assert len(view.deliveries()) == 1
            assert [row.act for row in view.history()][-2:] == ["delivering", "undelivered"]
            assert verify(view, None).findings == ()


def test_a_file_that_the_registry_does_not_have_is_not_delivered(desk: Desk, tmp_path: Path) -> None:
    with desk.registry:
        issue_received(desk, ORDER, "order.toml", NUMBER, tmp_path / "keys", tmp_path / "license.dat")
        other = tmp_path / "other.dat"
        other.write_text((tmp_path / "license.dat").read_text() + "# changed\n")
        with pytest.raises(InputError, match="no file of order 20260042 that counts"):
            RegistryDeliveries(desk).begun(delivery(other))
        with pytest.raises(InputError, match="no file of order 1 that counts"):
            RegistryDeliveries(desk).begun(delivery(tmp_path / "license.dat", "1"))


def test_an_order_that_came_twice_is_issued_once(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auto = ORDER.replace(NUMBER, "auto")

    def broken(*_: object, **__: object) -> None:
        raise InputError("The disk broke.")

    with desk.registry:
        with monkeypatch.context() as patched:
            patched.setattr(desk_deliveries, "issue", broken)
            with pytest.raises(InputError, match="The disk broke"):
                issue_received(desk, auto, "order.toml", "auto", tmp_path / "keys", tmp_path / "license.dat")
        first = issue_received(desk, auto, "order.toml", "auto", tmp_path / "keys", tmp_path / "license.dat")
        again = issue_received(desk, auto, "order.toml", "auto", tmp_path / "keys", tmp_path / "again.dat")
        assert first == again
        assert '"auto"' not in first
        assert (tmp_path / "license.dat").read_bytes() == (tmp_path / "again.dat").read_bytes()
        with desk.registry.read() as view:
            assert (len(view.orders()), len(list(view.files()))) == (1, 1)
        issue_received(desk, ORDER, "order.toml", NUMBER, tmp_path / "keys", tmp_path / "third.dat")
        with pytest.raises(InputError, match="has an order of this number"):
            issue_received(desk, ORDER.replace("Alex", "Kim"), "order.toml", NUMBER, tmp_path / "keys", tmp_path / "fourth.dat")


def test_an_order_that_comes_by_the_drop_folder_is_registered_and_approved(desk: Desk, tmp_path: Path, catalog: Catalog) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    with desk.registry:
        intake = Intake(
            tmp_path / "in", tmp_path / "out", tmp_path / "keys", catalog, Mailbox("desk@vendor.example"), "sam", settle_s=0,
            registry=desk.registry,
        )  # fmt: skip
        (tmp_path / "in" / "a.toml").write_text(ORDER.replace(NUMBER, "auto"))
        (held,) = take_in(intake)
        with desk.registry.read() as view:
            assert (held.what, view.orders()) == ("checked", [])
        done = approve(intake, held.id)
        assert done.what == "issued"
        with desk.registry.read() as view:
            (order,), (file,) = view.orders(), list(view.files())
            assert (order.state, file.state, file.order) == ("issued", "placed", order.number)
            assert file.signed == (tmp_path / "out" / done.id / "license.dat").read_text()
            assert (tmp_path / "out" / done.id / "order.toml").read_text() == order.text
