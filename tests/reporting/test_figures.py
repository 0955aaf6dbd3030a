"""Figures: what they show, by value; and that no text is cut off or covers another."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.figures import data, style
from cifarkit.reporting.figures.dot_chart import Dot, Row, dot_chart
from cifarkit.reporting.figures.placement import Box, Point, place
from cifarkit.reporting.figures.study.training_curves import FIGURE
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Status
from cifarkit.store.study_records import Arm, StudyRecord
from cifarkit.testing.study import study_view
from tests.reporting.fabricate import Fabricator, history, make_store, result

LONG = "A network whose name is forty letters ok"


def many(fabricator: Fabricator, count: int, name: str) -> StudyRecord:
    """A zoo of `count` finished models with long names, crowded together, and two that failed."""
    arms = []
    for number in range(count + 2):
        settings = {"model": "vgg16", "seed": number}
        if number >= count:
            state = (Status.OOM, Status.FAILED)[number - count]
            trial = fabricator.trial(settings, None, state, "")
        else:
            made = result(
                accuracy=0.5 + 0.3 * ((number * 7) % 10) / 10,
                time_s=100 + 37 * ((number * 3) % 11),
                total_params=10 ** (5 + number % 4),
            )
            trial = fabricator.trial(settings, made)
        arms.append(Arm(label=f"{name} {number}", settings=settings, trials=(trial,)))
    return fabricator.study("zoo", "zoo", ["model"], arms, f"{LONG} and {LONG}, a long title")


def texts(figure: Figure) -> list[tuple[str, Box]]:
    """Every visible text with its extent in pixels."""
    canvas = FigureCanvasAgg(figure)
    with style.look():
        canvas.draw()
    renderer = canvas.get_renderer()
    hidden = {id(a) for axes in figure.axes if not axes.axison for a in axes.findobj(Text)}
    hidden -= {id(text) for axes in figure.axes for text in axes.texts}
    found = []
    for axes in figure.axes:
        # Ticks beyond the limits exist, and are not drawn.
        axis: Any
        for axis in (axes.xaxis, axes.yaxis):
            drawn = {id(tick) for tick in axis._update_ticks()}
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if id(tick) not in drawn:
                    hidden |= {id(tick.label1), id(tick.label2)}
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and id(text) not in hidden:
            extent = text.get_window_extent(renderer)
            box = Box(float(extent.x0), float(extent.y0), float(extent.x1), float(extent.y1))
            found.append((text.get_text(), box))
    return found


def check(figure: Figure) -> None:
    width, height = figure.canvas.get_width_height()
    frame = Box(-0.5, -0.5, width + 0.5, height + 0.5)
    found = texts(figure)
    assert found
    for name, box in found:
        assert box.inside(frame), f"{name!r} is cut off: {box}"
    for (name, box), (other, its_box) in combinations(found, 2):
        # Extents include a line's full height; letters that only share a border are apart.
        inner = Box(box.left + 0.5, box.bottom + 1, box.right - 0.5, box.top - 1)
        assert not inner.overlaps(its_box), f"{name!r} covers {other!r}"


@pytest.mark.parametrize(
    "kind", ["zoo", "resize", "finetune", "dropout", "batch_size", "learning_rate"]
)
def test_published_figures_are_readable(tmp_path: Path, kind: str) -> None:
    store, (study,) = make_store(tmp_path, (kind,))
    for figure in figures(
        StudyView(study, {record.trial_id: record for record in store.records()})
    ):
        check(figure.draw())


@pytest.mark.parametrize(
    ("count", "name"), [(1, "VGG"), (5, LONG), (40, LONG), (3, "$x^2$ \\frac"), (2, "猫" * 60)]
)
def test_other_zoos_are_readable(tmp_path: Path, count: int, name: str) -> None:
    fabricator = Fabricator(tmp_path)
    study = many(fabricator, count, name)
    for figure in figures(StudyView(study, fabricator.records())):
        # The curves are many panels of the same making.
        if figure.name in ("zoo-results", "zoo-tradeoff") or (
            count == 5 and "curves" in figure.name
        ):
            check(figure.draw())


def test_figures_of_a_zoo_are_named(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path)
    found = figures(StudyView(study, {record.trial_id: record for record in store.records()}))
    assert [figure.name for figure in found] == [
        "zoo-results",
        "zoo-tradeoff",
        "zoo-curves",
    ]


def test_dots_have_the_tables_values_and_the_reasons_of_failures(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study = many(fabricator, 2, "net")
    chart = dot_chart(StudyView(study, fabricator.records()))
    assert [row.label for row in chart.rows] == ["net 0", "net 1", "net 2", "net 3"]
    accuracy, *costs = chart.panels
    assert [(dot.value, dot.text) for dot in accuracy.dots] == [
        (0.5, "0.500"),
        (0.71, "0.710"),
        (None, "out of memory"),
        (None, "failed"),
    ]
    assert accuracy.dots[0].low == pytest.approx(0.4890, abs=5e-4)
    assert accuracy.dots[0].high == pytest.approx(0.5110, abs=5e-4)
    assert [panel.axis for panel in costs] == ["Parameters", "Training\ntime (s)"]
    assert costs[1].dots == (Dot(100, "100.00"), Dot(211, "211.00"), Dot(None, ""), Dot(None, ""))
    assert chart.footnote == "The same in every row: memory usage (MB) 25.6."


def test_a_long_footnote_is_cut(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    arms = [Arm(label=f"n{number}", settings={}) for number in range(9)]
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    footnote = data.footnote(StudyView(study, {}).results)
    assert footnote.startswith("Not shown: n0 (not run), n1 (not run)")
    assert footnote.endswith("n5 (not run) and 3 others.")


def test_bubbles_take_a_logarithmic_axis_beyond_a_factor_of_ten(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path)
    found = StudyView(study, {record.trial_id: record for record in store.records()}).results
    chart = data.bubble_chart("Title", found)
    assert chart.log_time
    assert chart.bubbles[2] == data.Bubble("LeNet", 103.86, 0.33, 723_180)
    assert not data.bubble_chart("Title", found[3:]).log_time


def test_the_front_has_what_nothing_beats_in_both_time_and_accuracy() -> None:
    view = study_view("model")
    times = iter((100.0, 200.0, 300.0, 300.0, 400.0, 400.0))
    scores = iter((0.5, 0.4, 0.7, 0.7, 0.6, 0.8))
    found = [
        ArmResult(arm, name, (replace(done, result=result(accuracy=a, time_s=t)),), ())
        for name, a, t in zip("abcdef", scores, times, strict=True)
        for arm, done in [(view.study.arms[0], view.results[0].done[0])]
    ]
    chart = data.bubble_chart("Title", found)
    assert [chart.bubbles[n].label for n in chart.front] == ["a", "c", "d", "f"]
    assert chart.alt.endswith("a (0.500), c (0.700), d (0.700) and f (0.800); 2 others behind it")


def test_published_numbers_are_beside_ours_where_they_are_compared(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("dropout",))
    records = {record.trial_id: record for record in store.records()}
    chart = dot_chart(StudyView(study, records, compared=True))
    accuracy, time = chart.panels
    assert [dot.published for dot in accuracy.dots] == [dot.value for dot in accuracy.dots]
    assert None not in [dot.published for dot in time.dots]
    assert chart.footnote.endswith("Hollow: the published study.")
    plain = dot_chart(StudyView(study, records))
    assert {dot.published for panel in plain.panels for dot in panel.dots} == {None}


@pytest.mark.parametrize(
    ("axes", "arrangement"),
    [
        (("learning_rate",), "overlaid"),
        (("optimizer",), "columns"),
        (("image_size", "model"), "grid"),
        ((), "grid"),
    ],
)
def test_up_to_five_arms_share_panels(axes: tuple[str, ...], arrangement: str) -> None:
    (chart,) = FIGURE.data(study_view(*axes)).values()
    assert chart.arrangement == arrangement
    check(FIGURE.draw(chart))


def test_curves_are_the_histories(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    seeds = [
        fabricator.trial({"model": "lenet", "seed": seed}, result(epochs=5)) for seed in range(2)
    ]
    failed = fabricator.trial({"model": "vgg16"}, None, Status.FAILED)
    arms = [
        Arm(label="LeNet", settings={}, trials=tuple(seeds)),
        Arm(label="VGG16", settings={}, trials=(failed,)),
    ]
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    (chart,) = FIGURE.data(StudyView(study, fabricator.records())).values()
    (arm,) = chart.arms
    assert arm.label == "LeNet"
    assert len(arm.curves) == 2
    assert arm.curves[0].epochs == (1, 2, 3, 4, 5)
    assert arm.curves[0].best_epoch == 2
    assert list(arm.curves[0].validation_loss) == [
        row["validation_loss"] for row in history(epochs=5)
    ]


def test_resize_is_grouped_by_model(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("resize",))
    view = StudyView(study, {record.trial_id: record for record in store.records()})
    chart = dot_chart(view)
    sizes = ["32 px", "78 px", "96 px", "128 px"]
    assert chart.rows == (
        *(Row(size, "DenseNet169") for size in sizes),
        *(Row(size, "DenseNet201") for size in sizes),
        Row("32 px", "InceptionV3"),
    )
    accuracy, _, parameters, time = chart.panels
    assert [dot.text for dot in accuracy.dots[-2:]] == ["out of memory", "not possible"]
    assert [dot.text for dot in parameters.dots[2:5]] == ["12,809,380", "", "18,514,084"]
    assert [dot.text for dot in time.dots[:4]] == ["200.92", "690.92", "932.38", ""]


def test_rows_of_a_sweep_stand_under_its_setting(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("learning_rate",))
    view = StudyView(study, {record.trial_id: record for record in store.records()})
    chart = dot_chart(view)
    assert chart.rows[2] == Row("2.5e-5", "Learning rate")
    assert [dot.value for dot in chart.panels[0].dots] == [0.76, 0.79, 0.84, 0.82, 0.81, 0.72, 0.35]
    two = dot_chart(study_view("optimizer", "learning_rate"))
    assert two.rows[:2] == (Row("Learning rate 1e-4", "adam"), Row("Learning rate 1e-3", "adam"))


def test_placed_labels_cover_nothing() -> None:
    points = [Point(100 + 5 * n, 100 + 3 * (n % 3), 6, 40, 10) for n in range(8)]
    frame = Box(0, 0, 300, 250)
    boxes = place(points, frame)
    assert boxes is not None
    assert boxes == place(points, frame)
    assert all(box.inside(frame) for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert place(points, Box(90, 90, 150, 120)) is None


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("finetune",))
    records = {record.trial_id: record for record in store.records()}
    first, second = (figures(StudyView(study, records))[0].draw() for _ in range(2))
    assert style.svg(first) == style.svg(second)


def test_a_matplotlibrc_changes_no_figure(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("finetune",))
    records = {record.trial_id: record for record in store.records()}
    (plain, *_), settings = (
        figures(StudyView(study, records)),
        {"text.usetex": True, "lines.linewidth": 9},
    )
    expected = style.svg(plain.draw())
    with mpl.rc_context(settings):  # what Matplotlib does when it finds the file
        assert style.svg(plain.draw()) == expected
