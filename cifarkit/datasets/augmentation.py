"""Augmentation at the images' native size, which is cheaper than at the network's input size.

The transformation of an image depends only on the seed, the number of the view and the image's row,
not on its batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_CHANCES = 4  # of an image: for rotation, zoom, flip and contrast

Augment = Callable[[Any, Any], Any]


@dataclass(frozen=True, eq=False)
class Change:
    """The transformations of an array's images in one view (see `datasets.views`).

    Attributes:
        augment: From `make_augment`.
        chances: (n, 4) float32 in 0..1, a row for each image.
    """

    augment: Augment
    chances: npt.NDArray[np.float32]

    @classmethod
    def of_view(cls, augment: Augment, seed: int, view: int, count: int) -> Change:
        """The transformations of view number `view` (from 1) of `count` images; views differ."""
        # The third number keeps this stream apart from the batch order's (seed, epoch).
        draw = np.random.default_rng((seed, view, 1))
        return cls(augment, draw.random((count, _CHANCES), dtype=np.float32))

    @property
    def arrays(self) -> tuple[npt.NDArray[np.float32], ...]:
        """All that it depends on besides the amounts."""
        return (self.chances,)

    def __call__(self, images: Any, rows: Any) -> Any:
        """Transform the images of these rows: (b, h, w, 3) uint8 to float32 in 0..255."""
        return self.augment(images, self.chances[rows])


def make_augment(
    *, flip: bool, rotation: float, zoom: float, contrast: float
) -> Callable[[Any, Any], Any]:
    """A compiled function that augments a batch of images.

    Flip, rotation and zoom are one affine map, so that pixels are interpolated once (bilinear,
    mirrored at the border); Keras' layers of the same names and amounts interpolate each time.

    Args:
        flip, rotation, zoom, contrast: As in `specs.Augmentation`.

    Returns:
        `augment(images, chances)`: (n, h, w, 3) uint8 and (n, 4) float32 in 0..1 to (n, h, w, 3)
        float32 in 0..255. It runs on the CPU.
    """
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.uint8),
            tf.TensorSpec((None, _CHANCES), tf.float32),
        ],
        autograph=False,
    )
    def augment(images: Any, chances: Any) -> Any:
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        turned, zoomed, mirrored, contrasted = tf.unstack(chances, axis=1)
        images = tf.cast(images, tf.float32)
        if flip or rotation or zoom:
            angle = (2 * turned - 1) * (rotation * 2 * np.pi)
            scale = 1 + (2 * zoomed - 1) * zoom
            mirror = tf.where(mirrored < 0.5, -1.0, 1.0) if flip else tf.ones_like(mirrored)
            images = _affine(tf, images, angle, scale, mirror, height, width)
        if contrast:
            factor = 1 + (2 * contrasted - 1) * contrast
            mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
            images = mean + (images - mean) * factor[:, None, None, None]
            images = tf.clip_by_value(images, 0.0, 255.0)
        return images

    def on_the_cpu(images: Any, chances: Any) -> Any:
        with tf.device("/CPU:0"):
            return augment(images, chances)

    return on_the_cpu


def _affine(
    tf: Any, images: Any, angle: Any, scale: Any, mirror: Any, height: Any, width: Any
) -> Any:
    """Rotate, scale and mirror each image about its centre."""
    x0, y0 = (tf.cast(width, tf.float32) - 1) / 2, (tf.cast(height, tf.float32) - 1) / 2
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    # Output pixel (x, y) takes its value from input (a x + b y + c, d x + e y + f).
    a, b, d, e = cosine * mirror, -sine, sine * mirror, cosine
    c, f = x0 - a * x0 - b * y0, y0 - d * x0 - e * y0
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1),
        output_shape=tf.stack([height, width]),
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )
