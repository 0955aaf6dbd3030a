"""How time and memory grow with each setting of a training, all others fixed.

    python -m benchmarks.curves --figure docs/images/cost.svg

MobileNetV2 with random weights, 1,000 images of 32 px resized to 96, ten classes, batches of 64,
all of it trained; then one setting at a time is changed. Each trial runs in a process of its own,
one after another; an epoch's time leaves out tracing and the first step.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import cifarkit, noise, parser, table

IMAGES, CLASSES = 1_000, 10
BASE = {"model": "mobilenetv2", "weights": "none", "image_size": 96, "batch_size": 64, "epochs": 2}
AXES: dict[str, tuple[float, ...]] = {
    "image size (px)": (32, 64, 96, 128),
    "images": (250, 500, 1_000, 2_000),
    "classes": (10, 50, 250),
    "batch size": (16, 32, 64, 128),
    "unfrozen fraction": (0, 0.1, 0.2, 0.5, 1),
    "unfrozen fraction, no augmentation": (0, 0.1, 0.2, 0.5, 1),
}
SETTINGS = {"image size (px)": "image_size", "batch size": "batch_size"}


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--figure", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:

        def trial(axis: str, value: float) -> dict[str, Any]:
            images = int(value) if axis == "images" else IMAGES
            classes = int(value) if axis == "classes" else CLASSES
            place = Path(folder) / str(classes)
            place.mkdir(exist_ok=True)
            data = noise(place, images, classes=classes, test=max(100, classes))
            settings: dict[str, Any] = BASE | {"dataset": data}
            if axis in SETTINGS:
                settings[SETTINGS[axis]] = int(value)
            if axis.startswith("unfrozen"):
                settings["unfreeze"] = value
                # More epochs, so that those after the frozen layers' one run are seen.
                settings |= {"augment": "no" not in axis, "epochs": 4, "patience": 4}
            with tempfile.TemporaryDirectory() as cache:
                return cifarkit(settings, {"CIFARKIT_CACHE": cache})

        found = {axis: {value: trial(axis, value) for value in AXES[axis]} for axis in AXES}
    rows = [
        [axis, f"{value:,}", f"{run['epoch_seconds']:.2f}", f"{run['images_per_second']:.0f}",
         f"{run['fit_seconds']:.1f}", f"{run['peak_rss_mb']:,.0f}"]
        for axis, runs in found.items() for value, run in runs.items()
    ]  # fmt: skip
    table(
        "Growth: MobileNetV2, one setting changed at a time",
        ["setting", "value", "epoch (s)", "images/s", "fit (s)", "peak memory (MB)"],
        rows,
    )
    if chosen.figure:
        draw(found, chosen.figure)


def draw(found: dict[str, dict[float, dict[str, Any]]], path: Path) -> None:
    """A column for each setting: an epoch's time above, peak memory below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(found), 4.6), layout="constrained")
    axes = figure.subplots(2, len(found), sharey="row", sharex="col")
    for column, (axis, runs) in enumerate(found.items()):
        for row, (key, scale) in enumerate((("epoch_seconds", 1.0), ("peak_rss_mb", 1e-3))):
            ax = axes[row][column]
            ax.plot(list(runs), [run[key] * scale for run in runs.values()], "o-", color="#0072b2")
            ax.grid(alpha=0.3)
        axes[0][column].set_title(axis.replace(", ", ",\n"), fontsize=9)
    for row in axes:  # once all is drawn: rows share their scale
        row[0].set_ylim(bottom=0)
    axes[0][0].set_ylabel("epoch (s)")
    axes[1][0].set_ylabel("peak memory (GB)")
    figure.savefig(path)


if __name__ == "__main__":
    main()
