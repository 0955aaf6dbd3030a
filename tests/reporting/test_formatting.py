"""Numbers as they are printed."""

from __future__ import annotations

import pytest

from cifarkit.reporting import formatting
from cifarkit.store.setting_words import phrase, phrases, value_text
from cifarkit.text import listed, plain, shortened


@pytest.mark.parametrize(
    ("value", "text"),
    [(25.6, "25.6"), (33.792, "33.792"), (102.4000001, "102.4"), (1024.0, "1,024"), (0, "0")],
)
def test_megabytes(value: float, text: str) -> None:
    assert formatting.megabytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(103.86, "103.86"), (965.3, "965.30"), (2467.44, "2,467.44"), (12345.678, "12,346")],
)
def test_seconds(value: float, text: str) -> None:
    assert formatting.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(5e-6, "5e-6"), (2.5e-05, "2.5e-5"), (5e-3, "5e-3"), (0.01, "0.01"), (0.1 + 0.2, "0.3")],
)
def test_learning_rates(value: float, text: str) -> None:
    assert value_text("learning_rate", value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("augment", False, "no"),
        ("unfreeze", 0.1, "10%"),
        ("batch_size", 128, "128"),
        ("optimizer", "adam", "adam"),
        ("class_names", ("apple", "bee"), "apple, bee"),
        ("dropout", 0.0, "0"),
        ("patience", None, "default"),
    ],
)
def test_settings(name: str, value: object, text: str) -> None:
    assert value_text(name, value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("augment", False, "no augmentation"),
        ("augment", True, "augmentation"),
        ("image_size", 96, "image size 96 px"),
        ("patience", 7, "patience 7 epochs"),
        ("patience", 1, "patience 1 epoch"),
        ("learning_rate", 2.5e-05, "learning rate 2.5e-5"),
        ("unfreeze", 0.0, "freeze all"),
        ("unfreeze", 0.1, "unfreeze 10%"),
        ("mixup", 0.2, "MixUp alpha 0.2"),
        ("model", "resnet50", "ResNet50"),
        ("of_a_later_version", 3, "of a later version 3"),
    ],
)
def test_a_setting_in_a_sentence(name: str, value: object, text: str) -> None:
    assert phrase(name, value) == text


def test_several_settings_in_a_sentence() -> None:
    settings = {"optimizer": "adam", "dropout": 0.3}
    assert phrases(("optimizer", "dropout"), settings) == "optimizer adam, dropout 0.3"
    assert phrases(("optimizer", "patience"), settings) == ""


@pytest.mark.parametrize(("images", "decimals"), [(0, 2), (999, 2), (1000, 3), (8000, 3)])
def test_accuracy_decimals_follow_the_test_set(images: int, decimals: int) -> None:
    assert formatting.accuracy_decimals(images) == decimals


def test_spread_is_the_sample_standard_deviation() -> None:
    assert formatting.mean_and_spread([0.84 + 1e-10], 3) == "0.840"
    assert formatting.mean_and_spread([0.7, 0.8, 0.9], 3) == "0.800 ± 0.100"


@pytest.mark.parametrize(
    ("value", "text"), [(0.00321, "0.00321"), (4.3249, "4.32"), (1234.5, "1,234"), (0.0, "0")]
)
def test_significant(value: float, text: str) -> None:
    assert formatting.significant(value) == text


def test_plain_text_is_one_line_without_escapes_or_controls() -> None:
    assert plain("\x1b[31mred\x1b[0m\r\n\ttab\x00 \u202eright\x1b]0;title\x07") == "red tab right"
    assert plain("naïve 猫 – “x”") == "naïve 猫 – “x”"  # noqa: RUF001


def test_words() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
