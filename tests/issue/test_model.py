"""The values of an order."""

from __future__ import annotations

import msgspec

from seatkeeper.issue.model import Order


def test_the_notice_names_the_reseller_only_where_there_is_one(order: Order) -> None:
    assert order.terms.notice == "Pigeon Post Example Ltd (Twine Example Trading) Customer use"
    assert msgspec.structs.replace(order.terms, reseller="").notice == "Pigeon Post Example Ltd Customer use"
