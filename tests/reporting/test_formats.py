"""Every format holds hostile names, and is read back whole."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.reporting import render
from cifarkit.reporting.document import document
from cifarkit.reporting.document_model import (
    Command,
    Document,
    Figure,
    Items,
    Paragraph,
    Section,
)
from cifarkit.reporting.render.latex import escaped as latex
from cifarkit.reporting.render.markdown import escaped as markdown
from cifarkit.reporting.table import Cell, Column, Table
from cifarkit.store.records import Status, TrialRecord
from cifarkit.store.study_records import Arm, StudyRecord
from tests.reporting.fabricate import ENVIRONMENT, Fabricator, make_store, result

HOSTILE = [
    "a|b||c",
    "two\nlines\r\nand a\ttab",
    "<script>alert('x')</script> & <b>bold</b> &lt;",
    r"\input{/etc/passwd} 50% of $x_1^2$ #1 ~{a} --- [h]",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07\x00\x07",
    '"quoted", and; comma',
    "=HYPERLINK(0)",
    "- item `code` *star* _under_ [link](javascript:1) ![i](x)",
    "\u202egnp.exe \u200bzero",
    "猫" * 40,
    "n" * 300,
    "p < 0.001 -> a<b && x > y & &amp; a<!--",
    "> quoted",
    "",
]


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[list[StudyRecord], dict[str, TrialRecord]]:
    fabricator = Fabricator(tmp_path)
    arms = []
    for seed, name in enumerate(HOSTILE):
        settings = {"model": "vgg16", "seed": seed}
        if seed % 3 == 2:
            trial = fabricator.trial(settings, None, Status.FAILED, f"crashed: {name}")
        else:
            environment = ENVIRONMENT.model_copy(update={"cpu": f"CPU {name}", "gpu": name})
            made = result(environment=environment, notes=(f"note {name}",))
            trial = fabricator.trial(settings, made)
        arms.append(Arm(label=name, settings={"model": name}, trials=(trial,)))
    arms.append(Arm(label="never", settings={}, impossible=" ".join(HOSTILE)))
    study = fabricator.study("zoo", "zoo", ["model"], arms, " ".join(HOSTILE))
    study = study.model_copy(update={"command": "cifarkit zoo ```\n<b> " + HOSTILE[4]})
    return [study], fabricator.records()


def markdown_tables(text: str) -> list[list[list[str]]]:
    """The pipe tables as GitHub reads them: cells end at pipes that no backslash escapes."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                tables.append([])
            tables[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        inside = line.startswith("|")
    return tables


class Page(HTMLParser):
    """Cells per row, and that every element is closed in order."""

    VOID = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.tables: list[list[list[str]]] = []
        self.images: list[str] = []
        self.drawings = 0
        self.scripts = 0
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        self.drawings += tag == "svg"
        self.scripts += tag == "script"
        self.ids += filter(None, [dict(attrs).get("id")])
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def test_markdown_tables_stay_whole(hostile: Any) -> None:
    assert "\n## " in document(*hostile, published=True)
    text = document(*hostile, published=True, full=True)
    tables = markdown_tables(text)
    of_rows = [table for table in tables if len(table) == len(HOSTILE) + 3]
    assert [table[0][0] for table in of_rows] == ["Model"] * 3
    for table in tables:
        assert {len(row) for row in table} == {len(table[0])}
    outside = re.sub(r"```+\n.*?\n```+", "", text, flags=re.S)
    assert not re.search(r"<[A-Za-z/!?]", outside)
    assert set(re.findall(r"(?<!\\)&#?\w+;", outside)) == {"&lt;"}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "(javascript:1)" not in re.sub(r"\\\[.*?\\\]\(", "", text)


def test_html_is_one_well_formed_file(hostile: Any) -> None:
    text = document(*hostile, format="html")
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open
    assert page.scripts == 1
    assert not re.search(r"<[a-z][^>]* on[a-z]+=", text)
    of_rows = next(table for table in page.tables if table[0][0] == "Model")
    assert of_rows[3][0] == "<script>alert('x')</script> & <b>bold</b> &lt;"
    for table in page.tables:
        assert {len(row) for row in table} == {len(table[0])}
    assert page.drawings
    assert not page.images
    assert page.ids
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_latex_tables_stay_whole(hostile: Any) -> None:
    text = document(*hostile, format="latex")
    tabulars = re.findall(r"\\begin\{tabular\}\{([rl]+)\}(.*?)\\end\{tabular\}", text, re.S)
    assert tabulars
    for layout, body in tabulars:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(layout) - 1}
    assert r"\input{/etc" not in text
    assert text.count(r"\begin{") == text.count(r"\end{")
    plainly = re.sub(r"\\[{}]", "", text)
    assert plainly.count("{") == plainly.count("}")


