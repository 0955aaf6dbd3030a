"""Class names of the built-in data sets.

CIFAR's are those of its own `meta` files, in the order of the labels.
"""

from __future__ import annotations

import zlib

CIFAR10_CLASSES: tuple[str, ...] = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_CIFAR100: dict[str, tuple[str, ...]] = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}

CIFAR100_GROUPS: tuple[str, ...] = tuple(_CIFAR100)
"""The 20 superclasses, in the order of the coarse labels."""

_GROUP_OF = {name: group for group, names in _CIFAR100.items() for name in names}

CIFAR100_CLASSES: tuple[str, ...] = tuple(sorted(_GROUP_OF))
"""The 100 classes: CIFAR-100's fine labels are in alphabetical order."""

CIFAR100_CLASS_GROUPS: tuple[str, ...] = tuple(_GROUP_OF[name] for name in CIFAR100_CLASSES)
"""The superclass of each class."""

SYNTHETIC_SHAPES: tuple[str, ...] = (
    "disc",
    "ring",
    "square",
    "frame",
    "triangle",
    "diamond",
    "pentagon",
    "star",
    "cross",
    "saltire",
    "heart",
    "leaf",
    "flower",
    "gear",
    "drop",
    "arrow",
    "bar",
    "pillar",
    "wedge",
    "bowtie",
)
"""The groups of the synthetic data set: outlines."""

SYNTHETIC_FINISHES: tuple[str, ...] = ("fine", "broad", "checked", "dotted", "ribbed")
"""The classes within a synthetic group: textures."""


SYNTHETIC_PAIRS: tuple[tuple[str, str], ...] = tuple(
    sorted(
        ((shape, finish) for shape in SYNTHETIC_SHAPES for finish in SYNTHETIC_FINISHES),
        key=lambda pair: zlib.crc32("_".join(pair).encode()),
    )
)
"""`(shape, finish)` of each synthetic class in the order of the labels, a fixed shuffle: as in
CIFAR, the first n classes come from several groups and include some similar ones."""

SYNTHETIC_CLASSES = tuple("_".join(pair) for pair in SYNTHETIC_PAIRS)
SYNTHETIC_CLASS_GROUPS = tuple(shape for shape, _ in SYNTHETIC_PAIRS)
