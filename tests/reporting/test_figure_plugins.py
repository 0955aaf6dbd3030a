"""Figures of packages: drawn in every format, and never the end of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from cifarkit import plugins
from cifarkit.plugins import Registry
from cifarkit.reporting.document import document
from cifarkit.reporting.figures import study_figures
from cifarkit.reporting.figures.study_figures import FIGURES
from cifarkit.reporting.study_view import StudyView
from cifarkit.testing import check_figure
from cifarkit.testing.study import study_view


@dataclass(frozen=True)
class Chart:
    title: str
    scores: tuple[float, ...]


class Scores:
    """The accuracies of every study, as a line."""

    def data(self, view: StudyView) -> Mapping[str, Any]:
        scores = tuple(r.accuracy.test for arm in view.results for r in arm.results)
        return {"scores": Chart(f"{view.title}: scores & <more>", scores)}

    def draw(self, chart: Any) -> Any:
        from matplotlib.figure import Figure

        figure = Figure()
        figure.add_subplot().plot(chart.scores)
        return figure


class FailsInData(Scores):
    def data(self, view: StudyView) -> Mapping[str, Any]:
        raise KeyError("gap")


class FailsInDrawing(Scores):
    def draw(self, chart: Any) -> Any:
        raise OSError("no font\nat all")


class Escapes(Scores):
    def data(self, view: StudyView) -> Mapping[str, Any]:
        return {"../../escaped": Chart("Escaped", ())}


class Takes(Scores):
    def data(self, view: StudyView) -> Mapping[str, Any]:
        return {"tradeoff": Chart("Another one", ())}


class Untitled(Scores):
    def data(self, view: StudyView) -> Mapping[str, Any]:
        return {"scores": (1, 2)}


class DrawsNothing(Scores):
    def draw(self, chart: Any) -> Any:
        return None


class Counts(Scores):
    calls = 0

    def data(self, view: StudyView) -> Mapping[str, Any]:
        self.calls += 1
        return {"scores": Chart("Scores", (self.calls,))}


class UsesPyplot(Scores):
    def draw(self, chart: Any) -> Any:
        from matplotlib import pyplot

        return pyplot.figure()


class LeavesSettings(Scores):
    def draw(self, chart: Any) -> Any:
        import matplotlib as mpl

        mpl.rcParams["lines.linewidth"] = 9
        return super().draw(chart)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(figure: object) -> None:
        class Point(EntryPoint):
            def load(self) -> object:
                return figure

        monkeypatch.setattr(plugins, "entry_points", lambda group: [Point("mine", "m:F", group)])
        monkeypatch.setattr(plugins, "_package", lambda point: "example 1.0")
        built_in = {"tradeoff": FIGURES.builtin["tradeoff"]}  # one is enough, and quick
        fresh: Registry[Any] = Registry(FIGURES.kind, FIGURES.group, built_in, FIGURES._check)
        monkeypatch.setattr(study_figures, "FIGURES", fresh)

    return install


def written(format: str = "markdown", folder: Path | None = None) -> str:
    view = study_view("model")
    return document([view.study], view.records, format=format, figures_dir=folder, full=True)


def test_the_built_in_figures_keep_their_contract() -> None:
    assert tuple(FIGURES.builtin) == (
        "results", "tradeoff", "tradeoff_latency", "training_curves"
    )  # fmt: skip
    check_figure(FIGURES.get("results"), "image_size", "model")
    check_figure(FIGURES.get("tradeoff"), "model")
    check_figure(FIGURES.get("training_curves"))


def test_every_module_of_the_folder_is_a_figure() -> None:
    modules = Path(str(study_figures.study.__file__)).parent.glob("[a-z]*.py")
    assert set(FIGURES.builtin) == {path.stem for path in modules}


def test_a_figure_is_in_every_format(installed: Any, tmp_path: Path) -> None:
    installed(Scores())
    text = written("markdown", tmp_path)
    assert f"Made up: scores & &lt;more>]({tmp_path}/made-up-scores.png)" in text
    assert text.index("made-up-tradeoff.png") < text.index("made-up-scores.png")
    assert 'aria-label="Made up: scores &amp; &lt;more&gt;"' in written("html")
    assert "made-up-scores.png" in written("latex", tmp_path)
    written("json", tmp_path / "data")
    assert (tmp_path / "data" / "made-up-scores.png").exists()
    assert "scores" not in written()


@pytest.mark.parametrize(
    ("figure", "note"),
    [
        (FailsInData(), "A figure of Made up is left out: {} raised KeyError: 'gap'."),
        (FailsInDrawing(), "Figure made-up-scores is left out: {} raised OSError: no font."),
        (Escapes(), "A figure of Made up is left out: {} raised ValueError: name: lower-case"),
        (Takes(), "{} raised ValueError: there is a figure 'tradeoff' already."),
        (Untitled(), "A figure of Made up is left out: {} raised TypeError: scores: its chart"),
        (DrawsNothing(), "Figure made-up-scores is left out: {} raised TypeError: draw() gave"),
    ],
)
def test_a_figure_that_fails_is_a_note(
    installed: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, figure: object, note: str
) -> None:
    installed(figure)
    folder = tmp_path / "runs" / "figures"
    text = written("markdown", folder)
    note = note.format("plug-in 'mine' of example 1.0")
    assert note in text
    assert note.removesuffix(".") in caplog.text
    others = [line for line in text.splitlines() if line.startswith("**Figure")]
    assert others == ["**Figure 1.** Made up: accuracy against training time."]
    assert [path.name for path in tmp_path.rglob("*.png")] == ["made-up-tradeoff.png"]
    assert "is left out: plug-in" in written("html")


def test_a_class_is_no_figure(installed: Any, caplog: pytest.LogCaptureFixture) -> None:
    installed(Scores)
    assert len(study_figures.figures(study_view("model"))) == 1
    assert "plug-in 'mine' is left out: it gave <class" in caplog.text


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (Scores, "it is a class"),
        (Escapes(), "name: lower-case letters"),
        (Untitled(), "its chart has no title"),
        (DrawsNothing(), "gave None, not a Figure"),
        (Counts(), "equal studies give unequal data"),
        (UsesPyplot(), "leaves a figure open in pyplot"),
        (LeavesSettings(), "changes rcParams"),
    ],
)
def test_a_figure_that_breaks_its_contract_is_found(figure: Any, message: str) -> None:
    from matplotlib import pyplot

    try:
        with pytest.raises(AssertionError, match=message):
            check_figure(figure, "model")
    finally:
        pyplot.close("all")


def test_a_figure_that_applies_to_other_studies_is_not_drawn() -> None:
    with pytest.raises(AssertionError, match="no figure of a study along"):
        check_figure(FIGURES.get("tradeoff"), "unfreeze")
