"""Times are grouped by hardware; accuracy, parameters and FLOPs compare across it."""

from __future__ import annotations

import pytest

from cifarkit.profiling.devices import Device
from cifarkit.reporting.figures.dot_chart import dot_chart
from cifarkit.reporting.figures.study.tradeoff import FIGURE
from cifarkit.reporting.provenance import timing_warnings
from cifarkit.reporting.study_tables import detail_tables, summary
from cifarkit.reporting.study_view import StudyView
from cifarkit.store.study_records import Arm
from cifarkit.studies import runtime_estimate
from cifarkit.studies.costs import comparable
from cifarkit.studies.inputs import Inputs
from cifarkit.studies.runtime_estimate import RuntimeEstimates
from tests.reporting.fabricate import ENVIRONMENT, Fabricator, result

GPU = ENVIRONMENT.model_copy(update={"gpu": "NVIDIA H200"})


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> StudyView:
    """LeNet ran twice on a GPU and once on a CPU, VGG16 on the CPU alone."""
    fabricator = Fabricator(tmp_path_factory.mktemp("runs"))

    def trial(model: str, seed: int, seconds: float, accuracy: float, on: object) -> str:
        made = result(time_s=seconds, accuracy=accuracy, environment=on)
        return fabricator.trial({"model": model, "seed": seed}, made)

    lenet = (
        trial("lenet", 0, 10.0, 0.60, GPU),
        trial("lenet", 1, 20.0, 0.70, GPU),
        trial("lenet", 2, 100.0, 0.80, ENVIRONMENT),
    )
    arms = [
        Arm(label="LeNet", settings={"model": "lenet"}, trials=lenet),
        Arm(
            label="VGG16",
            settings={"model": "vgg16"},
            trials=(trial("vgg16", 0, 50.0, 0.5, ENVIRONMENT),),
        ),
    ]
    study = fabricator.study("zoo", "zoo", ["model"], arms)
    return StudyView(study, fabricator.records())


def column(table: object, heading: str) -> list[str]:
    at = table.headings.index(heading)  # type: ignore[attr-defined]
    return [row[at] for row in table.texts()]  # type: ignore[attr-defined]


def test_a_time_is_never_a_mean_over_unlike_machines(view: StudyView) -> None:
    table = summary(view)
    assert column(table, "Time (sec)") == ["15.00 (A); 100.00 (B)", "50.00"]
    assert column(table, "Hardware") == ["A, B", "B"]
    assert column(table, "Accuracy")[0].startswith("0.70")  # of all three
    assert table.raw()[0]["Time (sec)"] == "15.00 (A); 100.00 (B)"
    assert table.raw()[1]["Time (sec)"] == 50.0
    cost, _ = detail_tables(view)
    assert all("(A)" in cell for cell in (column(cost, "Peak memory (GB)")[0],
                                          column(cost, "Images/s")[0]))  # fmt: skip
    assert "(A)" not in column(cost, "GFLOPs/image")[0]
    legend = next(text for text in timing_warnings(view) if text.startswith("Hardware: "))
    assert legend.startswith("Hardware: A is NVIDIA H200 and B is AMD EPYC 9R14 with 2 cores.")


def test_no_figure_compares_them_and_no_choice_does(view: StudyView) -> None:
    assert FIGURE.data(view) == {}
    assert not any("time" in panel.axis for panel in dot_chart(view).panels)
    trials = [trial for _, trial in view.trials]
    cost, why = comparable("time", trials, trials, ("model",))
    assert cost is not None
    assert cost.title == "FLOPs"
    assert "different environments (GPU)" in why


def test_one_kind_of_hardware_is_as_before(view: StudyView) -> None:
    arm = view.study.arms[1]
    alone = StudyView(view.study.model_copy(update={"arms": (arm,)}), view.records)
    table = summary(alone)
    assert "Hardware" not in table.headings
    assert column(table, "Time (sec)") == ["50.00"]
    assert set(FIGURE.data(alone)) == {"tradeoff"}


def test_a_dry_run_goes_by_trials_of_this_hardware(
    view: StudyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [trial for _, trial in view.trials]
    monkeypatch.setattr(runtime_estimate, "cpu_model", lambda: ENVIRONMENT.cpu)
    for devices, count in (((), 2), ((Device("0", "GPU-a", "NVIDIA H200", "570", None),), 2)):
        monkeypatch.setattr(runtime_estimate, "inventory", lambda devices=devices: devices)
        ours = RuntimeEstimates.of(trials, Inputs()).trials
        assert len(ours) == count
        assert {bool(trial.result and trial.result.environment.gpu) for trial in ours} == {
            bool(devices)
        }
