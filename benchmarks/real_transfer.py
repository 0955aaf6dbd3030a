"""On real images and little data: does a network pretrained on ImageNet beat one from scratch?

    python -m benchmarks.real_transfer --repeats 6

Fashion-MNIST: 100 images of each class to train and validate on, another draw with each seed; all
10,000 test images. The intervals are over seeds, draws and test images, so that two seeds or more
are needed. An interrupted run goes on with what its store has.
"""

from __future__ import annotations

from typing import Any

import cifarkit as ck
from benchmarks.measure import machine, parser, spread
from cifarkit.datasets import registry
from cifarkit.errors import InvalidInput
from cifarkit.evaluation.comparison import Runs, compare
from cifarkit.evaluation.wording import sentences
from cifarkit.models.efficientnet_lite import PACKAGE
from cifarkit.reporting.arm_accuracy import test_hits
from cifarkit.store.records import TrialRecord
from cifarkit.store.training_checks import findings

DATA = {"dataset": "fashion-mnist", "train_per_class": 100, "batch_size": 32, "augment": False}
LITE = {"model": "efficientnet_lite0"}
SCRATCH = {"epochs": 60, "patience": 10, "learning_rate": 1e-3}
ARMS: dict[str, dict[str, Any]] = {
    "EfficientNet-Lite0, linear probe": LITE
    | {"unfreeze": 0.0, "learning_rate": 1e-3, "epochs": 100, "patience": 10},
    "EfficientNet-Lite0, fine-tuned": LITE
    | {"unfreeze": 1.0, "learning_rate": 2e-4, "batchnorm": "frozen"}
    | {"head_epochs": 5, "epochs": 15, "patience": 5},
    "LeNet from scratch": SCRATCH | {"model": "lenet"},
    "Simple CNN from scratch": SCRATCH | {"model": "simple_cnn"},
}


def trained(settings: dict[str, Any], seeds: int, store: str) -> list[TrialRecord]:
    """The complete trials of one arm."""
    given = DATA | settings
    study = ck.zoo([given.pop("model")], seeds=seeds, vary_split=True, **given)
    results = ck.run(study, store=store)
    for trial, reason in results.failed.items():
        raise RuntimeError(f"{trial}: {reason}")
    return list(results.records.values())


def main() -> None:
    options = parser(__doc__, repeats=6)
    options.add_argument("--image-size", type=int, default=96, help="of EfficientNet-Lite0, in px")
    options.add_argument("--store", default="runs/real-transfer", help="the folder of results")
    chosen = options.parse_args()
    title = f"Transfer to real images: Fashion-MNIST, 100 images per class, {chosen.image_size} px"
    print(f"## {title}\n")
    try:
        PACKAGE.path()
        registry.fetch("fashion-mnist")
    except InvalidInput as error:
        print(f"Skipped: {error}\n")
        return
    runs: dict[str, Runs] = {}
    seconds: dict[str, str] = {}
    remarks = []
    for arm, settings in ARMS.items():
        if settings["model"] == LITE["model"]:
            settings = settings | {"image_size": chosen.image_size}
        trials = trained(settings, chosen.repeats, chosen.store)
        runs[arm] = {trial.spec.train.seed: test_hits(trial)[0] for trial in trials}
        fits = [trial.result.time.fit_seconds for trial in trials if trial.result]
        seconds[arm] = spread(fits, digits=0)
        remarks += [
            f"{arm}, seed {trial.spec.train.seed}: {found.detail}"
            for trial in trials
            for found in findings(trial)
        ]
    conclusion = compare(runs)
    print("| network | test accuracy (95% interval) | seeds | fit (s) |\n|" + " --- |" * 4)
    for score in conclusion.scores:
        interval = f"{score.accuracy:.3f} ({score.low:.3f} to {score.high:.3f})"
        print(f"| {score.arm} | {interval} | {score.runs} | {seconds[score.arm]} |")
    print("\n" + " ".join(sentences(conclusion, vary_split=True)) + "\n")
    if remarks:
        print("".join(f"- {remark}\n" for remark in remarks))
    print(machine())


if __name__ == "__main__":
    main()
