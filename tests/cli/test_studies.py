"""`resize-study`, `finetune`, `sweep` and `study` as real processes, with real training."""

import json
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from cifarkit.datasets import registry as dataset_registry
from cifarkit.store.store import Store
from tests.cli.command import cifarkit, start, table
from tests.datasets.archives import make_cifar100

SMALL = ("--dataset", "synthetic", "--classes", "5", "--train-per-class", "20", "--epochs", "1",
         "--batch-size", "32")  # fmt: skip


def test_resize_study(tmp_path: Path) -> None:
    done = cifarkit("resize-study", "--models", "resnet8", "--sizes", "4,16,24", *SMALL,
                    "--runs", tmp_path)  # fmt: skip
    rows = table(done.stdout)
    assert rows[0] == ["Model", "4 px", "16 px", "24 px"]
    assert [row[0] for row in rows] == ["Model", "ResNet-8"] * 4
    assert all(row[1] == "not possible" for row in rows if row[0] == "ResNet-8")
    assert rows[3][2:] == ["75,445", "75,445"]
    appendix = cifarkit(
        "report", "--full", "--runs", tmp_path, "--figures", tmp_path / "figures"
    ).stdout
    assert "not possible" in appendix
    drawn = (tmp_path / "figures").glob("*.png")
    assert sorted(path.stem.rpartition("-")[2] for path in drawn) == ["curves", "results"]


def test_finetune_with_the_head_first(tmp_path: Path) -> None:
    done = cifarkit("finetune", "--model", "resnet8", "--image-size", "32", "--unfreeze", "0,0.5,1",
                    "--head-epochs", "1", *SMALL, "--runs", tmp_path)  # fmt: skip
    rows = table(done.stdout)[1:]
    assert [row[0] for row in rows] == ["freeze all", "unfreeze 50%", "unfreeze all"]
    # The head alone is Dense(64 -> 5); the whole adds all but BatchNormalization's statistics.
    trainable = [int(row[2].replace(",", "")) for row in rows]
    assert trainable[0] == 64 * 5 + 5
    assert trainable[0] < trainable[1] < trainable[2] < 75_445
    for record in Store(tmp_path).records():
        assert [row["epoch"] for row in record.history] == [1, 2]


def test_sweep_on_an_archive_in_the_real_format(tmp_path: Path) -> None:
    archive = make_cifar100(tmp_path / "data", train_per_class=4, test_per_class=2, binary=True)
    arguments = ("sweep", "label-smoothing", "0", "0.1", "--model", "lenet", "--data-dir",
                 archive.parent, "--classes", "20", "--epochs", "1", "--seeds", "2",
                 "--runs", tmp_path / "runs")  # fmt: skip
    rows = table(cifarkit(*arguments).stdout)
    assert [row[0] for row in rows] == ["Label smoothing", "0", "0.1"]
    assert "±" in rows[1][rows[0].index("Accuracy")]
    assert rows[1][-1] == "2 of 2 cut short at 1 epoch"
    appendix = cifarkit("report", "--full", "--runs", tmp_path / "runs").stdout
    assert "What the data support" in appendix
    assert "seeds" in appendix
    before = len(list((tmp_path / "runs" / "trials").iterdir()))
    cifarkit("sweep", "optimizer", "adam", "sgd", *arguments[4:])
    assert len(list((tmp_path / "runs" / "trials").iterdir())) == before + 2


PLAN = """
name = "small"
title = "A small whole"

[settings]
dataset = "synthetic"
classes = 5
train-per-class = 30
epochs = 1

[[step]]
title = "Networks"
vary.model = ["lenet", "custom_cnn"]
keep = 2

[[step]]
title = "Size"
vary.model = "kept"
vary.image-size = [24, 32]

[[step]]
title = "Dropout"
vary.dropout = [0.2, 0.5]

[[step]]
title = "Final model"
choose = false

[[step]]
title = "Number of classes"
vary.classes = [3, 5]
choose = false
"""


