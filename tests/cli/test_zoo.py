"""`cifarkit zoo`, from the command to the table and the report, with real training."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from cifarkit.store.correctness_bits import unpacked
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import cifarkit, in_a_process, start, table
from tests.datasets.archives import make_cifar100
from tests.datasets.digits import make_digits

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "published.json").read_text())


@pytest.fixture(scope="session")
def small_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of flat colours with noise."""
    rng = np.random.default_rng(0)

    def images(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(n) % 3
        colour = np.eye(3)[labels][:, None, None] * 120 + 60
        return np.clip(rng.normal(colour, 25, (n, 16, 16, 3)), 0, 255).astype(np.uint8), labels

    path = tmp_path_factory.mktemp("data") / "colours.npz"
    (x_train, y_train), (x_test, y_test) = images(300), images(90)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.mark.slow
def test_the_published_table_1_to_the_digit() -> None:
    """Parameters and estimated memory of 12 rows; the thirteenth network is not described."""
    done = cifarkit("zoo", "--classes", "80", "--head-outputs", "100", "--dry-run")
    header, *rows = table(done.stdout)
    parameters, memory = map(header.index, ("Parameters", "Est. memory MB"))
    assert len(rows) == 13
    for row, published in zip(rows, VECTORS["table1_zoo"], strict=True):
        if published["key"] != "custom_cnn":
            assert row[parameters] == f"{published['total_params']:,}"
            assert row[memory] == f"{published['memory_mb']:g}"


@pytest.fixture(scope="module")
def trained(
    small_npz: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[str | Path, ...], str, str]:
    """A command that trains two networks, the last word its store, and what it said."""
    zoo = ("zoo", "--dataset", small_npz, "--models", "lenet,custom_cnn", "--epochs", "3",
           "--batch-size", "32", "--runs", tmp_path_factory.mktemp("trained") / "runs")  # fmt: skip
    done = in_a_process(*zoo)
    return zoo, done.stdout, done.stderr


def test_from_the_command_to_the_report(trained: tuple[tuple[str | Path, ...], str, str]) -> None:
    zoo, shown, said = trained
    runs = Path(zoo[-1])
    assert [row[0] for row in table(shown)] == ["Model", "LeNet", "Custom CNN"]
    assert "[1/2] LeNet: complete" in said

    store = Store(runs)
    for record in store.records():
        assert record.complete
        assert record.result is not None
        assert record.result.accuracy.test > 0.9
        assert record.result.epochs_run == len(record.history) == 3
        assert record.result.time.trial_seconds > record.result.time.fit_seconds > 0
        saved = np.load(record.folder / "predictions.npz")
        right = saved["predictions"] == saved["labels"]
        assert right.mean() == pytest.approx(record.result.accuracy.test)
        assert record.result.hits is not None
        np.testing.assert_array_equal(unpacked(record.result.hits), right)
        assert (saved["probabilities"].argmax(axis=1) == saved["predictions"]).mean() > 0.99
        np.testing.assert_allclose(saved["probabilities"].sum(axis=1), 1, atol=5e-3)

    # The same command finds everything done, trains nothing and ends at once.
    before = {path: path.stat().st_mtime_ns for path in runs.glob("trials/*/*.json")}
    again = in_a_process(*zoo)
    assert "already done" in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in runs.glob("trials/*/*.json")}
    assert table(again.stdout) == table(shown)

    appendix = cifarkit("report", "--runs", runs).stdout
    assert "| LeNet" in appendix
    assert "Settings, where nothing else is stated" in appendix


def test_neither_another_process_nor_jobs_change_a_digit(
    trained: tuple[tuple[str | Path, ...], str, str], tmp_path: Path
) -> None:
    *same, runs = trained[0]
    in_a_process(*same, tmp_path, "--jobs", "2")
    results = []
    for root in (Path(runs), tmp_path):
        results.append({})
        for record in Store(root).records():
            assert record.result is not None
            assert record.result.environment.threads == len(os.sched_getaffinity(0))
            results[-1][record.trial_id] = (
                record.result.accuracy,
                [(row["loss"], row["validation_loss"]) for row in record.history],
                (record.folder / "predictions.npz").read_bytes(),
            )
    assert len(results[0]) == 2
    assert results[0] == results[1]


def test_a_trial_that_fails_is_a_row_and_the_next_one_runs(small_npz: Path, tmp_path: Path) -> None:
    done = in_a_process("zoo", "--dataset", small_npz, "--models", "lenet,simple_cnn", "--epochs",
                        "1", "--timeout", "1.5", "--runs", tmp_path, code=1)  # fmt: skip
    assert "timeout" in done.stdout
    assert "2 of 2 trials did not complete" in done.stderr
    done = cifarkit("zoo", "--dataset", small_npz, "--models", "lenet,simple_cnn", "--epochs", "1",
                    "--learning-rate", "1e30", "--optimizer", "sgd", "--no-augment",
                    "--runs", tmp_path, code=1)  # fmt: skip
    assert "NotFinite" in done.stdout
    assert "may be too high" in cifarkit("report", "--runs", tmp_path).stdout


