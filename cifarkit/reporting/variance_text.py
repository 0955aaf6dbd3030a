"""Sentences on where the variance of a run's test accuracy comes from."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from cifarkit.errors import InvalidInput
from cifarkit.reporting import formatting
from cifarkit.reporting.arm_accuracy import test_hits
from cifarkit.reporting.repeated_trials import without_seeds
from cifarkit.reporting.study_view import StudyView
from cifarkit.text import counted, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cifarkit.evaluation.variance_components import Source, Sources

_FEW_RUNS = 10
_NAMES: dict[Source, str] = {
    "split": "the split",
    "seed": "order and initialization",
    "split and seed": "both together",
    "images": "the test images",
}
_DESIGNS = {
    "crossed": "",
    "together": (
        "Here the split varies with the seed, so that what the split and what order and "
        "initialization do cannot be told apart; “cifarkit sweep data-seed 0 1 2 --seeds 3” tells "
        "them apart."
    ),
    "seeds": "There is one split: what another would change is not in this.",
    "splits": "There is one seed: what another would change is not in this.",
}


def variance_sentences(view: StudyView) -> list[str]:
    """The shares of split, seed and test images; none of a study with a single run per setting.

    Settings are what trials have in common apart from the two seeds; the variances of all with as
    many runs of the same design are averaged. Trainings that went wrong are left out.
    """
    wrong = 0
    settings: dict[Hashable, dict[tuple[int, int], NDArray[np.bool_]]] = {}
    for outcome in view.results:
        for trial, findings in zip(outcome.done, outcome.findings, strict=True):
            try:
                right, images = test_hits(trial)
            except InvalidInput:  # named where the arms are compared
                continue
            wrong += (broken := any(finding.broken for finding in findings))
            if not broken:
                runs = settings.setdefault((without_seeds(trial.spec), images), {})
                runs[trial.spec.data.data_seed, trial.spec.train.seed] = right
    if all(len(runs) < 2 for runs in settings.values()):
        return []
    from cifarkit.evaluation.variance_components import pooled, sources

    by_design: dict[Hashable, list[Sources]] = {}
    for found in filter(None, map(sources, settings.values())):
        key = (found.design, found.splits, found.seeds, found.images)
        by_design.setdefault(key, []).append(found)
    alike = max(by_design.values(), key=lambda many: sum(one.runs for one in many))
    said = _sentences(pooled(alike), len(alike), len(settings) - len(alike))
    return said + [f"Left out: {counted(wrong, 'training')} that went wrong."] * (wrong > 0)


def _sentences(found: Sources, settings: int, left_out: int) -> list[str]:
    runs = f"{counted(found.splits, 'split')} and {counted(found.seeds, 'seed')}"
    if found.design == "crossed":
        runs = f"{counted(found.splits, 'split')} x {counted(found.seeds, 'seed')}"
    of = f", the mean of {settings} settings" if settings > 1 else ""
    design = f"{runs}{of}; {counted(found.images, 'test image')}"
    if not found.shares:
        return [f"One run's test accuracy does not vary ({design})."]
    names = dict(_NAMES)
    if found.design == "together":
        names["split and seed"] = "split, order and initialization"
    shares = [f"{share:.0%} from {names[source]}" for source, share in found.shares.items()]
    shares[0] = shares[0].replace("% from", "% comes from")
    spread = formatting.significant(100 * found.standard_deviation, 2)
    said = [
        f"Of the variance of one run's test accuracy (standard deviation {spread} percentage "
        f"points), "
        f"{listed(shares)} ({design})."
    ]
    if any(variance < 0 for variance in found.variances.values()):
        said.append("An estimate below 0 counts as 0.")
    if found.runs < _FEW_RUNS:
        said.append(f"With {found.runs} runs, these shares are rough.")
    if _DESIGNS[found.design]:
        said.append(_DESIGNS[found.design])
    if left_out:
        said.append(
            f"Left out: {counted(left_out, 'setting')} with other numbers of runs or images."
        )
    return said
