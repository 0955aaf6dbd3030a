"""Reads untrusted pickles of dictionaries of plain values and integer arrays.

A pickle is a program. This reader only allows the names needed for NumPy arrays and bytes, and
replaces them by harmless stand-ins, so that no code named in the pickle is run. Its memory is
bounded by a multiple of the pickle's size.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
from collections.abc import Callable
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
        InvalidInput: It needs anything but plain values and integer arrays, is damaged, or is not
            a dictionary.
    """
    try:
        loaded = _Unpickler(data, source).load()
    except InvalidInput:
        raise
    except Exception as error:  # A damaged pickle can raise almost anything.
        raise InvalidInput(
            f"{source} is not a readable pickle ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(loaded, dict):
        raise InvalidInput(f"{source} holds a {type(loaded).__name__}, not a dictionary")
    return {
        as_text(key, source): value.values if isinstance(value, _Array) else value
        for key, value in loaded.items()
    }


def as_text(value: object, source: str) -> str:
    """Text that may have been pickled by Python 2 (as bytes) or by Python 3.

    Raises:
        InvalidInput: It is something else; the message names `source`.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    raise InvalidInput(f"{source} has a {type(value).__name__} where a name should be")


class _Type:
    """Stands in for `numpy.dtype`: an integer type's name and byte order."""

    def __init__(self, name: object, *_flags: object) -> None:
        self._name = as_text(name, "an array")
        self._order = "="
        if not _INTEGER_TYPE.fullmatch(self._name):
            raise ValueError(f"an array of type {self._name!r}; integers were expected")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = {"<": "<", ">": ">"}.get(as_text(state[1], "an array"), "=")

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self._order + self._name)


class _Array:
    """Stands in for `numpy.ndarray`; it is empty until its state has been read."""

    values: npt.NDArray[Any] = np.empty(0, np.uint8)

    def __init__(self, *_args: object) -> None:
        """The arguments of `numpy.core.multiarray._reconstruct` are not needed."""

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Type, bool, bytes]) -> None:
        _version, shape, dtype, fortran, data = state
        self.values = _from_buffer(data, dtype, shape, "F" if fortran else "C").values


def _from_buffer(data: bytes, dtype: _Type, shape: tuple[int, ...], order: str) -> _Array:
    """Stands in for `numpy.core.numeric._frombuffer` (pickle protocol 5)."""
    array = _Array()
    layout: Any = as_text(order, "an array")
    array.values = np.frombuffer(data, dtype.numpy()).reshape(shape, order=layout)
    return array


def _scalar(dtype: _Type, data: bytes) -> int:
    """Stands in for `numpy.core.multiarray.scalar`."""
    return int(np.frombuffer(data, dtype.numpy())[0])


def _encode(text: str, encoding: object) -> bytes:
    """Stands in for `_codecs.encode`, which Python 3 uses for bytes in protocol 2."""
    if as_text(encoding, "an encoding") not in ("latin1", "latin-1"):
        raise ValueError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    """Stands in for `bytes`, which protocol 2 uses for empty ones."""
    return b""


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # NumPy 2 renamed the package.
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _Array
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _from_buffer

_OPERATIONS = (
    *(pickle.PROTO, pickle.FRAME, pickle.MARK, pickle.STOP),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.LONG4),
    *(pickle.SHORT_BINSTRING, pickle.BINSTRING),
    *(pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8),
    *(pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD),
)
"""The operations needed for plain values and arrays in protocol 2 and later."""


class _Operations(dict[int, Callable[[Any], None]]):
    def __missing__(self, operation: int) -> Callable[[Any], None]:
        raise pickle.UnpicklingError(f"it does {chr(operation)!r}, which no image data needs")


class _Unpickler(pickle._Unpickler):
    """The pure-Python unpickler, whose operations can be restricted.

    The C version supports all of them, and may allocate 2**32 memo entries for a damaged pickle.
    """

    dispatch = _Operations({op[0]: pickle._Unpickler.dispatch[op[0]] for op in _OPERATIONS})

    def __init__(self, data: bytes, source: str) -> None:
        super().__init__(io.BytesIO(data), fix_imports=False, encoding="bytes")
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name in the pickle."""
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            raise InvalidInput(
                f"{self._source} is refused: its pickle asks for {module}.{name}, which no image "
                "data needs; nothing was run"
            )
        # A pickle can set attributes of this object, so each one gets its own.
        return lambda *arguments: stand_in(*arguments)

    def load_bytearray8(self) -> None:
        """Read the bytes instead of preallocating the size that the pickle claims."""
        stack: Any = self  # missing from the type stubs
        (size,) = struct.unpack("<Q", stack.read(8))
        stack.append(stack.read(size))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
