"""Parameters and estimated memory of a trial, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cifarkit.errors import CifarkitError
from cifarkit.execution.worker import explain
from cifarkit.models import layer_facts
from cifarkit.models.registry import get as get_backbone
from cifarkit.profiling.memory import published_estimate_mb
from cifarkit.specs import ModelSpec, TrialSpec
from cifarkit.streams import stderr_discarded


@dataclass(frozen=True)
class Plan:
    """The cost of one trial; memory by the published study's estimate (see `profiling.memory`).

    Attributes:
        total_params, trainable_params, estimated_mb, estimated_with_input_mb: None where the
            network is still to be downloaded.
        graph_sha256: The hash of the backbone's graph (see `training.graph_hash`); empty if it was
            not built, or is built differently for counting than for the trial.
    """

    spec: TrialSpec
    total_params: int | None
    trainable_params: int | None
    estimated_mb: float | None
    estimated_with_input_mb: float | None
    graph_sha256: str = ""


@dataclass(frozen=True)
class _Counted:
    total: int
    trainable: int
    outputs: int
    graph_sha256: str = ""


def plan(specs: Iterable[TrialSpec]) -> Iterator[Plan]:
    """Estimate each trial from facts about its network.

    A network without tabulated facts (a plug-in, or an image size beyond the table) is built with
    random weights, which imports TensorFlow.
    """
    counted: dict[ModelSpec, _Counted | None] = {}
    for spec in specs:
        # Dropout does not affect the counts; only Keras' own weights change the layers.
        weights = "imagenet" if spec.model.weights == "imagenet" else "none"
        bare = spec.model.model_copy(update={"weights": weights, "dropout": 0.0})
        if bare not in counted:
            here = all(os.path.exists(file) for file in get_backbone(bare.model).files)
            counted[bare] = _from_facts(bare) or (_built(bare) if here else None)
        found, batch_size = counted[bare], spec.train.batch_size
        if found is None:
            yield Plan(spec, None, None, None, None)
            continue
        with_input = found.outputs + 3 * spec.model.image_size**2
        kept = found.total + (found.trainable if spec.train.ema else 0)  # and their averages
        yield Plan(
            spec=spec,
            total_params=found.total,
            trainable_params=found.trainable,
            estimated_mb=published_estimate_mb(found.outputs, kept, batch_size),
            estimated_with_input_mb=published_estimate_mb(with_input, kept, batch_size),
            graph_sha256=found.graph_sha256 if _as_counted(spec.model) else "",
        )


def _from_facts(spec: ModelSpec) -> _Counted | None:
    backbone, classes = get_backbone(spec.model), spec.head_outputs or 0
    if backbone.count is not None:
        total, outputs = backbone.count(spec.image_size, classes)
        return _Counted(total, total, outputs)
    facts = layer_facts.table().get(backbone.key)
    side = None if facts is None else facts.output_side(spec.image_size)
    if facts is None or side is None:
        return None
    facts = facts.with_weights(spec.weights)
    # The head, as `training.model_builder` makes it: Dropout, pooling, Dense.
    features = backbone.features
    feature_map = side * side * features
    outputs = 2 * feature_map + features + classes
    total, trainable, width = facts.total_params, 0, features
    if backbone.head == "xception":
        outputs += feature_map + 256
        total += 4 * features + (features + 1) * 256
        trainable += 2 * features + (features + 1) * 256
        width = 256
    logits = (width + 1) * classes
    trainable += facts.trainable_params(spec.unfreeze, batchnorm_frozen=spec.batchnorm == "frozen")
    return _Counted(total + logits, trainable + logits, outputs)


def _built(spec: ModelSpec) -> _Counted:
    import_quietly()
    import keras

    from cifarkit.profiling.memory import layer_outputs
    from cifarkit.profiling.parameters import count
    from cifarkit.training.model_builder import build

    keras.backend.clear_session()
    try:
        built = build(spec, (spec.image_size, spec.image_size), pretrained=False)
    except Exception as error:
        ended = explain(error)
        if ended.status != "oom":
            raise
        raise CifarkitError(
            f"{spec.model} with {spec.head_outputs:,} outputs does not fit into memory: "
            f"{ended.reason}"
        ) from None
    counts = count(built.model)
    return _Counted(counts.total, counts.trainable, layer_outputs(built.layers), built.graph_sha256)


def _as_counted(spec: ModelSpec) -> bool:
    facts = get_backbone(spec.model)
    own_head = facts.includes_head or callable(facts.head)
    return spec.weights not in facts.published_weights and not (own_head and spec.dropout)


def import_quietly() -> None:
    """Import TensorFlow, suppressing what it prints before logging can be configured."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_discarded():
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
