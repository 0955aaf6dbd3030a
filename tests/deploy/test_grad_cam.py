"""Grad-CAM: values computed by hand, its choice of a layer, and what `evaluate` makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import cifarkit as ck
from cifarkit.api.explain import rank_correlation
from cifarkit.cli.app import app
from cifarkit.deploy.grad_cam import feature_map, grad_cam
from cifarkit.errors import InvalidInput
from cifarkit.reporting.explanations import ExplainedImage, Explanations
from cifarkit.specs import ModelSpec
from cifarkit.store.store import Store, checksums
from cifarkit.studies.completion import trial_spec
from cifarkit.training.keras_compat import import_keras
from cifarkit.training.model_builder import build
from tests.deploy.conftest import Trained

pytestmark = pytest.mark.slow


def spec_of(model: str, image_size: int) -> ModelSpec:
    return trial_spec(
        model=model, weights="none", image_size=image_size, dataset="synthetic", classes=5
    ).model


def test_maps_are_those_computed_by_hand() -> None:
    """Two channels, red and green; the class is 3 x red - 2 x green, averaged over 4 x 4."""
    import_keras()
    import keras

    images = keras.Input((4, 4, 3))
    channels = keras.layers.Conv2D(2, 1, use_bias=False, name="red_and_green")
    pooled = keras.layers.GlobalAveragePooling2D()(channels(images))
    scores = keras.layers.Dense(2, use_bias=False, name="scores")
    model = keras.Model(images, scores(pooled))
    channels.set_weights([np.array([[[[1, 0], [0, 1], [0, 0]]]], np.float32)])
    scores.set_weights([np.array([[3, 0], [-2, 1]], np.float32)])
    joint, layer = feature_map(model)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    maps, logits = grad_cam(joint, pixels, np.array([0, 1]))
    red, green = pixels[..., 0].astype(float), pixels[..., 1].astype(float)
    assert layer == "red_and_green"
    # A channel's weight is its derivative at each position: 3/16 and -2/16, or 1/16.
    np.testing.assert_allclose(maps[0], (3 * red[0] - 2 * green[0]) / 16, rtol=1e-5)
    np.testing.assert_allclose(maps[1], green[1] / 16, rtol=1e-5)
    np.testing.assert_allclose(logits[0], [maps[0].sum(), green[0].mean()], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "image_size", "map_size"),
    [
        ("lenet", 32, (6, 6)),
        ("mobilenetv2", 64, (4, 4)),
        pytest.param("densenet121", 64, (4, 4), marks=pytest.mark.exhaustive),
        pytest.param("inceptionv3", 96, (4, 4), marks=pytest.mark.exhaustive),
        pytest.param("efficientnetb0", 96, (6, 6), marks=pytest.mark.exhaustive),
        pytest.param("nasnetmobile", 96, (6, 6), marks=pytest.mark.exhaustive),
        pytest.param("xception", 96, (6, 6), marks=pytest.mark.exhaustive),
        pytest.param("resnet50v2", 96, (6, 6), marks=pytest.mark.exhaustive),
        pytest.param("vgg16", 64, (4, 4), marks=pytest.mark.exhaustive),
        pytest.param("mobilenetv3small", 96, (6, 6), marks=pytest.mark.exhaustive),
    ],
)
def test_plain_and_nested_networks(name: str, image_size: int, map_size: tuple[int, int]) -> None:
    import_keras()
    built = build(spec_of(name, image_size), (image_size, image_size), pretrained=False)
    joint, _ = feature_map(built.model)
    assert joint.outputs[0].shape[1:3] == map_size
    images = np.random.default_rng(0).integers(0, 256, (3, image_size, image_size, 3), np.uint8)
    maps, logits = grad_cam(joint, images, np.array([0, 1, 2]))
    assert np.isfinite(maps).all()
    assert np.ptp(maps, axis=(1, 2)).all()
    expected = built.model(images.astype(np.float32), training=False)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    again, _ = grad_cam(joint, images, np.array([0, 1, 2]))
    np.testing.assert_array_equal(again, maps)  # nothing random is on


def test_a_network_without_a_large_enough_map_is_refused() -> None:
    import_keras()
    import keras

    images = keras.Input((8, 8, 3))
    tokens = keras.layers.Reshape((64, 3))(images)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Dense(4)(tokens))
    with pytest.raises(InvalidInput, match="--explain: Grad-CAM needs a feature map"):
        feature_map(keras.Model(images, keras.layers.Dense(2)(x)))


def test_rank_correlation() -> None:
    first = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)
    assert rank_correlation(first, np.array([[2.0, 1.0], [3.0, 4.0]])) == pytest.approx(0.8)
    assert rank_correlation(first, np.ones((2, 2))) is None


@pytest.mark.parametrize(
    ("correlations", "said"),
    [
        ([0.1, -0.3], "0.20 in absolute value, on average of 2 images (-0.30 to 0.10): the maps "
                      "depend on what was learned."),
        ([0.9, -0.9, None], "so they explain nothing."),
        ([None], "is not known: they are constant."),
    ],
)  # fmt: skip
def test_the_check_is_stated(correlations: list[float | None], said: str) -> None:
    heat, pixels = np.ones((4, 4), np.float32), np.zeros((8, 8, 3), np.uint8)
    images = tuple(
        ExplainedImage(n, "", "random", 0, 0, 0.5, heat, value, pixels)
        for n, value in enumerate(correlations)
    )
    assert said in Explanations(images, "conv", 0).check


@pytest.fixture
def mistaken(trained: Trained, tmp_path: Path) -> Path:
    """The store as if two test images had been taken for other classes."""
    store = Store(shutil.copytree(trained.runs, tmp_path / "runs"))
    path = store.folder(trained.trial_id) / "predictions.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    for image, share in ((3, 0.9), (30, 0.8)):
        wrong = (arrays["labels"][image] + 1) % 10
        arrays["predictions"][image] = wrong
        arrays["probabilities"][image] = (1 - share) / 9
        arrays["probabilities"][image, wrong] = share
    np.savez(path, **arrays)
    state = store.state(trained.trial_id)
    summed = {"checksums": checksums(store.folder(trained.trial_id))}
    store.write_state(trained.trial_id, state.model_copy(update=summed))
    return store.root


def test_evaluate_explains_mistakes_and_random_images(
    trained: Trained, mistaken: Path, tmp_path: Path
) -> None:
    found = ck.evaluate(trained.trial_id, mistaken, explain=3)
    assert found.explanations is not None
    images = found.explanations.images
    wrong = [one for one in images if one.chosen == "mistake"]
    assert [one.image for one in wrong][:2] == [3, 30]
    assert len(wrong) <= 3
    assert len(images) == len(wrong) + 3
    assert len({one.image for one in images}) == len(images)
    assert all(one.label != one.predicted for one in wrong)
    assert [one.confidence for one in wrong] == sorted([o.confidence for o in wrong], reverse=True)
    for one in images:
        assert (trained.photos / one.file).is_file()
        assert Path(one.file).parent.name == found.scores.class_names[one.label]
        assert one.map.max() in (0, 1)
        assert one.map.min() >= 0
    assert found.explanations.differing == 2

    content = json.loads(found.document("json"))["explanations"]
    assert [one["file"] for one in content["images"]] == [one.file for one in images]
    assert np.shape(content["images"][0]["map"]) == images[0].map.shape
    text = found.document(figures=tmp_path / "figures")
    assert images[0].file in text
    assert "The network classifies 2 images of these otherwise than when it was scored." in text
    assert "rank correlation with those of the trained network" in text
    (sheet,) = (tmp_path / "figures").glob("*-explained-mistake.png")
    assert sheet.stat().st_size > 10_000


@pytest.mark.parametrize("wrong", ["0", "201"])
def test_counts_out_of_range(trained: Trained, wrong: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", trained.trial_id, "--explain", wrong])
    assert done.exit_code == 2
    with pytest.raises(InvalidInput, match=f"--explain: give a whole number.*got {wrong}"):
        ck.evaluate(trained.trial_id, trained.runs, explain=int(wrong))
    with pytest.raises(InvalidInput, match="--explain is for one trial"):
        ck.evaluate("all", trained.runs, study="x", explain=3)
