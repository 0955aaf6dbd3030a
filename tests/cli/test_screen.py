"""`cifarkit screen`: with features made up from the pixels, and once with real networks."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cifarkit as ck
from cifarkit.api import screened_features
from cifarkit.execution.launchers import AttemptResult
from cifarkit.reporting.screen_report import agreement_in_words
from cifarkit.specs import TrialSpec
from cifarkit.store.records import Status
from cifarkit.store.screens import ScreenedNetwork, read_screens
from cifarkit.studies.pipeline import kept
from cifarkit.training import image_features
from cifarkit.training.screening import SPECS, labelled_images
from tests.cli.command import cifarkit, in_a_process, table
from tests.cli.stubbed import train_nothing
from tests.datasets.digits import make_digits
from tests.store.test_screens import record

MODELS = "mobilenetv2,mobilenetv3small,efficientnet_lite0"
SMALL = {"image_size": 32, "weights": "none"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_digits(tmp_path_factory.mktemp("data"), per_class=40)


class MadeUp:
    """Stands in for networks: runs in this process, on features of the pixels.

    MobileNetV2's are the pixels, MobileNetV3Small's nothing of use; `broken` fails.
    """

    def __init__(self, broken: str = "") -> None:
        self.ran: list[tuple[str, int]] = []
        self.processes, self._broken = 0, broken

    def run(self, work: str, folder: Path, **_: Any) -> AttemptResult:
        self.processes += 1
        for one in json.loads((folder / SPECS).read_text()):
            spec = TrialSpec.model_validate(one)
            images, _labels = labelled_images(spec)
            if spec.model.model == self._broken:
                (folder / "log.txt").write_text("Segmentation fault\n")
                return AttemptResult(Status.FAILED, "killed by signal 11 (SIGSEGV)")
            key = image_features.network_key(spec.model)
            digests = image_features.image_digests(images)
            image_features.compute(spec.model, key, images, digests, lambda done, of: None)
        return AttemptResult(Status.COMPLETE)

    def stop(self) -> None:
        pass

    def compiled(self, spec: Any, native_size: tuple[int, int]) -> Callable[[Any], Any]:
        def run(images: np.ndarray) -> Any:
            self.ran.append((spec.model, len(images)))
            flat = images.reshape(len(images), -1).astype(np.float32)
            given = flat if spec.model == "mobilenetv2" else flat[:, :24] + flat.sum(1)[:, None] % 7
            return SimpleNamespace(numpy=lambda: given)

        return run

    def images_of(self, model: str) -> int:
        return sum(count for name, count in self.ran if name == model)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MadeUp]:
    def make(broken: str = "") -> MadeUp:
        made = MadeUp(broken)
        monkeypatch.setattr(screened_features, "create_launcher", lambda *_: made)
        monkeypatch.setattr(image_features, "_compiled", made.compiled)
        return made

    return make


def test_a_second_screening_computes_only_what_is_new(
    digits: Path, tmp_path: Path, made_up: Callable[..., MadeUp]
) -> None:
    networks, runs = MODELS.split(","), tmp_path / "runs"
    some = {"dataset": digits, "class_names": ["0", "1", "2"], "train_at_most": 10, **SMALL}
    made = made_up()
    first = ck.screen(networks[:2], **some, store=runs).record
    assert (first.images, first.classes) == (30, 3)
    assert [one.computed_images for one in first.networks] == [30, 30]
    assert made.images_of("mobilenetv2") == 30
    # More classes, more images of each, and one more network.
    more = some | {"class_names": ["3", "0", "2", "1"], "train_at_most": 15}
    made = made_up()
    second = ck.screen(networks, **more, store=runs).record
    assert second.images == 60
    assert {one.model: one.computed_images for one in second.networks} == dict(
        zip(networks, (30, 30, 60), strict=True)
    )
    assert [made.images_of(one) for one in networks] == [30, 30, 60]
    assert made.processes == 1
    # The same once more: nothing is computed, and the numbers are the same.
    made = made_up()
    third = ck.screen(networks, **more, store=runs).record
    assert made.processes == 0
    known = {"computed_images": 0}
    assert third.networks == tuple(one.model_copy(update=known) for one in second.networks)
    # From an empty cache the results are those of the cache that grew.
    (tmp_path / "cache").rename(tmp_path / "old")
    anew = ck.screen(networks, **more, store=tmp_path / "other").record
    assert [one.probe_accuracy for one in anew.networks] == [
        one.probe_accuracy for one in third.networks
    ]
    assert len(list((runs / "screens").glob("*.json"))) == 2


def test_the_better_features_win_and_a_failure_stops_no_other(
    digits: Path, tmp_path: Path, made_up: Callable[..., MadeUp], capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_up(broken="efficientnet_lite0")
    order = ["efficientnet_lite0", "mobilenetv3small", "mobilenetv2"]
    found = ck.screen(order, dataset=digits, **SMALL, store=tmp_path / "runs")
    assert made.processes == 2
    best, worse, failed = found.record.networks
    assert found.going_on == ("mobilenetv2",)
    assert best.model == "mobilenetv2"
    assert best.probe_accuracy is not None
    assert best.probe_accuracy > 0.85
    assert best.difference_low is None
    assert worse.difference_high is not None
    assert worse.difference_high < 0
    assert failed.failure == "killed by signal 11 (SIGSEGV)"
    assert failed.probe_accuracy is None
    assert "EfficientNet-Lite0: killed by signal 11" in capsys.readouterr().err
    frame = found.to_dataframe()
    assert frame.loc["mobilenetv2", "goes_on"] == "the best"
    # What failed is tried again.
    made_up()
    again = ck.screen(order, dataset=digits, **SMALL, store=tmp_path / "runs").record
    assert {one.model: one.computed_images for one in again.networks} == {
        "mobilenetv2": 0,
        "mobilenetv3small": 0,
        "efficientnet_lite0": 320,
    }


STUDY = """
name = "screened"
title = "Screened networks"

