"""From an image file, of any size and mode, to RGB pixels."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

_ORIENTATION = 0x0112
_TURNED_SIDEWAYS = (5, 6, 7, 8)


class UnusableImage(Exception):
    """An image that cannot be decoded; the message says why, without the file's name."""


def size_of(file: Path) -> tuple[int, int]:
    """`(height, width)` as the image is meant to be seen, from the file's header.

    Raises:
        UnusableImage: It is no image, or has more pixels than Pillow's limit.
    """
    try:
        with Image.open(file) as image:
            _refuse_bomb(image)
            width, height = image.size
            sideways = _orientation(image) in _TURNED_SIDEWAYS
            return (width, height) if sideways else (height, width)
    except UnusableImage:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files.
        raise UnusableImage(_reason(error)) from error


def read(file: Path, side: int | None) -> npt.NDArray[np.uint8]:
    """`(height, width, 3)` RGB; transparent parts are white; the first frame of an animation.

    Args:
        file: The image file.
        side: Resize it to `side` x `side`, without keeping the proportions; None leaves it.

    Raises:
        UnusableImage: It cannot be decoded, or has more pixels than Pillow's limit.
    """
    try:
        with Image.open(file) as image:
            _refuse_bomb(image)
            if side is not None:
                # A JPEG decoder can leave out what is scaled away anyhow.
                image.draft(None, (side, side))
            upright = image if _orientation(image) == 1 else ImageOps.exif_transpose(image)
            return np.asarray(resized(_rgb(upright), side))
    except UnusableImage:
        raise
    except Exception as error:
        raise UnusableImage(_reason(error)) from error


def resized(image: Image.Image, side: int | None) -> Image.Image:
    """Resized to `side` x `side` by a bilinear filter that averages when it shrinks."""
    if side is None or image.size == (side, side):
        return image
    return image.resize((side, side), Image.Resampling.BILINEAR)


def _refuse_bomb(image: Image.Image) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    width, height = image.size
    if limit is not None and width * height > limit:
        raise UnusableImage(f"{width} x {height} pixels are more than the limit of {limit}")


def _orientation(image: Image.Image) -> int:
    """How a camera says that the image is to be turned; 1 means not at all."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, TypeError, ValueError, struct.error):
        return 1  # Cameras' notes are often damaged where the picture is not.


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _from_integers(image)
    if image.mode == "F":
        raise UnusableImage("floating-point pixels, whose range is not known")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def _from_integers(image: Image.Image) -> Image.Image:
    """16-bit grayscale, which `convert` would clip at 255 instead of scaling."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableImage("integer pixels outside 0..65535")
    return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a known format"
    return str(error) or type(error).__name__
