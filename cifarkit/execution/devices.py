"""Runs trials on the devices of one machine, each on one of its own."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cifarkit.errors import InvalidInput
from cifarkit.execution.events import Emit, Moved, Placed
from cifarkit.execution.launchers import (
    NO_LIMITS,
    NOTHING,
    AttemptResult,
    Launcher,
    create,
    log_tail,
    places_itself,
)
from cifarkit.execution.resource_monitor import Limits
from cifarkit.profiling.devices import Device, environment_for, inventory, is_named
from cifarkit.store.records import Status

MOST_FAILURES = 2
"""A device is left out after so many failures."""
_LOG = logging.getLogger(__name__)
# What CUDA says of a broken device, and not of a broken program.
_BROKEN = re.compile(
    r"CUDA_ERROR_(ECC_UNCORRECTABLE|NVLINK_UNCORRECTABLE|HARDWARE_STACK_ERROR|DEVICE_UNAVAILABLE"
    r"|NO_DEVICE|INVALID_DEVICE|SYSTEM_NOT_READY|SYSTEM_DRIVER_MISMATCH|UNKNOWN)"
    r"|GPU is lost|fallen off the bus|TensorFlow cannot use GPU"
)


def place(
    name: str,
    environment: Callable[[int], Mapping[str, str]],
    *,
    devices: str,
    jobs: int | str,
    jobs_per_device: int,
    options: Mapping[str, str] = NOTHING,
    find: Callable[[], Sequence[Device]] = inventory,
) -> tuple[Launcher, int]:
    """A launcher whose trials have a device each, and the number of trials to run in parallel.

    Without a GPU, or for a launcher that finds its own places (`places_itself`), it is the named
    launcher itself.

    Args:
        name: The launcher's name.
        environment: The variables of the work, by the number of parallel trials.
        devices: `auto` (the GPUs, or else the CPU), `cpu`, `all` GPUs, or some of them: numbers as
            `nvidia-smi` has them, or UUIDs, separated by commas.
        jobs: `auto` for as many as the devices take, else a number.
        jobs_per_device: How many trials may share a device.
        options: The launcher's own.
        find: Lists the devices.

    Raises:
        InvalidInput: There is no such device or launcher, or more jobs than the devices take.
    """
    if places_itself(name):
        if devices != "auto":
            raise InvalidInput(
                f"--devices {devices}: the launcher {name} does not use this machine's devices; "
                "leave the option out"
            )
        launcher = create(name, {}, options)
        return launcher, slots_of(launcher, jobs)
    chosen = choose(devices, find)
    if not chosen:
        count = 1 if jobs == "auto" else int(jobs)
        no_gpu = {"CUDA_VISIBLE_DEVICES": "-1"} if devices == "cpu" else {}
        return create(name, {**environment(count), **no_gpu}, options), count
    most = len(chosen) * jobs_per_device
    count = most if jobs == "auto" else int(jobs)
    if count > most:
        raise InvalidInput(
            f"--jobs {count}: {len(chosen)} of this machine's devices with --jobs-per-device "
            f"{jobs_per_device} take {most} at once; give --jobs auto, or let more trials share a "
            f"device with --jobs-per-device {-(-count // len(chosen))}"
        )
    required = devices != "auto"

    def make(device: Device) -> Launcher:
        variables = {**environment(count), **environment_for(device, required=required)}
        return create(name, variables, options)

    return DeviceLauncher(chosen, make, jobs_per_device=jobs_per_device, find=find), count


def slots_of(launcher: Launcher, jobs: int | str) -> int:
    """The number of trials to run in parallel; `auto` asks the launcher, where it can say."""
    if jobs != "auto":
        return int(jobs)
    return max(1, int(getattr(launcher, "slots", lambda: 1)()))


def choose(devices: str, find: Callable[[], Sequence[Device]]) -> tuple[Device, ...]:
    """The devices that a text names (see `place`); none for the CPU.

    Raises:
        InvalidInput: It names one that is not there.
    """
    if devices == "cpu":
        return ()
    found = tuple(find())
    if devices == "auto":
        return found
    have = ", ".join(map(str, found)) or "none (is NVIDIA's driver installed?)"
    if devices == "all":
        if not found:
            raise InvalidInput(f"--devices all: this machine has no GPU that can be used: {have}")
        return found
    chosen: dict[str, Device] = {}
    for text in map(str.strip, devices.split(",")):
        named = [device for device in found if is_named(device, text)]
        if not named:
            raise InvalidInput(
                f"--devices {devices}: there is no device {text!r}; give auto, cpu, all, or "
                f"numbers or UUIDs of this machine's devices: {have}"
            )
        chosen |= {device.uuid: device for device in named}
    return tuple(chosen.values())


class DeviceLauncher:
    """Gives each trial a device that is free, and a failed device's trials to another one.

    Args:
        devices: The devices, at least one.
        make: The launcher of the trials of a device.
        jobs_per_device: How many trials may share a device.
        find: Lists the devices that are still there.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        make: Callable[[Device], Launcher],
        *,
        jobs_per_device: int = 1,
        find: Callable[[], Sequence[Device]] = inventory,
    ) -> None:
        self._devices = list(devices)
        self._launchers = {device: make(device) for device in devices}
        self._per_device, self._find = jobs_per_device, find
        self._running: Counter[Device] = Counter()
        self._failures: Counter[Device] = Counter()
        self._last_reason = ""
        self._stopped = False
        self._changed = threading.Condition()

    def slots(self) -> int:
        return len(self._devices) * self._per_device

    def run(
        self,
        work: str,
        folder: Path,
        *,
        options: Mapping[str, Any] = NOTHING,
        limits: Limits = NO_LIMITS,
        on_event: Emit,
    ) -> AttemptResult:
        failed_here: set[Device] = set()
        while True:
            device = self._take(failed_here)
            if self._stopped:
                return AttemptResult(Status.PENDING, "not started")
            if device is None:
                reason = f"no device is left: {self._last_reason}"
                return AttemptResult(Status.FAILED, reason)
            try:
                on_event(Placed(str(device)))
                ending = self._launchers[device].run(
                    work, folder, options=options, limits=limits, on_event=on_event
                )
                broken = self._why_broken(device, ending, folder)
            finally:
                with self._changed:
                    self._running[device] -= 1
                    self._changed.notify_all()
            if not broken:
                return ending
            failed_here.add(device)
            on_event(Moved(self._note_failure(device, broken)))

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for launcher in self._launchers.values():
            launcher.stop()

    def _take(self, failed_here: set[Device]) -> Device | None:
        """A device with a free slot, waiting for one; None if every device is left out.

        The least busy one, and rather one that the trial has not failed on.
        """
        with self._changed:
            while not self._stopped:
                usable = [d for d in self._devices if self._failures[d] < MOST_FAILURES]
                if not usable:
                    return None
                wanted = [d for d in usable if d not in failed_here] or usable
                free = [d for d in wanted if self._running[d] < self._per_device]
                if free:
                    device = min(free, key=lambda d: self._running[d])
                    self._running[device] += 1
                    return device
                self._changed.wait()
        return None

    def _why_broken(self, device: Device, ending: AttemptResult, folder: Path) -> str:
        """How the device, rather than the trial, failed; empty if it did not."""
        if ending.status is not Status.FAILED:
            return ""
        if _BROKEN.search(ending.reason):
            return ending.reason
        if found := _BROKEN.search(log_tail(folder)):
            return f"{ending.reason} ({found[0]})"
        if device.uuid not in {there.uuid for there in self._find()}:
            return "the driver does not list it any more"
        return ""

    def _note_failure(self, device: Device, reason: str) -> str:
        with self._changed:
            self._failures[device] += 1
            left_out = self._failures[device] >= MOST_FAILURES
            self._last_reason = f"{device} failed: {reason}"
            self._changed.notify_all()
        _LOG.debug("%s", self._last_reason)
        return self._last_reason + (", and is left out from now on" if left_out else "")
