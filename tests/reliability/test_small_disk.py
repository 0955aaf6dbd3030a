"""A real filesystem that is full, and one that is read-only."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifarkit.store.records import Status
from tests.cli.command import CIFARKIT, cifarkit, environment
from tests.reliability.small_study import SmallStudy, colours

DISK_BYTES = 64 * 2**20
FREE_BYTES = (0, 4_096, 12_288, 32_768, 4 * 2**20)
SOME_FREE_BYTES = (0, 12_288, 4 * 2**20)
"""What the disk still takes: from nothing at all to less than the checkpoint after the first epoch,
which is always written, and 11 MB large. When a second one is due depends on the machine."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={DISK_BYTES}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a filesystem needs root on Linux")
    yield folder
    subprocess.run(["umount", folder], check=True)


def run(study: SmallStudy) -> subprocess.CompletedProcess[str]:
    command = [*CIFARKIT, *map(str, study.command())]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)


def leave_free(disk: Path, free: int) -> None:
    """Fill the disk up to so many bytes."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    room = os.statvfs(disk)
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, room.f_bavail * room.f_frsize - free)


@pytest.mark.slow
@pytest.mark.parametrize(
    "free_bytes", [SOME_FREE_BYTES, pytest.param(FREE_BYTES, marks=pytest.mark.exhaustive)]
)
def test_a_full_disk_loses_nothing(free_bytes: tuple[int, ...], tmp_path: Path, disk: Path) -> None:
    data = colours(tmp_path)
    undisturbed = SmallStudy(data, tmp_path / "undisturbed", epochs=6, models="lenet")
    undisturbed.finish()
    study = SmallStudy(data, disk / "runs", epochs=6, models="lenet")
    for free in free_bytes:
        leave_free(disk, free)
        done = run(study)
        assert done.returncode == 1, (free, done.stderr)
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [r for r in study.store.records() if r.state.status is Status.COMPLETE]
        study.report()
    (disk / "filler").unlink()
    study.finish()
    assert study.outcome() == undisturbed.outcome()


@pytest.mark.slow
def test_a_read_only_disk_can_be_reported_and_gone_on_with_later(
    tmp_path: Path, disk: Path
) -> None:
    data = colours(tmp_path)
    cifarkit(*SmallStudy(data, disk / "runs", epochs=1, models="lenet").command())
    study = SmallStudy(data, disk / "runs", epochs=2, models="lenet")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = run(study)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("cifarkit:")]
    assert "Read-only file system" in line
    assert str(study.runs) in line
    study.report()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    cifarkit(*study.command())
    assert len(study.store.trial_ids()) == 2
