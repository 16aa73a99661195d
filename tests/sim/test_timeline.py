"""What to buy follows from what was wanted at once."""

from __future__ import annotations

import msgspec

from seatkeeper.sim.timeline import FeatureDay, Timeline, advise


def test_the_advice_covers_the_highest_demand_with_a_little_to_spare() -> None:
    enough, short = FeatureDay("f1", 10), FeatureDay("f2", 100)
    enough.wanted[600] = 10
    short.wanted[600], short.wanted[601] = 101, 120
    (advice,) = advise([enough, short])
    assert (advice.feature, advice.licensed, advice.wanted, advice.at, advice.buy) == ("f2", 100, 120, "10:01", 26)


def test_a_timeline_is_json() -> None:
    timeline = Timeline(10, 1, features=[FeatureDay("f1", 10)])
    assert msgspec.json.decode(msgspec.json.encode(timeline), type=Timeline) == timeline
