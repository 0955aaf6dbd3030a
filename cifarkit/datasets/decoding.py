"""Decodes image files of any size and mode to RGB."""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError

from cifarkit.datasets import file_hashes

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""Pillow's names of the supported formats. Others may start external programs (EPS)."""
VERSION = f"1 pillow {PIL.__version__}"
"""The version of `examine`'s findings."""

_ORIENTATION = 0x0112
_TURNED_SIDEWAYS = (5, 6, 7, 8)
_THUMBNAIL = (64, 64)

TRAITS = {
    "transparent": "transparent parts are shown as white",
    "16-bit": "16 bits per channel are scaled to 8",
    "CMYK": "CMYK is converted to RGB without a colour profile",
    "animated": "the first of several frames is used",
    "rotated": "turned upright as EXIF says",
    "gray": "grayscale among colour images",
}
"""The description of images with a trait; their number follows."""


class UnusableImage(Exception):
    """An image that cannot be decoded; the message gives the reason without the file's name."""


class TooManyPixels(UnusableImage):
    """An image is larger than the limit."""


def examine(stream: BinaryIO) -> dict[str, Any]:
    """Decode an image once to check it.

    Returns:
        `size`: [height, width] as displayed; `traits`: keys of `TRAITS`.
        Or `fault`: why it cannot be decoded.
    """
    try:
        with _open(stream) as image:
            width, height = image.size
            turned = _orientation(image)
            image.draft(None, _THUMBNAIL)  # reads the whole JPEG file but computes few pixels
            _rgb(image)
            traits = list(_traits(image, turned))
    except UnusableImage as error:
        return {"fault": str(error)}
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files.
        return {"fault": _reason(error)}
    size = [width, height] if turned in _TURNED_SIDEWAYS else [height, width]
    return {"size": size, "traits": traits}


Size = int | tuple[int, int] | None
"""A side, or height and width, in pixels, to resize to without keeping the proportions; None leaves
an image as it is."""


def read(file: Path, side: Size, digest: str | None = None) -> npt.NDArray[np.uint8]:
    """`(height, width, 3)` RGB; transparent parts are white; the first frame of an animation.

    Args:
        file: The image file.
        side: Resize it to this.
        digest: BLAKE2b that the file's bytes must have, as `file_hashes.digest_of` gives it.

    Raises:
        UnusableImage: It cannot be decoded, is no longer the file of that digest, or has more
            pixels than Pillow's limit.
    """
    try:
        with file_hashes.open_regular(file) as stream:
            if digest is not None:
                if file_hashes.digest_of(stream) != digest:
                    raise UnusableImage("changed while the images were read")
                stream.seek(0)
            return decode(stream, side)
    except UnusableImage:
        raise
    except Exception as error:
        raise UnusableImage(_reason(error)) from error


def decode(stream: BinaryIO, side: Size, max_pixels: int | None = None) -> npt.NDArray[np.uint8]:
    """As `read`, of the bytes of an image file.

    Args:
        stream: The file.
        side: As in `read`.
        max_pixels: Refuse larger images before they are decoded; also Pillow's limit holds.
    """
    try:
        with _open(stream, max_pixels) as image:
            turned = _orientation(image)
            if side is not None:
                # A JPEG decoder can downscale while decoding.
                height, width = _height_and_width(side)
                sideways = turned in _TURNED_SIDEWAYS
                image.draft(None, (height, width) if sideways else (width, height))
            upright = image if turned == 1 else ImageOps.exif_transpose(image)
            return np.asarray(resized(_rgb(upright), side))
    except UnusableImage:
        raise
    except Exception as error:
        raise UnusableImage(_reason(error)) from error


def resized(image: Image.Image, side: Size) -> Image.Image:
    """Resize by a bilinear filter with antialiasing."""
    if side is None:
        return image
    height, width = _height_and_width(side)
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR)


def resized_array(pixels: npt.NDArray[np.uint8], side: Size) -> npt.NDArray[np.uint8]:
    """As `resized`, of `(height, width, 3)` RGB."""
    return np.asarray(resized(Image.fromarray(pixels), side))


def _height_and_width(side: int | tuple[int, int]) -> tuple[int, int]:
    return side if isinstance(side, tuple) else (side, side)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings about images that are refused here; enter before any threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _open(stream: BinaryIO, max_pixels: int | None = None) -> Image.Image:
    image = Image.open(stream, formats=FORMATS)
    limits = [limit for limit in (Image.MAX_IMAGE_PIXELS, max_pixels) if limit is not None]
    limit = min(limits, default=None)
    width, height = image.size
    if limit is not None and width * height > limit:
        raise TooManyPixels(f"{width} x {height} pixels are more than the limit of {limit}")
    return image


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1..8; 1 means upright."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, TypeError, ValueError, struct.error):
        return 1  # EXIF data is often damaged in otherwise sound images


def _traits(image: Image.Image, orientation: int) -> Iterator[str]:
    if image.mode.startswith("I"):
        yield "16-bit"
    if image.mode == "CMYK":
        yield "CMYK"
    if image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I"):
        yield "gray"
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        yield "transparent"
    if orientation != 1:
        yield "rotated"
    with contextlib.suppress(Exception):  # a damaged second frame does not matter
        if getattr(image, "is_animated", False):
            yield "animated"


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
        return f"not an image of a supported format ({', '.join(FORMATS)})"
    return str(error) or type(error).__name__
