"""Makes a `LoadedModel` of a trial or of an exported file."""

from __future__ import annotations

from pathlib import Path

from cifarkit.deploy import export_record, runtimes
from cifarkit.deploy.model import LoadedModel
from cifarkit.deploy.trial_model import check_kept
from cifarkit.store.records import TrialRecord

Origin = TrialRecord | Path
"""Where a network comes from: a trial, or what `export` wrote."""


def load(origin: Origin) -> LoadedModel:
    """Load a network; raises what `of_trial` and `of_export` do."""
    return of_export(origin) if isinstance(origin, Path) else of_trial(origin)


def class_names_of(origin: Origin) -> tuple[str, ...]:
    """The classes of a network that is not loaded yet.

    Raises:
        InvalidInput: It cannot be loaded: as `export_record.read_record` or `check_kept`.
    """
    if isinstance(origin, Path):
        return export_record.read_record(origin)[1].class_names
    check_kept(origin)
    assert origin.result is not None
    return origin.result.class_names


def fingerprint_of(origin: Origin) -> str | None:
    """That of the data that a network was trained on; None or empty of official content."""
    if isinstance(origin, Path):
        return export_record.read_record(origin)[1].data_fingerprint
    return origin.spec.data.fingerprint


def of_trial(record: TrialRecord) -> LoadedModel:
    """The network of a complete trial that kept its weights.

    Raises:
        InvalidInput: As `trial_model.trained_model`.
    """
    from cifarkit.deploy import card, trial_model
    from cifarkit.store.setting_words import model_name

    weights = trial_model.check_kept(record)
    spec, native = record.spec.model, trial_model.native_size(record)
    built = trial_model.trained_model(record)
    model = trial_model.inference_model(built.model, native, spec.image_size)
    return LoadedModel(
        title=model_name(spec.model),
        class_names=output_names(record),
        native_size=native,
        trial_id=record.trial_id,
        format="trial",
        path=record.folder,
        runtime=runtimes.of_keras(model),
        size_bytes=weights.stat().st_size,
        make_keras=lambda: model,
        make_card=lambda: card.write(record),
    )


def of_export(path: Path) -> LoadedModel:
    """The model in an export's folder.

    Raises:
        InvalidInput: There is none, it is damaged, or its runtime is not installed.
    """
    folder, record = export_record.read_record(path)
    file = folder / record.file
    beside = folder / export_record.CARD
    model = runtimes.load_keras(file) if record.format == "keras" else None
    runtime = runtimes.of_keras(model) if model else runtimes.open_runtime(record.format, file)
    return LoadedModel(
        title=record.network,
        class_names=record.class_names,
        native_size=record.native_size,
        trial_id=record.trial_id,
        format=record.format,
        path=file,
        runtime=runtime,
        size_bytes=record.size_bytes,
        make_keras=None if model is None else lambda: model,
        make_card=lambda: beside.read_text(encoding="utf-8") if beside.is_file() else "",
    )


def output_names(record: TrialRecord) -> tuple[str, ...]:
    """The class of each output; those beyond the classes (`head_outputs`) have a number."""
    assert record.result is not None
    names = record.result.class_names
    outputs = record.spec.model.head_outputs or len(names)
    return (*names, *(f"(unused output {n})" for n in range(len(names), outputs)))
