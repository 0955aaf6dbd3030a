"""A model card, in the form of Hugging Face: metadata in YAML, then Markdown.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting"; the metadata's fields are those of
https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from cifarkit.deploy.agreement import Agreement
from cifarkit.deploy.export_record import ExportRecord
from cifarkit.models import registry
from cifarkit.profiling.measurements import Time
from cifarkit.reporting import evaluation_tables as tables
from cifarkit.reporting import formatting, hyperparameters, provenance
from cifarkit.reporting.document_model import Block, Command, Document, Items, Paragraph, Section
from cifarkit.reporting.evaluation_scores import Scores, of_trial
from cifarkit.reporting.evaluation_text import calibration_sentences, class_sentences
from cifarkit.reporting.render import markdown
from cifarkit.reporting.table import Column, Table, text_cell
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import model_name
from cifarkit.text import plain

TO_FILL = "TO FILL IN BY THE USER"
PAIRS = 10
LIBRARIES = {"keras": "keras", "savedmodel": "tf-keras", "onnx": "onnx", "litert": "litert"}
"""Hugging Face's names of the formats' libraries."""
LICENSES = {
    "Apache 2.0": "apache-2.0",
    "MIT": "mit",
    "BSD": "bsd",
    "BSD 3-clause": "bsd-3-clause",
    "CC BY 4.0": "cc-by-4.0",
}
"""Its names of licences."""


def write(
    record: TrialRecord, exported: ExportRecord | None = None, agreement: Agreement | None = None
) -> str:
    """The card of a trial's network, or of an exported one.

    Raises:
        InvalidInput: The trial's predictions are missing or damaged.
    """
    scores = of_trial(record)
    data = hyperparameters.dataset_name(record.spec.data)
    document = Document(
        f"{model_name(record.spec.model.model)} on {data}",
        (
            Section("Use", 2, tuple(_use(record, exported))),
            Section("Training data", 2, tuple(_data(record))),
            Section("Evaluation", 2, tuple(_evaluation(scores))),
            *([Section("Exported file", 2, tuple(_file(exported, agreement)))] if exported else []),
            Section("Training", 2, tuple(_training(record))),
        ),
    )
    return f"{_metadata(record, scores, exported)}\n{markdown.write(document, {})}"


def _metadata(record: TrialRecord, scores: Scores, exported: ExportRecord | None) -> str:
    """YAML; JSON's texts, numbers and lists are YAML's too."""
    data = hyperparameters.dataset_name(record.spec.data)
    metrics = {
        "accuracy": ("Test accuracy", scores.top1.accuracy),
        "f1": ("Macro F1", scores.metrics["macro_f1"]),
    }
    lines = [
        *_license(_licence(record)),
        f"library_name: {LIBRARIES[exported.format] if exported else 'keras'}",
        "pipeline_tag: image-classification",
        'tags: ["image-classification", "transfer-learning", "cifarkit"]',
        *([f"datasets: {json.dumps([record.spec.data.dataset])}"] if _known_data(record) else []),
        f"metrics: {json.dumps(list(metrics))}",
        "model-index:",
        f"- name: {json.dumps(f'{record.spec.model.model}-{record.trial_id}')}",
        "  results:",
        "  - task:",
        "      type: image-classification",
        "    dataset:",
        f"      name: {json.dumps(data)}",
        f"      type: {json.dumps(record.spec.data.dataset)}",
        "      split: test",
        "    metrics:",
    ]
    for kind, (name, value) in metrics.items():
        lines += [f"    - type: {kind}", f"      name: {name}", f"      value: {value:.6f}"]
    return "\n".join(["---", *lines, "---", ""])


def _license(of_weights: str) -> list[str]:
    """That of the pretrained weights, which the network is made from; else the user's choice."""
    if not of_weights:
        return [f"# license: {TO_FILL}"]
    if of_weights in LICENSES:
        return [f"license: {LICENSES[of_weights]}"]
    return ["license: other", f"license_name: {json.dumps(of_weights)}"]


