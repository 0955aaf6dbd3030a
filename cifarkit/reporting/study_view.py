"""The view of a study from which its tables, figures and texts are made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from string import ascii_uppercase
from typing import Any

from cifarkit.reporting import formatting, layouts, published_tables
from cifarkit.reporting.arm_results import ArmResult, arm_result
from cifarkit.reporting.hyperparameters import StudySettings, common_settings
from cifarkit.reporting.layouts import Layout
from cifarkit.reporting.table_columns import Measure, accuracy
from cifarkit.store.records import TrialRecord
from cifarkit.store.setting_words import heading, model_name, phrases
from cifarkit.store.study_records import StudyRecord
from cifarkit.text import unique


@dataclass(frozen=True)
class StudyView:
    """A study's record, trials and layout. What is derived from them is computed once.

    Attributes:
        records: Trials by id, of other studies too; an id that is missing was never started.
        compared: Whether the document shows the published study's numbers beside these.
        title_suffix: What tells it from other studies of the same title, in a document of several.
        shared: What was computed of `records` alone, for all views that share them.
    """

    study: StudyRecord
    records: Mapping[str, TrialRecord]
    title_suffix: str = ""
    compared: bool = False
    shared: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.study.name

    @property
    def title(self) -> str:
        return self.study.title + self.title_suffix

    @property
    def axes(self) -> tuple[str, ...]:
        return self.study.axes

    @cached_property
    def layout(self) -> Layout:
        return layouts.along(self.axes)

    @cached_property
    def results(self) -> list[ArmResult]:
        """One per arm, in the study's order or that of the published study."""
        found = [arm_result(arm, self.records, self.axes) for arm in self.study.arms]
        # Where published rows stand beside ours, and in the study that repeats the published one.
        if "model" in self.axes and (
            self.compared or self.study.part_of == published_tables.PRESET
        ):
            found = _as_published(found, renamed=self.layout.rows_are_names)
        elif self.study.kind == "sweep" and self.layout.rows_are_names:
            # Earlier versions labelled the arms of a sweep over networks by key.
            models = [result.arm.settings.get("model", result.name) for result in found]
            found = [
                replace(result, name=model_name(str(model)))
                for result, model in zip(found, models, strict=True)
            ]
        used = unique(name for result in found for name in result.hardware)
        if len(used) < 2:
            return found
        letters = {name: _letter(place) for place, name in enumerate(used)}
        return [replace(result, letters=letters) for result in found]

    @property
    def letters(self) -> Mapping[str, str]:
        """A letter for each hardware, where there are several: their times do not compare."""
        return self.results[0].letters if self.results else {}

    @cached_property
    def named(self) -> dict[str, ArmResult]:
        """The results by unique names for sentences: "dropout 0.5", "no augmentation", "LeNet"."""
        by_name = self.layout.rows_are_names or self.layout.pivoted
        found: dict[str, ArmResult] = {}
        for position, result in enumerate(self.results, start=1):
            name = "" if by_name else phrases(self.axes, result.arm.settings)
            name = name or result.name
            found[name if name not in found else f"{name} (row {position})"] = result
        return found

    @cached_property
    def trials(self) -> list[tuple[ArmResult, TrialRecord]]:
        """Every known trial with its arm, complete or not."""
        return [
            (result, self.records[trial_id])
            for result in self.results
            for trial_id in result.arm.trials
            if trial_id in self.records
        ]

    @property
    def named_trials(self) -> list[tuple[str, TrialRecord]]:
        """`trials`, with the arms' names in sentences only."""
        names = {id(result): name for name, result in self.named.items()}
        return [(names[id(result)], trial) for result, trial in self.trials]

    @cached_property
    def decimals(self) -> int:
        """Of its accuracies: those that its smallest test set allows."""
        images = [result.test_images for arm in self.results for result in arm.results]
        return formatting.accuracy_decimals(min(images, default=0))

    @cached_property
    def settings(self) -> dict[str, str]:
        """Setting by setting, without the axes: the common value, or each value with its arms."""
        return common_settings(self.axes, self.named_trials)

    @property
    def titled_settings(self) -> StudySettings:
        return StudySettings(self.title, self.settings, [heading(a) for a in self.axes])

    @property
    def measures(self) -> list[Measure]:
        """The columns of the main table, and the quantities that are drawn."""
        return [*self.layout.measures, accuracy(self.decimals)]

    @property
    def anything_done(self) -> bool:
        return any(result.done for result in self.results)


def _as_published(found: Sequence[ArmResult], *, renamed: bool) -> list[ArmResult]:
    names = published_tables.names()
    order = {key: place for place, key in enumerate(names)}
    models = [str(result.arm.settings.get("model", "")) for result in found]
    placed = sorted(
        zip(found, models, strict=True), key=lambda pair: order.get(pair[1], len(order))
    )
    return [
        replace(result, name=names[model]) if renamed and model in names else result
        for result, model in placed
    ]


def _letter(place: int) -> str:
    """A, B, ..., Z, A2, ..."""
    turn, letter = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[letter] + (f"{turn + 1}" if turn else "")
