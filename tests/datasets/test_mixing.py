"""Mixed images and their labels: by hand, in their distribution, and whatever the batch."""

import numpy as np
import pytest

from cifarkit.datasets.loader import Batches, order
from cifarkit.datasets.mixing import Mixing, SoftLabels
from cifarkit.datasets.views import View

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (41, 8, 6, 3), dtype=np.uint8)
LABELS = (np.arange(41) % 5).astype(np.int32)
ALPHAS = [
    {"mixup": 0.4, "cutmix": 0.0},
    {"mixup": 0.0, "cutmix": 1.0},
    {"mixup": 0.4, "cutmix": 1.0},
]


def by_hand(share: int, box: tuple[int, int, int, int]) -> Mixing:
    """Two images, each the other's partner."""
    weight = share / 256 - (box[1] - box[0]) * (box[3] - box[2]) / 4
    return Mixing(
        np.array([1, 0]),
        np.full(2, share, np.uint16),
        np.array([box, box], np.int32),
        np.full(2, weight, np.float32),
    )


def test_mixup_by_hand() -> None:
    pair = np.array([[[[200, 255, 0]]], [[[100, 255, 1]]]], np.uint8)
    mixed = View(pair, [], by_hand(192, (0, 0, 0, 0)))[:]
    # Three quarters of 200 and a quarter of 100; 0.25 and 0.75 are rounded.
    assert mixed.tolist() == [[[[175, 255, 0]]], [[[125, 255, 1]]]]
    assert mixed.dtype == np.uint8
    floats = by_hand(192, (0, 0, 0, 0))(*np.float32([pair, pair[::-1]]), np.array([0, 1]))
    assert floats.tolist() == [[[[175, 255, 0.25]]], [[[125, 255, 0.75]]]]
    soft = SoftLabels(np.int32([2, 0]), by_hand(192, (0, 0, 0, 0)), 4)
    assert soft[np.array([0, 1])].tolist() == [[0.25, 0, 0.75, 0], [0.75, 0, 0.25, 0]]


def test_cutmix_by_hand() -> None:
    pair = np.zeros((2, 2, 2, 3), np.uint8)
    pair[1] = 9
    mixed = View(pair, [], by_hand(256, (1, 2, 0, 1)))[:]
    assert mixed[..., 0].tolist() == [[[0, 0], [9, 0]], [[9, 9], [0, 9]]]
    assert not pair[0].any()
    soft = SoftLabels(np.int32([1, 1]), by_hand(256, (1, 2, 0, 1)), 2)
    assert soft[np.array([0])].tolist() == [[0, 1]]


@pytest.mark.parametrize("alphas", ALPHAS, ids=["mixup", "cutmix", "both"])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_images_and_labels_do_not_depend_on_the_batch(kind: str, alphas: dict[str, float]) -> None:
    mixing = Mixing.of_view(3, 2, 41, (8, 6), **alphas)
    images, labels = View(IMAGES.astype(kind), [], mixing), SoftLabels(LABELS, mixing, 5)

    def epoch(batch_size: int) -> list[np.ndarray]:
        batches = list(Batches(images, labels, batch_size=batch_size, seed=3, epoch=2))
        rows = [
            row
            for start in range(0, 41, batch_size)
            for row in np.sort(order(3, 2, 41)[start : start + batch_size])
        ]
        back = np.argsort(rows)
        return [np.concatenate(part)[back] for part in zip(*batches, strict=True)]

    whole = epoch(41)
    assert whole[0].dtype == kind
    assert not np.array_equal(whole[0], IMAGES)
    np.testing.assert_array_equal(whole[0], images[:])
    for size in (1, 7):
        for found, expected in zip(epoch(size), whole, strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(whole[1].sum(axis=1), 1, atol=1e-6)


def test_most_partners_are_in_the_batch() -> None:
    mixing = Mixing.of_view(3, 2, 41, (8, 6), mixup=0.4, cutmix=0)
    rows = order(3, 2, 41)[:10]
    assert mixing.partners[rows][:9].tolist() == rows[1:].tolist()
    assert sorted(mixing.partners) == list(range(41))
    assert mixing.partners[order(3, 2, 41)[-1]] == rows[0]


@pytest.mark.parametrize("alphas", ALPHAS, ids=["mixup", "cutmix", "both"])
def test_labels_weigh_what_the_pixels_do(alphas: dict[str, float]) -> None:
    """Images of one grey value each: the mean of a mixture says how much of it is the partner's."""
    own = np.where(np.arange(41) % 2, 200, 40)
    flat = np.broadcast_to(own[:, None, None, None], (41, 8, 6, 3)).astype(np.float32)
    mixing = Mixing.of_view(0, 1, 41, (8, 6), **alphas)
    soft = SoftLabels(np.arange(41), mixing, 41)[np.arange(41)]
    means = View(flat, [], mixing)[:].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, soft @ own, rtol=1e-5)


def test_the_distribution_of_shares_coins_and_classes() -> None:
    count = 20_000
    labels = (np.arange(count) % 10).astype(np.int32)
    mixup = Mixing.of_view(0, 1, count, (32, 32), mixup=0.4, cutmix=0)
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
    assert mixup.weights.mean() == pytest.approx(0.5, abs=0.01)
    assert mixup.weights.var() == pytest.approx(1 / (4 * 1.8), abs=0.005)
    soft = SoftLabels(labels, mixup, 10)[np.arange(count)]
    np.testing.assert_allclose(soft.sum(axis=0), count / 10, rtol=0.05)
    both = Mixing.of_view(0, 1, count, (32, 32), mixup=0.4, cutmix=1)
    cut = (both.boxes[:, 1] > both.boxes[:, 0]) & (both.boxes[:, 3] > both.boxes[:, 2])
    assert (both.shares[cut] == 256).all()
    # Some of the images that MixUp is done to have a share that rounds to the whole.
    assert (both.shares < 256).mean() == pytest.approx(0.5, abs=0.06)
    assert cut.mean() == pytest.approx(0.5, abs=0.02)
    other = Mixing.of_view(0, 2, count, (32, 32), mixup=0.4, cutmix=1)
    assert not np.array_equal(both.weights, other.weights)
