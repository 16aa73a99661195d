"""The house is tidy: every module says what it is for and what it offers, is of a readable size, has a test, and uses our words."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "seatkeeper"
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 100

#: Name as in "base/errors.py" -> file.
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

#: Modules without a test module of their own name -> (the tests that prove them, why there).
#: A module without functions holds values, and is proved by the tests of those who handle them.
TESTED_ELSEWHERE = {
    "adapters/clock.py": ("server/test_license_server.py", "one call of the standard library each; the real processes live by them"),
    "cli/demo.py": ("drive/test_demo.py", "it reads two options; the demo's tests call it as a person does"),
    "cli/vendord.py": ("server/test_license_server.py", "lmgrd starts it"),
    "drive/apprun.py": ("cli/test_app_run.py", "the process that `seatkeeper app run` is; its tests run the command"),
    "drive/premises.py": ("drive/test_simulation.py", "a license server made by commands; simulations and the demo live in it"),
    "server/logserver.py": ("server/test_trio.py", "real log servers, killed and started again"),
    "server/triadpump.py": ("server/test_trio.py", "the tests of three real servers put every event through it"),
    "server/pump.py": ("server/test_vendord.py", "the tests of the daemon's process put every event through it"),
    "vendor/log.py": ("adapters/test_journal.py", "an interface; the journal keeps its promises"),
}

#: Words that design section 9 replaces, where no other meaning of theirs occurs in this project.
BANNED_WORDS = {
    "acquire": "checkout",
    "acquires": "checks out",
    "acquired": "checked out",
    "acquiring": "checkout",
    "audit": "journal",
    "audits": "journal",
    "fingerprint": "hostid",
    "fingerprints": "hostids",
    "licence": "license",
    "licences": "licenses",
    "licenced": "licensed",
    "sku": "sellable item",
    "skus": "sellable items",
    "slot": "seat",
    # Not "token": a seat is never one, and an access token of an administrator is (docs/security.md).
    "ttl": "lease, linger or borrow",
}

#: Functions of adapters.keys that open or make private keys of the vendor -> only these modules may name them.
KEY_FUNCTIONS = {"init_vendor", "issue_credential", "load_issuer", "load_root", "open_key", "open_root", "revoke", "rotate"}
KEY_USERS = ("adapters/keyplaces.py", "adapters/keys.py", "cli/vendor.py", "cli/vendor_acts.py", "issue/")


def report(faults: list[str]) -> None:
    """Fails with one line for each fault."""
    assert not faults, "\n".join([f"{len(faults)} to mend:", *faults])


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def assigned(node: ast.stmt) -> set[str]:
    """The names that a statement gives a value to."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def tracked_files() -> list[Path]:
    """All files that git has or would take; where this is no git checkout, those of the directories that it would take."""
    listed = subprocess.run(
        ["git", "-c", "core.quotePath=off", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        return [path for part in ("src", "tests", "docs", "bench", "requirements") for path in (ROOT / part).rglob("*") if path.is_file()]
    return [path for path in (ROOT / name for name in listed.stdout.decode().split("\0") if name) if path.is_file()]


def texts() -> list[tuple[str, str]]:
    """Name and text of every tracked file that is text."""
    found = []
    for path in tracked_files():
        data = path.read_bytes()
        if b"\0" not in data:
            found.append((str(path.relative_to(ROOT)), data.decode("utf-8", "replace")))
    return found


def test_every_module_says_what_is_true_because_it_exists() -> None:
    faults = []
    for name, path in MODULES.items():
        first = (ast.get_docstring(tree_of(path)) or "").partition("\n")[0].strip()
        if not first:
            faults.append(f"{name} has no docstring: begin it with one line that says what is true because the module exists")
        elif not first.endswith((".", "?", "!", ":", ")", '"')):
            faults.append(f"{name}: the docstring's first line is no whole sentence: {first!r}")
    report(faults)


def test_every_module_says_what_it_offers() -> None:
    # That the names exist is ruff's business (F822).
    with_all = {name for name, path in MODULES.items() if any("__all__" in assigned(node) for node in tree_of(path).body)}
    report([f"{name} has no __all__" for name in MODULES if not name.endswith("__init__.py") and name not in with_all])


def test_modules_and_functions_are_of_a_readable_size() -> None:
    faults = []
    for name, path in MODULES.items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        faults += [f"{name} has {lines} lines, {MODULE_LINES_MAX} are the limit: split it for meaning"] if lines > MODULE_LINES_MAX else []
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    faults.append(f"{name}:{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES_MAX} are the limit")
    report(faults)


def test_every_module_is_proved_by_its_own_tests() -> None:
    faults = []
    for name, path in MODULES.items():
        package, _, module = name.rpartition("/")
        own = f"{package}/test_{module}".lstrip("/")
        if module == "__init__.py" or not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree_of(path))):
            continue
        if name in TESTED_ELSEWHERE:
            faults += [f"{name} has {own} by now: take it out of TESTED_ELSEWHERE"] if (ROOT / "tests" / own).is_file() else []
        elif not (ROOT / "tests" / own).is_file():
            faults.append(f"{name} has no tests/{own}: write it, or name in TESTED_ELSEWHERE what proves it, and why there")
    report(faults)


