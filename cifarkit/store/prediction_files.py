"""Reading predictions that another program saved, as `.npz`, CSV or Parquet."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cifarkit.errors import InvalidInput, check_file, unknown
from cifarkit.evaluation.logits import softmax
from cifarkit.store.predictions import MOST_MB, MOST_OUTPUTS, Predictions, checked, load
from cifarkit.text import counted, listed, shortened

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".npz", ".csv", ".parquet")
_ARRAYS = (
    "labels",
    "predictions",
    "probabilities",
    "logits",
    "class_names",
    "validation_labels",
    "validation_predictions",
)
_PREFIXES = {"probability_": "probabilities", "logit_": "logits"}
_SUM_TOLERANCE = 0.01
"""Of a row of probabilities in 16 bits, with a thousand outputs."""

Arrays = dict[str, npt.NDArray[Any]]


def read(path: Path, class_names: Sequence[str] = ()) -> Predictions:
    """Read a file of predictions.

    An `.npz` has the arrays `labels` (n,) and `predictions` (n,), and perhaps `probabilities` or
    `logits` (n, outputs) and `class_names` (classes,). A CSV or Parquet table has the columns
    `label` and `prediction`, and perhaps `probability_<class>` or `logit_<class>` for every class.
    A label or prediction is the name of a class, or its number from 0. Without predictions, those
    of the highest probability are taken.

    Args:
        path: Its suffix is `.npz`, `.csv` or `.parquet`.
        class_names: The classes by label, if the file does not name them.

    Raises:
        InvalidInput: It is missing, damaged, too large, or does not fit together.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"{path}: predictions are read from {listed(SUFFIXES, 'or')} files")
    check_file(path)
    if (size_mb := path.stat().st_size / 2**20) > MOST_MB:
        raise InvalidInput(f"{path}: {size_mb:,.0f} MB; predictions of up to {MOST_MB} MB are read")
    arrays, unused = _from_npz(path) if path.suffix.lower() == ".npz" else _from_table(path)
    try:
        return _predictions(arrays, unused, tuple(class_names))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def _from_npz(path: Path) -> tuple[Arrays, list[str]]:
    try:
        arrays = load(path, ("labels",), _ARRAYS[1:])
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from None
    with zipfile.ZipFile(path) as packed:
        names = [name.removesuffix(".npy") for name in packed.namelist()]
    return arrays, [name for name in names if name not in arrays]


def _from_table(path: Path) -> tuple[Arrays, list[str]]:
    """The arrays that a table's columns stand for, and the columns that are not used."""
    frame = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    columns = [str(column) for column in frame.columns]
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise InvalidInput(f"{path} has the column {twice[0]!r} more than once")
    if "label" not in columns:
        hint = " (are they separated by commas?)" if len(columns) == 1 else ""
        raise InvalidInput(
            f"{path} lacks the column 'label'; it has {shortened(', '.join(columns), 200)}{hint}"
        )
    arrays = {f"{name}s": _plain(path, frame, name) for name in ("label", "prediction")
              if name in columns}  # fmt: skip
    used = {"label", "prediction"}
    for prefix, array in _PREFIXES.items():
        if found := [column for column in columns if column.startswith(prefix)]:
            classes = [column.removeprefix(prefix) for column in found]
            if set(classes) == {str(number) for number in range(len(classes))}:
                found.sort(key=lambda column: int(column.rpartition("_")[2]))
            else:
                arrays["class_names"] = np.array(classes)
            arrays[array] = _numbers(path, frame, found)
            used |= set(found)
    return arrays, [column for column in columns if column not in used]


