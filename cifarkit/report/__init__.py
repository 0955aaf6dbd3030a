"""Studies written up: records of the store to tables, figures and documents. No TensorFlow."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """The function `cifarkit.report` and this package share a name, which either may be bound to.

    Importing any of the package's modules binds `cifarkit.report` to the package.
    """

    def __call__(self, *args: Any, **options: Any) -> str:
        written: str = import_module("cifarkit.api.report").report(*args, **options)
        return written


sys.modules[__name__].__class__ = _Callable
