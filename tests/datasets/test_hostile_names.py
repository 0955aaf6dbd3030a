"""Class folders and images by strangers, from the data to every table and document."""

from __future__ import annotations

import re
import struct
import time
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from cifarkit.datasets import decoding
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.decoding import UnusableImage
from cifarkit.datasets.registry import load
from cifarkit.errors import InvalidInput
from cifarkit.reporting.render import html
from cifarkit.store.store import Store
from tests.cli.command import cifarkit
from tests.store.test_damage import cifarkit as here

NAMES = [
    "a|b",
    "two\nlines",
    "<script>alert(1)</script>".replace("/", "\u2215"),
    "\\input{x} $1 50% #_^~",
    "\x1b[31mred\x1b[0m\x07",
    "=HYPERLINK(0)",
    "\u202egnp.exe",
    "`*_[x](y)",
]


PAGE_SCRIPT = (Path(html.__file__).parent / "page.js").read_text(encoding="utf-8")


def png(width: int, height: int) -> bytes:
    """The head of an image of that size, and nothing of its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
        + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 0) + b"IDAT"
    )  # fmt: skip


class Texts(HTMLParser):
    """The scripts of a page, and all text outside them."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        if self._in_script:
            assert not attrs
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text += data


def dataset(root: Path) -> Path:
    for number, name in enumerate(NAMES):
        (root / name).mkdir(parents=True)
        for image in range(10):
            colour = (number * 30, 255 - number * 30, image)
            Image.new("RGB", (8, 8), colour).save(root / name / f"{image}.png")
    return root


def test_class_names_of_every_kind_from_training_to_every_format(tmp_path: Path) -> None:
    folder, runs = dataset(tmp_path / "im|ages\n\x1b[32m<b>"), tmp_path / "runs"
    zoo = ("zoo", "--dataset", folder, "--models", "lenet", "--epochs", "1", "--runs", runs)
    done = cifarkit(*zoo)
    (trial,) = Store(runs).trial_ids()
    shown = done.stdout + done.stderr
    for command in (("list",), ("show", trial)):
        shown += here("store", *command, "--runs", runs).stdout
    assert "two lines" in shown
    for format in ("markdown", "html", "latex", "csv"):
        for document in (("report",), ("evaluate", trial)):
            text = here(*document, "--runs", runs, "--format", format).stdout
            assert text
            if format == "html":
                read = Texts()
                read.feed(text)
                read.close()
                assert read.scripts == [PAGE_SCRIPT]
                assert NAMES[2] in read.text
            elif format != "csv":
                assert "<script" not in text
            shown += text
    shown += cifarkit(*zoo, "--class-names", NAMES[4] + ",x", code=2).stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)


@pytest.mark.parametrize("side", [100_000, 2**31 - 1])
def test_an_image_that_claims_to_be_enormous_is_named_at_once(tmp_path: Path, side: int) -> None:
    folder = dataset(tmp_path / "images")
    bomb = folder / NAMES[0] / "bomb.png"
    bomb.write_bytes(png(side, side))
    began = time.process_time()
    with bomb.open("rb") as stream:
        assert "pixels" in decoding.examine(stream)["fault"]
    with pytest.raises(UnusableImage):
        decoding.read(bomb, None)
    with pytest.raises(InvalidInput, match=r"bomb\.png: .*pixels"):
        load(str(folder), image_size=32)
    assert time.process_time() - began < 5


def test_a_class_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "images")
    try:
        (folder / "a|b").rename(folder / "caf\udce9")
    except OSError:
        pytest.skip("this file system keeps names that are text")
    with pytest.raises(InvalidInput, match="is not valid text"):
        dataset_registry.facts(str(folder))
