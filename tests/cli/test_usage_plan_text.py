from __future__ import annotations

from datetime import UTC, date, timedelta
from fractions import Fraction

from seatkeeper.cli.usage_plan_text import about_lines, days_json, percent, seats_json, seats_lines, what_if_json, what_if_lines
from seatkeeper.lrm.plan import Past
from seatkeeper.lrm.plan_seats import SeatsPlan, SeatsRow
from seatkeeper.lrm.plan_whatif import Happened, WhatIf
from seatkeeper.lrm.report import Row
from seatkeeper.usage.periods import Period
from seatkeeper.usage.planning import FromDays, LeftOut, Needed
from seatkeeper.usage.reports import Subject
from seatkeeper.usage.whatif import Denials
from support.usagefacts import DAY

FIRST = date(2026, 9, 1)
SUBJECT = Subject("Harbor", "Desk")


def past(*peaks: int) -> Past:
    rows = [Row(SUBJECT, "x", Period(DAY, DAY, DAY + 86_400), peak, DAY + 60 if peak else None, None) for peak in peaks]
    left = (LeftOut("not over", (FIRST + timedelta(9),)),)
    return Past(SUBJECT, UTC, FromDays(tuple(FIRST + timedelta(number) for number in range(len(peaks))), left), rows)


def test_a_plan_says_whom_it_is_about_and_from_which_days() -> None:
    told = past(3, 5)
    assert about_lines(told, "Genesys E-Mail") == [
        "Genesys E-Mail, Harbor / Desk",
        "From 2 days, 2026-09-01 to 2026-09-02.",
        "Left out: 1 day (not over): 2026-09-10.",
        "The peak was 5, last at 2026-09-01 00:01.",
    ]
    assert days_json(told.days)["left_out"] == [{"reason": "not over", "days": ["2026-09-10"]}]
    assert days_json(past().days)["first"] is None
    assert [percent(share) for share in (0, 0.001, 0.0496, 1)] == ["0 %", "0.1 %", "4.96 %", "100 %"]


def test_of_many_days_those_with_the_most_denials_are_named() -> None:
    days = {FIRST + timedelta(number): number + 1 for number in range(7)}
    denials = Denials(100, 28, 5, DAY, DAY + 9, None, 28, 60, days)
    plan = SeatsPlan(past(3), [SeatsRow(Needed(Fraction(5, 100), 2, 30, 100), denials)])
    lines = seats_lines(plan, "Genesys E-Mail", "logins")
    assert "5 % 2 1 fewer 30 % of 100 logins (30) 28 5 28 never" in [" ".join(line.split()) for line in lines]
    named = "2026-09-03 (3), 2026-09-04 (4), 2026-09-05 (5), 2026-09-06 (6), 2026-09-07 (7)"
    assert f"With 2 seats 28 of 100 logins are denied, on 7 days, most of them on {named}." in lines
    assert seats_json(plan, "Genesys E-Mail", "logins")["group"] == "Desk"
    nothing = seats_lines(SeatsPlan(past(0), []), "Genesys E-Mail", "time")
    assert nothing[-2] == "Nothing was in use on these days, so nothing can be said of risks."


def test_without_a_limit_nobody_is_denied() -> None:
    one = Happened(3, DAY, None, None, None, None)
    lines = what_if_lines(WhatIf(past(3), one, one), "Genesys E-Mail")
    assert [line.split() for line in lines if line.startswith("Seats")] == [["Seats", "no", "limit", "no", "limit"]]
    assert lines[-2] == "There is no limit, so nobody is denied; --seats says how many seats there would be."
    assert what_if_json(WhatIf(past(), None, None), "x")["before"] is None
    assert what_if_lines(WhatIf(past(), None, None), "x")[1] == "No day counts."
