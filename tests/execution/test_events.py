"""Events of a trial's process survive the pipe to the runner."""

import pytest

from cifarkit.execution.events import PhaseChanged, StepDone, WorkEnded, from_json, to_json
from tests.execution.work import epoch_ended


@pytest.mark.parametrize(
    "event",
    [
        PhaseChanged("d\u00e4ta\n"),
        StepDone(1, 2, 32, 640),
        epoch_ended(1, 2),
        WorkEnded("oom", "x"),
    ],
)
def test_there_and_back(event: PhaseChanged) -> None:
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line.encode()) == event


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"3",
        b"{}",
        b'{"event": "PhaseChanged"}',
        b'{"event": "PhaseChanged", "phase": "data", "more": 1}',
        b'{"event": "TrialEnded", "status": "complete"}',
        to_json(epoch_ended(1, 2)).encode()[:-5],
    ],
)
def test_anything_else_is_no_event(line: bytes) -> None:
    assert from_json(line) is None
