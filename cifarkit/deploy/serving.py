"""A trained network behind HTTP: one image per request, computed in batches under load."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import HTTPException
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, Info, generate_latest

from cifarkit.datasets import decoding
from cifarkit.datasets.decoding import TooManyPixels, UnusableImage
from cifarkit.deploy.model import LoadedModel
from cifarkit.deploy.runtimes import Images, Probabilities
from cifarkit.digests import digest

PAGE = Path(__file__).with_name("page.html")
MOST_WAITING = 256
"""Requests at once; one more is told to come back."""
BODY_SECONDS = 30.0
"""An upload that takes longer is given up."""
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_BODY = {"requestBody": {"required": True, "content": {"image/*": {"schema": {
    "type": "string", "format": "binary"}}}}}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What is refused and what is computed at once.

    Attributes:
        max_bytes: Of a request's body.
        max_pixels: Of an image, width times height.
        batch_size: The most images computed at once.
    """

    max_bytes: int
    max_pixels: int
    batch_size: int


class Batcher:
    """Computes what has come in while the batch before was computed, as one batch.

    A single request does not wait for others.

    Args:
        run: (n, height, width, 3) uint8 to (n, classes); called in a thread, one call at a time.
        batch_size: The largest n.
        on_batch: Called with each n.
    """

    def __init__(
        self,
        run: Callable[[Images], Probabilities],
        batch_size: int,
        on_batch: Callable[[int], Any],
    ) -> None:
        self._run, self._most, self._on_batch = run, batch_size, on_batch
        self._waiting: asyncio.Queue[tuple[Any, asyncio.Future[Any]]] = asyncio.Queue()

    async def submit(self, image: Any) -> Any:
        """The probabilities of one image."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((image, answer))
        return await answer

    async def work(self) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="model") as thread:
            while True:
                batch = [await self._waiting.get()]
                while len(batch) < self._most and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                # Whoever has hung up needs no answer.
                batch = [(image, answer) for image, answer in batch if not answer.done()]
                if not batch:
                    continue
                self._on_batch(len(batch))
                images = np.stack([image for image, _ in batch])
                try:
                    rows = await loop.run_in_executor(thread, self._run, images)
                except Exception as error:
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(error)
                    continue
                for (_, answer), row in zip(batch, rows, strict=True):
                    if not answer.done():
                        answer.set_result(row)


class _Metrics:
    """For Prometheus."""

    def __init__(self, model: LoadedModel) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cifarkit_requests", "Requests for a prediction.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "cifarkit_request_seconds", "From a request's headers to its answer.",
            registry=self.registry, buckets=_SECONDS,
        )  # fmt: skip
        self.batch = Histogram(
            "cifarkit_batch_images", "Images computed at once.",
            registry=self.registry, buckets=(1, 2, 4, 8, 16, 32, 64, 128),
        )  # fmt: skip
        Info("cifarkit_model", "The network.", registry=self.registry).info(
            {"network": model.title, "trial": model.trial_id, "format": model.format}
        )


def create_app(model: LoadedModel, limits: Limits) -> FastAPI:
    """The application: `POST /predict`, `GET /`, `/healthz` and `/metrics`.

    Args:
        model: The network.
        limits: Of requests.
    """
    metrics = _Metrics(model)
    batcher = Batcher(model.probabilities, limits.batch_size, metrics.batch.observe)
    page, policy = _page()
    in_flight = 0

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with decoding.quiet():
            height, width = model.native_size
            for size in {1, limits.batch_size}:  # what is built at a first call is built now
                model.probabilities(np.zeros((size, height, width, 3), np.uint8))
            worker = asyncio.create_task(batcher.work())
            yield
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker

    app = FastAPI(title=f"{model.title}, trial {model.trial_id}", lifespan=lifespan,
                  docs_url=None, redoc_url=None)  # fmt: skip  # their pages load scripts from a CDN

    @app.get("/", response_class=HTMLResponse)
    def index() -> HTMLResponse:
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(page, headers=headers)

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {
            "status": "ok",
            "model": model.title,
            "trial": model.trial_id,
            "format": model.format,
            "classes": list(model.class_names),
            "max_bytes": limits.max_bytes,
            "max_pixels": limits.max_pixels,
        }

    @app.get("/metrics")
    def measured() -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    @app.post("/predict", openapi_extra=_BODY)
    async def predict(request: Request, top: int = 5) -> JSONResponse:
        nonlocal in_flight
        began, status = time.perf_counter(), 500
        in_flight += 1
        try:
            if in_flight > MOST_WAITING:
                raise HTTPException(503, "too many requests at once", {"Retry-After": "1"})
            content = await _body(request, limits.max_bytes)
            image = await asyncio.to_thread(_decode, content, model.native_size, limits.max_pixels)
            answer = _answer(model, await batcher.submit(image), top)
            status = 200
            return JSONResponse(answer)
        except HTTPException as refused:
            status = refused.status_code
            raise
        finally:
            in_flight -= 1
            metrics.requests.labels(str(status)).inc()
            metrics.seconds.observe(time.perf_counter() - began)

    return app


async def _body(request: Request, max_bytes: int) -> bytes:
    """The image's bytes.

    Raises:
        HTTPException: There is none, it is too large or too slow, or it is a form.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise HTTPException(
            415, "send the image itself as the body, not a form: curl --data-binary @image.jpg"
        )
    length = request.headers.get("content-length", "0")
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if length.isdecimal() and int(length) <= max_bytes:
                async for part in request.stream():
                    content += part
                    if len(content) > max_bytes:
                        break
            else:
                content = bytearray(max_bytes + 1)
    except TimeoutError:
        raise HTTPException(408, f"the image took more than {BODY_SECONDS:.0f} s") from None
    if len(content) > max_bytes:
        raise HTTPException(413, f"images of up to {max_bytes:,} bytes are taken")
    if not content:
        raise HTTPException(400, "the body is empty; send an image's bytes")
    return bytes(content)


def _decode(content: bytes, size: tuple[int, int], max_pixels: int) -> Any:
    try:
        return decoding.decode(BytesIO(content), size, max_pixels)
    except TooManyPixels as error:
        raise HTTPException(413, str(error)) from None
    except UnusableImage as error:
        raise HTTPException(415, f"this image cannot be used: {error}") from None


def _answer(model: LoadedModel, probabilities: Any, top: int) -> dict[str, Any]:
    order = np.argsort(-probabilities, kind="stable")[: max(1, top)]
    return {
        "trial": model.trial_id,
        "predictions": [
            {"class": model.class_names[label], "probability": float(probabilities[label])}
            for label in order
        ],
    }


def _page() -> tuple[str, str]:
    """The page, and a policy by which it loads nothing and runs no script but its own."""
    page = PAGE.read_text(encoding="utf-8")
    allowed = []
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        hashed = base64.b64encode(bytes.fromhex(digest([content.encode()]))).decode()
        allowed.append(f"{tag}-src 'sha256-{hashed}'")
    policy = ["default-src 'none'", "img-src blob:", "connect-src 'self'", "base-uri 'none'",
              "form-action 'none'", "frame-ancestors 'none'"]  # fmt: skip
    return page, "; ".join([*policy, *allowed])