@pytest.mark.slow
def test_a_whole_study_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    plan, runs = tmp_path / "small.toml", tmp_path / "runs"
    plan.write_text(PLAN)
    preview = cifarkit("study", plan, "--runs", runs, "--dry-run")
    assert {row[0] for row in table(preview.stdout)[1:]} >= {"Networks", "Size"}
    assert not runs.exists()

    process = start("study", plan, "--runs", runs)
    until = time.monotonic() + 120
    while len(list(runs.glob("trials/*/result.json"))) < 3:
        assert time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    kept = {path: path.stat().st_mtime_ns for path in runs.glob("trials/*/result.json")}
    assert cifarkit("report", "--runs", runs).stdout  # of what there is

    done = cifarkit("study", plan, "--runs", runs)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    summary = [row for row in table(done.stdout) if row[0] in ("Networks", "Size", "Dropout")]
    assert summary[0][1] in ("LeNet", "Custom CNN")
    assert "validation accuracy" in summary[0][2]

    store = Store(runs)
    studies = store.studies()
    assert [study.step for study in studies] == sorted(study.step for study in studies)
    assert studies[0].choice is not None
    assert studies[0].whole_title == "A small whole"
    (final,) = [study for study in studies if study.kind == "single"]
    base = store.read(final.arms[0].trials[0]).spec
    assert base.model.model == studies[1].choice.settings["model"]

    appendix = cifarkit("report", "--full", "--runs", runs, "--published").stdout
    for heading in (
        "# A small whole",
        "What each step brought",
        "Most confused pairs",
        "Calibration",
    ):
        assert heading in appendix
    page = cifarkit("report", "--runs", runs, "--format", "html").stdout
    assert page.count('<svg class="drawing') >= 6
    assert "http:" not in page
    assert "https:" not in page
    exported = json.loads(cifarkit("report", "--runs", runs, "--format", "json").stdout)
    assert len(exported["studies"]) == len(studies)


def test_a_backbone_starts_from_the_weights_of_another_trial(tmp_path: Path) -> None:
    common = ("sweep", "model", "resnet8", *SMALL, "--keep-weights", "best", "--runs", tmp_path)
    cifarkit(*common, "--weights", "none")
    (donor,) = Store(tmp_path).records()
    cifarkit(*common, "--weights", f"trial:{donor.trial_id}", "--unfreeze", "0")
    (taker,) = (one for one in Store(tmp_path).records() if one.trial_id != donor.trial_id)
    assert taker.result is not None
    assert taker.result.loaded_share == 1
    given, taken = (kernels(record.folder / "model.weights.h5") for record in (donor, taker))
    assert len(given) == len(taken) > 5
    for before, after in zip(given, taken, strict=True):
        np.testing.assert_array_equal(before, after)


def kernels(path: Path) -> list[np.ndarray]:
    """The convolutions of a saved model."""
    found: list[np.ndarray] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda _, part: found.append(part[()]) if len(getattr(part, "shape", ())) == 4 else None
        )
    return found


@pytest.mark.exhaustive
def test_transfer_pays(tmp_path: Path) -> None:
    """A backbone trained on half of the classes beats random weights on the other half."""
    names = dataset_registry.facts("synthetic").class_names[:20]
    first, second = ",".join(names[:10]), ",".join(names[10:])
    common = ("sweep", "model", "resnet8", "--dataset", "synthetic", "--runs", tmp_path, "--lr",
              "1e-3", "--image-size", "32", "--batch-size", "32", "--no-augment")  # fmt: skip
    cifarkit(*common, "--class-names", first, "--train-per-class", "200", "--epochs", "8",
             "--weights", "none", "--keep-weights", "all")  # fmt: skip
    (donor,) = Store(tmp_path).records()
    budget = ("--class-names", second, "--train-per-class", "30", "--epochs", "4")
    cifarkit(*common, *budget, "--weights", "none")
    cifarkit(*common, *budget, "--weights", f"trial:{donor.trial_id}")
    accuracy = {
        record.spec.model.weights: record.result.accuracy.test
        for record in Store(tmp_path).records()
        if record.result is not None and record.spec.data.train_per_class == 30
    }
    assert accuracy[f"trial:{donor.trial_id}"] > accuracy["none"] + 0.1, accuracy


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep",), "PARAMETER"),
        (("sweep", "dropot", "0.3"), "did you mean 'dropout'"),
        (("sweep", "dropout", "0.3", "abc"), "dropout: input should be a valid number"),
        (("sweep", "dropout", "0.3", "--model", "lenett"), "did you mean 'lenet'"),
        (("finetune", "--unfreeze", "0,half"), "--unfreeze: '0,half' is not a list of numbers"),
        (
            ("finetune", "--batchnorm", "melted"),
            "batchnorm: input should be 'precise', 'keras' or 'frozen'",
        ),
        (("resize-study", "--sizes", "32,big"), "--sizes: '32,big' is not a list of whole numbers"),
        (("resize-study", "--sizes", "-3"), "image_size"),
        (("study", "pubished"), "presets: published, quick"),
        (("sweep", "model", "vgg16", "--weights", "trial:abc", *SMALL), "no trial 'abc'"),
        (("evaluate", "best"), "no"),
    ],
)
def test_bad_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = cifarkit(*arguments, "--runs", tmp_path / "runs", code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_the_schema_is_json_schema() -> None:
    schema = json.loads(cifarkit("study", "--schema").stdout)
    assert schema["title"] == "StudyFile"
    assert set(schema["required"]) == {"name", "title", "step"}
