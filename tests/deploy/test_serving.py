"""A network behind HTTP: answers, refusals, batches, and the page in a browser."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

import cifarkit as ck
from cifarkit.deploy.model import LoadedModel
from tests.cli.command import cifarkit, start
from tests.deploy.conftest import Trained
from tests.reporting.chromium import Chromium

pytest.importorskip("fastapi")
serving = pytest.importorskip("cifarkit.deploy.serving")
CLASSES = ("red", "green", "<b>blue</b> & co")
LIMITS = serving.Limits(max_bytes=200_000, max_pixels=1_000_000, batch_size=8)


def by_colour(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The share of each colour: what a network of colours would say."""
    colours = images.reshape(len(images), -1, 3).mean(axis=1) + 1e-3
    return np.asarray(colours / colours.sum(axis=1, keepdims=True), np.float32)


def a_model(runtime: Any = by_colour) -> LoadedModel:
    return LoadedModel(
        title="Colours", class_names=CLASSES, native_size=(8, 8), trial_id="abcdef012345",
        format="onnx", path=Path("model.onnx"), runtime=runtime, size_bytes=10,
    )  # fmt: skip


def image_file(colour: tuple[int, int, int], kind: str = "PNG", size: int = 20) -> bytes:
    content = BytesIO()
    Image.new("RGB", (size, size), colour).save(content, kind)
    return content.getvalue()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    from fastapi.testclient import TestClient

    with TestClient(serving.create_app(a_model(), LIMITS)) as made:
        yield made


def test_an_image_gets_its_most_probable_classes(client: Any) -> None:
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"):
        answer = client.post("/predict?top=2", content=image_file((200, 100, 0), kind))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["trial"] == "abcdef012345"
        assert [one["class"] for one in found["predictions"]] == ["red", "green"]
        assert found["predictions"][0]["probability"] == pytest.approx(2 / 3, abs=0.02)
    all_three = client.post("/predict", content=image_file((0, 0, 9))).json()["predictions"]
    assert all_three[0]["class"] == CLASSES[2]
    assert sum(one["probability"] for one in all_three) == pytest.approx(1)


