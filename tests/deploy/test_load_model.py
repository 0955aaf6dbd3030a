"""A trained network in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cifarkit as ck
from cifarkit.store.predictions import of_trial
from cifarkit.store.store import Store
from tests.deploy.conftest import Trained


def images_of(trained: Trained) -> list[Path]:
    """The test images in the order of the trial's."""
    return sorted((trained.photos / "test").rglob("*.png"))


def test_it_predicts_files_as_its_trial_did(trained: Trained, model: ck.LoadedModel) -> None:
    saved = of_trial(Store(trained.runs).read(trained.trial_id))
    found = model.predict(images_of(trained), batch_size=7)
    assert saved.probabilities is not None
    np.testing.assert_allclose(found.probabilities, saved.probabilities, atol=5e-4)
    np.testing.assert_array_equal(found.labels, saved.predictions)
    assert model.class_names == tuple("0123456789")
    assert (model.native_size, model.format, model.trial_id) == ((8, 8), "trial", trained.trial_id)


def test_dropout_and_batchnorm_are_off_in_every_call(model: ck.LoadedModel) -> None:
    """With `Resizing` in front, a call without `training` ran in training mode."""
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    before = [weight.numpy() for weight in model.keras.weights]
    first, second = np.asarray(model.keras(images)), np.asarray(model.keras(images))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, model.keras.predict(images, verbose=0), atol=1e-6)
    np.testing.assert_allclose(first, model.probabilities(images), atol=1e-6)
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-5)
    for weight, old in zip(model.keras.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_the_model_resizes_as_the_reader_of_files_does(model: ck.LoadedModel) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (40, 25, 3), np.uint8)
    inside = np.asarray(model.keras(photo[None]))
    read = model.predict(photo).probabilities
    np.testing.assert_allclose(inside, read, atol=0.02)  # Pillow rounds to whole pixel values


def test_images_come_as_paths_bytes_and_arrays(trained: Trained, model: ck.LoadedModel) -> None:
    path = images_of(trained)[0]
    pixels = np.asarray(Image.open(path).convert("RGB"))
    many = [model.predict(one) for one in (path, str(path), path.read_bytes(), pixels)]
    many.append(model.predict(pixels[None]))
    for one in many:
        np.testing.assert_array_equal(one.probabilities, many[0].probabilities)
    assert [one.names for one in many] == [(str(path),), (str(path),), *[("image 1",)] * 3]


def test_what_is_no_image_is_named_and_left_out(
    trained: Trained, model: ck.LoadedModel, tmp_path: Path
) -> None:
    bad, gone = tmp_path / "bad.png", tmp_path / "gone.png"
    bad.write_text("no image")
    good = images_of(trained)[0]
    found = model.predict([bad, good, gone])
    assert found.names == (str(good),)
    assert list(found.left_out) == [str(bad), str(gone)]
    assert "not an image" in found.left_out[str(bad)]
    assert len(model.predict([bad])) == 0
    with pytest.raises(ck.InvalidInput, match="uint8 in RGB, got"):
        model.predict(np.zeros((2, 8, 8, 3)))


def test_top_classes_are_in_order(model: ck.LoadedModel) -> None:
    table = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]], np.float32)
    found = ck.Predicted(("x", "y"), table, ("a", "b", "c"))
    assert [[name for name, _ in row] for row in found.top(2)] == [["b", "c"], ["a", "b"]]
    assert found.classes == ["b", "a"]
    frame = found.to_dataframe(top=2)
    assert list(frame.columns) == ["image", "class_1", "probability_1", "class_2", "probability_2"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("sweep-of-model", "no trial 'sweep-of-model'"),
        ("nowhere/model.onnx", "there is nothing"),
        ("", "give a trial's id"),
    ],
)
def test_what_cannot_be_loaded_is_refused(trained: Trained, target: str, message: str) -> None:
    with pytest.raises(ck.InvalidInput, match=message):
        ck.load_model(target, trained.runs)


def test_a_study_means_what_it_chose(trained: Trained) -> None:
    (study,) = ck.open_store(trained.runs).studies
    assert ck.load_model(study.name, trained.runs).trial_id == trained.trial_id
