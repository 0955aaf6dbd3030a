"""`cifarkit power` and the line of `--dry-run`, on stores whose variation is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

import cifarkit as ck
from cifarkit.api import plan, power_inputs
from cifarkit.profiling.measurements import Environment
from cifarkit.reporting.repeated_trials import spread
from cifarkit.store.records import Course
from cifarkit.store.store import Store
from cifarkit.store.trials import Trials, read_all
from tests.cli.command import cifarkit, table
from tests.cli.stubbed import cifarkit as called
from tests.cli.stubbed import error_of
from tests.reporting.fabricate import ENVIRONMENT, Fabricator, hits, result

IMAGES = 400
DATA = {"dataset": "synthetic", "classes": 4, "head_outputs": 5, "epochs": 10, "weights": "none"}
GIVEN = ("--seed-sd", "0.3", "--disagreement", "0.128", "--images", "8000")


def right(*wrong: int) -> np.ndarray:
    """Right on all images but these."""
    return ~np.isin(np.arange(IMAGES), wrong)


def add(
    fabricator: Fabricator, correct: np.ndarray, /, hours: float = 0.5, **settings: object
) -> str:
    made = result(
        accuracy=float(correct.mean()),
        test_images=IMAGES,
        hits=hits(correct),
        environment=settings.pop("environment", ENVIRONMENT),
        course=settings.pop("course", None),
        time_s=3600 * hours - 20,  # a trial takes 20 s more than its training
    )
    return fabricator.trial({"model": "resnet8", **DATA, **settings}, made)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two settings of three and two runs, and one of a single run, of the same network.

    Of dropout 0.1 each run is wrong on 20 images, 10 of them its own; of dropout 0.2 on 20 and on
    30, which are 10 more; of dropout 0.3 on 20 that no other is wrong on.
    """
    fabricator = Fabricator(tmp_path / "runs")
    for seed in range(3):
        own = range(100 + 10 * seed, 110 + 10 * seed)
        add(fabricator, right(*range(10), *own), dropout=0.1, seed=seed)
    for seed in range(2):
        add(fabricator, right(*range(20 + 10 * seed)), dropout=0.2, seed=seed, hours=1.5)
    add(fabricator, right(*range(200, 220)), dropout=0.3)
    return tmp_path / "runs"


def test_variation_by_hand(store: Path) -> None:
    """Dropout 0.1: any two runs differ on 20 images of 400; dropout 0.2: on 10. df 2 and 1.

    The pooled disagreement is (2 * 0.05 + 0.025) / 3; the accuracies 0.95 three times, and 0.95 and
    0.925 have the variances 0 and 0.0003125, pooled 0.0003125 / 3, of which 0.125 / 6 / 400 is the
    images' chance. Between 0.1 and 0.2, by the share of runs that are wrong on an image, 2/3 on 30:
    images 0-9: 0; 10-19: 1; 20-29: 1/2; 100-129: 1/3: (10 + 5 + 10) / 400. Between 0.1 and 0.3:
    40 / 400; between 0.2 and 0.3: (20 + 5 + 20) / 400. The median is 40 / 400.
    """
    found = spread(ck.open_store(store).records.values())
    assert (found.runs, found.settings, found.images, found.left_out) == (5, 2, IMAGES, 0)
    assert found.disagreement == pytest.approx(0.125 / 3)
    assert found.seed_sd == pytest.approx((0.0003125 / 3 - 0.125 / 6 / IMAGES) ** 0.5)
    assert (found.between, found.pairs) == (pytest.approx(0.1, abs=1e-6), 3)
    networks = spread(ck.open_store(store).records.values(), networks_vary=True)
    assert (networks.between, networks.pairs) == (None, 0)


def test_given_values_through_a_pipe(tmp_path: Path) -> None:
    done = cifarkit("power", "--difference", "1", "--settings", "5", *GIVEN, "--runs", tmp_path)
    header, row = table(done.stdout)
    assert header == ["Settings", "Test images", "Seeds to see 1 point", "Smallest seen (points)",
                      "Trainings", "Hours"]  # fmt: skip
    assert row == ["5", "8,000", "7", "0.9", "35", "\N{EN DASH}"]
    assert "changes a run's expected accuracy by 0.30 points (standard deviation, given)" in (
        done.stderr
    )
    assert "all pairs of settings at once" in done.stderr
    assert "Hours are not known" in done.stderr


