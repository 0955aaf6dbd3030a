"""Shows a store while other processes, or other machines, work on it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cifarkit.api.existing_store import existing_store
from cifarkit.errors import InvalidInput

LEAST_SECONDS = 0.2
MOST_SHARE = 0.05
"""The most of a processor that it takes; a large store is looked at less often."""
PIPE_COLUMNS = 200


def watch(
    store: str | os.PathLike[str] = "runs", *, once: bool = False, every: float = 2.0
) -> None:
    """Show on standard output what runs where, how far each study is, and what finished.

    Only reads the store, and locks nothing. Without a terminal it is shown once.

    Args:
        store: The folder of results.
        once: Show it once and return; otherwise until interrupted.
        every: Seconds between two looks; more where looking takes more than a twentieth of it.

    Raises:
        InvalidInput: There is no such store, or `every` is below `LEAST_SECONDS`.
    """
    if not every >= LEAST_SECONDS:
        raise InvalidInput(f"every: {every:g} seconds is too often; give {LEAST_SECONDS} or more")
    from rich.console import Console
    from rich.live import Live

    from cifarkit.api.watch_view import view
    from cifarkit.api.watched_store import StoreWatcher

    watcher = StoreWatcher(existing_store(Path(store)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    if once or not console.is_terminal:
        console.print(view(watcher.snapshot()))
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while True:
            began = time.process_time()
            live.update(view(watcher.snapshot()), refresh=True)
            spent = time.process_time() - began
            time.sleep(max(every, spent / MOST_SHARE))
