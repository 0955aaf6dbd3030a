"""Downloads CIFAR and Fashion-MNIST into Keras' cache."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cifarkit.atomic_write import partial_folder
from cifarkit.datasets import cifar_files, idx_files
from cifarkit.errors import InvalidInput
from cifarkit.streams import stderr_discarded

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
    target = cifar_files.keras_archive(dataset)

    def download() -> None:
        archive = cifar_files.FORMATS[dataset][0].archive
        with _partial(target) as get_file:
            os.replace(get_file(_URL + archive, _SHA256[dataset]), target)

    _once(target, location, lambda: cifar_files.missing(dataset, location), download)


def fetch_fashion_mnist(location: Path | None) -> None:
    """Download Fashion-MNIST's four files, unless they are there already.

    They appear together, when all are complete and have the official content. Keras knows no
    digests of the packed files.

    Args:
        location: As for `fetch`.

    Raises:
        InvalidInput: They are missing and cannot be downloaded.
    """
    target = idx_files.keras_folder()

    def download() -> None:
        with _partial(target) as get_file:
            for name in idx_files.FASHION_MNIST:
                path = get_file(f"{idx_files.URL}{name}.gz", None)
            if not idx_files.is_official(idx_files.read(path.parent)):
                raise InvalidInput(f"{idx_files.URL} has another content than expected")
            target.mkdir(exist_ok=True)
            for name in idx_files.FASHION_MNIST:
                (target / name).unlink(missing_ok=True)  # it would be read before the packed file
                os.replace(path.parent / f"{name}.gz", target / f"{name}.gz")

    _once(target, location, lambda: idx_files.missing(location), download)


def _once(
    target: Path,
    location: Path | None,
    missing: Callable[[], str | None],
    download: Callable[[], None],
) -> None:
    """Call `download` under a lock unless nothing is missing."""
    problem = missing()
    if problem is None:
        return
    if location is not None:
        raise InvalidInput(problem)
    from cifarkit.locking import lock

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with lock(Path(f"{target}.lock")):
            if missing() is not None:
                download()
    except Exception as error:  # Keras raises a bare Exception when the network fails.
        raise InvalidInput(f"{problem}. (Downloading it failed: {error})") from error


@contextmanager
def _partial(target: Path) -> Iterator[Callable[[str, str | None], Path]]:
    """A function of address and SHA-256 that downloads into a folder, removed at the end."""
    with stderr_discarded():  # TensorFlow's messages
        import keras

    partial = target.with_name(f"{target.name}.part")

    def get_file(address: str, sha256: str | None) -> Path:
        return Path(
            keras.utils.get_file(
                fname=address.rpartition("/")[2],
                origin=address,
                file_hash=sha256,
                cache_dir=str(partial.parent),
                cache_subdir=partial.name,
            )
        )

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALLED_SECONDS)  # Keras would wait forever
    try:
        # Keras prints its progress to standard output, which is reserved for results.
        with partial_folder(partial), contextlib.redirect_stdout(sys.stderr):
            yield get_file
    finally:
        socket.setdefaulttimeout(timeout)
