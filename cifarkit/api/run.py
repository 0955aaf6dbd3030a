"""Runs a study: checks it, downloads what it needs, runs missing trials, returns the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cifarkit import locking
from cifarkit.api import keeping
from cifarkit.api.adding_seeds import next_look
from cifarkit.api.data_notes import check_data
from cifarkit.api.keeping import Keep, Keeper
from cifarkit.api.planned_study import PlannedStudy
from cifarkit.api.progress import progress
from cifarkit.api.results import Results
from cifarkit.api.screening_step import screening_step
from cifarkit.console import say
from cifarkit.datasets import registry as dataset_registry
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.execution import callbacks as callback_module
from cifarkit.execution import devices as device_module
from cifarkit.execution.callbacks import Callback, Callbacks
from cifarkit.execution.events import TrialEvent
from cifarkit.execution.launchers import Launcher
from cifarkit.execution.resource_monitor import Limits
from cifarkit.execution.runner import run as run_trials
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import check_sum
from cifarkit.store.kept_weights import Precision
from cifarkit.store.records import Status
from cifarkit.store.store import KEPT_WEIGHTS, Store
from cifarkit.store.studies import checked_name, find, register, set_choice, trials_of
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import Trials, gather
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.pipeline import walk
from cifarkit.studies.provenance_changes import other_packages
from cifarkit.studies.study import Study
from cifarkit.text import counted, listed

WORK = dict(keeping.WORK)

Listener = Callable[[TrialEvent], None]
"""Called with every event of a run, from one thread at a time."""
StudyDone = Callable[[StudyRecord, Trials], None]


@dataclass(frozen=True)
class _Options:
    """See the arguments of `run`. None of them changes a result."""

    store: Store
    inputs: Inputs
    jobs: int
    limits: Limits
    oom_backoff: bool
    keep_weights: Keep
    keeper: Keeper
    strict: bool
    name: str | None
    callbacks: Callbacks
    listeners: Sequence[Listener]
    launcher: Launcher
    command: str
    on_study_done: StudyDone

    @property
    def files(self) -> tuple[str, ...]:
        """What a complete trial has besides its result."""
        return (KEPT_WEIGHTS,) if self.keep_weights == "all" else ()


def run(
    study: PlannedStudy,
    store: str | os.PathLike[str] = "runs",
    *,
    name: str | None = None,
    jobs: int | Literal["auto"] = 1,
    devices: str = "auto",
    jobs_per_device: int = 1,
    timeout: float | None = None,
    silence_timeout: float | None = None,
    memory_limit: float | None = None,
    oom_backoff: bool = False,
    keep_weights: Keep = "final",
    keep_precision: Precision = "float32",
    strict: bool = False,
    callbacks: Sequence[Callback | Listener | str] = (),
    launcher: Launcher | str | None = None,
    launcher_options: Mapping[str, str] | None = None,
    command: str | None = None,
    on_study_done: StudyDone = lambda study, trials: None,
) -> Results:
    """Run the trials of a study that the store does not have, each in a fresh process.

    Progress is shown on standard error or in the notebook's cell. A failed trial stops no other;
    `Results.failed` has the reason. The same call resumes an interrupted one.

    Args:
        study: From `zoo`, `resize_study`, `finetune`, `sweep` or `study`.
        store: The folder of results; created if missing.
        name: The study's name in the store; made of what it varies and a digest if None.
        jobs: Number of trials run in parallel; `auto` for as many as there are places: one for each
            GPU, or what the launcher has.
        devices: Each trial runs on a GPU of its own: `auto` (the GPUs, or else the CPU), `cpu`,
            `all` GPUs, or numbers as `nvidia-smi` has them or UUIDs, separated by commas.
        jobs_per_device: How many trials may share a GPU.
        timeout: Limit on each trial, in seconds.
        silence_timeout: End a trial that reports nothing for this many seconds.
        memory_limit: Limit on the resident memory of each trial, in MB.
        oom_backoff: Retry a trial that runs out of memory with smaller micro-batches.
        keep_weights: Whose trained weights stay in the trial's folder: of the `final` model (the
            best trial of what the last step chose, by validation accuracy), the `best` of each
            step, `all`, or `none`. `ck.train` trains a trial again and keeps them.
        keep_precision: Of the kept weights; `float16` takes half of the space.
        strict: Refuse images that cannot be decoded; otherwise up to 1% of them are left out.
        callbacks: `Callback` objects, functions that are called with each event, or names of
            installed callbacks; called from one thread at a time.
        launcher: A launcher or its name; each trial runs in a process of its own if None.
        launcher_options: The named launcher's own, such as the `address` of a Ray cluster.
        command: The command that the report names; the Python call if None.
        on_study_done: Called after each study or step with its record and trials.

    Raises:
        InvalidInput: An argument cannot be used, the name is another study's, or weights to start
            from are missing. Nothing was run.
        CifarkitError: The store cannot be written, or a step has nothing to choose from.
        KeyboardInterrupt: Raised, like any exception, after the running trials were ended.
            Finished trials are kept.
    """
    _check_arguments(
        jobs, devices, jobs_per_device, timeout, silence_timeout, memory_limit, keep_weights
    )
    if keep_precision not in get_args(Precision):
        raise InvalidInput(f"keep_precision: give 'float32' or 'float16', got {keep_precision!r}")
    if launcher is None or isinstance(launcher, str):
        launcher, jobs = device_module.place(
            launcher or "process",
            _threads,
            devices=devices,
            jobs=jobs,
            jobs_per_device=jobs_per_device,
            options=launcher_options or {},
        )
        if jobs < (places := device_module.slots_of(launcher, "auto")):
            say(f"{jobs} of {places} places are used; --jobs auto uses all.")
    else:
        if devices != "auto":
            raise InvalidInput(f"devices: {devices!r} is not passed on to a launcher that is made")
        jobs = device_module.slots_of(launcher, jobs)
    made = [callback_module.create(one) if isinstance(one, str) else one for one in callbacks]
    options = _Options(
        Store(Path(store)),
        study.inputs,
        jobs,
        Limits(timeout, silence_timeout, memory_limit),
        oom_backoff,
        keep_weights,
        Keeper(Store(Path(store)), keep_weights, keep_precision),
        strict,
        None if name is None else checked_name(name, "--name"),
        Callbacks((one for one in made if isinstance(one, Callback)), Path(store)),
        [one for one in made if not isinstance(one, Callback)],
        launcher,
        study.call if command is None else command,
        on_study_done,
    )
    if isinstance(study.source, Study):
        record, trials, statuses = _run_study(study.source, options)
        options.keeper.study_done(record, trials)
        options.keeper.all_done()
        return Results(options.store, (record,), trials, statuses)
    return _run_steps(study, options)


def _run_steps(planned: PlannedStudy, options: _Options) -> Results:
    file = planned.source
    assert not isinstance(file, Study)
    if options.name is not None:
        file = file.model_copy(update={"name": options.name})
    records: dict[int, StudyRecord] = {}
    trials, statuses = Trials(), dict[str, Status]()
    left_out: dict[str, str] = {}

    def run_step(study: Study) -> tuple[StudyRecord, Trials]:
        say(f"\nStep {study.step} of {len(file.step)}: {study.title}", "bold")
        record, found, ended = _run_study(study, options)
        statuses.update(ended)
        records[study.step] = record
        trials.update(found)
        trials.unreadable.update(found.unreadable)
        return record, found

    walked = walk(
        file,
        overrides=planned.overrides,
        inputs=planned.inputs,
        run_step=run_step,
        run_screen=screening_step(
            file, options.store.root, strict=options.strict, command=options.command
        ),
    )
    for taken in walked:
        if taken.skipped:
            left_out[taken.step.title] = taken.skipped
            say(f"{taken.step.title}: left out: {taken.skipped}")
        if taken.choice is not None and taken.study is not None:
            record = records[taken.study.step]
            set_choice(options.store, record.name, taken.choice)
            record = record.model_copy(update={"choice": taken.choice})
            records[taken.study.step] = record
            say(f"Chosen: {record.choice_in_words}", "green")
        if taken.study is not None:
            options.keeper.study_done(records[taken.study.step], trials)
    options.keeper.all_done()
    return Results(options.store, tuple(records.values()), trials, statuses, left_out)


def _run_study(study: Study, options: _Options) -> tuple[StudyRecord, Trials, dict[str, Status]]:
    """Run what is not done of a study.

    Returns:
        The study as the store has it, which may list more seeds, its trials, and the statuses of
        those of this run.
    """
    store = options.store
    specs = list(study.specs())
    by_id = {spec.trial_id: spec for spec in specs}
    find(store, study.record(""), options.name, by_id)  # refused before anything is fetched
    todo = [spec for spec in specs if not store.is_complete(spec.trial_id, options.files)]
    check_data(todo, store, options.inputs, strict=options.strict)
    _check_donors(todo, store)
    _fetch(todo)
    labels = {spec.trial_id: arm.label for arm in study.arms for spec in arm.specs}
    if study.rates:
        say(study.rates)
    for sentence in other_packages(specs, store):
        say(sentence, "yellow")
    try:
        part = study.first_look
        record = register(store, part.record(options.command), options.name, by_id)
        if why := locking.trouble(store.root):
            say(
                f"{why}. Lease files keep processes apart instead: a trial whose process was "
                f"killed is taken up a minute later, not at once. Use {store.root} only from "
                f"machines that mount it in the same way.",
                "yellow",
            )
        if more := len(set(trials_of(record)) - set(by_id)):
            say(
                f"{record.name} lists {counted(more, 'trial')} of earlier runs with more seeds, "
                "which stay in it."
            )
        with options.callbacks.study(study.title, part.specs()):
            statuses = _train(list(part.specs()), study.title, labels, options)
            trials = gather(store, [record])
            while (grown := next_look(study, part, record, trials)) is not None:
                part = grown
                record = register(store, part.record(options.command), options.name, by_id)
                todo = [spec for spec in part.specs() if spec.trial_id not in statuses]
                statuses |= _train(todo, study.title, labels, options)
                trials = gather(store, [record])
    except OSError as error:
        raise CifarkitError(f"cannot write to {store.root}: {error}") from None
    options.on_study_done(record, trials)
    return record, trials, statuses


def _train(
    specs: Sequence[TrialSpec], title: str, labels: Mapping[str, str], options: _Options
) -> dict[str, Status]:
    with progress(title, labels) as show:

        def tell(event: TrialEvent) -> None:
            show(event)
            options.callbacks(event)
            for listener in options.listeners:
                listener(event)

        return run_trials(
            specs,
            options.store,
            options.launcher,
            work=WORK[options.keep_weights],
            files=options.files,
            jobs=options.jobs,
            limits=options.limits,
            oom_backoff=options.oom_backoff,
            on_event=tell,
        )


def _check_arguments(
    jobs: int | str,
    devices: str,
    jobs_per_device: int,
    timeout: float | None,
    silence_timeout: float | None,
    memory_limit: float | None,
    keep_weights: str,
) -> None:
    if not _is_count(jobs) and jobs != "auto":
        raise InvalidInput(f"jobs: give a whole number of 1 or more, or 'auto', got {jobs!r}")
    if not isinstance(devices, str) or not devices.strip():
        raise InvalidInput(f"devices: give auto, cpu, all, or numbers such as 0,2, got {devices!r}")
    if not _is_count(jobs_per_device):
        raise InvalidInput(
            f"jobs_per_device: give a whole number of 1 or more, got {jobs_per_device!r}"
        )
    limits: Mapping[str, float | None] = {
        "timeout": timeout,
        "silence_timeout": silence_timeout,
        "memory_limit": memory_limit,
    }
    for option, value in limits.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise InvalidInput(f"{option}: give a number above 0, got {value!r}")
    if keep_weights not in WORK:
        raise InvalidInput(f"keep_weights: give {listed(WORK, 'or')}, got {keep_weights!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_donors(specs: Sequence[TrialSpec], store: Store) -> None:
    """Refuse `--weights trial:ID` of a trial that is not there, kept no weights, or differs."""
    for spec in specs:
        if spec.model.weights.startswith("trial:"):
            donor = store.read(spec.model.weights.removeprefix("trial:"))
            if not store.is_complete(donor.trial_id, (KEPT_WEIGHTS,)):
                raise InvalidInput(
                    f"--weights: trial {donor.trial_id} has no weights; "
                    + (
                        f"`cifarkit train {donor.trial_id}` trains it again and keeps them"
                        if donor.complete
                        else "run it to its end with --keep-weights all"
                    )
                )
            check_sum(donor.folder, donor.state, KEPT_WEIGHTS)
            if donor.spec.model.model != spec.model.model:
                raise InvalidInput(
                    f"--weights: trial {donor.trial_id} is of {donor.spec.model.model}, which "
                    f"has no weights for {spec.model.model}"
                )


def _fetch(specs: Sequence[TrialSpec]) -> None:
    """Download data and weights before the first trial starts."""
    from cifarkit.training import pretrained_weights

    for dataset, location in {(spec.data.dataset, spec.data.location) for spec in specs}:
        if dataset_registry.missing(dataset, location) is not None:
            say(f"Preparing the {dataset} data ...")
            dataset_registry.fetch(dataset, location)
    pretrained_weights.fetch((spec.model for spec in specs), say)


def _threads(jobs: int) -> dict[str, str]:
    """Share the cores among parallel jobs where that changes no result.

    Threads within an operation are left alone: their number decides how sums are rounded.
    """
    if jobs == 1:
        return {}
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    return {"OMP_NUM_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}
