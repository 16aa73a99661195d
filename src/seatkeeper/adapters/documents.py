"""A page is set from data alone: the same data give the same bytes, and a character that no font has is an error, not a box.

Typst comes with its fonts in the package: Libertinus Serif and DejaVu Sans Mono, which have Latin, Greek, Cyrillic, Hebrew and
Arabic letters. Chinese, Japanese, Korean and Thai names need a font from elsewhere: of a directory that is named, else of the
system. Typst reports a missing glyph only where it makes an archivable document (PDF/A), and that is what we make.

What comes from outside reaches the template as one JSON value; the template's text is ours.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from seatkeeper.base.errors import InputError, SeatkeeperError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["DATA_BYTES_MAX", "INSTALL", "PNG_PPI", "certificate_pdf", "certificate_pngs", "report_pdf", "report_pngs"]

INSTALL: Final = (
    "Install it with the desk's packages, pip install 'seatkeeper[desk]', or those of usage reports, pip install 'seatkeeper[usage]'."
)
#: Of one document's data; a certificate of a thousand lines has a tenth of it.
DATA_BYTES_MAX: Final = 4_000_000
PNG_PPI: Final = 110

#: The certificate's template, and that of usage reports, in the package's data.
_CERTIFICATE: Final = "certificate.typ"
_REPORT: Final = "usage-report.typ"
#: PDF/A-2a: tagged and complete in itself, to be kept for years; a missing glyph is refused.
_STANDARD: Final = "a-2a"
_MISSING: Final = re.compile(r'the text `"(.*?)"` could not be displayed')


def certificate_pdf(data: Mapping[str, Any], day: date, *, fonts: Path | None = None) -> bytes:
    """The certificate as PDF.

    Args:
        data: What it shows (`issue.certificate_page`).
        day: Of its making, as the document says.
        fonts: A directory with fonts for characters that the embedded ones do not have.

    Raises:
        InputError: No font has one of the characters, or there is no such directory.
        SeatkeeperError: Typst is not installed.
    """
    (page,) = _set(_CERTIFICATE, data, day, "pdf", fonts)
    return page


def certificate_pngs(data: Mapping[str, Any], day: date, *, fonts: Path | None = None) -> list[bytes]:
    """The certificate's pages as pictures; raises what `certificate_pdf` does, but for missing glyphs."""
    return _set(_CERTIFICATE, data, day, "png", fonts)


def report_pdf(data: Mapping[str, Any], day: date, *, fonts: Path | None = None) -> bytes:
    """A usage report as PDF; raises what `certificate_pdf` does.

    Args:
        data: What it shows; charts are texts of SVG.
        day: Of its making.
        fonts: As for a certificate.
    """
    (page,) = _set(_REPORT, data, day, "pdf", fonts)
    return page


def report_pngs(data: Mapping[str, Any], day: date, *, fonts: Path | None = None) -> list[bytes]:
    """The report's pages as pictures; raises what `report_pdf` does, but for missing glyphs."""
    return _set(_REPORT, data, day, "png", fonts)


def _set(template: str, data: Mapping[str, Any], day: date, form: Literal["pdf", "png"], fonts: Path | None) -> list[bytes]:
    try:
        import typst
    except ImportError:
        raise SeatkeeperError("PDF is set by Typst, which is not installed.", INSTALL) from None
    encoded = msgspec.json.encode(data)
    if len(encoded) > DATA_BYTES_MAX:
        raise InputError("This is too much for one document.", found=f"{len(encoded):,} bytes", expected=f"at most {DATA_BYTES_MAX:,}")
    if fonts is not None and not fonts.is_dir():
        raise InputError("There is no such directory of fonts.", file=str(fonts))
    source = files("seatkeeper").joinpath("data", template).read_bytes()
    named: list[Any] = [str(fonts)] if fonts is not None else []
    missing = ""
    # The system's fonts differ from machine to machine, so they are asked only for what is missing.
    for system in (False, True):
        try:
            made: Any = typst.compile(
                source,
                format=form,
                ppi=float(PNG_PPI),
                sys_inputs={"data": encoded.decode()},
                font_paths=typst.Fonts(include_system_fonts=system, font_paths=named),
                pdf_standards=[_STANDARD] if form == "pdf" else [],
                timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
            )
        except typst.TypstError as error:
            found = _MISSING.search(error.message)
            if found is None:
                raise SeatkeeperError(f"The document cannot be set: {error.message}.", "Report this.") from None
            missing = found[1]
            continue
        return [bytes(page) for page in (made if isinstance(made, list) else [made])]
    other = "deliver without a certificate, with --no-pdf" if template == _CERTIFICATE else "take another format"
    remedy = f"Name a directory with a font that has it, with --fonts DIR, or {other}."
    raise InputError("No font here has a character of these names.", found=missing, remedy=remedy)
