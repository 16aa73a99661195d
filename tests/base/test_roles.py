"""roles: the table of who may do what, and what an administrator narrows when he starts lmgrd."""

from __future__ import annotations

import pytest

from seatkeeper.base.roles import NOBODY, ROLES, RULES, TOOLS, Identity, Restrictions, Role, objection, sees_names

FREE = Restrictions()


def who(role: Role, *, local: bool = True) -> Identity:
    return Identity(role, "ada", "desk1", local=local, attested=True)


def test_what_is_not_in_the_table_nobody_may() -> None:
    for role in ROLES:
        found = objection("AskEverything", who(role), FREE)
        assert found is not None
        assert found.number == -85


@pytest.mark.parametrize("command", RULES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_its_row_says(command: str, role: Role) -> None:
    found = objection(command, who(role), FREE)
    if role in RULES[command].roles:
        assert found is None
    else:
        assert found is not None
        assert found.number == -63
        assert role in found.text


def test_administrators_may_everything_and_anonymous_callers_only_look() -> None:
    assert all("administrator" in rule.roles for rule in RULES.values())
    assert {name for name, rule in RULES.items() if "anonymous" in rule.roles} == {
        "AskIdentity",
        "Authenticate",
        "AskServer",
        "AskFeatures",
    }
    assert not [name for name, rule in RULES.items() if rule.changes and rule.roles & {"anonymous", "tenant", "viewer"}]
    assert objection("AskFeatures", NOBODY, FREE) is None


@pytest.mark.parametrize("command", [name for name, rule in RULES.items() if rule.tool in TOOLS])
def test_what_is_switched_off_is_so_for_everybody_and_nothing_else_is(command: str) -> None:
    off = Restrictions((RULES[command].tool,))
    found = objection(command, who("administrator"), off)
    assert found is not None
    assert f"-x {RULES[command].tool}" in found.text
    others = [name for name, rule in RULES.items() if rule.tool != RULES[command].tool]
    assert not [name for name in others if objection(name, who("administrator"), off) is not None]


@pytest.mark.parametrize("restrictions", [Restrictions(local_only=True), Restrictions(administrators_only=True)])
def test_local_only_is_about_what_changes_something(restrictions: Restrictions) -> None:
    for name, rule in RULES.items():
        far = objection(name, who("administrator", local=False), restrictions)
        assert (far is not None) == rule.changes, name
        assert far is None or far.number == -119
        assert objection(name, who("administrator"), restrictions) is None


def test_2_p_leaves_operators_and_the_desk_to_look() -> None:
    narrow = Restrictions(administrators_only=True)
    for role in ("operator", "desk"):
        found = objection("AskRemove", who(role), narrow)
        assert found is not None
        assert found.number == -63
        assert objection("AskLines", who(role), narrow) is None


def test_who_names_a_file_is_on_this_machine() -> None:
    for command in ("AskSwitch debug", "AskSwitch report", "AskSwitch new"):
        found = objection(command, who("administrator", local=False), FREE)
        assert found is not None
        assert found.number == -119
        assert objection(command, who("administrator"), FREE) is None


def test_the_refusal_says_how_it_could_be_done() -> None:
    here = objection("AskDown", Identity("viewer", "", "127.0.0.1", local=True), FREE)
    far = objection("AskDown", Identity("anonymous", "", "192.0.2.9"), FREE)
    known = objection("AskDown", who("operator"), FREE)
    assert here is not None
    assert far is not None
    assert known is not None
    assert "Unix socket" in here.text
    assert "access token" in far.text
    assert known.text.endswith("ada@desk1 (operator).")


def test_names_are_for_viewers_and_above() -> None:
    assert [role for role in ROLES if sees_names(who(role))] == ["viewer", "desk", "operator", "administrator"]


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (NOBODY, "nobody (anonymous)"),
        (Identity("viewer", "", "127.0.0.1"), "127.0.0.1 (viewer)"),
        (who("desk"), "ada@desk1 (desk)"),
    ],
)
def test_an_identity_is_told_in_one_word(identity: Identity, text: str) -> None:
    assert str(identity) == text
