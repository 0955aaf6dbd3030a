"""Batches follow from (seed, epoch) alone, and augmentation does what its amounts say."""

import numpy as np
import pytest

from cifarkit.datasets.augmentation import Change, make_augment
from cifarkit.datasets.loader import Batches
from cifarkit.datasets.views import View

IMAGES = np.random.default_rng(0).integers(0, 256, (25, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(25, dtype=np.int32)
CHANCES = np.random.default_rng(1).random((25, 4), dtype=np.float32)
NOTHING = {"flip": False, "rotation": 0.0, "zoom": 0.0, "contrast": 0.0}


def epoch(
    number: int, seed: int = 0, images: object = IMAGES
) -> list[tuple[np.ndarray, np.ndarray]]:
    batches = Batches(images, LABELS, batch_size=10, seed=seed, epoch=number)
    return [(np.asarray(images), labels) for images, labels in batches]


def test_an_epoch_holds_every_image_once_with_its_label() -> None:
    batches = epoch(1)
    assert [len(labels) for _, labels in batches] == [10, 10, 5]
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(labels) == list(range(25))
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), IMAGES[labels])


def test_the_order_follows_from_seed_and_epoch() -> None:
    def order(*args: int) -> list[int]:
        return [int(label) for _, labels in epoch(*args) for label in labels]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(2, 0)
    assert order(1, 0) != order(1, 1)


def test_augmentation_follows_from_seed_and_epoch() -> None:
    augment = make_augment(flip=True, rotation=0.1, zoom=0.1, contrast=0.1)

    def view(number: int, seed: int = 0) -> np.ndarray:
        return epoch(1, images=View(IMAGES, [Change.of_view(augment, seed, number, 25)]))[0][0]

    first, again, later = view(1), view(1), view(2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, view(1, seed=1))
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 255
    assert not np.array_equal(first, later)


def test_what_is_done_to_an_image_does_not_depend_on_its_batch() -> None:
    augment = make_augment(flip=True, rotation=0.1, zoom=0.1, contrast=0.1)
    change = Change.of_view(augment, 0, 1, 25)
    whole = np.asarray(change(IMAGES, slice(None)))
    for images, labels in epoch(1, images=View(IMAGES, [change])):
        np.testing.assert_allclose(images, whole[labels], atol=1e-3)


def test_no_amounts_change_nothing() -> None:
    out = make_augment(**NOTHING)(IMAGES, CHANCES[:25])
    np.testing.assert_array_equal(np.asarray(out), IMAGES.astype(np.float32))


def test_a_flip_is_the_image_or_its_mirror_image() -> None:
    out = np.asarray(make_augment(**NOTHING | {"flip": True})(IMAGES, CHANCES[:25]))
    kept = np.isclose(out, IMAGES, atol=1e-3).all(axis=(1, 2, 3))
    turned = np.isclose(out, IMAGES[:, :, ::-1], atol=1e-3).all(axis=(1, 2, 3))
    assert (kept ^ turned).all()
    assert kept.any()
    assert turned.any()


def test_contrast_keeps_the_mean_and_scales_the_deviation() -> None:
    grey = np.clip(IMAGES, 100, 156)  # far enough from black and white that nothing is clipped
    augment = make_augment(**NOTHING | {"contrast": 0.5})
    out = np.asarray(augment(grey, CHANCES[:25]))
    np.testing.assert_allclose(out.mean(axis=(1, 2)), grey.mean(axis=(1, 2)), rtol=1e-4)
    factor = out.std(axis=(1, 2)) / grey.std(axis=(1, 2))
    assert (factor > 0.5).all()
    assert (factor < 1.5).all()
    np.testing.assert_allclose(factor, np.repeat(factor[:, :1], 3, axis=1), rtol=1e-3)
    assert factor.std() > 0.05


@pytest.mark.parametrize("amount", [{"rotation": 0.25}, {"zoom": 0.3}])
def test_geometry_turns_about_the_centre(amount: dict[str, float]) -> None:
    """A disc in the middle stays in the middle, and a constant image stays constant."""
    x, y = np.meshgrid(np.arange(33) - 16, np.arange(33) - 16)
    disc = np.where((x**2 + y**2 < 80)[..., None], 255, 0) * np.ones(3)
    images = np.stack([disc] * 16).astype(np.uint8)
    out = np.asarray(make_augment(**NOTHING | amount)(images, CHANCES[:16]))
    weight = out[..., 0].sum(axis=(1, 2))
    np.testing.assert_allclose((out[..., 0] * x).sum(axis=(1, 2)) / weight, 0, atol=0.05)
    np.testing.assert_allclose((out[..., 0] * y).sum(axis=(1, 2)) / weight, 0, atol=0.05)
    area = weight / images[0, ..., 0].sum()
    if "zoom" in amount:
        assert area.min() > 1 / 1.35**2
        assert area.max() < 1 / 0.65**2
        assert area.std() > 0.1
    else:
        np.testing.assert_allclose(area, 1, atol=0.03)
    constant = np.full((4, 9, 9, 3), 77, np.uint8)
    flat = make_augment(**NOTHING | amount)(constant, CHANCES[:4])
    np.testing.assert_allclose(np.asarray(flat), 77, atol=1e-3)


def test_a_failure_in_the_thread_reaches_the_consumer() -> None:
    def broken(images: object, rows: object) -> object:
        raise RuntimeError("no such colour")

    with pytest.raises(RuntimeError, match="no such colour"):
        epoch(1, images=View(IMAGES, [broken]))  # type: ignore[list-item]


def test_a_consumer_that_stops_early_stops_the_thread() -> None:
    import threading

    before = threading.active_count()
    for _ in Batches(IMAGES, LABELS, batch_size=1, seed=0, epoch=1):
        break
    assert threading.active_count() == before
