"""The GPUs of this machine, as NVIDIA's management library (NVML) lists them.

The command's process lists them and gives each trial's process one, with its description in
`VARIABLE`. Neither TensorFlow nor CUDA is imported for it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

VARIABLE = "CIFARKIT_DEVICE"
_MB = 2**20
_LOG = logging.getLogger("cifarkit")


@dataclass(frozen=True)
class Device:
    """A GPU, or a MIG instance of one.

    Attributes:
        number: As `nvidia-smi` numbers it; `0:1` is the second MIG instance of GPU 0.
        uuid: `GPU-...` or `MIG-...`.
        memory_mb: All of its memory; None if the driver does not say.
    """

    number: str
    uuid: str
    name: str
    driver: str
    memory_mb: int | None

    def __str__(self) -> str:
        return f"GPU {self.number} ({self.name})"


def inventory() -> tuple[Device, ...]:
    """The devices that this process may use; none without an NVIDIA driver.

    `CUDA_VISIBLE_DEVICES` restricts them, as for CUDA, but in `nvidia-smi`'s order. One that does
    not answer is left out with a warning.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        found = [
            device
            for number in range(pynvml.nvmlDeviceGetCount())
            for device in _of_gpu(pynvml, number, driver)
        ]
    finally:
        pynvml.nvmlShutdown()
    return _visible(found, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _of_gpu(nvml: Any, number: int, driver: str) -> Iterator[Device]:
    """A GPU, or its MIG instances if it is divided."""
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(number)
        parts = list(_instances(nvml, gpu))
        handles = {f"{number}:{i}": part for i, part in enumerate(parts)} or {str(number): gpu}
        for name, handle in handles.items():
            yield Device(
                name,
                nvml.nvmlDeviceGetUUID(handle),
                nvml.nvmlDeviceGetName(handle),
                driver,
                _memory_mb(nvml, handle),
            )
    except nvml.NVMLError as error:
        _LOG.warning("cifarkit: GPU %d is left out: %s", number, error)


def _instances(nvml: Any, gpu: Any) -> Iterator[Any]:
    try:
        if nvml.nvmlDeviceGetMigMode(gpu)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return
    except nvml.NVMLError:  # a GPU that cannot be divided
        return
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, place)
        except nvml.NVMLError:  # there is no instance at this place
            continue


def _memory_mb(nvml: Any, handle: Any) -> int | None:
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(handle).total) // _MB
    except nvml.NVMLError:  # as on chips that share the system's memory
        return None


def _visible(found: list[Device], variable: str | None) -> tuple[Device, ...]:
    """Those that the value of `CUDA_VISIBLE_DEVICES` names; it ends at the first unknown one."""
    if variable is None:
        return tuple(found)
    seen: dict[str, Device] = {}
    for entry in map(str.strip, variable.split(",")):
        named = [device for device in found if is_named(device, entry)]
        if not named:
            break
        seen |= {device.uuid: device for device in named}
    return tuple(seen.values())


def is_named(device: Device, text: str) -> bool:
    """Whether a text is the device's number, its GPU's number, or the beginning of its UUID."""
    if text.startswith(("GPU-", "MIG-")):
        return device.uuid.startswith(text)
    return text in (device.number, device.number.partition(":")[0])


def environment_for(device: Device, *, required: bool) -> dict[str, str]:
    """The environment of a process that has this device and no other.

    Memory growth lets several processes share it, and leaves what a trial does not need free.

    Args:
        required: Whether the process fails, rather than train on the CPU, if TensorFlow cannot use
            the device.
    """
    return {
        "CUDA_VISIBLE_DEVICES": device.uuid,
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        VARIABLE: json.dumps({**asdict(device), "required": required}),
    }


def assigned(environment: Mapping[str, str] = os.environ) -> tuple[Device, bool] | None:
    """The device that this process was given, and whether it is required; None if none was."""
    try:
        values = json.loads(environment[VARIABLE])
        required = bool(values.pop("required"))
        return Device(**values), required
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
