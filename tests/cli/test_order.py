"""`seatkeeper order` prints an order, says everything that is wrong with one, and lists what it gives."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from seatkeeper.adapters.catalogs import load_catalog
from seatkeeper.adapters.host import default_hostid, host_name
from seatkeeper.cli.order import counted, main, table


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The template as a file."""
    status, out, err = run(capsys, "template")
    assert (status, err) == (0, "")
    (tmp_path / "order.toml").write_text(out)
    return tmp_path / "order.toml"


def test_the_template_is_for_this_machine_and_good_as_it_stands(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (server,) = tomllib.loads(order.read_text())["servers"]
    assert server == {"host": host_name(), "hostid": default_hostid(), "port": 7260}
    status, out, err = run(capsys, "check", str(order))
    assert (status, err) == (0, "")
    assert out == f"{order} can be issued: 4 sellable items, 13 technical licenses, for {host_name()} ({default_hostid()}).\n"


def test_the_template_takes_company_host_and_hostid(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "template", "--company", "Zebra Example", "--host", "licsrv", "--hostid", "8:0:20:0:5:ac")
    raw = tomllib.loads(out)
    assert status == 0
    assert raw["order"]["company"] == "Zebra Example"
    assert raw["servers"] == [{"host": "licsrv", "hostid": "8:0:20:0:5:ac", "port": 7260}]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--company", 'Zebra "Example"', "This text cannot stand in a license file"),
        ("--company", "", "This value cannot be used"),
        ("--hostid", "192.0.2.7", "An IP address is not a host id"),
        ("--host", "a b", "This value cannot be used"),
    ],
)
def test_a_wrong_option_prints_no_template(capsys: pytest.CaptureFixture[str], option: str, value: str, message: str) -> None:
    status, out, err = run(capsys, "template", option, value)
    assert (status, out) == (1, "")
    assert err.startswith(f"seatkeeper order: {option}: {message}")
    assert err.count("\n") == 1


