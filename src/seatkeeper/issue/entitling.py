"""An entitlement file is signed with the key that signs licenses, once it has passed its check, and is read back before it goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters.entitlements import parse_entitlement
from seatkeeper.adapters.keys import load_issuer, load_trust
from seatkeeper.base.errors import InputError, SeatkeeperError
from seatkeeper.licfile.canonical import fold_name
from seatkeeper.licfile.detached import objection_to, sign_detached
from seatkeeper.usage.entitlement import ENTITLEMENT_TAG, canonical_entitlement, check_entitlement, write_entitlement

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from seatkeeper.adapters.keyplaces import Passphrase
    from seatkeeper.catalog.model import Catalog
    from seatkeeper.usage.entitlement import Entitlement

__all__ = ["sign_entitlement"]


def sign_entitlement(entitlement: Entitlement, catalog: Catalog, keys: Path, today: date, *, passphrase: Passphrase = None) -> str:
    """The text of the signed entitlement file.

    Args:
        entitlement: What it is to say; issued today.
        catalog: What it is checked against.
        keys: The directory of the vendor's keys.
        today: The day of issue.
        passphrase: Opens the issuer key.

    Raises:
        InputError: The keys cannot be used or are another vendor's, or the entitlement has an error.
        SeatkeeperError: What was signed is not read as it was meant.
    """
    _, trust = load_trust(keys)
    if fold_name(trust.vendor) != fold_name(entitlement.vendor):
        raise InputError("These keys are another vendor's.", file=str(keys), found=trust.vendor, expected=entitlement.vendor)
    error = next((problem for problem in check_entitlement(entitlement, catalog, today) if problem.severity == "error"), None)
    if error is not None:
        raise InputError(error.message, remedy="Nothing was signed.")
    content = canonical_entitlement(entitlement)
    signature = sign_detached(content, ENTITLEMENT_TAG, load_issuer(keys, passphrase=passphrase, today=today))
    text = write_entitlement(entitlement, signature)
    read, found = parse_entitlement(text.encode())
    told = objection_to(found, canonical_entitlement(read), ENTITLEMENT_TAG, trust, read.header.issued)
    if read != entitlement or told:
        raise SeatkeeperError(f"The signed entitlement does not stand the test: {told or 'it is read as another one.'}", "Report this.")
    return text
