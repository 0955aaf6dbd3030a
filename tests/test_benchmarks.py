"""The benchmarks compare what they say they compare."""

from benchmarks.plain import not_followed
from cifarkit.studies.completion import trial_spec


def test_the_plain_script_names_what_it_would_ignore() -> None:
    followed = {"augment": False, "batch_size": 32, "learning_rate": 1e-4, "optimizer": "sgd"}
    assert not_followed(trial_spec(model="densenet121", dataset="synthetic", **followed)) == []
    others = {"ema": 0.9, "layer_decay": 0.75, "flip": False, "mixup": 0.2}
    found = not_followed(trial_spec(model="densenet121", dataset="synthetic", **others))
    assert sorted(found) == ["ema=0.9", "flip=False", "layer_decay=0.75", "mixup=0.2"]