def test_what_is_tested_elsewhere_is() -> None:
    faults = []
    for name, (where, reason) in TESTED_ELSEWHERE.items():
        test = ROOT / "tests" / where
        faults += [f"{name} does not exist"] if name not in MODULES else []
        faults += [f"{name}: tests/{where} does not exist"] if not test.is_file() else []
        assert reason
    report(faults)


def word_uses(text: str) -> list[tuple[int, str, str]]:
    """Line, word and what to say instead, for every word that design section 9 replaces."""
    # Identifiers are words too: sku_count, SkuCount. Python's own names are not ours.
    cleaned = re.sub(r"__slots__|token_(?:bytes|hex|urlsafe)|slots=", "", text)
    cleaned = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cleaned).replace("_", " ")
    found = []
    for number, line in enumerate(cleaned.splitlines(), 1):
        words = re.findall(r"[a-z]+", line.lower())
        found += [(number, word, BANNED_WORDS[word]) for word in words if word in BANNED_WORDS]
    return found


@pytest.mark.parametrize(("text", "word"), [("the SKU", "sku"), ("def acquire_seat", "acquire"), ("SlotCount", "slot")])
def test_a_replaced_word_is_found(text: str, word: str) -> None:
    assert [each[1] for each in word_uses(text)] == [word]


def test_python_s_own_words_are_not_ours() -> None:
    assert word_uses("__slots__ = ()\nsecrets.token_hex(4)\nclass A(slots=True)\nlocksmith") == []


def test_one_word_per_idea() -> None:
    uses = [
        f"{name}:{line}: {word!r}, say {instead}"
        for name, text in texts()
        if name.startswith(("src/", "docs/")) or name in {"README.md", "CHANGELOG.md"}
        for line, word, instead in word_uses(text)
    ]
    report(uses)


def test_vendor_keys_are_opened_only_where_licenses_are_issued() -> None:
    uses = []
    for name, path in MODULES.items():
        if name.startswith(KEY_USERS):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "seatkeeper.adapters.keys":
                uses += [f"{name}:{node.lineno} {each.name}" for each in node.names if each.name in KEY_FUNCTIONS | {"*"}]
            elif isinstance(node, ast.Attribute) and node.attr in KEY_FUNCTIONS and isinstance(node.value, ast.Name):
                uses += [f"{name}:{node.lineno} {node.value.id}.{node.attr}"] if "key" in node.value.id else []
    report(uses)


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    # Written in two parts, so that this file does not name them either.
    hosts = "|".join(
        re.escape(".".join(parts)) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org")]
    )
    patterns = {
        "a package index": re.compile(rf"(?i)\b(?:[a-z0-9-]+\.)*(?:{hosts})\b|--(?:extra-)?index" + r"-url|https?://\S*/simple\b"),
        "a path of one machine": re.compile(r"(?<![\w.~])/" + r"work/"),
    }
    found = [
        f"{name}:{number}: {what}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in patterns.items()
        if pattern.search(line)
    ]
    report(found)


def test_the_pins_are_names_versions_and_hashes_only() -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert files
    for path in files:
        joined = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
        lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines, f"{path.name} pins nothing"
        pin = re.compile(r"[a-z0-9-]+==[\w.+!]+(?: ; [\w .'\"!=<>]+?)? ?(?:--hash=sha256:[0-9a-f]{64}\s*)+")
        odd = [line[:80] for line in lines if not pin.fullmatch(line)]
        assert not odd, f"{path.name}: not a pin with hashes: {odd}"
