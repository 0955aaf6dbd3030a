"""Tables of hyper-parameters: shared ones, and those that differ between arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from cifarkit.datasets import registry
from cifarkit.models.registry import trains_batchnorm
from cifarkit.reporting.table import Table, text_cell, text_columns
from cifarkit.specs import SETTINGS, Augmentation, DataSpec, TrialSpec
from cifarkit.store.records import Result, TrialRecord
from cifarkit.store.setting_words import heading, model_name, value_text
from cifarkit.store.study_records import StudyRecord
from cifarkit.text import counted, listed, percent, unique

_AMOUNTS = tuple(Augmentation.model_fields)
_UNSAID = {"location", "class_names", "seed", *_AMOUNTS}


def flat(spec: TrialSpec) -> dict[str, Any]:
    """All settings by flat name; the augmentation as `augment` and its amounts."""
    return {name: setting.of(spec) for name, setting in SETTINGS.items()}


def differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings whose values differ, of `flat` specs; not where the data lies.

    Amounts of augmentation that differ only by there being none are not listed: `augment` is.
    """
    names = dict.fromkeys(name for one in settings for name in one if name != "location")
    values = {name: {one[name] for one in settings if name in one} for name in names}
    return [
        name
        for name, found in values.items()
        if len(found - {None} if name in _AMOUNTS and len(values["augment"]) > 1 else found) > 1
    ]


def of_trial(trial: TrialRecord) -> dict[str, str]:
    """The relevant settings of one trial, formatted, by heading."""
    spoken = _spoken(trial.spec, trial.result)
    return {heading(name): text for name, text in spoken.items() if text}


class StudySettings(NamedTuple):
    """The settings of a study: its title, `common_settings`, and the headings of its axes."""

    title: str
    values: Mapping[str, str]
    varied: Collection[str]


def usual_settings(studies: Sequence[StudySettings]) -> dict[str, str]:
    """By heading, the commonest value among the studies that do not vary it."""
    usual = {}
    for name in map(heading, SETTINGS):
        fixed = [study.values.get(name, "") for study in studies if name not in study.varied]
        if fixed and (text := Counter(fixed).most_common(1)[0][0]):
            usual[name] = text
    return usual


def own_settings(studies: Sequence[StudySettings]) -> list[str]:
    """For each study whose settings are not all usual, a line with those that are not."""
    usual = usual_settings(studies)
    lines = []
    for title, settings, varied in studies:
        own = [f"{name} {text}" for name, text in settings.items() if usual.get(name) != text]
        own += [f"{name} not set" for name in usual if name not in settings and name not in varied]
        if own:
            lines.append(f"{title}: {'; '.join(own)}.")
    return lines


def settings_table(settings: Mapping[str, str]) -> Table:
    """What `usual_settings` gave."""
    rows = tuple((text_cell(key), text_cell(text)) for key, text in settings.items())
    return Table(
        "settings",
        "Settings of all trials, except where a study varies them.",
        text_columns("Setting", "Value"),
        rows,
    )


def common_settings(
    axes: Sequence[str], trials: Sequence[tuple[str, TrialRecord]]
) -> dict[str, str]:
    """Setting by setting: the common value, or each value with its arms. Axes are left out.

    Args:
        trials: Each with the name of its arm.
    """
    if not trials:
        return {}
    alike: dict[Hashable, tuple[dict[str, str], list[str]]] = {}
    for name, trial in trials:
        key = _but_the_seed(trial)
        if key not in alike:
            alike[key] = _spoken(trial.spec, trial.result), []
        alike[key][1].append(name)
    values = list(alike.values())
    rows = {}
    for name in values[0][0]:
        if name in axes:
            continue
        if name == "data_seed" and _follows_the_seed(trials):
            rows[heading(name)] = "the seed of each training"
            continue
        arms: dict[str, list[str]] = {}
        for spoken, of_arms in values:
            arms.setdefault(spoken[name], []).extend(of_arms)
        if set(arms) == {""}:
            continue
        if len(arms) == 1:
            (text,) = arms
        else:
            text = _grouped(arms)
        rows[heading(name)] = text
    return rows


def _but_the_seed(trial: TrialRecord) -> Hashable:
    """What `_spoken` depends on. Thousands of trials differ in their seeds alone."""
    spec, own = trial.spec, trial.result is not None and trial.result.own_validation
    train = (value for name, value in spec.train.__dict__.items() if name != "seed")
    return (*spec.data.__dict__.values(), *spec.model.__dict__.values(), *train, own)


def _follows_the_seed(trials: Sequence[tuple[str, TrialRecord]]) -> bool:
    """Whether each seed has its own split."""
    found = {(trial.spec.data.data_seed, trial.spec.train.seed) for _, trial in trials}
    return len(found) > 1 and all(split == seed for split, seed in found)