def test_what_is_not_given_comes_from_the_store_with_its_hours(store: Path) -> None:
    done = called("power", "--difference", "5", "--settings", "3", "--runs", store)
    rows = table(done.stdout)[1:]
    assert [row[1] for row in rows] == ["200", "400", "800", "1,600"]
    seeds, trainings = int(rows[1][2]), int(rows[1][4])
    assert trainings == 3 * seeds
    # 0.5, 1.5 and 0.5 hours a trial of the three settings.
    assert float(rows[1][5]) == pytest.approx(trainings * 2.5 / 3, rel=0.05)
    run_sd = (0.0003125 / 3) ** 0.5
    low, high = (100 * run_sd * (3 / chi2.ppf(tail, 3)) ** 0.5 for tail in (0.975, 0.025))
    for part in (
        f"by 5 runs of 2 settings in {store}",
        "disagree on 4.2% of the test images",
        f"run's accuracy is then 1.0 points, 95% interval {low:.2f} to {high:.1f} points",
        "Runs of different settings disagree on 10.0% of the test images (median of 3 pairs",
        "A training takes 3,000 s: the mean of 3 settings on AMD EPYC 9R14 with 2 cores.",
    ):
        assert part in done.stderr, done.stderr


def test_hours_of_other_hardware_are_not_mixed_in(store: Path) -> None:
    slow: Environment = ENVIRONMENT.model_copy(update={"cpu": "Slow"})
    add(Fabricator(store), right(*range(200, 220)), dropout=0.4, hours=90.0, environment=slow)
    found = ck.power(difference=5, store=store)
    assert any("3,000 s" in one and "1 trial on other hardware" in one for one in found.assumptions)


def test_trainings_that_went_wrong_and_other_data_do_not_count(store: Path) -> None:
    fabricator = Fabricator(store)
    at_chance = Course(
        first_loss=2.0, lowest_loss=0.1, last_loss=0.1, highest_accuracy=0.99, chance=0.25
    )
    add(fabricator, right(*range(310)), dropout=0.1, seed=3, course=at_chance)
    add(fabricator, right(*range(300)), dropout=0.1, classes=5)
    damaged = add(fabricator, right(*range(20)), dropout=0.1, seed=4)
    (fabricator.store.folder(damaged) / "result.json").write_text("{")
    found = " ".join(ck.power(difference=5, store=store).assumptions)
    assert "5 runs of 2 settings" in found
    assert "1 trial left out: training went wrong" in found
    assert "1 trial could not be read" in found


STEPS = """
name = "steps"
title = "Steps"
seeds = 3
settings = {dataset = "synthetic", classes = 4, head_outputs = 5, model = "resnet8", epochs = 10}

[[step]]
title = "Dropout"
vary.dropout = [0.1, 0.2, 0.3]

[[step]]
title = "Networks"
vary.model = ["resnet8", "resnet14"]

[[step]]
title = "Alone"
"""


