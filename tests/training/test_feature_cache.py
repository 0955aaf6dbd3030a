"""Training on what the frozen layers gave once is training, and the cache only saves time."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarkit.datasets import memmap_cache
from cifarkit.datasets.dataset import Splits
from cifarkit.execution.events import PhaseChanged
from cifarkit.models.registry import get as get_backbone
from cifarkit.studies.completion import trial_spec
from cifarkit.training import feature_cache, feature_cache_key
from cifarkit.training.feature_cache_key import prefix_identity
from cifarkit.training.fit_result import FitResult
from cifarkit.training.graph_split import cut
from cifarkit.training.loop import fit
from cifarkit.training.model_builder import BuiltModel, build, precision
from tests.training.calibrated import calibrate
from tests.training.test_graph_split import some

RNG = np.random.default_rng(0)
COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy")


def images(n: int, rng: np.random.Generator = RNG) -> tuple[np.ndarray, np.ndarray]:
    labels = (np.arange(n) % 3).astype(np.int32)
    pixels = rng.integers(0, 120, (n, 20, 20, 3)) + 60 * labels[:, None, None, None]
    return pixels.astype(np.uint8), labels


DATA = Splits(*images(40), *images(12), *images(11), ("dark", "grey", "light"))


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path))
    return tmp_path / "activations"


@pytest.fixture(autouse=True)
def everything_pays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_costs" not in request.fixturenames:
        monkeypatch.setattr(feature_cache, "MIN_FLOPS_PER_BYTE", 0)


@pytest.fixture
def real_costs() -> None:
    """The networks here are too small for their frozen part to pay: most tests let them."""


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images the prefix was run on, call by call."""
    seen: list[int] = []
    real = feature_cache._batches

    def counting(run: Any, images: np.ndarray, *rest: Any) -> Any:
        seen.append(len(images))
        return real(run, images, *rest)

    monkeypatch.setattr(feature_cache, "_batches", counting)
    return seen


def network(unfreeze: float, dropout: float, precise: bool = False) -> BuiltModel:
    """A small backbone with what the large ones have: BatchNormalization and a residual path."""
    from keras import layers

    image = keras.Input((20, 20, 3))
    x = layers.Conv2D(16, 3, strides=2)(image)
    for _ in range(3):
        y = layers.BatchNormalization()(x)
        y = layers.ReLU()(y)
        y = layers.Conv2D(16, 3, padding="same")(y)
        x = layers.Add()([x, y])
    backbone = keras.Model(image, x, name="backbone")
    inputs = keras.Input((20, 20, 3))
    y = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    y = layers.Dropout(dropout)(backbone(y))
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Dense(3, dtype="float32")(y)
    built = BuiltModel(keras.Model(inputs, y), backbone, (), 20, 0, precise_batchnorm=precise)
    calibrate(built, DATA.train_images, unfreeze=unfreeze)
    return built


def train(
    events: list[Any] | None = None, **settings: Any
) -> tuple[FitResult, np.ndarray, BuiltModel, list[np.ndarray]]:
    spec = trial_spec(
        **{
            "model": "mobilenetv2",  # any: the network is our own
            "weights": "none",
            "dataset": "cifar10",
            "classes": 3,
            "unfreeze": 0.0,
            "batch_size": 16,
            "epochs": 3,
            "learning_rate": 1e-3,
            "augment": False,
        }
        | settings
    )
    keras.utils.set_random_seed(spec.train.seed)
    with precision(spec.train.precision):
        precise = spec.model.batchnorm == "precise"
        built = network(spec.model.unfreeze, spec.model.dropout, precise)
    before = [np.asarray(weight) for weight in built.backbone.weights]
    emit = (lambda _: None) if events is None else events.append
    done, logits_of = fit(built, DATA, spec.train, emit=emit, on_epoch=lambda _: None)
    return done, logits_of(DATA.test_images), built, before


