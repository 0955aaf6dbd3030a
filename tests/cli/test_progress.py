"""What the progress says of the time left, and what a pipe gets to read."""

import re

import pytest

from cifarkit.api.progress import progress
from cifarkit.api.progress_messages import TimeLeft, in_words, message
from cifarkit.execution.events import (
    Payload,
    PhaseChanged,
    StepDone,
    TrialEnded,
    TrialEvent,
    TrialFound,
    TrialStarted,
)
from cifarkit.store.records import Status
from cifarkit.studies.completion import trial_spec
from tests.execution.work import epoch_ended

SPECS = [trial_spec(model="lenet", dataset="synthetic", seed=seed) for seed in range(3)]


def event(payload: Payload, trial: int) -> TrialEvent:
    return TrialEvent(SPECS[trial], trial + 1, 3, payload)


def test_time_left_by_hand() -> None:
    now = 0.0
    left = TimeLeft(clock=lambda: now)
    left.note(event(TrialStarted(), 0))
    assert left.seconds() is None
    now = 10.0
    left.note(event(epoch_ended(1, 4), 0))
    # A quarter in 10 s is 40 s in all: 30 s of this one, and two more like it.
    assert left.seconds() == pytest.approx(30 + 80)
    now = 20.0
    left.note(event(TrialEnded(Status.COMPLETE, ""), 0))
    assert left.seconds() == pytest.approx(40)
    left.note(event(TrialFound(), 1))
    assert left.seconds() == pytest.approx(20)
    left.note(event(TrialStarted(), 2))
    now = 25.0
    assert left.seconds() == pytest.approx(15)
    left.note(event(TrialEnded(Status.FAILED, "x"), 2))
    assert left.seconds() == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-:--"), (0, "0:00"), (95.4, "1:35"), (7000, "1:56:40")]
)
def test_time_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


def test_outcomes_in_words() -> None:
    done = TrialEnded(Status.COMPLETE)
    line = "LeNet: complete after 3 epochs, last validation accuracy 0.500"
    assert message(done, "LeNet", epoch_ended(3, 9)) == line
    failed = TrialEnded(Status.TIMEOUT, "no end after 5 s")
    assert message(failed, "LeNet", None) == "LeNet: timeout: no end after 5 s"
    assert message(TrialFound(), "LeNet", None) == "LeNet: already done"


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Networks", {SPECS[0].trial_id: "Le[b]Net"}) as show:
        show(event(TrialStarted(), 0))
        show(event(PhaseChanged("data"), 0))
        show(event(StepDone(1, 2, 1, 2), 0))
        show(event(epoch_ended(1, 1), 0))
        show(event(TrialEnded(Status.COMPLETE, ""), 0))
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    assert re.sub(r"at most [\d:]+", "at most T", err).splitlines() == [
        "[1/3] Le[b]Net: started",
        "[1/3] Le[b]Net: epoch 1/1, loss 1.000, validation accuracy 0.500, 100 images/s",
        "[1/3] Le[b]Net: complete after 1 epoch, last validation accuracy 0.500 (at most T left)",
    ]
