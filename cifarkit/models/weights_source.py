"""Where a network's first weights come from: none, a named set, a trial or a file."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from cifarkit.errors import InvalidInput

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def file_identity(path: str | Path) -> str:
    """`sha256:` and the first 16 hexadecimal digits of the SHA-256 of a file's content."""
    path = Path(path).resolve()
    status = path.stat()
    return _file_identity(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=64)
def _file_identity(path: Path, *status: int) -> str:
    """Every spec of a study names the file, which is read once as long as it stays as it is."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"


def checked_weights(weights: str, sets: tuple[str, ...]) -> dict[str, Any]:
    """The fields `weights`, and `weights_file` unless another trial's, of a `ModelSpec`.

    Args:
        weights: As the user gave it.
        sets: Names of the network's own weights.

    Raises:
        InvalidInput: There are no such weights, or the file cannot be used.
    """
    if weights in ("none", *sets):
        return {"weights": weights, "weights_file": None}
    if weights.startswith("sha256:"):
        raise InvalidInput(
            f"weights: {weights!r} names the content of a file; give the path of the "
            f".weights.h5 file"
        )
    if weights.startswith("trial:"):
        if not weights.removeprefix("trial:").isalnum():
            raise InvalidInput(f"weights: {weights!r} is not of the form trial:ID")
        return {"weights": weights}
    try:
        path = Path(weights).expanduser()
    except RuntimeError as error:  # `~nobody`
        raise InvalidInput(f"weights: {weights!r}: {error}") from None
    choices = ", ".join((*sets, "none", "trial:ID", "a .weights.h5 file"))
    if not path.name.endswith(".weights.h5"):
        raise InvalidInput(f"weights: {weights!r} is none of {choices}")
    try:
        if not path.is_file():
            raise InvalidInput(f"weights: there is no file {weights}")
        with path.open("rb") as stream:
            if stream.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
                raise InvalidInput(f"weights: {weights} is not an HDF5 file")
        content = file_identity(path)
        resolved = str(path.resolve())
        resolved.encode()  # a record could not hold it
    except UnicodeEncodeError:
        raise InvalidInput(f"weights: {resolved!a} is not UTF-8; rename the folder") from None
    except OSError as error:
        raise InvalidInput(f"weights: {weights} cannot be read: {error.strerror}") from None
    return {"weights": content, "weights_file": resolved}
