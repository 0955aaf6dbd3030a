"""Whether measured costs (times, memory) of several trials can be compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from cifarkit.profiling.measurements import Environment
from cifarkit.store.records import TrialRecord
from cifarkit.text import counted

ENVIRONMENT_NAMES = {
    "cpu": "CPU",
    "cpu_cores": "number of cores",
    "memory_gb": "memory",
    "gpu": "GPU",
    "platform": "operating system",
    "python": "Python",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "cifarkit": "cifarkit",
    "commit": "commit",
    "precision": "precision",
    "xla": "XLA",
    "onednn": "oneDNN",
    "threads": "number of threads",
    "gpu_driver": "GPU driver",
    "gpu_memory_mb": "GPU memory",
}

_LATER = {"threads", "gpu_driver", "gpu_memory_mb"}
_NEVER = (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), "")


def hardware(environment: Environment) -> str:
    """The hardware by which times are grouped, in words: the GPU, or the processor."""
    cores = counted(environment.cpu_cores, "core")
    return environment.gpu or f"{environment.cpu} with {cores}"


def environment_differences(trials: Iterable[TrialRecord], axes: Collection[str] = ()) -> list[str]:
    """The fields of `Environment` that differ between trials, except those that a study varies."""
    environments = [trial.result.environment for trial in trials if trial.result is not None]
    return [
        field
        for field in ENVIRONMENT_NAMES
        if field not in axes and len(_values(environments, field)) > 1
    ]


def _values(environments: Sequence[Environment], field: str) -> set[object]:
    found = {getattr(e, field) for e in environments}
    # unknown in records of earlier versions
    return found - {None} if field in _LATER else found


def overlapping(trials: Iterable[TrialRecord]) -> set[str]:
    """The ids of the trials that ran at the same time as another one on the same machine."""
    by_host: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for trial in trials:
        state = trial.state
        if state.host and state.started_at and state.ended_at:
            span = (state.started_at, state.ended_at, trial.trial_id)
            by_host.setdefault(state.host, []).append(span)
    together = set()
    for spans in map(sorted, by_host.values()):
        ended = spans[0][0]  # the latest end of the earlier trials
        for (start, end, trial_id), (its_start, _, _) in zip_longest(
            spans, spans[1:], fillvalue=_NEVER
        ):
            if start < ended or its_start < end:
                together.add(trial_id)
            ended = max(ended, end)
    return together
