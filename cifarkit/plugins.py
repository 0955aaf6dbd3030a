"""Entry points of installed packages: one way to load them, and registries that hold them.

A plug-in is somebody else's code. One that cannot be imported or is not what its group asks for is
named in a logged warning and left out; it breaks nothing else.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from cifarkit.errors import InvalidInput, unknown

T = TypeVar("T")


def load_plugins(group: str, accept: Callable[[str, object, str], None]) -> None:
    """Load every entry point of a group, in the order of their names.

    Args:
        group: Of entry points, such as `cifarkit.backbones`.
        accept: Called with the entry point's name, the loaded object, and its package's name and
            version. What it raises leaves the plug-in out.
    """
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        try:
            accept(point.name, point.load(), _package(point))
        except (Exception, SystemExit) as error:
            package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            logging.getLogger("cifarkit").warning(
                "cifarkit: plug-in %r%s is left out: %s",
                point.name,
                package,
                f"{type(error).__name__}: {error}".removeprefix("InvalidInput: ").splitlines()[0],
            )


def _package(point: EntryPoint) -> str:
    if point.dist is None:
        return f"of {point.value}, whose package is not known"
    return f"{point.dist.name} {point.dist.version}"


class Registry(Generic[T]):
    """Objects by name: the built-in ones, then those of an entry-point group.

    Built-in objects are named as entry points are, `module:attribute`, and imported when they are
    first asked for. Plug-ins are loaded when a name is asked for that is not built in.

    Args:
        kind: What the objects are, in messages.
        group: The entry-point group.
        builtin: `module:attribute` by name.
        check: `check(name, loaded)` returns what an entry point gave if it can be used, and raises
            InvalidInput if not.
    """

    def __init__(
        self, kind: str, group: str, builtin: Mapping[str, str], check: Callable[[str, object], T]
    ) -> None:
        self.kind, self.group, self.builtin = kind, group, builtin
        self._check = check
        self._found: dict[str, T] = {}
        self._packages: dict[str, str] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.builtin or name in self.plugins()

    def names(self) -> tuple[str, ...]:
        """Of the built-in objects, in their order, then of the plug-ins."""
        return (*self.builtin, *self.plugins())

    def get(self, name: str) -> T:
        """The object of that name.

        Raises:
            InvalidInput: There is none; the message names the nearest.
        """
        if name not in self._found:
            if name in self.builtin:
                module, _, attribute = self.builtin[name].partition(":")
                self._found[name] = getattr(importlib.import_module(module), attribute)
            elif name not in self.plugins():
                raise unknown(self.kind, name, self.names())
        return self._found[name]

    def plugins(self) -> Mapping[str, str]:
        """Each plug-in's name with its package's name and version."""
        if self._packages is None:
            self._packages = found = {}

            def accept(name: str, loaded: object, package: str) -> None:
                if name in self._found or name in self.builtin:
                    raise InvalidInput(f"{name!r} is taken")
                self._found[name] = self._check(name, loaded)
                found[name] = package

            load_plugins(self.group, accept)
        return self._packages
