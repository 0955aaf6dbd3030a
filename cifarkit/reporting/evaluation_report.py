"""`cifarkit evaluate`: one network's saved predictions in, one document out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cifarkit.errors import unknown
from cifarkit.reporting import evaluation_pair, evaluation_several, hyperparameters, provenance
from cifarkit.reporting import evaluation_tables as tables
from cifarkit.reporting.document_model import Block, Document, Paragraph, Section
from cifarkit.reporting.evaluation_export import class_rows, to_json
from cifarkit.reporting.evaluation_pair import pictures
from cifarkit.reporting.evaluation_scores import Scores, of_trial
from cifarkit.reporting.evaluation_several import Run
from cifarkit.reporting.evaluation_text import (
    calibration_sentences,
    class_sentences,
    error_sentences,
    file_sentences,
)
from cifarkit.reporting.explanations import Explanations
from cifarkit.reporting.explanations import section as explanations_section
from cifarkit.reporting.export import rows_to_csv
from cifarkit.reporting.figures import evaluation_figures as figures_of
from cifarkit.reporting.misclassifications import mistakes
from cifarkit.reporting.output import (
    FORMATS,
    check_figure_format,
    drawings_of,
    publish,
    write_figures,
)
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import model_name

PAIRS = 10
"""Number of confused pairs shown by default."""
NLL_ROUNDING = 0.001
"""Nats; a smaller difference is of saving probabilities in 16 bits."""
_LISTED, _PICTURED = 10, 24
"""How many of the most confident mistakes are in the table, and on the contact sheet."""


def evaluation(
    scores: Scores,
    *,
    format: str = "markdown",
    figures_dir: Path | None = None,
    figure_format: str = "png",
    pairs: int = PAIRS,
    pair: str | None = None,
    seeds: Sequence[Run] = (),
    explanations: Explanations | None = None,
) -> str:
    """One network's scores, written up.

    Args:
        scores: From `evaluation_scores.of_trial` or `evaluation_scores.of_file`.
        format: `markdown`, `html`, `latex`, `csv` (a row per class) or `json`.
        figures_dir, figure_format: As in `output.publish`.
        pairs: How many of the most confused pairs are shown.
        pair: Two classes, `boy/man`, whose confusions are shown with their images.
        seeds: This trial and those that differ in their seed only.
        explanations: Maps of some test images.

    Raises:
        InvalidInput: The format or a class is unknown, or the figures cannot be written.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    check_figure_format(figure_format, format, figures_dir)
    illustrated = figures_dir is not None or format == "html"
    written = evaluation_document(
        scores,
        illustrated=illustrated,
        pairs=pairs,
        pair=pair,
        seeds=seeds,
        explanations=explanations,
    )
    if format in ("csv", "json"):
        if figures_dir is not None:
            write_figures(drawings_of(written), figures_dir, figure_format)
        if format == "csv":
            return rows_to_csv(class_rows(scores))
        return to_json(scores, pairs, pair, evaluation_several.rows(seeds), explanations)
    return publish(written, format, figures_dir, figure_format)


def evaluation_document(
    scores: Scores,
    *,
    illustrated: bool,
    pairs: int = PAIRS,
    pair: str | None = None,
    seeds: Sequence[Run] = (),
    explanations: Explanations | None = None,
) -> Document:
    """One network's scores as a document, with figures if it is illustrated."""
    sections = _sections(scores, illustrated, 2, pairs, seeds)
    if pair is not None:
        sections.insert(1, evaluation_pair.section(scores, pair, illustrated))
    if explanations is not None:
        sections.append(explanations_section(scores, explanations, illustrated=illustrated))
    return Document(_title(scores), tuple(sections))


def evaluation_sections(
    records: Sequence[TrialRecord], *, figures: bool, level: int = 2, pairs: int = PAIRS
) -> list[Section]:
    """The same sections for a larger document.

    Args:
        records: The complete trials of one arm; the first one is shown in detail.
        figures: Whether the sections hold figures.
        level: Of every section: 2 is a chapter, 3 a part of one.
        pairs: How many of the most confused pairs are shown.

    Raises:
        InvalidInput: The first trial's predictions are missing or damaged, or it is not complete.
    """
    scores = of_trial(records[0])
    return _sections(scores, figures, level, pairs, evaluation_several.of_seeds(records, scores))


