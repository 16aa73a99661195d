"""No cell of a CSV file that we write is computed by a spreadsheet that opens it, whatever somebody called himself."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["marked", "unmarked"]

#: What a spreadsheet would compute, and our own mark, are marked.
_MARK: Final = "\\"
_MARKED: Final = ("=", "+", "-", "@", "\t", "\r", _MARK)


def marked(value: Any) -> Any:
    """The value as a cell that no spreadsheet computes: with a backslash before it where it would."""
    return _MARK + value if isinstance(value, str) and value.startswith(_MARKED) else value


def unmarked(cell: str) -> str:
    """The value of a cell, whose mark may be missing where a person wrote it."""
    return cell[1:] if cell.startswith(_MARK) and cell[1:].startswith(_MARKED) else cell
