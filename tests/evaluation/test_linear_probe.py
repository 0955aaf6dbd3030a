"""The linear probe and kNN against scikit-learn's fits that leave out one image each."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from cifarkit.errors import InvalidInput
from cifarkit.evaluation import linear_probe as module
from cifarkit.evaluation import nearest_neighbours as nearest_neighbours_module
from cifarkit.evaluation.linear_probe import PENALTIES, by_other_half, linear_probe
from cifarkit.evaluation.nearest_neighbours import nearest_neighbours

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("images", "features"), [(40, 6), (24, 50)])
def test_leave_one_out_scores_are_those_of_as_many_fits(images: int, features: int) -> None:
    x = RNG.normal(size=(images, features)) * RNG.uniform(0.1, 9, features) + 3
    labels = np.arange(images) % 3
    scores = list(module._left_out_scores(x, labels))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    one_hot = np.eye(3)[labels]
    for row in (0, 6, 12):
        for image in range(0, images, 7):
            others = np.arange(images) != image
            fit = Ridge(alpha=PENALTIES[row] * images, solver="svd").fit(z[others], one_hot[others])
            expected = fit.predict(z[[image]])[0]
            # With almost no penalty a fit to fewer images than features is ill-conditioned.
            np.testing.assert_allclose(scores[row][image], expected, atol=1e-6, rtol=1e-5)


def test_the_other_half_chooses() -> None:
    labels = np.array([0, 0, 1, 1])
    halves = np.array([False, False, True, True])
    guesses = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    found = by_other_half(guesses, labels, halves, (1.0, 2.0, 3.0))
    # The first half's images are scored by what is right on the second half, and vice versa: the
    # strongest of equals.
    assert found.chosen == (2.0, 3.0)
    assert found.predictions.tolist() == [1, 1, 0, 0]


def test_neighbours_vote_as_scikit_learns_do() -> None:
    x, labels = load_digits(return_X_y=True)
    x, labels = x[:300], labels[:300]
    halves = np.arange(300) % 2 == 0
    found = nearest_neighbours(x, labels, halves)
    compared = 0
    for image in range(300):
        others = np.arange(300) != image
        model = KNeighborsClassifier(int(found.chosen[int(halves[image])]), metric="cosine")
        votes = model.fit(x[others], labels[others]).predict_proba(x[[image]])[0]
        if (votes == votes.max()).sum() == 1:
            compared += 1
            assert found.predictions[image] == votes.argmax()
    assert compared > 290


def test_of_equal_votes_the_more_similar_class_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest_neighbours_module, "NEIGHBOURS", (2,))
    angles = np.deg2rad([0.0, 10, 350 - 15, 180])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = nearest_neighbours(x, np.array([2, 1, 0, 0]), np.array([True, False] * 2))
    assert found.predictions[0] == 1  # at 10 degrees; the other neighbour is at -25


def test_digits_are_easy_and_noise_is_chance() -> None:
    x, labels = load_digits(return_X_y=True)
    halves = RNG.random(len(labels)) < 0.5
    assert (linear_probe(x, labels, halves).predictions == labels).mean() > 0.92
    assert (nearest_neighbours(x, labels, halves).predictions == labels).mean() > 0.96
    noise = RNG.normal(size=(400, 600))
    guessed = np.arange(400) % 4
    for method in (linear_probe, nearest_neighbours):
        right = (method(noise, guessed, halves[:400]).predictions == guessed).mean()
        assert 0.15 < right < 0.35  # 0.25, four standard errors of 0.022 either way


def test_constant_features_count_for_nothing_and_infinite_ones_are_refused() -> None:
    x = RNG.normal(size=(30, 4)) + np.arange(30)[:, None] % 3 * 4
    labels, halves = np.arange(30) % 3, np.arange(30) < 15
    plain = linear_probe(x, labels, halves).predictions
    padded = np.concatenate([x, np.full((30, 2), 7.0)], axis=1)
    np.testing.assert_array_equal(linear_probe(padded, labels, halves).predictions, plain)
    with pytest.raises(InvalidInput, match="not finite"):
        linear_probe(np.where(x > 5, np.inf, x), labels, halves)
