"""What an export's folder says of the model in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cifarkit.atomic_write import write_atomically
from cifarkit.deploy.runtimes import ExportFormat
from cifarkit.digests import blocks, digest
from cifarkit.errors import InvalidInput
from cifarkit.store.fields import SCHEMA_VERSION, Count, StoredRecord, Texts, Version
from cifarkit.store.file_io import UnreadableFile, read_model

RECORD = "model.json"
CARD = "model-card.md"
AGREEMENT = "agreement.json"
FILES: dict[ExportFormat, str] = {
    "keras": "model.keras",
    "savedmodel": "model",
    "onnx": "model.onnx",
    "litert": "model.tflite",
}
"""The model in an export's folder; a SavedModel is a folder itself."""

Pixels = Annotated[int, Field(ge=1, le=2**16)]


class ExportRecord(StoredRecord):
    """`model.json` in an export's folder.

    Attributes:
        file: The model's name in the folder; of a SavedModel, its folder's.
        sha256: The file's SHA-256; of a SavedModel, that of `folder_digest`.
        size_bytes: Of all its files.
        class_names: By output.
        native_size: (height, width) in pixels of the images that it was trained on.
        any_size: Whether the model itself resizes images; else it takes those of `native_size`.
        input, output: What goes in and comes out, for other programs.
        quantization: `int8`, or empty.
        data_fingerprint: That of the trial's data; empty for official content.
        tools: The versions of what made it, by package.
    """

    schema_version: Version = SCHEMA_VERSION
    format: ExportFormat
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size_bytes: Count
    class_names: Texts
    native_size: tuple[Pixels, Pixels]
    any_size: bool
    input: str
    output: str
    quantization: Literal["", "int8"] = ""
    trial_id: Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")]
    network: str
    data_fingerprint: str = ""
    cifarkit: str
    tools: dict[str, str] = Field(default={})


def content_digest(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file and its bytes; of a folder, that of its files' names and SHA-256."""
    if path.is_file():
        with path.open("rb") as stream:
            return digest(blocks(stream)), path.stat().st_size
    lines, size = [], 0
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        content, bytes_ = content_digest(file)
        lines.append(f"{file.relative_to(path).as_posix()}\0{content}\n".encode())
        size += bytes_
    return digest(lines), size


def write_record(folder: Path, record: ExportRecord) -> None:
    write_atomically(folder / RECORD, (record.model_dump_json(indent=2) + "\n").encode())


def read_record(path: Path) -> tuple[Path, ExportRecord]:
    """The folder of an export and its record.

    Args:
        path: The folder, or the model in it.

    Raises:
        InvalidInput: It is no export, or the model in it is not the one that was written.
    """
    folder = path if (path / RECORD).is_file() else path.parent
    if not path.exists() or not (folder / RECORD).is_file():
        reason = f"there is no {RECORD} beside it" if path.exists() else "there is nothing"
        raise InvalidInput(f"{path} is no model that `cifarkit export` wrote: {reason}")
    try:
        record = read_model(folder / RECORD, ExportRecord)
    except UnreadableFile as error:
        raise InvalidInput(str(error)) from None
    model = folder / record.file
    if path != folder and path.resolve() != model.resolve():
        raise InvalidInput(f"{path} is not the model that {folder / RECORD} describes")
    if not model.exists():
        raise InvalidInput(f"{model} is missing")
    if content_digest(model)[0] != record.sha256:
        raise InvalidInput(f"{model} does not match its checksum in {RECORD}")
    return folder, record
