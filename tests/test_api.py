"""The library, through `import cifarkit`."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cifarkit as ck
from cifarkit.execution.events import TrialEnded, TrialEvent
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.models import weights_file
from tests.cli.stubbed import cifarkit, train_nothing

TINY = {"dataset": "synthetic", "classes": 4, "train_per_class": 20, "epochs": 2}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train_nothing(monkeypatch)


def networks(**settings: object) -> ck.PlannedStudy:
    return ck.zoo(["lenet", "simple_cnn"], **(TINY | settings))  # type: ignore[arg-type]


def test_importing_and_planning_import_no_tensorflow() -> None:
    code = (
        "import sys, cifarkit as ck\n"
        "assert not {'numpy', 'pandas', 'pydantic', 'tensorflow', 'keras'} & sys.modules.keys()\n"
        "study = ck.zoo(['lenet'], dataset='synthetic'); study.plan(); ck.list_backbones()\n"
        "ck.power(ck.sweep('lr', 1e-4, 1e-3, seeds=3, model='lenet', dataset='synthetic'), "
        "seed_sd=0.3, disagreement=0.128, images=8000)\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()\n"
        "assert set(dir(ck)) == set(ck.__all__)\n"
        "assert all(getattr(ck, name) for name in ck.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_plan_is_a_data_frame_of_every_trial() -> None:
    plan = ck.resize_study(["lenet", "densenet121"], sizes=[16, 32], **TINY).plan()  # type: ignore[arg-type]
    by_arm = plan.set_index("arm")
    assert by_arm.loc["LeNet at 32 px", "parameters"] > 0
    assert by_arm.loc["LeNet at 32 px", "trainable_parameters"] > 0
    assert by_arm.loc["LeNet at 32 px", "non_trainable_parameters"] == 0
    assert list(plan["image_size"]) == [16, 32, 16, 32]
    assert list(plan["model"]) == ["lenet"] * 2 + ["densenet121"] * 2
    assert plan["status"].str.contains("not possible").sum() == 1
    assert plan["trial"].isna().sum() == 1
    assert not Path("runs").exists()


def test_run_gives_records_a_table_and_conclusions() -> None:
    seen: list[TrialEvent] = []
    results = ck.run(networks(), store="s", callbacks=[seen.append])
    assert [type(event.payload) for event in seen].count(TrialEnded) == 2
    assert results.failed == {}
    assert len(results.records) == len(results.statuses) == 2
    frame = results.to_dataframe()
    assert list(frame["model"]) == ["lenet", "simple_cnn"]
    assert frame["accuracy.test"].dtype == float
    csv = ck.report("s", format="csv")
    assert csv.splitlines()[0].split(",") == list(frame.columns)
    assert results.conclusions
    html = results._repr_html_()
    assert "<table" in html
    assert "data:image/svg+xml" in html
    assert "<html" not in html
    (study,) = results.studies
    assert study.command == (
        "cifarkit.run(cifarkit.zoo(models=['lenet', 'simple_cnn'], dataset='synthetic', "
        "classes=4, train_per_class=20, epochs=2))"
    )
    assert len(results.history(next(iter(results.records)))) > 0
    again = ck.run(networks(), store="s", callbacks=[seen.append])
    assert again.conclusions == results.conclusions


def test_the_command_line_and_the_library_make_the_same_trials() -> None:
    words = "--dataset synthetic --classes 4 --train-per-class 20 --epochs 2"
    for command, study in (
        ("zoo --models lenet,simple_cnn", networks()),
        ("sweep dropout 0.3 0.5 --model mobilenetv2 --weights none", None),
        ("finetune --model mobilenetv2 --unfreeze 0,1 --weights none", None),
    ):
        planned = (
            study
            or {
                "sweep": lambda: ck.sweep(
                    "dropout", 0.3, 0.5, model="mobilenetv2", weights="none", **TINY
                ),  # type: ignore[arg-type]
                "finetune": lambda: ck.finetune(
                    "mobilenetv2", fractions=[0, 1], weights="none", **TINY
                ),  # type: ignore[arg-type]
            }[command.split()[0]]()
        )
        done = cifarkit(*command.split(), *words.split())
        assert done.exit_code == 0, done.output
        results = ck.run(planned)
        assert {spec.trial_id for spec in planned.specs()} == set(results.statuses)
        assert all((Path("runs/trials") / trial / "ran").read_text() == "x"
                   for trial in results.statuses)  # fmt: skip


def test_a_whole_study_from_a_file() -> None:
    Path("w.toml").write_text(
        'name = "w"\ntitle = "Whole"\n'
        "settings = {dataset = 'synthetic', classes = 4, train_per_class = 20, epochs = 2}\n"
        '[[step]]\ntitle = "Networks"\nvary = {model = ["lenet", "simple_cnn"]}\n'
        '[[step]]\ntitle = "Batch"\nvary = {batch_size = [32, 64]}\n'
    )
    whole = ck.study("w.toml", seeds=1)
    assert list(whole.plan()["step"]) == ["Networks"] * 2 + ["Batch"] * 2
    results = ck.run(whole)
    assert [one.title for one in results.studies] == ["Networks", "Batch"]
    assert all(one.choice is not None for one in results.studies)
    assert len(results.to_dataframe()) == 4
    assert len(results.study(results.studies[1].name).to_dataframe()) == 2


def test_what_failed_has_its_reason() -> None:
    class Failing(InProcessLauncher):
        def run(self, work, folder, **options):  # type: ignore[no-untyped-def]
            return super().run("tests.execution.work:fail", folder, **options)

    results = ck.run(networks(), launcher=Failing())
    assert set(results.failed) == set(results.statuses)
    assert all("failed" in reason for reason in results.failed.values())
    assert "2 without a result" in repr(results)
    assert "<table" in results._repr_html_()


def test_a_store_is_opened_evaluated_and_reported() -> None:
    ck.run(networks())
    opened = ck.open_store("runs")
    assert len(opened.records) == 2
    assert len(opened.studies) == 1
    evaluation = ck.evaluate("best", "runs")
    assert 0 <= evaluation.metrics["accuracy"] <= 1  # type: ignore[operator]
    assert evaluation.metrics["test_images"] == 40
    assert len(evaluation.to_dataframe()) == len(evaluation.scores.class_names)
    assert "<table" in evaluation._repr_html_()
    both = ck.evaluate(list(opened.records))
    assert len(both.to_dataframe()) == 2
    assert "<table" in both._repr_html_()
    assert both.conclusions
    (study,) = opened.studies
    assert len(ck.evaluate("all", study=study.name).to_dataframe()) == 2
    written = ck.report("runs", format="html", path="r.html", figures="figures")
    assert Path("r.html").read_text(encoding="utf-8") == written
    assert list(Path("figures").glob("*.png"))
    done = cifarkit("report", "--format", "html")
    assert done.stdout == written

    assert ck.report("runs", format="html") == written


def test_a_store_is_carried_elsewhere_checked_and_cleaned_up() -> None:
    results = ck.run(networks())
    first, second = results.records
    (study,) = results.studies
    assert ck.export_trials("all.tar.gz").trials == [*sorted(results.records)]
    with pytest.raises(ck.InvalidInput, match=r"all\.tar\.gz exists"):
        ck.export_trials("all.tar.gz")
    assert sorted(ck.import_trials("all.tar.gz", "other").trials) == sorted(results.records)
    ck.rename_study(study.name, "first-look", "other")
    assert [one.name for one in ck.open_store("other").studies] == ["first-look"]
    assert ck.check_store("other") == []
    (Path("other/trials") / first / "result.json").write_text("{")
    (finding,) = ck.check_store("other")
    assert (finding.path.name, finding.repaired) == ("result.json", "")
    assert ck.check_store("other", repair=True)[0].repaired.startswith("set aside as")
    with pytest.raises(ck.InvalidInput, match="belongs to first-look"):
        ck.remove_results(second[:6], "other")
    removed = ck.remove_results([second, "first-look"], "other", force=True)
    assert removed.trials == [second]
    assert removed.studies == {"first-look": [first]}
    assert ck.open_store("other").studies == ()
    assert ck.study_schema()["properties"]["step"]


def test_a_study_reads_its_weights_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    digest = weights_file.digest
    monkeypatch.setattr(weights_file, "digest", lambda *args: hashed.append(1) or digest(*args))
    file = Path("start.weights.h5")
    for content in (b"1", b"22"):
        file.write_bytes(b"\x89HDF\r\n\x1a\n" + content)
        study = ck.sweep(
            "dropout", 0.1, 0.2, 0.3, model="mobilenetv2", weights=str(file), dataset="synthetic"
        )
        assert len(study.specs()) == 3
    assert len(hashed) == 2


def test_backbones_by_a_part_of_the_key_or_a_pattern() -> None:
    found = ck.list_backbones("resnet*")
    assert "resnet50" in found.index
    assert found.loc["resnet50", "published"]
    assert all(key.startswith("resnet") for key in found.index)
    assert found.parameters["resnet50"] == 23_587_712  # as Keras documents, without the top
    assert len(ck.list_backbones()) > len(found)
    part = ck.list_backbones("ResNet")
    assert set(found.index) | {"inceptionresnetv2"} == set(part.index)
    assert list(ck.list_backbones("resnet[58]*").index) == ["resnet50", "resnet8", "resnet50v2"]


def test_weights_of_networks_with_what_is_published_of_them() -> None:
    found = ck.list_weights("*net*0")
    lite = found.loc[("efficientnet_lite0", "imagenet")]
    assert (lite.top1, lite.size_mb, lite.licence) == (0.751, 18.8, "Apache 2.0")
    assert lite.published_hash.startswith("sha256:579344248a93e230")
    assert lite.input_range == "0..255"
    keras = found.loc[("resnet50", "imagenet")]
    assert keras.published_hash == "md5:4d473c1dd8becc155b73f8504c6f6626"
    assert math.isnan(keras.size_mb)  # of the file without the classifier, which nobody publishes
    assert found.licence["efficientnetb0", "imagenet"] == ""
    assert "densenet121" not in found.index
    assert ck.list_weights("lenet*").empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ck.list_backbones("efficentnet"), "'efficentnet'; similar keys: efficientnetb"),
        (lambda: ck.list_backbones("zzz*"), r"matches 'zzz\*'; similar keys: none"),
        (lambda: ck.zoo(["lenett"]), "unknown model 'lenett'"),
        (lambda: ck.zoo(["lenet"], dataset="cifar1000"), "unknown dataset"),
        (lambda: ck.zoo(["lenet"], seeds=0), "seeds: .* got 0"),
        (lambda: ck.zoo(["lenet"], epohcs=3), "epohcs"),  # type: ignore[call-arg]
        (lambda: ck.zoo(["lenet"], seed=3), "unknown setting 'seed'"),  # type: ignore[call-arg]
        (lambda: ck.zoo(["lenet"], model="vgg16"), "unknown setting 'model'"),  # type: ignore[call-arg]
        (lambda: ck.finetune("lenet", unfreeze=0.5), "use fractions"),
        (lambda: ck.resize_study(image_size=32), "use sizes"),
        (lambda: ck.sweep("droput", 0.1, 0.2), "droput"),
        (lambda: ck.sweep({"dropout": 0.1}), "give a list"),  # type: ignore[dict-item]
        (lambda: ck.sweep("dropout"), "give a list"),
        (lambda: ck.study("none.toml"), "none.toml"),
        (lambda: ck.run(networks(), jobs=0), "jobs: .* got 0"),
        (lambda: ck.run(networks(), timeout=-1), "timeout: .* got -1"),
        (lambda: ck.run(networks(), keep_weights="some"), "keep_weights"),  # type: ignore[arg-type]
        (lambda: ck.run(networks(), name="a b"), "--name"),
        (lambda: ck.open_store("typo"), "no results in typo"),
        (lambda: ck.report("typo"), "no results in typo"),
        (lambda: ck.evaluate("best", "typo"), "no results in typo"),
        (lambda: ck.evaluate("all"), "name it with --study"),
        (lambda: ck.evaluate(["typo.csv"]), "there is no file typo.csv"),
        (lambda: ck.evaluate([]), "expected several trials or files"),
    ],
)
def test_refusals(call: object, message: str) -> None:
    with pytest.raises(ck.InvalidInput, match=message):
        call()  # type: ignore[operator]
    assert not Path("runs").exists()


@pytest.mark.slow
def test_the_notebook_runs_offline_and_holds_its_output(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    path = Path(__file__).parents[1] / "examples" / "quickstart.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells[1:])
    (run,) = (cell for cell in cells if "ck.run(" in cell.source)
    assert_ended(run)
    for cell in cells:
        cell.source = cell.source.replace("epochs=40", "epochs=1")
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    assert_ended(run)
    shown = [output.get("data", {}).get("text/html", "") for output in cells[-2].outputs]
    assert any("<table" in html and "data:image/svg+xml" in html for html in shown)


def assert_ended(cell: Any) -> None:
    """Of a run's progress, a saved notebook holds the end, as one output."""
    (output,) = cell.outputs
    *trials, whole = output["data"]["text/plain"].splitlines()
    assert [line.split(":")[0] for line in trials] == ["LeNet", "Simple CNN"]
    assert "2 of 2" in whole
    assert output["data"]["text/html"].startswith("<pre")
