"""Kills a process inside a rename, or lets the disk be full, where a test says so.

Python imports this module by itself in every process that has its folder on `PYTHONPATH`.

`CIFARKIT_TEST_KILL=WHO:CALL:NUMBER:FILE`: in the process whose command line holds WHO, at the
NUMBERth CALL (`fsync`, `replace`, or `replaced`: just after), kill with signal 9. FILE is made
first; while it is there nothing more is killed.

`CIFARKIT_TEST_FULL=WHO:NAME`: in that process the disk is full when a file is flushed whose name
holds NAME.

`CIFARKIT_TEST_FLOCK=fails` or `open`: there is no `flock`, or it lets everyone in.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

who, call, number, once = os.environ.get("CIFARKIT_TEST_KILL", ":::").split(":", 3)
if who and any(who in word for word in sys.orig_argv) and not os.path.exists(once):
    left = int(number)

    def counting(original: Callable[..., Any], after: bool) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            global left
            left -= 1
            if left == 0:
                if after:
                    original(*arguments, **named)
                with open(once, "w"):
                    pass
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **named)

        return counted

    name = call.removesuffix("d")
    setattr(os, name, counting(getattr(os, name), after=call != name))

full, _, name_of_file = os.environ.get("CIFARKIT_TEST_FULL", ":").partition(":")
if full and any(full in word for word in sys.orig_argv):
    flush = os.fsync

    def flush_to_a_full_disk(handle: int) -> None:
        if name_of_file in os.path.basename(os.readlink(f"/proc/self/fd/{handle}")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    os.fsync = flush_to_a_full_disk

if broken := os.environ.get("CIFARKIT_TEST_FLOCK"):
    import fcntl

    def broken_flock(file: Any, operation: int) -> None:
        if broken == "fails":
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    fcntl.flock = broken_flock
