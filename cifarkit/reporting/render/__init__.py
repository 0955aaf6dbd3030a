"""Renders a document as Markdown, HTML or LaTeX."""

from __future__ import annotations

from cifarkit.reporting.render import html, latex, markdown

FORMATS = {"markdown": markdown.write, "html": html.write, "latex": latex.write}
"""Each takes a document and, by name, the path or URL of each figure; others are left out."""
