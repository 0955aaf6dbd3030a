"""A write that fails is the trial's reason; what was there stays, and the same command goes on."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cifarkit.store.records import Status
from tests.cli.command import CIFARKIT, environment
from tests.reliability.small_study import COMMAND, WORKER, SmallStudy, colours, with_faults


def run(
    study: SmallStudy, env: dict[str, str], largest_file: int | None = None
) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if largest_file is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, hard))

    return subprocess.run(
        [*CIFARKIT, *map(str, study.command())],
        capture_output=True,
        text=True,
        env=env,
        timeout=300,
        preexec_fn=limit,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the faults are made through /proc")
def test_each_file_of_a_trial_in_turn(tmp_path: Path) -> None:
    data = colours(tmp_path)
    undisturbed = SmallStudy(data, tmp_path / "undisturbed", epochs=6, models="lenet")
    undisturbed.finish()
    study = SmallStudy(data, tmp_path / "runs", epochs=6, models="lenet")
    # A real limit of the system, on the size of any file: the checkpoint is the largest.
    done = run(study, environment(), largest_file=100_000)
    assert done.returncode == 1, done.stderr
    (record,) = study.store.records()
    assert "File too large" in record.state.reason
    assert "epoch-00001.checkpoint" in record.state.reason
    assert len(record.history) == 1
    study.report()
    names = ("history.csv", "checkpoint", "predictions.npz", "result.json")
    for attempt, name in enumerate(names, start=2):
        done = run(study, with_faults(CIFARKIT_TEST_FULL=f"{WORKER}:{name}"))
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        (record,) = study.store.records()
        assert record.state.status is Status.FAILED
        assert record.state.attempts == attempt
        assert "No space left on device" in record.state.reason
        assert name in record.state.reason
        assert record.state.reason in done.stderr
        study.report()
    study.finish()
    assert study.outcome() == undisturbed.outcome()


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are made through /proc")
def test_a_state_that_cannot_be_written_ends_the_command_with_one_message(tmp_path: Path) -> None:
    study = SmallStudy(colours(tmp_path), tmp_path / "runs", epochs=1, models="lenet")
    done = run(study, with_faults(CIFARKIT_TEST_FULL=f"{COMMAND}:state.json"))
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("cifarkit:")]
    assert line.startswith(f"cifarkit: cannot write to {study.runs}: ")
    assert "No space left on device" in line
    assert "state.json" in line
    assert "Traceback" not in done.stderr
    study.report()
