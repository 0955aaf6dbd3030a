"""Serves a trained network over HTTP."""

from __future__ import annotations

import ipaddress
import os
import socket

from cifarkit.api.load_model import load_model
from cifarkit.console import say
from cifarkit.errors import InvalidInput


def serve(
    model: str | os.PathLike[str] = "best",
    store: str | os.PathLike[str] = "runs",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_mb: float = 10.0,
    max_megapixels: float = 50.0,
    batch_size: int = 32,
) -> None:
    """Serve a trained network over HTTP until the process is interrupted.

    `POST /predict` takes an image's bytes, `GET /` is a page for a browser, `/healthz` says what is
    served, `/metrics` is for Prometheus. There is no authentication. Needs the extra `serve`.

    Args:
        model: As in `load_model`.
        store: The folder of results.
        host: The address to listen on; others than this machine's own are reached from outside.
        port: The port; 0 takes a free one.
        max_mb: Larger uploads are refused; 2**20 bytes.
        max_megapixels: Larger images are refused before they are decoded.
        batch_size: The most images computed at once.

    Raises:
        InvalidInput: An argument cannot be used, the port is taken, a package is missing, or as
            `load_model`.
    """
    for option, value in (("max-mb", max_mb), ("max-megapixels", max_megapixels)):
        if not 0 < value <= 1000:
            raise InvalidInput(f"--{option}: give a number above 0, up to 1000, got {value!r}")
    if isinstance(batch_size, bool) or batch_size != int(batch_size) or not 1 <= batch_size <= 1024:
        raise InvalidInput(f"--batch-size: give a whole number from 1 to 1024, got {batch_size!r}")
    try:
        import uvicorn

        from cifarkit.deploy.serving import Limits, create_app
    except ImportError as error:
        raise InvalidInput(
            f"serve needs {error.name}: python -m pip install 'cifarkit[serve]'"
        ) from None
    listening = _listen(host, port)
    try:
        loaded = load_model(model, store)
        limits = Limits(int(max_mb * 2**20), int(max_megapixels * 1e6), batch_size)
        app = create_app(loaded, limits)
        address, number = listening.getsockname()[:2]
        if not ipaddress.ip_address(address).is_loopback:
            say("Whoever reaches this machine can send images: there is no password.", "yellow")
        shown = f"[{address}]" if ":" in address else address
        say(f"{loaded.title}, trial {loaded.trial_id}, at http://{shown}:{number}/  (Ctrl-C ends)")
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=20)
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    if isinstance(port, bool) or not 0 <= port < 2**16:
        raise InvalidInput(f"--port: give a number from 0 to 65535, got {port!r}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it lets two programs listen on one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise InvalidInput(
            f"--host {host}, --port {port}: {error.strerror}; give others (--port 0: a free port)"
        ) from None
    return listening
