"""Which arm goes on: the most accurate, or one that is really cheaper within a tolerance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.choice import DEPTH, RULES, simulate
from cifarkit.reporting.study_tables import summary
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Course, State, Status, TrialRecord
from cifarkit.store.study_records import Choice, StudyRecord
from cifarkit.studies import sweep as sweeps
from cifarkit.studies.candidates import NothingToChooseFrom
from cifarkit.studies.costs import COSTS, CostName
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.selection import Selection, pick
from tests.reporting.fabricate import ENVIRONMENT, result
from tests.studies.fabricate import IMAGES, finished

sweep = partial(sweeps.sweep, inputs=Inputs())

START = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
DIVERGED = Course(
    first_loss=2.0, lowest_loss=1.0, last_loss=90.0, highest_accuracy=0.8, chance=0.0125
)


def first(count: int) -> np.ndarray:
    """Right on the first images."""
    return np.arange(IMAGES) < count


def arms(
    root: Path,
    rights: Sequence[np.ndarray | int],
    changes: Sequence[Mapping[str, Any]] | None = None,
    states: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[StudyRecord, dict[str, TrialRecord]]:
    """A study of dropout 0.1, 0.2, ... with one trial each, one after the other on one machine."""
    values = [0.1, 0.2, 0.3, 0.4][: len(rights)]
    study = sweep({"model": "vgg16", "epochs": 20}, {"dropout": values})
    records = {}
    for number, (spec, right) in enumerate(zip(study.specs(), rights, strict=True)):
        started = START + timedelta(hours=number)
        state = {"started_at": started, "ended_at": started + timedelta(minutes=5), "host": "box"}
        records[spec.trial_id] = finished(
            root,
            spec,
            first(right) if isinstance(right, int) else right,
            state=state | (dict(states[number]) if states else {}),
            **(changes[number] if changes else {}),
        )
    return study.record(""), records


def choice(
    root: Path,
    rights: Sequence[np.ndarray | int],
    changes: Sequence[Mapping[str, Any]] | None = None,
    states: Sequence[Mapping[str, Any]] | None = None,
    *,
    cost: CostName | None = "time",
    tolerance: float = 0.005,
) -> Choice:
    selection = Selection(*arms(root, rights, changes, states))
    return selection.choose(tolerance=tolerance if cost else 0.0, cost=cost)


def seconds(*values: float) -> list[dict[str, Any]]:
    return [{"time_s": value} for value in values]


def test_the_highest_goes_on_however_slow_it_is(tmp_path: Path) -> None:
    """Only the second is right on 100 images, only the first on 60: Agresti & Min by hand."""
    one, other = first(3160), first(3160)
    other[3100:3160], other[3160:3260] = False, True
    study, records = arms(tmp_path, [one, other], seconds(13, 17))
    made = Selection(study, records).choose()
    said = study.model_copy(update={"choice": made}).choice_in_words
    assert said.startswith("dropout 0.2: highest validation accuracy")  # a value is not named alone
    assert (made.arm, made.by_validation) == ("0.2", "")
    assert made.reason == (
        "highest validation accuracy, 0.800 on 4,000 validation images, 1.00 percentage points "
        "above that of "
        "dropout 0.1 (95% interval of the difference +0.36 to +1.62)"
    )


def test_of_equal_arms_the_first_in_the_study_s_order_goes_on(tmp_path: Path) -> None:
    made = choice(tmp_path, [3000, 3200, 3200], seconds(9, 99, 1), cost=None)
    assert made.arm == "0.2"
    assert (
        "as high as that of dropout 0.3 (95% interval of the difference -0.05 to +0.05)"
        in made.reason
    )
    assert made.reason.endswith("the first of 2 equal ones in the study's order")


@pytest.mark.parametrize(("right", "expected"), [(3180, "0.1"), (3179, "0.2")])
def test_a_tolerance_ends_where_it_says(tmp_path: Path, right: int, expected: str) -> None:
    """In floating point 0.8 - 0.795 is more than 0.005."""
    assert choice(tmp_path, [right, 3200], seconds(10, 99)).arm == expected


def test_a_cheaper_arm_within_the_tolerance_goes_on(tmp_path: Path) -> None:
    made = choice(tmp_path, [3190, 3200], seconds(10, 99))
    assert made.arm == "0.1"
    assert made.reason == (
        "validation accuracy 0.797 on 4,000 validation images, 0.25 percentage points below that "
        "of dropout "
        "0.2 (95% interval of the difference -0.41 to -0.09), within the tolerance of 0.5 "
        "percentage points "
        "of the highest, and cheaper: 10 s against 99 s"
    )


def test_a_saving_of_less_than_a_tenth_is_none(tmp_path: Path) -> None:
    made = choice(tmp_path, [3190, 3200], seconds(4.6, 5.0))
    assert made.arm == "0.2"
    assert made.reason.endswith(
        "none within the tolerance of 0.5 percentage points is cheaper by a tenth (training time)"
    )
    assert choice(tmp_path / "other", [3190, 3200], seconds(4.5, 5.0)).arm == "0.1"


def test_nothing_within_the_tolerance_is_said(tmp_path: Path) -> None:
    made = choice(tmp_path, [3000, 3200], seconds(1, 99))
    assert made.reason.endswith("; no other is within the tolerance of 0.5 percentage points")


@pytest.mark.parametrize(
    ("accuracies", "costs", "taken"),
    [
        ([795, 798, 800], [50, 40, 100], 1),  # the cheapest
        ([795, 798, 800], [40, 43, 100], 1),  # about the cheapest, and more accurate
        ([798, 798, 800], [40, 40, 100], 0),  # as accurate and as cheap: the first
        ([800, 795, 800], [100, 95, 80], 2),  # of two best ones the really cheaper
        ([795, 798, 800], [110, 91, 100], 2),  # none is cheaper by a tenth
        ([790, 798, 800], [1, 120, 100], 2),  # the cheap one is out of the tolerance
    ],
)
def test_the_rule_on_numbers(accuracies: list[int], costs: list[float], taken: int) -> None:
    shares = [Fraction(accuracy, 1000) for accuracy in accuracies]
    assert pick(shares, costs, 0.005, COSTS["time"].cheaper) == taken


@pytest.mark.parametrize(
    ("cost", "cheap", "dear", "said"),
    [
        ("parameters", {"total_params": 2_000_000}, {"total_params": 3_000_000},
         "2 M parameters against 3 M parameters"),
        ("flops", {"flops_per_image": 600_000_000}, {"flops_per_image": 1_200_000_000},
         "0.6 GFLOPs per image against 1.2 GFLOPs per image"),
        ("memory", {"memory_mb": 0.0}, {"memory_mb": 102.4},
         "2 GB of peak memory against 3 GB of peak memory"),
        ("images_per_second", {"time_s": 100.0}, {"time_s": 200.0},
         "3,600 images per second against 1,800 images per second"),
    ],
)  # fmt: skip
def test_every_cost_by_its_name(
    tmp_path: Path, cost: CostName, cheap: dict[str, Any], dear: dict[str, Any], said: str
) -> None:
    made = choice(tmp_path, [3200, 3190], [dear, cheap], cost=cost)
    assert made.arm == "0.2"
    assert made.reason.endswith(f"and cheaper: {said}")


def time_of(fit_seconds: float, **changes: Any) -> dict[str, Any]:
    made = result(time_s=fit_seconds).time
    return {"time": made.model_copy(update=changes), "total_params": 4_000_000}


MEMORY = result().memory
COLD = {"frozen_prefix_seconds": 60.0, "fit_seconds_uncached": 99.0}
WARM = {"frozen_prefix_seconds": 0.5, "fit_seconds_uncached": 69.5}
ELSEWHERE = ENVIRONMENT.model_copy(update={"cpu": "Apple M3", "cpu_cores": 8})
SIDE_BY_SIDE = {"started_at": START, "ended_at": START + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("quick", "slow", "states", "why"),
    [
        ({"environment": ELSEWHERE}, {}, None,
         "the trials ran in different environments (CPU and number of cores)"),
        ({}, {}, [SIDE_BY_SIDE, SIDE_BY_SIDE], "trials ran side by side"),
        (time_of(10.0, **WARM), time_of(99.0, **COLD), None,
         "some trials read what frozen layers give from the cache, others computed it"),
        (time_of(10.0, **WARM | {"fit_seconds_uncached": None}), time_of(99.0, **COLD), None,
         "it is not known which trials read what frozen layers give from the cache"),
    ],
    ids=["hardware", "jobs", "cache", "unknown"],
)  # fmt: skip
def test_times_that_do_not_compare_are_not_compared(
    tmp_path: Path,
    quick: dict[str, Any],
    slow: dict[str, Any],
    states: list[dict[str, Any]] | None,
    why: str,
) -> None:
    """FLOPs stand in: the arm that took less time goes on only where it has fewer of them."""
    changes = [
        {"time_s": 10.0, "flops_per_image": 2_000_000_000} | quick,
        {"time_s": 99.0, "flops_per_image": 1_000_000_000} | slow,
    ]
    for rights, expected in (([3200, 3190], "0.2"), ([3190, 3200], "0.2")):
        made = choice(tmp_path / str(rights[0]), rights, changes, states)
        assert made.arm == expected
        assert f"; training time is not compared, since {why}: FLOPs stand in" in made.reason
        assert " s against " not in made.reason


@pytest.mark.parametrize(
    ("cost", "cheap", "dear", "why"),
    [
        ("images_per_second",
         time_of(10.0, frozen_prefix_seconds=3.0, fit_seconds_uncached=10.0),
         time_of(99.0, fit_seconds_uncached=99.0),
         "images per second is not compared, since frozen layers ran once per image in some "
         "trials, in every epoch in others"),
        ("memory", {"memory": MEMORY.model_copy(update={"device_peak_mb": 500.0})},
         {"memory": MEMORY},
         "peak memory is not compared, since the accelerator's memory is not known of all trials"),
    ],
)  # fmt: skip
def test_other_costs_that_do_not_compare(
    tmp_path: Path, cost: CostName, cheap: dict[str, Any], dear: dict[str, Any], why: str
) -> None:
    dear = dear | {"flops_per_image": 1_000_000_000}
    cheap = cheap | {"flops_per_image": 2_000_000_000}
    made = choice(tmp_path, [3190, 3200], [cheap, dear], cost=cost)
    assert made.arm == "0.2"
    assert f"; {why}: FLOPs stand in" in made.reason


def test_two_cold_caches_compare(tmp_path: Path) -> None:
    cold = time_of(10.0, frozen_prefix_seconds=3.0, fit_seconds_uncached=10.0)
    assert choice(tmp_path, [3190, 3200], [cold, time_of(99.0, **COLD)]).arm == "0.1"


def test_a_trial_beside_another_arm_s_is_side_by_side(tmp_path: Path) -> None:
    """The other arm is out of the tolerance, but took its share of the processor."""
    apart = {"started_at": START + timedelta(days=1), "ended_at": START + timedelta(days=2)}
    made = choice(
        tmp_path, [3190, 3200, 900], seconds(10, 99, 50), [SIDE_BY_SIDE, apart, SIDE_BY_SIDE]
    )
    assert made.arm == "0.2"
    assert "trials ran side by side" in made.reason


def test_flops_that_were_not_counted_are_no_saving(tmp_path: Path) -> None:
    made = choice(tmp_path, [3190, 3200], [{"flops_per_image": 0}, {}], cost="flops")
    assert made.arm == "0.2"
    assert made.reason.endswith("is known to be cheaper; FLOPs of some are not known")


def test_a_warm_cache_makes_no_arm_quick_in_a_table(tmp_path: Path) -> None:
    study, records = arms(tmp_path, [3190, 3200], [time_of(10.0, **WARM), time_of(99.0, **COLD)])
    assert "69.50" in summary(StudyView(study, records)).texts()[0]


def with_results(
    records: Mapping[str, TrialRecord], changes: Mapping[float, Mapping[str, Any]]
) -> dict[str, TrialRecord]:
    made = {}
    for trial_id, record in records.items():
        assert record.result is not None
        update = changes.get(record.spec.model.dropout, {})
        made[trial_id] = replace(record, result=record.result.model_copy(update=update))
    return made


def test_a_training_that_went_wrong_is_not_chosen_while_there_are_others(tmp_path: Path) -> None:
    study, records = arms(tmp_path, [3600, 3200, 2400])
    cut_short = {"best_epoch": 20}
    broken = with_results(records, {0.1: {"course": DIVERGED}, 0.2: cut_short})
    made = Selection(study, broken).choose(tolerance=0.005, cost="time")
    assert made.arm == "0.2"
    assert made.reason.endswith(
        "; its training was cut short at 20 epochs; left out: dropout 0.1 (diverged)"
    )
    every = {dropout: {"course": DIVERGED} for dropout in (0.1, 0.2, 0.3)}
    made = Selection(study, with_results(records, every)).choose()
    assert made.arm == "0.1"
    assert made.reason.endswith("its training diverged")


def test_arms_without_a_finished_trial_are_named(tmp_path: Path) -> None:
    study, records = arms(tmp_path, [3600, 3200])
    del records[study.arms[0].trials[0]]
    made = Selection(study, records).choose()
    assert made.reason == (
        "the only one to choose from; validation accuracy 0.800 on 4,000 validation images; "
        "left out: dropout 0.1 (no trial completed)"
    )
    failed = State(status=Status.FAILED, reason="it broke")
    record = replace(next(iter(records.values())), state=failed, result=None)
    with pytest.raises(NothingToChooseFrom, match="Dropout: no trial completed"):
        Selection(study, {record.trial_id: record}).choose()


def test_several_seeds_are_averaged_and_their_interval_covers_the_seeds(tmp_path: Path) -> None:
    """Seed by seed +10, +30 and +20 images: the mean is +0.5 points, and seeds differ."""
    study = sweep({"model": "vgg16"}, {"dropout": [0.1, 0.5]}, seeds=3)
    records = {}
    for spec in study.specs():
        right = first(3000 + (spec.model.dropout > 0.2) * (10, 30, 20)[spec.train.seed])
        records[spec.trial_id] = finished(tmp_path, spec, right, state={})
    made = Selection(study.record(""), records).choose()
    assert made.arm == "0.5"
    assert made.reason.startswith(
        "highest validation accuracy, 0.755 on 4,000 validation images (mean of 3 runs), "
        "0.50 percentage points above that of dropout 0.1 (95% interval of the difference +0."
    )


def test_arms_with_other_validation_images_have_no_interval(tmp_path: Path) -> None:
    study = sweep({"model": "vgg16"}, {"validation_fraction": [0.1, 0.2]})
    records = {
        spec.trial_id: finished(
            tmp_path, spec, np.arange(count) < 700, state={}
        )
        for spec, count in zip(study.specs(), (1000, 2000), strict=True)
    }  # fmt: skip
    made = Selection(study.record(""), records).choose()
    assert made.arm == "0.1"
    assert made.reason.endswith("(no interval: their validation images differ)")


def test_arms_are_compared_split_by_split(tmp_path: Path) -> None:
    """By hand: differences of 1, 2 and 3 points, their sd 1 point; t(2) = 4.303."""
    study = sweep({"model": "vgg16", "vary_split": True}, {"dropout": [0.1, 0.5]}, seeds=3)
    records = {}
    for spec in study.specs():
        more = (spec.model.dropout > 0.2) * 40 * (1 + spec.train.seed)
        records[spec.trial_id] = finished(tmp_path, spec, first(3000 + more), state={})
    made = Selection(study.record(""), records).choose()
    half = 4.302653 * (1 / 3 + 4000 / 36_000) ** 0.5
    assert made.reason.endswith(
        "0.770 on 4,000 validation images (mean of 3 runs), 2.00 percentage points above that of "
        "dropout 0.1 "
        "(95% interval of the difference over other splits and seeds "
        f"{2 - half:+.2f} to {2 + half:+.2f})"
    )
    # Without the best arm's last split, neither is scored on it.
    del records[study.arms[1].specs[2].trial_id]
    made = Selection(study.record(""), records).choose()
    assert (
        "0.765 on 4,000 validation images (mean of 2 runs), 1.50 percentage points above"
        in made.reason
    )
    assert made.reason.endswith("; each over the splits of the seeds that all settings have")


def test_the_assumed_arm_is_followed_and_the_other_named(tmp_path: Path) -> None:
    study, records = arms(tmp_path, [3160, 3200])
    selection = Selection(study, records)
    by_validation = selection.choose()
    made = selection.follow("0.1", by_validation)
    assert (made.arm, made.settings, made.by_validation) == ("0.1", {"dropout": 0.1}, "0.2")
    assert made.reason == (
        "as the study file assumes, validation accuracy 0.790 on 4,000 validation images, 1.00 "
        "percentage points below that of dropout 0.2 (95% interval of the difference -1.31 to "
        "-0.69); the "
        f"validation images would have chosen dropout 0.2: {by_validation.reason}"
    )
    agreed = selection.follow("0.2", by_validation).reason
    assert agreed.startswith("as the study file assumes; the validation images choose it, too: ")
    broken = Selection(study, with_results(records, {0.1: {"course": DIVERGED}}))
    reason = broken.follow("0.1", broken.choose()).reason
    assert "; its training failed (diverged); the validation images would have chosen" in reason
    del records[study.arms[0].trials[0]]
    without = Selection(study, records)
    reason = without.follow("0.1", without.choose()).reason
    assert "as the study file assumes, though none of its trials completed; the val" in reason


def test_the_highest_loses_less_than_the_cheapest_not_shown_to_be_worse() -> None:
    """`benchmarks.choice` in small; standard errors of the shares are at most 0.04."""
    found = {name: simulate(rule, DEPTH, 400, 150) for name, rule in RULES.items()}
    worse = {name: share for name, (share, _) in found.items()}
    assert worse["first versions"] > 0.95
    assert worse["highest"] < 0.5
    assert worse["highest"] < worse["within 0.005"] < 0.7
    assert found["highest"][1] < 0.006 < 0.02 < found["first versions"][1]
