"""What TensorFlow makes of the device that this process was given."""

from __future__ import annotations

from cifarkit.errors import CifarkitError
from cifarkit.profiling.devices import assigned
from cifarkit.profiling.memory import device_peak_mb


def unused_device() -> str:
    """A sentence if TensorFlow cannot use the device; empty if it can, or if there is none."""
    import tensorflow as tf

    given = assigned()
    if given is None or tf.config.list_physical_devices("GPU"):
        return ""
    return (
        f"TensorFlow cannot use {given[0]}: trained on the CPU; on Linux, "
        "`pip install 'cifarkit[gpu]'` installs CUDA's libraries"
    )


def check_device() -> None:
    """Refuse to train on the CPU where the user asked for a device.

    Raises:
        CifarkitError: TensorFlow cannot use it.
    """
    given = assigned()
    if given and given[1] and (why := unused_device()):
        raise CifarkitError(why.replace(": trained on the CPU; on", " (--devices); on"))


def memory_in_words() -> str:
    """How much of its device's memory this process has held at most; empty without a device."""
    held, given = device_peak_mb(), assigned()
    if held is None:
        return ""
    if given is None:
        return f"this trial held at most {held:,.0f} MB of the GPU's memory"
    device, _ = given
    total = f" of {device.memory_mb:,} MB" if device.memory_mb else ""
    return f"this trial held at most {held:,.0f} MB{total} of {device}"
