"""An options file as values: how a rule is cited, and that no file at all restricts nobody."""

from __future__ import annotations

import pytest

from seatkeeper.licfile.model import Problem
from seatkeeper.licfile.options_model import EMPTY_OPTIONS, FeatureSpec, OptionsFile, Rule

RULE = Rule("EXCLUDE", 12, "EXCLUDE f1 USER joe", FeatureSpec("f1"), "USER", "joe")


@pytest.mark.parametrize("name", ["genesys.d.opt", "/etc/lm/genesys.d.opt", "c:\\lm\\genesys.d.opt"])
def test_a_rule_is_cited_without_the_directory(name: str) -> None:
    assert OptionsFile(name).cite(RULE) == "genesys.d.opt:12: EXCLUDE f1 USER joe"


def test_a_spec_reads_as_it_may_be_written() -> None:
    assert str(FeatureSpec("f1", (("VERSION", "2.0"), ("HOSTID", "8:0:20:0:5:ac")))) == "f1:VERSION=2.0:HOSTID=8:0:20:0:5:ac"


def test_without_a_file_there_are_no_rules_and_the_usual_settings() -> None:
    assert (EMPTY_OPTIONS.rules, EMPTY_OPTIONS.groups, EMPTY_OPTIONS.problems) == ((), {}, ())
    assert EMPTY_OPTIONS.automatic_reread
    assert not EMPTY_OPTIONS.fqdn_lenient
    assert not EMPTY_OPTIONS.case_insensitive
    assert EMPTY_OPTIONS.max_connections == 0


def test_each_problem_is_one_sentence_with_its_place() -> None:
    options = OptionsFile("d.opt", problems=(Problem(3, 7, "This is wrong."), Problem(4, 1, "So is this.", severity="warning")))
    assert options.sentences == ("d.opt:3:7: This is wrong.", "d.opt:4:1: So is this.")
