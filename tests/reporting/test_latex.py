r"""The LaTeX form is compiled by a real TeX, whatever the names."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cifarkit.reporting.document import document
from cifarkit.reporting.document_model import Document, Figure, Items, Paragraph, Section
from cifarkit.reporting.render import latex
from cifarkit.reporting.table import Table, number_columns, text_cell, text_columns
from tests.reporting.fabricate import make_store
from tests.reporting.test_formats import HOSTILE, everything, hostile

__all__ = ["hostile"]  # the fixture

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="there is no pdflatex (Debian: texlive-latex-base, texlive-latex-recommended)",
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8ffff3f0005fe02fedccc59e70000000049454e44ae426082"
)


def compiled(text: str, folder: Path, engine: str = "pdflatex") -> str:
    """The log of the second of two runs, neither of which may have an error."""
    (folder / "report.tex").write_text(text, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    for _ in range(2):
        run = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
        assert run.returncode == 0, run.stdout.decode(errors="replace")[-2000:]
    log = (folder / "report.log").read_text(encoding="utf-8", errors="replace")
    assert "undefined" not in log
    assert "multiply defined" not in log
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    return log.replace("\n", "")


@needs_tex
def test_a_report_of_hostile_names_compiles(hostile: Any, tmp_path: Path) -> None:
    compiled(document(*hostile, format="latex", published=True), tmp_path)


@needs_tex
def test_every_text_compiles_wherever_it_stands(tmp_path: Path) -> None:
    r"""Titles, captions, cells, items; and a figure whose path has every special character."""
    folder = "a {50%} #1 $x ~_&^ é"
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "f.png").write_bytes(PIXEL)
    names = [
        *filter(None, HOSTILE),
        "😀 Ωμέγα ß Ł e\u0301 \u2018q\u2019 ≤ \u22121",
        r"\end{document} \fi \par",
        "]*[",
    ]
    sections = tuple(
        Section(
            section.title, section.level, tuple(_renamed(block, number) for block in section.blocks)
        )
        for number, name in enumerate(names)
        for section in everything(name).sections
    )
    paths = {f"f{number}": f"{folder}/f.png" for number in range(len(names))}
    compiled(latex.write(Document(" ".join(names), sections), paths), tmp_path)


def _renamed(block: Any, number: int) -> Any:
    """Tables and figures of one document have names of their own."""
    if isinstance(block, Table):
        return Table(f"t{number}", block.caption, block.columns, block.rows)
    return Figure(f"f{number}", block.caption, block.draw) if isinstance(block, Figure) else block


@needs_tex
def test_the_published_tables_fit_their_page(tmp_path: Path) -> None:
    """No line of the text or of a table is more than a millimetre too wide."""
    store, studies = make_store(tmp_path / "runs", ("zoo", "resize", "finetune", "dropout"))
    records = {record.trial_id: record for record in store.records()}
    log = compiled(document(studies, records, format="latex", published=True), tmp_path)
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(too_wide, default=0.0) < 72.27 / 25.4


@needs_tex
def test_it_is_input_into_a_document_that_has_its_own_class(tmp_path: Path) -> None:
    text = latex.write(Document("T", (Section("S", 2, (Paragraph("inner 猫"),)),)), {})
    (tmp_path / "inner.tex").write_text(text, encoding="utf-8")
    around = (
        "\\documentclass{article}\\usepackage[T1]{fontenc}\n"
        "\\usepackage{textcomp,array,booktabs,longtable,graphicx}\\begin{document}\n"
        "\\input{inner}\\typeout{after it}\\end{document}\n"
    )
    assert "after it" in compiled(around, tmp_path)


def test_what_a_font_lacks_is_said_and_what_it_has_stays() -> None:
    kept = latex.write(Document("T", (Section("Żółć, naïve ½", 2, ()),)), {})
    assert "Żółć, naïve ½" in kept
    assert "lacks are shown" not in kept.split(r"\fi", 3)[-1]
    lost = latex.write(Document("T", (Section("猫", 2, (Items(("😀",)),)),)), {})
    assert r"\section{\cifarkitchar{732B}{猫}}" in lost
    assert r"\cifarkitchar{1F600}{😀}" in lost
    assert "that the font of this document lacks are shown as their Unicode number" in lost


def test_tables_and_figures_are_referred_to_by_their_labels() -> None:
    table = Table("t", "c", text_columns("a"), ((text_cell("x"),),))
    figures = [Figure(name, "c", lambda: None) for name in "fgh"]  # type: ignore[arg-type, return-value]
    text = latex.write(
        Document("T", (Section("S", 2, (table, *figures)),)), {"f": "f.png", "h": "h.png"}
    )
    assert r"See Table~\ref{tab:t} and Figures~\ref{fig:f} and \ref{fig:h}." in text
    assert {*re.findall(r"\\ref\{(.*?)\}", text)} == {*re.findall(r"\\label\{(.*?)\}", text)}


@pytest.mark.parametrize(("cell", "long"), [("short", False), ("word " * 200, True)])
def test_a_table_of_many_lines_goes_on_over_pages(cell: str, long: bool) -> None:
    """Wrapped lines count: ten rows of long texts are more than a page."""
    columns = (*text_columns("text"), *number_columns("number"))
    table = Table("t", "c", columns, ((text_cell(cell), text_cell("0.5")),) * 10)
    text = latex.write(Document("T", (Section("S", 2, (table,)),)), {})
    assert ("longtable}{" in text.split(r"\section")[1]) == long
    assert text.count(r"\endhead") == long
