"""Writing files whole: beside their place, flushed to the disk and renamed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import BaseModel


def beside_of(path: Path) -> Path:
    """A new name next to a file, to be renamed to it when it is written whole.

    `tempfile` would make it for its owner alone, whatever the umask: others of a group that shares
    the folder could not read the results.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}")


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all.

    Raises:
        OSError: It could not be written; the error names `path`, and what was there still is.
    """
    beside = beside_of(path)
    try:
        with beside.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_model(path: Path, model: BaseModel) -> None:
    """A record as indented JSON."""
    write_atomically(path, (model.model_dump_json(indent=2) + "\n").encode())
