"""Detects complete trials whose networks were built by other package versions."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from cifarkit.models.registry import package_of
from cifarkit.specs import TrialSpec
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store
from cifarkit.store.trials import read_all


def other_packages(specs: Iterable[TrialSpec], store: Store) -> list[str]:
    """A sentence for each package whose version has changed since complete trials were run.

    A plug-in's networks are of its own package, all others are built by Keras.

    Nothing is built here: a builder that changed without a new version is detected by its graph,
    in a dry run or a report.
    """
    earlier: dict[tuple[str, str, str], list[str]] = {}
    wanted = {spec.trial_id for spec in specs}
    for trial in read_all(store, sorted(wanted & set(store.trial_ids()))).values():
        if not trial.complete or trial.result is None:
            continue
        model, now = trial.spec.model.model, package_of(trial.spec.model.model)
        then = trial.result.backbone_package or "a package that was not recorded"
        if not now:
            model, now = "Networks", f"Keras {version('keras')}"
            then = f"Keras {trial.result.environment.keras}"
        if then != now:
            earlier.setdefault((model, then, now), []).append(trial.trial_id)
    return [
        f"{model}: {len(trials)} done earlier with {then}, now {now} is installed; "
        f"`cifarkit store remove ID` lets them run again: {', '.join(trials)}"
        for (model, then, now), trials in earlier.items()
    ]


def package_of_missing(key: str, store: Store) -> str:
    """The package of a network that no installed package provides; empty if unknown."""
    trials = read_all(store, store.trial_ids()).values()
    found = {
        trial.result.backbone_package: None
        for trial in trials
        if trial.result is not None and trial.spec.model.model == key.lower()
    }
    return " or ".join(filter(None, found))


def other_graph(done: TrialRecord, built: str) -> bool:
    """Whether a trial's backbone is known to differ from the one built now.

    Args:
        built: The `graph_sha256` of the latter; empty if unknown.
    """
    recorded = done.result.graph_sha256 if done.result else ""
    return bool(recorded and built and recorded != built)
