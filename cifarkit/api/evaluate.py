"""Evaluation of trained networks, from a store or from saved predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, overload

from cifarkit.api.evaluation_results import Evaluation, Evaluations
from cifarkit.api.existing_store import existing_store
from cifarkit.api.explain import check_count
from cifarkit.api.explain import explain as explained
from cifarkit.console import say
from cifarkit.errors import InvalidInput, unknown

BEST, ALL = "best", "all"


@overload
def evaluate(  # type: ignore[overload-overlap]  # "all" is the one text that means several
    target: Literal["all"] | list[str] | list[Path],
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | None = None,
    class_names: Sequence[str] | None = None,
    dataset: str | os.PathLike[str] | None = None,
    explain: int | None = None,
) -> Evaluations: ...


@overload
def evaluate(
    target: str | os.PathLike[str] = BEST,
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | None = None,
    class_names: Sequence[str] | None = None,
    dataset: str | os.PathLike[str] | None = None,
    explain: int | None = None,
) -> Evaluation: ...


def evaluate(
    target: str | os.PathLike[str] | list[str] | list[Path] = BEST,
    store: str | os.PathLike[str] = "runs",
    *,
    study: str | None = None,
    class_names: Sequence[str] | None = None,
    dataset: str | os.PathLike[str] | None = None,
    explain: int | None = None,
) -> Evaluation | Evaluations:
    """Evaluate saved predictions: a trial's, or those of any program.

    Args:
        target: A trial's id or its first letters; `"best"`, the complete trial of the highest
            validation accuracy; or the path of an `.npz`, `.csv` or `.parquet` file of
            predictions (its form: `store.prediction_files.read`). Several of these in a list are
            compared on the same images. `"all"` evaluates every trial of `study`. With `dataset`,
            also a study's name, or what `export` wrote.
        store: The folder of results.
        study: Choose the best among this study's trials, or evaluate all of them.
        class_names: The classes of a file by label, where it does not name them.
        dataset: Of a file of predictions, the data set whose classes these are, superclasses
            included. Of a trained network whose weights were kept, other data to run it on: its
            test images, or all of a folder without a test part. Classes are matched by name.
        explain: Also explain this many of the most confident mistakes and as many random test
            images by Grad-CAM; of one trial that kept its weights. It imports TensorFlow.

    Returns:
        An `Evaluation`; of a list or `"all"`, `Evaluations`.

    Raises:
        InvalidInput: There is no such trial or file, its predictions cannot be read, or several
            were not scored on the same images.
    """
    from cifarkit.reporting import evaluation_several, trial_lookup

    alone = not isinstance(target, list)
    if explain is not None:
        check_count(explain)
        if not alone or target == ALL:
            raise InvalidInput(f"--explain is for one trial, not {target!r}")
    targets = [os.fspath(one) for one in (target if isinstance(target, list) else [target])]
    if dataset is not None and alone and targets != [ALL] and not _is_predictions(targets[0]):
        if class_names is not None or study is not None:
            raise InvalidInput("--dataset evaluates one network: leave out --class-names, --study")
        if explain is not None:
            raise InvalidInput("--explain is of a trial's own test images: leave out --dataset")
        from cifarkit.api.load_model import origin
        from cifarkit.deploy.other_data import evaluated

        return Evaluation(evaluated(origin(targets[0], store), os.fspath(dataset)))
    if targets == [ALL]:
        if study is None:
            raise InvalidInput("'all' evaluates the trials of one study: name it with --study")
        if class_names is not None or dataset is not None:
            raise InvalidInput("--class-names and --dataset name the classes of a file")
        stored = existing_store(Path(store))
        found = trial_lookup.study_named(stored, study)
        return Evaluations(evaluation_several.of_study(stored, found))
    named = _evaluated(targets, store, study, class_names, dataset)
    if alone:
        one = named[0][1]
        return replace(one, explanations=explained(one.scores, explain)) if explain else one
    if len(named) < 2:
        raise InvalidInput(f"expected several trials or files to compare, got {targets}")
    models = [(name, one.scores) for name, one in named]
    return Evaluations(evaluation_several.of_models(models))


def _evaluated(
    texts: Sequence[str],
    store: str | os.PathLike[str],
    study: str | None,
    class_names: Sequence[str] | None,
    dataset: str | os.PathLike[str] | None,
) -> list[tuple[str, Evaluation]]:
    """Each target's name in a comparison, and its evaluation."""
    from cifarkit.reporting import evaluation_scores, evaluation_several, trial_lookup
    from cifarkit.store.setting_words import model_name
    from cifarkit.store.trials import read_all

    if study is not None and BEST not in texts:
        raise InvalidInput(
            f"--study chooses among several trials: say 'best' or 'all', not {' '.join(texts)!r}"
        )
    if not any(map(_is_path, texts)) and (class_names is not None or dataset is not None):
        raise InvalidInput("--class-names and --dataset name the classes of a file")
    names, groups = _classes(class_names, dataset)
    found = []
    for text in texts:
        if _is_path(text):
            path = Path(text)
            scores = evaluation_scores.of_file(path, names, groups)
            found.append((path.name, Evaluation(scores)))
            continue
        stored = existing_store(Path(store))
        if text == BEST:
            best = trial_lookup.best(stored, study)
            for line in trial_lookup.described(best):
                say(line)
            record = best.record
        else:
            record = trial_lookup.named(stored, text)
        scores = evaluation_scores.of_trial(record)
        ids = trial_lookup.seeds_of(stored, record.trial_id) if len(texts) == 1 else ()
        seeds = evaluation_several.of_seeds(read_all(stored, ids).values(), scores)
        if len(seeds) < len(ids):
            say(f"{len(ids) - len(seeds)} of {len(ids)} seeds could not be evaluated", "yellow")
        name = f"{model_name(record.spec.model.model)} ({record.trial_id})"
        found.append((name, Evaluation(scores, tuple(seeds) if len(seeds) > 1 else ())))
    return found


def _classes(
    class_names: Sequence[str] | None, dataset: str | os.PathLike[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names and the superclasses of the classes by label; empty where they are not given."""
    names = tuple(class_names or ())
    if len(set(names)) < len(names):
        raise InvalidInput(f"--class-names: a class is named twice in {', '.join(names)}")
    if dataset is None:
        return names, ()
    from cifarkit.datasets import registry

    facts = registry.facts(os.fspath(dataset))
    if not names:
        return facts.class_names, facts.class_groups
    group = dict(zip(facts.class_names, facts.class_groups, strict=False))
    for name in names:
        if name not in facts.class_names:
            raise unknown(f"class of {facts.title}", name, facts.class_names)
    return names, tuple(group[name] for name in names) if group else ()


def _is_predictions(target: str) -> bool:
    """Whether a target is a file of predictions, and not a trained network."""
    return Path(target).suffix.lower() in (".npz", ".csv", ".parquet")


def _is_path(target: str) -> bool:
    """A trial's id has neither a folder nor a suffix."""
    path = Path(target)
    return bool(path.suffix) or path.name != target
