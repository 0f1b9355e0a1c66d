"""Rows for calibration and for judging, read from a folder: pictures, arrays, or bodies of requests.

Pictures (.png .jpg .jpeg .webp .gif .bmp) are prepared as model.json's `image` section says, when they are needed. A
.npy holds one row, or several with the batch axis first; a .npz the same by input name; a .json what POST /predict
takes: {"input": row}, {"inputs": [row, …]} or {"tensors": {name: rows}}. Subfolders are read too; files are taken in
the order of their paths.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sluice_export.errors import ExportError
from sluice_export.image.preprocess import preprocess
from sluice_export.package import read_json
from sluice_export.session import TensorSpec

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
ARRAYS = (".npy", ".npz", ".json")

Row = dict[str, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """Rows by position; each is read, and where it is a picture prepared, whenever it is asked for."""

    readers: Sequence[Callable[[], Row]]

    def __len__(self) -> int:
        return len(self.readers)

    def batch(self, positions: Sequence[int]) -> Row:
        """Inputs by name, [rows, …]."""
        rows = [self.readers[position]() for position in positions]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def batches(self, size: int) -> Iterator[Row]:
        """All rows in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.batch(range(start, min(start + size, len(self))))

    def part(self, positions: Sequence[int]) -> "Examples":
        return Examples([self.readers[position] for position in positions])

    def spread(self, most: int) -> "Examples":
        """At most so many, evenly taken."""
        if len(self) <= most:
            return self
        return self.part([position * len(self) // most for position in range(most)])


def read_examples(folder: Path, inputs: Sequence[TensorSpec], image: Mapping[str, Any] | None) -> Examples:
    """Every row in the folder. Raises ExportError where there is none, or a file does not fit the model."""
    if not folder.is_dir():
        raise ExportError(f"{folder} is no folder. Name a folder of pictures, or of .npy, .npz or .json files of rows.")
    wanted = (*PICTURES, *ARRAYS) if image is not None else ARRAYS
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())
    readers: list[Callable[[], Row]] = []
    for file in files:
        readers += _readers_of(file, inputs, image)
    if not readers:
        kinds = "pictures" if image is not None else "rows"
        raise ExportError(f"{folder} holds no {kinds}; expected files that end in {', '.join(wanted)}.")
    return Examples(readers)


def read_file(file: Path, inputs: Sequence[TensorSpec], image: Mapping[str, Any] | None) -> Examples:
    """The rows of one file. Raises ExportError where it does not fit the model."""
    return Examples(_readers_of(file, inputs, image))


def _readers_of(file: Path, inputs: Sequence[TensorSpec], image: Mapping[str, Any] | None) -> list[Callable[[], Row]]:
    if file.suffix.lower() in PICTURES:
        if image is None:
            raise ExportError(f"{file} is a picture; the model's task takes rows.")
        return [partial(_picture, file, inputs[0], image)]
    rows = _fitted(_named(_load(file), file, inputs), file, inputs)
    count = len(next(iter(rows.values())))
    return [partial(_row, rows, index) for index in range(count)]


def _picture(file: Path, spec: TensorSpec, image: Mapping[str, Any]) -> Row:
    try:
        with Image.open(file) as picture:
            return {spec.name: preprocess(picture, image).astype(spec.dtype)}
    except OSError as error:
        raise ExportError(f"{file} cannot be read as a picture: {error}. Replace or remove it.") from None


def _row(rows: Row, index: int) -> Row:
    return {name: array[index] for name, array in rows.items()}


def _load(file: Path) -> Any:
    if file.suffix.lower() == ".json":
        return read_json(file)
    try:
        loaded = np.load(file, allow_pickle=False)
        return dict(loaded) if file.suffix.lower() == ".npz" else loaded
    except (OSError, ValueError) as error:
        raise ExportError(f"{file} is no array of numpy: {error}. Write it with numpy.save or numpy.savez.") from None


def _named(content: Any, file: Path, inputs: Sequence[TensorSpec]) -> Row:
    """Arrays by input name, the batch axis first; sizes and dtypes are not looked at yet."""
    names = [spec.name for spec in inputs]
    if isinstance(content, Mapping):
        body = set(content) & {"input", "inputs", "tensors"}
        if len(body) == 1 and not body & set(names):
            content = content[body.pop()] if "tensors" in body else _stacked(content, names, file)
    elif len(names) == 1:
        content = {names[0]: content}
    if not isinstance(content, Mapping) or set(content) != set(names):
        came = ", ".join(content) if isinstance(content, Mapping) else "one array"
        raise ExportError(f"{file} holds {came}; the model takes {', '.join(names)}. Write a .npz or .json by name.")
    try:
        return {name: np.asarray(content[name]) for name in names}
    except ValueError as error:
        raise ExportError(f"{file}: rows of different sizes cannot be one array: {error}.") from None


def _stacked(body: Mapping[str, Any], names: Sequence[str], file: Path) -> Mapping[str, Any]:
    rows = [body["input"]] if "input" in body else body["inputs"]
    if len(names) == 1:
        return {names[0]: rows}
    if not all(isinstance(row, Mapping) and set(row) == set(names) for row in rows):
        raise ExportError(f"{file}: expected each row to be an object with {', '.join(names)}.")
    return {name: [row[name] for row in rows] for name in names}


def _fitted(arrays: Row, file: Path, inputs: Sequence[TensorSpec]) -> Row:
    result = {}
    for spec in inputs:
        array = arrays[spec.name]
        if array.ndim == len(spec.shape) - 1:
            array = array[None]
        fits = array.ndim == len(spec.shape) and all(
            size is None or size == given for size, given in zip(spec.shape[1:], array.shape[1:], strict=True)
        )
        if not fits or array.dtype.kind not in "biuf":
            row = "x".join("?" if size is None else str(size) for size in spec.shape[1:]) or "one number"
            raise ExportError(
                f"{file}: {spec.name} has shape {list(arrays[spec.name].shape)} of {array.dtype};"
                f" expected numbers, rows of {row}."
            )
        result[spec.name] = array.astype(spec.dtype)
    if len({len(array) for array in result.values()}) != 1:
        raise ExportError(f"{file}: the inputs have different numbers of rows.")
    return result
