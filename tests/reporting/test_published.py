"""Every published number stands beside the trial of its setting, with all that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cifarkit.api.plan import plan_trials
from cifarkit.api.studies import study
from cifarkit.reporting import published
from cifarkit.reporting.document import document
from cifarkit.reporting.study_tables import main_tables
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.study_records import Arm, StudyRecord
from tests.reporting.fabricate import Fabricator, result

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "published.json").read_text())
NUMBERS = {key: value for key, value in VECTORS.items() if key.startswith("table")}
TEXT = VECTORS["text_results"]


@pytest.fixture
def fabricator(tmp_path: Path) -> Fabricator:
    return Fabricator(tmp_path)


def test_one_command_gives_every_published_number_to_the_digit(tmp_path: Path) -> None:
    """All rows of Tables 1 to 6 and the results in the text are arms of the preset."""
    planned = study("published")
    costs = {
        (cost.step, cost.trial): cost
        for cost in plan_trials(planned.steps(), planned.inputs, tmp_path)
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for step in planned.steps():
        assert step.study is not None
        for planned_arm, arm in zip(step.study.arms, step.study.record("").arms, strict=True):
            (spec,) = planned_arm.specs
            row = published.row(step.study.axes, arm, spec)
            if row is None:
                continue
            found.setdefault(step.study.title, []).append(row)
            cost = costs[step.study.title, spec.trial_id]
            if row.get("key") == "custom_cnn":
                continue
            if "total_params" in row:
                assert cost.parameters == row["total_params"]
            if "trainable_params" in row:
                assert cost.trainable_parameters == row["trainable_params"]
            if "memory_mb" in row:
                assert cost.estimated_memory_mb == row["memory_mb"]
    sizes = [NUMBERS["table2_resize"][model] for model in ("densenet201", "densenet169")]
    failed = {"outcome": NUMBERS["table2_resize"]["failed"]["outcome"]}
    assert found == {
        "Comparison of networks": NUMBERS["table1_zoo"],
        "Input size": [
            row
            for model in sizes
            for row in (
                *({name: values[at] for name, values in model.items()} for at in range(3)),
                failed,
            )
        ],
        "Augmentation": [
            {"augment": False, "accuracy": TEXT["augmentation"]["without"]},
            {"augment": True, "accuracy": TEXT["augmentation"]["with"]},
        ],
        "Fine-tuning depth": NUMBERS["table3_finetune"],
        "Dropout": NUMBERS["table4_dropout"],
        "Learning rate": NUMBERS["table6_learning_rate"],
        "Batch size": NUMBERS["table5_batch_size"],
        "Final model": [{"accuracy": TEXT["final"]["test_accuracy"]}],
        "Number of classes": TEXT["classes"],
    }


def test_the_preset_differs_from_the_published_study_in_nothing_that_is_stated(
    fabricator: Fabricator,
) -> None:
    for step in study("published").steps():
        assert step.study is not None
        for arm in step.study.arms[:1]:
            fabricator.store.add(arm.specs[0])
        view = StudyView(step.study.record(""), fabricator.records())
        said = " ".join(published.notes(view))
        if step.study.axes == ("model",):
            # The networks from scratch start at the customary rate.
            assert "study: learning rate 1e-3 instead of 2.5e-5." in said
        else:
            assert "Unlike" not in said, step.study.title


def of_values(fabricator: Fabricator, axis: str, *values: Any, **settings: Any) -> StudyRecord:
    common = {"model": "densenet201", "image_size": 96, "batchnorm": "keras", **settings}
    arms = [
        Arm(
            label=str(value),
            settings={axis: value},
            trials=(fabricator.trial({**common, axis: value}),),
        )
        for value in values
    ]
    return fabricator.study(axis.replace("_", "-"), "sweep", [axis], arms)


def test_accuracies_of_the_text_are_in_the_tables(fabricator: Fabricator) -> None:
    for axis, theirs in (
        ("augment", {False: "0.81", True: "0.83"}),
        ("classes", {20: "0.92", 40: "0.88", 60: "0.86", 80: "0.84"}),
    ):
        made = of_values(fabricator, axis, *theirs)
        (table,) = main_tables(StudyView(made, fabricator.records()), published=True)
        at = table.headings.index("Accuracy, published")
        assert [row[at] for row in table.texts()] == list(theirs.values())
    trial = fabricator.trial({"model": "densenet201", "image_size": 96})
    arm = Arm(label="DenseNet201", settings={}, trials=(trial,))
    made = fabricator.study("final", "single", [], [arm])
    (table,) = main_tables(StudyView(made, fabricator.records()), published=True)
    assert table.texts()[0][table.headings.index("Accuracy, published")] == "0.84"


def test_the_crash_at_128_px_is_in_the_table_and_in_words(fabricator: Fabricator) -> None:
    made = of_values(fabricator, "image_size", 96, 128)
    text = document([made], fabricator.records(), published=True)
    assert "crashed" in text
    crashed = "image size 128 px: published, the session crashed after using all available RAM."
    assert crashed in text


def test_whatever_differs_is_listed(fabricator: Fabricator) -> None:
    made = of_values(
        fabricator,
        "augment",
        False,
        True,
        weights="none",
        epochs=5,
        patience=2,
        batchnorm="precise",
        precision="mixed_bfloat16",
        train_per_class=100,
        label_smoothing=0.1,
    )
    said = published.notes(StudyView(made, fabricator.records()))
    assert said[1] == (
        "Unlike in the published study: training images per class 100 instead of all; "
        "weights none instead of imagenet; BatchNorm precise instead of keras; epochs allowed 5 "
        "instead of 100; learning rate 1e-3 instead of 2.5e-5; label smoothing 0.1 instead of 0; "
        "patience (epochs) 2 instead of 7; precision mixed_bfloat16 instead of float32."
    )
    assert said[2].startswith(
        "The published study does not state the epochs allowed, dropout, patience (epochs) and "
        "learning rate of these runs"
    )


def test_parameters_and_memory_agree_or_say_why(fabricator: Fabricator) -> None:
    numbers = {row["key"]: row for row in NUMBERS["table1_zoo"]}
    arms = []
    for model, changed, settings in (
        ("lenet", {}, {}),
        ("custom_cnn", {"total_params": 2_331_796}, {}),
        ("vgg16", {"total_params": 14_755_728}, {"head_outputs": 80}),
        ("resnet50", {"total_params": 1}, {}),
    ):
        row = numbers[model] | changed
        made = result(memory_mb=row["memory_mb"], total_params=row["total_params"])
        trial = fabricator.trial({"model": model, **settings}, made)
        arms.append(Arm(label=row["model"], settings={"model": model}, trials=(trial,)))
    made = fabricator.study("zoo", "zoo", ["model"], arms)
    said = published.notes(StudyView(made, fabricator.records()))
    assert (
        "As published to the digit in 1 of 4 rows: memory usage (MB) and total parameters." in said
    )
    assert (
        "Custom CNN: total parameters not as published, because of the layers, which the published "
        "study does not describe." in said
    )
    assert "VGG-16: total parameters not as published, because of head outputs." in said
    assert "ResNet: total parameters not as published, which no setting explains." in said


def test_values_that_were_tried_without_numbers(fabricator: Fabricator) -> None:
    made = of_values(fabricator, "optimizer", "adam", "sgd")
    (said,) = published.notes(StudyView(made, fabricator.records()))
    assert said.startswith("The published study tried adam, adamax and sgd, kept adam")


def test_the_table_says_which_head_its_parameters_include(fabricator: Fabricator) -> None:
    trials = [fabricator.trial({"model": "lenet", "head_outputs": head}) for head in (80, 100)]
    for head, trial in zip((80, 100), trials, strict=True):
        arm = Arm(label="LeNet", settings={"model": "lenet"}, trials=(trial,))
        view = StudyView(fabricator.study("zoo", "zoo", ["model"], [arm]), fabricator.records())
        (table,) = main_tables(view)
        assert f"; heads have {head} outputs;" in table.caption
