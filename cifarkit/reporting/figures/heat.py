"""Lays heat maps over images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SHORTEST_SIDE = 128
"""Pixels; smaller images are enlarged, so that a map over them is smooth."""
_OPACITY = 0.6


def overlaid_pairs(
    images: npt.NDArray[np.uint8], maps: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Each image, and the image in grey under its map: (2n, height, width, 3).

    Args:
        images: (n, height, width, 3) RGB.
        maps: (n, h, w) in 0..1.
    """
    from matplotlib import colormaps
    from PIL import Image

    height, width = images.shape[1:3]
    factor = max(1.0, _SHORTEST_SIDE / min(height, width))
    size = (round(width * factor), round(height * factor))
    pairs = []
    for pixels, heat in zip(images, maps, strict=True):
        image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        smooth = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BICUBIC))
        strength = smooth.clip(0, 1)[..., None]
        grey = np.asarray(image.convert("L").convert("RGB"), np.float32)
        colour = 255 * colormaps["inferno"](strength[..., 0])[..., :3]
        opacity = _OPACITY * strength**0.5
        pairs += [np.asarray(image), (grey * (1 - opacity) + colour * opacity).astype(np.uint8)]
    return np.stack(pairs)
