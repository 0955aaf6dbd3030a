"""Records of a store's studies: arms along axes, and what identifies a study."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AwareDatetime, FailFast, Field

from cifarkit.digests import json_digest
from cifarkit.store.fields import (
    SCHEMA_VERSION,
    Count,
    Settings,
    Share,
    StoredRecord,
    Texts,
    Version,
)
from cifarkit.store.setting_words import phrases


class Arm(StoredRecord):
    """One row of a study: a setting, and the trials that measure it.

    Attributes:
        label: The row's label (a model's name, a value of the axis).
        settings: The flat settings that set this arm apart from the others, by name.
        trials: Trial ids, one per seed, in the order of the seeds; empty if not possible.
        impossible: Why this arm has no trials ("inceptionv3 takes 75 pixels or more").
    """

    label: str
    settings: Settings
    trials: Texts = ()
    impossible: str = ""


class Choice(StoredRecord):
    """A study's choice, made on validation images alone, or assumed by its study file.

    Attributes:
        arm: The label of the arm that was chosen.
        settings: Its settings, which the next studies build on.
        reason: Why, in a sentence.
        by_validation: Where the file's assumption was followed, the label of the arm that the
            validation images would have chosen; empty where they did choose.
    """

    arm: str
    settings: Settings
    reason: str
    by_validation: str = ""


class StudyRecord(StoredRecord):
    """`studies/<name>.json`: the trials of a study along its axes.

    Attributes:
        name: The name of its file: letters, digits, dashes.
        kind: `zoo`, `resize`, `finetune`, `sweep`, or `single` for one training with no axis.
        title: For documents.
        axes: The settings that vary, by flat name; `("model",)` for a zoo.
        vary_split: Whether each seed has a split of its own.
        command: The command line that made it.
        choice: The setting chosen by this study, if any.
        part_of, whole_title, step: The multi-step study that it is a step of, and the number of the
            step, from 1; 0 if it is not part of one.
        equivalence: The difference in accuracy below which its arms are called equal.
        whole_id: Distinguishes multi-step studies of the same name; empty in the first versions'
            records.
        max_seeds: Where seeds are added until the comparison is settled, the most of an arm, as
            fixed before the first one ran; 0 for a fixed number.
    """

    schema_version: Version = SCHEMA_VERSION
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,199}$")]
    kind: str
    title: str
    axes: Texts
    vary_split: bool = False
    arms: Annotated[tuple[Arm, ...], FailFast()]
    created_at: AwareDatetime
    command: str = ""
    choice: Choice | None = None
    part_of: str = ""
    whole_title: str = ""
    step: Count = 0
    whole_id: str = ""
    equivalence: Share = 0.01
    max_seeds: Count = 0

    @property
    def identity(self) -> str:
        """See `study_identity`."""
        return study_identity(self.kind, self.axes, self.arms, self.vary_split)

    def name_of(self, label: str) -> str:
        """The arm of that label in a sentence; of values, with their settings: `dropout 0.5`."""
        found = next((arm for arm in self.arms if arm.label == label), None)
        if found is None or self.kind != "sweep":
            return label
        return phrases(self.axes, found.settings) or label

    @property
    def choice_in_words(self) -> str:
        """The arm that was chosen and the reason; empty where nothing was."""
        return f"{self.name_of(self.choice.arm)}: {self.choice.reason}" if self.choice else ""


def arm_identity(arm: Arm) -> str:
    """The first trial's id, which covers settings and data; without trials, the settings."""
    return arm.trials[0] if arm.trials else json.dumps(arm.settings, sort_keys=True, default=str)


_KIND_ALONG = {("model",): "zoo", ("image_size", "model"): "resize", ("unfreeze",): "finetune"}


def study_identity(
    kind: str, axes: Iterable[str], arms: Sequence[Arm], vary_split: bool = False
) -> str:
    """Eight hexadecimal digits that identify the arms and the data of a study.

    They do not depend on the number of seeds, since more seeds extend a study, or on the order of
    arms and axes. With `vary_split`, seeds beyond the first are other trials than without. Some
    sweeps of earlier versions are now studies of another kind.
    """
    axes = tuple(sorted(axes))
    if kind == "sweep":
        kind = _KIND_ALONG.get(axes, kind)
    varied = ["vary_split"] if vary_split else []
    return json_digest([kind, axes, sorted(map(arm_identity, arms)), *varied])
