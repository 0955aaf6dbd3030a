"""Claim: memory does not grow with the number of images times their size in the network: a trial's
peak grows by the images' own bytes, as uint8, and at most 250 MB more.

    python -m benchmarks.memory --repeats 1

The peak resident memory of a trial of LeNet with few and with many images of the same size.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import alternate, cifarkit, noise, parser, spread, table

ALLOWED_MB = 250


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--few", type=int, default=2_000)
    options.add_argument("--many", type=int, default=50_000)
    options.add_argument("--side", type=int, default=128)
    chosen = options.parse_args()
    image_mb = chosen.side**2 * 3 / 2**20
    with tempfile.TemporaryDirectory() as folder:
        files = {n: noise(Path(folder), n, side=chosen.side) for n in (chosen.few, chosen.many)}

        def peak(images: int) -> float:
            done = cifarkit(
                {
                    "dataset": files[images],
                    "model": "lenet",
                    "image_size": chosen.side,
                    "batch_size": 64,
                    "epochs": 1,
                    "augment": False,
                }
            )
            return float(done["peak_rss_mb"])

        found = alternate(
            {
                "few": lambda: peak(chosen.few),
                "many": lambda: peak(chosen.many),
            },
            chosen.repeats,
        )
    rows = [
        [f"{n:,}", f"{n * image_mb:.0f}", spread(found[name], 0)]
        for name, n in (("few", chosen.few), ("many", chosen.many))
    ]
    more = (chosen.many - chosen.few) * image_mb
    beyond = median(found["many"]) - median(found["few"]) - more
    table(
        f"Memory: LeNet, images of {chosen.side} px",
        ["images", "their bytes (MB)", "peak of the process (MB)"],
        rows,
    )
    verdict = "holds" if beyond <= ALLOWED_MB else "does not hold"
    print(
        f"Beyond the images' bytes: {beyond:.0f} MB ({ALLOWED_MB} allowed: the claim {verdict}).\n"
    )


if __name__ == "__main__":
    main()
