"""Several evaluated models: their metrics in one table, and which differ."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput, unknown
from cifarkit.evaluation.comparison import accuracy_interval, compare
from cifarkit.evaluation.wording import sentences
from cifarkit.reporting import formatting
from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.document_model import Block, Document, Items, Paragraph, Section
from cifarkit.reporting.evaluation_scores import Scores, of_trial
from cifarkit.reporting.evaluation_tables import METRICS
from cifarkit.reporting.export import rows_to_csv
from cifarkit.reporting.output import FORMATS, publish
from cifarkit.reporting.study_view import StudyView
from cifarkit.reporting.table import Cell, Table, number_columns, text_cell, text_columns
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import gather
from cifarkit.text import listed, plain


@dataclass(frozen=True, eq=False)
class Run:
    """One evaluated model: a seed of a setting, or a model that stands by itself."""

    name: str
    seed: int
    scores: Scores

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) Whether each test image was predicted right."""
        saved = self.scores.predictions
        right: NDArray[np.bool_] = saved.labels == saved.predictions
        return right


@dataclass(frozen=True, eq=False)
class Runs:
    """Several evaluated models.

    Attributes:
        title: Of their document.
        models: Seeds of one name stand together.
        conclusions: Sentences on which of them differ.
        left_out: What could not be evaluated, and why.
    """

    title: str
    models: tuple[Run, ...]
    conclusions: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def of_study(store: Store, study: StudyRecord) -> Runs:
    """All complete trials of a study, with the conclusions of its report.

    Raises:
        InvalidInput: None can be evaluated.
    """
    view = StudyView(study, gather(store, [study]))
    runs, left_out = [], []
    for name, arm in view.named.items():
        left_out += [f"{name}: {reason}" for reason in arm.troubles]
        for record in arm.done:
            try:
                runs.append(Run(name, record.spec.train.seed, of_trial(record)))
            except InvalidInput as error:
                left_out.append(f"{name}: {error}")
    if not runs:
        why = f": {left_out[0]}" if left_out else ""
        raise InvalidInput(f"no trial of study {study.name!r} can be evaluated{why}")
    title = f"Evaluation of all trials: {plain(study.title)}"
    return Runs(title, tuple(runs), conclusions(view).sentences, tuple(left_out))


def of_models(named: Sequence[tuple[str, Scores]]) -> Runs:
    """Several models, compared on the same images.

    Raises:
        InvalidInput: They were scored on different images.
    """
    names = [name for name, _ in named]
    runs = tuple(
        Run(name if names.count(name) == 1 else f"{name} ({at})", 0, scores)
        for at, (name, scores) in enumerate(named, start=1)
    )
    _check_same_images(runs)
    title = f"Comparison of {listed(run.name for run in runs)}"
    return Runs(title, runs, tuple(_comparison(runs)))


def of_seeds(records: Iterable[TrialRecord], known: Scores) -> list[Run]:
    """Those trials of one arm that can be evaluated; `known` is one of them, evaluated."""
    runs = []
    for record in records:
        own = known.record is not None and record.trial_id == known.record.trial_id
        with contextlib.suppress(InvalidInput):
            runs.append(Run("", record.spec.train.seed, known if own else of_trial(record)))
    return runs


def document(found: Runs) -> Document:
    """The metrics of all models, and what distinguishes them."""
    blocks: list[Block] = [table(found.models, "models")]
    if found.left_out:
        blocks.append(Items(tuple(f"Left out: {reason}" for reason in found.left_out)))
    sections = [Section("Accuracy", 2, tuple(blocks))]
    if found.conclusions:
        words = Paragraph(" ".join(found.conclusions))
        sections.append(Section("What the data support", 2, (words,)))
    return Document(found.title, tuple(sections))


def written(found: Runs, format: str) -> str:
    """The document of several models; `csv` has a row per model.

    Raises:
        InvalidInput: The format is unknown.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if format == "csv":
        return rows_to_csv(rows(found.models))
    if format == "json":
        told = {
            "models": rows(found.models),
            "left_out": list(found.left_out),
            "conclusions": list(found.conclusions),
        }
        return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return publish(document(found), format, None)


def rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row per model, unrounded; metrics that are not available are None."""
    return [
        {
            "model": run.name,
            "seed": run.seed,
            "trial": run.scores.record.trial_id if run.scores.record else None,
            "images": run.scores.top1.images,
            "accuracy": run.scores.top1.accuracy,
            "low": run.scores.top1.interval.low,
            "high": run.scores.top1.interval.high,
        }
        | {name: run.scores.metrics.get(name) for name in METRICS}
        for run in runs
    ]