def _use(record: TrialRecord, exported: ExportRecord | None) -> Iterator[Block]:
    assert record.result is not None
    yield Paragraph(f"Intended use: {TO_FILL}.")
    yield Paragraph(f"Out of scope, risks and limitations: {TO_FILL}.")
    names = record.result.class_names
    yield Paragraph(
        f"It classifies an RGB image as one of {len(names):,} classes: "
        f"{', '.join(map(plain, names))}. It has no class for anything else."
    )
    target = "path/of/this/folder" if exported else record.trial_id
    yield Command(f'import cifarkit as ck\n\nck.load_model("{target}").predict("image.jpg").top(5)')


def _data(record: TrialRecord) -> Iterator[Block]:
    result, data = record.result, record.spec.data
    assert result is not None
    (sentence,) = hyperparameters.data_sentences([record])
    yield Paragraph(f"Data: {sentence}.")
    content = data.fingerprint or "the official content"
    yield Items(
        (
            f"Hash of the content: {content}.",
            *(f"{note}." for note in result.notes),
        )
    )


def _evaluation(scores: Scores) -> Iterator[Block]:
    yield Paragraph("On the test images, which chose nothing.")
    yield tables.headline(scores)
    yield tables.metrics(scores)
    if scores.calibration is not None:
        yield Paragraph(calibration_sentences(scores))
    yield from map(Paragraph, class_sentences(scores))
    yield tables.pairs(scores, PAIRS) or Paragraph("No classes were confused.")
    yield tables.classes(scores)


def _file(exported: ExportRecord, agreement: Agreement | None) -> Iterator[Block]:
    values = {
        "File": exported.file,
        "Format": exported.format,
        "Quantization": exported.quantization or "none (float32)",
        "Size": f"{exported.size_bytes / 1e6:,.2f} MB",
        "SHA-256": exported.sha256,
        "Input": exported.input,
        "Output": exported.output,
        "Made with": ", ".join(f"{name} {of}" for name, of in exported.tools.items()),
    }
    yield _table("file", "The file.", values)
    if agreement is not None:
        yield from map(Paragraph, agreement.sentences)


def _training(record: TrialRecord) -> Iterator[Block]:
    result, spec = record.result, record.spec
    assert result is not None
    settings = hyperparameters.of_trial(record) | {"Seed": str(spec.train.seed)}
    yield _table("settings", f"Settings of trial {record.trial_id}.", settings)
    time: Time = result.time
    cost = {
        "Parameters": f"{result.parameters.total:,}",
        "Operations per image": f"{result.flops_per_image / 1e9:.4g} GFLOPs",
        "Training (fit)": f"{formatting.seconds(time.fit_seconds)} s, {result.epochs_run} epochs",
        "Peak memory of training": f"{result.memory.peak_rss_mb:,.0f} MB",
    }
    yield _table("cost", "Cost.", cost)
    day = provenance.when([record])
    yield Paragraph(
        f"Trained on {provenance.describe(result.environment)}{f', {day}' * bool(day)}."
    )
    weights = provenance.weights_sentences([record])
    licence = _licence(record)
    yield Paragraph(
        "It started from random weights."
        if spec.model.weights == "none"
        else f"It started from {' '.join(weights)} Licence of these weights: "
        f"{licence or f'not known; {TO_FILL}'}."
    )


def _licence(record: TrialRecord) -> str:
    """Of the published weights that it started from; empty if unknown, or random weights."""
    spec = record.spec.model
    facts = registry.registry().get(spec.model)
    known = facts.published_weights.get(spec.weights) if facts else None
    return known.licence if known else ""


def _known_data(record: TrialRecord) -> bool:
    """Whether its data is the official content of a public data set."""
    return record.spec.data.fingerprint is None and record.spec.data.dataset != "synthetic"


def _table(name: str, caption: str, values: dict[str, str]) -> Table:
    columns: Sequence[Column] = (Column("What", numeric=False), Column("Value", numeric=False))
    rows = tuple((text_cell(key), text_cell(value)) for key, value in values.items())
    return Table(name, caption, tuple(columns), rows)