def mixtures(study: StudyRecord, trials: Sequence[tuple[str, TrialRecord]]) -> list[str]:
    """Warnings where rows do not share data or training length, and no axis says so.

    Args:
        trials: Each with the name of its arm.
    """
    warnings = []
    varied = {"data_seed"} if study.vary_split else set()
    kinds: dict[str, Callable[[TrialSpec], object]] = {
        "images": lambda spec: spec.data.model_dump(exclude={"location", *varied}),
        "numbers of epochs allowed": lambda spec: (spec.train.epochs, spec.train.patience),
    }
    specs = [trial.spec for _, trial in trials]
    for what, part in kinds.items():
        covered = {"images": set(DataSpec.model_fields)}.get(what, {"epochs", "patience"})
        if covered & set(study.axes) or len(unique(map(repr, map(part, specs)))) < 2:
            continue
        warnings.append(
            f"The rows of this study mix different {what} (see the settings): "
            "their differences are not the models' or the axis' alone."
        )
    rates: dict[str, list[str]] = {}
    for name, trial in trials:
        rates.setdefault(_said("learning_rate", trial.spec.train.learning_rate), []).append(name)
    if len(rates) > 1 and "learning_rate" not in study.axes:
        warnings.append(
            f"The rows of this study train at different learning rates ({_grouped(rates)}): "
            "their differences are not the models' or the axis' alone."
        )
    return warnings


def data_sentences(trials: Sequence[TrialRecord]) -> list[str]:
    """One sentence per data set used: its name, classes and images of each split."""
    said: dict[str, None] = {}
    for trial in trials:
        spec, result = trial.spec.data, trial.result
        images = ""
        if result is not None:
            images = (
                f": {result.train_images:,} images to train on, {result.validation_images:,} to "
                f"validate, {result.test_images:,} to test"
            )
        said[f"{dataset_name(spec)}, {_classes(spec)}{images}"] = None
    # Trials that failed before counting their images know less.
    return [text for text in said if not any(o != text and o.startswith(text) for o in said)]


def dataset_name(spec: DataSpec) -> str:
    """`CIFAR-100`; for a user's images the last part of their path."""
    place = PurePath(spec.location).name if spec.location else ""
    if known := registry.title_of(spec.dataset):
        # Only data other than the official one has a fingerprint.
        return f"data in the format of {known}" if spec.fingerprint else known
    return f"the images of {place}" if place else f"a data set of kind {spec.dataset}"


def _classes(spec: DataSpec) -> str:
    how = ""
    if spec.class_names is not None:
        how = " chosen by name"
    elif spec.class_seed is not None:
        how = f" drawn with seed {spec.class_seed}"
    return counted(spec.classes, "class", "classes") + how


def _spoken(spec: TrialSpec, result: Result | None = None) -> dict[str, str]:
    """All relevant settings, formatted; empty strings for those to omit."""
    values = flat(spec)
    spoken = {name: _said(name, value) for name, value in values.items() if name not in _UNSAID}
    spoken["model"] = model_name(spec.model.model)
    spoken["dataset"] = dataset_name(spec.data)
    spoken["augment"] = _amounts(spec.train.augmentation)
    if not trains_batchnorm(spec.model.model, spec.model.unfreeze):
        spoken["batchnorm"] = ""
    if result is not None and result.own_validation:
        spoken["validation_fraction"] = ""
    return spoken


@lru_cache(maxsize=4096, typed=True)  # thousands of trials share a few distinct specs
def _said(name: str, value: Any) -> str:
    unmentioned = value is None or value == SETTINGS[name].unmentioned
    return "" if unmentioned else value_text(name, value)


@lru_cache
def _amounts(augmentation: Augmentation | None) -> str:
    """The augmentation in words."""
    found = [(name, getattr(augmentation, name, None)) for name in _AMOUNTS]
    return ", ".join(_amount(name, value) for name, value in found if value) or "none"


def _amount(name: str, value: Any) -> str:
    """One part of the augmentation, in words."""
    if name == "flip":
        return name
    if name == "augment_views":
        return counted(value, "fixed view", "fixed views")
    return f"{name} {percent(value)}"


def _grouped(arms: Mapping[str, Sequence[str]]) -> str:
    """`224 (ResNet50); 32 (LeNet, Simple CNN)`; the commonest value names no arms."""
    by_size = sorted(arms.items(), key=lambda item: -len(item[1]))
    if not by_size[0][0]:  # it does not concern most arms
        return listed(f"{value} ({listed(unique(names))})" for value, names in by_size[1:])
    rest = [f"{value or 'none'} ({listed(unique(names))})" for value, names in by_size[1:]]
    return f"{by_size[0][0]}, but {listed(rest)}"
