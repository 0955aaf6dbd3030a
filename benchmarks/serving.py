"""Claim: a server answers 10,000 requests under load without an error.

    python -m benchmarks.serving --formats onnx --clients 16

Trains a network on noise, serves it with `cifarkit serve` in a process of its own, and posts
images from the given number of clients on this machine, each of which waits for its answer.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

import cifarkit as ck
from benchmarks.measure import QUIET, noise, parser, table


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--model", default="mobilenetv2")
    options.add_argument("--image-size", type=int, default=96)
    options.add_argument("--formats", default="onnx", help="trial, keras, savedmodel, onnx, litert")
    options.add_argument("--clients", default="1,16")
    options.add_argument("--requests", type=int, default=10_000)
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder, "runs")
        study = ck.zoo([chosen.model], dataset=noise(Path(folder), 40, side=96, classes=10),
                       image_size=chosen.image_size, weights="none", epochs=1, batch_size=16,
                       augment=False)  # fmt: skip
        (trial,) = ck.run(study, runs, keep_weights="best").records
        for format in chosen.formats.split(","):
            target = trial
            if format != "trial":
                done = ck.export(trial, runs, format=format, output=Path(folder, format))
                target = str(done.folder)
            for clients in map(int, chosen.clients.split(",")):
                rows.append([chosen.model, format, *_load(target, runs, clients, chosen.requests)])
    table(
        f"Serving {chosen.requests:,} JPEG images of 96 px, one per request",
        ["network", "format", "clients", "errors", "requests/s", "p50 (ms)", "p95 (ms)",
         "p99 (ms)", "images per batch"],
        rows,
    )  # fmt: skip


def _load(target: str, runs: Path, clients: int, requests: int) -> list[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "cifarkit", "serve", target, "--runs", str(runs), "--port", "0"],
        stderr=subprocess.PIPE, text=True, env=os.environ | QUIET,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        line = next(line for line in server.stderr if " at http" in line)
        port = int(line.split("://127.0.0.1:")[1].split("/")[0])
        threading.Thread(target=server.stderr.read, daemon=True).start()
        while not _get(port, "/healthz"):
            time.sleep(0.1)
        latencies: list[float] = []
        errors: list[str] = []
        share = [len(part) for part in np.array_split(np.arange(requests), clients)]
        threads = [
            threading.Thread(target=_client, args=(port, seed, count, latencies, errors))
            for seed, count in enumerate(share)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        metrics = _get(port, "/metrics").splitlines()
        images, batches = (
            float(next(line for line in metrics if line.startswith(name)).split()[-1])
            for name in ("cifarkit_batch_images_sum", "cifarkit_batch_images_count")
        )
        print(*errors[:3], sep="\n", file=sys.stderr)
        found = [f"{1000 * value:.1f}" for value in np.percentile(latencies, (50, 95, 99))]
        rate = f"{len(latencies) / seconds:.0f}"
        return [str(clients), str(len(errors)), rate, *found, f"{images / batches:.1f}"]
    finally:
        server.terminate()
        server.wait(30)


def _client(port: int, seed: int, count: int, latencies: list[float], errors: list[str]) -> None:
    """Post `count` images on one connection, one after the other."""
    rng = np.random.default_rng(seed)
    content = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(content, "JPEG")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(count):
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", content.getvalue())
            answer = connection.getresponse()
            found = json.loads(answer.read())
            if answer.status != 200 or not 0 <= found["predictions"][0]["probability"] <= 1:
                raise ValueError(f"{answer.status}: {found}")
            latencies.append(time.perf_counter() - began)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            errors.append(repr(error))
            connection.close()


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


if __name__ == "__main__":
    main()
