"""Measured inference times of a trial's network: `inference.json` in the trial's folder."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from cifarkit.profiling.measurements import InferenceTime
from cifarkit.store.fields import SCHEMA_VERSION, StoredRecord, Version
from cifarkit.store.file_io import UnreadableFile, may_exist, read_model, write_model

FILE = "inference.json"


class InferenceTimes(StoredRecord):
    """`inference.json`: at most one measurement per runtime, batch size and hardware."""

    schema_version: Version = SCHEMA_VERSION
    measured: tuple[InferenceTime, ...] = ()


def read(folder: Path) -> tuple[InferenceTime, ...]:
    """The measurements of a trial; none, with a warning, if the file cannot be read."""
    path = folder / FILE
    if not may_exist(path):
        return ()
    try:
        return read_model(path, InferenceTimes).measured
    except UnreadableFile as error:
        logging.getLogger("cifarkit").warning("cifarkit: left out: %s", error)
        return ()


def add(folder: Path, measured: Iterable[InferenceTime]) -> None:
    """Note measurements; each replaces an earlier one of its runtime, batch size and hardware."""
    found = {(one.runtime, one.batch_size, one.hardware): one for one in read(folder)}
    found |= {(one.runtime, one.batch_size, one.hardware): one for one in measured}
    write_model(folder / FILE, InferenceTimes(measured=tuple(found.values())))
