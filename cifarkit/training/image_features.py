"""The features that a network gives for single images, cached by network and image.

An entry of the cache holds the features of the images that one command computed. Images are known
by their pixels, so that later commands with more images, or other classes, compute only new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarkit.datasets import memmap_cache
from cifarkit.datasets.memmap_cache import Rows
from cifarkit.datasets.subset import Joined
from cifarkit.digests import digest, json_digest
from cifarkit.errors import CifarkitError
from cifarkit.models.registry import get as get_backbone
from cifarkit.models.registry import package_of
from cifarkit.models.weights_file import file_sha256
from cifarkit.specs import ModelSpec
from cifarkit.training.pretrained_weights import published_file
from cifarkit.version import __version__

# Increment if the same model and image give other features.
_VERSION = 1
_DIGEST_BYTES = 16
BATCH = 64
"""Images that are run at once."""


@dataclass(frozen=True)
class CachedFeatures:
    """What the cache has of a network for some images.

    Attributes:
        rows: (n,), where each image's features are: the row in its entry; -1 if they are absent.
        entry: (n,), the number of that entry in `arrays`.
        arrays: The features in each entry, (m, d) float32.
        seconds: What computing the features of these images took: of an entry of which not all
            images are asked for, its share.
    """

    rows: NDArray[np.intp]
    entry: NDArray[np.intp]
    arrays: tuple[Rows, ...]
    seconds: float

    @property
    def missing(self) -> NDArray[np.intp]:
        """The numbers of the images without features."""
        return np.flatnonzero(self.rows < 0)

    def features(self) -> NDArray[np.float32]:
        """(n, d), of all images, which must be there."""
        if self.missing.size:
            raise LookupError("some images have no features yet")
        found = np.empty((len(self.rows), self.arrays[0].shape[1]), np.float32)
        for number, array in enumerate(self.arrays):
            of_entry = self.entry == number
            found[of_entry] = array[self.rows[of_entry]]
        return found


def network_key(spec: ModelSpec) -> str:
    """Identifies what determines an image's features, without building the network.

    That is the network, its weights by their content, the image size, and the versions of the
    packages that build and run it.

    Raises:
        OSError: The file of weights cannot be read.
    """
    facts = get_backbone(spec.model)
    weights: str | list[str] = spec.weights
    if weights != "none" and (file := published_file(spec)) is not None:
        weights = file_sha256(file)
    if facts.files:
        weights = [str(weights), *map(file_sha256, facts.files)]
    packages = [__version__, package_of(facts.key), *map(version, ("keras", "tensorflow", "numpy"))]
    return json_digest([_VERSION, facts.key, weights, spec.image_size, packages], digits=24)


def image_digests(images: Joined) -> NDArray[np.uint8]:
    """(n, 16): the BLAKE2b of each image's shape and pixels."""
    shape = repr(images.shape[1:]).encode()
    found = np.empty((len(images), _DIGEST_BYTES), np.uint8)
    for start in range(0, len(images), 1024):
        block = np.ascontiguousarray(images[start : start + 1024])
        for row, image in enumerate(block, start):
            found[row] = np.frombuffer(bytes.fromhex(digest([shape, image.data], "blake2b")), "u1")
    return found


def cached(key: str, digests: NDArray[np.uint8]) -> CachedFeatures:
    """What the cache has of a network, by `network_key`, for images by their digests."""
    rows = np.full(len(digests), -1, np.intp)
    entry = np.zeros(len(digests), np.intp)
    arrays: list[Rows] = []
    seconds = 0.0
    names = [one.tobytes() for one in digests]
    for name in memmap_cache.entries(f"{key}-"):
        found = memmap_cache.read(name)
        if found is None or len(found) != 2 or not len(found[0]):
            continue
        known = {one.tobytes(): row for row, one in enumerate(found[0][:])}
        hits = [i for i, one in enumerate(names) if rows[i] < 0 and one in known]
        if not hits:
            continue
        rows[hits] = [known[names[i]] for i in hits]
        entry[hits] = len(arrays)
        arrays.append(found[1])
        # Two images with the same pixels are computed once.
        share = len({names[i] for i in hits}) / len(known)
        seconds += (memmap_cache.seconds(name) or 0.0) * share
    return CachedFeatures(rows, entry, tuple(arrays), seconds)


def compute(
    spec: ModelSpec,
    key: str,
    images: Joined,
    digests: NDArray[np.uint8],
    on_progress: Callable[[int, int], None],
) -> None:
    """Run a network once over those images whose features are absent, and cache these.

    Args:
        spec: The network, without a head of its own.
        key: Its `network_key`.
        images: (n, h, w, 3) uint8.
        digests: Of the images, (n, 16).
        on_progress: Called with the images done and how many there are to do.

    Raises:
        CifarkitError: There is no room for the features, or they cannot be cached or are not finite
            numbers.
    """
    absent = cached(key, digests).missing
    _, first = np.unique(digests[absent], axis=0, return_index=True)
    todo = absent[np.sort(first)]
    if not todo.size:
        return
    entry = f"{key}-{digest([digests[todo].tobytes()])[:24]}"
    # Of a network whose width is not known, more than any has.
    needed = len(todo) * (4 * (get_backbone(spec.model).features or 4096) + _DIGEST_BYTES)

    def batches() -> Iterator[list[np.ndarray]]:
        run = _compiled(
            spec, (images.shape[1], images.shape[2])
        )  # within the time that the entry records
        for start in range(0, len(todo), BATCH):
            rows = todo[start : start + BATCH]
            features = run(images[rows]).numpy()
            if not np.isfinite(features).all():
                raise CifarkitError(f"{spec.model}: its features are not finite numbers")
            yield [digests[rows], features]
            on_progress(start + len(rows), len(todo))

    try:
        if not memmap_cache.make_room(needed, keep=memmap_cache.entries(f"{key}-")):
            raise CifarkitError(f"{spec.model}: the cache has no room for its features")
        with memmap_cache.lock(entry):
            if memmap_cache.read(entry) is None:
                memmap_cache.write(entry, len(todo), batches())
    except OSError as error:
        raise CifarkitError(f"{spec.model}: its features cannot be cached: {error}") from None


def _compiled(spec: ModelSpec, native_size: tuple[int, int]) -> Any:
    """A function from (n, h, w, 3) uint8 images to (n, d) float32 features."""
    import keras
    import tensorflow as tf

    from cifarkit.training.model_builder import feature_extractor
    from cifarkit.training.step import uses_xla

    keras.utils.set_random_seed(0)  # of random weights
    model = feature_extractor(spec, native_size)
    signature = [tf.TensorSpec((None, *native_size, 3), tf.uint8)]

    @tf.function(jit_compile=uses_xla(), autograph=False, input_signature=signature)
    def run(images: Any) -> Any:
        return tf.cast(model(tf.cast(images, tf.float32), training=False), tf.float32)

    return run
