"""Streams training batches from arrays of images.

The order follows from (seed, epoch) alone, as does what augmentation does to the images
(`datasets.views`), so that a run is reproducible and can resume from any epoch.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Batch = tuple[Any, np.ndarray]
_END = object()


class Batches:
    """The batches of one epoch, prefetched by a background thread.

    Args:
        images: (n, h, w, 3), or several arrays of n corresponding rows. They may be on disk or
            computed (`datasets.views.View`): only the rows of a batch are read.
        labels: (n,) int32, or `SoftLabels`.
        batch_size: The last batch holds the remainder.
        seed, epoch: Determine the order.

    Attributes:
        wait_seconds: How long the consumer has waited for batches so far.
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
    ) -> None:
        self._images, self._labels = images, labels
        self._batch_size, self._seed, self._epoch = batch_size, seed, epoch
        self.wait_seconds = 0.0

    def __iter__(self) -> Iterator[Batch]:
        """Yield (images, labels), whose images are a tuple where there are several arrays."""
        ready: queue.Queue[Any] = queue.Queue(maxsize=4)
        stopped = threading.Event()

        def put(item: Any) -> bool:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return True
                except queue.Full:
                    continue
            return False

        def produce() -> None:
            try:
                for batch in self._made():
                    if not put(batch):
                        return
                put(_END)
            except BaseException as error:  # re-raised by the consumer
                put(error)

        thread = threading.Thread(target=produce, name="batches", daemon=True)
        thread.start()
        try:
            while True:
                asked = time.perf_counter()
                item = ready.get()
                self.wait_seconds += time.perf_counter() - asked
                if item is _END:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            thread.join()

    def _made(self) -> Iterator[Batch]:
        shuffled = order(self._seed, self._epoch, len(self._labels))
        for start in range(0, len(shuffled), self._batch_size):
            # Sorted rows read a memory map sequentially; the order within a batch does not matter.
            rows = np.sort(shuffled[start : start + self._batch_size])
            yield take(self._images, rows), self._labels[rows]


def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The order of `count` images in an epoch, from 1."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def take(arrays: Any, rows: Any) -> Any:
    """The rows of an array, or of each array of a tuple."""
    return tuple(one[rows] for one in arrays) if isinstance(arrays, tuple) else arrays[rows]
