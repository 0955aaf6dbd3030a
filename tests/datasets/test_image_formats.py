"""Only the named formats, and only regular files, reach a decoder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarkit.datasets import decoding
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.decoding import UnusableImage
from cifarkit.datasets.registry import load
from cifarkit.errors import InvalidInput
from tests.datasets.digits import make_digits

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
0 0 8 8 rectfill
showpage
%%EOF
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A hundred and more images, of which one may be unusable."""
    return make_digits(tmp_path, per_class=11, split=False)


def test_an_eps_that_is_named_png_starts_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, programs = tmp_path / "started", tmp_path / "bin"
    programs.mkdir()
    for name in ("gs", "gswin32c", "gswin64c"):
        program = programs / name
        program.write_text(f"#!/bin/sh\ntouch '{trace}'\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    file = root / "3" / "a.png"
    file.write_bytes(EPS)
    with pytest.raises(UnusableImage, match="not an image of a supported format"):
        decoding.read(file, 8)
    data = load(str(root), image_size=8)
    assert "3/a.png: not an image of a supported format" in data.notes[0]
    assert not trace.exists()


def test_a_psd_that_is_named_png_is_refused(root: Path) -> None:
    header = b"8BPS" + bytes([0, 1, *[0] * 6, 0, 3, 0, 0, 0, 4, 0, 0, 0, 4, 0, 8, 0, 3])
    file = root / "3" / "a.png"
    file.write_bytes(header + bytes(4 + 4 + 4 + 2 + 48))
    Image.open(file).load()  # Pillow itself would
    with pytest.raises(UnusableImage, match="not an image of a supported format"):
        decoding.read(file, 8)
    assert "3/a.png" in dataset_registry.facts(str(root)).skipped[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "3" / "z.png")
    assert dataset_registry.facts(str(root)).skipped == (f"3{os.sep}z.png: not a regular file",)
    with pytest.raises(UnusableImage, match="not a regular file"):
        decoding.read(root / "3" / "z.png", 8)
    os.mkfifo(root / "4" / "z.png")
    with pytest.raises(InvalidInput, match=r"2 of 112 images .* more than 1%"):
        dataset_registry.facts(str(root))


def test_what_was_done_to_images_of_other_modes_is_noted(tmp_path: Path) -> None:
    root = tmp_path / "mixed"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (6, 6), "red")
    picture.save(root / "a" / "turned.jpg", exif=exif)
    picture.convert("CMYK").save(root / "a" / "cmyk.tif")
    picture.save(root / "a" / "moving.gif", save_all=True, append_images=[Image.new("RGB", (6, 6))])
    Image.new("RGBA", (6, 6), (0, 0, 0, 0)).save(root / "b" / "clear.png")
    Image.new("RGBA", (6, 6), (0, 0, 0, 255)).save(root / "b" / "opaque.png")
    Image.fromarray(np.full((6, 6), 9999, np.uint16)).save(root / "b" / "deep.png")
    Image.new("L", (6, 6)).save(root / "b" / "gray.bmp")
    assert dataset_registry.facts(str(root)).notes == (
        "transparent parts are shown as white: 1 of 13 images of mixed",
        "16 bits per channel are scaled to 8: 1 of 13 images of mixed",
        "CMYK is converted to RGB without a colour profile: 1 of 13 images of mixed",
        "the first of several frames is used: 1 of 13 images of mixed",
        "turned upright as EXIF says: 1 of 13 images of mixed",
        "grayscale among colour images: 2 of 13 images of mixed",
    )