def _csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    form: Any = {
        "keep_default_na": False,  # a class may be called "NA"
        "index_col": False,
        "skipinitialspace": True,
        "encoding": "utf-8",
    }
    try:
        with warnings.catch_warnings():
            # A row with more fields than columns is not shifted or cut off.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(path, dtype={"label": str, "prediction": str}, **form)
            header = pd.read_csv(path, header=None, nrows=1, dtype=str, **form).iloc[0]
            # pandas renames the second of two equal columns, and one without a name.
            frame.columns = [own or made for own, made in zip(header, frame.columns, strict=True)]
            return frame
    except (ValueError, pd.errors.ParserWarning) as error:  # from the parser or the encoding
        raise InvalidInput(f"{path} is not a readable CSV file: {error}") from None


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InvalidInput(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from None
    try:
        file = parquet.ParquetFile(path)
        groups = range(file.metadata.num_row_groups)
        size_mb = sum(file.metadata.row_group(i).total_byte_size for i in groups) / 2**20
        if size_mb > MOST_MB:
            raise InvalidInput(
                f"{path}: unpacked it would take {size_mb:,.0f} MB; "
                f"predictions of up to {MOST_MB} MB are read"
            )
        frame: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
        return frame
    except InvalidInput:
        raise
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise InvalidInput(f"{path} is not a readable Parquet file: {error}") from None


def _plain(path: Path, frame: pd.DataFrame, column: str) -> npt.NDArray[Any]:
    """A column of labels as integers or texts."""
    values = frame[column]
    if (missing := (values.isna() | (values == "")).to_numpy()).any():
        raise InvalidInput(f"{path}: row {int(missing.argmax()) + 1} has no {column}")
    array = values.to_numpy()
    return array if array.dtype.kind in "iu" else np.array([str(value) for value in array])


def _numbers(path: Path, frame: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    for column in columns:
        if frame[column].dtype.kind not in "iuf":
            raise InvalidInput(f"{path}: column {column!r} must be a number in every row")
    return frame[list(columns)].to_numpy(np.float64)


def _predictions(arrays: Arrays, unused: Sequence[str], given: tuple[str, ...]) -> Predictions:
    names = _names(arrays, given)
    notes = [f"Not used: {shortened(', '.join(unused), 200)}."] if unused else []
    if "probabilities" in arrays and "logits" in arrays:
        raise InvalidInput("it has probabilities and logits: give one of them")
    scores = arrays.get("logits", arrays.get("probabilities"))
    if "logits" in arrays:
        arrays["probabilities"] = _probabilities(arrays["logits"])
    if "predictions" not in arrays:
        if scores is None:
            raise InvalidInput("it has labels, but no predictions, probabilities or logits")
        if scores.ndim != 2 or not scores.shape[1]:
            raise InvalidInput(f"expected scores of shape (n, outputs), got {scores.shape}")
        arrays["predictions"] = scores.argmax(axis=1)
        notes.append("The file has no predictions: the outputs of the highest scores are taken.")
    names = _as_numbers(arrays, names)
    read = checked(arrays, names)
    most = max(len(names), int(read.labels.max()) + 1, int(read.predictions.max()) + 1)
    if most > MOST_OUTPUTS:
        raise InvalidInput(f"{most:,} classes; up to {MOST_OUTPUTS:,} are evaluated")
    return replace(read, notes=(*notes, *_disagreements(read)))


def _disagreements(read: Predictions) -> list[str]:
    """Predictions that are not those of the probabilities.

    Raises:
        InvalidInput: The probabilities of an image do not sum to 1.
    """
    table = read.probabilities
    if table is None or not (table.min() >= 0 and table.max() <= 1):  # refused later
        return []
    sums = table.sum(axis=1, dtype=np.float64)
    if (odd := np.abs(sums - 1) > _SUM_TOLERANCE).any():
        row = int(odd.argmax())
        raise InvalidInput(
            f"the probabilities of row {row + 1} sum to {sums[row]:.3f}, not 1; scores that are no "
            "probabilities are called logits"
        )
    own = np.take_along_axis(table, read.predictions[:, None], axis=1)[:, 0]
    if not (differing := int(np.count_nonzero(own < table.max(axis=1)))):
        return []
    return [
        f"In {counted(differing, 'row')} the prediction is not the output of the highest "
        "probability: accuracy and confusions go by the prediction, calibration by the probability."
    ]


def _names(arrays: Arrays, given: tuple[str, ...]) -> tuple[str, ...]:
    """The classes' names, from the file or as given; empty if there are none."""
    own = arrays.get("class_names")
    if own is None:
        return given
    if own.ndim != 1 or own.dtype.kind not in "US":
        raise InvalidInput(f"class_names must be texts of shape (classes,), got {own.dtype}")
    names = tuple(_texts(own))
    if len(set(names)) < len(names):
        raise InvalidInput("two classes have the same name")
    if given and given != names:
        raise InvalidInput(
            f"it names its classes itself ({shortened(', '.join(names), 60)}); leave "
            "--class-names and --dataset out"
        )
    return names


def _as_numbers(arrays: Arrays, names: tuple[str, ...]) -> tuple[str, ...]:
    """Replace names of classes by their labels; the classes' names, by label."""
    texts = {
        kind: _texts(arrays[kind])
        for kind in ("labels", "predictions")
        if arrays[kind].ndim == 1 and arrays[kind].dtype.kind in "US"
    }
    named = {
        kind
        for kind, values in texts.items()
        if set(values) <= set(names) or not all(re.fullmatch(r"\d+(\.0+)?", v) for v in values)
    }
    if named and not names:
        if len(named) < 2:
            (kind,) = named
            raise InvalidInput(
                f"the {kind} are names of classes, the others are numbers: give the names in the "
                "order of the numbers as class_names in the file or by --class-names"
            )
        if "probabilities" in arrays:
            raise InvalidInput(
                "the labels are names of classes, but which output is which class is not known: "
                "give class_names in the file or by --class-names"
            )
        names = tuple(sorted(set(texts["labels"]) | set(texts["predictions"])))
    number = {name: label for label, name in enumerate(names)}
    for kind, values in texts.items():
        if kind not in named:
            arrays[kind] = np.array([int(float(value)) for value in values])
            continue
        if strange := [value for value in values if value not in number]:
            raise unknown(kind.removesuffix("s"), strange[0], names)
        arrays[kind] = np.array([number[value] for value in values])
    return names


def _texts(values: npt.NDArray[Any]) -> list[str]:
    return [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        for text in values.tolist()
    ]


def _probabilities(logits: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
    table = logits.ndim == 2 and logits.shape[1] and logits.dtype.kind == "f"
    if not table or not np.isfinite(logits).all():
        raise InvalidInput(
            f"logits must be finite floating point of shape (n, outputs), got {logits.dtype} "
            f"{logits.shape}"
        )
    return softmax(logits.astype(np.float64))
