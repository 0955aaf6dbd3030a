"""A trained network that predicts the classes of images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cifarkit.deploy.images import Size, Source, as_sources, batches
from cifarkit.deploy.runtimes import ExportFormat, Images, Probabilities, Runtime
from cifarkit.errors import InvalidInput
from cifarkit.text import csv_cell, plain

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 32


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a network says of images.

    Attributes:
        names: The images' paths, or `image 1` and so on, in their order.
        probabilities: (n, classes) float32.
        class_names: By column.
        left_out: Why images could not be decoded, by name.
    """

    names: tuple[str, ...]
    probabilities: Probabilities
    class_names: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(n,) the column of the highest probability."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def classes(self) -> list[str]:
        """The name of the class of the highest probability of each image."""
        return [self.class_names[label] for label in self.labels]

    def top(self, count: int = 5) -> list[list[tuple[str, float]]]:
        """The most probable classes of each image with their probabilities, highest first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return [
            [(self.class_names[label], float(row[label])) for label in labels]
            for row, labels in zip(self.probabilities, order, strict=True)
        ]

    def rows(self, top: int = 1) -> list[dict[str, Any]]:
        """A row per image: `image`, and `class_1`, `probability_1` and so on."""
        rows = []
        for name, classes in zip(self.names, self.top(top), strict=True):
            row: dict[str, Any] = {"image": name}
            for rank, (label, probability) in enumerate(classes, start=1):
                row |= {f"class_{rank}": label, f"probability_{rank}": probability}
            rows.append(row)
        return rows

    def to_dataframe(self, top: int = 1) -> pd.DataFrame:
        """`rows` as a data frame."""
        import pandas as pd

        return pd.DataFrame(self.rows(top))

    def document(self, format: Literal["table", "csv", "jsonl"] = "table", top: int = 1) -> str:
        """The predictions as text.

        Args:
            format: `table`, separated by tabs; `csv`; or `jsonl`, an object per line, also of the
                images that were left out, with the reason as `error`.
            top: How many classes of each image.
        """
        if format == "jsonl":
            objects: list[dict[str, Any]] = [
                {
                    "image": name,
                    "classes": [{"class": label, "probability": round(p, 6)} for label, p in row],
                }
                for name, row in zip(self.names, self.top(top), strict=True)
            ]
            objects += [{"image": name, "error": why} for name, why in self.left_out.items()]
            return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)
        clean = csv_cell if format == "csv" else plain
        count = min(top, len(self.class_names))
        lines = [self.header(count)]
        for name, row in zip(self.names, self.top(count), strict=True):
            lines.append(
                [clean(name), *(c for label, p in row for c in (clean(label), f"{p:.4f}"))]
            )
        if format == "table":
            return "".join("\t".join(line) + "\n" for line in lines)
        written = io.StringIO(newline="")
        csv.writer(written, lineterminator="\n").writerows(lines)
        return written.getvalue()

    @staticmethod
    def header(top: int) -> list[str]:
        """The columns of `rows`."""
        columns = [(f"class_{rank}", f"probability_{rank}") for rank in range(1, top + 1)]
        return ["image", *(name for pair in columns for name in pair)]

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        left = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"<Predicted: {len(self)} images{left}>"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A trained network, from a trial of a store or from an exported file.

    Attributes:
        title: The network's name.
        class_names: By output.
        native_size: (height, width) in pixels of the images that it was trained on, to which
            `predict` resizes others.
        trial_id: The trial that trained it.
        format: `trial`, or the exported file's.
        path: The trial's folder, or the exported file.
        runtime: Images of one size to probabilities; see `probabilities`.
        size_bytes: Of the weights, or of the exported file.
    """

    title: str
    class_names: tuple[str, ...]
    native_size: Size
    trial_id: str
    format: Literal["trial"] | ExportFormat
    path: Path
    runtime: Runtime = field(repr=False)
    size_bytes: int
    make_keras: Callable[[], Any] | None = field(repr=False, default=None)
    make_card: Callable[[], str] | None = field(repr=False, default=None)

    def predict(
        self,
        images: Source | Iterable[Source],
        *,
        batch_size: int = BATCH_SIZE,
        on_batch: Callable[[int], None] = lambda done: None,
    ) -> Predicted:
        """Classify images of any size and kind.

        Args:
            images: A path of a file or of a folder, a pattern (`photos/**/*.jpg`), the bytes of an
                image file or an (h, w, 3) uint8 array in RGB; several of them; or an (n, h, w, 3)
                uint8 array. Files that cannot be decoded are left out and named in
                `Predicted.left_out`.
            batch_size: How many are in memory at once.
            on_batch: Called with the number of images done.

        Raises:
            InvalidInput: An array has another shape or dtype, or a folder or pattern has no file.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidInput(f"batch_size: give a whole number of 1 or more, got {batch_size!r}")
        names: list[str] = []
        found: list[Probabilities] = []
        left_out: dict[str, str] = {}
        for batch in batches(as_sources(images), self.native_size, batch_size):
            if len(batch.names):
                found.append(self.probabilities(batch.images))
            names += batch.names
            left_out |= batch.left_out
            on_batch(len(names) + len(left_out))
        table = np.concatenate(found) if found else np.empty((0, len(self.class_names)), np.float32)
        return Predicted(tuple(names), table, self.class_names, left_out)

    def probabilities(self, images: Images) -> Probabilities:
        """(n, classes) float32 of (n, height, width, 3) uint8 images of `native_size`, one batch.

        May be called from several threads.
        """
        return self.runtime(images)

    @cached_property
    def keras(self) -> Any:
        """The Keras model: (n, h, w, 3) uint8 images of any size to probabilities.

        Raises:
            InvalidInput: It was loaded from a file of another format.
        """
        if self.make_keras is None:
            raise InvalidInput(f"{self.path} is no Keras model; load the trial or a .keras file")
        return self.make_keras()

    @cached_property
    def card(self) -> str:
        """The model card, in Markdown; of an exported file, the one beside it."""
        return self.make_card() if self.make_card else ""
