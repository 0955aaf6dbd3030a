"""Trials on the devices of a machine that is made up: which one each gets, and what fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cifarkit.errors import InvalidInput
from cifarkit.execution.devices import DeviceLauncher, choose, place
from cifarkit.execution.events import Moved, Placed
from cifarkit.execution.launchers import AttemptResult, ProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.profiling.devices import Device
from cifarkit.store.records import Status
from cifarkit.store.store import Store
from tests.execution.test_runner import specs


def gpus(count: int) -> tuple[Device, ...]:
    return tuple(Device(str(n), f"GPU-{n}", "H200", "570", 143_771) for n in range(count))


class Recorder:
    """A device's launcher: notes when its trials ran, and fails as told."""

    def __init__(self, uuid: str, log: list[tuple[str, float, float, str]], ends: Any) -> None:
        self.uuid, self.log, self.ends = uuid, log, ends

    def run(self, work: str, folder: Path, *, on_event: Any, **_: Any) -> AttemptResult:
        began = time.monotonic()
        time.sleep(0.02)
        self.log.append((self.uuid, began, time.monotonic(), folder.name))
        return self.ends(self.uuid, folder) or AttemptResult(Status.COMPLETE)

    def stop(self) -> None:
        pass


def launcher(count: int, ends: Any = lambda uuid, folder: None, **how: Any) -> Any:
    log: list[tuple[str, float, float, str]] = []
    devices = gpus(count)
    made = DeviceLauncher(
        devices, lambda d: Recorder(d.uuid, log, ends), **{"find": lambda: devices, **how}
    )
    return made, log


def most_at_once(log: list[tuple[str, float, float, str]], uuid: str) -> int:
    spans = [(begin, end) for one, begin, end, _ in log if one == uuid]
    return max(sum(a <= begin < b for a, b in spans) for begin, _ in spans)


@pytest.mark.parametrize("per_device", [1, 2])
def test_no_device_is_used_by_more_trials_than_it_takes(tmp_path: Path, per_device: int) -> None:
    made, log = launcher(3, jobs_per_device=per_device)
    assert made.slots() == 3 * per_device
    statuses = run(specs(24), Store(tmp_path), made, work="none", jobs=8)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert len(log) == 24
    assert {most_at_once(log, f"GPU-{n}") for n in range(3)} == {per_device}


def test_a_failing_device_is_left_out_after_two_failures_and_its_trials_are_done_elsewhere(
    tmp_path: Path,
) -> None:
    def ends(uuid: str, folder: Path) -> AttemptResult | None:
        reason = "InternalError: CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error"
        return AttemptResult(Status.FAILED, reason) if uuid == "GPU-1" else None

    made, log = launcher(3, ends)
    store, events = Store(tmp_path), []
    wanted = specs(12)
    statuses = run(wanted, store, made, work="none", jobs=3, on_event=events.append)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert sum(uuid == "GPU-1" for uuid, *_ in log) == 2
    assert sorted(name for uuid, _, _, name in log if uuid != "GPU-1") == sorted(statuses)
    moves = [event.payload.reason for event in events if isinstance(event.payload, Moved)]
    assert moves[0] == (
        "GPU 1 (H200) failed: InternalError: CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error"
    )
    assert moves[1] == moves[0] + ", and is left out from now on"
    states = [store.state(spec.trial_id) for spec in wanted]
    assert sorted(move for state in states for move in state.moves) == moves
    assert {state.attempts for state in states} == {1}
    assert {state.place for state in states} == {"GPU 0 (H200)", "GPU 2 (H200)"}


def test_a_device_that_the_driver_lists_no_more_has_failed(tmp_path: Path) -> None:
    """A trial that the kernel's driver killed says nothing of its device."""

    def ends(uuid: str, folder: Path) -> AttemptResult | None:
        died = AttemptResult(Status.FAILED, "killed by signal 6 (SIGABRT)")
        return died if uuid == "GPU-0" else None

    made, log = launcher(2, ends, find=lambda: gpus(2)[1:])
    moves: list[Any] = []
    (tmp_path / "a").mkdir()
    ended = made.run("none", tmp_path / "a", on_event=moves.append)
    assert ended.status is Status.COMPLETE
    assert [type(event) for event in moves] == [Placed, Moved, Placed]
    assert "does not list it any more" in moves[1].reason
    assert [uuid for uuid, *_ in log] == ["GPU-0", "GPU-1"]


