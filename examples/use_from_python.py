"""Plan a study, run it and read its records, all from Python.

    python examples/use_from_python.py

It trains two small networks on built-in data, offline, in under a minute.
"""

from pathlib import Path

from cifarkit.execution.launchers import ProcessLauncher
from cifarkit.execution.runner import run
from cifarkit.store.store import Store
from cifarkit.studies.zoo import zoo

settings = {"dataset": "synthetic", "classes": 5, "train_per_class": 100, "epochs": 3}


def main() -> None:
    study = zoo(settings, models=("lenet", "simple_cnn"))
    store = Store(Path("runs"))
    run(study.specs(), store, ProcessLauncher(), work="cifarkit.training.trial:run_trial")
    for arm in study.arms:
        record = store.read(arm.specs[0].trial_id)
        if record.result is None:
            print(f"{arm.label}: {record.state.reason}")
        else:
            accuracy, time = record.result.accuracy, record.result.time
            print(f"{arm.label}: test accuracy {accuracy.test:.3f} in {time.fit_seconds:.1f} s")


if __name__ == "__main__":
    main()
