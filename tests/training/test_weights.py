"""Published weights: downloaded whole or not at all, loaded by Keras' own code from its cache.

Nothing here needs a network: where a download has to work, `urlretrieve` copies a file made by the
test, under the name and in the format of the published one.
"""

import hashlib
import os
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from cifarkit.errors import InvalidInput
from cifarkit.reporting.provenance import weights_sentences
from cifarkit.specs import ModelSpec
from cifarkit.store.store import Store
from cifarkit.training import pretrained_weights
from cifarkit.training.model_builder import build
from tests.cli.command import in_a_process

FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"
MODEL = ModelSpec(model="mobilenetv2", image_size=96, weights="imagenet")
DOWNLOADER = """
import os, shutil, urllib.request
def urlretrieve(url, target, progress=None):
    with open(os.environ["REQUESTS"], "a") as log:
        log.write(url + "\\n")
    shutil.copy(os.environ["SERVED"], target)
    if os.environ.get("CUT"):
        os.truncate(target, 1000)
        os._exit(1)
urllib.request.urlretrieve = urlretrieve
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(7)
    network = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None)
    path = tmp_path_factory.mktemp("published") / FILE
    with h5py.File(path, "w") as file:  # the old format, in which they were published
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("https_proxy", "HTTPS_PROXY"):  # a network that refuses
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return tmp_path / "keras"


def serve(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the processes that are started from now on download a file of ours."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(DOWNLOADER)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.getcwd()}")
    monkeypatch.setenv("SERVED", str(file))
    monkeypatch.setenv("REQUESTS", str(folder / "requests"))
    return folder / "requests"


def test_it_is_downloaded_once_and_appears_whole(
    published: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = serve(published, tmp_path / "served", monkeypatch)
    half = home / "models" / ".cifarkit.part" / "models" / FILE  # a killed process left it
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    messages: list[str] = []
    pretrained_weights.fetch([MODEL, MODEL], messages.append)
    assert (home / "models" / FILE).read_bytes() == published.read_bytes()
    assert {path.name for path in (home / "models").iterdir()} - {".cifarkit.lock"} == {FILE}
    pretrained_weights.fetch([MODEL], messages.append)
    (request,) = requests.read_text().split()
    assert request.startswith("https://storage.googleapis.com/")
    assert request.endswith(FILE)
    (line,) = messages
    assert FILE in line


def test_a_download_that_dies_leaves_nothing(
    published: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(published, tmp_path / "served", monkeypatch)
    monkeypatch.setenv("CUT", "yes")
    with pytest.raises(InvalidInput, match="could not be downloaded"):
        pretrained_weights.fetch([MODEL], print)
    assert {path.name for path in (home / "models").iterdir()} <= {".cifarkit.lock"}


def test_without_a_network_the_message_names_the_file_its_place_and_two_ways_on(home: Path) -> None:
    done = in_a_process("zoo", "--dataset", "synthetic", "--models", "mobilenetv2",
                    "--image-size", "96", "--runs", home.parent / "runs", code=2)  # fmt: skip
    for part in (FILE, str(home / "models"), "put the file there", "--weights none"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home.parent / "runs" / "trials").exists()


def test_a_cache_that_cannot_be_made_is_refused(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(InvalidInput, match="--weights none"):
        pretrained_weights.fetch([MODEL], print)


def test_a_trial_starts_from_the_file(published: Path, home: Path, tmp_path: Path) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copy(published, home / "models" / FILE)
    in_a_process("zoo", "--dataset", "synthetic", "--models", "mobilenetv2", "--image-size", "96",
             "--classes", "2", "--train-per-class", "4", "--epochs", "1", "--unfreeze", "0",
             "--keep-weights", "all", "--runs", tmp_path / "runs")  # fmt: skip
    (record,) = Store(tmp_path / "runs").records()
    assert record.spec.model.weights == "imagenet"
    content = hashlib.sha256(published.read_bytes()).hexdigest()
    assert record.result is not None
    assert (record.result.loaded_file, record.result.loaded_sha256) == (FILE, content)
    (sentence,) = weights_sentences([record])
    assert sentence == (
        f"MobileNetV2: imagenet, {FILE} (SHA-256 {content}, licence Apache 2.0), 1 trial."
    )
    trained = build(record.spec.model, (32, 32), pretrained=False)
    trained.model.load_weights(record.folder / "model.weights.h5")
    expected = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None)
    expected.load_weights(published)
    for found, given in zip(trained.backbone.weights, expected.weights, strict=True):
        if "moving" not in given.path:  # BatchNorm's averages go on, unless it is frozen
            np.testing.assert_array_equal(found, given, err_msg=given.path)
