"""With 100 images of each class and as many epochs, does `--recipe modern` beat `published`?

    python -m benchmarks.recipes --repeats 6
    python -m benchmarks.recipes --ablation --repeats 3 --networks efficientnet_lite0

Fashion-MNIST and the synthetic images: another 100 of each of ten classes with each seed, a fixed
validation part of 50 and a fixed test part of up to 200 of each. `NETWORKS` is what both recipes
share. Each recipe has the learning rate, of those in `RATES`, with which seed 0
has the highest validation accuracy; the test images decide nothing. The ablation takes one part of
`modern` away at a time. All trainings share a process, since many are shorter than its start.

An interrupted run goes on with what its store has; `--finished` trains nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

import cifarkit as ck
from benchmarks.measure import machine, parser, spread
from cifarkit.datasets import registry
from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import Runs, compare
from cifarkit.evaluation.wording import sentences
from cifarkit.models.efficientnet_lite import PACKAGE
from cifarkit.reporting.arm_accuracy import test_hits
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import Store

DATA = ("fashion-mnist", "synthetic")
CLASSES = 10
DRAWN_FROM, VALIDATION, TEST = 300, 50, 200
"""Of each class: what the training images are drawn from, and the most of the other parts."""
SHARED = {"train_per_class": 100, "batch_size": 32}
NETWORKS: dict[str, dict[str, Any]] = {
    "efficientnet_lite0": {
        "image_size": 48,
        "unfreeze": 0.2,
        "batchnorm": "frozen",
        "dropout": 0.2,
        "augment_views": 3,
    },
    "lenet": {},
}
"""The frozen 80% of EfficientNet-Lite0 run once for each of three views of an image."""
EPOCHS = {"efficientnet_lite0": 6, "lenet": 12}
HEAD_EPOCHS = 2
"""Of the pretrained network's epochs, with the recipe that trains its head first."""
RATES: dict[tuple[str, str], tuple[float, ...]] = {
    ("efficientnet_lite0", "published"): (1e-4, 4e-4, 1.2e-3),
    ("efficientnet_lite0", "modern"): (1e-3, 2e-3, 4e-3),
    ("lenet", "published"): (5e-4, 1e-3, 3e-3),
    ("lenet", "modern"): (5e-4, 1e-3, 3e-3),
}
PARTS: dict[str, dict[str, Any]] = {
    "the head first": {"head_epochs": 0},
    "AdamW (Adam instead)": {"optimizer": "adam", "weight_decay": 0.0},
    "warm-up and cosine": {"schedule": "constant", "warmup_epochs": 0},
    "layer-wise decay": {"layer_decay": 1.0},
    "label smoothing": {"label_smoothing": 0.0},
    "TrivialAugment (the published augmentation instead)": {
        "trivialaugment": False,
        "rotation": 0.1,
        "zoom": 0.1,
        "contrast": 0.1,
    },
}
"""What each part of `modern` is without it."""


