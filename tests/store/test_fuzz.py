"""Any bytes where a record should be give the record or one of our own errors, quickly.

`CIFARKIT_TEST_FUZZ` is how many examples are tried of each, 40 by default.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cifarkit.errors import CifarkitError, InvalidInput
from cifarkit.reporting import trial_listing
from cifarkit.reporting.document import document
from cifarkit.specs import SETTINGS, TrialSpec
from cifarkit.store.file_io import (
    MOST_BYTES,
    DamagedFile,
    ForeignFile,
    UnreadableFile,
    read_history,
    read_model,
    read_spec,
)
from cifarkit.store.records import Result, State
from cifarkit.store.store import Store, read_study
from cifarkit.store.study_records import StudyRecord
from cifarkit.store.trials import gather, read_all
from cifarkit.studies.completion import trial_spec
from cifarkit.studies.config import read as read_plan
from tests.store.test_damage import HURT, make_store

CALLS = int(os.environ.get("CIFARKIT_TEST_FUZZ", "40"))
FUZZ = settings(max_examples=CALLS, deadline=None, suppress_health_check=list(HealthCheck))
HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", "a|b\n<b>\x1b[31m\\input{x}\x00", "../../../etc/passwd", "\u202e\u0000", "9" * 5000,
    "x" * 9000,
    [], {}, [[[[]]]], {"a": {"b": []}}, ["a", None, {}], "-inf", "1e999", "\ud800", "trial:../..",
    "~nobody/a.weights.h5", "/dev/zero", "y" * 300 + ".weights.h5", "\x00.weights.h5",
]  # fmt: skip
JSON = st.recursive(
    st.sampled_from(HOSTILE[:28]) | st.text(max_size=5) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_store(tmp_path_factory.mktemp("fuzzed") / "runs").root
    for path in root.glob("trials/*/state.json"):
        # Records without checksums reach the parsers; with them, hardly anything would.
        path.write_text(json.dumps(json.loads(path.read_text()) | {"checksums": {}}))
    return root


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the parts of a JSON value are."""
    found = [path] if path else []
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, part in inner:
        found += leaves(part, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    value = json.loads(json.dumps(value))
    part = value
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = new
    return value


def mutated(data: st.DataObject, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        changed[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    return bytes(changed)


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("name", ["spec.json", "state.json", "result.json", "history.csv", "study"])
def test_mutated_bytes(root: Path, name: str, data: st.DataObject) -> None:
    path = next((root / "studies").iterdir()) if name == "study" else root / "trials" / HURT / name
    before = path.read_bytes()
    arbitrary = data.draw(st.booleans())
    path.write_bytes(data.draw(st.binary()) if arbitrary else mutated(data, before))
    try:
        Store(root).read(HURT)
        read_study(next((root / "studies").iterdir()))
    except UnreadableFile:
        pass
    finally:
        path.write_bytes(before)


def test_a_spec_with_each_hostile_value_in_each_place(root: Path) -> None:
    whole = json.loads((root / "trials" / HURT / "spec.json").read_bytes())
    for place in leaves(whole):
        for value in HOSTILE:
            with contextlib.suppress(ValidationError):
                TrialSpec.model_validate_json(json.dumps(replaced(whole, place, value)))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_with_each_hostile_value(name: str) -> None:
    for value in HOSTILE:
        settings = {"model": "resnet8", "dataset": "synthetic", name: value}
        with contextlib.suppress(InvalidInput):
            trial_spec(**settings)


@pytest.mark.parametrize("dataset", ["cifar100", "cifar10", "synthetic", "folder", "npz"])
def test_every_data_set_with_each_hostile_location(dataset: str) -> None:
    for location in HOSTILE:
        with contextlib.suppress(InvalidInput):
            trial_spec(model="lenet", dataset=dataset, location=location)


@FUZZ
@given(data=st.data())
def test_a_spec_from_any_json(root: Path, data: st.DataObject) -> None:
    whole = json.loads((root / "trials" / HURT / "spec.json").read_bytes())
    place = data.draw(st.sampled_from(leaves(whole)))
    changed = replaced(whole, place, data.draw(st.sampled_from(HOSTILE) | JSON))
    for content in (json.dumps(changed), json.dumps(data.draw(JSON))):
        try:
            spec = TrialSpec.model_validate_json(content)
        except ValidationError:
            continue
        assert TrialSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("field", ["started_at", "ended_at"])
def test_a_time_without_a_zone_is_a_fault_and_no_traceback(root: Path, field: str) -> None:
    path = root / "trials" / HURT / "state.json"
    before = path.read_bytes()
    path.write_text(json.dumps(json.loads(before) | {field: "2026-01-01T00:00:00"}))
    try:
        with pytest.raises(DamagedFile, match=field):
            Store(root).read(HURT)
    finally:
        path.write_bytes(before)


@settings(FUZZ, max_examples=CALLS // 2)
@given(data=st.data())
@pytest.mark.parametrize("name", ["state.json", "result.json", "history.csv", "study"])
def test_records_with_hostile_values_can_be_written_up(
    root: Path, name: str, data: st.DataObject
) -> None:
    path = next((root / "studies").iterdir()) if name == "study" else root / "trials" / HURT / name
    before = path.read_bytes()
    try:
        if name == "history.csv":
            rows = [line.split(",") for line in before.decode().splitlines()]
            row = data.draw(st.integers(0, len(rows) - 1))
            rows[row][data.draw(st.integers(0, 7))] = str(data.draw(st.sampled_from(HOSTILE[:20])))
            text = "\r\n".join(",".join(row) for row in rows)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        else:
            whole = json.loads(before)
            place = data.draw(st.sampled_from(leaves(whole)))
            path.write_text(json.dumps(replaced(whole, place, data.draw(st.sampled_from(HOSTILE)))))
        store = Store(root)
        studies = store.studies()
        trials = gather(store, studies, whole=True)
        if studies:
            for kind in ("markdown", "latex", "csv", "json"):
                document(studies, trials, format=kind).encode()
        for trial in read_all(store, [HURT], whole=True).values():
            trial_listing.as_text(trial_listing.everything(trial)).encode()
        trial_listing.rows(trials)
    except CifarkitError as error:
        pytest.fail(f"one record keeps the others from being reported: {error}")
    finally:
        path.write_bytes(before)


@FUZZ
@given(data=st.data())
def test_study_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    example = b"""name = "a"\ntitle = "b"\nseeds = 2\n[settings]\nepochs = 3
[[step]]\ntitle = "c"\nkeep = 2\nvary.model = ["lenet", "vgg16"]\nassume.model = "lenet"\n"""
    path = tmp_path_factory.mktemp("plan") / "study.toml"
    path.write_bytes(data.draw(st.binary()) if data.draw(st.booleans()) else mutated(data, example))
    with contextlib.suppress(InvalidInput):
        read_plan(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a." * 40_000 + "a = 1",
        'name = "a"\ntitle = "b"\nx = 1\n[[step]]\ntitle = "c"',
        'name = "a"\ntitle = "b"\n[[step]]\ntitle = 3',
        'name = "../a"\ntitle = "b"\n[[step]]\ntitle = "c"',
        'name = "a"\ntitle = "b"\n[[step]]\ntitle = "c"\nvary.dropout = ['
        + ",".join(["0.1"] * 100_000) + "]",
        'name = "a"\ntitle = "b"\n' + '[[step]]\ntitle = "c"\n' * 2_000,
        'name = "a"\ntitle = "b"\n[settings]\nepochs = {a = {b = 1}}\n[[step]]\ntitle = "c"',
        'name = "a"\ntitle = "b"\n[settings]\nepochs = ' + "9" * 5000 + '\n[[step]]\ntitle = "c"',
        "x" * 2_000_000,
    ],
)  # fmt: skip
def test_hostile_study_files_are_refused_quickly(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(InvalidInput, match=r"study\.toml"):
        read_plan(str(path))
    assert time.process_time() - began < 5


BOMBS = {
    "deep": b'{"a":' * (MOST_BYTES // 5 - 1),
    "deep lists": b"[" * (MOST_BYTES - 1),
    "unknown keys": ("{" + ",".join(f'"{n}":1' for n in range(100_000)) + "}").encode(),
    "wrong items": b'{"class_names":[' + b"1," * 500_000 + b"1]}",
    "arms": b'{"name":"a","arms":[' + b"1," * 500_000 + b"1]}",
    "settings": ('{"arms":[{"label":"a","settings":{'
                 + ",".join(f'"{n}":{{}}' for n in range(50_000)) + "}}]}").encode(),
    "large": b" " * (MOST_BYTES + 1),
    "digits": b'{"attempts":' + b"9" * 1_000_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_quickly(tmp_path: Path, bomb: str) -> None:
    folder = tmp_path / HURT
    folder.mkdir()
    (folder / "spec.json").write_bytes(BOMBS[bomb])
    began = time.process_time()
    for kind in (State, Result, StudyRecord):
        with pytest.raises(UnreadableFile):
            read_model(folder / "spec.json", kind)
    with pytest.raises(UnreadableFile):
        read_spec(folder)
    with pytest.raises(UnreadableFile):
        list(read_history(folder / "spec.json"))
    assert time.process_time() - began < 15


def test_a_gigantic_history_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\r\n" + "1,0.5\r\n" * 1_000_000)
    with pytest.raises(DamagedFile, match="larger than"):
        list(read_history(path))


def test_a_spec_that_is_sound_but_not_for_this_machine_is_left_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that only a newer version knows."""
    copy = Path(shutil.copytree(root, tmp_path / "runs"))
    path = copy / "trials" / HURT / "spec.json"
    from cifarkit import specs

    raw = json.loads(path.read_text())
    raw["train"]["of_a_newer_version"] = 1
    folder = copy / "trials" / specs.identity(raw)
    (copy / "trials" / HURT).rename(folder)
    (folder / "spec.json").write_text(json.dumps(raw))
    with pytest.raises(ForeignFile, match="cannot be used here"):
        Store(copy).read(folder.name)


def test_a_stored_spec_never_looks_at_the_files_that_it_names(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / HURT
    shutil.copytree(root / "trials" / HURT, folder)
    raw = json.loads((folder / "spec.json").read_text())
    raw["data"] = {"dataset": str(tmp_path), "classes": 2}
    (folder / "spec.json").write_text(json.dumps(raw))
    with pytest.raises(DamagedFile, match="is not the spec of trial"):
        read_spec(folder)
