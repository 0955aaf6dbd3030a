"""Studies of the fine-tuning depth (the published study's Table 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.store.setting_words import phrase
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.setting_values import check_setting
from cifarkit.studies.study import Study, check_distinct, check_size, of_one_network, plan_arm

FRACTIONS = (0.0, 0.1, 0.2, 1.0)


def finetune(
    settings: Mapping[str, Any],
    *,
    inputs: Inputs,
    fractions: Sequence[float] = FRACTIONS,
    seeds: int = 1,
) -> Study:
    """One arm per fraction of the backbone's layers that is trained, counted from its end.

    Raises:
        InvalidInput: A fraction or a setting cannot be used.
    """
    settings = of_one_network(settings)
    check_size(fractions, seeds=seeds)
    arms = tuple(
        plan_arm(
            depth_label(fraction), settings, {"unfreeze": fraction}, inputs=inputs, seeds=seeds
        )
        for fraction in (check_setting("unfreeze", fraction) for fraction in fractions)
    )
    return check_distinct(Study("finetune", "Fine-tuning depth", ("unfreeze",), arms))


def depth_label(fraction: float) -> str:
    """The label in the published table."""
    return phrase("unfreeze", fraction)
