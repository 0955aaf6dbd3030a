"""Every option of every command with any value: an exit code of ours and a message, quickly.

The commands run in this process and train nothing. `CIFARKIT_TEST_FUZZ` is how many calls are made
of each command, 20 by default, and the same ones each time; any that are asked for are new ones.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cifarkit.api import run as run_module
from cifarkit.cli.app import app, run
from cifarkit.reporting.figures import style
from cifarkit.store.archive import export
from cifarkit.store.records import Status
from cifarkit.training import cost_estimate as plan_module
from tests.store.test_damage import HURT, OTHER, make_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, links and alarms")
CALLS = int(os.environ.get("CIFARKIT_TEST_FUZZ", "20"))
HANGS_SECONDS = 60
SLOW_SECONDS = 10.0

NUMBERS = [
    "0", "-0", "1", "-1", "2", "3", "007", "0.5", "-0.5", "1.0", "0.9999999999999999", "1e-5",
    "1e-999", "1e308", "1e999", "nan", "-nan", "inf", "-inf", "0x10", "1_000", "1,5", "٣", "9" * 40,
    str(2**31 - 1), str(2**31), str(-(2**31)), str(2**63), str(2**64), "9" * 5000, "10001",
]  # fmt: skip
TEXTS = [
    "", " ", "\t", "\n", ",", ",,", "a,b,,a", "0,nan", "1,1", "-", "--", "---", "=", "@", "'\"",
    "%s", "[bold]", "[/]", "None", "true", "off", "é", "猫" * 50, "\u202e", "\x1b[31m",
    "\x7f", "\0", "\udcff", "\ud800", "a\nb", "a\r", "x" * 256, "x" * 5000, "*", "$HOME", "`id`",
    "{0}", "a b", "İ", "😀",
]  # fmt: skip
PATHS = [
    ".", "runs", "runs/", "runs/trials", "photos", "photos/ant", "d.npz", "study.toml", "kept.toml",
    "archive.tar.gz", "predictions.npz", "empty", "empty.npz", "empty.weights.h5", "empty.tar.gz",
    "pipe", "pipe.npz", "pipe.weights.h5", "loop", "loop/x", "dangling", "folder.npz", "nothing",
    "nothing/deeper", "empty/x", "/dev/null", "/dev/full", "/dev/full/x", "~", "~nobody/x",
    "x" * 300, "d/" * 3000, "./" + "x" * 200 + ".npz", "new.tar.gz", "new",
]  # fmt: skip
WORDS = [
    "lenet", "LeNet", "densenet121", "vgg16", "xception", "all", "kept", "synthetic", "cifar10",
    "cifar100", "folder", "npz", "imagenet", "none", "trial:", f"trial:{HURT}", "trial:../..",
    "sha256:00", "sha256:", "adam", "sgd", "adamw", "float32", "mixed_float16", "frozen", "keras",
    "best", "csv", "html", "json", "latex", "markdown", "published", "quick", "ant", "ant,bee",
    HURT, HURT[:4], HURT[:3], OTHER, "sweep-seed-lenet-synthetic-100", "dropout", "lr", "size",
    "augment", "batch-size", "class-names", "seed", "data-dir", "model",
]  # fmt: skip
# Text of its own making begins with no slash and goes up no folder: it may be written to.
DRAWN = st.text(max_size=8).map(lambda text: text.lstrip("/").replace("..", "."))
VALUES = (
    st.sampled_from(NUMBERS)
    | st.sampled_from(TEXTS)
    | st.sampled_from(PATHS)
    | st.sampled_from(WORDS)
    | st.integers().map(str)
    | st.floats().map(repr)
    | DRAWN
)
USUAL = {
    "dataset": ["synthetic", "photos", "d.npz"],
    "models": ["lenet", "lenet,densenet121"],
    "model": ["lenet", "densenet121"],
    "weights": ["none"],
    "classes": ["2", "3"],
    "sizes": ["32,64"],
    "unfreeze": ["0,0.5,1", "0.5"],
    "runs": ["runs", "new"],
    "parameters": ["dropout"],
    "target": ["best", HURT],
    "trial": [HURT],
    "plan": ["study.toml", "quick"],
    "seeds": ["1", "2"],
    "difference": ["1", "5"],
    "images": ["400"],
    "seed_sd": ["0.3"],
    "disagreement": ["0.128"],
    "file": ["archive.tar.gz", "new.tar.gz"],
}
"""Values with which a command gets far; any other option has none."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))


def value(parameter: Any) -> st.SearchStrategy[str]:
    usual = USUAL.get(parameter.name)
    return st.sampled_from(usual) | VALUES if usual else VALUES


def option(parameter: Any) -> st.SearchStrategy[list[str]]:
    """An option by any of its names, as one word or two; without its value now and then."""
    names = st.sampled_from([*parameter.opts, *parameter.secondary_opts])
    if getattr(parameter, "is_flag", False):
        return names.map(lambda name: [name])
    return st.one_of(
        st.tuples(names, value(parameter)).map(list),
        st.tuples(names, value(parameter)).map(lambda pair: ["=".join(pair)]),
    )


