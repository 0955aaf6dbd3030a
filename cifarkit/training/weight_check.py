"""Checks that loading weights changed the weights.

Any loader (Keras, a plug-in, cifarkit) sets variables through `assign`. Watching it avoids building
a second model for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cifarkit.errors import CifarkitError
from cifarkit.training.keras_compat import watched_assignments


class Assigned:
    """The variables that were assigned while watching.

    Attributes:
        changed: By the variable's `id`, whether an assignment changed its values.
    """

    def __init__(self) -> None:
        self.changed: dict[int, bool] = {}
        self._alive: list[Any] = []  # ids are only unique among live objects

    def note(self, variable: Any, before: np.ndarray) -> None:
        differs = not np.array_equal(before, np.asarray(variable))
        if id(variable) not in self.changed:
            self._alive.append(variable)
        self.changed[id(variable)] = self.changed.get(id(variable), False) or differs

    def share(self, backbone: Any, source: str, network: str) -> float:
        """The share, 0..1, of the backbone's weight tensors that changed.

        Raises:
            CifarkitError: None changed.
        """
        weights = backbone.weights
        count = sum(self.changed.get(id(weight), False) for weight in weights)
        if not count:
            raise CifarkitError(
                f"--weights: loading {source} changed none of the {len(weights)} weight tensors of "
                f"{network}: it would train from random weights under that name"
            )
        return count / len(weights)


@contextmanager
def assignments() -> Iterator[Assigned]:
    """Watch every assignment to a Keras variable in this process."""
    seen = Assigned()
    with watched_assignments(seen.note):
        yield seen