def test_csv_is_read_back_by_pandas(hostile: Any) -> None:
    frame = pd.read_csv(io.StringIO(document(*hostile, format="csv")))
    assert len(frame) == len(HOSTILE) + 1
    assert list(frame["status"].unique()) == ["complete", "failed", "not possible"]
    assert frame.loc[0, "arm"] == "a|b||c"
    assert frame.loc[0, "time.fit_seconds"] == 100.0
    assert np.isnan(frame["time.fit_seconds"][2])
    assert frame["reason"][2].startswith("failed: crashed: <script>")
    assert list(frame["seed"].dropna()) == list(range(len(HOSTILE)))


def formulas(text: str) -> list[str]:
    """Cells of a CSV table that a spreadsheet would run."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    found = [cell for cell in cells if re.match("[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]", cell)]
    return [cell for cell in found if not re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell)]


def test_csv_names_are_no_formulas_and_numbers_stay_numbers(hostile: Any, tmp_path: Path) -> None:
    studies, records = hostile
    settings = {"model": -0.5, "\t=1": "+1"}
    fabricator = Fabricator(tmp_path / "more")
    arms = []
    for seed, name in enumerate(("=1+1", "+1", "-2+3", "@A1", "\t=1", "\r-1", "\uff1d1", "\x00=1")):
        trial = fabricator.trial({"model": "vgg16", "seed": seed}, None, Status.FAILED, name)
        arms.append(Arm(label=name, settings=settings, trials=(trial,)))
    studies = [*studies, fabricator.study("zoo", "zoo", ["model"], arms)]
    text = document(studies, records | fabricator.records(), format="csv")
    assert formulas(text) == []
    frame = pd.read_csv(io.StringIO(text))
    assert list(frame["arm"][-8:])[:3] == ["'=1+1", "'+1", "'-2+3"]
    assert "'=HYPERLINK(0)" in set(frame["arm"])
    assert set(frame["axis_model"][-8:].astype(float)) == {-0.5}


def test_csv_of_a_resize_study_has_raw_numbers_and_settings(tmp_path: Path) -> None:
    store, studies = make_store(tmp_path, ("resize",))
    records = {record.trial_id: record for record in store.records()}
    frame = pd.read_csv(io.StringIO(document(studies, records, format="csv", published=True)))
    done = frame[frame["status"] == "complete"]
    assert list(done["axis_image_size"]) == [32, 78, 96] * 2
    assert list(done["parameters.total"]) == [12_809_380] * 3 + [18_514_084] * 3
    assert list(done["published_time_s"]) == list(done["time.fit_seconds"])
    assert set(done["weights"]) == {"imagenet"}


def test_json_is_whole_and_finite(hostile: Any) -> None:
    studies, records = hostile
    first = studies[0].arms[0].trials[0]
    broken = ({"epoch": 1, "loss": float("nan"), "validation_loss": float("inf")},)
    records[first] = TrialRecord(
        first, records[first].spec, records[first].state, records[first].result, Path(), broken
    )

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    report = json.loads(document(studies, records, format="json"), parse_constant=refuse)
    arms = report["studies"][0]["arms"]
    assert [arm["label"] for arm in arms[:-1]] == HOSTILE
    trial = arms[0]["trials"][0]
    assert trial["history"] == [{"epoch": 1, "loss": None, "validation_loss": None}]
    assert trial["result"]["memory"]["estimated_mb"] == 25.6
    assert arms[2]["trials"][0]["status"] == "failed"
    assert "location" not in trial["spec"]["data"]


def test_figures_are_written_and_referred_to_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, studies = make_store(tmp_path, ("dropout",))
    records = {record.trial_id: record for record in store.records()}
    monkeypatch.chdir(tmp_path)
    text = document(studies, records, figures_dir=Path("my figures"))
    found = re.findall(r"!\[[^]]*\]\((.*?)\)", text)
    assert found[0] == "my%20figures/dropout-results.png"
    for path in found:
        stem = tmp_path / path.replace("%20", " ")
        assert stem.read_bytes().startswith(b"\x89PNG")
    text = document(studies, records, figures_dir=Path("my figures"), figure_format="svg")
    assert "](my%20figures/dropout-results.svg)" in text
    assert b"<svg" in Path("my figures", "dropout-results.svg").read_bytes()
    tex = document(
        studies, records, format="latex", figures_dir=Path("my figures"), figure_format="pdf"
    )
    assert "{my figures/dropout-results.pdf}" in tex
    drawn = Path("my figures", "dropout-results.pdf").read_bytes()
    assert drawn.startswith(b"%PDF")
    assert b"Type3" not in drawn


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"figure_format": "gif", "figures_dir": Path("x")}, "figure format"),
        ({"figure_format": "svg"}, "give that folder"),
        ({"figure_format": "svg", "format": "latex", "figures_dir": Path("x")}, "cannot include"),
    ],
)
def test_a_format_of_figures_that_cannot_be_used_is_refused(
    tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    _, studies = make_store(tmp_path, ("dropout",))
    with pytest.raises(InvalidInput, match=message):
        document(studies, {}, **asked)


def test_without_a_folder_no_figure_is_mentioned(tmp_path: Path) -> None:
    store, studies = make_store(tmp_path, ("dropout",))
    records = {record.trial_id: record for record in store.records()}
    for kind in ("markdown", "latex"):
        text = document(studies, records, format=kind)
        assert "![" not in text
        assert "includegraphics" not in text


def everything(text: str) -> Document:
    """A document with the text in every place that takes one."""
    table = Table("t", text, (Column(text),), ((Cell(text, text),),))
    figure = Figure("f", text, lambda: None)  # type: ignore[arg-type, return-value]
    blocks = (Paragraph(text), Items((text, text)), Command(text), table, figure)
    return Document(text, (Section(text, 2, blocks),))


@pytest.mark.parametrize("format", render.FORMATS)
def test_every_text_of_a_document_is_escaped_where_it_is_rendered(format: str) -> None:
    """Headings, paragraphs, lists, commands, captions and cells take any text."""
    usual = render.FORMATS[format](everything("x"), {"f": "f.png"})
    for name in filter(None, HOSTILE):
        text = render.FORMATS[format](everything(name), {"f": "f.png"})
        assert len(text.splitlines()) == len(usual.splitlines())
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u200b]", text)
        assert re.findall("<[a-z]+", text) == re.findall("<[a-z]+", usual) or format != "html"


def test_escapes() -> None:
    assert markdown("simple_cnn a|b *x* &lt; <i>") == r"simple_cnn a\|b \*x\* \&lt; &lt;i>"
    assert markdown("p < 0.001, x <= 2 -> a & b") == "p < 0.001, x <= 2 -> a & b"
    assert markdown("--seeds 3 --- -1") == r"\--seeds 3 \-\-- -1"
    assert latex("") == ""
    assert latex("50% & a_b -- ± 2.5e-5") == r"50\% \& a\_b -{}- $\pm$ 2.5e-5"
