"""Comparisons of networks at the same settings (the published study's Table 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.models.registry import STUDY
from cifarkit.models.registry import get as get_backbone
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.setting_values import check_setting
from cifarkit.studies.study import Study, check_distinct, check_size, plan_arm


def zoo(
    settings: Mapping[str, Any], *, inputs: Inputs, models: Sequence[str] = STUDY, seeds: int = 1
) -> Study:
    """One arm per network.

    Networks trained from scratch keep their own size and random weights, whatever `image_size`
    and `weights` are for the others.

    Raises:
        InvalidInput: A network or a setting cannot be used.
    """
    check_size(models, seeds=seeds)
    if settings.get("image_size") is not None:
        check_setting("image_size", settings["image_size"])
    arms = []
    for key in models:
        facts = get_backbone(key)
        varied: dict[str, Any] = {"model": facts.key}
        if facts.includes_head:
            varied |= {"image_size": None, "weights": None}
        arm = plan_arm(facts.name, settings, varied, inputs=inputs, seeds=seeds)
        arms.append(arm)
    return check_distinct(Study("zoo", "Comparison of networks", ("model",), tuple(arms)))
