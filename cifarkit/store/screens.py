"""Records of screenings: `screens/<name>.json` in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field

from cifarkit.store.fields import (
    SCHEMA_VERSION,
    Count,
    Settings,
    Share,
    StoredRecord,
    Texts,
    Version,
)
from cifarkit.store.file_io import UnreadableFile, read_model, write_model

FOLDER = "screens"


class ScreenedNetwork(StoredRecord):
    """One network of a screening.

    Attributes:
        model: Its key.
        parameters: Without a head; None if not known.
        image_size: The side of its input, in pixels.
        features: How many numbers it gives for an image; None if it failed.
        computed_images: Those whose features this screening computed; the others were cached.
        seconds: What computing the features of all images took, when they were computed: building
            the network included.
        probe_accuracy, probe_low, probe_high: Of the linear probe, with the 95% interval; None if
            it failed.
        difference_low, difference_high: The 95% interval of the probe's accuracy less the best
            one's, simultaneous over all pairs of networks; None for the best.
        neighbours_accuracy: Of the nearest neighbours.
        penalties, neighbours: What cross-validation chose for either half of the images.
        imagenet_top1: Published, 0..1; None if there is none.
        goes_on: Why it is worth training; empty if it is not.
        failure: Why it has no features; empty if it has.
    """

    model: str
    name: str
    parameters: Count | None = None
    image_size: Count
    features: Count | None = None
    computed_images: Count = 0
    seconds: float | None = None
    probe_accuracy: Share | None = None
    probe_low: Share | None = None
    probe_high: Share | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    neighbours_accuracy: Share | None = None
    penalties: tuple[float, ...] = ()
    neighbours: tuple[float, ...] = ()
    imagenet_top1: Share | None = None
    goes_on: str = ""
    failure: str = ""


class ScreenRecord(StoredRecord):
    """A screening of networks on some images.

    Attributes:
        name: Of its file.
        data: The settings of the data by flat name, and the fingerprint.
        data_title: The data set's name in documents.
        weights: `imagenet`, `none` (random) or a package's.
        images, classes: How many; test images are not among them.
        networks: In descending order of the probe's accuracy, those that failed last.
        left_out: A sentence for each reason for which networks were not screened.
        seconds: Of the whole command.
        network_seconds: Of `seconds`, what building and running networks took.
        notes: Further remarks.
    """

    schema_version: Version = SCHEMA_VERSION
    name: Annotated[str, Field(pattern=r"^screen-[A-Za-z0-9_.-]{1,100}$")]
    created_at: AwareDatetime
    command: str
    data: Settings
    data_title: str
    weights: str
    images: Count
    classes: Count
    networks: tuple[ScreenedNetwork, ...]
    left_out: Texts = ()
    seconds: float
    network_seconds: float
    notes: Texts = ()

    @property
    def going_on(self) -> tuple[str, ...]:
        """The keys of the networks that are worth training."""
        return tuple(one.model for one in self.networks if one.goes_on)


def write_screen(root: Path, record: ScreenRecord) -> None:
    """Write a screening, replacing an earlier one of the same networks on the same images."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / f"{record.name}.json", record)


def screen_paths(root: Path) -> list[Path]:
    """The files of a store's screenings."""
    return sorted((root / FOLDER).glob("[!.]*.json"))


def read_screens(root: Path) -> tuple[list[ScreenRecord], list[UnreadableFile]]:
    """All screenings of a store, oldest first, and the files that cannot be read."""
    found, unreadable = [], []
    for path in screen_paths(root):
        try:
            found.append(read_model(path, ScreenRecord))
        except UnreadableFile as error:
            unreadable.append(error)
    return sorted(found, key=lambda one: one.created_at), unreadable
