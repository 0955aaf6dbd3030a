"""Studies of the input size (the published study's Table 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cifarkit.models.registry import get as get_backbone
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.setting_values import check_setting
from cifarkit.studies.study import PlannedArm, Study, check_distinct, check_size, plan_arm

MODELS = ("densenet169", "densenet201")
SIZES = (32, 78, 96, 128)


def resize(
    settings: Mapping[str, Any],
    *,
    inputs: Inputs,
    models: Sequence[str] = MODELS,
    sizes: Sequence[int] = SIZES,
    seeds: int = 1,
) -> Study:
    """Every network at every size; a size below a network's minimum is an arm "not possible".

    Raises:
        InvalidInput: A network, a setting or a size is invalid.
    """
    check_size(models, sizes, seeds=seeds)
    arms = []
    for key in models:
        facts = get_backbone(key)
        for size in (check_setting("image_size", size) for size in sizes):
            label, varied = f"{facts.name} at {size} px", {"model": facts.key, "image_size": size}
            if size > 0 and (fault := facts.size_fault(size)):
                arms.append(PlannedArm(label, varied, impossible=f"{facts.name} {fault}"))
            else:
                arms.append(plan_arm(label, settings, varied, inputs=inputs, seeds=seeds))
    return check_distinct(Study("resize", "Input size", ("model", "image_size"), tuple(arms)))
