"""The published weights that a network can start from, and what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cifarkit.errors import InvalidInput
from cifarkit.models.weights_package import WeightsPackage


@dataclass(frozen=True, kw_only=True)
class WeightSet:
    """Published weights of one network. What is empty or None is not known.

    Attributes:
        name: What `--weights` calls them: `imagenet`, `imagenet21k`, `noisy-student`.
        source: Where they come from: an address, in which `{size}` is as in `file`, or a package.
        file: The file that Keras downloads for them, looked for in its `models` cache; `{size}`
            stands for the size that `trained_size` gives.
        sizes: Image sides, in pixels, that have a file of their own (MobileNet v1 and v2).
        package: The installed package that holds them instead.
        path: The file that holds them instead, whether it is there or is still to be downloaded.
        licence: As their publisher states it.
        size_mb: Of the file, in megabytes of 10^6 bytes.
        sha256: Of the file, 64 hexadecimal digits. A trial fails if the file that it loads has
            another.
        md5: The same where only an MD5 is published, 32 hexadecimal digits. Keras checks those of
            its own files.
        input_range: Of the images that the network takes; by default, what the backbone's
            `preprocessing` puts out.
        top1: The published top-1 accuracy, 0..1, on ImageNet's validation images.
        top1_source: Who says so, and what it was measured with.
    """

    name: str
    source: str = ""
    file: str = ""
    sizes: tuple[int, ...] = ()
    package: WeightsPackage | None = None
    path: str = ""
    licence: str = ""
    size_mb: float | None = None
    sha256: str = ""
    md5: str = ""
    input_range: str = ""
    top1: float | None = None
    top1_source: str = ""

    def __post_init__(self) -> None:
        # Other forms are files, other trials' weights, or lists of several on the command line.
        if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", self.name) or self.name == "none":
            raise InvalidInput(f"a weight set's name is letters, digits, _ . + -: {self.name!r}")
        for algorithm, value, digits in (("sha256", self.sha256, 64), ("md5", self.md5, 32)):
            if value and not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
                raise InvalidInput(
                    f"weight set {self.name}: {algorithm}: {digits} lower-case hexadecimal digits, "
                    f"got {value!r}"
                )
        if self.top1 is not None and not 0 <= self.top1 <= 1:
            raise InvalidInput(f"weight set {self.name}: top1: 0 to 1, got {self.top1}")

    @property
    def published_hash(self) -> str:
        """`sha256:` or `md5:` and the hexadecimal digits; empty if none is known."""
        sha256 = self.package.sha256 if self.package else self.sha256
        return f"sha256:{sha256}" if sha256 else f"md5:{self.md5}" if self.md5 else ""

    def trained_size(self, image_size: int, native_size: int) -> int:
        """The image side, in pixels, that the weights for a build were trained at.

        Keras loads the file for exactly this size if there is one, otherwise the one for the
        native size.
        """
        return image_size if image_size in self.sizes else native_size

    def file_for(self, image_size: int, native_size: int) -> str:
        """The name of the file in Keras' cache for this image side; empty if there is none."""
        return self.file.format(size=self.trained_size(image_size, native_size))
