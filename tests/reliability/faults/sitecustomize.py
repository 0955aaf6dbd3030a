"""Kills a process inside a rename, or between a file's flush and its rename.

Python imports this module by itself in every process that has its folder on `PYTHONPATH`. What is
to happen is said by `CIFARKIT_TEST_KILL=WHO:CALL:NUMBER:FILE`: in the process whose command line
holds WHO, at the NUMBERth CALL (`fsync`, `replace`, or `replaced`: just after), kill with signal 9.
FILE is made first; while it is there nothing more is killed.
"""

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
