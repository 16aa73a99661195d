"""Each package has a README that says what holds in it, and speaks of modules, limits and places that are really there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "seatkeeper"
PACKAGES = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
LINES_MIN, LINES_MAX = 15, 45
SECTIONS = ("## What holds", "## What it may not import", "## How it is tested")


def readme(package: str) -> str:
    return (SOURCE / package / "README.md").read_text(encoding="utf-8")


def test_there_are_packages() -> None:
    assert len(PACKAGES) >= 13


@pytest.mark.parametrize("package", PACKAGES)
def test_it_is_short_and_has_its_sections(package: str) -> None:
    text = readme(package)
    assert LINES_MIN <= len(text.splitlines()) <= LINES_MAX
    assert text.startswith(f"# {package}: "), "the first line says what the package is for"
    missing = [section for section in SECTIONS if f"\n{section}\n" not in text]
    assert not missing, f"{package}/README.md lacks {missing}"
    assert "\nRead " in text, f"{package}/README.md does not say what to read first"


@pytest.mark.parametrize("package", PACKAGES)
def test_what_it_names_is_there(package: str) -> None:
    text = readme(package)
    spans = re.findall(r"`([^`\n]+)`", text)
    paths = [span for span in spans if re.fullmatch(r"[\w./]+\.py", span)]
    gone = [name for name in paths if not (SOURCE / package / name).is_file() and not (ROOT / name).is_file()]
    assert not gone, f"{package}/README.md speaks of {gone}"
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (SOURCE / package).glob("*.py"))
    limits = [span for span in spans if re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", span)]
    unknown = [name for name in limits if not re.search(rf"^{name}\b|^    {name}\b", sources, re.MULTILINE)]
    assert not unknown, f"{package}/README.md speaks of {unknown}, which no module of it defines"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_places_it_names_are_there(package: str) -> None:
    places = re.findall(r"\b(?:docs|tests|data)/[\w./]+", readme(package))
    gone = [place for place in places if not any((base / place.rstrip(".")).exists() for base in (ROOT, SOURCE))]
    assert not gone, f"{package}/README.md speaks of {gone}"
