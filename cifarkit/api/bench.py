"""Measures how fast trained networks predict."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cifarkit.api.existing_store import existing_store
from cifarkit.api.export import Format, export
from cifarkit.api.load_model import origin
from cifarkit.console import busy, say
from cifarkit.errors import CifarkitError, InvalidInput, unknown
from cifarkit.execution.launchers import create as create_launcher
from cifarkit.execution.launchers import log_tail
from cifarkit.profiling.measurements import InferenceTime
from cifarkit.store import inference
from cifarkit.store.file_io import read_model
from cifarkit.store.records import Status

if TYPE_CHECKING:
    import pandas as pd

    from cifarkit.store.records import TrialRecord

ALL, BEST = "all", "best"
MEASURED_SECONDS = 2.0
_VERIFIED_IMAGES = 50
"""Test images on which an exported model is compared with its trial before it is measured."""


@dataclass(frozen=True)
class BenchRow:
    """A network and one measurement of it."""

    network: str
    trial_id: str
    measured: InferenceTime


@dataclass(frozen=True, eq=False)
class InferenceBenchmark:
    """Measured inference times.

    Attributes:
        rows: By network, runtime and batch size, in the order they were asked for.
        left_out: Why others were not measured, by what they are.
    """

    rows: tuple[BenchRow, ...]
    left_out: dict[str, str]

    def to_dataframe(self) -> pd.DataFrame:
        """A row per measurement; the columns of `InferenceTime`."""
        import pandas as pd

        return pd.DataFrame(
            {"network": one.network, "trial_id": one.trial_id} | one.measured.model_dump()
            for one in self.rows
        )


def bench(
    models: str | os.PathLike[str] | Sequence[str] = BEST,
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | None = None,
    batch: int | Sequence[int] = (1, 32),
    runtime: str | Sequence[str] | None = None,
) -> InferenceBenchmark:
    """Measure latency, images per second, memory and size of trained networks at inference.

    Each network, runtime and batch size has a fresh process; calls to warm up are not counted. A
    call begins and ends in memory: images of the size of the trial's data as uint8, probabilities.
    Results are kept with the trial in the store, for the report.

    Args:
        models: As in `load_model`; several; or `"all"`, a trial of each setting of `study`.
        store: The folder of results.
        study: For `"all"`.
        batch: Images per call, or several such numbers.
        runtime: `keras`, `savedmodel`, `onnx` or `litert`, or several. A trial is exported to a
            temporary folder for all but `keras`, the default; an exported model has its own only.

    Raises:
        InvalidInput: An argument cannot be used, or as `load_model`.
        CifarkitError: Nothing could be measured.
    """
    batches = [batch] if isinstance(batch, int) else list(dict.fromkeys(batch))
    for size in batches:
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 65_536:
            raise InvalidInput(f"--batch: give whole numbers from 1 to 65536, got {size!r}")
    runtimes = [runtime] if isinstance(runtime, str) else list(runtime or ())
    for name in runtimes:
        if name not in get_args(Format):
            raise unknown("--runtime", str(name), get_args(Format))
    if not batches:
        raise InvalidInput("--batch: give one number or more")
    texts = [os.fspath(models)] if isinstance(models, str | os.PathLike) else list(models)
    rows: list[BenchRow] = []
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for target in _targets(texts, Path(store), study, runtimes):
            name = f"{target.network}, trial {target.trial_id}, {target.runtime}"
            try:
                with busy(f"Measuring {name} ..."):
                    found = [target.measure(size, Path(folder)) for size in batches]
            except CifarkitError as error:
                left_out[name] = str(error)
                say(f"left out: {name}: {error}", "yellow")
                continue
            rows += [BenchRow(target.network, target.trial_id, one) for one in found]
            if target.kept_in is None:
                say(f"{name}: not kept, since {store} has no such trial", "yellow")
            else:
                inference.add(target.kept_in, found)
    if not rows:
        raise CifarkitError("nothing was measured")
    worst = max((one.measured for one in rows), key=lambda one: one.load_average)
    if worst.disturbed:
        say(
            f"Other programs were running (load average {worst.load_average:.1f} on "
            f"{worst.cpu_cores} cores): these times are too long.",
            "yellow",
        )
    return InferenceBenchmark(tuple(rows), left_out)


@dataclass(frozen=True)
class _Target:
    """What is measured in one runtime.

    Attributes:
        record: The trial, or None of an exported model.
        path: The exported model's folder.
        kept_in: The trial's folder in the store; None if it has no such trial.
    """

    network: str
    trial_id: str
    runtime: str
    record: TrialRecord | None
    path: Path | None
    kept_in: Path | None

    def measure(self, batch_size: int, folder: Path) -> InferenceTime:
        """Run the measurement in a process.

        Raises:
            CifarkitError: It failed, or the trial cannot be exported.
        """
        from cifarkit.deploy.inference_time import MEASURED, WORK, load_average

        before = load_average()
        options: dict[str, Any] = {
            "export": None,
            "trial": None,
            "batch_size": batch_size,
            "seconds": MEASURED_SECONDS,
            "load_average": before,
        }
        if self.path is not None:
            options["export"] = str(self.path.absolute())
        elif self.record is not None and self.runtime == "keras":
            options["trial"] = str(self.record.folder.absolute())
        elif self.record is not None:
            exported = folder / f"{self.trial_id}-{self.runtime}"
            if not exported.exists():
                export(
                    self.trial_id,
                    self.record.folder.parents[1],
                    format=self.runtime,  # type: ignore[arg-type]  # checked
                    output=exported,
                    images=_VERIFIED_IMAGES,
                )
            options["export"] = str(exported)
        process = Path(tempfile.mkdtemp(dir=folder))
        launcher = create_launcher("process", {})
        try:
            ended = launcher.run(WORK, process, options=options, on_event=lambda event: None)
        except BaseException:
            launcher.stop()
            raise
        if ended.status is not Status.COMPLETE:
            raise CifarkitError(ended.reason or log_tail(process) or "its process ended")
        return read_model(process / MEASURED, InferenceTime)


def _targets(
    texts: Sequence[str], store: Path, study: str | None, runtimes: Sequence[str]
) -> list[_Target]:
    from cifarkit.deploy.export_record import read_record
    from cifarkit.deploy.trial_model import check_kept
    from cifarkit.store.setting_words import model_name
    from cifarkit.store.store import Store

    if (study is not None) != (texts == [ALL]):
        raise InvalidInput("'all' measures a trial of each setting of a study: all --study NAME")
    found: list[_Target] = []
    records: list[TrialRecord] = []
    for text in texts:
        if text == ALL and study is not None:
            records += _one_per_arm(store, study)
        elif not isinstance(one := origin(text, store), Path):
            records.append(one)
        else:
            folder, exported = read_record(one)
            if runtimes and list(runtimes) != [exported.format]:
                raise InvalidInput(
                    f"--runtime: {text} runs in {exported.format} only, got {', '.join(runtimes)}"
                )
            trial = exported.trial_id
            own = Store(store).folder(trial)
            kept = own if (own / "result.json").is_file() else None
            found.append(_Target(exported.network, trial, exported.format, None, folder, kept))
    for record in records:
        check_kept(record)
        network = model_name(record.spec.model.model)
        for name in dict.fromkeys(runtimes or ["keras"]):
            found.append(_Target(network, record.trial_id, name, record, None, record.folder))
    return found


def _one_per_arm(store: Path, study: str) -> list[TrialRecord]:
    """The first trial of each arm that is complete and kept its weights; others are named."""
    from cifarkit.reporting import trial_lookup
    from cifarkit.store.store import KEPT_WEIGHTS
    from cifarkit.store.trials import gather

    stored = existing_store(store)
    named = trial_lookup.study_named(stored, study)
    trials = gather(stored, [named])
    found = []
    for arm in named.arms:
        kept = [
            trials[trial]
            for trial in arm.trials
            if trial in trials
            and trials[trial].complete
            and (trials[trial].folder / KEPT_WEIGHTS).is_file()
        ]
        if kept:
            found.append(kept[0])
        else:
            say(f"left out: {arm.label}: no complete trial kept its weights", "yellow")
    return found
