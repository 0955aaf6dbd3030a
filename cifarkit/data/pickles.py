"""Pickled dictionaries of plain values and integer arrays, read without trusting them.

A pickle is a program. This reader lets it name only what NumPy arrays and bytes are written with,
and puts harmless stand-ins for these in its hands: no code that the pickle names is ever run.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput

_INTEGER_TYPE = re.compile(r"[iu][1248]|b1")


def load_dict(data: bytes, source: str) -> dict[str, Any]:
    """The dictionary that a pickle holds, its keys as text and its top-level arrays as arrays.

    Python 2's byte strings come as `bytes`.

    Args:
        data: The pickle, of any protocol.
        source: The file's name, for messages.

    Raises:
        InvalidInput: It asks for anything but plain values and integer arrays, is damaged, or is
            no dictionary.
    """
    try:
        loaded = _Unpickler(data, source).load()
    except InvalidInput:
        raise
    except Exception as error:  # A damaged pickle can fail in nearly any way.
        raise InvalidInput(
            f"{source} is not a readable pickle ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(loaded, dict):
        raise InvalidInput(f"{source} holds a {type(loaded).__name__}, not a dictionary")
    return {
        as_text(key): value.values if isinstance(value, _Array) else value
        for key, value in loaded.items()
    }


def as_text(value: object) -> str:
    """Text that may have been pickled by Python 2 (as bytes) or by Python 3."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Type:
    """Stands in for `numpy.dtype`: an integer type's name and byte order."""

    def __init__(self, name: object, *_flags: object) -> None:
        self._name = as_text(name)
        self._order = "="
        if not _INTEGER_TYPE.fullmatch(self._name):
            raise ValueError(f"an array of type {self._name!r}; integers were expected")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = {"<": "<", ">": ">"}.get(as_text(state[1]), "=")

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self._order + self._name)


class _Array:
    """Stands in for `numpy.ndarray`; `values` is set when its state has been read."""

    values: npt.NDArray[Any]

    def __init__(self, *_args: object) -> None:
        """The arguments of `numpy.core.multiarray._reconstruct` say nothing that matters."""

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Type, bool, bytes]) -> None:
        _version, shape, dtype, fortran, data = state
        self.values = _from_buffer(data, dtype, shape, "F" if fortran else "C").values


def _from_buffer(data: bytes, dtype: _Type, shape: tuple[int, ...], order: str) -> _Array:
    """Stands in for `numpy.core.numeric._frombuffer` (pickle protocol 5)."""
    array = _Array()
    layout: Any = as_text(order)
    array.values = np.frombuffer(data, dtype.numpy()).reshape(shape, order=layout)
    return array


def _scalar(dtype: _Type, data: bytes) -> int:
    """Stands in for `numpy.core.multiarray.scalar`."""
    return int(np.frombuffer(data, dtype.numpy())[0])


def _encode(text: str, encoding: object) -> bytes:
    """Stands in for `_codecs.encode`, by which Python 3 writes bytes in protocol 2."""
    if as_text(encoding) not in ("latin1", "latin-1"):
        raise ValueError(f"bytes in encoding {encoding!r}; latin1 was expected")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): lambda: b"",  # Protocol 2 has no other way to write empty bytes.
}
for _core in ("numpy.core", "numpy._core"):  # NumPy 2 renamed the package.
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _Array
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, source: str) -> None:
        super().__init__(io.BytesIO(data), fix_imports=False, encoding="bytes")
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            raise InvalidInput(
                f"{self._source} is refused: its pickle asks for {module}.{name}, which no image "
                "data needs; nothing was run"
            )
        return stand_in
