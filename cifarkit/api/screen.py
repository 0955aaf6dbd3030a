"""Screens networks by what simple classifiers make of their frozen features."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.api.data_notes import check_data
from cifarkit.api.screened_features import NetworkFeatures, fetch_weights, run_networks
from cifarkit.console import say
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import shuffled
from cifarkit.digests import json_digest
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.linear_probe import ProbeResult, linear_probe
from cifarkit.evaluation.nearest_neighbours import nearest_neighbours
from cifarkit.models.info import Backbone
from cifarkit.models.registry import get as get_backbone
from cifarkit.specs import TrialSpec
from cifarkit.store.screens import FOLDER, ScreenedNetwork, ScreenRecord, write_screen
from cifarkit.store.store import Store
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.screening import ALL, going_on, imagenet_top1, parameters, plan_screen
from cifarkit.text import counted, listed, unique

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Screening:
    """What `screen` returns.

    Attributes:
        record: As it is stored; `record.networks` are in descending order of the probe's accuracy.
    """

    record: ScreenRecord

    @property
    def going_on(self) -> tuple[str, ...]:
        """The keys of the networks that are worth training: `ck.zoo(screening.going_on)`."""
        return self.record.going_on

    def to_dataframe(self) -> pd.DataFrame:
        """A row per network, by key, with the attributes of `ScreenedNetwork`."""
        import pandas as pd

        rows = [one.model_dump(mode="json") for one in self.record.networks]
        return pd.DataFrame(rows).set_index("model")

    def _repr_html_(self) -> str:
        return self.to_dataframe().to_html()


def screen(
    models: Sequence[str] | str = ALL,
    *,
    dataset: str | os.PathLike[str] | None = None,
    location: str | os.PathLike[str] | None = None,
    classes: int | None = None,
    class_seed: int | None = None,
    class_names: Sequence[str] | None = None,
    train_per_class: int | None = None,
    train_at_most: int | None = None,
    data_seed: int | None = None,
    weights: str | None = None,
    image_size: int | None = None,
    max_parameters: float | None = None,
    strict: bool = False,
    store: str | os.PathLike[str] = "runs",
    command: str | None = None,
) -> Screening:
    """Which networks are worth fine-tuning on some images, by their frozen features.

    Every network runs once over every image that is not a test image; its features are cached by
    image, so that another screening computes only new ones. A linear probe
    (`evaluation.linear_probe`) and nearest neighbours are scored on each image without having been
    fitted to it. See `studies.screening.going_on` for which networks go on.

    Args:
        models: Keys of networks; `"all"` for every pretrained one.
        dataset: As in `zoo`, like the other settings of the data.
        location: As in `zoo`.
        classes: As in `zoo`.
        class_seed: As in `zoo`.
        class_names: As in `zoo`.
        train_per_class: As in `zoo`.
        train_at_most: As in `zoo`.
        data_seed: As in `zoo`.
        weights: `imagenet` if None (of a network without it, its first); `none` for random ones.
        image_size: Side to which the images are resized, in pixels; each network's native size if
            None.
        max_parameters: Leave out networks with more, not counting a head.
        strict: Refuse images that cannot be decoded.
        store: The folder of results; the screening is kept in `screens/` in it.
        command: The command that the record names; the Python call if None.

    Raises:
        InvalidInput: An argument cannot be used; nothing was computed.
        CifarkitError: The store or the cache cannot be written, or no network gave features.
    """
    began = time.perf_counter()
    chosen = (models,) if isinstance(models, str) else tuple(models)
    if max_parameters is not None and (
        isinstance(max_parameters, bool)
        or not isinstance(max_parameters, int | float)
        or not max_parameters > 0
    ):
        raise InvalidInput(f"max_parameters: give a number above 0, got {max_parameters!r}")
    settings: dict[str, Any] = {
        "dataset": None if dataset is None else os.fspath(dataset),
        "location": None if location is None else os.fspath(location),
        "classes": classes,
        "class_seed": class_seed,
        "class_names": class_names,
        "train_per_class": train_per_class,
        "train_at_most": train_at_most,
        "data_seed": data_seed,
    }
    given = {**settings, "weights": weights, "image_size": image_size}
    plan = plan_screen(chosen, given, max_parameters=max_parameters)
    specs, first = plan.specs, plan.specs[0]
    inputs = Inputs()
    check_data(specs, Store(Path(store)), inputs, strict=strict)
    location_ = first.data.location
    if dataset_registry.missing(first.data.dataset, location_) is not None:
        say(f"Preparing the {first.data.dataset} data ...")
        dataset_registry.fetch(first.data.dataset, location_)
    without_weights = fetch_weights(specs, every=chosen == (ALL,))

    weights_in_words = ", ".join(unique(spec.model.weights for spec in specs))
    identity = {
        "data": first.data.model_dump(mode="json", exclude={"location"}),
        "weights": weights_in_words,
        "networks": sorted([spec.model.model, spec.model.image_size] for spec in specs),
    }
    name = f"screen-{first.data.dataset}-{json_digest(identity)}"
    named = {key: value for key, value in given.items() if value is not None}
    call = ", ".join(f"{key}={value!r}" for key, value in named.items())
    folder = Path(store) / FOLDER / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        networks, labels = run_networks(specs, without_weights, folder)
        done = [one for one in networks if not one.failure]
        if not done:
            raise CifarkitError(f"no network gave features: {networks[0].failure}")
        say(f"Fitting the probes of {counted(len(done), 'network')} ...")
        rows = _scored(networks, labels)
        record = ScreenRecord(
            name=name,
            created_at=datetime.now(UTC),
            command=command or f"cifarkit.screen({list(chosen)!r}, {call})",
            data=first.data.model_dump(mode="json"),
            data_title=inputs.data(first.data.dataset, location_).title,
            weights=weights_in_words,
            images=len(labels),
            classes=first.data.classes,
            networks=rows,
            left_out=_in_sentences(plan.left_out),
            seconds=time.perf_counter() - began,
            network_seconds=sum(one.new_seconds for one in networks),
            notes=_notes(first, rows, [get_backbone(spec.model.model) for spec in specs]),
        )
        write_screen(Path(store), record)
    except OSError as error:
        raise CifarkitError(f"cannot write to {store}: {error}") from None
    return Screening(record)


def _scored(
    networks: Sequence[NetworkFeatures], labels: NDArray[np.int32]
) -> tuple[ScreenedNetwork, ...]:
    pretrained = any(one.spec.model.weights == "imagenet" for one in networks)
    halves = shuffled(len(labels), 0) < len(labels) // 2
    probes: dict[str, ProbeResult] = {}
    rows: list[ScreenedNetwork] = []
    for one in networks:
        facts = get_backbone(one.spec.model.model)
        row = ScreenedNetwork(
            model=facts.key,
            name=facts.name,
            parameters=parameters(facts),
            image_size=one.spec.model.image_size,
            imagenet_top1=imagenet_top1(facts) if one.spec.model.weights == "imagenet" else None,
            failure=one.failure,
        )
        if not one.failure:
            features = one.has.features()
            probe = probes[facts.key] = linear_probe(features, labels, halves)
            near = nearest_neighbours(features, labels, halves, _every_so_often(facts.name))
            changes = {
                "features": features.shape[1],
                "computed_images": len(one.had.missing),
                "seconds": one.has.seconds,
                "neighbours_accuracy": float((near.predictions == labels).mean()),
                "penalties": probe.chosen,
                "neighbours": near.chosen,
            }
            row = row.model_copy(update=changes)
        rows.append(row)
    right = {key: {0: probe.predictions == labels} for key, probe in probes.items()}
    found = compare(right)
    chosen = going_on(found, pretrained=pretrained)
    scores = {score.arm: score for score in found.scores}
    differences = {one.arm: one for one in found.comparisons}
    for i, row in enumerate(rows):
        if (score := scores.get(row.model)) is None:
            continue
        changes = {
            "probe_accuracy": score.accuracy,
            "probe_low": score.low,
            "probe_high": score.high,
            "goes_on": chosen.get(row.model, ""),
        }
        if (difference := differences.get(row.model)) is not None:
            changes |= {"difference_low": difference.low, "difference_high": difference.high}
        rows[i] = row.model_copy(update=changes)
    return tuple(sorted(rows, key=lambda row: -(row.probe_accuracy or -1.0)))


def _every_so_often(name: str) -> Callable[[int, int], None]:
    """Says how far the nearest neighbours of many images are, every ten seconds."""
    last = time.monotonic()

    def progress(done: int, count: int) -> None:
        nonlocal last
        if time.monotonic() - last > 10 and done < count:
            last = time.monotonic()
            say(f"{name}: nearest neighbours of {done:,} of {count:,} images")

    return progress


def _in_sentences(left_out: Mapping[str, str]) -> tuple[str, ...]:
    """The networks by their reason."""
    names: dict[str, list[str]] = {}
    for name, why in left_out.items():
        names.setdefault(why, []).append(name)
    return tuple(
        f"Left out: {listed(many)}: {'each ' * (len(many) > 1)}{why}."
        for why, many in names.items()
    )


def _notes(
    spec: TrialSpec, rows: Sequence[ScreenedNetwork], backbones: Sequence[Backbone]
) -> tuple[str, ...]:
    notes = []
    if own := [facts.name for facts in backbones if callable(facts.head)]:
        notes.append(
            f"{listed(own)}: a head of its own was left out; the probe's features are pooled as "
            "in front of the standard head."
        )
    if spec.model.weights == "none":
        notes.append(
            "The networks have random weights: this compares random features, and no network was "
            "added for its ImageNet accuracy."
        )
    elif unknown := [row.name for row in rows if row.imagenet_top1 is None and not row.failure]:
        notes.append(f"No published ImageNet accuracy is known of {listed(unknown)}.")
    if len({row.image_size for row in rows}) > 1:
        notes.append("The networks saw the images at different sizes, each at its native one.")
    return tuple(notes)
