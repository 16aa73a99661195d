"""A name that somebody gives himself is brought into one spelling where it comes in, and is the same wherever it is shown or asked for.

lmstat prints a name in a line of words, and lmremove takes it back from there, typed or copied. Both work only if the name that is
kept is the one that is printed: single blanks, none at the ends, and nothing that cannot be seen (control characters, marks of
width zero, changes of direction), which could also end a line, or make one name look like another.
"""

from __future__ import annotations

__all__ = ["clean_name", "clean_text"]


def clean_text(text: str) -> str:
    """The text in one line, its words with single blanks between them; empty where there is nothing to see in it."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def clean_name(name: str) -> str:
    """A name fit to be printed, and never empty: a missing word makes readers of lmstat lose the line."""
    return clean_text(name) or "?"
