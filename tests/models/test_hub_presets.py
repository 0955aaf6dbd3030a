"""KerasHub's presets as they are read from its files, against what KerasHub registers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cifarkit as ck
from cifarkit.errors import InvalidInput
from cifarkit.models import hub_presets
from cifarkit.models.hub_presets import FAMILIES, entries
from tests.cli.stubbed import cifarkit

pytest.importorskip("keras_hub")


def test_what_is_parsed_is_what_keras_hub_registers() -> None:
    import keras_hub

    for family in FAMILIES:
        registered = getattr(keras_hub.models, family.backbone).presets
        parsed = {name: one for name, one in entries().items() if one.family == family}
        assert parsed.keys() == registered.keys(), family.name
        for name, facts in registered.items():
            assert f"kaggle://{parsed[name].handle}" == facts["kaggle_handle"]
            assert parsed[name].parameters == facts["metadata"]["params"]
            assert not parsed[name].licence  # KerasHub 0.32 states none


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("vit_base_patch16_384_imagenet", "384"),
        ("swin_base_patch4_window12_384", "384"),
        ("siglip2_so400m_patch16_512", "512"),
        ("medsiglip_900m_448", "448"),
        ("clip_vit_large_patch14_336", "336"),
        ("clip_vit_h_14_laion2b_s32b_b79k", "224"),
        ("dinov2_base", "multiples of 14"),
        ("dinov3_vit_7b_sat493m", "multiples of 16"),
        ("resnet_101_imagenet", "from 32"),
    ],
)
def test_the_sizes_follow_from_the_name(name: str, sizes: str) -> None:
    assert entries()[name].sizes == sizes


def test_the_listing() -> None:
    done = cifarkit("zoo", "--list", "--hub")
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(entries())
    row = next(line for line in lines if "hub:vit_base_patch16_224_imagenet\t" in line)
    assert row.split("\t")[1:5] == ["ViT", "85,798,656", "224", "?"]

    frame = ck.list_hub_presets("hub:DINOV3*small*")
    assert list(frame.index) == [
        "hub:dinov3_vit_small_lvd1689m",
        "hub:dinov3_vit_small_plus_lvd1689m",
    ]
    assert frame.parameters.iloc[0] == 21_600_000
    assert frame.source.iloc[0].endswith("keras/dinov3/keras/dinov3_vit_small_lvd1689m/1")
    with pytest.raises(InvalidInput, match="similar keys: mobilenet_v3"):
        ck.list_hub_presets("mobilnet_v3_small")


def test_hub_without_list_says_what_it_is_for() -> None:
    error = cifarkit("zoo", "--hub").exception
    assert isinstance(error, InvalidInput)
    assert "--models hub:NAME" in str(error)


def test_without_keras_hub_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries.cache_clear()
    monkeypatch.setattr(hub_presets, "find_spec", lambda name: None)
    error = cifarkit("zoo", "--list", "--hub").exception
    assert isinstance(error, InvalidInput)
    assert "pip install 'cifarkit[hub]'" in str(error)
    entries.cache_clear()


def test_the_listing_imports_neither_keras_hub_nor_tensorflow() -> None:
    program = (
        "import sys; from cifarkit.cli.backbone_table import show_hub_presets; show_hub_presets(); "
        "assert not {'keras_hub', 'tensorflow', 'keras', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
