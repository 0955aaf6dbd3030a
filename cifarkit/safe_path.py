"""Keep Python from importing modules from the current folder.

`python -m` puts the current folder first on `sys.path`, and an empty or relative entry of
`PYTHONPATH` names it too (`PYTHONPATH=$PYTHONPATH:/more` has one if the variable was empty). A
`numpy.py` in a folder of data would be executed by every process that is started there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def child_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a Python process and its children.

    Args:
        changes: Variables to set, on top of this process' own.
    """
    environment = {**os.environ, **(changes or {}), "PYTHONSAFEPATH": "1"}
    absolute, _ = _entries(environment.pop("PYTHONPATH", ""))
    if absolute:
        environment["PYTHONPATH"] = os.pathsep.join(absolute)
    return environment


def drop_relative_entries() -> None:
    """Remove the relative entries of `PYTHONPATH` from this process' `sys.path`."""
    _, relative = _entries(os.environ.get("PYTHONPATH", ""))
    for entry in relative:
        # Python has made them absolute. Of two equal entries the last one is from PYTHONPATH.
        for index in reversed(range(len(sys.path))):
            if sys.path[index] in (entry, os.path.abspath(entry)):
                del sys.path[index]
                break


def _entries(python_path: str) -> tuple[list[str], list[str]]:
    """The absolute and the relative entries of a `PYTHONPATH`."""
    entries = python_path.split(os.pathsep) if python_path else []
    absolute = [entry for entry in entries if os.path.isabs(entry)]
    return absolute, [entry for entry in entries if not os.path.isabs(entry)]
