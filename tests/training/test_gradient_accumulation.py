"""Updates from micro-batches are those of the whole batch."""

import keras
import numpy as np
import pytest

from cifarkit.studies.completion import trial_spec
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import build
from tests.training.test_loop import DATA


def train(micro_batch: int | None, **settings: object) -> tuple[FitResult, list[np.ndarray]]:
    """LeNet has neither BatchNormalization nor dropout; the last batch of 40 holds 16 images."""
    spec = trial_spec(
        **{"model": "lenet", "dataset": "cifar10", "classes": 2, "batch_size": 40, "epochs": 3}
        | settings
    )
    keras.utils.set_random_seed(0)
    built = build(spec.model, (32, 32))
    done, _ = fit(
        built,
        DATA,
        spec.train,
        emit=lambda *_: None,
        on_epoch=lambda _: None,
        micro_batch=micro_batch,
    )
    return done, [np.asarray(weight) for weight in built.model.weights]


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "learning_rate": 0.01},
        {"optimizer": "adamw", "label_smoothing": 0.1, "augment": False},
        {"optimizer": "sgd", "learning_rate": 0.01, "mixup": 0.4, "augment": False},
    ],
)
def test_updates_equal_those_of_the_whole_batch(settings: dict[str, object]) -> None:
    whole, expected = train(None, **settings)
    # 13 divides neither 40 nor 16: parts of unequal sizes weigh by their images.
    parts, weights = train(13, **settings)
    for row, other in zip(whole.history, parts.history, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert row["accuracy"] == other["accuracy"]
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-3, atol=1e-4)


def test_one_update_to_rounding() -> None:
    """A single step of plain gradient descent: nothing amplifies the rounding."""
    settings = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "epochs": 1,
        "batch_size": 96,
        "augment": False,
    }
    _, expected = train(None, **settings)
    _, weights = train(13, **settings)
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=0, atol=1e-6)