def prepared(name: str, folder: Path) -> Path:
    """The images of a data set as an `.npz`, the same in every call."""
    path = folder / f"{name}.npz"
    if path.exists():
        return path
    whole = registry.load(name, None, image_size=32)
    rng = np.random.default_rng(0)

    def rows(labels: Any, count: int) -> np.ndarray:
        of_class = [np.flatnonzero(labels == label) for label in range(CLASSES)]
        return np.array([rng.permutation(found)[:count] for found in of_class])

    def part(images: Any, labels: Any, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken = np.sort(chosen.ravel())
        return np.asarray(images[taken]), labels[taken]

    train = rows(whole.train_labels, DRAWN_FROM + VALIDATION)
    arrays: dict[str, np.ndarray] = {}
    for role, images, labels, chosen in (
        ("train", whole.train_images, whole.train_labels, train[:, :DRAWN_FROM]),
        ("validation", whole.train_images, whole.train_labels, train[:, DRAWN_FROM:]),
        ("test", whole.test_images, whole.test_labels, rows(whole.test_labels, TEST)),
    ):
        arrays[f"x_{role}"], arrays[f"y_{role}"] = part(images, labels, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part.npz")
    np.savez_compressed(unfinished, **arrays)
    shutil.move(unfinished, path)
    return path


class Trainings:
    """Trains one network on one data set, or finds what has been trained.

    Args:
        finished: Train nothing.
    """

    def __init__(self, network: str, data: Path, store: Path, *, finished: bool) -> None:
        self.network, self.data, self.store, self.finished = network, data, store, finished

    def settings(self, recipe: str, rate: float) -> dict[str, Any]:
        pretrained = self.network != "lenet"
        epochs = EPOCHS[self.network]
        chosen = {"recipe": recipe, "learning_rate": rate, "epochs": epochs, "patience": epochs}
        if recipe == "modern" and pretrained:
            chosen |= {"head_epochs": HEAD_EPOCHS, "epochs": epochs - HEAD_EPOCHS}
        return {"dataset": self.data} | SHARED | NETWORKS[self.network] | chosen

    def run(self, settings: dict[str, Any], seeds: int) -> list[TrialRecord]:
        """The complete trials of the seeds 0, 1, ..."""
        if settings.get("head_epochs") == 0:  # as many epochs in all
            settings = settings | {"epochs": EPOCHS[self.network]}
        study = ck.zoo([self.network], seeds=seeds, vary_split=seeds > 1 or None, **settings)
        if not self.finished:
            failed = ck.run(study, store=self.store, launcher="in-process").failed
            for trial, reason in failed.items():
                raise RuntimeError(f"{trial}: {reason}")
        store = Store(self.store)
        done = [spec.trial_id for spec in study.specs() if store.is_complete(spec.trial_id)]
        return [store.read(trial) for trial in done]

    def rate(self, recipe: str) -> tuple[float, dict[float, float]]:
        """The rate with the highest validation accuracy of seed 0, and the accuracies."""
        found = {}
        for rate in RATES[self.network, recipe]:
            for trial in self.run(self.settings(recipe, rate), 1):
                assert trial.result is not None
                found[rate] = trial.result.accuracy.validation
        if len(found) < len(RATES[self.network, recipe]):
            raise InvalidInput("its learning rates have not all been tried")
        return max(found, key=found.__getitem__), found


def compared(trainings: Trainings, repeats: int) -> Iterator[str]:
    """Published against modern, in Markdown."""
    rates = {recipe: trainings.rate(recipe) for recipe in ("published", "modern")}
    arms = {recipe: trainings.settings(recipe, rate) for recipe, (rate, _) in rates.items()}
    yield from _table(trainings, arms, repeats)
    for recipe, (rate, found) in rates.items():
        tried = ", ".join(f"{accuracy:.3f} at {one:g}" for one, accuracy in found.items())
        yield f"- {recipe}: learning rate {rate:g}; validation accuracy of seed 0: {tried}"


def ablated(trainings: Trainings, repeats: int) -> Iterator[str]:
    """Modern, and modern without each of its parts, in Markdown."""
    modern = trainings.settings("modern", trainings.rate("modern")[0])
    parts = PARTS
    if trainings.network == "lenet":
        parts = {name: part for name, part in PARTS.items() if not _of_transfer(part)}
    arms = {"modern": modern} | {f"without {name}": modern | part for name, part in parts.items()}
    yield from _table(trainings, arms, repeats)


def _of_transfer(part: dict[str, Any]) -> bool:
    return bool({"head_epochs", "layer_decay"} & part.keys())


def _table(trainings: Trainings, arms: dict[str, dict[str, Any]], repeats: int) -> Iterator[str]:
    trials: dict[str, list[TrialRecord]] = {}
    for seeds in range(2, repeats + 1):  # seed by seed, so that an interrupted run has all arms
        for arm, settings in arms.items():
            trials[arm] = trainings.run(settings, seeds)
    runs: dict[str, Runs] = {
        arm: {trial.spec.train.seed: test_hits(trial)[0] for trial in found}
        for arm, found in trials.items()
    }
    few = [arm for arm, found in runs.items() if len(found) < 2]
    runs = {arm: found for arm, found in runs.items() if arm not in few}
    if few:
        yield f"Not shown, for want of two finished seeds: {', '.join(few)}.\n"
    if len(runs) < 2:
        return
    common = set.intersection(*(set(found) for found in runs.values()))
    kept = {arm: {seed: found[seed] for seed in sorted(common)} for arm, found in runs.items()}
    conclusion = compare(kept)
    yield "| | test accuracy (95% interval) | less the first (points) | seeds | fit (s) |"
    yield "|" + " --- |" * 5
    first = conclusion.scores[0].accuracy
    for score in conclusion.scores:
        fits = [
            trial.result.time.fit_seconds
            for trial in trials[score.arm]
            if trial.result and trial.spec.train.seed in common
        ]
        yield (
            f"| {score.arm} | {score.accuracy:.3f} ({score.low:.3f} to {score.high:.3f}) | "
            f"{100 * (score.accuracy - first):+.1f} | {score.runs} | {spread(fits)}, "
            f"mean {mean(fits):.1f} |"
        )
    yield ""
    yield " ".join(sentences(conclusion, vary_split=True))
    yield ""


def main() -> None:
    options = parser(__doc__, repeats=6)
    options.add_argument("--ablation", action="store_true", help="modern less each of its parts")
    options.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    options.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    options.add_argument("--store", type=Path, default=Path("runs/recipes"), help="of results")
    options.add_argument("--finished", action="store_true", help="train nothing")
    chosen = options.parse_args()
    study = ablated if chosen.ablation else compared
    try:
        PACKAGE.path()
        files = {name: prepared(name, chosen.store) for name in chosen.data}
    except InvalidInput as error:
        print(f"Skipped: {error}\n")
        return
    for name, path in files.items():
        for network in chosen.networks:
            title = "modern without each part" if chosen.ablation else "modern against published"
            print(f"## Recipes: {title}, {network}, {name}, {EPOCHS[network]} epochs\n")
            trainings = Trainings(network, path, chosen.store, finished=chosen.finished)
            try:
                print("\n".join(study(trainings, chosen.repeats)) + "\n", flush=True)
            except InvalidInput as error:
                print(f"Nothing to show: {error}\n")
    print(machine())


if __name__ == "__main__":
    main()
