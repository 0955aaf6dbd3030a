"""The choice of classes and the split keep what they promise."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarkit.datasets.dataset import ImageDataset, Splits, select_classes, shuffled, split
from cifarkit.datasets.duplicates import find_repeated
from cifarkit.errors import InvalidInput


def dataset_of(sizes: list[int], test_per_class: int = 1) -> ImageDataset:
    """Each image's pixels hold its own number, so that it can be followed; labels are mixed."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    numbers = np.arange(len(labels), dtype=np.uint32)
    images = np.zeros((len(labels), 2, 2, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers % 256, numbers // 256
    test_labels = np.repeat(np.arange(len(sizes)), test_per_class).astype(np.int32)
    return ImageDataset(
        name="numbers",
        train_images=images,
        train_labels=labels.astype(np.int32),
        test_images=np.repeat(test_labels[:, None], 12, 1).reshape(-1, 2, 2, 3).astype(np.uint8),
        test_labels=test_labels,
        class_names=tuple(f"class_{label}" for label in range(len(sizes))),
        class_groups=tuple(f"group_{label % 2}" for label in range(len(sizes))),
    )


def numbers_of(images: np.ndarray) -> list[int]:
    pixels = images[:]
    return (pixels[:, 0, 0, 0] + pixels[:, 0, 0, 1].astype(int) * 256).tolist()


def split_of(data: ImageDataset, size: int | None = None, fraction: float = 0.2) -> Splits:
    return split(data, train_per_class=size, validation_fraction=fraction, data_seed=3)


class TestSelectClasses:
    data = dataset_of([3, 4, 5, 6])

    def test_the_first_by_label(self) -> None:
        chosen = select_classes(self.data, 2, None, None)
        assert chosen.class_names == ("class_0", "class_1")
        assert np.bincount(chosen.train_labels).tolist() == [3, 4]

    def test_by_name_in_the_order_given(self) -> None:
        chosen = select_classes(self.data, 2, None, ["class_3", "class_0"])
        assert chosen.class_names == ("class_3", "class_0")
        assert chosen.class_groups == ("group_1", "group_0")
        assert np.bincount(chosen.train_labels).tolist() == [6, 3]
        assert chosen.test_images[:][:, 0, 0, 0].tolist() == [0, 3]
        assert chosen.test_labels.tolist() == [1, 0]

    def test_images_keep_their_labels(self) -> None:
        truth = dict(
            zip(numbers_of(self.data.train_images), self.data.train_labels.tolist(), strict=True)
        )
        chosen = select_classes(self.data, 3, None, ["class_2", "class_3", "class_1"])
        for number, label in zip(
            numbers_of(chosen.train_images), chosen.train_labels.tolist(), strict=True
        ):
            assert chosen.class_names[label] == f"class_{truth[number]}"

    def test_a_drawn_choice_depends_on_its_seed_alone_and_stays_in_label_order(self) -> None:
        data = dataset_of([2] * 30)
        draws = [select_classes(data, 10, seed, None).class_names for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]
        order = [data.class_names.index(name) for name in draws[0]]
        assert order == sorted(order)

    def test_all_classes_in_order_copy_nothing(self) -> None:
        assert select_classes(self.data, 4, None, None) is self.data

    @pytest.mark.parametrize(
        ("classes", "names", "message"),
        [
            (5, None, "--classes: numbers has 4, received 5"),
            (0, None, "--classes"),
            (2, ["class_1", "class_1"], "--class-names"),
            (2, ["class_1"], "--class-names"),
            (1, ["clas_1"], "did you mean 'class_1'"),
        ],
    )
    def test_refusals(self, classes: int, names: list[str] | None, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            select_classes(self.data, classes, None, names)


class TestSplit:
    @settings(max_examples=60, deadline=None)
    @given(
        sizes=st.lists(st.integers(2, 40), min_size=2, max_size=6),
        fraction=st.floats(0.01, 0.99),
        seed=st.integers(0, 2**31 - 1),
        test_images=st.integers(1, 3),
    )
    def test_parts_are_disjoint_stratified_and_complete(
        self, sizes: list[int], fraction: float, seed: int, test_images: int
    ) -> None:
        data = dataset_of(sizes, test_images)
        parts = split(data, train_per_class=None, validation_fraction=fraction, data_seed=seed)
        train, validation = numbers_of(parts.train_images), numbers_of(parts.validation_images)
        assert sorted(train + validation) == list(range(sum(sizes)))
        held_out = np.bincount(parts.validation_labels, minlength=len(sizes))
        for size, count in zip(sizes, held_out.tolist(), strict=True):
            assert count == min(max(int(size * fraction + 0.5), 1), size - 1)
        truth = data.train_labels.tolist()
        assert [truth[number] for number in train] == parts.train_labels.tolist()
        assert [truth[number] for number in validation] == parts.validation_labels.tolist()

    @settings(max_examples=40, deadline=None)
    @given(small=st.integers(2, 30), large=st.integers(2, 30), fraction=st.floats(0.02, 0.98))
    def test_smaller_parts_lie_in_larger_ones(
        self, small: int, large: int, fraction: float
    ) -> None:
        small, large = sorted((small, large))
        data = dataset_of([30, 35, 40])
        few, many = split_of(data, small, fraction), split_of(data, large, fraction)
        assert set(numbers_of(few.train_images)) <= set(numbers_of(many.train_images))
        assert set(numbers_of(few.validation_images)) <= set(numbers_of(many.validation_images))
        assert len(few.train_labels) + len(few.validation_labels) == 3 * small

    def test_a_class_is_cut_the_same_whatever_the_other_classes(self) -> None:
        data = dataset_of([10, 20, 30])
        alone = split_of(select_classes(data, 1, None, ["class_2"]))
        among = split_of(data)
        ours = among.validation_images[among.validation_labels == 2]
        assert numbers_of(alone.validation_images) == numbers_of(ours)

    def test_the_seed_decides(self) -> None:
        data = dataset_of([50, 50])
        cuts = [
            numbers_of(
                split(
                    data, train_per_class=20, validation_fraction=0.1, data_seed=seed
                ).validation_images
            )
            for seed in (0, 0, 1)
        ]
        assert cuts[0] == cuts[1] != cuts[2]

    def test_the_order_behind_it_never_changes(self) -> None:
        """A stored trial would otherwise be given another validation part than it had."""
        assert shuffled(10, 3, 99).tolist() == [8, 5, 4, 1, 7, 3, 9, 0, 2, 6]

    def test_no_image_is_copied_before_it_is_asked_for(self) -> None:
        images = np.zeros((4_000, 32, 32, 3), np.uint8)
        labels = (np.arange(4_000) % 8).astype(np.int32)
        names = tuple("abcdefgh")
        data = ImageDataset("", images, labels, images, labels, names)
        tracemalloc.start()
        parts = split_of(select_classes(data, 7, 1, None))
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert parts.train_images.shape == (2_800, 32, 32, 3)
        assert most_bytes < images.nbytes / 20

    def test_the_test_part_is_handed_through(self) -> None:
        data = dataset_of([5, 5])
        assert split_of(data).test_images is data.test_images

    @pytest.mark.parametrize(
        ("sizes", "size", "message"),
        [
            ([5, 9], 6, "--train-per-class: numbers has 5 training images of class 'class_0'"),
            ([5, 1], None, "'class_1' has 1 training images"),
        ],
    )
    def test_refusals(self, sizes: list[int], size: int | None, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            split_of(dataset_of(sizes), size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_images": np.zeros((4, 2, 2, 3), np.float32)}, r"received \(4, 2, 2, 3\) float32"),
        ({"train_images": np.zeros((4, 2, 2, 1), np.uint8)}, "training images must be"),
        ({"test_images": np.zeros((2, 3, 3, 3), np.uint8)}, "must have one size"),
        ({"train_labels": np.zeros(3, np.int32)}, r"training labels must be \(4,\) int32"),
        ({"train_labels": np.zeros(4, np.int64)}, "received .* int64"),
        ({"train_labels": np.array([0, 1, 2, 0], np.int32)}, r"must be in 0\.\.1, received 0\.\.2"),
        ({"class_names": ("same", "same")}, "same name"),
        ({"class_groups": ("one",)}, "1 groups for 2 classes"),
        (
            {"test_images": np.zeros((0, 2, 2, 3), np.uint8), "test_labels": np.zeros(0, np.int32)},
            "no test images",
        ),
    ],
)
def test_a_data_set_that_contradicts_itself_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(dataset_of([2, 2]), **change)  # type: ignore[arg-type]


def test_equal_images_are_found_in_all_parts() -> None:
    shades = np.arange(12, dtype=np.uint8)
    images = np.broadcast_to(shades[:, None, None, None], (12, 4, 4, 3))
    parts = Splits(
        train_images=images[[0, 1, 2, 3, 3]],
        train_labels=np.array([0, 0, 1, 1, 0], np.int32),
        validation_images=images[[4, 5, 0]],
        validation_labels=np.array([0, 1, 0], np.int32),
        test_images=images[[6, 1, 7, 5, 8]],
        test_labels=np.array([0, 1, 1, 1, 0], np.int32),
        class_names=("a", "b"),
    )
    found = find_repeated(parts)
    assert found.test.tolist() == [False, True, False, True, False]
    assert (found.validation, found.two_labels) == (1, 2)
