"""All problems of a file are kept in the order in which they are found, within limits that hold for files of any kind."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from seatkeeper.licfile.model import Problem

__all__ = ["FOUND_CHARS_MAX", "PROBLEMS_MAX", "SUGGESTIONS_MAX", "Report", "shortened"]

#: Problems kept of one file, and errors after which no more of it is read; a file of another kind has one on every line.
PROBLEMS_MAX: Final = 10_000
#: Words of one file for which the most similar known word is looked up.
SUGGESTIONS_MAX: Final = 500
#: Of a found text no more is shown.
FOUND_CHARS_MAX: Final = 60


class Report:
    """The problems of a file as they are found, at most `PROBLEMS_MAX` of them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.errors = 0
        self._left_out = 0
        self._suggestions = 0
        self._closing: tuple[Problem, ...] = ()

    def add(self, problem: Problem) -> None:
        """Keep the problem, or only count it where there are too many."""
        self.errors += problem.severity == "error"
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)
        else:
            self._left_out += 1

    def close(self, problem: Problem) -> None:
        """Keep this problem as the last one, however many there are."""
        self.errors += problem.severity == "error"
        self._closing = (problem,)

    def blame(self, since: int, place: tuple[int, int], message: str, found: str) -> None:
        """Put one error in place of all problems at or behind its place, where an error is among them.

        Args:
            since: How many problems there were before those that may be replaced.
            place: Line and column of what has caused the others.
            message: What is wrong there.
            found: The text that stands there.
        """
        behind = [problem for problem in self.problems[since:] if (problem.line, problem.column) >= place]
        if any(problem.severity == "error" for problem in behind):
            kept = [problem for problem in self.problems[since:] if (problem.line, problem.column) < place]
            self.problems[since:] = [*kept, Problem(*place, message, shortened(found))]

    @property
    def is_hopeless(self) -> bool:
        """True once there are so many errors that it makes no sense to read on."""
        return self.errors >= PROBLEMS_MAX

    def suggestion(self, word: str, known: tuple[str, ...]) -> str:
        """`; did you mean X?` where one of the known words is much like `word`, else empty."""
        self._suggestions += 1
        best = _most_similar(word[:FOUND_CHARS_MAX], known) if self._suggestions <= SUGGESTIONS_MAX else ""
        return f"; did you mean {best}?" if best else ""

    def all(self) -> tuple[Problem, ...]:
        """What was found; a last problem says how many more there are."""
        if not self._left_out:
            return (*self.problems, *self._closing)
        message = f"{self._left_out:,} more problems are not shown; correct these first."
        return (*self.problems, Problem(0, 0, message, severity="error" if self.errors else "warning"), *self._closing)


@lru_cache(maxsize=1024)
def _most_similar(word: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # only errors need it

    by_folded = {name.upper(): name for name in known}
    best = get_close_matches(word.upper(), by_folded, n=1, cutoff=0.7)
    return by_folded[best[0]] if best else ""


def shortened(text: str) -> str:
    """`text` as a problem shows it: whole, or its beginning and three dots."""
    return text if len(text) <= FOUND_CHARS_MAX else text[: FOUND_CHARS_MAX - 3] + "..."
