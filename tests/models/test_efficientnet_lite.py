"""EfficientNet-Lite0 against numbers from PyTorch, and its weights' file against damage."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.models.efficientnet_lite import PACKAGE
from cifarkit.models.torch_state_dict import read_state_dict
from tests.cli.command import cifarkit, table

VECTORS = Path(__file__).parents[1] / "vectors" / "efficientnet_lite0.json"
"""Pooled features and logits of efficientnet-lite-pytorch 0.1.0 on PyTorch 2.14.1, CPU, float32:
`EfficientNet.from_pretrained("efficientnet-lite0", weights_path=...).eval()`, of `image(side)`."""


def image(side: int) -> np.ndarray:
    """(1, side, side, 3) in 0..255: a wave in each channel."""
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(2 * np.pi * (a * x + b * y)) for a, b in ((3, 1), (1, 4), (2, -3))]
    return (127.5 + 127.5 * np.stack(waves, -1)).astype(np.float32)[None]


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return read_state_dict(PACKAGE.path())


@pytest.mark.parametrize("side", [96, 224])
def test_features_and_logits_are_those_of_pytorch(side: int, tensors) -> None:
    import keras

    from cifarkit.models.registry import get

    model = get("efficientnet_lite0").build(
        image_size=side, weights="imagenet", outputs=2, dropout=0.0
    )
    pooled = keras.ops.convert_to_numpy(model(image(side), training=False)).mean(axis=(1, 2))
    logits = pooled @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    expected = json.loads(VECTORS.read_text())[str(side)]
    assert pooled[0, ::40] == pytest.approx(expected["features"], abs=2e-4)
    assert pooled.mean() == pytest.approx(expected["feature_mean"], rel=1e-4)
    assert logits[0, ::50] == pytest.approx(expected["logits"], abs=2e-3)
    assert np.argsort(-logits[0])[:3].tolist() == expected["top"]


def test_it_names_sample_photographs(tensors) -> None:
    """scikit-learn's china.jpg shows a palace (ImageNet's class 698)."""
    import keras
    from PIL import Image
    from sklearn.datasets import load_sample_images

    from cifarkit.models.registry import get

    china = Image.fromarray(load_sample_images().images[0])
    width, height = china.size
    left = (width - height) // 2
    square = china.crop((left, 0, left + height, height)).resize(
        (224, 224), Image.Resampling.BICUBIC
    )
    model = get("efficientnet_lite0").build(
        image_size=224, weights="imagenet", outputs=2, dropout=0.0
    )
    features = model(np.asarray(square, np.float32)[None], training=False)
    pooled = keras.ops.convert_to_numpy(features).mean(axis=(1, 2))
    assert np.argmax(pooled @ tensors["_fc.weight"].T + tensors["_fc.bias"]) == 698


def test_every_tensor_but_the_classifier_is_used(tensors) -> None:
    from cifarkit.models.layer_facts import table

    used = sum(v.size for k, v in tensors.items() if "_fc" not in k and "num_batches" not in k)
    assert used == table()["efficientnet_lite0"].total_params == 3_413_024


class TestStateDict:
    def damaged(self, tmp_path: Path, content: bytes) -> str:
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        with pytest.raises(InvalidInput) as refused:
            read_state_dict(path)
        return str(refused.value)

    def test_a_program_is_not_run(self, tmp_path: Path) -> None:
        class Program:
            def __reduce__(self):
                return (Path.touch, (tmp_path / "ran",))

        message = self.damaged(tmp_path, pickle.dumps(Program()))
        assert "no state dict of weights needs" in message
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(17)])
    def test_another_file(self, tmp_path: Path, content: bytes) -> None:
        assert "not a readable PyTorch state dict" in self.damaged(tmp_path, content)

    def test_a_truncated_file(self, tmp_path: Path) -> None:
        whole = PACKAGE.path().read_bytes()
        for length in (100, 30_000, len(whole) - 1):
            assert "not a readable PyTorch state dict" in self.damaged(tmp_path, whole[:length])


class TestPackage:
    def test_one_that_is_not_installed(self) -> None:
        from dataclasses import replace

        with pytest.raises(InvalidInput, match=r"pip install 'cifarkit\[offline\]'"):
            replace(PACKAGE, module="no_such_module").path()

    def test_other_content(self) -> None:
        from dataclasses import replace

        with pytest.raises(InvalidInput, match="reinstall the package"):
            replace(PACKAGE, sha256="0" * 64).path()

    def test_a_study_is_refused_before_it_trains(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from cifarkit.models import weights_package
        from cifarkit.studies.completion import trial_spec
        from cifarkit.studies.inputs import Inputs
        from cifarkit.training.pretrained_weights import fetch

        monkeypatch.setattr(weights_package, "find_spec", lambda _: None)
        spec = trial_spec(Inputs(), model="efficientnet_lite0", dataset="synthetic").model
        with pytest.raises(InvalidInput, match=r"--weights: imagenet of efficientnet_lite0: .*pip"):
            fetch([spec], print)
        fetch([spec.model_copy(update={"weights": "none"})], print)


def test_a_classifier_on_its_frozen_features_beats_training_from_scratch(tmp_path: Path) -> None:
    small = ("--classes", "6", "--train-per-class", "40", "--epochs", "8", "--no-augment")
    probe = ("--unfreeze", "0", "--image-size", "64", "--learning-rate", "3e-3")
    done = cifarkit(
        *("zoo", "--models", "efficientnet_lite0,lenet", "--dataset", "synthetic"),
        *(*small, *probe, "--runs", tmp_path),
    )
    _, pretrained, scratch = table(done.stdout)
    assert float(pretrained[4]) > float(scratch[4]) + 0.1
