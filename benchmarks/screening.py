"""What a screening costs beyond running each network once over the images.

    python -m benchmarks.screening

All networks of up to 10 million parameters, with random weights (what they are makes no difference
to the time), at 96 pixels on 2,000 images, from an empty cache. The bar is 1.3 times the time of
building each network and running it once, which is measured in the same run.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import cifarkit as ck
from benchmarks.measure import machine, noise, parser

BAR = 1.3


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--images", type=int, default=2000, help="images to screen on")
    options.add_argument("--image-size", type=int, default=96, help="in px")
    options.add_argument("--max-parameters", type=float, default=10e6, help="of a network")
    options.add_argument("--models", default="all", help="networks, comma-separated")
    chosen = options.parse_args()
    models = chosen.models if chosen.models == "all" else chosen.models.split(",")
    print(f"## Screening on {chosen.images:,} images at {chosen.image_size} px\n")
    print("| networks | failed | run of each (s) | screening (s) | ratio | again, cached (s) |")
    print("|" + " --- |" * 6)
    for _ in range(chosen.repeats):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CIFARKIT_CACHE"] = str(Path(folder) / "cache")
            data = noise(Path(folder), chosen.images, classes=20)
            settings = {"dataset": data, "weights": "none", "image_size": chosen.image_size}
            limit = chosen.max_parameters
            first = ck.screen(models, **settings, max_parameters=limit, store=folder).record
            began = time.perf_counter()
            ck.screen(models, **settings, max_parameters=limit, store=folder)
            again = time.perf_counter() - began
        failed = sum(bool(one.failure) for one in first.networks)
        ratio = first.seconds / first.network_seconds
        print(
            f"| {len(first.networks) - failed} | {failed} | {first.network_seconds:.0f} | "
            f"{first.seconds:.0f} | {ratio:.2f} | {again:.0f} |"
        )
    print(f"\nThe bar is a ratio of {BAR}.\n\n{machine()}")


if __name__ == "__main__":
    main()
