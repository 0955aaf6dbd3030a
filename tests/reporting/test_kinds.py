"""The layouts of the studies that follow the zoo, by the published Tables 2 to 6."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarkit.reporting.document import document
from cifarkit.reporting.figures.study_figures import figures
from cifarkit.reporting.study_tables import main_tables, summary
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.study_records import Arm
from tests.reporting.fabricate import Fabricator, make_store, result


def tables_of(root: Path, kind: str, **options: bool) -> list[list[list[str]]]:
    store, (study,) = make_store(root, (kind,))
    records = {record.trial_id: record for record in store.records()}
    return [[t.headings, *t.texts()] for t in main_tables(StudyView(study, records), **options)]


def test_resize_is_four_tables_of_models_by_sizes(tmp_path: Path) -> None:
    memory, parameters, time, accuracy = tables_of(tmp_path, "resize")
    assert memory == [
        ["Model", "32 px", "78 px", "96 px", "128 px"],
        ["DenseNet169", "51.2", "56.32", "64.512", "out of memory"],
        ["DenseNet201", "73.728", "78.848", "88.064", "out of memory"],
        ["InceptionV3", "not possible", "–", "–", "–"],  # noqa: RUF001
    ]
    assert parameters[1][1:4] == ["12,809,380"] * 3
    assert time[2][1:4] == ["259.08", "843.26", "1,345.88"]
    assert accuracy[2][1:4] == ["0.590", "0.780", "0.810"]


def test_resize_puts_published_rows_below_ours_and_reasons_in_notes(tmp_path: Path) -> None:
    accuracy = tables_of(tmp_path, "resize", published=True)[3]
    assert accuracy[2] == ["DenseNet169, published", "0.58", "0.77", "0.79", "crashed"]
    store, (study,) = make_store(tmp_path, ("resize",))
    text = document([study], {record.trial_id: record for record in store.records()})
    assert "inceptionv3 at 32 px: not possible: inceptionv3 takes 75 pixels or more." in text
    assert "densenet201 at 128 px: out of memory (peak seen 15.5 GB)." in text


def test_resize_has_a_flat_summary_for_the_terminal(tmp_path: Path) -> None:
    store, (study,) = make_store(tmp_path, ("resize",))
    table = summary(StudyView(study, {record.trial_id: record for record in store.records()}))
    assert table.texts()[0] == [
        "DenseNet169",
        "32",
        "51.2",
        "12,809,380",
        "200.92",
        "0.580",
        "complete",
    ]


def test_finetune_is_table_3(tmp_path: Path) -> None:
    assert tables_of(tmp_path, "finetune") == [
        [
            [
                "Setting",
                "Memory usage (MB)",
                "trainable parameters",
                "Time (sec)",
                "Accuracy",
            ],
            ["freeze all", "102.4", "192,100", "983.34", "0.550"],
            ["unfreeze 10%", "102.4", "2,831,140", "965.30", "0.670"],
            ["unfreeze 20%", "102.4", "5,056,740", "982.75", "0.690"],
        ]
    ]


@pytest.mark.parametrize(
    ("axis", "headings", "first"),
    [
        ("dropout", ["Dropout", "Time (sec)", "Accuracy"], ["0.15", "1,565.70", "0.820"]),
        (
            "batch_size",
            ["Batch size", "epochs", "Memory usage (MB)", "Time (sec)", "Accuracy"],
            ["32", "71", "78.848", "860.83", "0.790"],
        ),
        (
            "learning_rate",
            ["Learning rate", "epochs", "Time (sec)", "Accuracy"],
            ["5e-6", "100", "1,764.08", "0.760"],
        ),
    ],
)
def test_sweeps_are_tables_4_to_6(
    tmp_path: Path, axis: str, headings: list[str], first: list[str]
) -> None:
    (table,) = tables_of(tmp_path, axis)
    assert table[:2] == [headings, first]


def test_a_grid_has_two_leading_columns(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    arms = []
    for optimizer in ("adam", "sgd"):
        for augment in (True, False):
            settings = {"optimizer": optimizer, "augment": augment}
            trial = fabricator.trial({"model": "lenet", **settings}, result(epochs=3))
            arms.append(Arm(label="", settings=settings, trials=(trial,)))
    study = fabricator.study("grid", "sweep", ["optimizer", "augment"], arms)
    table = summary(StudyView(study, fabricator.records()))
    assert table.headings == ["Optimizer", "Augmentation", "epochs", "Time (sec)", "Accuracy"]
    assert [row[:3] for row in table.texts()] == [
        ["adam", "yes", "3"],
        ["adam", "no", "3"],
        ["sgd", "yes", "3"],
        ["sgd", "no", "3"],
    ]


def test_settings_that_studies_share_are_stated_once(tmp_path: Path) -> None:
    store, studies = make_store(tmp_path, ("dropout", "learning_rate", "zoo"))
    records = {record.trial_id: record for record in store.records()}
    text = document(studies, records, full=True)
    settings = text.split("### Settings")[1].split("###")[0]
    rows = {row.split("|")[1].strip(): row for row in settings.splitlines() if row[:1] == "|"}
    assert "DenseNet201" in rows["Model"]
    assert "2.5e-5" in rows["Learning rate"]  # of the study of dropout, and most of the zoo
    assert "32 (" in rows["Image size (px)"] or "96" in rows["Image size (px)"]
    own = [line for line in settings.splitlines() if line.startswith("- ")]
    assert [line.split(":")[0] for line in own] == ["- Model zoo on CIFAR-100"]
    assert "Batch size" not in own[0]
    appendix = document(studies, records)
    assert appendix.count("Head outputs 100") == 1


def test_a_sweep_of_networks_in_an_older_store_looks_like_a_zoo(tmp_path: Path) -> None:
    fabricator = Fabricator(tmp_path)
    labels = {"vgg16": "VGG-16", "lenet": "LeNet"}
    studies = []
    for kind, name in (("zoo", labels.get), ("sweep", str)):
        arms = [
            Arm(label=name(m), settings={"model": m}, trials=(fabricator.trial({"model": m}),))
            for m in labels
        ]
        studies.append(fabricator.study("networks", kind, ["model"], arms))
    made, older = (document([study], fabricator.records(), published=True) for study in studies)
    assert made == older
    assert "| LeNet " in older
    figured = [[f.name for f in figures(StudyView(s, fabricator.records()))] for s in studies]
    assert figured[0] == figured[1]
    assert "networks-tradeoff" in figured[1]