def bomb(width: int, height: int) -> bytes:
    """A PNG of the given size, of a few bytes, that would be decoded to gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(id) (w) file\nshowpage\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 400, "the body is empty"),
        (b"GIF89a not an image at all", 415, "cannot be used"),
        (EPS, 415, "not an image of a supported format"),
        (SVG, 415, "not an image of a supported format"),
        (image_file((1, 2, 3))[:-30], 415, "cannot be used"),
        (image_file((1, 2, 3), size=1001), 413, "1001 x 1001 pixels are more than the limit"),
        (bomb(30_000, 30_000), 415, "cannot be used"),  # refused by Pillow as it is opened
        (bomb(9_000, 9_000), 413, "more than the limit"),
        (bytes(200_001), 413, "images of up to 200,000 bytes"),
    ],
    ids=["empty", "text", "eps", "svg", "cut", "large", "bomb", "smaller bomb", "bytes"],
)
def test_hostile_uploads_are_refused(client: Any, content: bytes, status: int, said: str) -> None:
    answer = client.post("/predict", content=content)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert client.post("/predict", content=image_file((9, 0, 0))).status_code == 200


def test_a_body_without_a_length_is_cut_off(client: Any) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield bytes(50_000)

    assert client.post("/predict", content=endless()).status_code == 413
    form = client.post("/predict", files={"image": image_file((9, 0, 0))})
    assert form.status_code == 415
    assert "curl --data-binary" in form.json()["detail"]
    assert client.get("/predict").status_code == 405
    assert client.post("/predict?top=many", content=b"x").status_code == 422


def test_health_and_metrics(client: Any) -> None:
    health = client.get("/healthz").json()
    assert (health["status"], health["classes"]) == ("ok", list(CLASSES))

    def count(line: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(one.split()[-1]) for one in lines if one.startswith(line))

    before = count('cifarkit_requests_total{status="200"}'), count("cifarkit_batch_images_sum")
    refused = count('cifarkit_requests_total{status="415"}')
    client.post("/predict", content=image_file((9, 0, 0)))
    client.post("/predict", content=b"x")
    assert count('cifarkit_requests_total{status="200"}') == before[0] + 1
    assert count("cifarkit_batch_images_sum") == before[1] + 1
    assert count('cifarkit_requests_total{status="415"}') == refused + 1
    assert 'trial="abcdef012345"' in client.get("/metrics").text


def test_what_waits_is_one_batch() -> None:
    sizes: list[int] = []

    def slow(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        time.sleep(0.05)
        return by_colour(images)

    async def many() -> list[Any]:
        batcher = serving.Batcher(slow, 8, sizes.append)
        working = asyncio.create_task(batcher.work())
        images = [np.full((8, 8, 3), n, np.uint8) for n in range(20)]
        images = [image * np.array([1, 0, 0], np.uint8) for image in images]
        first = asyncio.create_task(batcher.submit(images[0]))
        await asyncio.sleep(0.02)
        rows = await asyncio.gather(first, *(batcher.submit(image) for image in images[1:]))
        working.cancel()
        expected = by_colour(np.stack(images))
        np.testing.assert_allclose(np.stack(rows), expected)
        return rows

    asyncio.run(many())
    assert sizes == [1, 8, 8, 3]


def test_a_network_that_fails_fails_its_requests_only() -> None:
    from fastapi.testclient import TestClient

    def failing(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if images.max() > 250:
            raise RuntimeError("on purpose")
        return by_colour(images)

    app = serving.create_app(a_model(failing), LIMITS)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/predict", content=image_file((255, 0, 0))).status_code == 500
        assert client.post("/predict", content=image_file((9, 0, 0))).status_code == 200


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A real server on a free port."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = serving.create_app(a_model(), LIMITS)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_an_image_dropped_on_the_page_is_classified(address: str, tmp_path: Path) -> None:
    browser = Chromium(tmp_path / "profile")
    try:
        browser.events.clear()
        browser.call("Page.navigate", url=f"{address}/")
        wait(browser, "document.title === 'Colours'")
        content = base64.b64encode(image_file((0, 10, 200), size=64)).decode()
        browser.run(
            "(() => {"
            "const bytes = Uint8Array.from(atob('%s'), c => c.charCodeAt(0));"
            "const moved = new DataTransfer();"
            "moved.items.add(new File([bytes], 'sky.png', {type: 'image/png'}));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: moved, bubbles: true}));"
            "})()".replace("fetch('data:image/png;base64,%s').catch(() => 0); ", "")
            % content
        )
        wait(browser, "!document.getElementById('result').hidden")
        rows = browser.run("[...document.querySelectorAll('li')].map(li => li.innerText)")
        shown = [" ".join(one.split()) for one in rows]
        assert shown[0].startswith("<b>blue</b> & co 95")  # as text, not as markup
        widths = browser.run(
            "[...document.querySelectorAll('rect')].map(r => r.getBoundingClientRect().width)"
        )
        assert widths[0] > 15 * widths[1] > 0
        assert "sky.png: <b>blue</b> & co" in browser.run(
            "document.getElementById('said').textContent"
        )
        size = "[document.getElementById('shown').naturalWidth]"
        wait(browser, f"{size}[0] === 64")
        picture = browser.call("Page.captureScreenshot")["data"]
        (tmp_path / "page.png").write_bytes(base64.b64decode(picture))
        browser.run(
            "(() => { const moved = new DataTransfer(); moved.items.add(new File(['x'], 'x.png'));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: moved})); })()"
        )
        wait(browser, "document.getElementById('said').className === 'bad'")
        assert "cannot be used" in browser.run("document.getElementById('said').textContent")
        wrong = [one for one in browser.complaints if address not in str(one)]
        assert wrong == []
    finally:
        browser.close()


def wait(browser: Chromium, condition: str) -> None:
    for _ in range(200):
        if browser.run(condition):
            return
        time.sleep(0.05)
    raise AssertionError(condition)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"port": 70_000}, "--port: give a number from 0 to 65535, got 70000"),
        ({"max_mb": 0}, "--max-mb: give a number above 0, up to 1000, got 0"),
        ({"batch_size": 0}, "--batch-size: give a whole number from 1 to 1024, got 0"),
        ({"host": "no.such.host.invalid"}, "--host no.such.host.invalid"),
    ],
)
def test_bad_settings(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ck.InvalidInput, match=said):
        ck.serve("best", "nowhere", **arguments)


def test_a_port_that_is_taken_and_a_store_that_is_not_there() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ck.InvalidInput, match="in use; give others"):
            ck.serve("best", "nowhere", port=other.getsockname()[1])
    done = cifarkit("serve", "best", "--runs", "nowhere", "--port", "0", code=2)
    assert "there are no results in nowhere" in done.stderr


@pytest.mark.exhaustive
def test_the_command_serves_a_trial_until_it_is_interrupted(trained: Trained) -> None:
    process = start("serve", trained.trial_id, "--runs", trained.runs, "--port", "0")
    try:
        assert process.stderr is not None
        at = next(line for line in process.stderr if " at http" in line)
        url = at.split(" at ")[1].split()[0]
        for _ in range(100):
            try:
                assert json.load(urlopen(f"{url}healthz"))["trial"] == trained.trial_id
                break
            except OSError:
                time.sleep(0.1)
        image = sorted((trained.photos / "test").rglob("*.png"))[0]
        posted = Request(f"{url}predict", image.read_bytes(), method="POST")
        answer = json.load(urlopen(posted))["predictions"]
        expected = ck.load_model(trained.trial_id, trained.runs).predict(image).top(5)[0]
        assert [one["class"] for one in answer] == [name for name, _ in expected]
        assert answer[0]["probability"] == pytest.approx(expected[0][1], abs=1e-5)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) in (0, 130)
    finally:
        process.kill()
        process.communicate()
