from __future__ import annotations

import numpy as np
import pytest

from cifarkit.errors import InvalidInput
from cifarkit.evaluation.confusion import confusion
from cifarkit.evaluation.superclasses import Superclasses, SuperclassScore, superclasses


def test_by_hand() -> None:
    # Classes 0 oak and 1 maple are trees, 2 otter is alone, 3 pine is a tree without images.
    # oak: right, taken for maple (inside), taken for otter; maple: taken for pine (inside);
    # otter: right, taken for output 8, which is no class.
    found = confusion([0, 0, 0, 1, 2, 2], [0, 1, 2, 3, 2, 8], 4)
    # 4 errors, 2 of them inside. By chance: trees (3 - 1) / (4 - 1) for 3 errors, otter 0 for 1:
    # 3 * (2/3) / 4 = 0.5.
    assert superclasses(found, ("tree", "tree", "animal", "tree")) == Superclasses(
        scores=(
            SuperclassScore("tree", 3, 4, class_accuracy=1 / 4, group_accuracy=3 / 4),
            SuperclassScore("animal", 1, 2, class_accuracy=1 / 2, group_accuracy=1 / 2),
        ),
        errors=4,
        errors_inside=2,
        share_inside=0.5,
        chance_inside=0.5,
    )


def test_no_errors_and_no_images() -> None:
    found = superclasses(confusion([0, 0], [0, 0], 2), ("a", "b"))
    assert (found.errors, found.share_inside, found.chance_inside) == (0, None, None)
    assert found.scores[1] == SuperclassScore("b", 1, 0, None, None)


def test_errors_at_random_fall_inside_as_often_as_chance_says() -> None:
    # 20 groups of 5: (5 - 1) / (100 - 1) = 0.0404.
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 100, size=200_000)
    predictions = (labels + rng.integers(1, 100, size=labels.size)) % 100
    groups = tuple(f"group {label // 5}" for label in range(100))
    found = superclasses(confusion(labels, predictions, 100), groups)
    assert found.chance_inside == pytest.approx(4 / 99)
    assert found.share_inside == pytest.approx(4 / 99, abs=0.002)


def test_one_group_for_each_class() -> None:
    with pytest.raises(InvalidInput, match="1 class groups for 2 classes"):
        superclasses(confusion([0], [0], 2), ("a",))
