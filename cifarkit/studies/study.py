"""A study: trials along an axis, planned whole before the first one runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cifarkit.digests import json_digest
from cifarkit.errors import InvalidInput
from cifarkit.evaluation.looks import FIRST_LOOK
from cifarkit.models.registry import get as get_backbone
from cifarkit.specs import TrialSpec
from cifarkit.store.study_records import Arm, StudyRecord, study_identity
from cifarkit.studies import recipes
from cifarkit.studies.completion import default_image_size, trial_spec
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.split_seeds import check_drawn, with_seeds
from cifarkit.text import number

_LONGEST_SLUG = 180

FINAL_IMAGE_SIZE = 96
"""The size in pixels that the published study kept (its Table 2): for studies of one network."""
MOST_TRIALS = 10_000
"""A larger study is most likely a typing error, and would take minutes to plan."""


@dataclass(frozen=True)
class PlannedArm:
    """One row of a planned study.

    Attributes:
        label, settings, impossible: See `store.study_records.Arm`.
        specs: One per seed; empty if not possible.
    """

    label: str
    settings: dict[str, Any]
    specs: tuple[TrialSpec, ...] = ()
    impossible: str = ""


@dataclass(frozen=True)
class Study:
    """Arms along one or more axes; see `store.study_records.StudyRecord` for the fields.

    Attributes:
        recipe: The recipe that was named; its settings are those of the trials.
    """

    kind: str
    title: str
    axes: tuple[str, ...]
    arms: tuple[PlannedArm, ...]
    part_of: str = ""
    whole_title: str = ""
    step: int = 0
    whole_id: str = ""
    equivalence: float = 0.01
    max_seeds: int = 0
    recipe: str = ""

    @property
    def name(self) -> str:
        """The name of its file: the axes and the data, then a digest."""
        identity = study_identity(self.kind, self.axes, self._arms(), self.vary_split)
        if self.step:
            identity = json_digest([self.whole_id, identity])
            return _file_name(f"{self.part_of}-{self.step:02}-{self.title}", identity)
        spec = next(self.specs(), None)
        parts = [self.kind]
        if self.kind == "sweep":
            parts += self.axes
        if spec is not None:
            if "model" not in self.axes:
                parts.append(spec.model.model)
            parts.append(spec.data.dataset)
            if "classes" not in self.axes:
                parts.append(str(spec.data.classes))
        return _file_name("-".join(parts), identity)

    @property
    def vary_split(self) -> bool:
        """Whether each seed has its own split."""
        return any(len({spec.data.data_seed for spec in arm.specs}) > 1 for arm in self.arms)

    def specs(self) -> Iterator[TrialSpec]:
        """The specs of all arms, seed by seed, so that every arm has a result early."""
        most = max((len(arm.specs) for arm in self.arms), default=0)
        for seed in range(most):
            for arm in self.arms:
                if seed < len(arm.specs):
                    yield arm.specs[seed]

    def with_seeds(self, counts: Sequence[int]) -> Study:
        """The same study with that many seeds of each arm, at most."""
        pairs = zip(self.arms, counts, strict=True)
        return replace(self, arms=tuple(replace(arm, specs=arm.specs[:n]) for arm, n in pairs))

    @property
    def first_look(self) -> Study:
        """What is run in any case: all of it, unless seeds are added until settled."""
        return self.with_seeds([FIRST_LOOK] * len(self.arms)) if self.max_seeds else self

    @property
    def rates(self) -> str:
        """A sentence on the arms' learning rates, if they differ without being an axis."""
        arms: dict[float, list[str]] = {}
        for arm in self.arms:
            for spec in arm.specs[:1]:
                arms.setdefault(spec.train.learning_rate, []).append(arm.label)
        if "learning_rate" in self.axes or len(arms) < 2:
            return ""
        given = "; ".join(
            f"{number(rate)} for {', '.join(labels)}" for rate, labels in arms.items()
        )
        return (
            f"{self.title}: the default learning rate differs between the settings: {given}. "
            f"--learning-rate sets one for all."
        )

    @property
    def recipe_in_words(self) -> str:
        """A sentence on the settings that a named recipe comes to; empty without one."""
        first = {arm.label or self.title: arm.specs[0] for arm in self.arms if arm.specs}
        return recipes.in_words(self.recipe, first, self.axes) if self.recipe else ""

    def record(self, command: str) -> StudyRecord:
        """The record for the store."""
        return StudyRecord(
            name=self.name,
            kind=self.kind,
            title=self.title,
            axes=self.axes,
            vary_split=self.vary_split,
            arms=self._arms(),
            created_at=datetime.now(UTC),
            command=command,
            part_of=self.part_of,
            whole_title=self.whole_title,
            step=self.step,
            whole_id=self.whole_id,
            equivalence=self.equivalence,
            max_seeds=self.max_seeds,
        )

    def _arms(self) -> tuple[Arm, ...]:
        return tuple(
            Arm(
                label=arm.label,
                settings=arm.settings,
                trials=tuple(spec.trial_id for spec in arm.specs),
                impossible=arm.impossible,
            )
            for arm in self.arms
        )


def _file_name(text: str, identity: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower())[:_LONGEST_SLUG].strip("-")
    return f"{slug}-{identity}"


def check_size(*axes: Sized, seeds: int) -> None:
    """Refuse a grid of more than `MOST_TRIALS` trials before planning it.

    Raises:
        InvalidInput: It has more; the message says how many.
    """
    arms = math.prod(map(len, axes))
    if arms * seeds > MOST_TRIALS:
        raise InvalidInput(
            f"a study has at most {MOST_TRIALS:,} trials; {arms:,} x --seeds {seeds:,} would be "
            f"{arms * seeds:,}"
        )


def plan_arm(
    label: str,
    settings: Mapping[str, Any],
    varied: Mapping[str, Any],
    *,
    inputs: Inputs,
    seeds: int = 1,
) -> PlannedArm:
    """An arm with the study's and its own settings, for seeds 0..seeds-1.

    Raises:
        InvalidInput: The settings cannot be used.
    """
    check_size(seeds=seeds)
    each = with_seeds({**settings, **varied}, seeds)
    specs = tuple(trial_spec(inputs, **one) for one in each)
    data = specs[0].data
    if "data_seed" in varied or len({spec.data.data_seed for spec in specs}) > 1:
        check_drawn(data, inputs.data(data.dataset, data.location))
    given = {name: value for name, value in varied.items() if value is not None}
    return PlannedArm(label, given, specs)


def of_one_network(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a study of one network: at the published study's final size, unless given.

    Raises:
        InvalidInput: There is no such network.
    """
    if settings.get("image_size") is not None or settings.get("model") is None:
        return dict(settings)
    facts = get_backbone(str(settings["model"]))
    return {**settings, "image_size": default_image_size(facts, FINAL_IMAGE_SIZE)}


def check_distinct(study: Study) -> Study:
    """Refuse a study with several arms for the same training.

    Raises:
        InvalidInput: Two arms have the same first trial.
    """
    seen: dict[str, str] = {}
    for arm in study.arms:
        for spec in arm.specs[:1]:
            if spec.trial_id in seen:
                raise InvalidInput(
                    f"{' and '.join(study.axes)}: {seen[spec.trial_id]} and {arm.label} are the "
                    f"same training for {spec.model.model}"
                )
            seen[spec.trial_id] = arm.label
    return study
