"""The appendix of a zoo: its tables to the letter, its rows of every outcome, its warnings."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import accuracy_interval
from cifarkit.reporting import arm_results, study_view
from cifarkit.reporting.document import document
from cifarkit.reporting.formatting import GAP
from cifarkit.reporting.study_tables import detail_tables, summary
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import Status
from cifarkit.store.study_records import Arm, StudyRecord
from tests.reporting.fabricate import ENVIRONMENT, START, Fabricator, hits, make_store, result

TABLE_1 = """\
| Model          |   Memory usage (MB) |   Total Parameters |   Time (sec) |   Accuracy |
|:---------------|--------------------:|-------------------:|-------------:|-----------:|
| Simple CNN     |                25.6 |            128,420 |       116.47 |      0.260 |
| Custom CNN     |              33.792 |          2,333,468 |       118.90 |      0.250 |
| LeNet          |              24.576 |            723,180 |       103.86 |      0.330 |
| VGG-16         |              58.368 |         14,765,988 |       803.34 |      0.700 |
| Xception       |             109.568 |         21,419,916 |       930.64 |      0.740 |
| EfficientNetB7 |             269.312 |         64,353,787 |     2,467.44 |      0.700 |
| ResNet         |             109.568 |         23,792,612 |       654.38 |      0.710 |
| ResNet152V2    |             242.688 |         58,536,548 |     1,186.09 |      0.690 |
| DenseNet121    |              31.744 |          7,140,004 |       617.35 |      0.740 |
| DenseNet169    |               56.32 |         12,809,380 |       690.92 |      0.770 |
| DenseNet201    |              78.848 |         18,514,084 |       843.26 |      0.780 |
| MobileNetV2    |              21.504 |          2,386,084 |       400.66 |      0.550 |
| InceptionV3    |               87.04 |         22,007,684 |       416.18 |      0.610 |
"""


@pytest.fixture
def fabricator(tmp_path: Path) -> Fabricator:
    return Fabricator(tmp_path)


def zoo(fabricator: Fabricator, *arms: Arm) -> StudyRecord:
    return fabricator.study("zoo", "zoo", ["model"], arms, "Model zoo")


def arm(model: str, *trials: str, label: str = "", **more: str) -> Arm:
    return Arm(label=label or model, settings={"model": model}, trials=trials, **more)


def test_table_1_is_printed_as_published(tmp_path: Path) -> None:
    store, studies = make_store(tmp_path)
    records = {record.trial_id: record for record in store.records()}
    assert TABLE_1 in document(studies, records)


def test_summary_has_raw_numbers_beside_their_text(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path)
    table = summary(StudyView(study, {record.trial_id: record for record in store.records()}))
    assert table.texts()[2] == ["LeNet", "24.576", "723,180", "103.86", "0.330"]
    assert table.raw()[2] == {
        "Model": "LeNet",
        "Memory usage (MB)": 24.576,
        "Total Parameters": 723_180,
        "Time (sec)": 103.86,
        "Accuracy": 0.33,
    }


def test_every_outcome_is_a_row_with_its_reason(fabricator: Fabricator) -> None:
    study = zoo(
        fabricator,
        arm("lenet", fabricator.trial({"model": "lenet"})),
        arm(
            "vgg16", fabricator.trial({"model": "vgg16"}, None, Status.FAILED, "killed by signal 9")
        ),
        arm(
            "xception",
            fabricator.trial({"model": "xception"}, None, Status.OOM, peak_rss_mb=7987.2),
        ),
        arm(
            "resnet50",
            fabricator.trial({"model": "resnet50"}, None, Status.TIMEOUT, "timeout after 60 s"),
        ),
        arm("mobilenetv2", "0123456789ab"),
        arm("densenet121", fabricator.trial({"model": "densenet121"}, None, Status.RUNNING)),
        arm("inceptionv3", impossible="inceptionv3 takes 75 pixels or more"),
    )
    rows = {row[0]: row[1:] for row in summary(StudyView(study, fabricator.records())).texts()}
    assert rows["lenet"] == ["25.6", "128,420", "100.00", "0.700", "complete"]
    assert {name: row[-1] for name, row in rows.items() if name != "lenet"} == {
        "vgg16": "failed: killed by signal 9",
        "xception": "out of memory (peak seen 7.8 GB)",
        "resnet50": "timeout after 60 s",
        "mobilenetv2": "not run",
        "densenet121": "not finished: it was running when this was written",
        "inceptionv3": "not possible: inceptionv3 takes 75 pixels or more",
    }
    assert all(set(row[:-1]) == {"–"} for name, row in rows.items() if name != "lenet")  # noqa: RUF001
    text = document([study], fabricator.records(), full=True)
    assert "6 trials, 2026-03-14: 1 complete, 3 failed, 2 not finished or not run." in text
    assert "1 setting not possible." in text


def test_a_study_in_which_nothing_finished_is_written_up(
    fabricator: Fabricator, tmp_path: Path
) -> None:
    study = zoo(fabricator, arm("lenet", "0123456789ab"))
    for kind in ("markdown", "html", "latex", "csv", "json"):
        text = document([study], {}, format=kind, figures_dir=tmp_path / "figures", published=True)
        assert "not run" in text


def test_seeds_are_averaged_and_counted(fabricator: Fabricator) -> None:
    trials = [
        fabricator.trial({"model": "lenet", "seed": 0}, result(accuracy=0.70, time_s=10)),
        fabricator.trial({"model": "lenet", "seed": 1}, result(accuracy=0.72, time_s=20)),
        fabricator.trial({"model": "lenet", "seed": 2}, None, Status.OOM, "out of memory"),
    ]
    study = zoo(fabricator, arm("lenet", *trials))
    table = summary(StudyView(study, fabricator.records()))
    assert table.headings[-3:] == ["Accuracy", "Seeds", "Outcome"]
    assert table.texts() == [
        ["lenet", "25.6", "128,420", "15.00", "0.710 ± 0.014", "2 of 3", "1 of 3 out of memory"]
    ]
    cost, scores = detail_tables(StudyView(study, fabricator.records()))
    assert cost.texts()[0][-2:] == ["2 of 3", "partly complete"]
    assert scores.headings[1:5] == ["Validation", "Test", "95% interval", "Test, top 5"]
    # What both runs were right on is not known, which the setting's interval takes.
    assert scores.texts()[0][2:4] == ["0.710 ± 0.014", GAP]


def test_of_several_seeds_the_interval_is_the_settings(fabricator: Fabricator) -> None:
    runs = {seed: np.arange(10_000) < 100 * percent for seed, percent in ((0, 70), (1, 72))}
    several, single = (
        [
            fabricator.trial(
                {"model": model, "seed": seed},
                result(
                    accuracy=float(runs[seed].mean()), hits=hits(runs[seed]), test_images=10_000
                ),
            )
            for seed in seeds
        ]
        for model, seeds in (("lenet", (0, 1)), ("vgg16", (0,)))
    )
    study = zoo(fabricator, arm("lenet", *several), arm("vgg16", *single))
    _, scores = detail_tables(StudyView(study, fabricator.records()))
    assert (
        "The 95% interval is of the setting, or with one seed of the trained model."
        in scores.caption
    )
    span = accuracy_interval(runs)
    shown = [row[scores.headings.index("95% interval")] for row in scores.texts()]
    assert shown == [f"{span.low:.3f} to {span.high:.3f}", "0.691 to 0.709"]
    assert span.high - span.low > 0.1


def test_published_numbers_stand_beside_ours(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path)
    records = {record.trial_id: record for record in store.records()}
    table = summary(StudyView(study, records), published=True)
    assert table.headings == [
        "Model",
        "Memory usage (MB)",
        "Memory usage (MB), published",
        "Total Parameters",
        "Total Parameters, published",
        "Time (sec)",
        "Time (sec), published",
        "Accuracy",
        "Accuracy, published",
    ]
    assert table.texts()[5][5:] == ["2,467.44", "2,467.44", "0.700", "0.70"]
    text = document([study], records, published=True)
    assert "Custom CNN: stands in for a network" in text
    assert (
        "As published to the digit in all 13 rows: memory usage (MB) and total parameters." in text
    )


def test_published_notes_say_what_differs(fabricator: Fabricator) -> None:
    trial = fabricator.trial(
        {"model": "resnet50", "classes": 20, "head_outputs": 20, "image_size": 96}
    )
    study = zoo(fabricator, arm("resnet50", trial, label="ResNet50"))
    text = document([study], fabricator.records(), published=True)
    assert (
        "Unlike in the published study: classes 20 instead of 80; image size (px) 96 instead of "
        "78; BatchNorm precise instead of keras; head outputs 20 instead of 100; augmentation yes "
        "instead of no." in text
    )
    assert "ResNet in the published study is ResNet50 here." in text


def test_different_machines_are_listed_and_warned_of(fabricator: Fabricator) -> None:
    other = ENVIRONMENT.model_copy(update={"cpu": "Apple M3", "cpu_cores": 8})
    study = zoo(
        fabricator,
        arm("lenet", fabricator.trial({"model": "lenet"})),
        arm("vgg16", fabricator.trial({"model": "vgg16"}, result(environment=other))),
    )
    text = document([study], fabricator.records(), full=True)
    assert "different environments (CPU and number of cores differ" in text
    assert "their times and memory are not comparable" in text
    assert "lenet: 1 trial on AMD EPYC 9R14, 2 cores" in text
    assert "vgg16: 1 trial on Apple M3, 8 cores" in text


def test_one_machine_is_said_once_and_without_warning(tmp_path: Path) -> None:
    store, studies = make_store(tmp_path)
    records = {record.trial_id: record for record in store.records()}
    text = document(studies, records, full=True)
    assert text.count("AMD EPYC 9R14") == 1
    assert "not comparable" not in text


def test_trials_that_shared_their_machine_are_warned_of(fabricator: Fabricator) -> None:
    times: dict[str, Any] = {"started_at": START, "ended_at": START + timedelta(minutes=5)}
    study = zoo(
        fabricator,
        arm("lenet", fabricator.trial({"model": "lenet"}, **times)),
        arm("vgg16", fabricator.trial({"model": "vgg16"}, **times)),
    )
    assert "2 trials ran at the same time" in document([study], fabricator.records())


@pytest.mark.parametrize(
    ("spans", "together"),
    [
        ([(0, 5), (5, 9)], 0),
        ([(0, 20), (1, 2), (3, 4), (20, 21)], 3),
        ([(0, 2), (1, 4), (6, 9), (8, 12), (12, 13)], 4),
        ([(3, 4), (0, 9)], 2),
    ],
)
def test_the_trials_that_shared_it_are_counted(
    fabricator: Fabricator, spans: list[tuple[int, int]], together: int
) -> None:
    arms = []
    for seed, (start, end) in enumerate(spans):
        times = {"started_at": START + timedelta(minutes=start),
                 "ended_at": START + timedelta(minutes=end)}  # fmt: skip
        trial = fabricator.trial({"model": "lenet", "seed": seed}, **times)
        arms.append(arm(f"lenet {seed}", trial))
    text = document([zoo(fabricator, *arms)], fabricator.records())
    expected_text = re.findall(r"(\d+) trials ran at the same time", text)
    assert expected_text == ([str(together)] if together else [])


def test_times_of_which_the_cache_s_part_is_not_known_are_warned_of(fabricator: Fabricator) -> None:
    """Records of the first versions do not say whether frozen layers were read or computed."""
    expected_text = "1 trial of an earlier version cached the outputs of frozen layers"
    for uncached, expected in ((None, True), (100.0, False)):
        made = result()
        time = made.time.model_copy(
            update={"frozen_prefix_seconds": 3.0, "fit_seconds_uncached": uncached}
        )
        trial = fabricator.trial({"model": "vgg16"}, made.model_copy(update={"time": time}))
        text = document([zoo(fabricator, arm("vgg16", trial))], fabricator.records())
        assert (expected_text in text) is expected


def test_mixed_data_and_epochs_are_warned_of(fabricator: Fabricator) -> None:
    study = zoo(
        fabricator,
        arm("lenet", fabricator.trial({"model": "lenet", "epochs": 1})),
        arm("vgg16", fabricator.trial({"model": "vgg16", "train_per_class": 40})),
    )
    text = document([study], fabricator.records())
    assert "mix different images" in text
    assert "mix different numbers of epochs" in text
    assert "different learning rates (1e-3, but 2.5e-5 (vgg16))" in text


def test_a_changed_batch_size_and_notes_are_told(fabricator: Fabricator) -> None:
    made = result(used_batch_size=64, notes=("EMA was off",))
    study = zoo(fabricator, arm("vgg16", fabricator.trial({"model": "vgg16"}, made)))
    text = document([study], fabricator.records(), full=True)
    assert "- vgg16: EMA was off." in text
    assert "- vgg16: trained with batch size 64 instead of 128." in text
    appendix = document([study], fabricator.records())
    assert "- Model zoo, vgg16: EMA was off." in appendix
    assert "- vgg16: trained with batch size 64 instead of 128." in appendix


def test_notes_name_a_row_with_its_setting(fabricator: Fabricator) -> None:
    arms = []
    for augment, notes in ((False, ()), (True, ("EMA was off",))):
        trial = fabricator.trial({"model": "lenet", "augment": augment}, result(notes=notes))
        name = "yes" if augment else "no"
        arms.append(Arm(label=name, settings={"augment": augment}, trials=(trial,)))
    study = fabricator.study("augmentation", "sweep", ["augment"], arms)
    assert "- augmentation: EMA was off." in document([study], fabricator.records(), full=True)


def test_a_damaged_count_shows_no_binary_rounding(fabricator: Fabricator) -> None:
    made = result(accuracy=0.84 + 1e-12, memory_mb=25.6 + 1e-12, time_s=100.1 + 1e-12)
    study = zoo(fabricator, arm("vgg16", fabricator.trial({"model": "vgg16"}, made)))
    assert "0000000" not in document([study], fabricator.records())


def test_unknown_format_and_no_study_are_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'markdown'"):
        document([], {}, format="markdwn")
    with pytest.raises(InvalidInput, match="no study"):
        document([], {})


def test_report_needs_no_tensorflow_no_pandas_and_little_time(tmp_path: Path) -> None:
    make_store(tmp_path)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cifarkit.reporting.document import document\n"
        "from cifarkit.store.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "records = {record.trial_id: record for record in store.records()}\n"
        "print(len(document(store.studies(), records, published=True)))\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'pandas', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    start = os.times()
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=120)
    ended = os.times()
    # Of the processor, which a busy machine does not lengthen as it does the clock's.
    assert ended.children_user - start.children_user < 5


def test_training_accuracy_is_the_kept_weights_and_never_a_running_mean(
    tmp_path: Path,
) -> None:
    fabricator = Fabricator(tmp_path)
    old = result(accuracy=0.6)
    scores = old.accuracy.model_copy(update={"train_kept": 0.912})
    new = old.model_copy(update={"accuracy": scores})
    arms = []
    for model, made in (("vgg16", old), ("vgg19", new)):
        trial = fabricator.trial({"model": model}, made)
        arms.append(Arm(label=model, settings={"model": model}, trials=(trial,)))
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    scored = detail_tables(StudyView(study, fabricator.records()))[1]
    assert scored.headings[:3] == ["Model", "Training", "Validation"]
    assert [row[1] for row in scored.texts()] == [GAP, "0.912"]


def test_the_file_of_pretrained_weights_is_named_with_its_hash(fabricator: Fabricator) -> None:
    made = result(loaded_file="efficientnet_lite0.pth", loaded_sha256="ab12" * 16)
    model = "efficientnet_lite0"
    trial = fabricator.trial({"model": model, "weights": "imagenet", "image_size": 96}, made)
    records = fabricator.records()
    for built, named in (({}, ""), ({"preset.json": "cd34"}, "preset.json (SHA-256 cd34)")):
        changed = made.model_copy(update={"backbone_files": built})
        records[trial] = dataclasses.replace(records[trial], result=changed)
        text = document([zoo(fabricator, arm(model, trial))], records, full=True)
        assert f"imagenet, efficientnet_lite0.pth (SHA-256 {'ab12' * 16}" in text
        assert named in text
        assert ("preset.json" in text) is bool(named)


def test_top_5_is_given_for_more_than_ten_classes(fabricator: Fabricator) -> None:
    for classes, given in ((10, False), (11, True)):
        made = result(class_names=tuple(map(str, range(classes))))
        trial = fabricator.trial({"model": "lenet", "seed": classes}, made)
        study = zoo(fabricator, arm("lenet", trial))
        scored = detail_tables(StudyView(study, fabricator.records()))[1]
        assert ("Test, top 5" in scored.headings) is given


def test_a_report_looks_at_every_arm_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, studies = make_store(tmp_path, ("zoo", "resize", "dropout"))
    seen: list[str] = []

    def counted(arm: Arm, *rest: Any) -> Any:
        seen.append(arm.label)
        return arm_results.arm_result(arm, *rest)

    monkeypatch.setattr(study_view, "arm_result", counted)
    records = {record.trial_id: record for record in store.records()}
    document(studies, records, format="html", published=True)
    assert seen == [arm.label for study in studies for arm in study.arms]


def test_a_validation_part_of_the_data_is_not_said_to_be_drawn(fabricator: Fabricator) -> None:
    trial = fabricator.trial({"model": "lenet"}, result(own_validation=True))
    study = zoo(fabricator, arm("lenet", trial))
    text = document([study], fabricator.records(), full=True)
    assert "the validation images are the data set's own validation part" in text
    assert "stratified" not in text
    assert "Validation fraction" not in text


def test_the_appendix_begins_with_the_tables_and_has_nothing_of_single_trials(
    tmp_path: Path,
) -> None:
    store, studies = make_store(tmp_path, ("zoo", "dropout", "learning_rate"))
    records = {record.trial_id: record for record in store.records()}
    appendix = document(studies, records, figures_dir=tmp_path / "figures")
    opening = "# Transfer-learning studies\n\n## Model zoo on CIFAR-100\n\n**Table 1.** "
    assert appendix.startswith(opening)
    assert appendix.count("**Table ") == appendix.count("![") == 3
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn == {"zoo-results", "dropout-results", "learning-rate-results"}
    full = document(studies, records, full=True)
    for part in ("How this was measured", "Measured cost", "Validation |", "AMD EPYC"):
        assert part in full
        assert part not in appendix
    assert len(appendix) < len(full) / 2


def test_notes_that_differ_in_numbers_alone_are_one_with_their_range(
    fabricator: Fabricator,
) -> None:
    arms = []
    for seed, size in enumerate(("1,024.5", "8", "70")):
        made = result(notes=(f"outputs take {size} MB",))
        arms.append(arm(f"net {seed}", fabricator.trial({"model": "lenet", "seed": seed}, made)))
    study = zoo(fabricator, *arms)
    once = study.model_copy(update={"name": "again", "title": "The same trials again"})
    text = document([study, once], fabricator.records())
    assert text.count("outputs take") == 1
    assert "outputs take 8 to 1,024.5 MB." in text