def running_worker(process: "psutil.Process", within: float = 60) -> psutil.Process:
    until = time.monotonic() + within
    while time.monotonic() < until:
        for child in process.children():
            if "cifarkit.execution.worker" in " ".join(child.cmdline()):
                return child
        time.sleep(0.05)
    raise AssertionError("no trial was started")


def wait_for_epoch(runs: Path, trial: str, within: float = 60) -> None:
    until = time.monotonic() + within
    while not (runs / "trials" / trial / "history.csv").exists():
        assert time.monotonic() < until, "no epoch was finished"
        time.sleep(0.05)


def test_kill_minus_nine_and_ctrl_c(small_npz: Path, tmp_path: Path) -> None:
    zoo = ("zoo", "--dataset", small_npz, "--models", "lenet,simple_cnn,custom_cnn", "--epochs",
           "60", "--patience", "60", "--train-per-class", "20", "--runs", tmp_path)  # fmt: skip
    store = Store(tmp_path)
    process = start(*zoo)
    running_worker(psutil.Process(process.pid))
    first, second, third = _trials_in_order(store)
    wait_for_epoch(tmp_path, first)
    running_worker(psutil.Process(process.pid)).kill()
    wait_for_epoch(tmp_path, second)
    until = time.monotonic() + 120
    while not store.is_complete(second):
        assert time.monotonic() < until
        time.sleep(0.05)
    wait_for_epoch(tmp_path, third)
    worker = running_worker(psutil.Process(process.pid))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "the same command resumes" in said
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE

    assert store.state(first).status is Status.FAILED
    assert store.state(first).reason == "killed by signal 9 (SIGKILL)"
    assert store.is_complete(second)
    assert store.state(third).status is Status.PENDING
    appendix = cifarkit("report", "--runs", tmp_path).stdout
    assert "killed by signal 9" in appendix

    kept = (store.folder(second) / "result.json").stat().st_mtime_ns
    done = cifarkit(*zoo)
    assert [row[0] for row in table(done.stdout)[1:]] == ["LeNet", "Simple CNN", "Custom CNN"]
    assert (store.folder(second) / "result.json").stat().st_mtime_ns == kept
    assert [store.state(trial).attempts for trial in (first, second, third)] == [2, 1, 2]


def _trials_in_order(store: Store) -> list[str]:
    (study,) = store.studies()
    return [trial for arm in study.arms for trial in arm.trials]


def test_a_cifar_100_archive_in_the_real_format(tmp_path: Path) -> None:
    archive = make_cifar100(tmp_path / "data", train_per_class=6, test_per_class=2)
    done = cifarkit("zoo", "--data-dir", archive.parent, "--classes", "80", "--head-outputs", "100",
                    "--models", "lenet", "--epochs", "2", "--runs", tmp_path / "runs")  # fmt: skip
    assert table(done.stdout)[1][:3] == ["LeNet", "24.576", "723,180"]
    (record,) = Store(tmp_path / "runs").records()
    assert record.result is not None
    assert record.result.test_images == 160
    assert record.result.train_images + record.result.validation_images == 480
    assert len(record.result.class_names) == len(record.result.class_groups) == 80


def test_real_images_scikit_learns_digits(tmp_path: Path) -> None:
    """LeNet passes 95% on real handwriting within a few epochs."""
    folder = make_digits(tmp_path / "digits")
    cifarkit("zoo", "--dataset", folder, "--models", "lenet", "--epochs", "15", "--batch-size",
             "32", "--no-augment", "--runs", tmp_path / "runs")  # fmt: skip
    (record,) = Store(tmp_path / "runs").records()
    assert record.result is not None
    accuracy = record.result.accuracy
    assert accuracy.test > 0.95
    # Of the kept weights, on each training image once: a whole number is right.
    right = accuracy.train_kept * record.result.train_images
    assert right == pytest.approx(round(right))


def test_missing_data_names_the_file_and_the_ways_on(tmp_path: Path) -> None:
    os.environ["KERAS_HOME"] = str(tmp_path / "keras")
    try:
        done = cifarkit("zoo", "--data-dir", tmp_path, "--models", "lenet", code=2)
    finally:
        del os.environ["KERAS_HOME"]
    assert "cifar-100" in done.stderr
    assert "--dataset synthetic" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_process_that_is_not_the_trials_own_is_noted(
    trained: tuple[tuple[str | Path, ...], str, str], small_npz: Path, tmp_path: Path
) -> None:
    cifarkit("zoo", "--dataset", small_npz, "--models", "lenet", "--epochs", "1",
             "--runs", tmp_path, "--launcher", "in-process")  # fmt: skip
    for root, noted in ((Path(trained[0][-1]), False), (tmp_path, True)):
        for record in Store(root).records():
            assert record.result is not None
            assert any("not its own" in note for note in record.result.notes) is noted
