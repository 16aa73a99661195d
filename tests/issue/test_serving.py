"""License servers that are no configuration, have a host id of another system, or divide wrongly are found."""

from __future__ import annotations

from datetime import date

import pytest

from seatkeeper.catalog.model import Catalog
from seatkeeper.issue.order import check_order
from seatkeeper.issue.plan import plan_file
from seatkeeper.issue.reading import OrderProblem
from seatkeeper.licfile.writer import write


def found(text: str, catalog: Catalog, today: date) -> list[tuple[str, str, str]]:
    return [(each.severity, each.key, each.message) for each in problems(text, catalog, today)]


def problems(text: str, catalog: Catalog, today: date) -> tuple[OrderProblem, ...]:
    return check_order(text, "order.toml", catalog, today).problems


def server(host: str, last: str, more: str = "") -> str:
    return f'\n[[servers]]\nhost = "{host}"\nhostid = "0800200005{last}"\n{more}\n'


@pytest.mark.parametrize(
    ("system", "hostid", "good"),
    [
        ("Windows", "1CA25283", False),
        ("Windows", "DISK_SERIAL_NUM=1CA2-5283", True),
        ("Windows", "0800200005ac", True),
        ("Linux", "170a3472", False),
        ("Solaris", "170a3472", True),
        ("HP-UX", "0800200005ac", False),
        ("AIX", "02765131", True),
        ("Linux", "ANY", True),
    ],
)
def test_host_ids_have_the_form_of_their_system(
    order_text: str, catalog: Catalog, today: date, system: str, hostid: str, good: bool
) -> None:
    text = order_text.replace("8:0:20:0:5:ac", hostid) + f'system = "{system}"\n'
    assert [row[1] for row in found(text, catalog, today) if row[0] == "error"] == ([] if good else ["servers[1].hostid"])


@pytest.mark.parametrize(
    ("system", "hostid", "remedy"),
    [
        ("AIX", "000276513100", "drop the last two digits, keep the last eight"),
        ("HP-UX", "0800200005ac", "put # before it"),
        ("Windows", "1CA25283", 'write hostid = "DISK_SERIAL_NUM=1CA25283"'),
        ("Linux", "170a3472", "Run `lmutil lmhostid` on licsrv, and put here what it prints."),
    ],
)
def test_who_gives_what_a_systems_command_prints_is_told_what_to_make_of_it(
    order_text: str, catalog: Catalog, today: date, system: str, hostid: str, remedy: str
) -> None:
    (problem,) = problems(order_text.replace("8:0:20:0:5:ac", hostid) + f'system = "{system}"\n', catalog, today)
    assert (problem.key, problem.found.lower()) == ("servers[1].hostid", hostid.lower())
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("first", "more", "key"),
    [
        ("share = 60", server("b", "ad", "share = 40"), ""),
        ("share = 30", server("b", "ad", "share = 20"), ""),
        ("share = 3", server("b", "ad", "share = 2"), ""),
        ("share = 3", server("b", "ad"), "servers[2]"),
        ('quantities = { "Genesys E-mail" = 15 }', server("b", "ad", 'quantities = { "Genesys E-mail" = 6 }'), "servers[2].quantities"),
        ('quantities = { "Genesys E-mail" = 15 }', server("b", "ad", 'quantities = { "Genesys E-mail" = 4 }'), "servers[2].quantities"),
        ('quantities = { "Genesys E-mail" = 15, vcb_full = 2 }', server("b", "ad"), ""),
        ('quantities = { "Genesys Chat" = 15 }', server("b", "ad"), "servers[1].quantities"),
        ("share = 60", "", "servers[1].share"),
        ("share = 60", server("b", "ac", "share = 40"), "servers[2].hostid"),
        ("share = 60", server("LICSRV", "ad", "share = 40"), "servers[2].host"),
    ],
)
def test_a_split_adds_up(order_text: str, catalog: Catalog, today: date, first: str, more: str, key: str) -> None:
    assert [row[1] for row in found(order_text + first + more, catalog, today)] == ([key] if key else [])


