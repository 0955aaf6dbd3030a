"""What the data supports, from predictions in the store."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarkit.reporting import repeated_trials
from cifarkit.reporting.claims import claims
from cifarkit.reporting.conclusions import conclusions
from cifarkit.reporting.document import document
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.records import TrialRecord
from cifarkit.store.store import write_result
from cifarkit.store.study_records import Arm, Choice, StudyRecord
from tests.reporting.fabricate import Fabricator, hits, result

IMAGES = 800


def sweep(
    fabricator: Fabricator,
    *shares: float,
    first_version: bool = False,
    cut_short: Collection[float] = (),
) -> tuple[StudyRecord, list[str]]:
    """Arms with that accuracy; results of the first version did not keep what was right."""
    arms, trials = [], []
    for number, share in enumerate(shares):
        settings = {"dropout": round(0.1 * (number + 1), 1)}
        right = np.arange(IMAGES) < share * IMAGES
        made = result(
            test_images=IMAGES,
            hits=None if first_version else hits(right),
            best_epoch=10 if share in cut_short else 7,
        )
        trial = fabricator.trial({"model": "vgg16", "epochs": 10, **settings}, made)
        fabricator.predictions(trial, right)
        arms.append(Arm(label=str(settings["dropout"]), settings=settings, trials=(trial,)))
        trials.append(trial)
    return fabricator.study("dropout", "sweep", ["dropout"], arms, "Dropout"), trials


def sentences_on(study: StudyRecord, records: Mapping[str, TrialRecord]) -> list[str]:
    return list(conclusions(StudyView(study, records)).sentences)


def test_claims_have_their_trials_numbers_and_method(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, (first, second, third) = sweep(fabricator, 0.80, 0.802, 0.50)
    study = study.model_copy(
        update={"choice": Choice(arm="0.3", settings={"dropout": 0.3}, reason="assumed")}
    )
    report = json.loads(document([study], fabricator.records(), format="json"))
    made = report["studies"][0]["claims"]
    assert [one["quantity"] for one in made] == [
        *["test accuracy"] * 3, *["difference in test accuracy"] * 2, "choice",
    ]  # fmt: skip
    assert [one["trials"] for one in made] == [
        [first],
        [second],
        [third],
        [first],
        [third],
        [third],
    ]
    assert [one["value"] for one in made[:3]] == [0.80, 642 / 800, 0.50]
    against = made[4]
    assert against["reference_trials"] == [second]
    assert against["value"] == pytest.approx((400 - 642) / 800)
    assert against["low"] < against["value"] < against["high"] < 0
    assert (against["verdict"], made[3]["verdict"]) == ("worse", "equal")
    assert made[5]["verdict"] == "assumed"
    assert set(report["methods"]) == {one["method"] for one in made}


def test_claims_of_settings_are_of_all_their_seeds(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    arms = []
    for dropout, shares in ((0.1, (0.5, 0.52, 0.54)), (0.2, (0.8, 0.81, 0.82, 0.83))):
        ids = []
        for seed, share in enumerate(shares):
            right = np.arange(IMAGES) < share * IMAGES
            made = result(test_images=IMAGES, hits=hits(right))
            ids.append(fabricator.trial({"model": "vgg16", "dropout": dropout, "seed": seed}, made))
        arms.append(Arm(label=str(dropout), settings={"dropout": dropout}, trials=tuple(ids)))
    study = fabricator.study("dropout", "sweep", ["dropout"], arms)
    view = StudyView(study, fabricator.records())
    one, two, difference = claims(view, conclusions(view))
    assert (one.trials, two.trials) == (arms[0].trials, arms[1].trials)
    assert (one.method, difference.method) == ("accuracy of a setting", "difference of settings")
    assert (difference.trials, difference.reference_trials) == (one.trials, two.trials)
    assert difference.value == pytest.approx(0.52 - 0.815)


@pytest.mark.parametrize("first_version", [False, True])
def test_a_clear_difference_is_concluded_and_a_small_one_is_not(
    tmp_path: Path, first_version: bool
) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.80, 0.802, 0.50, first_version=first_version)
    text = " ".join(sentences_on(study, fabricator.records()))
    assert "dropout 0.2" in text
    assert "dropout 0.2 is equal within 1 percentage point to dropout 0.1" in text
    assert "dropout 0.2 is better than dropout 0.3" in text
    assert "What the data support" in document([study], fabricator.records(), full=True)


def test_results_of_both_versions_are_compared(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5)
    write_result(fabricator.store.folder(trials[0]), result(test_images=IMAGES))
    assert [record.result.hits is None for record in fabricator.records().values()].count(True) == 1
    assert "dropout 0.1 is better than dropout 0.2" in " ".join(
        sentences_on(study, fabricator.records())
    )


def test_predictions_are_not_opened_where_the_results_know(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5)
    text = sentences_on(study, fabricator.records())
    for trial in trials:
        (fabricator.store.folder(trial) / "predictions.npz").unlink()
    assert text
    assert sentences_on(study, fabricator.records()) == text


def test_hits_that_do_not_fit_their_images_are_left_out(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5, 0.6)
    records = fabricator.records()
    hurt = records[trials[2]]
    wrong = hurt.result.hits.model_copy(update={"images": 10**12})
    made = hurt.result.model_copy(update={"hits": wrong})
    records[trials[2]] = replace(hurt, result=made)
    assert f"could be read: dropout 0.3 (trial {trials[2]})." in " ".join(
        sentences_on(study, records)
    )


def test_other_images_are_not_compared(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5, first_version=True)
    fabricator.predictions(trials[1], np.ones(IMAGES // 2, bool))
    assert "different test images" in " ".join(sentences_on(study, fabricator.records()))


def test_unreadable_predictions_are_named_and_left_out(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, trials = sweep(fabricator, 0.8, 0.5, 0.6, first_version=True)
    (fabricator.store.folder(trials[2]) / "predictions.npz").write_bytes(b"PK torn")
    text = " ".join(sentences_on(study, fabricator.records()))
    assert f"no predictions could be read: dropout 0.3 (trial {trials[2]})." in text


def test_without_predictions_nothing_is_concluded(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    trial = fabricator.trial({"model": "vgg16"})
    arms = [Arm(label="vgg16", settings={"model": "vgg16"}, trials=(trial,))]
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    assert sentences_on(study, fabricator.records()) == []
    assert "What the data support" not in document([study], fabricator.records())


def test_no_claim_rests_on_a_training_that_was_cut_short(tmp_path: Path) -> None:
    study, _ = sweep(fabricator := Fabricator(tmp_path), 0.9, 0.8, 0.5, cut_short=[0.9])
    sentences = sentences_on(study, fabricator.records())
    assert "dropout 0.2 has the highest accuracy" in sentences[0]
    said = "No claim is made about dropout 0.1: its training was cut short at 10 epochs."
    assert sentences[-1] == said
    assert said.replace("--", r"\--") in document([study], fabricator.records())
    assert not any("0.1" in sentence for sentence in sentences[:-1])


def test_of_a_single_arm_that_is_left_nothing_is_claimed(tmp_path: Path) -> None:
    study, _ = sweep(fabricator := Fabricator(tmp_path), 0.9, 0.8, 0.5, cut_short=[0.9, 0.8])
    assert sentences_on(study, fabricator.records()) == [
        "No claim is made about dropout 0.1 and dropout 0.2: their training was cut short at "
        "10 epochs.",
        "That leaves nothing to compare dropout 0.3 with.",
    ]


def test_if_every_arm_is_flawed_that_is_said_in_a_sentence(tmp_path: Path) -> None:
    study, _ = sweep(fabricator := Fabricator(tmp_path), 0.9, 0.8, cut_short=[0.9, 0.8])
    assert sentences_on(study, fabricator.records()) == [
        "No claim is made about any setting: each one's training was cut short at 10 epochs."
    ]


def test_one_run_each_says_how_many_seeds_would_tell(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.8, 0.5)
    unknown = sentences_on(study, fabricator.records())[-1]
    assert unknown.startswith("How much another seed changes is not known: no trial")
    # Two settings of two runs each: 0.80 and 0.81, 0.70 and 0.73. Variances 0.00005 and 0.00045.
    for dropout, seed, accuracy in ((0.7, 0, 0.80), (0.7, 1, 0.81), (0.8, 0, 0.70), (0.8, 1, 0.73)):
        settings = {"model": "vgg16", "epochs": 10, "dropout": dropout, "seed": seed}
        right = hits(np.arange(IMAGES) < accuracy * IMAGES)
        fabricator.trial(settings, result(accuracy=accuracy, test_images=IMAGES, hits=right))
    known = sentences_on(study, fabricator.records())[-1]
    assert known.startswith(
        "Repeated trials here differ by 1.6 percentage points (standard deviation, 4 runs of 2 "
        "settings): to "
        "see a difference of 1 percentage point between two of 2 settings with a probability of "
        "0.8, it takes "
        "about "
    )


def test_a_document_looks_for_repeated_trials_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.8, 0.5)
    looked = []
    spread = repeated_trials.spread
    monkeypatch.setattr(
        repeated_trials, "spread", lambda *args, **of: looked.append(1) or spread(*args, **of)
    )
    document([study, study.model_copy(update={"name": "again"})], fabricator.records())
    assert len(looked) == 1


def test_a_switch_is_named(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    arms = []
    for value, share in ((True, 0.8), (False, 0.5)):
        right = np.arange(IMAGES) < share * IMAGES
        trial = fabricator.trial(
            {"model": "vgg16", "epochs": 10, "augment": value},
            result(test_images=IMAGES, hits=hits(right), best_epoch=7),
        )
        label = "yes" if value else "no"
        arms.append(Arm(label=label, settings={"augment": value}, trials=(trial,)))
    study = fabricator.study("augment", "sweep", ["augment"], arms, "Augmentation")
    text = " ".join(sentences_on(study, fabricator.records()))
    assert "augmentation is better than no augmentation" in text


def test_the_report_counts_its_claims(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.8, 0.5, 0.6)
    assert (
        "2 claims of a difference or of equality are made in 1 study; the chance of any false one "
        "is at most about 5%."
    ) in document([study], fabricator.records())
    other = Fabricator(tmp_path / "other")
    unclear, (_, trial) = sweep(other, 0.5, 0.5)
    second_half = result(test_images=IMAGES, hits=hits(np.arange(IMAGES) >= IMAGES / 2))
    write_result(other.store.folder(trial), second_half)
    text = document([unclear], other.records())
    assert "No difference and no equality is claimed, from comparisons in 1 study." in text


def test_json_has_the_conclusions(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.8, 0.5)
    (made,) = json.loads(document([study], fabricator.records(), format="json"))["studies"]
    assert made["conclusions"] == sentences_on(study, fabricator.records())


def test_the_final_figure_is_that_of_the_choice_and_not_the_highest(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    study, _ = sweep(fabricator, 0.8, 0.5)
    choice = Choice(arm="0.2", settings={"dropout": 0.2}, reason="highest validation accuracy")
    whole = {"part_of": "x", "whole_title": "A whole", "step": 1, "choice": choice}
    text = document([study.model_copy(update=whole)], fabricator.records())
    # The fabricated result has an accuracy of 0.7 whatever its images.
    assert "Final configuration of A whole: " in text
    assert "; dropout 0.2; " in text
    assert (
        "; test accuracy 0.70 (95% interval of the trained model 0.67 to 0.73; 800 test images)."
    ) in text
    of_two = [
        study.model_copy(update={**whole, "part_of": name, "name": name}) for name in ("x", "y")
    ]
    text = document(of_two, fabricator.records())
    assert "Final configuration of A whole (Dropout (x)): " in text
    assert "Final configuration of A whole (Dropout (y)): " in text
