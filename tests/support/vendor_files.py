"""License and options files at random, small enough that everything in them is soon used up, as text and as the model has them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.support.vendor_bench import TODAY
from tests.support.vendor_model import Files, Line, Pool, Rule

if TYPE_CHECKING:
    from random import Random

__all__ = ["license_text", "options_text", "random_pools", "random_rules", "served"]

TOMORROW = TODAY + timedelta(days=1)
GROUPS = (("day", ("bob", "cid")), ("all", ("ann", "bob", "cid")))
RULES = (
    *(Rule("RESERVE", feature, number, "USER", "ann") for feature in "pgk" for number in (1, 2)),
    *(Rule("RESERVE", "p", number, "GROUP", "day") for number in (1, 3)),
    *(Rule("RESERVE", feature, 1, "GROUP", "all") for feature in "pg"),
    Rule("RESERVE", "a", 1, "USER", "bob"),
    *(Rule("MAX", feature, number, "USER", "ann") for feature in "pgask" for number in (1, 2)),
    *(Rule("MAX", feature, number, "GROUP", "day") for feature in "pg" for number in (0, 2)),
    *(Rule("MAX", feature, 2, "HOST", "h1") for feature in "pg"),
    Rule("EXCLUDE", "p", 0, "USER", "cid"),
    Rule("EXCLUDE", "p", 0, "USER", "bob", "8.0"),
    Rule("EXCLUDE", "g", 0, "USER", "ann"),
    Rule("EXCLUDE", "s", 0, "USER", "cid"),
    Rule("INCLUDE", "p", 0, "GROUP", "day"),
    Rule("INCLUDE", "p", 0, "USER", "ann"),
    Rule("INCLUDE", "n", 0, "USER", "ann"),
    Rule("INCLUDE", "n", 0, "USER", "bob"),
    Rule("MAX_OVERDRAFT", "p", 1),
    Rule("LINGER", "p", 60),
    Rule("TIMEOUT", "p", 60),
    Rule("TIMEOUT", "g", 1200),
    Rule("BORROW_LOWWATER", "p", 1),
    Rule("BORROW_LOWWATER", "g", 1),
    Rule("MAX_BORROW_HOURS", "p", 1),
    Rule("EXCLUDE_BORROW", "g", 0, "USER", "bob"),
)


def random_lines(r: Random) -> tuple[Line, ...]:
    one, two = r.choice([1, 2, 2, 3, 4]), r.choice([1, 2, 3])
    return r.choice(
        [
            *[(Line(one),)] * 4,
            (Line(one, r.choice([1, 2])),),
            (Line(one, expires=r.choice([TODAY, TODAY, TODAY, TODAY - timedelta(days=1)])),),
            (Line(one), Line(two, start=TOMORROW)),
            (Line(one, 1, expires=TODAY), Line(two)),
        ]
    )


def random_pools(r: Random, suites: int) -> tuple[Pool, ...]:
    """Pools of some of the features p (two versions), g (shared), n (named users), a and b (a suite), x and y (a package).

    Args:
        r: Chance.
        suites: How many suites are out: with fewer than that, those that were first keep their components, and the model does not
            know which those are.
    """
    found: list[Pool] = []

    def more(mask: str = "", minimum: int = 1) -> dict[str, object]:
        linger, lent = r.choice([0.0, 0.0, 40.0]), r.choice([0, 2])
        return {"lines": random_lines(r), "mask": mask, "minimum": minimum, "linger_s": linger, "borrow_h": lent}

    if r.random() < 0.5:
        found.append(Pool("p", "8.5", **more()))
    if r.random() < 0.5:
        found.append(Pool("p", "8.0", **more(minimum=r.choice([1, 1, 2]))))
    if r.random() < 0.5:
        found.append(Pool("g", "8.0", **more(r.choice(["U", "UHD", "UV", "H", "SITE"]))))
    if r.random() < 0.25:
        found.append(Pool("n", "8.0", (Line(r.choice([1, 2])),), named_max=r.choice([1, 2])))
    if r.random() < 0.5:
        lines = (Line(max(r.choice([1, 2, 2, 3]), suites)),)
        mask, linger, kind = r.choice(["", "UHD"]), r.choice([0.0, 40.0]), r.choice(["SUITE", "SUITE_RESERVED"])
        found += [Pool(name, "8.0", lines, mask=mask, linger_s=linger, package="s", suite=kind) for name in "ab"]
    if r.random() < 0.25:
        count = r.choice([1, 2])
        found += [Pool("x", "8.0", (Line(count),), package="k"), Pool("y", "8.0", (Line(2 * count),), package="k")]
    return tuple(found)


def random_rules(r: Random) -> tuple[Rule, ...]:
    """Some rules, no two of which say the same thing about the same subject."""
    picked = r.sample(RULES, r.choice([0, 0, 1, 2, 3, 5, 7]))
    return tuple({(one.keyword, one.feature, one.kind, one.name, one.version): one for one in picked}.values())


def served(pools: tuple[Pool, ...], rules: tuple[Rule, ...]) -> Files:
    """The files, as far as the model can say what they come to.

    A seat that several users share may come out of several reservations, and which one is empty then depends on what was before; and
    a SUITE_RESERVED package reserves by itself.
    """
    several = {pool.feature for pool in pools if pool.mask in ("H", "SITE") or pool.suite == "SUITE_RESERVED"}
    return Files(pools, tuple(one for one in rules if one.keyword != "RESERVE" or one.feature not in several), GROUPS)


def license_text(files: Files) -> str:
    text = []
    for package, components in (("s", '"a b"'), ("k", '"x y:8.0:2"')):
        inside = [pool for pool in files.pools if pool.package == package]
        if inside:
            options = f" OPTIONS={inside[0].suite}" if inside[0].suite else ""
            text.append(f"PACKAGE {package} genesys.d 8.0 COMPONENTS={components}{options} SIGN=00")
            text += [_line(package, inside[0], line) for line in inside[0].lines]
    for pool in files.pools:
        if not pool.package:
            text += [_line(pool.feature, pool, line) for line in pool.lines]
    return "\n".join(text)


def _line(feature: str, pool: Pool, line: Line) -> str:
    attributes = {
        "DUP_GROUP": pool.mask,
        "OVERDRAFT": line.overdraft,
        "MINIMUM": pool.minimum if pool.minimum > 1 else 0,
        "LINGER": int(pool.linger_s),
        "BORROW": pool.borrow_h,
        "USER_BASED": pool.named_max,
        "START": "" if line.start == date.min else _day(line.start),
    }
    words = [f"{name}={value}" for name, value in attributes.items() if value]
    expires = "permanent" if line.expires == date.max else _day(line.expires)
    return " ".join(["INCREMENT", feature, "genesys.d", pool.version, expires, str(line.count), *words, "SIGN=00"])


def _day(day: date) -> str:
    return day.strftime("%d-%b-%Y").lower()


def options_text(files: Files) -> str:
    text = [f"GROUP {name} {' '.join(members)}" for name, members in files.groups] if files.rules else []
    for one in files.rules:
        number = [str(one.number)] if one.keyword in ("RESERVE", "MAX") else []
        feature = f"{one.feature}:VERSION={one.version}" if one.version else one.feature
        last = [one.kind, one.name] if one.kind else [str(one.number)]
        text.append(" ".join([one.keyword, *number, feature, *last]))
    return "\n".join(text)
