"""By what a process shows that it is the license server: its credential, the trust behind it, and a proof made for one connection.

lmgrd has as many identities as it has vendors with a credential, and its TLS connections have the certificate of the first. A proof
for another vendor is signed with that vendor's key over the certificate of the connection. So who pins that vendor's root learns
that the holder of a key which this root vouches for calls the connection its own; whose certificate encrypts it does not matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from seatkeeper.adapters.keys import find_credential, find_trust, read_trust
from seatkeeper.adapters.tls import binding_of
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.certificate import check_chain
from seatkeeper.licfile.trust import server_proof
from seatkeeper.wire.messages import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from seatkeeper.adapters.keys import Credential
    from seatkeeper.wire.messages import AskIdentity

__all__ = ["Standing", "find_standing"]


class Standing(msgspec.Struct, frozen=True):
    """What a server has to show.

    Attributes:
        vendor: The vendor daemon whose server it is.
        hostids: Those of the SERVER lines.
        trust: The vendor's trust file, as text.
        credential: The server's key and certificates.
        binding: What ties a proof to TLS connections with this credential.
        root: The vendor's root public key, in hex.
        others: What the same server has to show for other vendors; its connections have this one's certificate.
    """

    vendor: str
    hostids: tuple[str, ...]
    trust: str
    credential: Credential
    binding: bytes
    root: str = ""
    others: tuple[Standing, ...] = ()

    @classmethod
    def of(cls, vendor: str, hostids: Sequence[str], trust: str, credential: Credential, root: str = "") -> Standing:
        """With the binding worked out."""
        return cls(vendor, tuple(hostids), trust, credential, binding_of(credential.chain), root)

    def answer(self, asked: AskIdentity, binding: bytes) -> Identity:
        """The proof that is asked for, good only for TLS connections with the certificate that `binding` stands for."""
        by = next((one for one in (self, *self.others) if one.root == asked.root.lower()), self)
        # No session has an empty id, so this never serves as a session's proof.
        proof = server_proof(by.credential.key, asked.nonce, b"", by.vendor, binding=binding)
        return Identity(asked.request, by.vendor, list(by.hostids), by.trust, by.credential.chain, proof)


def find_standing(vendors: Iterable[str], first: Path, hostids: Sequence[str], today: date) -> Standing | None:
    """The standing of these vendors' server, for each that has trust and a good credential beside the license file `first`.

    None where no vendor has.
    """
    found: list[Standing] = []
    for vendor in vendors:
        try:
            path = find_trust(vendor, None, first)
            credential = find_credential(first.parent, vendor, hostids)
            if path is None or credential is None:
                continue
            trust = read_trust(path)
            check_chain(credential.chain, trust=trust, hostids=hostids, today=today)
            found.append(Standing.of(trust.vendor, hostids, path.read_text("utf-8"), credential, trust.root))
        except (SeatkeeperError, OSError, UnicodeError):
            # The vendor daemon meets the same files and says what is wrong with them.
            continue
    return replace(found[0], others=tuple(found[1:])) if found else None
