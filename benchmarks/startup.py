"""Claim: training starts in at most half of the time, and goes on no slower.

    python -m benchmarks.startup --models densenet201,densenet121,mobilenetv2,resnet50

From the start of the process to the end of the first trained batch (imports, data, model, tracing,
one step), and images per second after that batch. The plain script runs as TensorFlow comes, and
once more with oneDNN's kernels switched on, which this package always does: what is left then is
the one trace and the fused kernels.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import alternate, cifarkit, noise, parser, plain, spread, table

ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1"}


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--models", default="densenet201")
    options.add_argument("--image-size", type=int, default=96)
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--batches", type=int, default=6)
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        # A tenth is held out for validation.
        images = round(chosen.batches * chosen.batch_size / 0.9)
        data = noise(Path(folder), images, classes=4)
        for model in chosen.models.split(","):
            settings = {
                "dataset": data,
                "model": model,
                "image_size": chosen.image_size,
                "batch_size": chosen.batch_size,
                "epochs": 1,
                "weights": "none",
            }
            found = alternate(
                {
                    "cifarkit": lambda s=settings: _measured(cifarkit(s)),
                    "plain script": lambda s=settings: _measured(plain(s)),
                    "plain script, oneDNN on": lambda s=settings: _measured(plain(s, ONEDNN)),
                },
                chosen.repeats,
            )
            firsts = {arm: [first for first, _ in runs] for arm, runs in found.items()}
            rates = {arm: [rate for _, rate in runs] for arm, runs in found.items()}
            for arm in found:
                first = median(firsts[arm]) / median(firsts["cifarkit"])
                rate = median(rates["cifarkit"]) / median(rates[arm])
                row = [model, arm, spread(firsts[arm]), f"{first:.2f}"]
                rows.append([*row, spread(rates[arm]), f"{rate:.2f}"])
    table(
        f"Start and steady rate: {chosen.image_size} px, batch {chosen.batch_size}, all trained",
        ["network", "", "first batch (s)", "of ours", "then images/s", "ours is"],
        rows,
    )


def _measured(run: dict[str, float]) -> tuple[float, float]:
    return run["first_batch_seconds"], run["images_per_second"]


if __name__ == "__main__":
    main()
