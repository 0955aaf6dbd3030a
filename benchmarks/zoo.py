"""Claim: the thirteen networks of the published study, trained for a few epochs each, take less
time here than in the plain script.

    python -m benchmarks.zoo --repeats 1

Each network in a process of its own, on both sides; wall-clock time of the process. At a small
budget the starts weigh most, as they do in a study of many short trials.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import alternate, cifarkit, noise, parser, plain, spread, table
from cifarkit.models.registry import STUDY
from cifarkit.models.registry import get as get_backbone


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--models", default=",".join(STUDY))
    options.add_argument("--images", type=int, default=250)
    options.add_argument("--epochs", type=int, default=2)
    options.add_argument("--image-size", type=int, default=78)
    options.add_argument("--batch-size", type=int, default=50)
    chosen = options.parse_args()
    rows, total = [], [0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder:
        data = noise(Path(folder), chosen.images)
        for model in chosen.models.split(","):
            whole = get_backbone(model).includes_head
            settings = {
                "dataset": data,
                "model": model,
                "image_size": None if whole else chosen.image_size,
                "weights": None if whole else "none",
                "epochs": chosen.epochs,
                "batch_size": chosen.batch_size,
            }
            found = alternate(
                {
                    "cifarkit": lambda s=settings: cifarkit(s)["seconds"],
                    "plain script": lambda s=settings: plain(s)["seconds"],
                },
                chosen.repeats,
            )
            ours, theirs = (median(seconds) for seconds in found.values())
            total = [total[0] + ours, total[1] + theirs]
            columns = [spread(seconds) for seconds in found.values()]
            rows.append([get_backbone(model).name, *columns, f"{theirs / ours:.2f}"])
    rows.append(["all", *(f"{seconds:.1f}" for seconds in total), f"{total[1] / total[0]:.2f}"])
    table(
        f"Zoo: {chosen.images} images, {chosen.image_size} px, {chosen.epochs} epochs, "
        f"batch {chosen.batch_size}",
        ["network", "cifarkit (s)", "plain script (s)", "ratio"],
        rows,
    )


if __name__ == "__main__":
    main()
