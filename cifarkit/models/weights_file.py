"""Files of weights to start from, known by their content."""

from __future__ import annotations

from pathlib import Path

from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput

SUFFIX = ".weights.h5"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file's content, 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return digest(blocks(stream))


def file_identity(path: str | Path) -> str:
    """`sha256:` and the first 16 hexadecimal digits of the SHA-256 of a file's content."""
    return f"sha256:{file_sha256(path)[:16]}"


def identified(file: str) -> tuple[str, str]:
    """The identity of a weight file that a user names, and its absolute path.

    Raises:
        InvalidInput: There is no such file, or it cannot be used.
    """
    try:
        path = Path(file).expanduser()
    except RuntimeError as error:  # `~nobody`
        raise InvalidInput(f"weights: {file!r}: {error}") from None
    try:
        if not path.is_file():
            raise InvalidInput(f"weights: there is no file {file}")
        with path.open("rb") as stream:
            if stream.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
                raise InvalidInput(f"weights: {file} is not an HDF5 file")
        content = file_identity(path)
        resolved = str(path.resolve())
        resolved.encode()  # a record could not hold it
    except UnicodeEncodeError:
        raise InvalidInput(f"weights: {resolved!a} is not UTF-8; rename the folder") from None
    except OSError as error:
        raise InvalidInput(f"weights: {file} cannot be read: {error.strerror}") from None
    return content, resolved
