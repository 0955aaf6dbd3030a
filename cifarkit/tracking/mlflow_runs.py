"""MLflow: a run per trial, with parameters, metrics by epoch, figures, files and kept weights."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cifarkit.errors import CifarkitError
from cifarkit.execution.events import EpochEnded
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import UnreadableFile, check_sum
from cifarkit.store.records import ARTIFACTS, TrialRecord
from cifarkit.store.store import KEPT_WEIGHTS
from cifarkit.tracking import tracker
from cifarkit.version import __version__

TRIAL, RECORD = "cifarkit.trial_id", "cifarkit.record"
"""Tags by which a run is found, and which record it holds; the second is written last."""
_AT_ONCE = 100
"""Parameters, tags or metrics in one request: the least of MLflow's limits."""


class MlflowRuns:
    """Writes to the experiment `MLFLOW_EXPERIMENT_NAME`, by default `cifarkit`.

    Args:
        at: A tracking URI; MLflow's own setting (`MLFLOW_TRACKING_URI`) if None.

    Raises:
        InvalidInput: MLflow is not installed.
        CifarkitError: The tracking server or database cannot be used.
    """

    def __init__(self, at: str | None = None) -> None:
        # MLflow's own default keeps a training waiting for minutes for a server that is down.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        try:
            import mlflow
        except ImportError:
            raise tracker.missing_package("mlflow") from None
        self._uri = at or mlflow.get_tracking_uri()
        self._live: dict[str, tuple[str, set[int]]] = {}
        with self._failing():
            self._client = mlflow.MlflowClient(self._uri)
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "cifarkit"
            found = self._client.get_experiment_by_name(name)
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment(name)
            )

    def start(self, spec: TrialSpec) -> None:
        with self._failing():
            run = self._find(spec)
            logged: set[int] = set()
            if run is None:
                run_id = self._create(spec, None)
            else:
                run_id = run.info.run_id
                self._client.update_run(run_id, status="RUNNING")
                logged = {m.step for m in self._history(run_id, "epoch/loss")}
            self._live[spec.trial_id] = (run_id, logged)

    def epoch(self, spec: TrialSpec, epoch: EpochEnded) -> None:
        run_id, logged = self._live.get(spec.trial_id, ("", set()))
        if run_id and epoch.epoch not in logged:
            with self._failing():
                self._log(run_id, [(epoch.epoch, None, tracker.epoch_scalars(epoch))])

    def push(self, record: TrialRecord, studies: Mapping[str, str]) -> bool:
        """See `Tracker.push`. Of a run that says otherwise, a new one takes the place."""
        self._live.pop(record.trial_id, None)
        digest = tracker.record_digest(record)
        tags = {f"cifarkit.study.{name}": label for name, label in studies.items()}
        with self._failing():
            run = self._find(record.spec)
            if run is not None and run.data.tags.get(RECORD) == digest:
                new = {name: text for name, text in tags.items() if name not in run.data.tags}
                self._client.log_batch(run.info.run_id, tags=_entities("RunTag", new))
                return False
            wanted = _metrics(record)
            logged: set[tuple[str, int]] = set()
            if run is not None:
                try:
                    logged = self._logged(run, wanted)
                except _Differs:
                    self._client.delete_run(run.info.run_id)  # into MLflow's trash
                    run = None
            run_id = run.info.run_id if run is not None else self._create(record.spec, record)
            self._log(
                run_id,
                [
                    (step, time, {n: v for n, v in values.items() if (n, step) not in logged})
                    for step, time, values in wanted
                ],
            )
            self._files(run_id, record)
            tags |= {"mlflow.note.content": tracker.notes(record), "cifarkit.version": __version__}
            self._client.log_batch(run_id, tags=_entities("RunTag", tags))
            ended = int(1000 * tracker.started_and_ended(record)[1])
            status = "FINISHED" if record.complete else "FAILED"
            self._client.set_terminated(run_id, status, end_time=ended)
            self._client.set_tag(run_id, RECORD, digest)
        return True

    def _find(self, spec: TrialSpec) -> Any | None:
        where = f"tags.`{TRIAL}` = '{spec.trial_id}'"
        found = self._client.search_runs([self._experiment], where, max_results=1)
        return found[0] if found else None

    def _create(self, spec: TrialSpec, record: TrialRecord | None) -> str:
        started = int(1000 * tracker.started_and_ended(record)[0]) if record else None
        tags = {TRIAL: spec.trial_id, "mlflow.source.name": "cifarkit"}
        run = self._client.create_run(
            self._experiment, start_time=started, tags=tags, run_name=tracker.run_name(spec)
        )
        run_id = str(run.info.run_id)
        values = {name: str(value)[:6000] for name, value in tracker.parameters(spec).items()}
        self._client.log_batch(run_id, params=_entities("Param", values))
        return run_id

    def _history(self, run_id: str, name: str) -> list[Any]:
        return list(self._client.get_metric_history(run_id, name))

    def _logged(
        self, run: Any, wanted: list[tuple[int, float | None, dict[str, float]]]
    ) -> set[tuple[str, int]]:
        """The metrics that a run has, by name and step.

        Raises:
            _Differs: One is not among those wanted, or has another value.
        """
        expected = {(n, step): v for step, _, values in wanted for n, v in values.items()}
        found = set()
        for name in run.data.metrics:
            for metric in self._history(run.info.run_id, name):
                value = expected.get((name, metric.step), math.inf)
                both_nan = math.isnan(value) and math.isnan(metric.value)
                if not both_nan and not math.isclose(value, metric.value, rel_tol=1e-9):
                    raise _Differs
                found.add((name, metric.step))
        return found

    def _log(self, run_id: str, rows: list[tuple[int, float | None, dict[str, float]]]) -> None:
        import time

        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(1000 * (time.time() if moment is None else moment)), step)
            for step, moment, values in rows
            for name, value in values.items()
        ]
        for first in range(0, len(metrics), _AT_ONCE):
            self._client.log_batch(run_id, metrics=metrics[first : first + _AT_ONCE])

    def _files(self, run_id: str, record: TrialRecord) -> None:
        self._client.log_artifact(run_id, str(record.folder / "spec.json"))
        for name in ARTIFACTS:
            path = record.folder / name
            if path.is_file():
                check_sum(record.folder, record.state, name)
                folder = "model" if name == KEPT_WEIGHTS else None
                self._client.log_artifact(run_id, str(path), folder)
        if record.complete:
            with tempfile.TemporaryDirectory() as folder:
                _draw(record, Path(folder))
                self._client.log_artifacts(run_id, folder, "figures")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say what MLflow or its server did in one line."""
        try:
            yield
        except (CifarkitError, UnreadableFile, _Differs):
            raise
        except Exception as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise CifarkitError(f"MLflow at {self._uri}: {first}") from error


class _Differs(Exception):
    """A run holds other metrics than the record."""


def _metrics(record: TrialRecord) -> list[tuple[int, float | None, dict[str, float]]]:
    """Step, seconds since 1970 and values: of each epoch, then of the result."""
    found: list[tuple[int, float | None, dict[str, float]]] = [
        (row["epoch"], ended, tracker.epoch_scalars(row))
        for row, ended in zip(record.history, tracker.epoch_times(record), strict=True)
    ]
    if record.result is not None:
        values = tracker.result_scalars(record.result)
        found.append((record.result.epochs_run, tracker.started_and_ended(record)[1], values))
    return found


def _entities(kind: str, values: Mapping[str, str]) -> list[Any]:
    from mlflow import entities

    return [getattr(entities, kind)(name, value) for name, value in values.items()]


def _draw(record: TrialRecord, folder: Path) -> None:
    """The figures of the trial's evaluation that need no images."""
    from cifarkit.reporting.evaluation_scores import of_trial
    from cifarkit.reporting.figures import evaluation_figures
    from cifarkit.reporting.output import write_figures

    scores = of_trial(record)
    figures = [evaluation_figures.matrix(scores)]
    if scores.calibration is not None:
        figures.append(evaluation_figures.reliability(scores))
    write_figures(figures, folder)
