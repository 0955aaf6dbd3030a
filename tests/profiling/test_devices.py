"""What is read of NVML, on machines that are made up; there is no GPU here."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cifarkit.profiling import device_use, environment
from cifarkit.profiling.devices import (
    VARIABLE,
    Device,
    assigned,
    environment_for,
    inventory,
    is_named,
)

H200 = Device("0", "GPU-aaaa", "NVIDIA H200", "570.86", 143_771)


class _NVMLError(Exception):
    pass


def machine(*gpus: tuple[str, ...] | None) -> Any:
    """NVML of a machine; a GPU is its UUID and those of its MIG instances, None has fallen off."""

    def handle(number: int) -> tuple[str, ...]:
        if gpus[number] is None:
            raise _NVMLError("GPU is lost")
        return gpus[number]  # type: ignore[return-value]

    def instance(gpu: tuple[str, ...], place: int) -> tuple[str, ...]:
        if place >= len(gpu) - 1:
            raise _NVMLError("Not Found")
        return (gpu[place + 1],)

    return SimpleNamespace(
        NVMLError=_NVMLError,
        NVML_DEVICE_MIG_ENABLE=1,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlSystemGetDriverVersion=lambda: "570.86",
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetMigMode=lambda gpu: (int(len(gpu) > 1), int(len(gpu) > 1)),
        nvmlDeviceGetMaxMigDeviceCount=lambda gpu: 7,
        nvmlDeviceGetMigDeviceHandleByIndex=instance,
        nvmlDeviceGetUUID=lambda gpu: gpu[0],
        nvmlDeviceGetName=lambda gpu: "NVIDIA H200",
        nvmlDeviceGetMemoryInfo=lambda gpu: SimpleNamespace(total=143_771 * 2**20),
    )


def found(monkeypatch: pytest.MonkeyPatch, nvml: Any, visible: str | None = None) -> list[str]:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    return [f"{device.number} {device.uuid}" for device in inventory()]


def test_this_machine_has_none() -> None:
    """The real library, without a driver."""
    assert inventory() == ()


def test_a_gpu_is_a_device_and_so_is_each_mig_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = machine(("GPU-aaaa",), ("GPU-bbbb", "MIG-1", "MIG-2"))
    assert found(monkeypatch, nvml) == ["0 GPU-aaaa", "1:0 MIG-1", "1:1 MIG-2"]
    assert inventory()[0] == H200


def test_one_that_has_fallen_off_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(monkeypatch, machine(None, ("GPU-bbbb",))) == ["1 GPU-bbbb"]
    assert "GPU 0 is left out: GPU is lost" in caplog.text


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        ("1,0", ["1 GPU-bbbb", "0 GPU-aaaa"]),
        ("GPU-bb", ["1 GPU-bbbb"]),
        ("0,9,1", ["0 GPU-aaaa"]),  # CUDA stops at the first that is not there
        ("-1", []),
        ("", []),
    ],
)
def test_a_variable_that_hides_devices_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, visible: str, left: list[str]
) -> None:
    assert found(monkeypatch, machine(("GPU-aaaa",), ("GPU-bbbb",)), visible) == left


def test_a_gpu_names_its_instances() -> None:
    instance = Device("1:0", "MIG-1", "NVIDIA H200 MIG 1g.18gb", "570.86", 18_000)
    assert [is_named(instance, text) for text in ("1", "1:0", "MIG-1", "1:1", "0")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_process_knows_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = environment_for(H200, required=True)
    assert variables["CUDA_VISIBLE_DEVICES"] == "GPU-aaaa"
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert assigned(variables) == (H200, True)
    assert assigned({}) is None
    assert assigned({VARIABLE: '{"name": "x"}'}) is None


def test_a_device_that_tensorflow_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note where no device was asked for, an error where one was."""
    none = SimpleNamespace(config=SimpleNamespace(list_physical_devices=lambda kind: []))
    monkeypatch.setitem(sys.modules, "tensorflow", none)
    monkeypatch.setenv(VARIABLE, environment_for(H200, required=False)[VARIABLE])
    device_use.check_device()
    assert device_use.unused_device().startswith(
        "TensorFlow cannot use GPU 0 (NVIDIA H200): trained on the CPU; on Linux"
    )
    monkeypatch.setenv(VARIABLE, environment_for(H200, required=True)[VARIABLE])
    with pytest.raises(Exception, match=r"cannot use GPU 0 .NVIDIA H200. \(--devices\); on Linux"):
        device_use.check_device()
    monkeypatch.setattr(environment, "_gpu", lambda: "NVIDIA H200")
    monkeypatch.setattr(environment, "_threads", lambda: 2)
    made = environment.environment(precision="float32", xla=True)
    assert (made.gpu_uuid, made.gpu_driver, made.gpu_memory_mb) == ("GPU-aaaa", "570.86", 143_771)


def test_out_of_memory_on_a_device_has_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from cifarkit.execution.worker import explain

    class ResourceExhaustedError(Exception):  # TensorFlow's name
        pass

    monkeypatch.setenv(VARIABLE, environment_for(H200, required=True)[VARIABLE])
    monkeypatch.setattr(device_use, "device_peak_mb", lambda: 140_001.4)
    monkeypatch.setitem(sys.modules, "tensorflow", sys)  # only asked for whether it is there
    ended = explain(ResourceExhaustedError("OOM when allocating a tensor of shape [64,512]"))
    assert (ended.status, ended.reason) == (
        "oom",
        "ResourceExhaustedError: OOM when allocating a tensor of shape [64,512]; this trial held "
        "at most 140,001 MB of 143,771 MB of GPU 0 (NVIDIA H200)",
    )
    other = explain(RuntimeError("INTERNAL: CUDA_ERROR_OUT_OF_MEMORY: out of memory"))
    assert other.status == "oom"
