"""A plug-in as a package would install it: a module and the metadata that names its entry point."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MODULE = """
from cifarkit.models.info import Backbone

def build(*, image_size, weights, outputs, dropout):
    import keras
    images = keras.Input((image_size, image_size, 3))
    x = keras.layers.Conv2D({width}, 3, strides=4, activation="relu")(images)
    model = keras.Model(images, keras.layers.Conv2D(8, 1)(x), name="tiny")
    {load}
    return model

TINY = Backbone(key="tiny", name="Tiny", family="Tiny", paper="none", build=build,
                preprocessing="unit", min_size=8, native_size=32, features=8,
                weight_sets=("imagenet", "advprop"))
"""
LOADS = "weights and model.set_weights([w + len(weights) for w in model.get_weights()])"


def install(
    folder: Path, *, version: str = "1.0", load: str = LOADS, width: int = 8
) -> dict[str, str]:
    """Write the package `tiny-nets`; returns the environment in which it is installed."""
    about = folder / f"tiny_nets-{version}.dist-info"
    for old in folder.glob("tiny_nets-*.dist-info"):
        shutil.rmtree(old)
    about.mkdir(parents=True, exist_ok=True)
    (folder / "tiny_nets.py").write_text(MODULE.format(load=load, width=width))
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-nets\nVersion: {version}\n")
    (about / "entry_points.txt").write_text("[cifarkit.backbones]\ntiny = tiny_nets:TINY\n")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