def test_a_trial_that_fails_by_itself_is_not_tried_elsewhere(tmp_path: Path) -> None:
    for ending in (
        AttemptResult(Status.FAILED, "ValueError: the seventh seal"),
        AttemptResult(Status.OOM, "ResourceExhaustedError: CUDA_ERROR_OUT_OF_MEMORY"),
        AttemptResult(Status.TIMEOUT, "no end after 2 s (--timeout)"),
    ):
        made, log = launcher(2, lambda *_, ending=ending: ending)
        assert made.run("none", tmp_path, on_event=lambda event: None) == ending
        assert len(log) == 1


def test_without_any_device_left_the_trial_fails_with_the_last_reason(tmp_path: Path) -> None:
    broken = AttemptResult(Status.FAILED, "CUDA_ERROR_NO_DEVICE")
    made, log = launcher(2, lambda *_: broken)
    (tmp_path / "log.txt").touch()
    ended = made.run("none", tmp_path, on_event=lambda event: None)
    assert ended.status is Status.FAILED
    assert ended.reason.startswith("no device is left: GPU")
    assert len(log) == 4
    assert made.run("none", tmp_path, on_event=lambda event: None).status is Status.FAILED
    assert len(log) == 4


def test_a_trial_that_waits_for_a_device_is_stopped(tmp_path: Path) -> None:
    made, _ = launcher(1)
    made._running[gpus(1)[0]] = 1
    ended: list[AttemptResult] = []
    thread = threading.Thread(
        target=lambda: ended.append(made.run("none", tmp_path, on_event=lambda event: None))
    )
    thread.start()
    time.sleep(0.05)
    made.stop()
    thread.join(5)
    assert ended == [AttemptResult(Status.PENDING, "not started")]


def placed(found: tuple[Device, ...], **how: Any) -> tuple[Any, int]:
    given: dict[str, Any] = {"devices": "auto", "jobs": 1, "jobs_per_device": 1, **how}
    return place("process", lambda jobs: {"JOBS": str(jobs)}, find=lambda: found, **given)


def variables(launcher: Any) -> Mapping[str, str]:
    return launcher._environment


def test_a_machine_without_a_gpu_is_as_before() -> None:
    made, jobs = placed((), jobs=3)
    assert type(made) is ProcessLauncher
    assert jobs == 3
    assert variables(made)["JOBS"] == "3"
    assert not {"CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH"} & set(variables(made))
    assert placed((), jobs="auto")[1] == 1


def test_jobs_auto_is_a_trial_for_each_place() -> None:
    made, jobs = placed(gpus(4), jobs="auto", jobs_per_device=2, devices="0,2")
    assert jobs == 4
    assert [variables(one)["CUDA_VISIBLE_DEVICES"] for one in made._launchers.values()] == [
        "GPU-0",
        "GPU-2",
    ]
    made, jobs = placed(gpus(4), devices="cpu", jobs=2)
    assert (variables(made)["CUDA_VISIBLE_DEVICES"], jobs) == ("-1", 2)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"jobs": 3}, "--jobs 3: 2 of this machine's devices .* --jobs-per-device 2"),
        ({"devices": "0,5"}, "--devices 0,5: there is no device '5'; .*: GPU 0 .H200., GPU 1"),
        ({"devices": "gpu0"}, "there is no device 'gpu0'"),
    ],
)
def test_what_the_machine_does_not_have_is_refused(how: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        placed(gpus(2), **how)


def test_all_needs_one_and_a_launcher_without_devices_takes_none() -> None:
    with pytest.raises(InvalidInput, match="--devices all: this machine has no GPU"):
        choose("all", lambda: ())
    with pytest.raises(InvalidInput, match="the launcher in-process does not use"):
        place("in-process", lambda jobs: {}, devices="0", jobs=1, jobs_per_device=1)
