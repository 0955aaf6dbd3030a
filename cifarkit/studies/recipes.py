"""Recipes: how to train, in a word; a bundle of settings, any of which can be given instead.

A trial keeps the settings, not the word, so that a recipe adds nothing to its id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cifarkit.errors import unknown
from cifarkit.specs import RANDOM_LEARNING_RATE, SETTINGS, TrialSpec

MODERN: dict[str, Any] = {
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "cosine",
    "learning_rate": RANDOM_LEARNING_RATE,
    "label_smoothing": 0.1,
    "trivialaugment": True,
    "rotation": 0.0,  # TrivialAugment takes the place of all but the flip
    "zoom": 0.0,
    "contrast": 0.0,
}
"""Of networks that start at random, and of heads on frozen backbones.

MixUp, CutMix, erasing and averages of weights are left to longer trainings (docs/recipes.md).
"""
TRANSFER: dict[str, Any] = {"head_epochs": 3, "layer_decay": 0.75, "learning_rate": 5e-4}
"""What else is modern where pretrained layers are trained."""
RECIPES = ("published", "modern")
"""`published` is what every setting's default is."""


def settings(recipe: str, *, transfers: bool, epochs: float) -> dict[str, Any]:
    """The settings of a recipe by flat name, of those that differ from their defaults.

    Args:
        transfers: Whether pretrained layers are trained.
        epochs: As planned. A tenth of them, one to five, is warm-up, without which AdamW's first
            updates undo what pretrained layers know; all of them are run, since a schedule that
            stops early has not got to its end.

    Raises:
        InvalidInput: There is no such recipe.
    """
    if recipe not in RECIPES:
        raise unknown("recipe", str(recipe), RECIPES)
    if recipe == "published":
        return {}
    warmup = min(5, max(1, int(epochs // 10))) if epochs > 1 else 0
    planned = {"warmup_epochs": warmup, "patience": max(1, epochs)}
    return MODERN | planned | (TRANSFER if transfers else {})


def in_words(recipe: str, specs: Mapping[str, TrialSpec], axes: Collection[str] = ()) -> str:
    """A sentence on what a recipe, and what was given instead, comes to.

    Args:
        specs: By the name of what is trained.
        axes: Settings that vary, which are left out.
    """
    known = {*settings("modern", transfers=True, epochs=1)} - {*axes}
    said = {
        name: {
            f"{word.replace('_', '-')} {_text(value)}"
            for word in known
            if (value := SETTINGS[word].of(spec)) not in (None, SETTINGS[word].unmentioned)
        }
        for name, spec in specs.items()
    }
    of_all = set.intersection(*said.values()) if said else set()
    groups: dict[str, list[str]] = {}
    for name, texts in said.items():
        if own := texts - of_all:
            groups.setdefault(", ".join(sorted(own)), []).append(name)
    parts = [", ".join(sorted(of_all))]
    parts += [f"{text} for {', '.join(names)}" for text, names in groups.items()]
    return f"Recipe {recipe}: {'; '.join(filter(None, parts))}."


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
