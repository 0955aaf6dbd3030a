"""Exports a trained network to a file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from cifarkit.api.load_model import origin
from cifarkit.errors import InvalidInput, unknown

if TYPE_CHECKING:
    from cifarkit.deploy.export import Exported

Format = Literal["keras", "savedmodel", "onnx", "litert"]
Quantization = Literal["int8"]


def export(
    model: str = "best",
    store: str | os.PathLike[str] = "runs",
    *,
    format: Format = "keras",
    output: str | os.PathLike[str] | None = None,
    quantize: Quantization | None = None,
    images: int | None = None,
    tolerance: float | None = None,
) -> Exported:
    """Write a trained network to a folder, with a model card, and check it against its trial.

    The model takes uint8 images in RGB, 0 to 255, resizes and preprocesses them, and gives
    probabilities: (n, h, w, 3) of any size to (n, classes). A LiteRT model takes images of the
    size that it was trained on. The exported file is run by its own runtime on the trial's test
    images; if its predictions are not the trial's, it is removed.

    Args:
        model: A trial's id or its first letters; a study's name, for what it chose; or `"best"`,
            the complete trial of the highest validation accuracy.
        store: The folder of results.
        format: `keras`, `savedmodel` (TensorFlow), `onnx` (the extra `onnx`) or `litert` (formerly
            TensorFlow Lite; the extra `litert`).
        output: The new folder; `export-<trial>-<format>` if None.
        quantize: `int8` computes a LiteRT model in whole numbers, calibrated on training images.
        images: Compare on so many test images, evenly spread; all if None, none if 0.
        tolerance: The most that a probability may differ, 0.01 if None; with `quantize`, the share
            of images that may be given another class, 0.05 if None.

    Raises:
        InvalidInput: An argument cannot be used, the folder exists, there is no such trial, its
            weights were not kept, or a package is missing that the format needs.
        CifarkitError: The file cannot be written, or does not predict what the trial did.
    """
    if format not in get_args(Format):
        raise unknown("--format", str(format), get_args(Format))
    if quantize is not None and (quantize not in get_args(Quantization) or format != "litert"):
        raise InvalidInput(
            f"--quantize: int8, of --format litert alone; got {quantize!r} of {format}"
        )
    if images is not None and (isinstance(images, bool) or images != int(images) or images < 0):
        raise InvalidInput(f"--images: give a whole number of 0 or more, got {images!r}")
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise InvalidInput(f"--tolerance: give a number of 0 or more, got {tolerance!r}")
    record = origin(model, store)
    if isinstance(record, Path):
        raise InvalidInput(f"MODEL: {model} is a path; a trial of a store is exported")
    suffix = f"-{quantize}" if quantize else ""
    folder = Path(output or f"export-{record.trial_id}-{format}{suffix}")
    if os.path.lexists(folder):
        raise InvalidInput(f"--output: {folder} exists; remove it, or name another folder")
    from cifarkit.deploy import export as exports
    from cifarkit.deploy.agreement import QUANTIZED_TOLERANCE, TOLERANCE

    default = QUANTIZED_TOLERANCE if quantize else TOLERANCE
    return exports.export(
        record,
        folder,
        format,
        quantize=quantize,
        images=images,
        tolerance=default if tolerance is None else tolerance,
    )
