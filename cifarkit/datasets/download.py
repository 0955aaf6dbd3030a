"""Downloads CIFAR into Keras' cache."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path

from cifarkit.atomic_write import partial_folder
from cifarkit.datasets import cifar_files
from cifarkit.errors import InvalidInput

_SHA256 = {
    "cifar100": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    "cifar10": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
}
_URL = "https://www.cs.toronto.edu/~kriz/"
_STALLED_SECONDS = 60.0


def fetch(dataset: str, location: Path | None) -> None:
    """Download `cifar100` or `cifar10`, unless it is there already.

    Concurrent processes wait for the one that downloads. The archive appears under its name only
    when it is complete and has the official SHA-256.

    Args:
        dataset: Which of the two.
        location: The location given by the user; nothing is downloaded then.

    Raises:
        InvalidInput: It is missing and cannot be downloaded.
    """
    problem = cifar_files.missing(dataset, location)
    if problem is None:
        return
    if location is not None:
        raise InvalidInput(problem)
    from cifarkit.locking import lock

    target = cifar_files.keras_archive(dataset)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock(Path(f"{target}.lock")):
            if cifar_files.missing(dataset, None) is not None:
                _download(dataset, target)
    except Exception as error:  # Keras raises a bare Exception when the network fails.
        raise InvalidInput(f"{problem}. (Downloading it failed: {error})") from error


def _download(dataset: str, target: Path) -> None:
    import keras

    archive = cifar_files.FORMATS[dataset][0].archive
    partial = target.with_name(f"{target.name}.part")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALLED_SECONDS)  # Keras would wait forever
    try:
        # Keras prints its progress to standard output, which is reserved for results.
        with partial_folder(partial), contextlib.redirect_stdout(sys.stderr):
            downloaded = keras.utils.get_file(
                fname=archive,
                origin=_URL + archive,
                file_hash=_SHA256[dataset],
                cache_dir=str(partial.parent),
                cache_subdir=partial.name,
            )
            os.replace(downloaded, target)
    finally:
        socket.setdefaulttimeout(timeout)
