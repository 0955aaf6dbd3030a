"""Import Keras and TensorFlow in about half of the time that `import keras` takes."""

from __future__ import annotations

import gc
import sys

# Keras imports these where they are installed: for wrappers, plots and inputs of other kinds that a
# training has no use for. They take nearly as long as TensorFlow itself, and 100 MB.
_UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")


def import_keras() -> None:
    """Import both, unless Keras is here already; afterwards, everything can be imported."""
    if "keras" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    gc.disable()
    try:
        # To import what is None here is an ImportError, which Keras is prepared for.
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
        # The libraries' own objects stay to the end: none of them is looked at again.
        gc.freeze()
        gc.enable()
