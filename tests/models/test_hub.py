"""Networks of KerasHub's presets, saved here from small random configurations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.models import hub, hub_presets
from cifarkit.models.hub_presets import FAMILIES, entries
from cifarkit.models.info import Rescale
from cifarkit.models.registry import get
from cifarkit.models.weights_file import file_sha256
from cifarkit.profiling.flops import flops_per_image, uncounted
from cifarkit.studies.completion import trial_spec
from cifarkit.training import pretrained_weights
from cifarkit.training.graph_hash import graph_sha256
from cifarkit.training.graph_split import cut
from cifarkit.training.model_builder import build, feature_extractor, precision
from tests.models import hub_preset
from tests.models.hub_preset import BLOCKS, DEVIATION, MEAN, MLP, PATCH, SIZE, WIDTH

pytest.importorskip("keras_hub")

SMALL: dict[str, Any] = {"dataset": "synthetic", "classes": 3, "train_per_class": 12}
PIXELS = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.float32)
TINY = "deit_tiny_distilled_patch16_224_imagenet"


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A preset's folder and KerasHub's own network."""
    folder = tmp_path_factory.mktemp("presets") / "small_vit"
    return folder, hub_preset.save("vit", folder)


def converted(pixels: np.ndarray) -> np.ndarray:
    return (pixels / 255 - np.float32(MEAN)) / np.float32(DEVIATION)


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", [family.module for family in FAMILIES])
def test_a_network_puts_out_what_keras_hubs_does(family: str, tmp_path: Path) -> None:
    theirs = hub_preset.save(family, tmp_path / family)
    facts = get(f"hub:{tmp_path / family}")
    (weights,) = facts.published_weights
    ours = facts.build(image_size=SIZE, weights=weights, outputs=3, dropout=0.0)
    theirs = getattr(theirs, "vision_encoder", theirs)
    images = converted(PIXELS)
    given = {next(iter(theirs.input)): images} if isinstance(theirs.input, dict) else images
    expected = np.asarray(theirs(given, training=False))
    np.testing.assert_allclose(np.asarray(ours(images, training=False)), expected, atol=1e-5)
    assert facts.features in (0, expected.shape[-1])
    assert uncounted(ours) == []
    with precision("mixed_bfloat16"):
        mixed = facts.build(image_size=SIZE, weights=None, outputs=3, dropout=0.0)
    assert {one.compute_dtype for one in mixed.layers if one.weights} == {"bfloat16"}
    assert graph_sha256(ours)
    assert facts.uses_batchnorm == any("moving_variance" in one.path for one in ours.weights)
    if facts.blocks is not None:
        assert len(facts.blocks(ours)) == (4 if family == "swin_transformer" else BLOCKS)


def test_facts_of_a_folder(vit: tuple[Path, Any]) -> None:
    folder, _ = vit
    facts = get(f"hub:{folder}")
    assert (facts.name, facts.family, facts.pooling) == ("small_vit", "ViT", "class_token")
    assert (facts.min_size, facts.max_size, facts.features) == (SIZE, SIZE, WIDTH)
    assert isinstance(facts.preprocessing, Rescale)
    np.testing.assert_allclose(facts.preprocessing.scale, 1 / 255 / np.array(DEVIATION))
    np.testing.assert_allclose(facts.preprocessing.offset, -np.array(MEAN) / DEVIATION)
    (weights,) = facts.published_weights.values()
    assert weights.input_range == "-2.12..2.64"


def test_images_are_converted_and_tokens_pooled_by_the_class_token(vit: tuple[Path, Any]) -> None:
    folder, theirs = vit
    spec = trial_spec(model=f"hub:{folder}", **SMALL).model
    features = feature_extractor(spec, (SIZE, SIZE))(PIXELS, training=False)
    expected = np.asarray(theirs(converted(PIXELS), training=False))[:, 0]
    np.testing.assert_allclose(np.asarray(features), expected, atol=1e-4)


