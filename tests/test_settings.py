"""A setting is defined once, on its field of a spec; everything else follows from that."""

from typing import Literal, get_args, get_origin, get_type_hints

from cifarkit.settings import Settings
from cifarkit.specs import SETTINGS, Augmentation, DataSpec, ModelSpec, TrainSpec


def choices(annotation: object) -> set[object]:
    """The values of a `Literal`, alone or in a union."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {value for part in get_args(annotation) for value in choices(part)}


def test_the_keyword_arguments_are_the_settings() -> None:
    fields = {**Augmentation.model_fields}
    for spec in (DataSpec, ModelSpec, TrainSpec):
        fields |= spec.model_fields
    hints = get_type_hints(Settings)
    assert hints.keys() == {*SETTINGS, *Augmentation.model_fields, "augment"} - {"model", "seed"}
    for name, hint in hints.items():
        if name != "augment":
            assert choices(hint) == choices(fields[name].annotation), name
