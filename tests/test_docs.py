"""The manual is complete and true: everything a person can type or set is named in docs/, and the examples there run.

An example is a fence that opens with ```console; in it, a line that begins with `$ ` is a command. All examples of one file are one shell
session in an empty directory, with the project's commands on PATH, and each command must end with status 0. What is not meant to be
run opens with ```console no-run or ```text. Port 7260 is replaced by a free one, in the commands and in the files they write.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from seatkeeper.cli.lmutil import TOOLS
from seatkeeper.cli.main import COMMANDS
from support.site import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parent.parent
#: The index and the record of decisions do not explain how a thing is used.
MANUAL = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in {"README.md", "decisions.md"})
SCRIPTS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"])
SETTINGS = sorted(
    {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"\bSEATKEEPER_[A-Z0-9_]*[A-Z0-9]\b", path.read_text(encoding="utf-8"))
    }
)
SESSION_S = 240.0
#: A server that was told to stop may take this long.
STOP_S = 10.0
DEFAULT_PORT = "7260"


@functools.cache
def manual() -> dict[str, str]:
    """Name and text of every page that explains something."""
    return {path.name: path.read_text(encoding="utf-8") for path in MANUAL}


def pages_that_name(*words: str) -> list[str]:
    """The pages on which every one of these words stands by itself."""
    patterns = [re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])") for word in words]
    return [name for name, text in manual().items() if all(pattern.search(text) for pattern in patterns)]


def undocumented(options: Iterable[tuple[str, ...]], *command: str) -> list[str]:
    """The options that no page names which is about the command; of several spellings one is enough."""
    return [", ".join(names) for names in options if not any(pages_that_name(*command, name) for name in names)]


def options_in(usage: str) -> list[tuple[str, ...]]:
    """All options that a classic tool's usage names, but the one that asks for it."""
    found = set(re.findall(r"(?<![\w-])-[A-Za-z-][\w-]*", usage))
    return sorted((name,) for name in found - {"-help"})


def help_options(text: str) -> list[tuple[str, ...]]:
    """The options that a help text explains, each with its other spellings: the words before the explanation."""
    found = []
    for line in text.splitlines():
        names: list[str] = []
        for word in line.strip(" │*").replace(",", " ").split():
            if re.fullmatch(r"--?[A-Za-z][\w-]*", word):
                names.append(word)
            elif not names or not (word.isupper() or word[0] in "<[{"):
                break
        if names and "--help" not in names:
            found.append(tuple(names))
    return found


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a command says of itself, unfolded."""
    monkeypatch.setenv("COLUMNS", "200")

    def ask(module: str, *words: str) -> str:
        try:
            status = import_module(f"seatkeeper.cli.{module}").main([*words, "--help"])
        except SystemExit as end:
            status = end.code
        assert not status, f"`{' '.join([module, *words])} --help` ended with {status}"
        return capsys.readouterr().out

    return ask


#: The words of commands that tell them apart by argparse, whose help shows only the first level.
WORDS = {"app": ["list", "show", "run"], "simulate": ["day"]}


def subcommands(module: str) -> list[str]:
    """The words that may follow a command, where it is made of several."""
    if module in WORDS:
        return WORDS[module]
    app = getattr(import_module(f"seatkeeper.cli.{module}"), "app", None)
    registered = getattr(app, "registered_commands", [])
    return [each.name or each.callback.__name__.replace("_", "-") for each in registered] if len(registered) > 1 else []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert pages_that_name(f"seatkeeper {command}"), f"no page of docs/ names `seatkeeper {command}`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_documented(command: str, help_of: Callable[..., str]) -> None:
    module = COMMANDS[command][0]
    missing = [f"{command} {option}" for option in undocumented(help_options(help_of(module)), f"seatkeeper {command}")]
    for word in subcommands(module):
        name = f"seatkeeper {command} {word}"
        if not pages_that_name(name):
            missing.append(f"{command} {word}")
        missing += [f"{command} {word} {option}" for option in undocumented(help_options(help_of(module, word)), f"seatkeeper {command}")]
    assert not missing, f"no page of docs/ explains: {', '.join(missing)}"


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_and_its_options_are_documented(tool: str) -> None:
    assert pages_that_name(tool), f"no page of docs/ names {tool}"
    missing = undocumented(options_in(import_module(f"seatkeeper.cli.{tool}").USAGE), tool)
    assert not missing, f"no page of docs/ explains these options of {tool}: {', '.join(missing)}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_documented(script: str) -> None:
    assert pages_that_name(script), f"no page of docs/ names {script}"


def test_every_option_of_lmgrd_is_documented(help_of: Callable[..., str]) -> None:
    missing = undocumented(help_options(help_of("lmgrd")), "lmgrd")
    assert not missing, f"no page of docs/ explains these options of lmgrd: {', '.join(missing)}"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_environment_variable_is_documented(name: str) -> None:
    assert pages_that_name(name), f"src/ uses the environment variable {name}, and no page of docs/ explains it"


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    missing = sorted(name for name in pages if f"({name})" not in index)
    assert not missing, f"docs/README.md does not link {', '.join(missing)}"


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, f"links to files that do not exist: {', '.join(broken)}"


def anchors(page: Path) -> set[str]:
    """The places within a page that a link may name: its headings, as the field's viewers call them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def test_every_link_into_a_page_meets_a_heading() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text):
            if "://" not in target and anchor not in anchors(page.parent / target if target else page):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert not broken, f"links to headings that do not exist: {', '.join(broken)}"