@pytest.mark.parametrize(
    ("word", "count", "good"), [("redundant", 2, False), ("redundant", 3, True), ("single", 2, False), ("independent", 2, True)]
)
def test_a_configuration_has_its_number_of_servers(
    order_text: str, catalog: Catalog, today: date, word: str, count: int, good: bool
) -> None:
    text = order_text.replace("[order]", f'[order]\nconfiguration = "{word}"') + "".join(
        server(f"h{at}", f"b{at}") for at in range(1, count)
    )
    assert [row[1] for row in found(text, catalog, today)] == ([] if good else ["order.configuration"])


def test_the_place_of_a_table_within_a_table(order_text: str, catalog: Catalog, today: date) -> None:
    text = order_text + server("b", "ad") + '[servers.quantities]\n"Genesys E-mail" = 30\n'
    (problem,) = problems(text, catalog, today)
    assert text.splitlines()[problem.line - 1] == "[servers.quantities]"


@pytest.mark.parametrize(
    ("servers", "keys"),
    [
        # More than was ordered is too much, whatever else is wrong with a server.
        (
            server("a", "aa", 'quantities = { "Genesys E-mail" = 15 }') + server("b b", "ad", 'quantities = { "Genesys E-mail" = 6 }'),
            ["servers[2].host", "servers[2].quantities"],
        ),
        # A share that cannot be read is no missing share.
        (server("a", "aa", "share = 3") + server("b", "ad", 'share = "2"'), ["servers[2].share"]),
        # Two servers of one host id are found beside a port that is none.
        (server("a", "aa", "share = 3\nport = 0") + server("b", "aa", "share = 2"), ["servers[1].port", "servers[2].hostid"]),
        # Two hosts that are none are not the same one.
        (server("a a", "aa", "share = 3") + server("b b", "ad", "share = 2"), ["servers[1].host", "servers[2].host"]),
        # With a word that is no configuration nobody knows what the servers are for.
        (server("a", "aa") + server("b", "ad"), ["order.configuration"]),
    ],
)
def test_one_wrong_value_of_a_server_hides_nothing_and_is_no_second_fault(
    order_text: str, catalog: Catalog, today: date, servers: str, keys: list[str]
) -> None:
    text = order_text.partition("\n[[servers]]")[0] + servers
    if keys[0] == "order.configuration":
        text = text.replace("[order]", '[order]\nconfiguration = "both"')
    assert [row[1] for row in found(text, catalog, today)] == keys


@pytest.mark.parametrize(
    ("first", "second", "third", "keys"),
    [
        ("daemon_port = 7261", "", "daemon_port = 7261", []),
        ("", 'daemon_path = "/opt/d"', "", []),
        ('daemon_path = "/opt/d"', 'daemon_path = "/usr/d"', "", ["servers[2].daemon_path"]),
        ("daemon_port = 7261", "daemon_port = 7262", "daemon_port = 7263", ["servers[2].daemon_port", "servers[3].daemon_port"]),
        ("daemon_port = 7261", "port = 7261", "", ["servers[2].port"]),
    ],
)
def test_redundant_servers_say_one_thing_of_their_daemon(
    order_text: str, catalog: Catalog, today: date, first: str, second: str, third: str, keys: list[str]
) -> None:
    text = order_text.partition("\n[[servers]]")[0] + server("a", "a1", first) + server("b", "a2", second) + server("c", "a3", third)
    assert [row[1] for row in found(text, catalog, today)] == keys
    checked = check_order(text, "order.toml", catalog, today)
    if checked.order is not None:
        said = first or second
        assert (
            said.partition(" = ")[2].strip('"')
            in write(plan_file(checked.order, catalog, today).file).split("DAEMON")[1].split("FEATURE")[0]
        )
