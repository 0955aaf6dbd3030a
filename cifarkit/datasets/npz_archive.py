"""Access to an `.npz` file's arrays by their accepted names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput

_FORMS = (("x_{}", "y_{}"), ("{}_images", "{}_labels"))
_ROLES = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test",),
}
CLASS_NAMES = "class_names"


class NpzArchive:
    """An open `.npz`; all of its errors are `InvalidInput` and name the file.

    Args:
        path: For messages.
        stream: The open file.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        try:
            self._file = np.load(stream, allow_pickle=False)
        except Exception as error:  # damaged zip structure
            raise InvalidInput(f"--dataset: {path} is not a readable .npz file: {error}") from error
        if not isinstance(self._file, np.lib.npyio.NpzFile):
            raise InvalidInput(f"--dataset: {path} holds one array, not an .npz of several")

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._file.files

    def refused(self, why: str) -> InvalidInput:
        """The error to raise for what the file holds."""
        return InvalidInput(f"--dataset: {self.path}: {why}")

    def array(self, name: str) -> npt.NDArray[Any]:
        """An array as stored.

        Raises:
            InvalidInput: It is damaged, or holds pickled objects.
        """
        try:
            return np.asarray(self._file[name])
        except Exception as error:  # from the zip, its compression, or the array's header
            raise self.refused(
                f"array {name!r} cannot be read ({error}); plain numbers "
                "or texts are needed, without pickled objects"
            ) from error

    def parts(self) -> dict[str, tuple[str, str]]:
        """Names of the images' and the labels' array of each part; `train` is always there.

        Raises:
            InvalidInput: There is no training part, or half of a part, or a part twice.
        """
        found: dict[str, tuple[str, str]] = {}
        for images_form, labels_form in _FORMS:
            for role, names in _ROLES.items():
                for name in names:
                    pair = (images_form.format(name), labels_form.format(name))
                    there = [array for array in pair if array in self]
                    if not there:
                        continue
                    if role in found:
                        raise InvalidInput(
                            f"--dataset: {self.path} has two {role} parts, {found[role][0]} and "
                            f"{there[0]}"
                        )
                    if len(there) == 1 and role != "train":
                        raise InvalidInput(
                            f"--dataset: {self.path} has only one of {pair[0]} and {pair[1]}"
                        )
                    if len(there) == 2:
                        found[role] = pair
        if "train" not in found:
            raise InvalidInput(
                f"--dataset: {self.path} must hold x_train and y_train (x_test and y_test too, if "
                "there is a test part), or train_images, train_labels and so on; it holds "
                f"{', '.join(self._file.files) or 'nothing'}"
            )
        return found

    def rest(self) -> list[str]:
        """Names of the arrays that are ignored."""
        known = {CLASS_NAMES, *(name for pair in self.parts().values() for name in pair)}
        return sorted(set(self._file.files) - known)
