"""The figures of an evaluation: what they show, and that no text is cut off or covers another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cifarkit.datasets import builtin_classes as known
from cifarkit.errors import InvalidInput
from cifarkit.reporting.document_model import Figure, Table
from cifarkit.reporting.evaluation_report import evaluation_document, evaluation_sections
from cifarkit.reporting.evaluation_scores import Scores, of_file, of_trial
from cifarkit.reporting.figures import evaluation_figures
from cifarkit.reporting.figures.matrix_chart import matrix_chart
from cifarkit.reporting.misclassifications import ImagesUnavailable, mistakes, pixels
from tests.reporting.evaluated_trials import arrays, crowd, save, trial
from tests.reporting.fabricate import Fabricator
from tests.reporting.test_figures import check
from tests.reporting.test_formats import HOSTILE


def scored(tmp_path: Path, names: tuple[str, ...], groups: tuple[str, ...]) -> Scores:
    fabricator = Fabricator(tmp_path / "runs")
    saved = crowd(len(names), groups=len(set(groups)))
    dataset = "cifar10" if len(names) <= 10 else "cifar100"
    made = trial(fabricator, names=names, groups=groups, saved=saved, dataset=dataset)
    return of_trial(fabricator.store.read(made))


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("cat", "dog"), ()),
        (("cat", "dog", "n" * 300), ("pets", "pets", "W" * 300)),
        (("猫" * 60, "$x^2$", "W" * 60), ()),
        (known.CIFAR10_CLASSES, ()),
        (tuple(HOSTILE), tuple("ab" * 7)),
        (known.CIFAR100_CLASSES[:20], known.CIFAR100_CLASS_GROUPS[:20]),
        (known.CIFAR100_CLASSES[:40], ()),
        (known.CIFAR100_CLASSES, known.CIFAR100_CLASS_GROUPS),
    ],
)
def test_figures_are_readable(
    tmp_path: Path, names: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    scores = scored(tmp_path, names, groups)
    check(evaluation_figures.matrix(scores).draw())
    check(evaluation_figures.class_accuracy(scores).draw())
    check(evaluation_figures.reliability(scores).draw())
    found = mistakes(scores, 24)
    images = np.zeros((len(found), 8, 8, 3), np.uint8)
    check(evaluation_figures.contact_sheet(scores, found, images).draw())


def test_the_matrix_is_large_enough_for_a_hundred_names(tmp_path: Path) -> None:
    figure = evaluation_figures.matrix(
        scored(tmp_path, known.CIFAR100_CLASSES, known.CIFAR100_CLASS_GROUPS)
    ).draw()
    axes = figure.axes[0]
    points = axes.get_window_extent().height * 72 / figure.dpi / 100
    size = axes.get_yticklabels()[0].get_fontsize()
    assert size >= 5
    assert points > 1.2 * size


def test_classes_of_one_superclass_stand_together(tmp_path: Path) -> None:
    names, groups = ("a", "b", "c", "d"), ("x", "y", "x", "y")
    saved = arrays() | {"predictions": arrays()["labels"].copy()}
    saved["predictions"][:3] = (2, 2, 4)
    fabricator = Fabricator(tmp_path)
    made = trial(fabricator, names=names, groups=groups, saved=saved)
    chart = matrix_chart(of_trial(fabricator.store.read(made)))
    assert chart.rows == ("a", "c", "b", "d")
    assert chart.columns == ("a", "c", "b", "d", "(no class)")
    assert chart.counts.tolist() == [
        [7, 2, 0, 0, 1],
        [0, 10, 0, 0, 0],
        [0, 0, 10, 0, 0],
        [0, 0, 0, 10, 0],
    ]
    assert chart.images.tolist() == [10] * 4
    assert chart.groups == (("x", 0, 2), ("y", 2, 2))


def test_without_superclasses_those_taken_for_each_other_stand_together(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    labels = np.repeat(np.arange(6), 10)
    predictions = labels.copy()
    predictions[:4] = 3  # 4 of class 0 are taken for 3
    predictions[10:13] = 5  # 3 of class 1 for 5
    np.savez(path, labels=labels, predictions=predictions)
    chart = matrix_chart(of_file(path))
    order = chart.rows
    assert sorted(order) == list("012345")
    assert abs(order.index("0") - order.index("3")) == 1
    assert abs(order.index("1") - order.index("5")) == 1
    assert chart.counts.diagonal().tolist() == [
        {"0": 6, "1": 7}.get(name, 10) for name in chart.rows
    ]
    assert "0 and 3 (4), 1 and 5 (3)" in chart.alt.replace(" and 1 and", ", 1 and")
    figure = evaluation_figures.class_accuracy(of_file(path))
    assert "from 0.600 (0) to 1.000 (5), around a mean of 0.883" in figure.in_words


def test_of_many_classes_the_worst_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    saved = crowd(130)
    saved["predictions"] = saved["labels"].copy()
    saved["predictions"][-5:] = 0
    save(path, saved)
    chart = matrix_chart(of_file(path))
    assert len(chart.rows) == 100
    assert "129" in chart.rows
    assert "30 are left out" in chart.footnote
    check(evaluation_figures.matrix(of_file(path)).draw())


@pytest.fixture
def pictured(tmp_path: Path) -> tuple[Fabricator, str, Path]:
    """A trial of data that is at hand: test image i is of one shade, i."""
    path = tmp_path / "shades.npz"
    saved = arrays()
    write_shades(path, saved["labels"])
    fabricator = Fabricator(tmp_path / "runs")
    return fabricator, trial(fabricator, saved=saved, dataset=str(path)), path


def write_shades(path: Path, labels: np.ndarray, size: int = 40) -> None:
    shades = np.arange(size, dtype=np.uint8)[:, None, None, None]
    images = np.broadcast_to(shades, (size, 8, 8, 3))
    train = np.arange(8) % 4
    np.savez(path, x_train=images[:8] + 200, y_train=train, x_test=images, y_test=labels)


def test_the_sheet_shows_the_images_themselves(pictured: tuple[Fabricator, str, Path]) -> None:
    fabricator, made, _ = pictured
    record = fabricator.store.read(made)
    scores = of_trial(record)
    found = pixels(record, scores.predictions.labels, [9, 7])
    assert found.shape == (2, 8, 8, 3)
    assert found[:, 0, 0, 0].tolist() == [9, 7]
    sections = evaluation_sections([record], figures=True)
    (sheet,) = (b for b in sections[-1].blocks if isinstance(b, Figure))
    figure = sheet.draw()
    assert len(figure.axes) == 12
    assert [text.get_text() for text in figure.axes[0].texts] == ["ant", "→ car", "0.938"]
    assert int(np.asarray(figure.axes[0].images[0].get_array())[0, 0, 0]) == 9


def test_the_images_of_a_named_pair(pictured: tuple[Fabricator, str, Path]) -> None:
    fabricator, made, _ = pictured
    scores = of_trial(fabricator.store.read(made))
    written = evaluation_document(scores, illustrated=True, pair="ant/bee")
    blocks = written.sections[1].blocks
    sheets = {b.name[-8:]: b for b in blocks if isinstance(b, Figure)}
    assert list(sheets) == ["pair-0-1", "pair-1-0"]
    # 2 ants were taken for a bee, 3 bees for an ant.
    drawn = [len(sheet.draw().axes) for sheet in sheets.values()]
    assert drawn == [2, 3]
    check(sheets["pair-0-1"].draw())
    tables = [b for b in blocks if isinstance(b, Table)]
    assert tables[0].texts() == [
        ["ant", "bee", "2", "10", "0.20", "0.06 to 0.51"],
        ["bee", "ant", "3", "10", "0.30", "0.11 to 0.60"],
    ]
    assert [row[0] for row in tables[1].texts()] == ["7", "8"]


@pytest.mark.parametrize("text", ["ant", "ant/moth", "ant/ant", "/", "1/2"])
def test_a_pair_that_is_none_is_refused(pictured: tuple[Fabricator, str, Path], text: str) -> None:
    fabricator, made, _ = pictured
    scores = of_trial(fabricator.store.read(made))
    with pytest.raises(InvalidInput, match="--pair"):
        evaluation_document(scores, illustrated=False, pair=text)


@pytest.mark.parametrize("fate", ["gone", "changed", "damaged"])
def test_images_that_are_not_the_trials_are_not_shown(
    pictured: tuple[Fabricator, str, Path], fate: str
) -> None:
    fabricator, made, path = pictured
    record = fabricator.store.read(made)
    labels = of_trial(record).predictions.labels
    if fate == "gone":
        path.unlink()
    elif fate == "damaged":
        path.write_bytes(b"PK")
    else:
        write_shades(path, labels[::-1])
    with pytest.raises(ImagesUnavailable) as reason:
        pixels(record, labels, [0])
    assert str(path) not in str(reason.value)
    *_, last = evaluation_sections([record], figures=True)
    assert "The images themselves are not shown" in str(last.blocks[-1])
