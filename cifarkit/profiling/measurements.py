"""Records of a trial's measurements, with the unit in every name. MB is 2**20 bytes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

# Larger numbers cannot be measurements, and could not be printed.
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Measured(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Parameters(_Measured):
    """Counts of weights, each weight once.

    Attributes:
        total: All weights, BatchNormalization's moving statistics included.
        trainable: Those that the optimizer changes.
        non_trainable: The rest; `total == trainable + non_trainable`.
        backbone_layers: Layers of the backbone, as the published study counted them.
        frozen_layers: How many of those, from the input on, are frozen.
    """

    total: Count
    trainable: Count
    non_trainable: Count
    backbone_layers: Count
    frozen_layers: Count


class Memory(_Measured):
    """Estimated and measured memory; the three kinds are always labelled as such.

    Attributes:
        estimated_mb: The published study's estimate (`memory.published_estimate_mb`).
        estimated_with_input_mb: The same with one layer in front of the backbone, of the size of
            its input, as in the study's Tables 3 and 5.
        peak_rss_mb: The highest resident memory of the trial's process.
        baseline_rss_mb: Resident memory after the imports, before data and model.
        device_peak_mb: The highest memory of the accelerator; None without one.
    """

    estimated_mb: float
    estimated_with_input_mb: float
    peak_rss_mb: float
    baseline_rss_mb: float
    device_peak_mb: float | None = None


class Time(_Measured):
    """Wall-clock times of a trial.

    Of a trial that was interrupted, `first_step_seconds` is the first attempt's, the rates are over
    the epochs of all of them, `fit_seconds` and `trial_seconds` sum over the attempts (what was
    lost after a checkpoint is in neither), and the others are the last attempt's.

    Attributes:
        import_seconds: Importing TensorFlow and Keras.
        data_seconds: Reading, selecting and splitting the data.
        build_seconds: Building the model and loading weights.
        first_step_seconds: The first training step: tracing, graph optimization, running it.
        images_per_second: Training images per second after the first step, median over epochs.
            Where the frozen layers ran once per image, of what is left to do in every epoch.
        epoch_seconds: Median time of an epoch's training part after the first step.
        fit_seconds: The whole fit: every epoch, validation, the first step and
            `frozen_prefix_seconds` included.
        fit_seconds_uncached: `fit_seconds`, had this trial computed what the frozen layers gave
            where it read it from the cache: the time that compares. None in records of the first
            versions.
        frozen_prefix_seconds: Running the frozen layers once per image, or reading back from the
            cache what they gave an earlier trial; 0 where they ran in every epoch.
        evaluate_seconds: Predicting the test images.
        input_wait_share: The share, 0..1, of the training steps' time spent waiting for a batch.
        trial_seconds: From the start of the trial's process to its result.
    """

    import_seconds: float
    data_seconds: float
    build_seconds: float
    first_step_seconds: float
    images_per_second: float
    epoch_seconds: float
    fit_seconds: float
    fit_seconds_uncached: float | None = None
    frozen_prefix_seconds: float = 0.0
    evaluate_seconds: float
    input_wait_share: float
    trial_seconds: float

    @property
    def comparable_fit_seconds(self) -> float:
        """`fit_seconds_uncached`, if known, else `fit_seconds`."""
        known = self.fit_seconds_uncached
        return self.fit_seconds if known is None else known

    @property
    def may_not_compare(self) -> bool:
        """Whether the frozen layers' outputs may have been read from the cache: not recorded."""
        return self.fit_seconds_uncached is None and self.frozen_prefix_seconds > 0


class Environment(_Measured):
    """The environment of a trial.

    Attributes:
        gpu: The name of the GPU; None on a CPU.
        gpu_uuid, gpu_driver, gpu_memory_mb: Of the GPU; None if it was not chosen by `--devices`.
        onednn: Whether oneDNN's kernels were asked for; None if that was left to TensorFlow.
        threads: How many threads shared an operation, which decides how its sums are rounded; None
            in records of the first versions.
    """

    cpu: str
    cpu_cores: Count
    memory_gb: float
    gpu: str | None
    platform: str
    python: str
    tensorflow: str
    keras: str
    cifarkit: str
    commit: str | None
    precision: str
    xla: bool
    onednn: bool | None = None
    threads: Count | None = None
    gpu_uuid: str | None = None
    gpu_driver: str | None = None
    gpu_memory_mb: Count | None = None


class InferenceTime(_Measured):
    """One network in one runtime at one batch size, in a process of its own.

    Attributes:
        runtime: `keras`, `savedmodel`, `onnx` or `litert`.
        batch_size: Images per call.
        p50_ms, p95_ms, p99_ms: Quantiles of a call's latency: uint8 images of the size of the
            trial's data in memory to probabilities in memory.
        images_per_second: Over all calls.
        calls: How many were measured, after those to warm up.
        load_seconds: From the start of loading to the first answer.
        peak_rss_mb: The highest resident memory of the process, 2**20 bytes.
        size_bytes: Of the trial's weights, or of the exported file.
        cpu, cpu_cores, gpu: The hardware; usable cores. `gpu` is that which TensorFlow had.
        load_average: Of the machine in the minute before, runnable processes.
        versions: Of the packages that ran it.
    """

    runtime: str
    batch_size: Count
    p50_ms: float
    p95_ms: float
    p99_ms: float
    images_per_second: float
    calls: Count
    load_seconds: float
    peak_rss_mb: float
    size_bytes: Count
    cpu: str
    cpu_cores: Count
    gpu: str | None = None
    load_average: float
    versions: dict[str, str]
    measured_at: AwareDatetime

    @property
    def hardware(self) -> str:
        return self.gpu or f"{self.cpu}, {self.cpu_cores} cores"

    @property
    def disturbed(self) -> bool:
        """Whether other programs kept more than half of the cores busy."""
        return self.load_average > self.cpu_cores / 2
