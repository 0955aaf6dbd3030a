"""Exports a trial's network to a folder, and checks the exported file against the trial."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cifarkit.atomic_write import write_atomically
from cifarkit.deploy import agreement as agreements
from cifarkit.deploy import card, converters, export_record, runtimes, trial_model
from cifarkit.deploy.agreement import Agreement
from cifarkit.deploy.export_record import ExportRecord
from cifarkit.deploy.loading import output_names
from cifarkit.deploy.runtimes import ExportFormat
from cifarkit.errors import CifarkitError
from cifarkit.store.predictions import of_trial
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import model_name
from cifarkit.version import __version__

CALIBRATION_IMAGES = 128
"""Training images that quantization is calibrated on; TensorFlow's guide says 100 to 500."""


@dataclass(frozen=True)
class Exported:
    """A trained network in a file.

    Attributes:
        folder: Holds the model, `model.json`, `model-card.md` and `agreement.json`.
        record: What `model.json` says.
        agreement: How the file's predictions compare with the trial's.
        notes: What a user must know.
    """

    folder: Path
    record: ExportRecord
    agreement: Agreement
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The model's file, or a SavedModel's folder."""
        return self.folder / self.record.file


def export(
    record: TrialRecord,
    folder: Path,
    format: ExportFormat,
    *,
    quantize: Literal["int8"] | None,
    images: int | None,
    tolerance: float,
) -> Exported:
    """Export a trial's network; see `api.export.export`.

    Args:
        folder: Created, complete, once the file was found to agree with the trial.

    Raises:
        InvalidInput: As `trial_model.trained_model`; the trial's data is not there; or a package
            that the format needs is not.
        CifarkitError: The file cannot be written, or its predictions are not the trial's.
    """
    from cifarkit.training.trial import load_splits

    tools = converters.tools(format)
    trial_model.check_kept(record)
    saved = of_trial(record)
    trial_model.import_quietly()
    splits = load_splits(record.spec) if images != 0 or quantize else None
    native = trial_model.native_size(record)
    built = trial_model.trained_model(record)
    network = converters.Network(built.model, native, record.spec.model.image_size)
    calibration = None
    if quantize and splits is not None:
        chosen = agreements.rows(len(splits.train_images), CALIBRATION_IMAGES)
        calibration = np.asarray(splits.train_images[chosen])
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        file = partial / export_record.FILES[format]
        try:
            converters.convert(network, format, file, calibration=calibration)
        except Exception as error:  # converters raise anything
            cause = " ".join(str(error).split())[:500] or type(error).__name__
            raise CifarkitError(
                f"{record.spec.model.model} cannot be written as {format}: {cause}"
            ) from error
        facts = _facts(record, format, quantize, native, tools)
        converters.embed(file, format, json.dumps(facts))
        sha256, size = export_record.content_digest(file)
        written = ExportRecord(**facts, sha256=sha256, size_bytes=size)
        export_record.write_record(partial, written)
        agreement = Agreement(
            images=0, of=len(saved.labels), tolerance=tolerance, quantized=quantize is not None
        )
        if splits is not None and images != 0:
            agreement = agreements.compare(
                runtimes.open_runtime(format, file),
                splits.test_images,
                saved,
                most=images,
                tolerance=tolerance,
                quantized=quantize is not None,
            )
        if not agreement.accepted:
            raise CifarkitError(_refusal(agreement, record, format))
        text = agreement.model_dump_json(indent=2) + "\n"
        write_atomically(partial / export_record.AGREEMENT, text.encode())
        write_atomically(
            partial / export_record.CARD, card.write(record, written, agreement).encode()
        )
        partial.rename(folder)
    except OSError as error:
        raise CifarkitError(f"{folder} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(folder, written, agreement, _notes(record))


def _facts(
    record: TrialRecord,
    format: ExportFormat,
    quantize: Literal["int8"] | None,
    native: trial_model.Size,
    tools: dict[str, str],
) -> dict[str, Any]:
    """What the export's record says before the file is complete."""
    any_size = format != "litert"
    height, width = ("height", "width") if any_size else native
    names = output_names(record)
    return {
        "format": format,
        "file": export_record.FILES[format],
        "class_names": names,
        "native_size": native,
        "any_size": any_size,
        "input": f"{converters.INPUT}: uint8, (n, {height}, {width}, 3), RGB, 0 to 255",
        "output": f"{converters.OUTPUT}: float32, (n, {len(names)}), softmax",
        "quantization": quantize or "",
        "trial_id": record.trial_id,
        "network": model_name(record.spec.model.model),
        "data_fingerprint": record.spec.data.fingerprint or "",
        "cifarkit": __version__,
        "tools": tools,
    }


def _refusal(agreement: Agreement, record: TrialRecord, format: ExportFormat) -> str:
    what = "share of images with another class" if agreement.quantized else "largest difference"
    return (
        f"the {format} file does not predict what trial {record.trial_id} did, and was removed. "
        f"{' '.join(agreement.sentences)} The tolerance, of the {what}, is "
        f"{agreement.tolerance:g} (--tolerance)."
    )


def _notes(record: TrialRecord) -> tuple[str, ...]:
    assert record.result is not None
    notes = []
    if record.spec.train.precision != "float32":
        notes.append(
            f"It was trained with precision {record.spec.train.precision}; the file computes in "
            "float32."
        )
    if unused := len(output_names(record)) - len(record.result.class_names):
        notes.append(f"{unused} of its outputs are no class (head_outputs).")
    return tuple(notes)