@st.composite
def calls(draw: st.DrawFn, path: tuple[str, ...]) -> list[str]:
    """A call of a command: usual values for a start, then anything."""
    command = COMMANDS[path]
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = [*path]
    for parameter in arguments:
        count = draw(st.integers(0, 4) if parameter.nargs == -1 else st.sampled_from([1, 1, 1, 0]))
        words += [draw(value(parameter)) for _ in range(count)]
    if draw(st.integers(0, 3)):
        for parameter in options:
            if parameter.name in USUAL and parameter.name in (
                "dataset",
                "models",
                "model",
                "runs",
                "difference",
            ):
                words += [parameter.opts[0], draw(st.sampled_from(USUAL[parameter.name]))]
    some = st.lists(st.sampled_from(options), max_size=4) if options else st.just([])
    for parameter in draw(some):
        words += draw(option(parameter))
    return words


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something of every kind that an option may name."""
    root = tmp_path_factory.mktemp("fuzzed") / "pristine"
    root.mkdir()
    store = make_store(root / "runs")
    export(store, root / "archive.tar.gz")
    shutil.copy(store.folder(HURT) / "predictions.npz", root)
    for name in ("ant", "bee"):
        (root / "photos" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.full((8, 8, 3), 20 * number + len(name), np.uint8)
            Image.fromarray(pixels).save(root / "photos" / name / f"{number}.png")
    images = np.arange(40 * 8 * 8 * 3).reshape(40, 8, 8, 3).astype(np.uint8)
    np.savez(root / "d.npz", x_train=images, y_train=np.arange(40) % 2)
    head = 'name = "a"\ntitle = "b"\n[[step]]\ntitle = "c"\n'
    (root / "study.toml").write_text(head + 'vary.model = ["lenet", "simple_cnn"]\n')
    (root / "kept.toml").write_text(head + 'vary.model = "kept"\n')
    for name in ("empty", "empty.npz", "empty.weights.h5", "empty.tar.gz"):
        (root / name).write_bytes(b"")
    for name in ("pipe", "pipe.npz", "pipe.weights.h5"):
        os.mkfifo(root / name)
    (root / "folder.npz").mkdir()
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    for words in (["report", "--format", "html"], ["evaluate", "best", "--format", "html"]):
        assert called(words, root)[0] == 0  # what is imported once is no call's time
    return root


@pytest.fixture
def nothing_is_trained(monkeypatch: pytest.MonkeyPatch, pristine: Path) -> None:
    """Trials stay as they are, models are not built, figures are empty."""
    monkeypatch.setenv("HOME", str(pristine.parent))
    monkeypatch.setattr(run_module, "_fetch", lambda specs: None)
    monkeypatch.setattr(
        run_module,
        "run_trials",
        lambda specs, *_, **__: {spec.trial_id: Status.PENDING for spec in specs},
    )
    monkeypatch.setattr(plan_module, "import_quietly", lambda: None)
    counted = {"total_params": 1, "trainable_params": 1, "estimated_mb": 1.0}
    monkeypatch.setattr(
        plan_module,
        "plan",
        lambda specs: (
            SimpleNamespace(spec=spec, estimated_with_input_mb=1.0, **counted) for spec in specs
        ),
    )
    monkeypatch.setattr(style, "_saved", lambda *_, **__: b"")


def _hung(*_: Any) -> None:
    raise AssertionError(f"no end after {HANGS_SECONDS} s")


def called(words: list[str], folder: Path) -> tuple[int, str, str]:
    """The exit code and both streams of a call in a folder."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2)]
    argv, cwd = sys.argv, Path.cwd()
    sys.argv = ["cifarkit", *words]
    os.chdir(folder)
    signal.signal(signal.SIGALRM, _hung)
    signal.alarm(HANGS_SECONDS)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            code = run(words)
    finally:
        signal.alarm(0)
        os.chdir(cwd)
        sys.argv = argv
    for stream in streams:
        stream.flush()
    out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    return code, out, err


@pytest.mark.usefixtures("nothing_is_trained")
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_any_call(path: tuple[str, ...], pristine: Path) -> None:
    @settings(
        max_examples=CALLS,
        deadline=None,
        derandomize="CIFARKIT_TEST_FUZZ" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(words=calls(path))
    def check(words: list[str]) -> None:
        folder = pristine.parent / "call"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pristine, folder, symlinks=True, copy_function=os.link)
        began = time.process_time()
        code, out, err = called(words, folder)
        assert time.process_time() - began < SLOW_SECONDS
        assert code in (0, 1, 2, 130), err
        assert "Traceback" not in out + err
        assert code == 0 or (out + err).strip(), "no message"  # no arguments print the help

    check()
