"""Claim: training starts sooner, since the step is traced once and not twice.

    python -m benchmarks.startup --repeats 5

From the start of the process to the end of the first trained batch: imports, data, model, tracing,
one step. This package against the plain script, both with random weights.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import alternate, cifarkit, noise, parser, plain, spread, table


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--model", default="densenet201")
    options.add_argument("--image-size", type=int, default=96)
    options.add_argument("--batch-size", type=int, default=32)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "dataset": noise(Path(folder), 2 * chosen.batch_size, classes=4),
            "model": chosen.model,
            "image_size": chosen.image_size,
            "batch_size": chosen.batch_size,
            "epochs": 1,
            "weights": "none",
        }
        found = alternate(
            {
                "cifarkit": lambda: cifarkit(settings)["first_batch_seconds"],
                "plain script": lambda: plain(settings)["first_batch_seconds"],
            },
            chosen.repeats,
        )
    table(
        f"Start: {chosen.model}, {chosen.image_size} px, batch {chosen.batch_size}, all trained",
        ["", "to the first trained batch (s)"],
        [[arm, spread(seconds)] for arm, seconds in found.items()],
    )


if __name__ == "__main__":
    main()
