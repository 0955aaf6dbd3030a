"""Damaged stores: whatever happened to a file, it is named, and the other trials do not suffer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cifarkit.cli.app import app
from cifarkit.errors import CifarkitError
from cifarkit.execution.events import FilesDamaged, TrialEvent
from cifarkit.execution.launchers import InProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.specs import TrialSpec
from cifarkit.store.file_io import DamagedFile, check_sum
from cifarkit.store.records import Status
from cifarkit.store.repair import faults
from cifarkit.store.store import Store
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.study import PlannedArm, Study

WORK = "tests.execution.whole_work:whole"
SPECS = [trial_spec(model="lenet", dataset="synthetic", seed=seed) for seed in range(3)]
HURT, OTHER, SOUND = (spec.trial_id for spec in SPECS)
FILES = ("spec.json", "state.json", "history.csv", "result.json", "predictions.npz")


def study(specs: list[TrialSpec] = SPECS, title: str = "Seeds") -> Study:
    arms = tuple(PlannedArm(f"seed {n}", {"seed": n}, (spec,)) for n, spec in enumerate(specs))
    return Study("sweep", title, ("seed",), arms)


def make_store(root: Path) -> Store:
    store = Store(root)
    run(SPECS, store, InProcessLauncher(), work=WORK)
    store.write_study(study().record("cifarkit sweep seed 0 1 2"))
    return store


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("pristine")).root


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Store:
    return Store(shutil.copytree(pristine, tmp_path / "runs"))


def cifarkit(*arguments: str | Path) -> Result:
    """A command in this process, for its two streams; only our own errors may end it."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(done.exception, SystemExit | CifarkitError | None), done.exception
    return done


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit in a digit, so that text stays text."""
    content = bytearray(path.read_bytes())
    digits = [n for n, byte in enumerate(content) if chr(byte) in "234567"]
    if path.suffix == ".npz":
        digits = [len(content) // 2]
    content[digits[len(digits) // 2]] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


def another_trials(path: Path) -> None:
    """The result of other work, but sound in itself."""
    other = path.parent.parent / OTHER / path.name
    content = other.read_bytes()
    if path.name == "result.json":
        content = content.replace(b"0.7", b"0.8")
    if path.name == "history.csv":
        content = b"".join(content.splitlines(keepends=True)[:-1])
    if path.name == "predictions.npz":
        content += b"\0"
    path.write_bytes(content)


def link(path: Path) -> None:
    path.rename(path.parents[3] / "elsewhere")
    path.symlink_to(path.parents[3] / "elsewhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def huge(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(2**40)


HARM = [truncate, flip, empty, delete, another_trials, link, pipe, folder]


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", FILES)
def test_damage_is_reported_and_repaired(
    store: Store, name: str, harm: Callable[[Path], None], pristine: Path
) -> None:
    path = store.folder(HURT) / name
    harm(path)
    # A state's own digits are not summed, and a trial without a state was never run.
    silent = name == "state.json" and harm in (flip, delete, another_trials)
    expected = None if silent else name
    report = cifarkit("report", "--runs", store.root, "--format", "json")
    assert report.exit_code == 0
    reported = json.loads(report.stdout)["studies"][0]["arms"]
    assert [arm["trials"][0]["status"] for arm in reported[1:]] == ["complete", "complete"]
    if expected:
        assert reported[0]["trials"][0]["status"] == "damaged"
        assert reported[0]["trials"][0]["reason"].startswith(f"damaged: {name} ")
        assert str(path) in report.stderr
    markdown = cifarkit("report", "--runs", store.root).stdout
    # What nothing is made of is not read.
    if expected and name not in ("history.csv", "predictions.npz"):
        assert f"damaged: {name}" in markdown
    cifarkit("evaluate", HURT, "--runs", store.root)
    assert cifarkit("evaluate", OTHER, "--runs", store.root).exit_code == 0
    assert cifarkit("evaluate", "best", "--runs", store.root).exit_code == 0

    events: list[TrialEvent] = []
    statuses = run(SPECS, store, InProcessLauncher(), work=WORK, on_event=events.append)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert {trial: store.read(trial).complete for trial in statuses} == dict.fromkeys(
        statuses, True
    )
    for trial in (OTHER, SOUND):
        assert (store.folder(trial) / "ran").read_text() == "x"
    ran = (store.folder(HURT) / "ran").read_text()
    assert ran == "x" if name == "spec.json" else ran in ("x", "xx")
    assert ran == "xx" or not expected or name == "spec.json"
    if expected and harm is not delete:
        assert list(store.folder(HURT).glob(f"{name}.damaged-1"))
        assert (
            next(event for event in events if isinstance(event.payload, FilesDamaged)).number == 1
        )
    assert cifarkit("report", "--runs", store.root, "--format", "json").stderr == ""


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_end_is_not_read(store: Store, name: str) -> None:
    huge(store.folder(HURT) / name)
    reported = cifarkit("report", "--runs", store.root, "--format", "json").stdout
    assert f"damaged: {name}" in reported


def test_a_flipped_bit_in_kept_weights_is_found_where_they_are_used(store: Store) -> None:
    weights = store.folder(HURT) / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    record = store.read(HURT)
    assert record.complete
    with pytest.raises(DamagedFile, match="does not match its checksum"):
        check_sum(record.folder, record.state, "model.weights.h5")
    assert [fault.path for fault in faults(record.folder, thorough=True)] == [weights]


def test_records_of_the_first_version_without_checksums_are_read(store: Store) -> None:
    path = store.folder(HURT) / "state.json"
    state = json.loads(path.read_text())
    del state["checksums"]
    path.write_text(json.dumps(state))
    assert store.read(HURT).complete
    assert cifarkit("report", "--runs", store.root).stderr == ""


def newer(path: Path) -> bytes:
    content = json.loads(path.read_text()) | {"schema_version": 99, "of_the_future": True}
    path.write_text(json.dumps(content))
    return path.read_bytes()


@pytest.mark.parametrize("name", ["state.json", "result.json"])
def test_a_newer_record_is_refused_and_left_alone(store: Store, name: str) -> None:
    path = store.folder(HURT) / name
    if name == "result.json":  # as a newer version would have written both
        state = json.loads((path.parent / "state.json").read_text()) | {"checksums": {}}
        (path.parent / "state.json").write_text(json.dumps(state))
    before = newer(path)
    report = cifarkit("report", "--runs", store.root)
    assert report.exit_code == 0
    assert f"not readable: {name} was written by a newer cifarkit" in report.stdout
    assert f"{path}: was written by a newer" in report.stderr
    assert "schema_version is 99, this one reads up to 1" in report.stderr
    with pytest.raises(CifarkitError, match=f"{name}: was written by a newer"):
        run(SPECS, store, InProcessLauncher(), work=WORK)
    assert path.read_bytes() == before


def test_a_newer_study_is_told_and_not_written_over(store: Store) -> None:
    (path,) = (store.root / "studies").iterdir()
    before = newer(path)
    store.write_study(study(SPECS[:2], "Other").record("").model_copy(update={"name": "other"}))
    report = cifarkit("report", "--runs", store.root)
    assert "was written by a newer cifarkit" in report.stderr
    assert report.stdout.startswith("# Other")
    with pytest.raises(CifarkitError, match="newer"):
        store.write_study(study().record(""))
    assert path.read_bytes() == before


@pytest.mark.parametrize("harm", [truncate, empty, link, pipe, folder])
def test_a_damaged_study_is_left_out_and_set_aside(
    store: Store, harm: Callable[[Path], None]
) -> None:
    (path,) = (store.root / "studies").iterdir()
    store.write_study(study(SPECS[:2], "Other").record("").model_copy(update={"name": "other"}))
    if harm is link:
        path.rename(store.root / "elsewhere")
        path.symlink_to(store.root / "elsewhere")
    else:
        harm(path)
    report = cifarkit("report", "--runs", store.root)
    assert report.exit_code == 0
    assert report.stdout.startswith("# Other")
    assert f"left out: {path}" in report.stderr
    store.write_study(study().record(""))
    assert [found.title for found in store.studies()] == ["Other", "Seeds"]
    assert path.with_name(f"{path.name}.damaged-1").exists() or harm is link


def test_a_study_of_another_name_cannot_lead_figures_elsewhere(store: Store) -> None:
    (path,) = (store.root / "studies").iterdir()
    content = json.loads(path.read_text())
    for name in ("../../escaped", "another", "a\nb"):
        path.write_text(json.dumps(content | {"name": name}))
        report = cifarkit("report", "--runs", store.root, "--figures", store.root / "figures")
        assert report.exit_code != 0
        assert str(path) in report.stderr


def test_a_trial_folder_that_is_a_link_is_set_aside(store: Store, tmp_path: Path) -> None:
    real = store.folder(HURT)
    mine = tmp_path / "mine"
    real.rename(mine)
    real.symlink_to(mine)
    (store.folder(OTHER) / "log.txt").unlink(missing_ok=True)
    (store.folder(OTHER) / "log.txt").symlink_to(tmp_path / "precious")
    (store.folder(OTHER) / "result.json").unlink()
    (tmp_path / "precious").write_text("precious")
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    statuses = run(SPECS, store, InProcessLauncher(), work=WORK)
    assert set(statuses.values()) == {Status.COMPLETE}
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before
    assert (tmp_path / "precious").read_text() == "precious"
    assert not real.is_symlink()
