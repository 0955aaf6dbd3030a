"""Claim: with frozen layers and no augmentation, a fit takes a fraction of the time, since what is
frozen runs once per image instead of once per epoch.

    python -m benchmarks.frozen_prefix --repeats 3

DenseNet121 at 96 px, with all of it frozen and with its last 20% trained: this package, this
package with the whole model run in every epoch, and the plain script. The time is that of the whole
fit, from an empty cache: the prefix itself, compiling and validation included.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import alternate, cifarkit, noise, parser, plain, spread, table


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--images", type=int, default=600)
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--model", default="densenet121")
    options.add_argument("--image-size", type=int, default=96)
    options.add_argument("--batch-size", type=int, default=64)
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = noise(Path(folder), chosen.images)
        # Where the cache cannot be written, the whole model runs in every epoch.
        blocked = Path(folder) / "a-file"
        blocked.write_text("")
        settings = {
            "dataset": data,
            "model": chosen.model,
            "image_size": chosen.image_size,
            "batch_size": chosen.batch_size,
            "epochs": chosen.epochs,
            "patience": chosen.epochs,
            "weights": "none",
            "augment": False,
        }

        def cached(unfreeze: float) -> float:
            with tempfile.TemporaryDirectory() as empty:
                done = cifarkit(settings | {"unfreeze": unfreeze}, {"CIFARKIT_CACHE": empty})
            assert "ran once per image" in done["notes"][0], done["notes"]
            return float(done["fit_seconds"])

        def live(unfreeze: float) -> float:
            done = cifarkit(settings | {"unfreeze": unfreeze}, {"CIFARKIT_CACHE": str(blocked)})
            assert "ran in every epoch" in done["notes"][0], done["notes"]
            return float(done["fit_seconds"])

        for unfreeze, words in ((0.0, "all frozen"), (0.2, "20% trained")):
            found = alternate(
                {
                    "once per image": lambda: cached(unfreeze),  # noqa: B023
                    "in every epoch": lambda: live(unfreeze),  # noqa: B023
                    "plain script": lambda: plain(settings | {"unfreeze": unfreeze})["fit_seconds"],  # noqa: B023
                },
                chosen.repeats,
            )
            once = median(found["once per image"])
            rows += [
                [words, arm, spread(seconds), f"{median(seconds) / once:.2f}"]
                for arm, seconds in found.items()
            ]
    table(
        f"Frozen prefix: {chosen.model}, {chosen.image_size} px, {chosen.images} images, "
        f"{chosen.epochs} epochs, batch {chosen.batch_size}",
        ["backbone", "frozen layers run", "fit (s)", "times the first"],
        rows,
    )


if __name__ == "__main__":
    main()
