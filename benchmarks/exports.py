"""Claim: every network of the published study, and EfficientNet-Lite0, exports to each format, and
the file predicts what its trial did.

    python -m benchmarks.exports --folder exports

Each network is trained briefly from random weights on a few synthetic images of 32 px, which it
sees in 78 px, or in 32 px if it was made for them. Each format is exported in a fresh process, and
timed in another: the median of 20 batches of 1 and of 32, after one for warming up. What is in the
folder is not measured again, so that the program goes on where it was ended.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import QUIET, parser, table

NETWORKS = (
    "lenet", "simple_cnn", "custom_cnn", "mobilenetv2", "efficientnet_lite0", "densenet121",
    "resnet50", "inceptionv3", "xception", "vgg16", "densenet169", "densenet201", "resnet152v2",
    "efficientnetb7",
)  # fmt: skip
"""The smallest first."""
FORMATS = ("keras", "savedmodel", "onnx", "litert")
CLASSES, TRAIN, TEST = 10, 8, 6
"""Images are of each class."""
SMALL = ("lenet", "simple_cnn", "custom_cnn")
REPEATS = 20


def data(folder: Path) -> Path:
    """A few images of the synthetic data set, as an `.npz`."""
    path = folder / "few.npz"
    if not path.exists():
        from cifarkit.datasets.registry import load

        whole = load("synthetic", image_size=32)
        arrays = {}
        for part, count in (("train", TRAIN), ("test", TEST)):
            labels = getattr(whole, f"{part}_labels")
            rows = np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(CLASSES)])
            arrays[f"x_{part}"] = getattr(whole, f"{part}_images")[rows]
            arrays[f"y_{part}"] = labels[rows]
        np.savez(path, **arrays)
    return path


def train(network: str, folder: Path) -> str:
    """The id of the network's trial."""
    import cifarkit as ck

    size = 32 if network in SMALL else 78
    study = ck.sweep(
        {"model": [network]}, dataset=data(folder), image_size=size, weights="none", epochs=2,
        batch_size=16, learning_rate=1e-3, augment=False,
    )  # fmt: skip
    results = ck.run(study, folder / "runs", keep_weights="best", name=network.replace("_", "-"))
    if results.failed:
        raise SystemExit(f"{network}: {results.failed}")
    (trial,) = results.studies[0].arms[0].trials
    return trial


def export(trial: str, format: str, folder: Path) -> dict[str, object]:
    """Export a trial in this process."""
    import cifarkit as ck

    began = time.perf_counter()
    done = ck.export(trial, folder / "runs", format=format, output=folder / f"{trial}-{format}")  # type: ignore[arg-type]
    found = done.agreement
    return {
        "export_seconds": round(time.perf_counter() - began, 1),
        "size_mb": round(done.record.size_bytes / 1e6, 2),
        "images": found.images,
        "equal_labels": found.equal_labels,
        "largest_difference": found.largest_difference,
    }


def latency(folder: Path) -> dict[str, float]:
    """Milliseconds of a batch, in this process."""
    import cifarkit as ck

    model = ck.load_model(folder)
    found = {}
    for size in (1, 32):
        batch = np.random.default_rng(0).integers(0, 256, (size, *model.native_size, 3), np.uint8)
        model.probabilities(batch)
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            model.probabilities(batch)
            times.append(1000 * (time.perf_counter() - began))
        found[f"batch_{size}_ms"] = round(statistics.median(times), 2)
    return found


def fresh(call: str, *arguments: str | Path) -> dict[str, object]:
    """What a function of this file gives in a process of its own."""
    program = (
        f"import sys, json; from pathlib import Path; from benchmarks.exports import {call}\n"
        f"*words, folder = sys.argv[1:]\n"
        f"print(json.dumps({call}(*words, Path(folder))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, env=os.environ | QUIET,
    )  # fmt: skip
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:300]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--networks", nargs="*", default=NETWORKS)
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    measured = chosen.folder / "exports.jsonl"
    rows = (
        [json.loads(line) for line in measured.read_text().splitlines()]
        if measured.exists()
        else []
    )
    known = {(row["network"], row["format"]) for row in rows}
    for network in chosen.networks:
        if all((network, format) in known for format in FORMATS):
            continue
        trial = train(network, chosen.folder)
        for format in FORMATS:
            if (network, format) in known:
                continue
            row = {"network": network, "format": format}
            row |= fresh("export", trial, format, chosen.folder)
            if "failed" not in row:
                row |= fresh("latency", chosen.folder / f"{trial}-{format}")
            rows.append(row)
            with measured.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
    show(rows)


def show(rows: list[dict[str, object]]) -> None:
    columns = {
        "size_mb": "MB", "equal_labels": "same class", "largest_difference": "largest difference",
        "batch_1_ms": "batch of 1 (ms)", "batch_32_ms": "batch of 32 (ms)",
        "export_seconds": "export (s)",
    }  # fmt: skip
    shown = []
    for row in rows:
        values = [f"{row[name]:.3g}" if name in row else "-" for name in columns]
        shown.append([str(row["network"]), str(row["format"]), *values])
    table("Exports", ["network", "format", *columns.values()], shown)
    for row in rows:
        if "failed" in row:
            print(f"{row['network']}, {row['format']}: {row['failed']}\n")


if __name__ == "__main__":
    main()