def live(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    with monkeypatch.context() as patched:
        patched.setattr(feature_cache, "cut", lambda model: None)
        return train(**settings)


def figures(done: FitResult) -> list[list[float]]:
    return [[row[column] for column in COLUMNS] for row in done.history]


@pytest.mark.parametrize(
    ("unfreeze", "batchnorm", "ema"),
    [(0.0, "keras", 0), (0.2, "keras", 0), (0.45, "keras", 0), (0.45, "precise", 0.6)],
)
def test_it_trains_as_the_whole_model_does(
    unfreeze: float,
    batchnorm: str,
    ema: float,
    monkeypatch: pytest.MonkeyPatch,
    computed: list[int],
) -> None:
    chosen = {"unfreeze": unfreeze, "batchnorm": batchnorm, "ema": ema}
    chosen |= {"layer_decay": 0.5 if ema else 1.0}
    done, logits, built, before = train(**chosen)
    assert computed == [40, 12, 11]
    whole, expected, other, _ = live(monkeypatch, **chosen)
    assert whole.prefix_seconds == 0
    assert done.prefix_seconds > 0
    # Dropout is on in both: its masks are the same, since its layer is the same.
    np.testing.assert_allclose(figures(done), figures(whole), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    layers = built.backbone.layers
    frozen = layers[: int(len(layers) * (1 - unfreeze))]
    untouched = {id(weight) for layer in frozen for weight in layer.weights}
    for old, new in zip(before, built.backbone.weights, strict=True):
        assert np.array_equal(old, np.asarray(new)) is (id(new) in untouched)
    for ours, theirs in zip(built.model.weights, other.model.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-2, atol=1e-3)
    # The model that is handed back is the trained one, whole.
    again = built.model(DATA.test_images.astype("float32"), training=False)
    np.testing.assert_allclose(np.asarray(again), logits, rtol=1e-4, atol=1e-4)


@pytest.fixture
def memory_back() -> Iterator[None]:
    """Ten large networks and their graphs, one after another, would take gigabytes."""
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.mark.slow
@pytest.mark.parametrize("model", some(["mobilenetv2"]))
def test_every_backbone_of_the_study_trains_as_the_whole_does(
    model: str, monkeypatch: pytest.MonkeyPatch, memory_back: None
) -> None:
    rng = np.random.default_rng(0)
    data = Splits(*images(24, rng), *images(6, rng), *images(5, rng), DATA.class_names)
    size = max(32, get_backbone(model).min_size)
    spec = trial_spec(
        model=model, weights="none", image_size=size, dataset="cifar10", classes=3, unfreeze=0.1,
        augment=False, batch_size=12, epochs=2,
        # Small steps, of the gradients' own size: others magnify rounding in networks so deep.
        optimizer="sgd", learning_rate=1e-5,
    )  # fmt: skip

    def trained() -> tuple[FitResult, np.ndarray, np.ndarray]:
        keras.utils.set_random_seed(0)
        built = build(spec.model.model_copy(update={"unfreeze": 1.0}), (20, 20))
        calibrate(built, data.train_images, unfreeze=spec.model.unfreeze)
        weights = built.model.trainable_weights
        start = [np.asarray(weight).copy() for weight in weights]
        silent: Any = lambda *_: None  # noqa: E731
        done, logits_of = fit(built, data, spec.train, emit=silent, on_epoch=silent)
        changes = [
            np.ravel(np.asarray(weight) - old) for weight, old in zip(weights, start, strict=True)
        ]
        return done, logits_of(data.test_images), np.concatenate(changes)

    done, logits, change = trained()
    assert "once per image" in done.notes[0]
    monkeypatch.setattr(feature_cache, "cut", lambda model: None)
    whole, expected, expected_change = trained()
    assert not whole.notes
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(figures(done), figures(whole), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(logits, expected, atol=1e-3 * np.abs(expected).max())
    apart = np.linalg.norm(change - expected_change) / np.linalg.norm(expected_change)
    assert apart < 0.02


def test_trials_that_share_it_compute_it_once(computed: list[int]) -> None:
    events: list[Any] = []
    first, *_ = train(events=events, epochs=2)
    assert first.notes == [
        "the frozen layers ran once per image, not once per epoch; their cached outputs take 319 kB"
    ]
    assert PhaseChanged("frozen layers") in events
    second, *_ = train(epochs=2, learning_rate=1e-2, dropout=0.3, batch_size=8, optimizer="sgd")
    assert computed == [40, 12, 11]
    assert second.notes == first.notes
    train(epochs=2, seed=1)  # other weights, since these are random
    assert computed == [40, 12, 11] * 2


def test_time_counts_the_frozen_layers_wherever_they_ran(cache_folder: Path) -> None:
    cold, *_ = train(epochs=2)
    warm, *_ = train(epochs=2, learning_rate=1e-2)
    assert sum(warm.prefix_entries.values()) == sum(cold.prefix_entries.values()) > 0
    # What computing took is at least an hour from now on: no trial has spent that.
    for entry in cache_folder.iterdir():
        if entry.is_dir():
            (entry / "seconds.txt").write_text("3600\n")
    warm, *_ = train(epochs=2, learning_rate=1e-3, batch_size=8)
    assert warm.seconds < 3 * 3600 < warm.seconds_uncached < warm.seconds + 3 * 3600 + 1
    assert cold.seconds_uncached == pytest.approx(cold.seconds, rel=0.05)


def test_an_entry_whose_cost_is_not_known_is_made_anew(
    cache_folder: Path, computed: list[int]
) -> None:
    train(epochs=2)
    next(cache_folder.glob("*/seconds.txt")).unlink()
    train(epochs=2)
    assert len(computed) == 4


def test_a_few_augmented_views_train_as_in_the_whole_model(
    monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    chosen = {"augment": True, "augment_views": 2, "epochs": 5}
    expected, logits, *_ = live(monkeypatch, **chosen)
    found, found_logits, *_ = train(**chosen)
    assert "once per view" in found.notes[0]
    assert computed == [40, 40, 12, 11]
    np.testing.assert_allclose(figures(found), figures(expected), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(found_logits, logits, rtol=2e-3, atol=1e-4)
    train(**chosen, learning_rate=1e-2, batch_size=8)
    assert len(computed) == 4
    train(**chosen, rotation=0.2)
    assert computed[4:] == [40, 40]
    train(**chosen | {"epochs": 2})  # no view is seen twice
    assert len(computed) == 6


def test_mixed_views_train_as_in_the_whole_model(
    monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    """A view is mixed in the same way in every epoch that sees it, and so are its labels."""
    chosen = {"augment": True, "augment_views": 2, "epochs": 5, "mixup": 0.4, "cutmix": 1.0}
    expected, logits, *_ = live(monkeypatch, **chosen)
    found, found_logits, *_ = train(**chosen)
    assert computed == [40, 40, 12, 11]
    np.testing.assert_allclose(figures(found), figures(expected), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(found_logits, logits, rtol=2e-3, atol=1e-4)
    train(**chosen | {"mixup": 0.5})
    assert computed[4:] == [40, 40]
    train(**chosen | {"augment": False, "augment_views": None})  # mixed anew in every epoch
    assert len(computed) == 6


def test_statistics_of_images_as_they_are_where_only_views_were_computed(
    monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    chosen = {"augment": True, "augment_views": 2, "epochs": 4, "unfreeze": 0.45}
    expected, logits, other, _ = live(monkeypatch, **chosen)
    found, found_logits, built, _ = train(**chosen)
    assert computed == [40, 40, 12, 11, 40]
    np.testing.assert_allclose(figures(found), figures(expected), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(found_logits, logits, rtol=2e-3, atol=1e-4)
    for ours, theirs in zip(built.model.weights, other.model.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("fault", ["flipped", "cut short", "no checksums"])
def test_a_damaged_entry_is_made_anew(fault: str, cache_folder: Path, computed: list[int]) -> None:
    first, *_ = train(epochs=2)
    damaged = next(folder for folder in cache_folder.iterdir() if folder.is_dir())
    array = damaged / "0.npy"
    content = bytearray(array.read_bytes())
    if fault == "flipped":
        content[-1] ^= 1
        array.write_bytes(content)
    elif fault == "cut short":
        array.write_bytes(content[:-100])
    else:
        (damaged / "checksums.json").unlink()
    again, *_ = train(epochs=2)
    assert len(computed) == 4
    assert figures(again) == figures(first)


def test_above_the_limit_the_whole_model_is_trained(
    monkeypatch: pytest.MonkeyPatch, computed: list[int], cache_folder: Path
) -> None:
    monkeypatch.setattr(memmap_cache, "LIMIT_BYTES", 300 * 2**10)
    done, *_ = train(epochs=2)
    assert computed == []
    assert done.prefix_seconds == 0
    assert done.notes == [
        "the frozen layers ran in every epoch: their outputs, 319 kB, are larger than the cache "
        "has room for"
    ]
    assert len(done.history) == 2
    assert not list(cache_folder.iterdir())


def test_a_cache_that_cannot_be_written_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path / "file"))
    done, *_ = train(epochs=2)
    assert len(done.history) == 2
    assert "could not be cached" in done.notes[0]


@pytest.mark.parametrize(
    "settings",
    [{"augment": True}, {"epochs": 1}, {"unfreeze": 1.0}, {"unfreeze": 0.95}],
    ids=["augmentation", "one epoch", "nothing frozen", "too little frozen to pay"],
)
def test_where_it_would_not_be_exact_or_not_pay_it_is_not_used(
    settings: dict[str, Any], computed: list[int], real_costs: None
) -> None:
    spec = trial_spec(
        **{"model": "mobilenetv2", "weights": "none", "image_size": 32, "dataset": "cifar10"}
        | {"augment": False, "epochs": 2, "unfreeze": 0.5}
        | settings
    )
    model = build(spec.model, (20, 20)).model
    parts = [DATA.train_images]
    found = feature_cache.prepare(
        model, parts, spec.train, epochs=spec.train.epochs, emit=lambda *_: None
    )
    assert found.model is model
    assert found.of(parts[0]) is parts[0]
    assert computed == []


def test_the_head_alone_is_trained_on_the_whole_backbone_s_features(computed: list[int]) -> None:
    done, *_ = train(head_epochs=2, epochs=2, unfreeze=1.0)
    assert computed == [40, 12]  # the head's epochs need no test images
    assert len(done.notes) == 1
    assert [row["epoch"] for row in done.history] == [1, 2, 3, 4]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy: str, cache_folder: Path) -> None:
    done, logits, built, _ = train(epochs=2, precision=policy)
    assert done.prefix_seconds > 0
    file = next(cache_folder.glob("*/0.npy"))
    kept = np.load(file, mmap_mode="r").dtype
    assert kept == (np.float16 if policy == "mixed_float16" else np.float32)
    whole = built.model(DATA.test_images.astype("float32"), training=False)
    np.testing.assert_allclose(np.asarray(whole), logits, rtol=0.02, atol=0.02)


def test_the_key_is_of_what_is_computed_not_of_what_it_is_called() -> None:
    def identity(seed: int = 0, unfreeze: float = 0.2, dropout: float = 0.5) -> bytes:
        keras.utils.set_random_seed(seed)
        halves = cut(network(unfreeze, dropout).model)
        assert halves is not None
        return prefix_identity(halves.prefix)

    first = identity()
    assert identity() == first
    assert identity(dropout=0.1) == first
    assert identity(seed=1) != first
    assert identity(unfreeze=0.0) != first


def test_the_key_knows_what_an_operation_was_called_with() -> None:
    def identity(constant: float, doubled_first: bool) -> bytes:
        inputs = keras.Input((4, 4, 3))
        one, other = keras.ops.multiply(inputs, 2.0), keras.ops.add(inputs, constant)
        pair = (one, other) if doubled_first else (other, one)
        return prefix_identity(keras.Model(inputs, keras.ops.subtract(*pair)))

    assert identity(1.0, True) == identity(1.0, True)
    assert len({identity(1.0, True), identity(5.0, True), identity(1.0, False)}) == 3


def test_the_key_knows_all_of_a_large_constant() -> None:
    def identity(middle: float) -> bytes:
        constant = np.zeros((60, 60, 3), np.float32)
        constant[30, 30] = middle
        inputs = keras.Input((60, 60, 3))
        return prefix_identity(keras.Model(inputs, keras.ops.add(inputs, constant)))

    assert identity(1.0) == identity(1.0)
    assert identity(1.0) != identity(2.0)


def test_an_operation_that_cannot_tell_its_configuration_runs_in_every_epoch(
    monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    def unavailable(layer: Any) -> dict[str, Any]:
        raise NotImplementedError

    with monkeypatch.context() as patched:
        patched.setattr(feature_cache_key, "_settings", unavailable)
        found, *_ = train(epochs=2)
    assert computed == []
    assert found.notes == ["the frozen layers ran in every epoch: one of them has no configuration"]


def test_the_files_are_gone_and_rows_still_read(cache_folder: Path) -> None:
    """Another process may drop an entry that this one reads."""
    with memmap_cache.lock("some"):
        memmap_cache.write("some", 4, iter([[np.arange(8.0).reshape(4, 2)]]))
    found = memmap_cache.read("some")
    assert found is not None
    shutil.rmtree(cache_folder / "some")
    np.testing.assert_array_equal(found[0][np.array([1, 3])], [[2, 3], [6, 7]])
