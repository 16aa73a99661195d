"""A client knows from its path which servers there are, and from what lies beside them whom to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatkeeper.adapters import settings
from seatkeeper.base.errors import InputError, LicenseError
from seatkeeper.client.denials import denial_error
from seatkeeper.client.events import MINOR_PATH

if TYPE_CHECKING:
    from seatkeeper.licfile.trust import Trust

    #: The root to believe (None: whoever is there), and a trust file that the client has itself.
    Trusted = tuple[bytes | None, Trust | None]

__all__ = ["Bearings"]


class Bearings:
    """Where a client looks for servers, and what it knows of them.

    Args:
        path: The license path that has priority over every other source.
        license_file: The value of the application's `license-file` option.
        vendor: The vendor daemon's name.
        root: The vendor's root public key, as `settings.pinned_root` takes it.

    Attributes:
        servers: What the path led to when it was last looked at.

    Raises:
        InputError: `root` or SEATKEEPER_ROOT is no key.
    """

    def __init__(self, path: str | None, license_file: str | None, vendor: str, root: str | bytes | None) -> None:
        self._path = path
        self._license_file = license_file
        self._vendor = vendor
        self._root = settings.pinned_root(root)
        self.servers = settings.Servers()

    @property
    def path(self) -> tuple[str, ...]:
        """The entries of the path, for errors."""
        return self.servers.path

    def find(self, feature: str) -> Trusted:
        """Look at the path; `servers` has at least one server then.

        Raises:
            LicenseError: -1, there is no path; else why it leads to no server, or why the trust file beside it is no good.
            InputError: It is malformed.
        """
        chosen, entries = settings.find_path(self._path, self._license_file, self._vendor)
        if chosen is None:
            raise LicenseError(-1, minor=MINOR_PATH, feature=feature, reason="No license path is given.")
        servers = settings.find_servers(entries, self._vendor)
        if not servers.found:
            raise denial_error(feature, servers.path, servers.failures)
        trusted = self._trusted(servers)
        self.servers = servers
        return trusted

    def trusted(self) -> Trusted:
        """Whom to believe, as far as the path tells; for what is on record here no server is needed."""
        try:
            _, entries = settings.find_path(self._path, self._license_file, self._vendor)
            servers = settings.find_servers(entries, self._vendor)
        except (InputError, LicenseError):
            servers = settings.Servers()
        return self._trusted(servers)

    def _trusted(self, servers: settings.Servers) -> Trusted:
        root = self._root
        if root is not None and not servers.places:
            return root, None
        found = settings.read_trust(self._vendor, servers.places)
        if found is None:
            return root, None
        from seatkeeper.licfile.trust import parse_trust  # cryptography, for which only those pay who have a trust file

        name, text = found
        try:
            known = parse_trust(text, root=root, name=name)
        except (InputError, LicenseError):
            # Beside a pinned root a foreign file is of no account; alone it would decide whom to believe.
            if root is not None:
                return root, None
            raise
        return bytes.fromhex(known.root), known
