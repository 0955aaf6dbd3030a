"""`--silence-timeout`, `--memory-limit` and `--oom-backoff` on real trainings."""

from pathlib import Path

import pytest

from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.cli.command import in_a_process, table

# 3600 images at once take about 2 GB more than a few of them.
LARGE = ("zoo", "--dataset", "synthetic", "--classes", "10", "--train-per-class", "400", "--models",
         "custom_cnn", "--epochs", "1", "--batch-size", "3600",
         "--no-augment", "--memory-limit", "1300")  # fmt: skip


@pytest.mark.slow
def test_what_does_not_fit_fails_and_micro_batches_fit_on_demand(tmp_path: Path) -> None:
    done = in_a_process(*LARGE, "--runs", tmp_path, code=1)
    assert "more than --memory-limit 1300" in done.stderr
    (record,) = Store(tmp_path).records()
    assert record.state.status is Status.OOM
    assert record.state.peak_rss_mb is not None
    assert record.state.peak_rss_mb > 1300
    assert "out of memory" in in_a_process("report", "--runs", tmp_path).stdout

    done = in_a_process(*LARGE, "--runs", tmp_path, "--oom-backoff")
    assert "retrying with micro-batches of 1800" in done.stderr
    (record,) = Store(tmp_path).records()
    assert record.result is not None
    assert record.result.requested_batch_size == 3600
    assert record.result.used_batch_size in (1800, 900, 450, 225)
    assert record.result.memory.peak_rss_mb < 1300 * 1.15  # the watch looks four times a second
    (note,) = [note for note in record.result.notes if "micro-batches" in note]
    assert f"in micro-batches of {record.result.used_batch_size}" in note
    assert "micro-batches" in in_a_process("report", "--runs", tmp_path).stdout


def test_silence_is_a_timeout_with_its_own_reason(tmp_path: Path) -> None:
    done = in_a_process("zoo", "--dataset", "synthetic", "--classes", "3", "--models", "lenet",
                    "--epochs", "1", "--silence-timeout", "0.5", "--runs", tmp_path,
                    code=1)  # fmt: skip
    reason = "no event for 0.5 s (--silence-timeout)"
    assert reason in done.stderr
    assert "timeout" in table(done.stdout)[1][-1]
    (record,) = Store(tmp_path).records()
    assert (record.state.status, record.state.reason) == (Status.TIMEOUT, reason)
