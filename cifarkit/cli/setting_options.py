"""The options that commands share. Each is declared once and means the same everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from cifarkit.cli.run_options import RUN, RUN_DEFAULTS
from cifarkit.errors import InvalidInput
from cifarkit.models.registry import UnknownBackbone

Number = TypeVar("Number", int, float)

DATA, MODEL, TRAINING = "Data", "Model", "Training"


def _option(panel: str, *names: str, default: str = "", **extra: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, show_default=default or False, **extra)


# Every default that is None here is the spec's own; `docs/reference.md` and the help say which.
SETTINGS: dict[str, Any] = {
    "dataset": Annotated[
        str | None,
        _option(
            DATA,
            "--dataset",
            help="cifar100, cifar10, synthetic, a folder of class folders, or an .npz file.",
            default="cifar100",
        ),
    ],
    "location": Annotated[
        Path | None,
        _option(
            DATA,
            "--data-dir",
            help="Where the CIFAR archive lies, packed or unpacked.",
            default="Keras' cache, downloaded once",
        ),
    ],
    "classes": Annotated[
        int | None,
        _option(
            DATA, "--classes", help="Use this many classes, the first by label.", default="all"
        ),
    ],
    "class_seed": Annotated[
        int | None, _option(DATA, "--class-seed", help="Draw the classes with this seed instead.")
    ],
    "class_names": Annotated[
        str | None, _option(DATA, "--class-names", help="Name the classes instead: apple,bear,...")
    ],
    "train_per_class": Annotated[
        int | None,
        _option(DATA, "--train-per-class", help="Training images of each class.", default="all"),
    ],
    "train_at_most": Annotated[
        int | None,
        _option(
            DATA,
            "--train-at-most",
            help="Training images of each class, or all of a class that has fewer.",
        ),
    ],
    "image_size": Annotated[
        int | None,
        _option(
            MODEL,
            "--image-size",
            help="Side to which a backbone's images are resized, in pixels.",
            default="78 to compare networks, 96 to study one; those made for 32 see 32",
        ),
    ],
    "weights": Annotated[
        str | None,
        _option(
            MODEL,
            "--weights",
            help="imagenet, none, trial:ID, or a .weights.h5 file.",
            default="imagenet",
        ),
    ],
    "dropout": Annotated[
        float | None, _option(MODEL, "--dropout", help="Before the classifier.", default="0.5")
    ],
    "unfreeze": Annotated[
        float | None,
        _option(
            MODEL,
            "--unfreeze",
            help="Fraction of the backbone's layers that is trained, from its end.",
            default="1",
        ),
    ],
    "batchnorm": Annotated[
        str | None,
        _option(
            MODEL,
            "--batchnorm",
            help="Statistics of unfrozen BatchNormalization: precise (computed anew from training "
            "images after each epoch), keras (moving averages) or frozen (left as they are).",
            default="precise",
        ),
    ],
    "head_outputs": Annotated[
        int | None,
        _option(MODEL, "--head-outputs", help="Width of the classifier.", default="the classes"),
    ],
    "epochs": Annotated[
        int | None, _option(TRAINING, "--epochs", help="At most this many.", default="100")
    ],
    "batch_size": Annotated[
        int | None, _option(TRAINING, "--batch-size", help="Images per step.", default="128")
    ],
    "learning_rate": Annotated[
        float | None,
        _option(
            TRAINING,
            "--learning-rate",
            "--lr",
            help="Constant.",
            default="2.5e-5 where pretrained layers are trained, 1e-3 else",
        ),
    ],
    "optimizer": Annotated[
        str | None,
        _option(
            TRAINING,
            "--optimizer",
            help="adam, adamax, sgd, adamw or rmsprop.",
            default="adam",
        ),
    ],
    "patience": Annotated[
        int | None,
        _option(
            TRAINING,
            "--patience",
            help="Epochs without a lower validation loss before training ends.",
            default="7",
        ),
    ],
    "augment": Annotated[
        bool | None,
        _option(
            TRAINING,
            "--augment/--no-augment",
            help="Random flip, rotation, zoom and contrast.",
            default="augment",
        ),
    ],
    "augment_views": Annotated[
        int | None,
        _option(
            TRAINING,
            "--augment-views",
            help="Augment each image in this many ways, in turn; frozen layers then run once "
            "for each.",
            default="another way in every epoch",
        ),
    ],
    "precision": Annotated[
        str | None,
        _option(
            TRAINING,
            "--precision",
            help="float32, mixed_bfloat16 or mixed_float16.",
            default="float32",
        ),
    ],
}
"""Settings of a trial, by the flat name of the spec's field."""


def shared(
    *, without: tuple[str, ...] = (), seeds_default: int | None = 1
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the shared options.

    The command takes them as two dicts: `settings` (flat, as `TrialSpec.of` takes them) and `run`
    (keyword arguments of `cli.run_study.execute`).

    Args:
        without: Settings that the command varies itself.
        seeds_default: None where a file may say how many.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        settings = {name: hint for name, hint in SETTINGS.items() if name not in without}
        own = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)

        def call(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in settings}
            if names := chosen.get("class_names"):
                chosen["class_names"] = comma_separated(names, "--class-names")
            if location := chosen.get("location"):
                chosen["location"] = str(location)
            run = {name: given.pop(name) for name in RUN}
            runs = run["runs"]
            try:
                command(**given, settings=chosen, run=run)
            except UnknownBackbone as error:
                from cifarkit.store.store import Store
                from cifarkit.studies.provenance_changes import package_of_missing

                if package := package_of_missing(error.key, Store(runs)):
                    raise InvalidInput(
                        f"unknown model {error.key!r}; trials in {runs} have it from the package "
                        f"{package}: install that to train it"
                    ) from None
                raise

        parameters = [
            parameter.replace(annotation=hints[name])
            for name, parameter in own.parameters.items()
            if name not in ("settings", "run")
        ] + [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=seeds_default if name == "seeds" else RUN_DEFAULTS.get(name),
                annotation=hint,
            )
            for name, hint in {**settings, **RUN}.items()
        ]
        call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return decorate


def comma_separated(text: str, option: str) -> tuple[str, ...]:
    """`"a, b,c"` as `("a", "b", "c")`.

    Raises:
        InvalidInput: There is nothing between the commas.
    """
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise InvalidInput(f"{option}: {text!r} names nothing; separate values by commas")
    return parts


def numbers(text: str, option: str, kind: type[Number]) -> tuple[Number, ...]:
    """`"32,78"` as `(32, 78)`.

    Raises:
        InvalidInput: One of the values is no number of that kind.
    """
    try:
        return tuple(kind(part) for part in comma_separated(text, option))
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise InvalidInput(f"{option}: {text!r} is not a list of {what}: 32,78") from None
