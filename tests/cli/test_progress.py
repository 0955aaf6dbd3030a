"""What the progress says of the time left, and what a pipe gets to read."""

import re

import pytest

from cifarkit.cli.progress import progress
from cifarkit.cli.progress_messages import TimeLeft, in_words, outcome
from cifarkit.execution.runner import TrialEvent
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status

SPECS = [TrialSpec.of(model="lenet", dataset="synthetic", seed=seed) for seed in range(3)]
ROW = {"loss": 1.0, "validation_accuracy": 0.5, "images_per_second": 99.6}


def event(kind: str, trial: int, **values: object) -> TrialEvent:
    return TrialEvent(kind, SPECS[trial], trial + 1, 3, values)


def test_time_left_by_hand() -> None:
    now = 0.0
    left = TimeLeft(clock=lambda: now)
    left.note(event("started", 0))
    assert left.seconds() is None
    now = 10.0
    left.note(event("epoch", 0, epoch=1, epochs=4))
    # A quarter in 10 s is 40 s in all: 30 s of this one, and two more like it.
    assert left.seconds() == pytest.approx(30 + 80)
    now = 20.0
    left.note(event("ended", 0, status=Status.COMPLETE, reason=""))
    assert left.seconds() == pytest.approx(40)
    left.note(event("found", 1))
    assert left.seconds() == pytest.approx(20)
    left.note(event("started", 2))
    now = 25.0
    assert left.seconds() == pytest.approx(15)
    left.note(event("ended", 2, status=Status.FAILED, reason="x"))
    assert left.seconds() == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-:--"), (0, "0:00"), (95.4, "1:35"), (7000, "1:56:40")]
)
def test_time_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


def test_outcomes_in_words() -> None:
    done = event("ended", 0, status=Status.COMPLETE, reason="")
    told = outcome(done, "LeNet", {"epoch": 3, "validation_accuracy": 0.5})
    assert told == "LeNet: complete after 3 epochs, validation accuracy 0.500"
    failed = event("ended", 0, status=Status.TIMEOUT, reason="no end after 5 s")
    assert outcome(failed, "LeNet", None) == "LeNet: timeout: no end after 5 s"
    assert outcome(event("found", 0), "LeNet", None) == "LeNet: done earlier"


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Networks", {SPECS[0].trial_id: "Le[b]Net"}) as show:
        show(event("started", 0))
        show(event("phase", 0, phase="data"))
        show(event("step", 0, epoch=1, epochs=2, seen=1, images=2))
        show(event("epoch", 0, epoch=1, epochs=1, **ROW))
        show(event("ended", 0, status=Status.COMPLETE, reason=""))
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    assert re.sub(r"at most [\d:]+", "at most T", err).splitlines() == [
        "[1/3] Le[b]Net: started",
        "[1/3] Le[b]Net: epoch 1/1, loss 1.000, validation accuracy 0.500, 100 images/s",
        "[1/3] Le[b]Net: complete after 1 epoch, validation accuracy 0.500 (at most T left)",
    ]
