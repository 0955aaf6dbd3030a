"""The data and the weight files that a command's trials start from, each read once."""

from __future__ import annotations

from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.info import DatasetInfo
from cifarkit.models import weights_file


class Inputs:
    """What a command has found out of its data sets and weight files.

    They are looked at when they are first asked for, and not again: everything that is planned
    with the same `Inputs` has the same content.
    """

    def __init__(self) -> None:
        self._data: dict[tuple[str, str | None], DatasetInfo] = {}
        self._weights: dict[str, tuple[str, str]] = {}

    def data(self, dataset: str, location: str | None = None) -> DatasetInfo:
        """The facts of a data set; see `datasets.registry.facts`.

        Raises:
            InvalidInput: There is no such data set, or its files are missing or unusable.
        """
        asked = (dataset, location)
        if asked not in self._data:
            kind, path = dataset_registry.resolve(dataset, location)
            named = (kind, None if path is None else str(path))  # as a spec has it
            if named not in self._data:
                self._data[named] = dataset_registry.info(kind, path)
            self._data[asked] = self._data[named]
        return self._data[asked]

    def weights(self, file: str) -> tuple[str, str]:
        """The identity of a weight file's content, and its path; see `weights_file.identified`.

        Raises:
            InvalidInput: The file cannot be used.
        """
        if file not in self._weights:
            self._weights[file] = weights_file.identified(file)
        return self._weights[file]