class Example(NamedTuple):
    """One command of a page."""

    line: int
    command: str


def examples(text: str) -> list[Example]:
    """The commands of a page's ```console fences, each with the number of its line; continuation lines are part of the command."""
    found: list[Example] = []
    fence = runs = open_command = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fence, runs, open_command = not fence, line.strip() == "```console" and not fence, False
        elif not (fence and runs):
            continue
        elif line.startswith("$ "):
            found.append(Example(number, line[2:]))
            open_command = True
        elif open_command and (line == ">" or line.startswith("> ") or found[-1].command.endswith("\\")):
            # An empty line of a here-document has no blank behind its bracket.
            found[-1] = Example(found[-1].line, f"{found[-1].command}\n{'' if line == '>' else line.removeprefix('> ')}")
        else:
            # What the command prints.
            open_command = False
    return found


def session(steps: list[Example], port: int, progress: Path) -> str:
    """A bash script that runs the commands in order, notes which one it is at, and ends at the first that fails."""
    lines = [
        "own_port() {",
        "  local file",
        "  for file in *.toml *.dat *.lic */*.toml */*.dat */*.lic; do",
        f'    if [ -f "$file" ] && grep -qw {DEFAULT_PORT} "$file"; then sed -i \'s/\\b{DEFAULT_PORT}\\b/{port}/g\' "$file"; fi',
        "  done",
        "}",
    ]
    for number, step in enumerate(steps):
        command = re.sub(rf"\b{DEFAULT_PORT}\b", str(port), step.command)
        lines += [f"echo {number} >{shlex.quote(str(progress))}", command, "status=$?; [ $status = 0 ] || exit $status", "own_port"]
    return "\n".join(lines) + "\n"


def end_what_is_left(mark: str, patience_s: float) -> list[str]:
    """Waits for the processes of the examples, known by their environment; returns the names of those that had to be killed."""
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        # A process may be gone, or another user's, by the time we look.
        with contextlib.suppress(OSError):
            if f"DOCS_EXAMPLE={mark}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            process, name = os.pidfd_open(int(entry.name)), (entry / "comm").read_text().strip()
            try:
                if not select.select([process], [], [], patience_s)[0]:
                    left.append(name)
                    signal.pidfd_send_signal(process, signal.SIGKILL)
            finally:
                os.close(process)
    return left


PAGES_WITH_EXAMPLES = [
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *MANUAL]
    if path.is_file() and examples(path.read_text(encoding="utf-8"))
]


@pytest.mark.processes
@pytest.mark.timeout(SESSION_S + 60)
@pytest.mark.parametrize("page", PAGES_WITH_EXAMPLES)
def test_the_examples_of_a_page_run(page: str, tmp_path: Path) -> None:
    steps = examples((ROOT / page).read_text(encoding="utf-8"))
    site, home, progress, output = tmp_path / "site", tmp_path / "home", tmp_path / "progress", tmp_path / "output"
    site.mkdir()
    home.mkdir()
    (tmp_path / "session.sh").write_text(session(steps, free_port(), progress), encoding="utf-8")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "DOCS_EXAMPLE": str(tmp_path),
    }
    outcome = "could not be run"
    try:
        with output.open("wb") as sink:
            # To a file: a server that goes to the background would keep a pipe open.
            ran = subprocess.Popen(
                ["bash", str(tmp_path / "session.sh")], cwd=site, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
            try:
                outcome = f"ended with status {ran.wait(SESSION_S)}"
            except subprocess.TimeoutExpired:
                outcome = f"had not ended after {SESSION_S:.0f} s"
    finally:
        left = end_what_is_left(str(tmp_path), STOP_S if outcome.startswith("ended") else 0.0)
        ran.wait()
    at = steps[int(progress.read_text())]
    said = output.read_text(encoding="utf-8", errors="replace")[-3000:]
    assert outcome == "ended with status 0", f"{page}:{at.line}: `{at.command}` {outcome}. The session's output ends with:\n{said}"
    # A here-document that is not closed takes all that follows for its own.
    assert at is steps[-1], f"{page}:{at.line}: no command after `{at.command}` was run; lines of a command begin with `> `"
    assert not left, f"{page}: the examples leave {', '.join(left)} running; end them with lmdown"


PAGE = """\
```console
$ one \\
  more
printed
$ cat <<END
> body
> END
```
```console no-run
$ never
```
```text
$ nor this
```
$ nor that
"""


def test_examples_are_found_with_their_continuations() -> None:
    assert examples(PAGE) == [Example(2, "one \\\n  more"), Example(5, "cat <<END\nbody\nEND")]


def test_a_session_ends_at_the_first_command_that_fails_and_knows_which(tmp_path: Path) -> None:
    steps = [Example(1, f"echo port {DEFAULT_PORT} >a.dat"), Example(2, "cat a.dat"), Example(3, "(exit 3)"), Example(4, "touch after")]
    script = session(steps, 10101, tmp_path / "progress")
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, (tmp_path / "progress").read_text()) == (3, "port 10101\n", "2\n")
    assert not (tmp_path / "after").exists()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are found and waited for as Linux does it")
def test_what_an_example_left_running_is_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], env={"DOCS_EXAMPLE": str(tmp_path), "PATH": os.defpath}) as left:
        # The system shows a new program's environment a moment after the program has begun.
        while not Path(f"/proc/{left.pid}/environ").read_bytes():
            assert left.poll() is None
        assert end_what_is_left(str(tmp_path), 0.0) == ["sleep"]
        assert left.wait() == -signal.SIGKILL
