"""Plan a study, run it and read its results, all from Python.

    python examples/use_from_python.py

It trains two small networks on built-in data, offline, in a minute.
"""

import cifarkit as ck


def main() -> None:
    study = ck.zoo(
        ["lenet", "simple_cnn"], dataset="synthetic", classes=5, train_per_class=100, epochs=40
    )
    results = ck.run(study, store="runs")
    print(results.to_dataframe()[["arm", "accuracy.test", "time.fit_seconds"]])
    for trial, reason in results.failed.items():
        print(f"{trial}: {reason}")
    print(*results.conclusions, sep="\n")


if __name__ == "__main__":
    main()
