"""Mutual exclusion between processes: file locks, or leases where file locks do not work.

`flock` is released by the system with the process that holds it. Some network filesystems have none
(Lustre by default), some grant every lock, and some only exclude processes on the same machine (NFS
mounted with `nolock`). A lease is used there: a file that is created exclusively and touched while
its holder lives. A waiting process takes over a lease that has not been touched for a minute, as
measured by the waiting process, so the clocks of different machines need not agree.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
"""Longer than NFS caches a file's attributes."""
LONGEST_LOOK_SECONDS = 2.0
"""Time between two polls counts up to this much: the waiting process may have been suspended
together with the holder."""
_MOUNTS = "/proc/self/mountinfo"
_LOCAL_LOCKS = {"nolock", "local_lock=flock", "local_lock=all", "localflock"}

_troubles: dict[int, str] = {}


def lock(path: Path, *, timeout: float = -1) -> FileLock | Lease:
    """A lock on a path whose folder exists.

    Args:
        path: The lock file.
        timeout: Seconds to wait before `filelock.Timeout` is raised; negative waits forever.

    Raises:
        OSError: The folder is not writable.
    """
    if trouble(path.parent):
        return Lease(path.with_name(f"{path.name}.lease"), timeout)
    return FileLock(path, timeout=timeout)


def trouble(folder: Path) -> str:
    """Why file locks cannot be relied on in a folder; empty if they can.

    Probed once per filesystem.
    """
    device = os.stat(folder).st_dev
    if device not in _troubles:
        _troubles[device] = _local_only(folder) or _probe(folder)
    return _troubles[device]


def _probe(folder: Path) -> str:
    try:
        import fcntl
    except ImportError:  # Windows, where locks are mandatory
        return ""
    path = folder / f".lock-probe.{secrets.token_hex(6)}"
    with contextlib.ExitStack() as stack:
        try:
            first = stack.enter_context(path.open("xb"))
            stack.callback(path.unlink, missing_ok=True)
            second = stack.enter_context(path.open("rb"))
        except OSError:  # disk full or no permission: taking the lock reports it
            return ""
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return f"flock fails there: {error.strerror}"
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held = error.errno in (errno.EAGAIN, errno.EACCES)
            return "" if held else f"flock fails there: {error.strerror}"
    return "flock does not exclude a second process there"


def _local_only(folder: Path) -> str:
    """Why locks are local to this machine, from the mount options; empty if they are not."""
    place, nearest, options = os.path.realpath(folder), "", set[str]()
    with contextlib.suppress(OSError), open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            mounted, _, filesystem = line.partition(" - ")
            point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), mounted.split()[4])
            if os.path.join(place, "").startswith(os.path.join(point, "")) and point >= nearest:
                nearest, options = point, set(filesystem.split()[-1].split(","))
    found = ", ".join(sorted(options & _LOCAL_LOCKS))
    return (
        f"{nearest} is mounted with {found}: its locks are local to this machine" if found else ""
    )


class Lease:
    """A lock with the interface of `FileLock`, as far as it is used here.

    Args:
        path: The file that exists while the lock is held.
        timeout: As for `lock`.

    Attributes:
        lost: Whether another process has taken it over, after this one was suspended for long.
    """

    _watched: ClassVar[dict[Path, tuple[tuple[bytes, int], float, float]]] = {}
    """By path: the last state seen, the seconds it has not changed for, and when it was seen."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.lock_file = str(path)
        self._path, self._timeout = path, timeout
        holder = f"process {os.getpid()} on {socket.gethostname()}, {secrets.token_hex(8)}\n"
        self._content = holder.encode()
        self._released = threading.Event()
        self.lost = False

    def acquire(self) -> Lease:
        until = time.monotonic() + self._timeout
        while not self._taken():
            if self._timeout >= 0 and time.monotonic() >= until:
                raise Timeout(self.lock_file)
            time.sleep(0.2)
        self._released.clear()
        self.lost = False
        threading.Thread(target=self._beat, name="lease", daemon=True).start()
        return self

    def release(self) -> None:
        self._released.set()
        if self._is_ours():
            self._path.unlink(missing_ok=True)

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()

    def _taken(self) -> bool:
        if (stale := self._stale()) is not None:
            # One of several processes succeeds in renaming; the file may be a newer lease by then.
            aside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(6)}")
            with contextlib.suppress(FileNotFoundError):
                os.rename(self._path, aside)
                if _look(aside)[0] != stale:
                    with contextlib.suppress(FileExistsError):
                        os.link(aside, self._path)
                aside.unlink()
        try:
            with self._path.open("xb") as file:
                file.write(self._content)
        except FileExistsError:
            return False
        except OSError:
            self._path.unlink(missing_ok=True)  # disk full
            raise
        return True

    def _stale(self) -> bytes | None:
        """The content of an expired lease; None if there is none."""
        try:
            seen = _look(self._path)
        except FileNotFoundError:
            return None
        now = time.monotonic()
        before, quiet, looked_at = self._watched.get(self._path, (seen, 0.0, now))
        quiet = quiet + min(now - looked_at, LONGEST_LOOK_SECONDS) if before == seen else 0.0
        self._watched[self._path] = (seen, quiet, now)
        return seen[0] if quiet > STALE_SECONDS else None

    def _beat(self) -> None:
        while not self._released.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # the next beat may succeed
                if self._is_ours() or (not self._released.wait(1.0) and self._is_ours()):
                    os.utime(self._path)
                elif not self._released.is_set():
                    self.lost = True
                    return

    def _is_ours(self) -> bool:
        try:
            return _look(self._path)[0] == self._content
        except FileNotFoundError:
            return False


def _look(path: Path) -> tuple[bytes, int]:
    """A lease's content and modification time in ns. The path may be a link or a pipe."""
    # Opening makes NFS revalidate its attribute cache.
    handle = os.open(
        path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    )
    try:
        return os.read(handle, 1000), os.fstat(handle).st_mtime_ns
    finally:
        os.close(handle)
