"""Reads the files of a CIFAR archive, or of its unpacked folder, as bytes.

An archive is read as a stream into memory. Nothing is written to disk, so paths and links in it
have no effect.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from cifarkit.datasets.cifar_files import Format
from cifarkit.errors import InvalidInput

MAX_UNPACKED_BYTES = 2**30
"""An archive that unpacks to more is refused; the largest official one unpacks to 190 MB."""


def read(found: Path, forms: tuple[Format, ...]) -> tuple[Format, dict[str, bytes]]:
    """The format found, and its files by name; those of `meta` may be absent.

    Args:
        found: An archive, or an unpacked folder.
        forms: The formats to look for.

    Raises:
        InvalidInput: It is damaged, too large, or holds no complete set of image files.
    """
    try:
        files = _unpacked(found, forms) if found.is_dir() else _packed(found, forms)
    except InvalidInput:
        raise
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise InvalidInput(
            f"{found} cannot be read: it is damaged or not a .tar.gz archive ({error})"
        ) from error
    for form in forms:
        if {*form.train, *form.test} <= files.get(form.folder, {}).keys():
            return form, files[form.folder]
    expected = " or ".join(
        f"{form.folder}/ with {', '.join((*form.train, *form.test))}" for form in forms
    )
    raise InvalidInput(f"{found} does not contain {expected} as regular files")


def _unpacked(folder: Path, forms: tuple[Format, ...]) -> dict[str, dict[str, bytes]]:
    return {
        form.folder: {
            name: (folder / name).read_bytes()
            for name in (*form.train, *form.test, *form.meta)
            if (folder / name).is_file()
        }
        for form in forms
    }


def _packed(archive: Path, forms: tuple[Format, ...]) -> dict[str, dict[str, bytes]]:
    wanted = {form.folder: {*form.train, *form.test, *form.meta} for form in forms}
    files: dict[str, dict[str, bytes]] = {}
    with (
        gzip.open(archive) as unzipped,
        tarfile.open(fileobj=_Limited(unzipped, archive), mode="r|", bufsize=2**18) as tar,
    ):
        for member in tar:
            folder, name = PurePosixPath(member.name).parts[-2:] if "/" in member.name else ("", "")
            plain = PurePosixPath(member.name) == PurePosixPath(folder, name)
            if not plain or not member.isreg() or name not in wanted.get(folder, ()):
                continue
            stream = tar.extractfile(member)
            assert stream is not None  # It is a regular file.
            files.setdefault(folder, {})[name] = stream.read()
    return files


class _Limited(io.RawIOBase):
    """A readable stream that refuses to give more than `MAX_UNPACKED_BYTES` in all."""

    def __init__(self, stream: gzip.GzipFile, archive: Path) -> None:
        self._stream = stream
        self._archive = archive
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size` of them."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InvalidInput(
                f"{self._archive} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB: "
                "it is not a CIFAR archive"
            )
        return data
