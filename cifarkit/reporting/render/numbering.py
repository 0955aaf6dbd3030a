"""Numbering of a document's tables and figures."""

from __future__ import annotations


class Numbers:
    """The next table and the next figure, from 1."""

    def __init__(self) -> None:
        self._tables = self._figures = 0

    def table(self) -> int:
        self._tables += 1
        return self._tables

    def figure(self) -> int:
        self._figures += 1
        return self._figures
