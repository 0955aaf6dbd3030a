"""The contract of a callback."""

from __future__ import annotations

from collections.abc import Callable

from cifarkit.execution.callbacks import Callback
from cifarkit.execution.events import TrialEnded, TrialFound
from cifarkit.store.records import Status
from cifarkit.studies.completion import trial_spec
from cifarkit.testing.expect import expect
from cifarkit.testing.work import epoch_ended


def check_callback(make: Callable[[], Callback]) -> None:
    """Call a callback as two studies would: trials overlap, fail, are done, and are interrupted.

    Args:
        make: What the entry point gives.

    Raises:
        AssertionError: It is not an `execution.callbacks.Callback`.
        Exception: Any that the callback raises.
    """
    callback = make()
    expect(isinstance(callback, Callback), f"{type(callback).__name__} is not a Callback")
    specs = tuple(
        trial_spec(dataset="synthetic", classes=2, model="lenet", seed=seed) for seed in range(4)
    )
    first, second, third, fourth = specs
    for title in ("First", "Second"):
        callback.on_study_start(title, specs)
        callback.on_trial_start(first)
        callback.on_trial_start(second)
        callback.on_epoch(second, epoch_ended(1, 2))
        callback.on_epoch(first, epoch_ended(1, 2))
        callback.on_trial_end(second, TrialEnded(Status.FAILED, "ValueError: on purpose"))
        callback.on_epoch(first, epoch_ended(2, 2))
        callback.on_trial_end(first, TrialEnded(Status.COMPLETE))
        callback.on_trial_end(third, TrialFound())
        callback.on_trial_start(fourth)
        callback.on_study_end()
