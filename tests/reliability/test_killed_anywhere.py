"""Kill -9 of a trial or of the whole command, anywhere: nothing is lost, nothing is done twice.

`CIFARKIT_TEST_KILLS` says how many moments are tried (2 unless said), `CIFARKIT_TEST_SEED` which.
"""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.command import CIFARKIT, environment
from tests.reliability.small_study import COMMAND, WORKER, SmallStudy, colours, with_faults

KILLS = int(os.environ.get("CIFARKIT_TEST_KILLS", "2"))
SEED = int(os.environ.get("CIFARKIT_TEST_SEED", "0"))
CALLS = {WORKER: 14, COMMAND: 6}
"""Files that are written by a trial, and by the command around two of them, about."""


def start(study: SmallStudy, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*CIFARKIT, *map(str, study.command())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        # A test that runs in the background inherits a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def processes(study: SmallStudy) -> list[psutil.Process]:
    """The trials' processes that work on that study."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if WORKER in words and any(str(study.runs) in word for word in words):
            found.append(process)
    return found


def at_a_moment(study: SmallStudy, who: str, seconds: float) -> bool:
    """Kill one of them that long after the start; False if all was done by then."""
    command = start(study, environment())
    try:
        command.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        pass
    if who == WORKER:
        for worker in processes(study):
            worker.kill()
        time.sleep(0.5)
        command.send_signal(signal.SIGINT)
    else:
        command.kill()
    command.wait(60)
    return True


def at_a_call(study: SmallStudy, who: str, call: str, number: int, once: Path) -> bool:
    """Kill one of them while it writes its `number`th file; False if it wrote fewer."""
    command = start(study, with_faults(CIFARKIT_TEST_KILL=f"{who}:{call}:{number}:{once}"))
    while command.poll() is None and not once.exists():
        time.sleep(0.05)
    time.sleep(0.5)
    if command.poll() is None:
        command.send_signal(signal.SIGINT)
    command.wait(60)
    return once.exists()


def finished(study: SmallStudy) -> dict[str, int]:
    """When each trial that got to its end wrote its result."""
    return {
        trial: (study.store.folder(trial) / "result.json").stat().st_mtime_ns
        for trial in study.store.trial_ids()
        if study.store.has_finished(trial)
    }


@pytest.mark.slow
def test_killed_anywhere(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    data = colours(tmp_path)
    undisturbed = SmallStudy(data, tmp_path / "undisturbed")
    began = time.monotonic()
    undisturbed.finish()
    whole_seconds = time.monotonic() - began
    expected = undisturbed.outcome()
    assert len(expected) == 2

    print(f"undisturbed: {whole_seconds:.1f} s")
    kills = studies = 0
    while kills < KILLS:
        studies += 1
        study = SmallStudy(data, tmp_path / f"runs-{studies}")
        results: dict[str, int] = {}
        while kills < KILLS and len(results) < 2:
            who = rng.choice([WORKER, COMMAND])
            if rng.random() < 0.5:
                seconds = rng.uniform(0.2, min(whole_seconds, 40) * 0.5)
                moment = f"{seconds:.1f} s after the start"
                killed = at_a_moment(study, who, seconds)
            else:
                call = rng.choice(["fsync", "replace", "replaced"])
                number = rng.randint(1, CALLS[who])
                moment = f"in its {call} no. {number}"
                killed = at_a_call(study, who, call, number, tmp_path / f"kill-{kills}-{studies}")
            until = time.monotonic() + 10
            while orphans := processes(study):
                assert time.monotonic() < until, orphans
                time.sleep(0.05)
            study.report()
            now = finished(study)
            assert results.items() <= now.items(), "a finished trial was run again"
            kills += killed
            if killed:
                print(f"kill {kills}, study {studies}: {who}, {moment}; finished: {len(now)}")
            results = now
        study.finish()
        assert results.items() <= finished(study).items(), "a finished trial was run again"
        assert study.outcome() == expected
        print(f"study {studies}: equal to the undisturbed one; {study.resumed()}")