def table(runs: Sequence[Run], name: str) -> Table:
    """A row per model; of several seeds also their mean and standard deviation."""
    seeds: dict[str, list[Run]] = {}
    for run in runs:
        seeds.setdefault(run.name, []).append(run)
    several = any(len(group) > 1 for group in seeds.values())
    decimals = formatting.accuracy_decimals(min(run.scores.top1.images for run in runs))
    measured = [key for key in METRICS if any(key in run.scores.metrics for run in runs)]
    headings = ["Accuracy", "95% interval", *(METRICS[key] for key in measured)]
    columns = number_columns(*(["Seed"] if several else []), *headings)
    if len(seeds) > 1:
        columns = (*text_columns("Model"), *columns)
    lines = []
    for arm, group in seeds.items():
        leading = [text_cell(arm)] if len(seeds) > 1 else []
        for run in group:
            seed = [Cell(run.seed, str(run.seed))] if several else []
            lines.append((*leading, *seed, *_cells([run], measured, decimals)))
        if len(group) > 1:
            mean = text_cell(f"mean of {len(group)} ± sd")
            lines.append((*leading, mean, *_cells(group, measured, decimals)))
    caption = "Metrics on the test images. An interval is of one trained model, over other images"
    if several:
        caption += (
            "; in a row of means it is of the setting, over other seeds as well. ± is the standard "
            "deviation over the seeds"
        )
    return Table(name, f"{caption}.", columns, tuple(lines))


def _cells(group: Sequence[Run], measured: Sequence[str], decimals: int) -> list[Cell]:
    accuracies = [run.scores.top1.accuracy for run in group]
    span = accuracy_interval({run.seed: run.right for run in group})
    cells = [_mean(accuracies, decimals), text_cell(formatting.interval(span, decimals))]
    for key in measured:
        values = [run.scores.metrics[key] for run in group if key in run.scores.metrics]
        cells.append(_mean(values, 3) if values else Cell())
    return cells


def _mean(values: list[float], decimals: int) -> Cell:
    return Cell(float(np.mean(values)), formatting.mean_and_spread(values, decimals))


def _comparison(runs: Sequence[Run]) -> list[str]:
    """Sentences on which models differ, by the tests of `evaluation.comparison`."""
    right = {run.name: run.right for run in runs}
    told = list(sentences(compare({name: {0: found} for name, found in right.items()})))
    if len(right) == 2:
        (first, one), (second, two) = right.items()
        told.insert(
            0,
            f"Of {one.size:,} images, {(one & two).sum():,} were predicted right by both, "
            f"{(one & ~two).sum():,} by {first} alone, {(two & ~one).sum():,} by {second} alone, "
            f"and {(~one & ~two).sum():,} by neither.",
        )
    return told


def _check_same_images(runs: Sequence[Run]) -> None:
    """Refuse models that were scored on different images.

    Raises:
        InvalidInput: The true classes differ, in number or in a row; or the data of two trials.
    """
    first = runs[0]
    for other in runs[1:]:
        one, two = _true_classes(first.scores, other.scores)
        if len(one) != len(two):
            raise InvalidInput(
                f"{first.name} is of {len(one):,} images and {other.name} of {len(two):,}: models "
                "are compared on the same images in the same order"
            )
        if (differing := np.flatnonzero(one != two)).size:
            row = int(differing[0])
            raise InvalidInput(
                f"the true class of row {row + 1} is {one[row]} in {first.name} and {two[row]} in "
                f"{other.name}: models are compared on the same images in the same order"
            )
        data = [run.scores.record.spec.data for run in (first, other) if run.scores.record]
        if len({(one.dataset, one.fingerprint) for one in data}) > 1:
            raise InvalidInput(f"{first.name} and {other.name} were tested on different data")


def _true_classes(first: Scores, second: Scores) -> tuple[Any, Any]:
    """The true classes of both, by name if both name them, else by number."""
    labels = first.predictions.labels, second.predictions.labels
    if not (first.named and second.named):
        return labels
    return (
        np.array(first.class_names)[labels[0]],
        np.array(second.class_names)[labels[1]],
    )
