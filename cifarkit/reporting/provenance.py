"""How trials were measured: dates, environments, definitions of the columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from cifarkit.models.registry import find
from cifarkit.profiling.measurements import Environment
from cifarkit.reporting.formatting import trimmed
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import model_name
from cifarkit.store.timing_checks import ENVIRONMENT_NAMES, environment_differences, overlapping
from cifarkit.text import counted, listed, unique

_TIMES = "\N{MULTIPLICATION SIGN}"

DEFINITIONS = (
    "Memory usage (MB) is the published study's estimate, not a measurement: 4 bytes for every "
    "weight and for every output of the model's top-level layers, of one batch: "
    f"round(4 {_TIMES} (batch {_TIMES} outputs + parameters) / 1024³, 3) {_TIMES} 1024. "
    "A backbone counts as one layer. "
    "Tables of fine-tuning depth and of batch sizes add one layer of the input's size, as the "
    "published ones do.",
    "Peak memory (GB) is the highest resident memory of the trial's process, libraries and data "
    "included; device peak (GB) is the accelerator's own. 1 GB is 2³⁰ bytes, 1 MB is 2²⁰ bytes.",
    "Total Parameters counts every weight once, including the statistics of BatchNormalization.",
    "Time (sec) is the wall-clock time of the whole fit: every epoch, validation and the first "
    "step (tracing and graph optimization). Where frozen layers ran once per image instead of in "
    "every epoch, the time to compute their outputs is included, even if they were read from an "
    "earlier trial's cache. Epoch (s) is the median time of an epoch's training without the first "
    "step, and images/s the median rate; input wait is the share of the steps' time spent waiting "
    "for images.",
    "GFLOPs/image is the number of floating-point operations in 10⁹, two per multiply-add, of the "
    "convolutions and dense layers in one forward pass.",
    "Accuracy is the share of test images whose class was predicted. The weights are those of the "
    "epoch with the lowest validation loss; the test images are scored once per trial and never "
    "used to choose anything.",
    "Training accuracy is that of the same weights on the training images, without augmentation "
    "and dropout; results of earlier versions lack it. Learning curves show a running mean over "
    "the batches instead, each scored before its update with augmentation and dropout; of mixed "
    "images (MixUp, CutMix) the class of the larger share counts as right.",
    "Top-5 accuracy is given for more than ten classes.",
    "BatchNorm: “precise” normalizes by the statistics of up to 2,048 training images, recomputed "
    "after each epoch (Wu & Johnson 2021); “keras” by moving averages over the training steps, "
    "which lag when an epoch has few steps; “frozen” by the pretrained statistics.",
    "A 95% interval is that of the trained model (Wilson: other images), or, of several seeds, "
    "that of the setting (other seeds and other images); ± is the standard deviation of the runs.",
)
"""Definitions of the columns."""

_OF_ROUNDING = {"cpu", "gpu", "tensorflow", "keras", "xla", "onednn", "threads"}
"""If these differ, rounding differs for the same seed, and training amplifies it."""


def when(trials: Sequence[TrialRecord]) -> str:
    """The dates (UTC) on which these trials ran; empty if unknown."""
    days = sorted(
        moment.date()
        for trial in trials
        for moment in (trial.state.started_at, trial.state.ended_at)
        if moment is not None
    )
    if not days:
        return ""
    return f"{days[0]}" if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def environment_sentences(views: Sequence[StudyView]) -> list[str]:
    """One sentence per distinct environment, naming its trials if there are several."""
    groups: dict[str, list[tuple[str, TrialRecord]]] = {}
    for view in views:
        for outcome, trial in view.trials:
            if trial.complete and trial.result is not None:
                described = describe(trial.result.environment)
                name = outcome.name if len(views) == 1 else f"{view.name}: {outcome.name}"
                groups.setdefault(described, []).append((name, trial))
    sentences = []
    for described, members in groups.items():
        trials = list({trial.trial_id: trial for _, trial in members}.values())
        days = when(trials)
        dated = f" ({days})" if days else ""
        who = ""
        if len(groups) > 1:
            who = f"{listed(unique(name for name, _ in members))}: "
        sentences.append(f"{who}{counted(len(trials), 'trial')} on {described}{dated}.")
    return sentences


def weights_sentences(trials: Iterable[TrialRecord]) -> list[str]:
    """One sentence per file of weights that trials started from, with its SHA-256."""
    files: dict[tuple[str, ...], set[str]] = {}
    for trial in trials:
        if (result := trial.result) is not None and trial.spec.model.weights != "none":
            spec = trial.spec.model
            others = [f"{name} (SHA-256 {one})" for name, one in result.backbone_files.items()]
            which = (
                spec.model,
                spec.weights,
                result.loaded_file,
                result.loaded_sha256,
                listed(others) if others else "",
            )
            files.setdefault(which, set()).add(trial.trial_id)
    sentences = []
    for (model, weights, file, sha256, beside), users in files.items():
        facts = find(model)
        known = facts.published_weights.get(weights) if facts else None
        named = f", {file}" if file else ""
        content = f"SHA-256 {sha256}" if sha256 else "no hash was recorded"
        stated = f", licence {known.licence}" if known and known.licence else ""
        trained = counted(len(users), "trial")
        built = f", with {beside}" if beside else ""
        sentences.append(
            f"{model_name(model)}: {weights}{named} ({content}{stated}){built}, {trained}."
        )
    return sentences


@cache
def describe(environment: Environment) -> str:
    """An environment in one line."""
    e = environment
    device = e.gpu if e.gpu else "no GPU"
    if e.gpu and e.gpu_driver:
        held = f" of {e.gpu_memory_mb / 1024:.0f} GB" if e.gpu_memory_mb else ""
        device += f"{held}, driver {e.gpu_driver}"
    commit = f" (commit {e.commit})" if e.commit else ""
    onednn = "" if e.onednn is None else f", oneDNN {'on' if e.onednn else 'off'}"
    threads = "" if e.threads is None else f", {counted(e.threads, 'thread')} per operation"
    return (
        f"{e.cpu}, {counted(e.cpu_cores, 'core')}, {trimmed(e.memory_gb, 1)} GB of memory, "
        f"{device}; {e.platform}, Python {e.python}, TensorFlow "
        f"{e.tensorflow}, Keras {e.keras}, cifarkit {e.cifarkit}{commit}; "
        f"precision {e.precision}, XLA {'on' if e.xla else 'off'}{onednn}{threads}"
    )


def timing_warnings(view: StudyView) -> list[str]:
    """Reasons why the times of one table are not comparable."""
    trials = {trial.trial_id: trial for _, trial in view.trials if trial.complete}
    warnings = []
    differing = environment_differences(trials.values(), view.axes)
    if differing:
        names = listed(ENVIRONMENT_NAMES[field] for field in differing)
        verb = "differs" if len(differing) == 1 else "differ"
        rounding = (
            " The same seed also gives other digits there." if _OF_ROUNDING & set(differing) else ""
        )
        warnings.append(
            f"The trials of this study ran in different environments ({names} {verb}, see "
            f"“How this was measured”): their times and memory are not comparable.{rounding}"
        )
    if view.letters:
        named = listed(f"{letter} is {name}" for name, letter in view.letters.items())
        warnings.append(
            f"Hardware: {named}. Times, rates and peaks of memory are means over the trials on "
            "one of them, never over several, and no figure shows them; accuracy, parameters and "
            "FLOPs do compare."
        )
    unknown = sum(t.result is not None and t.result.time.may_not_compare for t in trials.values())
    if unknown:
        warnings.append(
            f"{counted(unknown, 'trial')} of an earlier version cached the outputs of frozen "
            "layers, or read them from the cache, without recording which: their times may "
            "not be comparable."
        )
    shared = len(overlapping(trials.values()))
    if shared:
        warnings.append(
            f"{counted(shared, 'trial')} ran at the same time as another on the same machine: "
            "their times include waiting for each other."
        )
    return warnings
