"""Renders a document as Markdown, HTML or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping

from cifarkit.errors import unknown
from cifarkit.reporting.document_model import Document
from cifarkit.reporting.render import html, latex, markdown

FORMATS = {"markdown": markdown.write, "html": html.write, "latex": latex.write}


def to_format(document: Document, format: str, figures: Mapping[str, str] | None = None) -> str:
    """The document in a format.

    Args:
        format: `markdown`, `html` or `latex`.
        figures: By name, the path or URL of each figure; those without one are left out.

    Raises:
        InvalidInput: The format is unknown.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    return FORMATS[format](document, figures or {})