def _title(scores: Scores) -> str:
    if scores.record is None:
        return f"Evaluation of {scores.predictions.source or 'saved predictions'}"
    model = model_name(scores.record.spec.model.model)
    return f"Evaluation of {model}, trial {scores.record.trial_id}"


def _sections(
    scores: Scores, illustrated: bool, level: int, pairs: int, seeds: Sequence[Run]
) -> list[Section]:
    parts: list[tuple[str, list[Block]]] = [
        (
            "Accuracy",
            [
                *_subject(scores),
                tables.headline(scores),
                tables.metrics(scores),
                *map(Paragraph, class_sentences(scores)),
                *_differing(scores),
            ],
        ),
        ("Most confused pairs", _confused(scores, illustrated, pairs)),
    ]
    if len(seeds) > 1:
        parts.insert(1, ("Every seed", [evaluation_several.table(seeds, f"{scores.name}-seeds")]))
    if (grouped := tables.groups(scores)) is not None:
        parts.append(("Superclasses", [Paragraph(error_sentences(scores)), grouped]))
    drawn = [figures_of.class_accuracy(scores)] if illustrated else []
    parts.append(("Classes", [tables.classes(scores), *drawn]))
    if scores.calibration is not None:
        calibrated: list[Block] = [Paragraph(calibration_sentences(scores))]
        if illustrated:
            calibrated.append(figures_of.reliability(scores))
        parts.append(("Calibration", calibrated))
    if found := _mistakes(scores, illustrated):
        parts.append(("Most confident mistakes", found))
    return [Section(title, level, tuple(blocks)) for title, blocks in parts]


def _subject(scores: Scores) -> list[Block]:
    """What was evaluated: the trial, its data, its date and its settings."""
    record = scores.record
    if record is None:
        return [Paragraph(" ".join(file_sentences(scores)))]
    (data,) = hyperparameters.data_sentences([record])
    day = provenance.when([record])
    said = [f"{name.lower()} {text}" for name, text in hyperparameters.of_trial(record).items()]
    return [
        Paragraph(
            f"Trial {record.trial_id}{f', {day}' if day else ''}: "
            f"{model_name(record.spec.model.model)}, seed {record.spec.train.seed}. Data: {data}."
        ),
        Paragraph(f"Settings: {'; '.join(said)}."),
    ]


def _differing(scores: Scores) -> list[Block]:
    """The trial's own scores, if they differ from those of the saved predictions."""
    if scores.record is None or scores.record.result is None:
        return []
    own = scores.record.result.accuracy
    pairs = [("top-1", scores.top1, own.test), ("top-5", scores.top5, own.test_top5)]
    differing = [
        f"{name} {theirs:.4f}"
        for name, share, theirs in pairs
        if share is not None and round(theirs * share.images) != share.right
    ]
    nll = scores.metrics.get("nll", own.test_loss)
    if abs(nll - own.test_loss) > NLL_ROUNDING:
        differing.append(f"negative log-likelihood {own.test_loss:.4f}")
    if not differing:
        return []
    return [
        Paragraph(
            f"The trial itself measured {' and '.join(differing)} on the test images, from scores "
            "that had not been rounded to 16 bits."
        )
    ]


def _confused(scores: Scores, illustrated: bool, pairs: int) -> list[Block]:
    table = tables.pairs(scores, pairs)
    blocks: list[Block] = [table or Paragraph("No classes were confused.")]
    if outside := int(scores.confusion.outside.sum()):
        images = "image was" if outside == 1 else "images were"
        blocks.append(
            Paragraph(
                f"{outside:,} {images} assigned to an output of the network that is not a class."
            )
        )
    if illustrated:
        blocks.append(figures_of.matrix(scores))
    return blocks


def _mistakes(scores: Scores, illustrated: bool) -> list[Block]:
    found = mistakes(scores, _PICTURED)
    if not found:
        return []
    caption = "The mistakes made with the most confidence"
    blocks: list[Block] = [tables.mistakes(scores, found[:_LISTED], "mistakes", caption)]
    return blocks + ([pictures(scores, found, "mistakes", caption)] if illustrated else [])
