"""Who may do what is one table: a command that is not in it, or not for a role, is denied.

An *identity* says who is at the other end of a connection, as the connection itself tells: the kernel (a Unix socket's peer), a
client certificate, or an access token that was sent over a verified TLS connection. Names inside messages make nobody anything.

| role | is |
|---|---|
| anonymous | anybody from another machine |
| tenant | a known outside party; sees what anybody sees |
| viewer | sees names of users and hosts, and the license lines; every local user is one |
| desk | licensing desk: a viewer who brings new license files into use |
| operator | a viewer who takes seats back |
| administrator | does everything |

The commands are the protocol's messages for tools, by their names; where a message has several meanings, the meaning follows.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from msgspec import Struct

__all__ = ["NOBODY", "ROLES", "RULES", "TOOLS", "Identity", "Objection", "Restrictions", "Role", "Rule", "objection", "sees_names"]

Role = Literal["anonymous", "tenant", "viewer", "desk", "operator", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_EVERYBODY: Final = frozenset(ROLES)
_VIEWERS: Final = frozenset[Role]({"viewer", "desk", "operator", "administrator"})
_REFUSED: Final = -63
#: "lmdown and lmreread must be run on the license server".
_ELSEWHERE: Final = -119
_UNKNOWN: Final = -85


class Identity(Struct, frozen=True):
    """Who is at the other end.

    Attributes:
        role: What he may do.
        user: His name: that of the account behind a Unix socket, or of the entry in the file of administrators; empty where
            nothing is known.
        host: The machine that he asks from.
        local: True where that is this machine.
        attested: True where the kernel, a certificate or a token says so, and not only the address.
    """

    role: Role = "anonymous"
    user: str = ""
    host: str = ""
    local: bool = False
    attested: bool = False

    def __str__(self) -> str:
        name = f"{self.user}@{self.host}" if self.user else self.host or "nobody"
        return f"{name} ({self.role})"


#: Before anything is known.
NOBODY: Final = Identity()


class Rule(Struct, frozen=True):
    """One row of the table.

    Attributes:
        tool: The command of an administrator that asks this; what `lmgrd -x` switches off.
        roles: Who may.
        changes: True where something is different afterwards; `-local` and `-2 -p` are about these.
        here_only: True where it names a file of this machine: nobody says such a thing from elsewhere.
        what: How a refusal calls it, where that is not the tool: several tools ask it.
    """

    tool: str
    roles: frozenset[Role]
    changes: bool = False
    here_only: bool = False
    what: str = ""


_ADMINISTRATOR: Final = frozenset[Role]({"administrator"})
_OPERATORS: Final = frozenset[Role]({"operator", "administrator"})

#: Command -> who may. tests/server/test_access.py wants a row for each message that is no application's.
RULES: Final[dict[str, Rule]] = {
    "AskIdentity": Rule("", _EVERYBODY),
    "Authenticate": Rule("", _EVERYBODY),
    "AskServer": Rule("lmstat", _EVERYBODY),
    "AskFeatures": Rule("lmstat", _EVERYBODY),
    "AskLines": Rule("lmdiag", _VIEWERS, what="to see license lines (lmdiag, lmcksum)"),
    "AskRemove": Rule("lmremove", _OPERATORS, changes=True),
    "AskRevoke": Rule("lmborrow", _OPERATORS, changes=True),
    "AskReread dry_run": Rule("lmreread", frozenset({"desk", "operator", "administrator"})),
    "AskReread": Rule("lmreread", frozenset({"desk", "administrator"}), changes=True),
    "AskSwitch debug": Rule("lmswitch", _ADMINISTRATOR, changes=True, here_only=True),
    "AskSwitch report": Rule("lmswitchr", _ADMINISTRATOR, changes=True, here_only=True),
    "AskSwitch new": Rule("lmnewlog", _ADMINISTRATOR, changes=True, here_only=True),
    "AskDown": Rule("lmdown", _ADMINISTRATOR, changes=True),
}

#: The tools that can be switched off.
TOOLS: Final = tuple(sorted({rule.tool for rule in RULES.values() if rule.roles != _EVERYBODY}))


class Restrictions(Struct, frozen=True):
    """What the administrator has narrowed when he started lmgrd.

    Attributes:
        switched_off: Tools that nobody may use (`-x`).
        local_only: Nothing is changed from another machine (`-local`).
        administrators_only: What changes something is for administrators on this machine (`-2 -p`).
    """

    switched_off: tuple[str, ...] = ()
    local_only: bool = False
    administrators_only: bool = False


class Objection(Struct, frozen=True):
    """Why a command is not carried out: a license error's number, and a sentence."""

    number: int
    text: str


def objection(command: str, identity: Identity, restrictions: Restrictions) -> Objection | None:
    """What speaks against this command by this identity; None where nothing does."""
    rule = RULES.get(command)
    if rule is None:
        return Objection(_UNKNOWN, f"{command} is not known to this license server.")
    if rule.tool in restrictions.switched_off:
        return Objection(_REFUSED, f"{rule.tool} is switched off here (lmgrd -x {rule.tool}).")
    if rule.changes and not identity.local and (rule.here_only or restrictions.local_only or restrictions.administrators_only):
        return Objection(_ELSEWHERE, f"{rule.tool} is accepted from the license server's own machine only.")
    roles = _ADMINISTRATOR if rule.changes and restrictions.administrators_only else rule.roles
    if identity.role in roles:
        return None
    wanted = " or ".join(role for role in ROLES if role in roles)
    return Objection(
        _REFUSED, f"{rule.what or rule.tool} is for the role {wanted}; the connection is that of {identity}.{_advice(identity)}"
    )


def sees_names(identity: Identity) -> bool:
    """Whether status shows this identity the names of users and hosts; others see pseudonyms."""
    return identity.role in _VIEWERS


def _advice(identity: Identity) -> str:
    if identity.attested:
        return ""
    if identity.local:
        return " Administrators of this machine come through lmgrd's Unix socket, which tells who they are."
    return " Run it on the license server, or with an access token over TLS (docs/security.md)."
