"""Plans a screening: which networks are compared by their features, and which of them go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarkit.errors import InvalidInput
from cifarkit.models import layer_facts
from cifarkit.models.hub_presets import PREFIX, entries
from cifarkit.models.info import Backbone
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.registry import registry
from cifarkit.specs import TrialSpec
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.inputs import Inputs

if TYPE_CHECKING:
    from cifarkit.evaluation.comparison import Conclusion

ALL = "all"
DATA_SETTINGS = (
    "dataset",
    "location",
    "classes",
    "class_seed",
    "class_names",
    "train_per_class",
    "train_at_most",
    "data_seed",
)
"""Those that say which images a screening looks at."""


@dataclass(frozen=True)
class PlannedScreen:
    """The networks of a screening.

    Attributes:
        specs: One per network, whose data and model say what is computed; nothing is trained.
        left_out: Of all networks those that cannot take part, with the reason.
    """

    specs: tuple[TrialSpec, ...]
    left_out: Mapping[str, str]


def plan_screen(
    models: Sequence[str], settings: Mapping[str, Any], *, max_parameters: float | None
) -> PlannedScreen:
    """The networks that can be screened, each at its native size if none is given.

    Args:
        models: Keys; `("all",)` for every network that the settings allow.
        settings: Of the data, `weights` and `image_size`, by flat name; None for the default.
        max_parameters: Leave out networks with more.

    Raises:
        InvalidInput: A setting or a named network cannot be used, or no network is left.
    """
    every = tuple(models) == (ALL,)
    keys = tuple(registry()) if every else tuple(models)
    inputs = Inputs()
    specs: list[TrialSpec] = []
    left_out: dict[str, str] = {}
    for key in keys:
        facts = get_backbone(key)
        weights = str(settings.get("weights") or facts.default_weights)
        why = _unsuited(facts, weights, settings.get("image_size"), max_parameters)
        if why and not every:
            raise InvalidInput(f"models: {facts.key} {why}")
        if why:
            left_out[facts.name] = why
            continue
        if any(spec.model.model == facts.key for spec in specs):
            raise InvalidInput(f"models: {facts.key} is named twice")
        size = settings.get("image_size") or facts.native_size
        given = {**settings, "weights": weights, "image_size": size, "model": facts.key}
        specs.append(trial_spec(inputs, **given, unfreeze=0.0, augment=False))
    if not specs:
        reasons = "; ".join(f"{name} {why}" for name, why in left_out.items())
        raise InvalidInput(f"models: no network can be screened with these settings: {reasons}")
    return PlannedScreen(tuple(specs), left_out)


def _unsuited(facts: Backbone, weights: str, image_size: Any, max_parameters: float | None) -> str:
    """Why a network cannot be screened; empty if it can."""
    if facts.includes_head:
        return "is trained from scratch and has no pretrained features"
    if weights not in ("none", *facts.published_weights):
        choices = ", ".join((*facts.published_weights, "none"))
        return f"has no weights {weights!r} (it has {choices})"
    if isinstance(image_size, int) and (fault := facts.size_fault(image_size)):
        return f"{fault}, {image_size} were asked for"
    count = parameters(facts)
    if max_parameters is not None and count is None:
        return "has a number of parameters that is not known before it is built"
    if max_parameters is not None and count is not None and count > max_parameters:
        return f"has {count:,} parameters"
    return ""


def parameters(facts: Backbone) -> int | None:
    """Of the network without a head; None if not known before it is built."""
    if facts.key.startswith(PREFIX):
        entry = entries().get(facts.key.removeprefix(PREFIX))
        return None if entry is None else entry.parameters
    known = layer_facts.table().get(facts.key)
    return None if known is None else known.total_params


def imagenet_top1(facts: Backbone) -> float | None:
    """The published top-1 accuracy of its `imagenet` weights, 0..1; None if not known."""
    weights = facts.published_weights.get("imagenet")
    return None if weights is None else weights.top1


def going_on(found: Conclusion, *, pretrained: bool) -> dict[str, str]:
    """The networks that are worth training, by key, each with the reason.

    Those are the one whose features are classified best, all that the images do not tell from it,
    and of all compared the one of the highest published ImageNet accuracy, since the features of a
    network may rank lower than the fine-tuned network does: Renggli et al. 2022, "Which model to
    transfer? Finding the needle in the growing haystack", CVPR, 9205-9214.

    Args:
        found: The comparison of the networks' probes, by key.
        pretrained: Whether the networks have their ImageNet weights.
    """
    if found.reference is None:
        return {}
    reasons = {found.reference: "the best"}
    for one in found.comparisons:
        if one.verdict == "not distinguishable":
            reasons[one.arm] = "not told from the best"
    top1 = {
        score.arm: accuracy
        for score in found.scores
        if (accuracy := imagenet_top1(get_backbone(score.arm))) is not None
    }
    if pretrained and top1:
        reasons.setdefault(max(top1, key=lambda key: top1[key]), "the best on ImageNet")
    return {score.arm: reasons[score.arm] for score in found.scores if score.arm in reasons}
