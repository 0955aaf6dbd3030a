"""What a power analysis rests on: given values, and a store's trials for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from cifarkit.api.existing_store import existing_store
from cifarkit.errors import InvalidInput
from cifarkit.reporting import formatting, repeated_trials, trial_lookup
from cifarkit.store.records import TrialRecord
from cifarkit.store.studies import trials_of
from cifarkit.store.timing_checks import hardware, overlapping
from cifarkit.store.trials import read_all
from cifarkit.text import counted

if TYPE_CHECKING:
    from cifarkit.evaluation.power import Variation

HOW = "give --seed-sd, --disagreement and --images"


@dataclass(frozen=True)
class Given:
    """What the user gives, in points and shares of images, and None for what is to be estimated."""

    images: int | None = None
    seed_sd: float | None = None
    disagreement: float | None = None
    between: float | None = None

    @property
    def enough(self) -> bool:
        return None not in (self.images, self.seed_sd, self.disagreement)


@dataclass(frozen=True)
class StoredTrials:
    """The complete trials of a store, or of one of its studies.

    Attributes:
        unreadable: How many could not be read.
    """

    place: str
    trials: tuple[TrialRecord, ...] = ()
    unreadable: int = 0

    @classmethod
    def of(cls, folder: Path, study: str | None, *, needed: bool) -> StoredTrials:
        """Read them.

        Args:
            needed: Refuse a folder without results.

        Raises:
            InvalidInput: There are no results in the folder, or no such study.
        """
        try:
            store = existing_store(folder)
        except InvalidInput as error:
            if needed or study is not None:
                raise InvalidInput(f"{error}, or {HOW}") from None
            return cls(str(folder))
        ids = store.trial_ids()
        if study is not None:
            found = trial_lookup.studies_named(store.studies(), study)
            ids = sorted({trial for one in found for trial in trials_of(one)})
        read = read_all(store, ids)
        complete = tuple(trial for trial in read.values() if trial.complete)
        place = str(folder) if study is None else f"{study} in {folder}"
        return cls(place, complete, len(read.unreadable))

    def on(self, shown: Hashable) -> StoredTrials:
        """Those with this test part."""
        return StoredTrials(
            self.place, tuple(repeated_trials.on_images(self.trials, {shown})), self.unreadable
        )

    def of_one_test_part(self) -> StoredTrials:
        """Those with the one test part on which trials were repeated, or on which there are any.

        Raises:
            InvalidInput: There are several.
        """
        parts = Counter(repeated_trials.test_part(trial.spec.data) for trial in self.trials)
        settings = {repeated_trials.without_seeds(trial.spec): trial for trial in self.trials}
        each = Counter(repeated_trials.test_part(trial.spec.data) for trial in settings.values())
        repeated = [part for part in parts if parts[part] > each[part]] or list(parts)
        if len(repeated) > 1:
            raise InvalidInput(
                f"--runs: trials in {self.place} have {len(repeated)} different test parts; name "
                "a study of one of them with --study"
            )
        return self.on(repeated[0]) if repeated else self


def variation(
    given: Given, stored: StoredTrials, networks_vary: bool | None
) -> tuple[Variation, int, list[str]]:
    """The variation of accuracies, the number of test images, and sentences on both.

    Raises:
        InvalidInput: Something is neither given nor known from the trials.
    """
    from cifarkit.evaluation.power import Variation

    found = repeated_trials.spread(stored.trials, networks_vary=networks_vary)
    images = given.images or found.images
    if images < 2:
        raise InvalidInput(f"--images: no trial in {stored.place} has these test images; give it")
    seed_sd = found.seed_sd if given.seed_sd is None else given.seed_sd / 100
    disagreement = found.disagreement if given.disagreement is None else given.disagreement
    if seed_sd is None or disagreement is None:
        why = "no trial on these data was repeated"
        if found.runs:
            why = "repeated trials on these data do not differ"
        raise InvalidInput(
            f"--runs: {why} in {stored.place}; run a setting with --seeds 3, or {HOW}"
        )
    between = found.between if given.between is None else given.between
    by_trials = (
        f"by {counted(found.runs, 'run')} of {counted(found.settings, 'setting')} in {stored.place}"
    )
    varied = "seed and split" if found.splits and given.seed_sd is None else "seed"
    sentences = [
        f"Another {varied} changes a run's expected accuracy by {_points(seed_sd)} (standard "
        f"deviation, {_origin(given.seed_sd, by_trials)}).",
        f"Two runs of a setting disagree on {formatting.share(disagreement)} of the test images "
        f"({_origin(given.disagreement, by_trials)}).",
    ]
    result = Variation(seed_sd, disagreement, disagreement if between is None else between)
    if given.seed_sd is None:
        sentences.append(_precision(result.run_sd(images), images, found.runs - found.settings))
    kinds = {True: "networks", False: "settings of a network", None: "settings"}[networks_vary]
    if between is None:
        sentences.append(
            f"Runs of different {kinds} are taken to disagree no more than runs of one, as if "
            "no test image suited one of them; --between says otherwise."
        )
    else:
        pairs = f"median of {counted(found.pairs, 'pair')} of {kinds} in {stored.place}"
        sentence = (
            f"Runs of different {kinds} disagree on {formatting.share(between)} of the test "
            f"images ({_origin(given.between, pairs)})."
        )
        if between > disagreement:
            sentence += " By what this is more, more images reduce the error and more seeds do not."
        sentences.append(sentence)
    if found.left_out:
        sentences.append(
            f"{counted(found.left_out, 'trial')} left out: training went wrong, other test images, "
            "or no predictions."
        )
    if stored.unreadable:
        sentences.append(f"{counted(stored.unreadable, 'trial')} could not be read.")
    return result, images, sentences


def mean_trial_seconds(trials: Sequence[TrialRecord]) -> tuple[float | None, str]:
    """The mean over settings of a trial's time on the commonest hardware, and a sentence on it."""
    by_hardware: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        if trial.result is not None:
            by_hardware.setdefault(hardware(trial.result.environment), []).append(trial)
    if not by_hardware:
        return None, "Hours are not known: there are no trials to go by."
    commonest, used = max(by_hardware.items(), key=lambda item: len(item[1]))
    settings: dict[Hashable, list[float]] = {}
    for trial in used:
        assert trial.result is not None
        seconds = trial.result.time.trial_seconds
        settings.setdefault(repeated_trials.without_seeds(trial.spec), []).append(seconds)
    mean = fmean(map(fmean, settings.values()))
    sentence = (
        f"A training takes {mean:,.0f} s: the mean of {counted(len(settings), 'setting')} on "
        f"{commonest}"
    )
    if others := sum(map(len, by_hardware.values())) - len(used):
        sentence += f"; {counted(others, 'trial')} on other hardware not counted"
    if overlapping(used):
        sentence += "; some of these ran side by side, which takes longer"
    return mean, f"{sentence}."


def _origin(given: object, otherwise: str) -> str:
    return otherwise if given is None else "given"


def _points(accuracy: float) -> str:
    return f"{formatting.significant(100 * accuracy, 2)} points"


def _precision(run_sd: float, images: int, df: int) -> str:
    """How well the trials tell the standard deviation of a run's accuracy."""
    from scipy.special import chdtri

    low, high = (run_sd * (df / chdtri(df, tail)) ** 0.5 for tail in (0.025, 0.975))
    return (
        f"On {images:,} images the standard deviation of a run's accuracy is then "
        f"{_points(run_sd)}, 95% interval {formatting.significant(100 * low, 2)} to {_points(high)}"
        ": the numbers of seeds are as rough."
    )
