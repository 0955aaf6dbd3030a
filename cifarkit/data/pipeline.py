"""From arrays in memory to a stream of training batches, augmented at the images' native size.

Every random choice follows from (seed, epoch, step) alone, so that a run repeats to the digit and
an interrupted one can go on from any epoch.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Batch = tuple[Any, np.ndarray]
_END = object()


class Batches:
    """The batches of one epoch, made ahead of time by a thread of their own.

    Args:
        images: (n, h, w, 3) uint8, or several arrays of n rows that go together. They may lie on
            disk: only the rows of a batch are read.
        labels: (n,) int32.
        batch_size: The last batch holds what is left over.
        seed, epoch: Fix the order and the augmentation.
        augment: From `make_augment`, or None to leave what there is as it is.

    Attributes:
        wait_seconds: How long the consumer has waited for batches so far.
    """

    def __init__(
        self,
        images: Any,
        labels: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        augment: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self._images, self._labels = images, labels
        self._batch_size, self._seed, self._epoch = batch_size, seed, epoch
        self._augment = augment
        self.wait_seconds = 0.0

    def __iter__(self) -> Iterator[Batch]:
        """Yield (images, labels): (b, h, w, 3) uint8, or float32 in 0..255 once augmented; a tuple
        of arrays where there are several.
        """
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
            except BaseException as error:  # handed to the consumer, which raises it
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
        order = np.random.default_rng((self._seed, self._epoch)).permutation(len(self._labels))
        for step, start in enumerate(range(0, len(order), self._batch_size)):
            # Sorted rows read a memory map in order; the batch is the same set.
            rows = np.sort(order[start : start + self._batch_size])
            images: Any = take(self._images, rows)
            if self._augment is not None:
                # Threefry and Philox take two 32-bit words as a key.
                word = np.random.SeedSequence((self._seed, self._epoch, step)).generate_state(2)
                images = self._augment(images, word.view(np.int32))
            yield images, self._labels[rows]


def take(arrays: Any, rows: Any) -> Any:
    """The rows of an array; of each, where there is a tuple of them."""
    return tuple(one[rows] for one in arrays) if isinstance(arrays, tuple) else arrays[rows]


def make_augment(
    *, flip: bool, rotation: float, zoom: float, contrast: float
) -> Callable[[Any, Any], Any]:
    """A compiled function that changes a batch of images at random.

    Flip, rotation and zoom are one affine map, so that pixels are interpolated once (bilinear,
    mirrored at the border); Keras' layers of the same names and amounts interpolate each time.

    Returns:
        `augment(images, seed)`: (n, h, w, 3) uint8 and (2,) int32 to (n, h, w, 3) float32 in
        0..255. It runs on the CPU.
    """
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.uint8),
            tf.TensorSpec((2,), tf.int32),
        ],
        autograph=False,
    )
    def augment(images: Any, seed: Any) -> Any:
        shape = tf.shape(images)
        n, height, width = shape[0], shape[1], shape[2]
        draws = tf.random.stateless_uniform((4, n), seed, dtype=tf.float32)
        images = tf.cast(images, tf.float32)
        if flip or rotation or zoom:
            angle = (2 * draws[0] - 1) * (rotation * 2 * np.pi)
            scale = 1 + (2 * draws[1] - 1) * zoom
            mirror = tf.where(draws[2] < 0.5, -1.0, 1.0) if flip else tf.ones((n,))
            images = _affine(tf, images, angle, scale, mirror, height, width)
        if contrast:
            factor = 1 + (2 * draws[3] - 1) * contrast
            mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
            images = mean + (images - mean) * factor[:, None, None, None]
            images = tf.clip_by_value(images, 0.0, 255.0)
        return images

    def on_the_cpu(images: Any, seed: Any) -> Any:
        with tf.device("/CPU:0"):
            return augment(images, seed)

    return on_the_cpu


def _affine(
    tf: Any, images: Any, angle: Any, scale: Any, mirror: Any, height: Any, width: Any
) -> Any:
    """Each image turned by `angle`, scaled and mirrored about its centre."""
    x0, y0 = (tf.cast(width, tf.float32) - 1) / 2, (tf.cast(height, tf.float32) - 1) / 2
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    # Output pixel (x, y) takes its value from input (a x + b y + c, d x + e y + f).
    a, b, d, e = cosine * mirror, -sine, sine * mirror, cosine
    c, f = x0 - a * x0 - b * y0, y0 - d * x0 - e * y0
    nought = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, c, d, e, f, nought, nought], axis=1),
        output_shape=tf.stack([height, width]),
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )
