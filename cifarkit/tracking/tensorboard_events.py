"""TensorBoard: an event file per trial, with scalars by epoch, results and HParams.

The files are written with TensorBoard's own protocol buffers and record format, without TensorFlow.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from cifarkit.atomic_write import write_atomically
from cifarkit.errors import CifarkitError
from cifarkit.execution.events import EpochEnded
from cifarkit.specs import TrialSpec
from cifarkit.store.records import TrialRecord
from cifarkit.tracking import tracker

FOLDER = "tensorboard"
_FILE = "events.out.tfevents.0.cifarkit"  # TensorBoard takes names with "tfevents"


class TensorBoardEvents:
    """Writes `FOLDER/<network>-<trial id>/events.out.tfevents.0.cifarkit`.

    Args:
        at: The folder; `TENSORBOARD_LOGDIR` or `tensorboard` in the current folder if None.

    Raises:
        InvalidInput: TensorBoard is not installed.
    """

    def __init__(self, at: str | None = None) -> None:
        try:
            import tensorboard.summary.writer.record_writer  # noqa: F401
        except ImportError:
            raise tracker.missing_package("tensorboard") from None
        self.folder = Path(at or os.environ.get("TENSORBOARD_LOGDIR") or FOLDER)
        self._live: dict[str, list[int]] = {}

    def path(self, spec: TrialSpec) -> Path:
        return self.folder / tracker.run_name(spec) / _FILE

    def start(self, spec: TrialSpec) -> None:
        now = time.time()
        path = self.path(spec)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _records(_opening(spec, now)))
        except OSError as error:
            raise self._unwritable(error) from None
        self._live[spec.trial_id] = []

    def epoch(self, spec: TrialSpec, epoch: EpochEnded) -> None:
        if spec.trial_id in self._live:
            self._append(spec, [_scalars(tracker.epoch_scalars(epoch), epoch.epoch, time.time())])
            self._live[spec.trial_id].append(epoch.epoch)

    def push(self, record: TrialRecord, studies: Mapping[str, str]) -> bool:
        """See `Tracker.push`; event files do not say which studies list a trial."""
        path, digest = self.path(record.spec), tracker.record_digest(record)
        live = self._live.pop(record.trial_id, None)
        try:
            if path.is_file() and digest.encode() in path.read_bytes():
                return False
            if live and live == [row["epoch"] for row in record.history]:
                # A TensorBoard that shows the trial reads on in the file that it has open.
                self._append(record.spec, _closing(record, digest))
                return True
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _records(_events(record, digest)))
        except OSError as error:
            raise self._unwritable(error) from None
        return True

    def _append(self, spec: TrialSpec, events: Any) -> None:
        try:
            with self.path(spec).open("ab") as stream:
                stream.write(_records(events))
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> CifarkitError:
        return CifarkitError(f"--at: {self.folder} cannot be written: {error.strerror}")


def _records(events: Iterator[Any] | list[Any]) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = BytesIO()
    writer = RecordWriter(content)
    for event in events:
        writer.write(event.SerializeToString())
    return content.getvalue()


def _events(record: TrialRecord, digest: str) -> Iterator[Any]:
    yield from _opening(record.spec, tracker.started_and_ended(record)[0])
    for row, ended in zip(record.history, tracker.epoch_times(record), strict=True):
        yield _scalars(tracker.epoch_scalars(row), row["epoch"], ended)
    yield from _closing(record, digest)


def _opening(spec: TrialSpec, started: float) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    yield Event(wall_time=started, file_version="brain.Event:2")
    hparams = hparams_pb(tracker.parameters(spec), spec.trial_id, started)
    yield Event(wall_time=started, summary=hparams)


def _closing(record: TrialRecord, digest: str) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams import api_pb2

    _, ended = tracker.started_and_ended(record)
    if record.result is not None:
        scalars = tracker.result_scalars(record.result)
        yield _scalars(scalars, record.result.epochs_run, ended)
    status = api_pb2.STATUS_SUCCESS if record.complete else api_pb2.STATUS_FAILURE
    yield Event(wall_time=ended, summary=_session_end(status, ended))
    for tag, text in (("notes", tracker.notes(record)), ("cifarkit_record", digest)):
        if text:
            yield Event(wall_time=ended, summary=_text(tag, text))


def _session_end(status: int, ended: float) -> Any:
    # `hparams.summary.session_end_pb` is the same, and imports TensorFlow.
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    data = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=ended))
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _scalars(values: Mapping[str, float], step: int, wall_time: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(wall_time=wall_time, step=step, summary=Summary(value=found))


def _text(tag: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    return Summary(value=[Summary.Value(tag=tag, metadata=plugin, tensor=tensor)])
