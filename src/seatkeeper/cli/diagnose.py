"""`seatkeeper diagnose` says in one sentence why a checkout would not work and what to do, or ends with 0 because it would.

It walks from the license path to the seat (`sdk.checkup`) and prints each step as it is found. With `--explain` it asks nobody, and
explains a number, an exit status or a pasted log line.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from seatkeeper.base.errors import error_text, exit_status
from seatkeeper.client.diagnosis import NOT_REACHED, Step, cause_of
from seatkeeper.client.remedies import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console

    from seatkeeper.client.remedies import Advice

__all__ = ["diagnose", "main"]

_COLORS: Final = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_NOTHING_KNOWN: Final = 1
_USAGE: Final = 2
_COUNT_MAX: Final = 9999


def diagnose(
    name: Annotated[
        str, typer.Argument(metavar="[FEATURE]", help="The feature to check out, as --feature.", show_default="every feature")
    ] = "",
    feature: Annotated[str, typer.Option("--feature", metavar="F", help="The feature to check out.", show_default="every feature")] = "",
    version: Annotated[str, typer.Option("--version", metavar="V", help="The version to ask for.", show_default="any")] = "",
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=_COUNT_MAX, help="How many seats.")] = 1,
    path: Annotated[
        str | None,
        typer.Option("-c", "-l", metavar="PATH", help="The license path.", show_default="GENESYS_D_LICENSE_FILE, then LM_LICENSE_FILE"),
    ] = None,
    vendor: Annotated[str, typer.Option("--vendor", metavar="NAME", help="The vendor daemon.")] = "genesys.d",
    text: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="TEXT", help='Explain an error number ("-97,121"), an exit status or a log line; nobody is asked.'
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a checkout would not work, and what to do about it.

    Each step from the license path to the seat is ok, a warning, failed or skipped; the first that failed is the cause. Ends with 0 when
    the checkout would work, else with the low byte of the cause's license error. The checkout is a trial, of which
    nothing remains at the server.
    """
    if text is not None:
        raise typer.Exit(_explain(text, json))
    from seatkeeper.sdk.checkup import Question, walk

    try:
        f"{name}{feature}{version}{vendor}".encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter(f"This is no text in UTF-8: {ascii(error.object)[:80]}") from None
    if name and feature and name != feature:
        raise typer.BadParameter(f"Two features are named, {name} and {feature}: name one.")
    feature = feature or name
    question = Question(path, vendor, feature, version, count)
    console = _console()
    with _progress(console) as tell:
        steps = walk(question, tell)
        found = list(steps) if json else _shown(console, steps)
    cause = cause_of(found)
    if json:
        _print_json(question, found, cause)
    else:
        _print_cause(cause)
    raise typer.Exit(0 if cause is None else exit_status(cause.number or -76))


def main(argv: list[str]) -> int:
    """Run the command with these arguments; the exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(diagnose)
    try:
        # A number behind --explain begins with a dash, which would be taken for an option.
        app(args=_joined(argv), prog_name="seatkeeper diagnose")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _joined(argv: list[str]) -> list[str]:
    """The words of the command line, with the value of --explain in one word with it."""
    if "--explain" not in argv[:-1]:
        return argv
    at = argv.index("--explain")
    return [*argv[:at], f"--explain={argv[at + 1]}", *argv[at + 2 :]]


# The steps ------------------------------------------------------------------------------------------------------------


def _console(*, error: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=error, highlight=False, markup=False, emoji=False)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """On a terminal a line that says what is being done, below what is printed there; elsewhere nothing."""
    screen = console if console.is_terminal else _console(error=True)
    if not screen.is_terminal:
        yield lambda doing: None
        return
    from rich.live import Live
    from rich.spinner import Spinner

    spinner = Spinner("dots", "Looking for the license path")
    # Rich would send what is meant for a file or a pipe to the terminal, too.
    with Live(spinner, console=screen, transient=True, redirect_stdout=False, redirect_stderr=False):
        yield lambda doing: spinner.update(text=_plain(doing))


def _shown(console: Console, steps: Iterable[Step]) -> list[Step]:
    """The steps, each printed as it is found; those that were not reached in one line at the end."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if step.sentence != NOT_REACHED:
            _show(console, step)
            sys.stdout.flush()
    left = list(dict.fromkeys(step.name for step in found if step.sentence == NOT_REACHED))
    if left:
        console.print(f"not reached: {', '.join(left)}", style=_COLORS["skipped"], soft_wrap=True)
    return found


def _show(console: Console, step: Step) -> None:
    from rich.text import Text

    numbers = f" ({step.number},{step.minor})" if step.number and step.minor else f" ({step.number})" if step.number else ""
    console.print(
        Text.assemble((f"{step.state:<8}", _COLORS[step.state]), f"{step.name:<10}", _plain(step.sentence), numbers), soft_wrap=True
    )
    more = [*step.details, step.remedy] if step.state == "warning" and step.remedy else step.details
    for line in more:
        console.print(f"{'':<18}{_plain(line)}", soft_wrap=True)


def _plain(text: str) -> str:
    """Text of a server or a file, which must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _print_cause(cause: Step | None) -> None:
    if cause is None:
        print("\nA checkout works.")
        return
    kind = f"{error_text(cause.number)} ({cause.number})" if cause.number else "an error without number"
    print(f"\nCause:      {_plain(cause.sentence)}", f"Error:      {kind}", sep="\n")
    if cause.remedy:
        print(f"What to do: {cause.remedy}")


def _print_json(question: object, steps: list[Step], cause: Step | None) -> None:
    report = {
        "ok": cause is None,
        "question": question,
        "cause": cause,
        "status": 0 if cause is None else exit_status(cause.number or -76),
        "steps": steps,
    }
    print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())


# --explain ------------------------------------------------------------------------------------------------------------


def _explain(text: str, json: bool) -> int:
    found = explain(text)
    if json:
        print(msgspec.json.format(msgspec.json.encode({"text": text, "advice": found}), indent=2).decode())
    elif found:
        print("\n\n".join(map(_advice, found)))
    else:
        print(
            f"seatkeeper diagnose: nothing is known about {text[:80]!r}. Give an error number such as -15 or -97,121, "
            "the exit status of a tool, or the whole line of a log.",
            file=sys.stderr,
        )
    return 0 if found else _NOTHING_KNOWN


def _advice(advice: Advice) -> str:
    lines = [advice.title]
    lines += [f"  Guide:      License Failure Scenarios, {advice.section}"] if advice.section and advice.section != "Debug log" else []
    lines += [f"  Cause:      {advice.cause}", f"  What to do: {advice.remedy}"]
    return "\n".join(lines)
