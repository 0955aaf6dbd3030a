"""Entry points of installed packages: how they are loaded, and registries of what they provide.

A plug-in is third-party code. One that cannot be imported, or is not what its group asks for, is
named in a logged warning and left out; it breaks nothing else.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from cifarkit.errors import InvalidInput, unknown

T = TypeVar("T")
FAILURES = (Exception, SystemExit)
"""What plug-ins raise when they fail."""


def load_plugins(group: str, accept: Callable[[str, object, str], None]) -> None:
    """Load every entry point of a group, in alphabetical order.

    Args:
        group: The entry-point group, such as `cifarkit.backbones`.
        accept: Called with the entry point's name, the loaded object, and the package's name and
            version. If it raises, the plug-in is left out.
    """
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        try:
            accept(point.name, point.load(), _package(point))
        except FAILURES as error:
            package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            logging.getLogger("cifarkit").warning(
                "cifarkit: plug-in %r%s is left out: %s",
                point.name,
                package,
                in_one_line(error).removeprefix("InvalidInput: "),
            )


def in_one_line(error: BaseException) -> str:
    """The type of an exception and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _package(point: EntryPoint) -> str:
    if point.dist is None:
        return f"an unknown package ({point.value})"
    return f"{point.dist.name} {point.dist.version}"


class Registry(Generic[T]):
    """Objects by name: the built-in ones, then those of an entry-point group.

    Built-in objects are given like entry points, as `module:attribute`, and imported on first use.
    Plug-ins are loaded when a name is looked up that is not built in.

    Args:
        kind: What the objects are, for messages.
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
        """Names of the built-in objects, in their order, then of the plug-ins."""
        return (*self.builtin, *self.plugins())

    def get(self, name: str) -> T:
        """The object of that name.

        Raises:
            InvalidInput: There is none; the message suggests the nearest name.
        """
        if name not in self._found:
            if name in self.builtin:
                module, _, attribute = self.builtin[name].partition(":")
                self._found[name] = getattr(importlib.import_module(module), attribute)
            elif name not in self.plugins():
                raise unknown(self.kind, name, self.names())
        return self._found[name]

    def make(
        self, name: str, wanted: Callable[[object], bool], *arguments: Any, **options: Any
    ) -> Any:
        """Call the class or function of that name.

        Args:
            wanted: Whether a result can be used.
            arguments, options: Passed to the call.

        Raises:
            InvalidInput: There is none, it raises an exception, or its result cannot be used.
        """
        factory: Any = self.get(name)
        try:
            made = factory(*arguments, **options)
        except InvalidInput as error:
            raise InvalidInput(f"--{self.kind} {name}: {error}") from None
        except FAILURES as error:
            raise InvalidInput(
                f"--{self.kind} {name}: {self.origin(name)} raised {in_one_line(error)}"
            ) from error
        if not wanted(made):
            raise InvalidInput(
                f"--{self.kind} {name}: {self.origin(name)} gave {made!r:.80}, "
                f"not a {self.kind.capitalize()}"
            )
        return made

    def origin(self, name: str) -> str:
        """`plug-in 'NAME' of PACKAGE VERSION`, for messages; `NAME` if it is built in."""
        return name if name in self.builtin else f"plug-in {name!r} of {self.plugins()[name]}"

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
