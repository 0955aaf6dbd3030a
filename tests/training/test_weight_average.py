"""With `ema`, the exponential moving average of the weights is what is validated and kept."""

from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.evaluation.logits import cross_entropy_and_accuracy
from cifarkit.studies.completion import trial_spec
from cifarkit.training.fit_result import FitResult
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import build, precision
from tests.training.test_loop import DATA
from tests.training.test_precise_batchnorm import train as train_normalized


def train(**settings: Any) -> tuple[FitResult, Any, Any, list[list[np.ndarray]]]:
    """The last is the trained weights after each epoch, which is one update here."""
    spec = trial_spec(
        **{"model": "lenet", "dataset": "cifar10", "classes": 2, "batch_size": 96, "epochs": 5}
        | {"augment": False, "learning_rate": 3e-3}
        | settings
    )
    keras.utils.set_random_seed(0)
    with precision(spec.train.precision):
        built = build(spec.model, (32, 32))
    trained: list[list[np.ndarray]] = []
    done, logits_of = fit(
        built,
        DATA,
        spec.train,
        emit=lambda _: None,
        on_epoch=lambda _: trained.append(built.model.get_weights()),
    )
    return done, logits_of, built.model, trained


@pytest.mark.parametrize(
    "settings",
    [{}, {"optimizer": "adamw", "precision": "mixed_float16"}, {"optimizer": "sgd"}],
    ids=lambda settings: settings.get("optimizer", "adam"),
)
def test_averages_by_numpy(settings: dict[str, Any]) -> None:
    done, logits_of, model, trained = train(ema=0.6, **settings)
    plain, _, _, expected = train(**settings)
    for ours, theirs in zip(trained, expected, strict=True):  # training itself does not change
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert [row["loss"] for row in done.history] == [row["loss"] for row in plain.history]

    averages = [trained[0]]
    for weights in trained[1:]:
        averages.append([0.6 * a + 0.4 * w for a, w in zip(averages[-1], weights, strict=True)])
    kept, losses = model.get_weights(), []
    for epoch, average in enumerate(averages, 1):
        if epoch == done.best_epoch:
            for found, wanted in zip(kept, average, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
        model.set_weights(average)
        losses.append(
            cross_entropy_and_accuracy(logits_of(DATA.validation_images), DATA.validation_labels)[0]
        )
    rtol = 1e-2 if "precision" in settings else 1e-5
    np.testing.assert_allclose([row["validation_loss"] for row in done.history], losses, rtol=rtol)
    assert losses[-1] != pytest.approx(plain.history[-1]["validation_loss"], rel=1e-3)


def test_statistics_of_other_weights_are_noted() -> None:
    note = "averaged weights were validated and kept with moving averages of BatchNormalization's"
    lagging, *_ = train_normalized(precise=False, ema=0.5, epochs=2)
    assert [found.startswith(note) for found in lagging.notes] == [True]
    own, *_ = train_normalized(ema=0.5, epochs=2)
    assert own.notes == []
