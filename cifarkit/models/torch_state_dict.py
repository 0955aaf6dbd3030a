"""Reads the tensors of a PyTorch state dict in its format before version 1.6, without PyTorch.

The file is five pickles (magic number, protocol, system, state dict, storage keys), then the raw
storages (`torch/serialization.py`, `_legacy_save`). A pickle is a program: this reader knows only
the four names that a state dict needs, none of which runs code of the file.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cifarkit.errors import InvalidInput

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    """The arguments of `torch._utils._rebuild_tensor_v2`."""

    storage: tuple[Any, ...]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: Any


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise InvalidInput(f"it asks for {module}.{name}, which no state dict of weights needs")

    def persistent_load(self, reference: Any) -> Any:
        """(`storage`, type, key, device, elements, view)."""
        return reference


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors by name, float32 or int64, in the file's order.

    Raises:
        InvalidInput: It is another kind of file, is damaged, or its pickle asks for anything but
            tensors.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except (InvalidInput, OSError) as error:
            if isinstance(error, OSError):
                raise
            reason = str(error)
        except Exception as error:  # a damaged pickle can raise almost anything
            reason = f"{type(error).__name__}: {error}"
    raise InvalidInput(f"{path} is not a readable PyTorch state dict: {reason}")


def _read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    magic, _protocol, system, state, keys = (_Unpickler(file).load() for _ in range(5))
    if magic != _MAGIC or not system["little_endian"]:
        raise InvalidInput("its header is not that of PyTorch's format before version 1.6")
    types = {tensor.storage[2]: tensor.storage[1] for tensor in state.values()}
    storages = {}
    for key in keys:
        (elements,) = np.frombuffer(file.read(8), "<i8")
        data = file.read(int(elements) * types[key].itemsize)
        storages[key] = np.frombuffer(data, types[key], int(elements))
    return {name: _array(tensor, storages[tensor.storage[2]]) for name, tensor in state.items()}


def _array(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    last = tensor.offset + sum(
        (side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    if min(tensor.offset, *tensor.strides, *tensor.shape, 0) < 0 or last >= storage.size:
        raise InvalidInput("a tensor lies outside of its storage")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return view.copy()