def test_flops_by_hand(vit: tuple[Path, Any]) -> None:
    folder, _ = vit
    backbone = get(f"hub:{folder}").build(image_size=SIZE, weights=None, outputs=3, dropout=0.0)
    patches = (SIZE // PATCH) ** 2
    tokens = patches + 1
    embedding = patches * PATCH * PATCH * 3 * WIDTH
    projections = 4 * tokens * WIDTH * WIDTH  # of queries, keys, values and outputs
    attention = 2 * tokens * tokens * WIDTH  # weights of the values, and their sums
    mlp = 2 * tokens * WIDTH * MLP
    by_hand = embedding + BLOCKS * (projections + attention + mlp)
    assert flops_per_image(backbone) == 2 * by_hand


def test_half_of_the_blocks_is_frozen_and_cut_off(vit: tuple[Path, Any]) -> None:
    folder, _ = vit
    built = build(trial_spec(model=f"hub:{folder}", unfreeze=0.5, **SMALL).model, (40, 40))
    assert built.frozen_blocks == (1, 2)
    trained = {path.split("/")[1] for path in (w.path for w in built.backbone.trainable_weights)}
    assert trained == {"transformer_block_2", "ln"}
    halves = cut(built.model)
    assert halves is not None
    pixels = np.random.default_rng(1).integers(0, 256, (3, 40, 40, 3)).astype(np.float32)
    whole = built.model(pixels, training=False)
    parts = halves.suffix(halves.prefix(pixels, training=False), training=False)
    np.testing.assert_allclose(np.asarray(parts), np.asarray(whole), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"image_size": 64},
            r"takes 32 pixels only \(its positions are not resized\), 64 was asked",
        ),
        ({"weights": "imagenet"}, "weights: 'imagenet' is none of preset-[0-9a-f]{12}, none"),
    ],
)
def test_what_it_cannot_take_is_refused(
    vit: tuple[Path, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        trial_spec(model=f"hub:{vit[0]}", **settings, **SMALL)


def test_positions_of_dinov2_take_multiples_of_a_patch(
    vit: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", "/nowhere")
    assert trial_spec(model="hub:dinov2_small", **SMALL).model.image_size == 70
    with pytest.raises(InvalidInput, match=r"multiples of 14 pixels \(84 or 98\), 96 was asked"):
        trial_spec(model="hub:dinov2_small", image_size=96, **SMALL)


def test_the_name_of_the_weights_tells_the_folders_content(
    vit: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(vit[0], folder)
    before = trial_spec(model=f"hub:{folder}", **SMALL)
    converter = json.loads((folder / hub.CONVERTER).read_text())
    converter["config"]["offset"] = None
    (folder / hub.CONVERTER).write_text(json.dumps(converter))
    after = trial_spec(model=f"hub:{folder}", **SMALL)
    assert before.trial_id != after.trial_id
    with pytest.raises(CifarkitError, match=f"its weights are {after.model.weights} now"):
        build(before.model, (SIZE, SIZE))


def test_a_training_records_what_it_was_built_from(vit: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = vit
    study = ck.zoo([f"hub:{folder}"], epochs=2, unfreeze=0.5, augment=False, **SMALL)
    ck.run(study, store=tmp_path, launcher="in-process")
    (trial,) = ck.open_store(tmp_path).records.values()
    result = trial.result
    assert result is not None
    assert trial.spec.model.model == f"hub:{folder}"
    assert result.loaded_file == hub.WEIGHTS
    assert result.loaded_sha256 == file_sha256(folder / hub.WEIGHTS)
    assert result.backbone_files == {
        name: file_sha256(folder / name) for name in (hub.CONFIG, hub.CONVERTER)
    }
    assert result.backbone_package == hub_presets.hub_package()
    assert any("counts its 2 blocks instead of layers: 1 are frozen" in n for n in result.notes)
    text = str(ck.report(store=tmp_path, full=True))
    assert f"small_vit: {trial.spec.model.weights}, model.weights.h5 (SHA-256" in text
    assert "with config.json (SHA-256" in text


@pytest.fixture
def cached(vit: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in kagglehub's cache of a preset of the registry, with the small one's files."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    folder = tmp_path / "models" / entries()[TINY].handle
    shutil.copytree(vit[0], folder)
    return folder


def test_a_preset_of_the_registry_is_used_once_it_is_whole(cached: Path) -> None:
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    preset = hub.find(f"hub:{TINY}")
    assert preset.folder == cached
    assert preset.missing(weights=True) == [hub.CONFIG, hub.CONVERTER, hub.WEIGHTS]
    handle = parse_model_handle(entries()[TINY].handle)
    for name in (hub.CONFIG, hub.CONVERTER):
        Cache().mark_as_complete(handle, name)
    assert preset.missing(weights=True) == [hub.WEIGHTS]
    Cache().mark_as_complete(handle, hub.WEIGHTS)
    assert preset.missing(weights=True) == []
    spec = trial_spec(model=f"hub:{TINY}", image_size=SIZE, **SMALL).model
    assert (spec.weights, get(spec.model).name) == ("preset", TINY)
    built = build(spec, (SIZE, SIZE))
    assert built.loaded_sha256 == file_sha256(cached / hub.WEIGHTS)


def test_a_preset_that_cannot_be_downloaded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
    spec = trial_spec(model=f"hub:{TINY}", **SMALL).model
    assert spec.image_size == 224
    said: list[str] = []
    with pytest.raises(InvalidInput, match=r"could not be downloaded: .*ProxyError"):
        pretrained_weights.fetch([spec], said.append)
    assert said == [f"Fetching hub:{TINY} from Kaggle ..."]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("hub:vit_base_patch16_225_imagenet", "did you mean 'vit_base_patch16_224_imagenet'"),
        ("hub:bert_base_en", "unknown KerasHub preset 'bert_base_en'"),
        ("hub:efficientnet_es_ra_imagenet", "the files of efficientnet_b1_ft_imagenet"),
        ("hub:./nowhere", r"there is no .*nowhere/config\.json"),
    ],
)
def test_what_is_no_image_backbone_is_refused(key: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        trial_spec(model=key, **SMALL)


def test_a_folder_without_a_converter_or_of_another_class_is_refused(
    vit: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(vit[0], folder)
    (folder / hub.CONVERTER).rename(tmp_path / hub.CONVERTER)
    with pytest.raises(InvalidInput, match="its preprocessing is not known"):
        get(f"hub:{folder}")
    shutil.copy(tmp_path / hub.CONVERTER, folder)
    config = json.loads((folder / hub.CONFIG).read_text()) | {"class_name": "BertBackbone"}
    (folder / hub.CONFIG).write_text(json.dumps(config))
    with pytest.raises(InvalidInput, match="is of a 'BertBackbone', not of an image backbone"):
        get(f"hub:{folder}")


def test_without_keras_hub_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "installed", lambda: False)
    with pytest.raises(InvalidInput, match=r"pip install 'cifarkit\[hub\]'"):
        trial_spec(model="hub:dinov3_vit_small_lvd1689m", **SMALL)