[settings]
dataset = "{digits}"
image_size = 32
weights = "none"
train_at_most = 10
epochs = 1

[[step]]
title = "Screening"
screen = true
keep = {keep}
vary.model = ["mobilenetv3small", "mobilenetv2", "efficientnet_lite0"]

[[step]]
title = "Networks"
vary.model = "kept"
"""


@pytest.mark.parametrize("keep", [1, 2])
def test_a_study_trains_what_a_screening_keeps(
    digits: Path,
    tmp_path: Path,
    made_up: Callable[..., MadeUp],
    monkeypatch: pytest.MonkeyPatch,
    keep: int,
) -> None:
    made_up()
    train_nothing(monkeypatch)
    file = tmp_path / "study.toml"
    file.write_text(STUDY.format(digits=digits, keep=keep))
    planned = ck.study(file)
    assumed = [spec.model.model for spec in planned.specs()]
    assert assumed == ["mobilenetv3small", "mobilenetv2"][:keep]
    results = ck.run(planned, store=tmp_path / "runs")
    (screened,) = read_screens(tmp_path / "runs")[0]
    (step,) = results.studies
    trained = [arm.settings["model"] for arm in step.arms]
    assert trained == list(screened.going_on[:keep])
    assert trained[0] == "mobilenetv2"
    text = ck.report(tmp_path / "runs", full=True)
    assert "## Screening on" in text
    compared = f"by the probe of {screened.name} and as trained" in text
    assert compared == (len(trained) > 1)
    html = tmp_path / "report.html"
    ck.report(tmp_path / "runs", format="html", path=html)
    assert ck.verify(html, tmp_path / "runs").differences == ()


def test_agreement_of_the_probe_with_training_in_words() -> None:
    keys = ["a", "b", "c", "d", "e"]
    probes = dict(zip(keys, (0.9, 0.8, 0.7, 0.6, 0.5), strict=True))
    trained = dict(zip(keys, (0.91, 0.93, 0.85, 0.8, 0.7), strict=True))  # one pair the other way
    networks = tuple(
        ScreenedNetwork(model=key, name=key, image_size=32, goes_on="yes") for key in [*keys, "f"]
    )
    found = record().model_copy(update={"networks": networks})
    text = agreement_in_words(found, probes, trained)
    assert text.startswith("Kendall's tau of the two orders is 0.80 (95% interval ")
    assert "what it missed" not in text  # all that were screened go on
    stopped = networks[-1].model_copy(update={"goes_on": ""})
    found = found.model_copy(update={"networks": (*networks[:-1], stopped)})
    assert "what it missed cannot be seen" in agreement_in_words(found, probes, trained)
    few = {key: probes[key] for key in keys[:3]}
    assert "3 networks are too few for an interval" in agreement_in_words(found, few, trained)


def test_imagenets_best_is_kept() -> None:
    top1 = {"mobilenetv2": 0.71, "mobilenetv3small": 0.68, "densenet121": 0.75}
    networks = tuple(
        ScreenedNetwork(model=key, name=key, image_size=32, imagenet_top1=value, goes_on="yes")
        for key, value in top1.items()
    )
    found = record().model_copy(update={"networks": networks})
    assert kept(found, 3) == list(top1)
    assert kept(found, 2) == ["mobilenetv2", "densenet121"]
    assert kept(found, 1) == ["mobilenetv2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("vary.model =", "vary.dropout = [0.1]\nvary.model ="), "screen: a screening compares"),
        (('vary.model = "kept"', "screen = true"), "screen = true is for the first step"),
        (("screen = true", "max_parameters = 1e6"), "it limits the networks of screen = true"),
        (("mobilenetv2", "lenet"), "models: lenet is trained from scratch"),
    ],
)
def test_screenings_that_no_study_has(
    digits: Path, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY.format(digits=digits, keep=2).replace(*change))
    with pytest.raises(ck.InvalidInput, match=message):
        ck.study(file).steps()


def test_features_that_are_not_finite_are_refused(
    digits: Path, tmp_path: Path, made_up: Callable[..., MadeUp], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up()
    nan = SimpleNamespace(numpy=lambda: np.full((32, 4), np.nan, np.float32))
    monkeypatch.setattr(image_features, "_compiled", lambda *_: lambda images: nan)
    with pytest.raises(ck.CifarkitError, match="mobilenetv2: its features are not finite"):
        ck.screen("mobilenetv2", dataset=digits, train_at_most=4, **SMALL, store=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--models", "lenet"), "lenet is trained from scratch"),
        (("--max-parameters", "-1"), "max_parameters: give a number above 0, got -1.0"),
        (("--models", ","), "--models: ',' names nothing"),
        (("--dataset", "nowhere/"), "there is nothing at"),
        (("--max-parameters", "10"), "no network can be screened"),
    ],
)
def test_refusals(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    given = ("--dataset", "synthetic", "--runs", tmp_path / "runs", *arguments)
    done = cifarkit("screen", *given, code=2)
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_real_networks(digits: Path, tmp_path: Path) -> None:
    """Pretrained features tell digits apart; all of it through a real process."""
    given = ("--dataset", digits, "--classes", "4", "--train-at-most", "16", "--image-size", "32")
    done = in_a_process(
        "screen", *given, "--models", "efficientnet_lite0", "--runs", tmp_path / "runs"
    )
    (_, row) = table(done.stdout)
    assert row[:4] == ["EfficientNet-Lite0", "32", "3,413,024", "1,280"]
    assert float(row[5]) > 0.8
    assert row[-1] == "yes: the best"
    assert "One network was screened" in done.stderr
    random = cifarkit(
        "screen", *given, "--weights", "none", "--models", "mobilenetv3small", "--runs", tmp_path
    )
    assert table(random.stdout)[1][0] == "MobileNetV3Small"
    assert "random weights: this compares random features" in random.stderr


@pytest.mark.slow
def test_features_are_what_the_head_of_a_trial_gets() -> None:
    from cifarkit.studies.completion import trial_spec
    from cifarkit.training.model_builder import build

    spec = trial_spec(
        model="efficientnet_lite0", dataset="synthetic", classes=3, image_size=32, unfreeze=0.0
    )
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), np.uint8)
    found = image_features._compiled(spec.model, (20, 24))(images).numpy()
    whole = build(spec.model, (20, 24)).model
    head = whole.get_layer("logits")
    weights, bias = map(np.asarray, head.get_weights())
    logits = whole(images.astype(np.float32), training=False).numpy()
    np.testing.assert_allclose(found @ weights + bias, logits, atol=1e-4)
    assert found.shape == (3, 1280)
