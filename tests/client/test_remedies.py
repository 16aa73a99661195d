"""Every error number, and every symptom of the guide's "License Failure Scenarios", is answered with its own cause and remedy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatkeeper.base.errors import LICENSE_ERRORS, LicenseError, error_text, exit_status
from seatkeeper.client import events
from seatkeeper.client.cases import CASES
from seatkeeper.client.cases_foreign import FOREIGN_CASES
from seatkeeper.client.remedies import NUMBERS, PLACES, TEXT_CHARS_MAX, advice_of, explain, remedy_of
from seatkeeper.client.symptoms import SYMPTOMS

#: All numbers of FlexNet that are known to us (facts, FlexNet 7.2); those left out stand for nothing.
KNOWN = sorted(set(range(-150, 0)) - {-70, -78, -79, -80, -81, -86, -107, -108, -109, -111}, reverse=True)

#: The guide's topic "License Failure Scenarios": our name for what it tells, its section, the words that a person would paste,
#: and what the answer must be about.
GUIDE = {
    "07100 with GLMR_LICENSE_SERVER_NOT_AVAILABLE": (
        "Genesys Log Messages",
        "Std 07100 Licensing violation is identified, the violation type GLMR_LICENSE_SERVER_NOT_AVAILABLE.",
        r"could not reach lmgrd",
    ),
    "07100 with an unknown SERVER host": (
        "Genesys Log Messages",
        "Std 07100 Licensing violation is identified, the violation type Cannot find SERVER hostname in network database.",
        r"cannot be resolved",
    ),
    "07100 without a license file": (
        "Genesys Log Messages",
        "Std 07100 Licensing violation is identified, the violation type Cannot find license file.",
        r"file name as license path",
    ),
    "07100 with GLMR_LICENSE_NO_LICENSE_AVAILABLE": (
        "Genesys Log Messages",
        "Std 07100 Licensing violation is identified, the violation type GLMR_LICENSE_NO_LICENSE_AVAILABLE.",
        r"all seats of the feature are taken",
    ),
    "07100 with another violation type": (
        "Genesys Log Messages",
        "07100|STANDARD|GCTI_LICENSE_FAIL|Licensing violation is identified, the violation type %s",
        r"what stands after `violation type` is the cause",
    ),
    "07101, seats checked out": ("Genesys Log Messages", "Std 07101 Feature 'tserver_sdn': 3 licenses checked out.", r"no failure"),
    "07102 to 07104, the server's status": ("Genesys Log Messages", "Std 07103 some notification", r"connection to the license server"),
    "07105, a violation is over": (
        "Genesys Log Messages",
        "07105|STANDARD|GCTI_LICENSE_RESTORED|License status restored after violation with type 'x'",
        r"is over",
    ),
    "05066, an application's own message": ("Genesys Log Messages", "05066 something about a license", r"message of its own"),
    "bad code": ("License File Problems", "bad code or inconsistent encryption code", r"signature of a license line"),
    "application did not start": ("License File Problems", "Genesys application did not start.", r"denied at the start"),
    "did not start: invalid license file": (
        "License File Problems",
        "Invalid license file (unauthorized changes)",
        r"edited where it may not be",
    ),
    "did not start: expired": ("License File Problems", "Expired license.", r"last day"),
    "did not start: old version": ("License File Problems", "Old FEATURE version in license file.", r"upgraded"),
    "did not start: feature missing": ("License File Problems", "FEATURE line missing in license file.", r"does not contain"),
    "did not start: wrong host": (
        "License File Problems",
        "Wrong host name setup on the Command Line Arguments",
        r"host in Command Line Arguments",
    ),
    "did not start: wrong port": ("License File Problems", "Wrong port setup in licensing options.", r"port in Command Line Arguments"),
    "ordered or generated incorrectly": (
        "License File Problems",
        "Incorrectly ordered or generated license files",
        r"exactly what was ordered",
    ),
    "no more tserver_sdn licenses": (
        "License File Problems",
        "Std 20007 All 3 seat licenses are in use already, registration rejected.",
        r"fewer DN seats than its clients",
    ),
    "no more licenses, at the client": ("License File Problems", "No More Licenses", r"fewer DN seats than its clients"),
    "application exited": (
        "License Server Problems",
        "I tried to start an application, but the application exited.",
        r"No license server could be reached",
    ),
    "exited: server not started": ("License Server Problems", "You did not start license server.", r"No lmgrd runs"),
    "exited: daemon not reachable": (
        "License Server Problems",
        "Flex, Genesys daemon, or both are not running or are not reachable.",
        r"vendor daemon genesys.d does not serve",
    ),
    "wrong host id": (
        "Host ID Problems",
        "When I run the license server on my computer, I get: wrong host ID.",
        r"issued for another machine",
    ),
    "cannot connect": (
        "Connection Problems",
        "The Flex licensed application (or lmstat) cannot connect to the server to check out a license.",
        r"does not run at that host and port",
    ),
    "firewall": ("Firewall Problems", "You have not configured the firewall to allow connection to the license server", r"does not pass"),
    "DNs not registered": (
        "Exceeding the Number of Licenses",
        "T-Server clients could not register all configured DNs.",
        r"More DNs are configured",
    ),
    "option wrong in this T-Server": (
        "Exceeding the Number of Licenses",
        "Incorrect values specified for the num-sdn-licenses or num-of-licenses options in this T-Server configuration",
        r"smaller than the number of its DNs",
    ),
    "option wrong in another T-Server": (
        "Exceeding the Number of Licenses",
        "Incorrect values specified for num-sdn-licenses or num-of-licenses in another T-Server configuration",
        r"Another T-Server",
    ),
    "option invalid": ("Exceeding the Number of Licenses", "num-sdn-licenses = -3", r"counts as `max`"),
    "number of DNs changed": (
        "Configuration and Reconfiguration of Number of DNs",
        "After I increased/decreased the num-sdn-licenses or num-of-licenses option value, I received GTCI_LICENSE_FAIL",
        r"More seats were asked for than are free",
    ),
}


def test_all_numbers_are_explained_and_no_others() -> None:
    assert list(NUMBERS) == KNOWN
    assert not set(CASES) & set(FOREIGN_CASES)
    assert set(LICENSE_ERRORS) == set(KNOWN)
    assert advice_of(-70) is None
    assert remedy_of(-70) == ""


@pytest.mark.parametrize("number", KNOWN)
def test_a_number_has_a_cause_and_a_remedy_of_its_own(number: int) -> None:
    advice = advice_of(number)
    assert advice is not None
    assert advice.title == f"{error_text(number)} ({number})"
    for sentence in (advice.cause, advice.remedy):
        assert re.match(r"[A-Z`]", sentence), sentence
        assert sentence.endswith("."), sentence
        assert len(sentence.split()) >= 4
    # The cause says more than the error's own text, and the same as no other number's.
    assert advice.cause.lower().rstrip(".") != error_text(number).lower().rstrip(".")
    others = [(CASES | FOREIGN_CASES)[other] for other in KNOWN if other != number]
    assert advice.cause not in [cause for cause, _ in others]
    assert explain(str(number)) == (advice,)


@pytest.mark.parametrize("number", KNOWN)
def test_an_error_is_recognized_in_every_form_in_which_it_is_printed(number: int) -> None:
    error = LicenseError(number, minor=570, system=(111, "Connection refused"), feature="f1", path=("7260@licsrv",))
    for text in (error.short(), str(error), f'12:00:00 (genesys.d) DENIED: "f1" ada@desk  ({error.short()})', f"{number},570"):
        first = explain(text)[0]
        assert first.number == number
        assert "while the connection was being made (570)" in first.cause
    assert "nothing listens" in explain(error.short())[0].cause


@pytest.mark.parametrize("name", GUIDE)
def test_a_symptom_of_the_guide_has_its_cause_and_remedy(name: str) -> None:
    section, words, about = GUIDE[name]
    found = explain(words)
    assert found, name
    assert found[0].section == section, (name, found[0])
    assert re.search(about, found[0].cause), (name, found[0])
    assert len(found[0].remedy.split()) >= 4


def test_all_sections_of_the_guide_s_list_are_covered() -> None:
    assert {section for section, _, _ in GUIDE.values()} == {symptom.section for symptom in SYMPTOMS} - {"Debug log"}


def test_no_two_symptoms_of_the_guide_get_the_same_answer_by_mistake() -> None:
    answers = [explain(words)[0].title for _, words, _ in GUIDE.values()]
    same = {title for title in answers if answers.count(title) > 1}
    # The guide tells this one twice: at the T-Server, and at its client.
    assert same == {"a client may not register: all seats in use"}


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("15:04:05 (genesys.d) No features to serve, exiting", "no features to serve"),
        ("(lmgrd) ABAQUSLM exited with status 27 (No features to serve)", "no features to serve"),
        ("(lmgrd) genesys.d is NOT started again: the license file is gone.", "vendor daemon given up"),
        ("(lmgrd) Since this is an unknown status, license server ", "vendor daemon restarted"),
        ("12:10:48 (lmgrd) genesys.d exited with status 0 signal = 17", "vendor daemon ended"),
        ('(MLM) MULTIPLE "MLM" license server systems running.', "several daemons of one vendor"),
        ("(lmgrd) Retrying socket bind (address in use)", "port in use"),
        ("(lmgrd) Lost quorum", "quorum lost"),
        ("License File SERVER line order mismatch.", "order of SERVER lines differs"),
        ('(MLM) QUEUED: "f1" ada@desk', "checkout queued"),
        ("(MLM) Invalid license key (inconsistent authentication code)", "bad code or inconsistent encryption code"),
        ("genesys.d: The desired vendor daemon is down.", "vendor daemon down"),
    ],
)
def test_a_line_of_the_debug_log_is_recognized_by_its_words(line: str, title: str) -> None:
    assert explain(line)[0].title == title


def test_a_log_line_with_a_number_is_explained_by_the_number_first() -> None:
    found = explain('10:33:00 (MLM) UNSUPPORTED: "f1" (PORT_AT_HOST_PLUS   ) ada@desk  (No such feature exists. (-5,346))')
    assert [advice.number for advice in found][:1] == [-5]
    assert "in the vendor daemon's log" in found[0].cause
    assert "unsupported feature asked for" in [advice.title for advice in found]


def test_the_long_form_gives_its_system_error() -> None:
    found = explain('FlexNet Licensing error:-15,570.  System Error: 110 "Connection timed out"')
    assert found[0].number == -15
    assert "a firewall drops the packets" in found[0].cause


def test_a_misleading_system_error_is_put_right() -> None:
    found = explain('License server machine is down or not responding. (-96,7:2 "No such file or directory")')
    assert "only says that the name could not be resolved" in found[0].cause


@pytest.mark.parametrize("number", [-1, -4, -15, -97, -137, -150])
def test_a_tool_s_exit_status_is_known(number: int) -> None:
    status = exit_status(number)
    (advice,) = explain(str(status))
    assert advice.number == number
    assert advice.title.startswith(f"exit status {status} is error {number}: ")


@pytest.mark.parametrize(
    ("text", "number"), [("15", -15), ("(-4,342)", -4), (" -97,121 \n", -97), ('-15,570:111 "Connection refused"', -15)]
)
def test_a_bare_number_may_be_written_as_people_write_it(text: str, number: int) -> None:
    assert [advice.number for advice in explain(text)] == [number]


@pytest.mark.parametrize(
    "text", ["exit status 241", "lmstat exited with 241", "Main process exited, code=exited, status=241/n/a", "returned 241"]
)
def test_an_exit_status_may_stand_in_a_sentence(text: str) -> None:
    (advice,) = explain(text)
    assert (advice.number, "exit status 241" in advice.title) == (-15, True)


@pytest.mark.parametrize("text", ["", "999", "0", "-70", "-300", "Good morning.", "f1"])
def test_what_nobody_knows_is_not_guessed(text: str) -> None:
    assert explain(text) == ()


def test_an_error_s_text_without_its_number_is_enough() -> None:
    for number, (text, _) in LICENSE_ERRORS.items():
        assert number in [advice.number for advice in explain(f"Error: {text}")], text


def test_every_second_number_of_the_client_is_explained() -> None:
    minors = {value for name, value in vars(events).items() if name.startswith("MINOR_")}
    assert len(minors) > 5
    assert minors <= set(PLACES)


def test_a_system_error_alone_is_explained() -> None:
    assert "no route" in explain('System error: 101 "Network is unreachable"')[0].cause


def test_patterns_are_in_lower_case_as_the_text_is_by_then() -> None:
    for symptom in SYMPTOMS:
        for pattern in symptom.patterns:
            assert re.sub(r"\\.", "", pattern) == re.sub(r"\\.", "", pattern).lower(), pattern
        assert symptom.cause.endswith(".")
        assert symptom.remedy.endswith(".")
    assert len({symptom.name for symptom in SYMPTOMS}) == len(SYMPTOMS)


@given(st.text(max_size=300))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    assert all(advice.cause and advice.remedy for advice in explain(text))


def test_a_long_text_is_read_up_to_its_limit() -> None:
    assert explain("x" * TEXT_CHARS_MAX + " (-4,342)") == ()
    assert explain("x " * (TEXT_CHARS_MAX // 2 - 10) + " (-4,342)")[0].number == -4


def test_the_reason_gives_a_remedy_that_fits_better_than_the_number_s() -> None:
    assert "lmhostid" in remedy_of(-9)
    assert "lmhostid" not in remedy_of(-9, "The license of hu is for hostid USER=ada; this machine has USER=bob.")
    assert "options lint" in remedy_of(-2, "options file genesys.d.opt:3:1: This is no keyword of an options file; did you mean MAX?")
    assert remedy_of(-2, "license.dat:3:1: This is no keyword.") == remedy_of(-2)
