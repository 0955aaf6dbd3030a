"""Reading a trial's saved predictions from an untrusted file."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput
from cifarkit.store.file_io import UnavailableFile, UnreadableFile, check_sum
from cifarkit.store.records import Artifact, TrialRecord

FILE: Artifact = "predictions.npz"
"""The file's name in a trial's folder."""
MOST_MB = 512
"""Uncompressed. ImageNet's 50,000 validation images with 1,000 outputs take 100 MB."""
MOST_OUTPUTS = 5000
"""A confusion matrix of this size takes 200 MB."""

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's predictions on the test images, and on the validation images if kept.

    Attributes:
        labels: (n,) int64 from 0, the true classes.
        predictions: (n,) int64, each one of the outputs.
        probabilities: (n, outputs) floating point; a trial always has them.
        validation: The true and the predicted classes of the validation images.
        class_names: By label, where they are known without the trial's result.
        notes: Sentences for the reader of an evaluation.
        source: What made them, if not a trial or another program.
    """

    labels: Classes
    predictions: Classes
    probabilities: npt.NDArray[np.floating[Any]] | None
    validation: tuple[Classes, Classes] | None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""


def of_trial(record: TrialRecord) -> Predictions:
    """The predictions of a trial.

    Raises:
        InvalidInput: As `read`, and if the file is unreadable or fails its checksum.
    """
    try:
        check_sum(record.folder, record.state, FILE)
        return read(record.folder / FILE)
    except UnreadableFile as error:
        raise InvalidInput(str(error)) from None


def read(path: Path) -> Predictions:
    """Read a `predictions.npz`, as a trial leaves it.

    Raises:
        InvalidInput: It is not there, damaged or too large, holds pickled objects, or its arrays
            do not fit together. The message names the file.
        UnavailableFile: It could not be read.
    """
    wanted = ("labels", "predictions", "probabilities")
    try:
        if not path.is_file():
            raise InvalidInput(f"there is no file {path}")
        arrays = load(path, wanted, ("validation_labels", "validation_predictions"))
    except OSError as error:
        raise UnavailableFile(path, error) from None
    try:
        return checked(arrays)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def load(path: Path, wanted: Sequence[str], optional: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an `.npz`, those that it must have and those that it may have.

    Raises:
        InvalidInput: It is damaged or too large, lacks one, or one holds pickled objects.
        OSError: It could not be read.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked_mb = sum(entry.file_size for entry in packed.infolist()) / 2**20
        if unpacked_mb > MOST_MB:
            raise InvalidInput(
                f"{path}: unpacked it would take {unpacked_mb:,.0f} MB; "
                f"predictions of up to {MOST_MB} MB are read"
            )
        with np.load(path, allow_pickle=False) as saved:
            missing = [name for name in wanted if name not in saved]
            if missing:
                raise InvalidInput(
                    f"{path} lacks {', '.join(missing)}; it holds {', '.join(saved) or 'nothing'}"
                )
            return {name: saved[name] for name in (*wanted, *optional) if name in saved}
    except InvalidInput:
        raise
    except Exception as error:  # from the zip, its compression, or an array's header
        # A damaged offset can cause a seek to fail with EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InvalidInput(
            f"{path} is not a readable predictions file: {error or type(error).__name__}"
        ) from None


def checked(arrays: dict[str, npt.NDArray[Any]], class_names: tuple[str, ...] = ()) -> Predictions:
    """`labels`, `predictions` and perhaps `probabilities` and the validation images' classes.

    Raises:
        InvalidInput: They do not fit together.
    """
    labels = _classes(arrays, "labels")
    predictions = _classes(arrays, "predictions", len(labels))
    table = arrays.get("probabilities")
    if table is not None:
        _check_probabilities(table, labels, predictions)
    validation = None
    if "validation_labels" in arrays and "validation_predictions" in arrays:
        true = _classes(arrays, "validation_labels")
        validation = (true, _classes(arrays, "validation_predictions", len(true)))
    return Predictions(labels, predictions, table, validation, class_names)


def _check_probabilities(table: npt.NDArray[Any], labels: Classes, predictions: Classes) -> None:
    if table.ndim != 2 or len(table) != len(labels) or table.dtype.kind != "f":
        raise InvalidInput(
            f"probabilities must be floating point of shape ({len(labels)}, outputs), "
            f"got {table.dtype} {table.shape}"
        )
    outputs = table.shape[1]
    if outputs > MOST_OUTPUTS:
        raise InvalidInput(f"{outputs:,} outputs; networks of up to {MOST_OUTPUTS:,} are evaluated")
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.max() >= outputs:
            raise InvalidInput(f"{name} {values.max()} has no column among {outputs} outputs")


def _classes(arrays: dict[str, npt.NDArray[Any]], name: str, length: int | None = None) -> Classes:
    values = arrays[name]
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iu":
        raise InvalidInput(
            f"{name} must be integers of shape (n,), n > 0, got {values.dtype} {values.shape}"
        )
    if length is not None and len(values) != length:
        raise InvalidInput(f"{length:,} labels, but {len(values):,} {name.replace('_', ' ')}")
    if values.min() < 0 or values.max() >= 2**31:
        raise InvalidInput(f"{name} must be from 0, got {values.min()}..{values.max()}")
    return values.astype(np.int64)
