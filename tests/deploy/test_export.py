"""Exported files predict what their trial did, and say what they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.deploy import agreement, converters
from cifarkit.store.predictions import Predictions
from tests.cli.command import environment
from tests.deploy.conftest import Trained

SHARED = ("keras", "onnx", "litert")
"""The formats of the fast tests; SavedModel and int8 take longer."""


@pytest.fixture(scope="module")
def exported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ck.Exported]:
    folder = tmp_path_factory.mktemp("exported")
    return {
        format: ck.export("best", trained.runs, format=format, output=folder / format)
        for format in SHARED
    }


def images_of(trained: Trained) -> list[Path]:
    return sorted((trained.photos / "test").rglob("*.png"))


@pytest.mark.parametrize("format", SHARED)
def test_it_predicts_what_its_trial_did(
    trained: Trained, model: ck.LoadedModel, exported: dict[str, ck.Exported], format: str
) -> None:
    done = exported[format]
    images = images_of(trained)
    assert done.agreement.images == done.agreement.of == len(images)
    assert done.agreement.equal_labels == 1
    assert done.agreement.accuracy == done.agreement.trial_accuracy
    assert done.agreement.largest_difference is not None
    assert done.agreement.largest_difference < 5e-4  # of saving in 16 bits
    file = ck.load_model(done.folder)
    assert (file.format, file.class_names, file.trial_id, file.native_size) == (
        format, model.class_names, trained.trial_id, (8, 8),
    )  # fmt: skip
    first, again = (file.predict(images, batch_size=n).probabilities for n in (7, 32))
    np.testing.assert_allclose(first, again, atol=1e-6)
    np.testing.assert_allclose(first, model.predict(images).probabilities, atol=1e-5)


@pytest.mark.parametrize("format", ["keras", "onnx"])
def test_the_file_itself_takes_images_of_any_size(
    exported: dict[str, ck.Exported], format: str
) -> None:
    model = ck.load_model(exported[format].path)
    photo = np.random.default_rng(0).integers(0, 256, (3, 31, 12, 3), np.uint8)
    read = model.predict(photo).probabilities
    np.testing.assert_allclose(model.probabilities(photo), read, atol=0.02)


def test_each_folder_is_complete_and_says_what_it_is(
    trained: Trained, exported: dict[str, ck.Exported]
) -> None:
    for format, done in exported.items():
        assert {path.name for path in done.folder.iterdir()} == {
            "model.json", "model-card.md", "agreement.json", done.record.file,
        }  # fmt: skip
        record = json.loads((done.folder / "model.json").read_text())
        assert record["class_names"] == list("0123456789")
        assert record["trial_id"] == trained.trial_id
        assert record["size_bytes"] == done.path.stat().st_size
        size = "(n, 8, 8, 3)" if format == "litert" else "(n, height, width, 3)"
        assert record["input"] == f"images: uint8, {size}, RGB, 0 to 255"
        assert json.loads((done.folder / "agreement.json").read_text())["equal_labels"] == 1
    with zipfile.ZipFile(exported["keras"].path) as packed:
        assert json.loads(packed.read("cifarkit.json"))["trial_id"] == trained.trial_id
    import onnx

    (inside,) = onnx.load(exported["onnx"].path).metadata_props
    assert json.loads(inside.value)["class_names"] == list("0123456789")


def test_the_card_has_hugging_faces_metadata_and_the_trials_scores(
    trained: Trained, model: ck.LoadedModel, exported: dict[str, ck.Exported]
) -> None:
    import yaml

    card = (exported["onnx"].folder / "model-card.md").read_text()
    _, front, text = card.split("---\n", 2)
    found = yaml.safe_load(front)
    assert (found["library_name"], found["pipeline_tag"]) == ("onnx", "image-classification")
    assert "license" not in found  # of random weights, the user's to choose
    (result,) = found["model-index"][0]["results"]
    metrics = {one["type"]: one["value"] for one in result["metrics"]}
    own = ck.evaluate(trained.trial_id, trained.runs).metrics
    assert metrics["accuracy"] == pytest.approx(own["accuracy"], abs=1e-6)
    assert metrics["f1"] == pytest.approx(own["macro_f1"], abs=1e-6)
    fingerprint = ck.open_store(trained.runs).records[trained.trial_id].spec.data.fingerprint
    for part in (
        fingerprint,
        "TO FILL IN BY THE USER",
        "95% interval",
        exported["onnx"].record.sha256,
    ):
        assert part is not None
        assert part in text
    assert "Exported file" not in model.card
    assert ck.load_model(exported["onnx"].folder).card == card


def test_a_keras_file_is_in_inference_mode_in_every_call(
    exported: dict[str, ck.Exported],
) -> None:
    model = ck.load_model(exported["keras"].folder).keras
    images = np.random.default_rng(0).integers(0, 256, (4, 20, 20, 3), np.uint8)
    once, again = np.asarray(model(images)), np.asarray(model(images))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_allclose(once, model.predict(images, verbose=0), atol=1e-6)


def test_exported_files_predict_without_tensorflow(
    trained: Trained, model: ck.LoadedModel, exported: dict[str, ck.Exported]
) -> None:
    """A folder of digits, a study, an export, and the same classes in a process of its own."""
    program = (
        "import sys, json, cifarkit as ck\n"
        "both = [ck.load_model(folder).predict(sys.argv[3:]).classes for folder in sys.argv[1:3]]\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "print(json.dumps([*both, list(heavy)]))\n"
    )
    images = images_of(trained)
    done = subprocess.run(
        [sys.executable, "-c", program, *(exported[f].folder for f in ("onnx", "litert")), *images],
        capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    of_onnx, of_litert, heavy = json.loads(done.stdout)
    assert not heavy
    assert of_onnx == of_litert == model.predict(images).classes


def test_a_changed_file_is_refused(exported: dict[str, ck.Exported], tmp_path: Path) -> None:
    folder = shutil.copytree(exported["onnx"].folder, tmp_path / "copy")
    file = folder / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ck.InvalidInput, match="does not match its checksum"):
        ck.load_model(folder)
    (folder / "model.json").unlink()
    with pytest.raises(ck.InvalidInput, match=r"there is no model\.json beside it"):
        ck.load_model(file)


def test_a_file_that_predicts_otherwise_is_removed(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a conversion in training mode."""
    whole = converters.inference_model

    def wrong(network: object, *args: object, **options: object) -> object:
        model = whole(network, *args, **options)  # type: ignore[arg-type]
        weights = model.get_weights()
        model.set_weights([weights[0][::-1], *weights[1:]])
        return model

    monkeypatch.setattr(converters, "inference_model", wrong)
    with pytest.raises(ck.CifarkitError, match=r"does not predict what trial .* was removed"):
        ck.export(trained.trial_id, trained.runs, output=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_agreement_by_hand() -> None:
    """Four images: one of another class, off by 0.5 and 0.1 in two of them."""
    labels = np.array([0, 1, 0, 1])
    saved = np.array([[1, 0], [0.25, 0.75], [0.75, 0.25], [0.5, 0.5]], np.float16)
    trial = Predictions(labels, saved.argmax(axis=1), saved, None)
    table = saved.astype(np.float32)
    table[1], table[2] = [0.75, 0.25], [0.65, 0.35]
    images = np.arange(4, dtype=np.uint8)

    def runtime(batch: np.ndarray) -> np.ndarray:
        return table[batch]

    found = agreement.compare(runtime, images, trial, most=None, tolerance=0.3, quantized=True)
    assert (found.images, found.of, found.accuracy, found.trial_accuracy) == (4, 4, 0.5, 0.75)
    assert found.equal_labels == 0.75
    assert found.largest_difference == pytest.approx(0.5)
    assert found.mean_difference == pytest.approx(0.15)
    assert found.accepted
    assert not found.model_copy(update={"tolerance": 0.2}).accepted
    assert not found.model_copy(update={"quantized": False}).accepted
    two = agreement.compare(runtime, images, trial, most=2, tolerance=0.3, quantized=False)
    assert (two.images, two.equal_labels) == (2, 1)
    assert "2 of 4 test images" in two.sentences[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "tflite"}, "unknown --format 'tflite'"),
        ({"format": "onnx", "quantize": "int8"}, "of --format litert alone"),
        ({"images": -1}, "--images"),
        ({"tolerance": -1}, "--tolerance"),
        ({"output": "."}, "exists"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    trained: Trained, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ck.InvalidInput, match=message):
        ck.export("best", trained.runs, **options)  # type: ignore[arg-type]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("format", "quantize"), [("savedmodel", None), ("litert", "int8")], ids=["savedmodel", "int8"]
)
def test_the_other_formats(
    trained: Trained, tmp_path: Path, format: str, quantize: str | None
) -> None:
    done = ck.export(
        "best", trained.runs, format=format, quantize=quantize, output=tmp_path / "out",
        images=20, tolerance=0.1,
    )  # type: ignore[call-overload]  # fmt: skip
    assert done.agreement.images == 20
    model = ck.load_model(done.folder)
    trial = ck.load_model(trained.trial_id, trained.runs)
    images = images_of(trained)
    same = np.mean(model.predict(images).labels == trial.predict(images).labels)
    assert same >= (0.9 if quantize else 1)
    if quantize is None:
        photo = np.random.default_rng(0).integers(0, 256, (3, 31, 12, 3), np.uint8)
        read = model.predict(photo).probabilities
        np.testing.assert_allclose(model.probabilities(photo), read, atol=0.02)
        weights = done.path / "variables" / "variables.data-00000-of-00001"
        assert weights.stat().st_size < 1.1 * 4 * trial.keras.count_params()
    else:
        assert done.record.size_bytes < 0.5 * trial.size_bytes
