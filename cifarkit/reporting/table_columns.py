"""Columns of measurements: how each is read from a result and formatted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from cifarkit.reporting import formatting
from cifarkit.reporting.arm_results import ArmResult
from cifarkit.reporting.table import Cell, text_cell
from cifarkit.store.records import Result

TOP_FROM_CLASSES = 11
"""With fewer classes, top-5 accuracy says little: guessing reaches a half."""


@dataclass(frozen=True)
class Measure:
    """One measured quantity.

    Attributes:
        heading: The column's heading, with the unit.
        read: The raw value of one result; None where it was not measured.
        text: Formats the values of an arm's trials.
        published: The key of the same quantity in the published tables, if any.
        of_machine: Whether it depends on the hardware, so that it is never averaged over several.
    """

    heading: str
    read: Callable[[Result], float | None]
    text: Callable[[list[float]], str]
    published: str = ""
    of_machine: bool = False

    def cell(self, outcome: ArmResult) -> Cell:
        """The mean over the arm's complete trials; of a time, one for each hardware, lettered.

        The letters are those of `outcome.letters`.
        """
        values = outcome.values(self.read)
        if not values:
            return Cell()
        if not self.of_machine or len(outcome.hardware) < 2:
            return Cell(fmean(values), self.text(values))
        texts = []
        for name in outcome.hardware:
            if found := outcome.values(self.read, on=name):
                texts.append(f"{self.text(found)} ({outcome.letters.get(name, name)})")
        return text_cell("; ".join(texts))


def mean(text: Callable[[float], str]) -> Callable[[list[float]], str]:
    """Prints the mean by `text`."""
    return lambda values: text(fmean(values))


def spread(decimals: int) -> Callable[[list[float]], str]:
    """Prints mean ± standard deviation."""
    return lambda values: formatting.mean_and_spread(values, decimals)


MEMORY = Measure(
    "Memory usage (MB)", lambda r: r.memory.estimated_mb, mean(formatting.megabytes), "memory_mb"
)
MEMORY_WITH_INPUT = Measure(
    "Memory usage (MB)",
    lambda r: r.memory.estimated_with_input_mb,
    mean(formatting.megabytes),
    "memory_mb",
)
PARAMETERS = Measure(
    "Total Parameters", lambda r: r.parameters.total, mean(formatting.count), "total_params"
)
TRAINABLE = Measure(
    "trainable parameters",
    lambda r: r.parameters.trainable,
    mean(formatting.count),
    "trainable_params",
)
NOT_TRAINABLE = Measure(
    "Not trainable", lambda r: r.parameters.non_trainable, mean(formatting.count)
)
TRAINED_SHARE = Measure(
    "Trained share", lambda r: r.parameters.trainable / r.parameters.total, mean(formatting.share)
)
EPOCHS = Measure("epochs", lambda r: r.epochs_run, mean(formatting.count), "epochs")
TIME = Measure(
    "Time (sec)",
    lambda r: r.time.comparable_fit_seconds,
    mean(formatting.seconds),
    "time_s",
    of_machine=True,
)


def accuracy(decimals: int) -> Measure:
    return Measure("Accuracy", lambda r: r.accuracy.test, spread(decimals), "accuracy")


_of_machine = partial(Measure, of_machine=True)


def of_cost() -> list[Measure]:
    """Measured training cost."""
    decimals, seconds = mean(_two_decimals), mean(formatting.seconds)
    return [
        _of_machine("Peak memory (GB)", lambda r: r.memory.peak_rss_mb / 1024, decimals),
        _of_machine("Device peak (GB)", _device_peak, decimals),
        _of_machine("Images/s", lambda r: r.time.images_per_second, mean(formatting.significant)),
        _of_machine("Epoch (s)", lambda r: r.time.epoch_seconds, seconds),
        _of_machine("First step (s)", lambda r: r.time.first_step_seconds, seconds),
        _of_machine("Input wait", lambda r: r.time.input_wait_share, mean(formatting.share)),
        EPOCHS,
        Measure("Best epoch", lambda r: r.best_epoch, mean(formatting.count)),
        Measure("GFLOPs/image", lambda r: r.flops_per_image / 1e9, mean(formatting.significant)),
    ]


def of_scores(decimals: int) -> list[Measure]:
    """Accuracy on every split."""
    text = spread(decimals)
    return [
        Measure("Training", lambda r: r.accuracy.train_kept, text),
        Measure("Validation", lambda r: r.accuracy.validation, text),
        Measure("Test", lambda r: r.accuracy.test, text),
        Measure("Test, top 5", _top5, text),
    ]


def _top5(result: Result) -> float | None:
    few = len(result.class_names) < TOP_FROM_CLASSES
    return None if few else result.accuracy.test_top5


def _device_peak(result: Result) -> float | None:
    peak = result.memory.device_peak_mb
    return None if peak is None else peak / 1024


def _two_decimals(value: float) -> str:
    return f"{value:,.2f}"