def test_what_a_study_file_will_see(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "steps.toml"
    file.write_text(STEPS)
    found = ck.power(file, store=store)
    dropout, networks = found.rows
    assert (dropout.step, dropout.settings, dropout.seeds, dropout.trainings) == (
        "Dropout",
        3,
        3,
        9,
    )
    assert (networks.settings, networks.test_images) == (2, IMAGES)
    assert any("Runs of different networks are taken to disagree no more" in one
               for one in found.assumptions)  # fmt: skip
    again = ck.power(file, difference=dropout.smallest_difference, store=store).rows[0]
    assert again.seeds == 3
    done = called("power", file, "--runs", store)
    assert [row[:4] for row in table(done.stdout)[1:]] == [
        ["Dropout", "3", "400", "3"], ["Networks", "2", "400", "3"],
    ]  # fmt: skip
    frame = found.to_dataframe()
    assert list(frame["step"]) == ["Dropout", "Networks"]

    line = called("study", file, "--runs", store, "--dry-run").stderr.splitlines()[-1]
    assert line == (
        f"Will see with a probability of 0.8, by repeated trials in {store}: "
        f"{dropout.smallest_difference:.1f} points between two of 3 settings (Dropout) and "
        f"{networks.smallest_difference:.1f} points between two of 2 settings (Networks); "
        "3 seeds each, 400 test images."
    )


def test_added_seeds_are_judged_by_their_last_look(store: Path) -> None:
    """Of 3, 4, 6, 8 and 10 seeds: at a level of 0.01, so that a fixed 10 see a little more."""
    data = {"model": "resnet8", "dataset": "synthetic", "classes": 4}
    fixed, added = (
        ck.power(ck.sweep("dropout", 0.1, 0.2, seeds=seeds, **data), store=store)  # type: ignore[arg-type]
        for seeds in (10, "auto")
    )
    assert fixed.rows[0].seeds == added.rows[0].seeds == 10
    assert 1 < added.rows[0].smallest_difference / fixed.rows[0].smallest_difference < 1.4  # type: ignore[operator]
    assert any("the last look alone" in one for one in added.assumptions)


def test_a_dry_run_says_what_is_not_known(store: Path, tmp_path: Path) -> None:
    sweep = ("sweep", "batch-size", "32", "64", "--model", "lenet", "--dataset", "synthetic")
    sweep = (*sweep, "--dry-run", "--runs")
    assert "only the trained models can be compared" in called(*sweep, tmp_path / "no").stderr
    for runs in (tmp_path / "no", store):  # of 100 classes there is no trial
        done = called(*sweep, runs, "--seeds", "3")
        assert "is not known: no trial on these data was repeated" in done.stderr
    alone = called(*sweep[:3], *sweep[4:], tmp_path / "no").stderr
    assert "compare" not in alone


def test_a_dry_run_reads_the_store_s_trials_once(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def counting(of: Store, ids: Sequence[str]) -> Trials:
        reads.append(len(ids))
        return read_all(of, ids)

    for module in (plan, power_inputs):
        monkeypatch.setattr(module, "read_all", counting)
    sweep = ("sweep", "dropout", "0.1", "0.2", "--model", "resnet8", "--dataset", "synthetic")
    called(*sweep, "--weights", "none", "--seeds", "3", "--dry-run", "--runs", store)
    assert reads == [6]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "--difference: give the difference"),
        ("--difference 1 --runs no", "--runs: there are no results in no"),
        ("quick --runs no", "or give --seed-sd, --disagreement and --images"),
        ("quick --settings 5 --runs no", "--settings 5: the plan says"),
        ("nothing.toml", "there is no study file nothing.toml"),
        ("--difference 0", "--difference: give a number of points above 0"),
        ("--difference nan", "--difference: give a number of points above 0"),
        ("--difference 1 --settings 1", "--settings: give a whole number from 2"),
        ("--difference 1 --images 1", "--images: give a whole number of 2"),
        ("--difference 1 --seed-sd -1", "--seed-sd: give a number of points above 0"),
        ("--difference 1 --disagreement 12.8", "--disagreement: give a share"),
        ("--difference 1 --between 0", "--between: give a share"),
        ("--difference 1 --study zoo", "unknown --study 'zoo'"),
    ],
)
def test_refusals(words: str, message: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.parent)
    assert message in error_of(called("power", "--between", "0.2", *words.split()))


def test_trials_on_several_test_parts_need_a_study(store: Path) -> None:
    fabricator = Fabricator(store)
    for seed in range(2):
        add(fabricator, right(*range(seed, 30)), classes=5, seed=seed)
    with pytest.raises(ck.InvalidInput, match="2 different test parts; name a study"):
        ck.power(difference=1, store=store)
    given = ck.power(difference=1, seed_sd=0.3, disagreement=0.128, images=8000, store=store)
    assert given.rows[0].hours is None
