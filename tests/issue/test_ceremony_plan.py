from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatkeeper.base.errors import InputError
from seatkeeper.issue.ceremony_plan import parse_plan, read_plan

HEAD = 'vendor = "genesys.d"\nkeys = "keys"\noperator = "Ann Example"\n'
BASE = Path("/desk")


def plan(text: str) -> object:
    return parse_plan((HEAD + text).encode(), "plan.toml", BASE)


def test_a_plan_is_read_with_its_paths_made_whole(tmp_path: Path) -> None:
    text = (
        'witnesses = ["Ben Example"]\n[root]\nwhere = "usb"\npassphrase = "prompt"\n[daemon]\npassphrase = "file:d"\n'
        '[[steps]]\ndo = "init"\nfrom = 2026-04-01\n[[steps]]\ndo = "revoke"\nissuer = "00"\non = 2026-03-01\n'
    )
    (tmp_path / "plan.toml").write_text(HEAD + text)
    read, digest = read_plan(tmp_path / "plan.toml")
    assert (read.keys, read.root.where, read.daemon.passphrase) == (str(tmp_path / "keys"), str(tmp_path / "usb"), f"file:{tmp_path / 'd'}")
    assert (read.steps[0].start, read.steps[1].on, read.makes_vendor) == (date(2026, 4, 1), date(2026, 3, 1), True)
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "steps"),
        ("steps = []", "steps"),
        ("x = ", "not TOML"),
        ('colour = 1\n[[steps]]\ndo = "init"', "colour"),
        ('[[steps]]\ndo = "burn"', r"burn.*steps\[0\]"),
        ('[[steps]]\ndo = "init"\noverlap = 3', r"step 1 \(init\) has no overlap"),
        ('[[steps]]\ndo = "rotate"\n[[steps]]\ndo = "init"', r"step 2 \(init\) must be the first"),
        ('[[steps]]\ndo = "revoke"', "does not say which issuer"),
        ('[[steps]]\ndo = "rotate"\nwhere = "elsewhere"', "does not name a key in a token"),
        ('[issuer]\nwhere = "elsewhere"\n[[steps]]\ndo = "init"', "issuer.where does not name a key in a token"),
        ('[issuer]\nwhere = "pkcs11:token=a"\n[[steps]]\ndo = "init"', "issuer.where: The URI of the token does not say"),
        ('[issuer]\npassphrase = "hunter2"\n[[steps]]\ndo = "init"', "issuer.passphrase: This is not where"),
    ],
)
def test_what_cannot_be_done_is_refused_beforehand(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        plan(text)
    assert "plan.toml" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_plan_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "none")
    with pytest.raises(InputError, match="UTF-8"):
        parse_plan(b"\xff", "plan.toml", BASE)