def test_check_says_everything_on_a_line_each(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = order.read_text().replace("Genesys E-mail", "Genesys Male").replace("quantity = 120", "quantity = 0")
    order.write_text(text)
    status, out, err = run(capsys, "check", str(order))
    first, second, summary = err.splitlines()
    assert (status, out) == (1, "")
    for line, wanted in ((first, "quantity = 0"), (second, "Genesys Male")):
        number = text[: text.index(wanted)].count("\n") + 1
        assert line.startswith(f"seatkeeper order check: {order}:{number}:")
    assert "Did you mean 'Genesys E-mail'" in second
    assert summary == f"{order} cannot be issued: 2 errors."


def test_check_as_json(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(run(capsys, "check", str(order), "--json")[1]) == {"file": str(order), "ok": True, "problems": []}
    order.write_text(order.read_text().replace("quantity = 120", "quantity = 0"))
    status, out, err = run(capsys, "check", str(order), "--json")
    report = json.loads(out)
    assert (status, err, report["ok"]) == (1, "", False)
    (problem,) = report["problems"]
    assert problem["key"] == "items[2].quantity"
    assert problem.keys() == {"file", "line", "column", "key", "message", "found", "expected", "remedy", "severity"}


def test_check_warns_and_still_ends_with_0(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order.write_text(order.read_text().replace("technical_dns = 400", ""))
    status, out, err = run(capsys, "check", str(order))
    assert status == 0
    assert "can be issued" in out
    assert "warning: environment: The order does not say how many technical DNs there are" in err


def test_expand_lists_licenses_with_rule_and_items(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "expand", str(order))
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0].split() == ["Feature", "Version", "Count", "Rule", "For"]
    assert any(line.split() == ["tserver_iscc", "8.0", "2", "per", "site", "Genesys", "CIM", "Platform", "-", "MS"] for line in lines)
    assert lines[-1] == "13 technical licenses."


def test_expand_as_json_is_a_list(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order.write_text(order.read_text() + '[[licenses]]\nfeature = "router_seats"\nquantity = 5\n')
    rows: list[dict[str, Any]] = json.loads(run(capsys, "expand", str(order), "--json")[1])
    assert all(row.keys() == {"feature", "version", "count", "rule", "items", "asked", "attributes"} for row in rows)
    (router,) = [row for row in rows if row["feature"] == "router_seats"]
    assert router == {
        "feature": "router_seats",
        "version": "8.0",
        "count": 155,
        "rule": "per_routing_place",
        "items": ["Genesys CIM Platform - MS"],
        "asked": 5,
        "attributes": {},
    }
    assert all(row["count"] >= 1 for row in rows)


def test_every_product_expands_alone_in_the_templates_environment(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = order.read_text()
    head, tail = text[: text.index("[[items]]")], text[text.index("# Technical licenses that no item") :]
    for product in load_catalog().products:
        order.write_text(f'{head}[[items]]\nproduct = "{product.name}"\nversion = "9.0"\nquantity = 3\n{tail}')
        status, out, err = run(capsys, "expand", str(order), "--json")
        assert (status, err) == (0, "")
        rows = json.loads(out)
        assert {row["feature"].lower() for row in rows} == {row.feature.lower() for row in product.required}


def test_show_has_the_whole_order(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "show", str(order))
    assert (status, err) == (0, "")
    for wanted in ("Pigeon Post Example Ltd", "120  Genesys Inbound Voice 8.5", "2  tserver_iscc 8.0", default_hostid()):
        assert wanted in out
    shown = json.loads(run(capsys, "show", str(order), "--json")[1])
    assert shown["terms"]["configuration"] == "single"
    assert len(shown["technical"]) == 13


@pytest.mark.parametrize("command", ["check", "expand", "show"])
def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    status, out, err = run(capsys, command, str(tmp_path / "none.toml"))
    assert (status, out) == (1, "")
    assert "The order cannot be read: No such file or directory. `seatkeeper order template` prints" in err


def test_expand_of_a_wrong_order_prints_nothing_but_its_errors(order: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order.write_text(order.read_text().replace("quantity = 120", "quantity = 0").replace("quantity = 30", "quantity = -1"))
    status, out, err = run(capsys, "expand", str(order))
    assert (status, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["seatkeeper order"] * 2


def test_a_wrong_option_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check")[0] == 2
    assert run(capsys, "nonsense")[0] == 2


def test_as_a_process() -> None:
    done = subprocess.run([sys.executable, "-m", "seatkeeper.cli.main", "order", "template"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert tomllib.loads(done.stdout)["order"]["purpose"] == "production"


def test_tables_align() -> None:
    assert table(("Name", "Count"), [("a", "5"), ("bcdef", "120")]) == ["Name   Count", "-----  -----", "a          5", "bcdef    120"]
    assert table(("Name", "Of"), []) == ["Name  Of", "----  --"]
    assert (counted(1, "seat"), counted(2, "seat")) == ("1 seat", "2 seats")


def test_what_many_items_need_has_several_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    products = ["Genesys CIM Platform - MS", "Genesys Inbound Voice", "SIP Server", "Express Voice - MS", "Express Voice - SS"]
    main(["template", "--hostid", "0800200005ac"])
    head, _, tail = capsys.readouterr().out.partition("\n[[items]]\n")
    tables = "".join(f'\n[[items]]\nproduct = "{name}"\nversion = "8.5"\nquantity = 10\n' for name in products)
    (tmp_path / "order.toml").write_text(head + tables + tail[tail.index("\n# Technical licenses") :])
    assert main(["expand", str(tmp_path / "order.toml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("tserver_tdn"))
    column = lines[0].rindex("For")
    assert lines[at][column:].startswith("Express Voice - MS, Express Voice - SS, Genesys CIM")
    assert lines[at + 1].lstrip() == lines[at + 1][column:]
    end = next(number for number, line in enumerate(lines) if number > at and not line.startswith(" "))
    said = " ".join(line[column:] for line in lines[at:end])
    assert said == ", ".join(sorted(products))
    assert max(map(len, lines)) < 140
