"""One tiny trained network for all tests of trained networks in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

import cifarkit as ck
from cifarkit.execution.launchers import InProcessLauncher
from tests.datasets.digits import make_digits


@dataclass(frozen=True)
class Trained:
    """A folder of digits, a store with a trial of them, and the trial's id."""

    photos: Path
    runs: Path
    trial_id: str


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Trained]:
    """ResNet-8 with Dropout on 8 px digits that it resizes to 16 px; trained by one worker."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "trained"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        photos = folder / "digits"
        with FileLock(f"{folder}.lock"):
            if not photos.exists():
                make_digits(folder, per_class=20)
            study = ck.sweep(
                {"model": ["resnet8"]}, dataset=photos, image_size=16, epochs=3, weights="none",
                batch_size=16, augment=False, learning_rate=3e-3,
            )  # fmt: skip
            results = ck.run(
                study, folder / "runs", keep_weights="best", launcher=InProcessLauncher()
            )
        (trial_id,) = results.records
        assert not results.failed
        yield Trained(photos, folder / "runs", trial_id)


@pytest.fixture(scope="session")
def model(trained: Trained) -> ck.LoadedModel:
    """The trained network, loaded once."""
    return ck.load_model("best", trained.runs)
