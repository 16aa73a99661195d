"""By what a process shows that it is the license server: its credential, the trust behind it, and a proof made for one connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from seatkeeper.adapters.keys import find_credential, find_trust, read_trust
from seatkeeper.adapters.tls import binding_of
from seatkeeper.base.errors import SeatkeeperError
from seatkeeper.licfile.trust import server_proof
from seatkeeper.wire.messages import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    """

    vendor: str
    hostids: tuple[str, ...]
    trust: str
    credential: Credential
    binding: bytes

    @classmethod
    def of(cls, vendor: str, hostids: Sequence[str], trust: str, credential: Credential) -> Standing:
        """With the binding worked out."""
        return cls(vendor, tuple(hostids), trust, credential, binding_of(credential.chain))

    def answer(self, asked: AskIdentity) -> Identity:
        """The proof that is asked for, good for TLS connections with this credential only."""
        # No session has an empty id, so this never serves as a session's proof.
        proof = server_proof(self.credential.key, asked.nonce, b"", self.vendor, binding=self.binding)
        return Identity(asked.request, self.vendor, list(self.hostids), self.trust, self.credential.chain, proof)


def find_standing(vendors: Iterable[str], first: Path, hostids: Sequence[str]) -> Standing | None:
    """The standing of the first of these vendors that has trust and credential beside the license file `first`; None without any."""
    for vendor in vendors:
        try:
            trust = find_trust(vendor, None, first)
            credential = find_credential(first.parent, vendor, hostids)
            if trust is not None and credential is not None:
                return Standing.of(read_trust(trust).vendor, hostids, trust.read_text("utf-8"), credential)
        except (SeatkeeperError, OSError, UnicodeError):
            # The vendor daemon meets the same files and says what is wrong with them.
            continue
    return None
