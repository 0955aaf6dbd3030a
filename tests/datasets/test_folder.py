"""Folders of class folders are read whatever the images are, and their faults are named."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarkit.datasets import cache_folder, decoding, file_hashes
from cifarkit.datasets import registry as dataset_registry
from cifarkit.datasets.dataset import ImageDataset, select_classes, split
from cifarkit.datasets.registry import load
from cifarkit.datasets.sources import folder
from cifarkit.errors import InvalidInput
from tests.datasets.digits import make_digits

RED, WHITE = (255, 0, 0), (255, 255, 255)


def read(path: Path, image_size: int = 64) -> ImageDataset:
    return load(str(path), image_size=image_size)


def size_of(file: Path) -> list[int]:
    with file.open("rb") as stream:
        size: list[int] = decoding.examine(stream)["size"]
        return size


def noise_of(root: Path, per_class: int = 5) -> Path:
    """Two classes, `a` and `b`, of different pictures."""
    random = np.random.default_rng(zlib.crc32(str(root).encode()))
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            pixels = random.integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def folder_of(root: Path, picture: Image.Image | None = None, per_class: int = 5) -> Path:
    """Two classes, `a` and `b`, of equal pictures."""
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            (picture or Image.new("RGB", (4, 4), RED)).save(root / name / f"{number}.png")
    return root


class TestDigits:
    def test_small_images_keep_their_size_and_pixels(self, tmp_path: Path) -> None:
        root = make_digits(tmp_path, per_class=10)
        data = read(root)
        assert data.train_images.shape == (80, 8, 8, 3)
        assert data.test_images.shape == (20, 8, 8, 3)
        assert data.class_names == tuple("0123456789")
        assert np.bincount(data.train_labels).tolist() == [8] * 10
        first = sorted((root / "train" / "3").iterdir())[0]
        ours = data.train_images[data.train_labels == 3][0]
        np.testing.assert_array_equal(
            ours, np.repeat(np.asarray(Image.open(first))[..., None], 3, 2)
        )

    def test_without_parts_a_fifth_of_each_class_is_the_test_part(self, tmp_path: Path) -> None:
        root = make_digits(tmp_path, per_class=10, split=False)
        first, second = read(root), read(root, 65)
        assert np.bincount(first.test_labels).tolist() == [2] * 10
        assert dataset_registry.facts(str(root)).train_per_class == 8
        np.testing.assert_array_equal(first.test_images, second.test_images)
        together = np.concatenate([first.train_images, first.test_images]).reshape(100, -1)
        assert len(np.unique(together, axis=0)) == 100

    @pytest.mark.parametrize("side", [8, 40])
    def test_large_images_are_resized(self, tmp_path: Path, side: int) -> None:
        root = make_digits(tmp_path, per_class=5, side=side)
        assert read(root, 7).train_images.shape[1:] == (7, 7, 3)

    def test_facts(self, tmp_path: Path) -> None:
        root = make_digits(tmp_path, per_class=5)
        facts = dataset_registry.facts(str(root))
        assert (facts.title, facts.train_per_class, facts.class_groups) == ("digits", 4, ())
        assert re.fullmatch("blake2b:[0-9a-f]{32}", str(facts.fingerprint))
        assert (facts.notes, facts.skipped, facts.has_validation) == ((), (), False)
        shutil.copy(root / "train" / "3" / "0003.png", root / "train" / "3" / "more.png")
        assert dataset_registry.facts(str(root)).fingerprint != facts.fingerprint

    def test_a_moved_folder_has_the_same_fingerprint(self, tmp_path: Path) -> None:
        root = make_digits(tmp_path, per_class=5)
        before = dataset_registry.facts(str(root)).fingerprint
        moved = shutil.move(root, tmp_path / "moved")
        assert dataset_registry.facts(str(moved)).fingerprint == before


class TestModes:
    """Every kind of image shows what a viewer would show."""

    def one(self, tmp_path: Path, save: Callable[[Path], object], suffix: str) -> np.ndarray:
        root = folder_of(tmp_path / "root")
        file = root / "a" / f"0{suffix}"
        save(file)
        return decoding.read(file, None)

    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".TIFF"])
    def test_lossless_formats(self, tmp_path: Path, suffix: str) -> None:
        picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5)
        options = {"lossless": True} if suffix == ".webp" else {}
        pixels = self.one(tmp_path, lambda file: picture.save(file, **options), suffix)
        np.testing.assert_array_equal(pixels, np.asarray(picture))
        assert len(read(tmp_path / "root").train_labels) + 2 == 10 + (suffix != ".png")

    @pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "I;16", "YCbCr"])
    def test_white_is_white_in_every_mode(self, tmp_path: Path, mode: str) -> None:
        if mode == "I;16":
            picture = Image.fromarray(np.full((4, 4), 65535, np.uint16))
        else:
            picture = Image.new("RGB", (4, 4), WHITE).convert(mode)
        suffix = {"CMYK": ".tif", "YCbCr": ".jpg"}.get(mode, ".png")
        assert (self.one(tmp_path, picture.save, suffix) == 255).all()

    def test_sixteen_bits_are_scaled_not_clipped(self, tmp_path: Path) -> None:
        levels = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
        pixels = self.one(tmp_path, Image.fromarray(levels).save, ".png")
        assert pixels[..., 0].tolist() == [[0, 100], [200, 255]]

    def test_transparent_parts_are_white(self, tmp_path: Path) -> None:
        picture = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
        picture.putpixel((1, 0), (255, 0, 0, 255))
        assert self.one(tmp_path, picture.save, ".png").tolist() == [[list(WHITE), list(RED)]]
        palette = picture.convert("RGB").convert("P")
        file = tmp_path / "palette.png"
        palette.save(file, transparency=palette.getpixel((0, 0)))
        assert decoding.read(file, None).tolist() == [[list(WHITE), list(WHITE)]]

    def test_the_first_frame_of_an_animation(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (3, 3), color) for color in (RED, WHITE)]
        pixels = self.one(
            tmp_path,
            lambda file: frames[0].save(file, save_all=True, append_images=frames[1:]),
            ".gif",
        )
        assert (pixels == RED).all()

    def test_the_orientation_that_a_camera_notes_is_applied(self, tmp_path: Path) -> None:
        picture = Image.new("RGB", (6, 3), WHITE)
        picture.paste(RED, (0, 0, 3, 3))
        exif = Image.Exif()
        exif[0x0112] = 6  # To be turned a quarter clockwise: the left side is the top.
        file = tmp_path / "turned.png"
        picture.save(file, exif=exif)
        pixels = decoding.read(file, None)
        assert pixels.shape == (6, 3, 3)
        assert size_of(file) == [6, 3]
        assert (pixels[:3] == RED).all()
        assert (pixels[3:] == WHITE).all()

    def test_damaged_notes_of_a_camera_do_no_harm(self, tmp_path: Path) -> None:
        file = tmp_path / "noted.jpg"
        Image.new("RGB", (4, 4), WHITE).save(file, exif=b"Exif\0\0XX\0junk")
        assert (decoding.read(file, None) == 255).all()
        assert size_of(file) == [4, 4]

    def test_shrinking_averages(self, tmp_path: Path) -> None:
        checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
        file = tmp_path / "checks.png"
        Image.fromarray(checks).save(file)
        assert np.abs(decoding.read(file, 8).astype(int) - 127).max() <= 2

    def test_a_large_photograph_shrinks_to_its_colours(self, tmp_path: Path) -> None:
        file = tmp_path / "large.jpg"
        Image.new("RGB", (1600, 900), RED).save(file)
        pixels = decoding.read(file, 32)
        assert pixels.shape == (32, 32, 3)
        assert np.abs(pixels.astype(int) - RED).max() <= 2

    def test_mixed_sizes_are_resized_to_one(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        Image.new("L", (5, 9), 7).save(root / "b" / "tall.jpg")
        assert read(root, 6).train_images.shape[1:] == (6, 6, 3)

    def test_oblong_images_of_one_size_stay_oblong(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root", Image.new("RGB", (6, 4)))
        assert read(root, 6).train_images.shape[1:] == (4, 6, 3)
        assert read(root, 5).train_images.shape[1:] == (5, 5, 3)


class TestFaults:
    def test_unreadable_images_are_named_and_counted(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root", per_class=9)
        for number in range(7):
            (root / "b" / f"{number}.png").write_bytes(b"no image")
        with pytest.raises(InvalidInput) as refused:
            read(root)
        message = str(refused.value)
        assert f"b{os.sep}0.png: not an image of a supported format" in message
        assert message.count(".png:") == 5
        assert message.endswith("and 2 more")

    def test_a_truncated_image_is_named(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        noise = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(noise).save(root / "a" / "0.png")
        data = (root / "a" / "0.png").read_bytes()
        (root / "a" / "0.png").write_bytes(data[: len(data) - 40])
        with pytest.raises(InvalidInput, match=r"a.0\.png: "):
            read(root)

    def test_a_decompression_bomb_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = folder_of(tmp_path / "root")
        Image.new("1", (100, 100)).save(root / "a" / "bomb.png")
        for limit in (9_999, 4_000):  # Pillow itself warns above the limit, and refuses twice it.
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
            with pytest.raises(InvalidInput, match=r"bomb\.png: .*pixels"):
                read(root)

    def test_floating_point_pixels_are_refused(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        Image.fromarray(np.ones((4, 4), np.float32)).save(root / "a" / "f.tif")
        with pytest.raises(InvalidInput, match=r"f\.tif: floating-point"):
            read(root)

    def test_a_dangling_link_is_named(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        (root / "a" / "gone.png").symlink_to(tmp_path / "gone.png")
        with pytest.raises(InvalidInput, match=r"gone\.png"):
            dataset_registry.facts(str(root))

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda root: root.mkdir(), "at least two folders .* it holds none"),
            (lambda root: (root / "only").mkdir(parents=True), "holds none"),
            (
                lambda root: (folder_of(root), shutil.rmtree(root / "b")),
                r"at least two folders of images \(.*\), one for each class; it holds a",
            ),
            (lambda root: folder_of(root, per_class=1), "class 'a' of .* has one image"),
            (
                lambda root: (folder_of(root / "train"), folder_of(root / "test"),
                              (root / "test" / "b").rename(root / "test" / "c")),
                "images of the same classes; only one of them has b, c",
            ),
        ],
    )  # fmt: skip
    def test_folders_of_another_shape_are_refused(
        self, tmp_path: Path, build: Callable[[Path], object], message: str
    ) -> None:
        build(tmp_path / "root")
        with pytest.raises(InvalidInput, match=message):
            dataset_registry.facts(str(tmp_path / "root"))


class TestLayout:
    @pytest.mark.parametrize(
        ("train", "test"),
        [("train", "test"), ("Train", "Test"), ("training", "testing"), ("TRAIN", "Testing")],
    )
    def test_train_and_test_in_any_spelling(self, tmp_path: Path, train: str, test: str) -> None:
        root = tmp_path / "root"
        noise_of(root / train, per_class=3)
        noise_of(root / test, per_class=2)
        data = read(root)
        assert (data.class_names, len(data.train_labels), len(data.test_labels)) == (
            ("a", "b"), 6, 4
        )  # fmt: skip
        assert data.validation_labels is None
        assert data.notes == ()

    @pytest.mark.parametrize("name", ["val", "valid", "Validation"])
    def test_a_validation_part_is_validated_on(self, tmp_path: Path, name: str) -> None:
        root = tmp_path / "root"
        noise_of(root / "train", per_class=5)
        noise_of(root / name, per_class=2)
        noise_of(root / "test", per_class=3)
        data = read(root)
        parts = split(data, train_per_class=None, validation_fraction=0.5, data_seed=0)
        assert (len(parts.train_labels), len(parts.validation_labels)) == (10, 4)
        assert len(parts.test_labels) == 6
        validated = {image.tobytes() for image in parts.validation_images}
        assert validated == {
            np.asarray(Image.open(file)).tobytes() for file in (root / name).rglob("*.png")
        }
        (note,) = parts.notes
        assert note == f"{name} of root is the validation part: validation_fraction is not used"
        named = select_classes(data, 2, class_names=("b", "a"))
        np.testing.assert_array_equal(named.validation_labels, 1 - data.validation_labels)

    def test_without_a_test_part_the_validation_part_is_not_scored(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        noise_of(root / "train", per_class=5)
        noise_of(root / "val", per_class=2)
        data = read(root)
        assert data.validation_labels is not None
        assert [len(data.train_labels), len(data.validation_labels), len(data.test_labels)] == [
            8, 4, 2
        ]  # fmt: skip
        assert "a fifth of each class of train is held out" in data.notes[1]

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda r: (noise_of(r / "train"), noise_of(r / "dogs")),
             "train with class folders inside, and dogs with images"),
            (lambda r: (noise_of(r / "train"), noise_of(r / "Training")), "two train parts"),
            (lambda r: (noise_of(r / "train"), noise_of(r / "val"), noise_of(r / "valid")),
             "two validation parts"),
            (lambda r: (noise_of(r / "test"), noise_of(r / "val")), "no train part"),
            (lambda r: [f.rename(r / p) for p in ("train", "test")
                        for f in [noise_of(r / f"{p}-") / "a"]] and
                       [shutil.rmtree(r / f"{p}-") for p in ("train", "test")],
             "test, train in .* must hold a folder for each class"),
            (lambda r: (noise_of(r / "train"), (noise_of(r / "x") / "a").rename(r / "test"),
                        shutil.rmtree(r / "x")), "test in .* holds images without class folders"),
            (lambda r: (noise_of(r / "train"), shutil.copytree(r / "train", r / "test")),
             r"train and test are the same images \(10 different"),
            (lambda r: (noise_of(r / "train"), noise_of(r / "val"),
                        shutil.copytree(r / "val", r / "test")),
             "val and test are the same images"),
        ],
    )  # fmt: skip
    def test_what_is_ambiguous_or_meaningless_is_refused(
        self, tmp_path: Path, build: Callable[[Path], object], message: str
    ) -> None:
        build(tmp_path / "root")
        with pytest.raises(InvalidInput, match=message):
            dataset_registry.facts(str(tmp_path / "root"))

    def test_what_is_beside_the_parts_is_named(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        for name in ("train", "test", "unlabelled"):
            noise_of(root / name)
        (root / "validation").mkdir()
        (root / "papers").mkdir()
        assert read(root).notes == ("not used: unlabelled, validation of root",)

    def test_an_empty_class_folder_is_named_and_left_out(self, tmp_path: Path) -> None:
        root = noise_of(tmp_path / "root")
        before = dataset_registry.facts(str(root))
        (root / "c").mkdir()
        after = dataset_registry.facts(str(root))
        assert (after.class_names, after.fingerprint) == (before.class_names, before.fingerprint)
        assert after.notes == ("class folder c of root holds no images and is left out",)

    def test_train_alone_gives_its_test_part(self, tmp_path: Path) -> None:
        folder_of(tmp_path / "root" / "train")
        assert len(read(tmp_path / "root").test_labels) == 2

    def test_a_class_may_be_called_train(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        (root / "a").rename(root / "train")
        assert read(root).class_names == ("b", "train")

    def test_other_files_and_hidden_ones_are_passed_over(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        (root / "a" / "notes.txt").write_text("notes")
        (root / "a" / "._0.png").write_bytes(b"junk")
        (root / ".git").mkdir()
        (root / "readme.md").touch()
        before = dataset_registry.facts(str(root))
        assert before.class_names == ("a", "b")
        assert len(read(root).train_labels) == 8

    def test_images_may_lie_deeper_and_behind_links(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        folder_of(tmp_path / "elsewhere")
        (root / "a" / "deeper").mkdir()
        (root / "a" / "0.png").rename(root / "a" / "deeper" / "0.png")
        (root / "c").symlink_to(tmp_path / "elsewhere" / "b")
        assert read(root).class_names == ("a", "b", "c")
        assert len(read(root).train_labels) == 12

    def test_a_loop_of_links_ends(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        before = dataset_registry.facts(str(root))
        (root / "a" / "up").symlink_to(root)
        (root / "a" / "self").symlink_to(root / "a")
        (root / "b" / "across").symlink_to(root / "b" / "down")
        (root / "b" / "down").symlink_to(root / "b" / "across")
        assert dataset_registry.facts(str(root)) == before


class TestCache:
    def test_images_are_decoded_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = folder_of(tmp_path / "root")
        first = read(root)
        monkeypatch.setattr(decoding, "read", None)
        second = read(root)
        np.testing.assert_array_equal(first.train_images, second.train_images)
        assert isinstance(second.train_images, np.memmap)

    def test_a_changed_folder_is_decoded_anew(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        read(root)
        Image.new("RGB", (4, 4)).save(root / "a" / "new.png")
        assert len(read(root).train_labels) == 9
        assert len(list(cache_folder.directory().glob("folder-*"))) == 2

    def test_a_file_replaced_by_one_of_its_size_is_decoded_anew(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        files = [file.rename(file.with_suffix(".ppm")) for file in [*root.rglob("*.png")]]
        for color in (RED, WHITE):
            for file in files:
                Image.new("RGB", (4, 4), color).save(file)
            data = read(root)
            assert (data.train_images == color).all()
        assert len(list(cache_folder.directory().glob("folder-*"))) == 2

    def test_sizes_have_entries_of_their_own(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "root")
        assert folder.SOURCE.load(root, image_size=2).train_images.shape[1:] == (2, 2, 3)
        assert folder.SOURCE.load(root, image_size=3).train_images.shape[1:] == (3, 3, 3)


class TestIdentity:
    """The identity of images is their bytes."""

    def test_an_image_replaced_by_one_of_its_size_and_time_is_other_data(
        self, tmp_path: Path
    ) -> None:
        root = folder_of(tmp_path / "root")
        file = root / "a" / "new.bmp"
        Image.new("RGB", (4, 4), RED).save(file)
        before = dataset_registry.facts(str(root)).fingerprint
        found = file.stat()
        blue = tmp_path / "blue.bmp"
        Image.new("RGB", (4, 4), (0, 0, 255)).save(blue)
        assert blue.stat().st_size == found.st_size
        file.write_bytes(blue.read_bytes())
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert dataset_registry.facts(str(root)).fingerprint != before

    def test_unchanged_files_are_read_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = noise_of(tmp_path / "root")
        monkeypatch.setattr(file_hashes, "_RACY_NS", -(10**12))  # the times of change cannot be set
        before = dataset_registry.facts(str(root))
        monkeypatch.setattr(decoding, "examine", None)
        assert dataset_registry.facts(str(root)) == before

    def test_what_has_just_changed_is_read_again(self, tmp_path: Path) -> None:
        root = noise_of(tmp_path / "root")
        dataset_registry.facts(str(root))
        assert not list((cache_folder.directory() / "digests").glob("*.json"))

    def test_what_takes_long_is_reported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "cifarkit")
        monkeypatch.setattr(file_hashes, "_QUIET_SECONDS", 0.0)
        dataset_registry.facts(str(noise_of(tmp_path / "root")))
        assert caplog.messages[0] == "'root': 1 of 10 files read"


def test_test_images_have_their_paths(tmp_path: Path) -> None:
    root = noise_of(tmp_path)
    data = select_classes(read(root), 1, class_names=["b"])
    (file,) = data.test_files  # a fifth of five
    assert file.startswith("b/")
    np.testing.assert_array_equal(data.test_images[0], np.asarray(Image.open(root / file)))
