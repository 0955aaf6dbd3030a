"""A report's chapters on screenings: their tables, beside what fine-tuning made of the networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan
from statistics import fmean

from cifarkit.evaluation.rank_agreement import FEWEST_FOR_INTERVAL, rank_agreement
from cifarkit.reporting.document_model import Block, Items, Paragraph, Section
from cifarkit.reporting.screen_table import screen_sentences, screen_table
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns
from cifarkit.specs import DataSpec
from cifarkit.store.screens import ScreenRecord
from cifarkit.text import counted, plain

_SAME_IMAGES = ("dataset", "fingerprint", "classes", "class_seed", "class_names", "train_per_class",
                "train_at_most", "data_seed")  # fmt: skip


def screen_sections(
    screens: Iterable[ScreenRecord], views: Sequence[StudyView]
) -> Iterator[Section]:
    """A chapter per screening, with the studies of two or more of its networks on its images."""
    for record in screens:
        blocks: list[Block] = [screen_table(record), Items(tuple(screen_sentences(record)))]
        for view in views:
            if view.axes == ("model",):
                blocks += _compared(record, view)
        yield Section(f"Screening on {plain(record.data_title)}", 2, tuple(blocks))


def trained_accuracies(record: ScreenRecord, view: StudyView) -> dict[str, float]:
    """The mean test accuracy of what a study trained from a screening's weights on its images."""
    found = {}
    for arm in view.results:
        specs = [trial.spec for trial in arm.done]
        weights = record.weights.split(", ")
        if specs and specs[0].model.weights in weights and _same_images(record, specs[0].data):
            found[specs[0].model.model] = fmean(result.accuracy.test for result in arm.results)
    return found


def _same_images(record: ScreenRecord, data: DataSpec) -> bool:
    stated = data.model_dump(mode="json")
    return all(stated[name] == record.data.get(name) for name in _SAME_IMAGES)


def _compared(record: ScreenRecord, view: StudyView) -> list[Block]:
    trained = trained_accuracies(record, view)
    probes = {
        one.model: one.probe_accuracy
        for one in record.networks
        if one.model in trained and one.probe_accuracy is not None
    }
    if len(probes) < 2:
        return []
    names = {one.model: one.name for one in record.networks}
    columns = (
        *text_columns("Network"),
        *number_columns("Probe accuracy", "Rank by the probe", "Test accuracy", "Rank trained"),
    )
    rows = tuple(
        (
            text_cell(names[key]),
            Cell(probe, f"{probe:.3f}"),
            _rank(key, probes),
            Cell(trained[key], f"{trained[key]:.3f}"),
            _rank(key, {one: trained[one] for one in probes}),
        )
        for key, probe in probes.items()
    )
    caption = f"{plain(view.title)}: networks by the probe of {record.name} and as trained"
    table = Table(f"{record.name}-{view.name}", caption, columns, rows)
    return [table, Paragraph(agreement_in_words(record, probes, trained))]


def _rank(key: str, scores: Mapping[str, float]) -> Cell:
    """1 for the highest; equals share the best rank."""
    rank = 1 + sum(score > scores[key] for score in scores.values())
    return Cell(rank, str(rank))


def agreement_in_words(
    record: ScreenRecord, probes: Mapping[str, float], trained: Mapping[str, float]
) -> str:
    """How far the probe's order is that of the trained networks."""
    keys = list(probes)
    found = rank_agreement([probes[key] for key in keys], [trained[key] for key in keys])
    if isnan(found.tau):
        return "All networks have the same accuracy in one of the orders: there are no ranks."
    text = f"Kendall's tau of the two orders is {found.tau:.2f}"
    if found.low is None or found.high is None:
        text += (
            f"; {counted(len(keys), 'network')} are too few for an interval, which takes "
            f"{FEWEST_FOR_INTERVAL}."
        )
    else:
        text += (
            f" (95% interval {found.low:.2f} to {found.high:.2f}, percentile bootstrap over the "
            f"{len(keys)} networks, rough for so few); 1 is the same order, 0 none in common."
        )
    if set(keys) <= set(record.going_on) < {one.model for one in record.networks}:
        text += (
            " Only networks that the screening kept were trained: what it missed cannot be seen."
        )
    return text
