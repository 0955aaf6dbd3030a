"""Splits of the training images that vary: with each seed, or from arm to arm."""

from __future__ import annotations

from typing import Any

from cifarkit.datasets.info import DatasetInfo
from cifarkit.errors import InvalidInput
from cifarkit.specs import DataSpec


def with_seeds(settings: dict[str, Any], seeds: int) -> list[dict[str, Any]]:
    """The settings of an arm for each of the seeds 0..seeds-1.

    `vary_split` makes the seed the data seed, too: then the same seed still means the same split in
    every arm, and the first is the trial of a study without it.

    Raises:
        InvalidInput: `vary_split` with a fixed data seed, or a single seed.
    """
    settings = dict(settings)
    vary_split = settings.pop("vary_split", None)
    each = [settings | {"seed": seed} for seed in range(seeds)]
    if not vary_split:
        return each
    if seeds == 1:
        raise InvalidInput("vary_split: one seed draws one split; give 2 --seeds or more")
    if (fixed := settings.get("data_seed")) is not None:
        raise InvalidInput(
            f"vary_split: each seed draws a split, data_seed {fixed} fixes one for all; give one"
        )
    return [one | {"data_seed": one["seed"]} for one in each]


def check_drawn(data: DataSpec, facts: DatasetInfo) -> None:
    """Refuse to vary the data seed where it changes nothing.

    Raises:
        InvalidInput: The data has a validation part, and all its training images are used.
    """
    drawn = data.train_per_class is not None or data.train_at_most is not None
    if facts.has_validation and not drawn:
        raise InvalidInput(
            f"vary_split and data_seed: {facts.title} comes with its own validation part, so "
            "there is no split to draw; with train_per_class there are training images to draw"
        )
