"""What a model takes: the name, dtype, row shape and range of values of each input, and arrays made after them.

A row is one input without the batch axis; a batch is one array an input, by name, with the batch axis first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sluice_export.errors import ExportError

Batch = dict[str, np.ndarray]

FLOATS = ("float32", "float64", "float16")
WHOLES = ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, *WHOLES, "bool")
GRAMMAR = "[NAME:][DTYPE:]SHAPE[:LOW..HIGH], for example 3x224x224, 3x224?x224?, ids:int64:16 or ids:int64:16:0..999"


@dataclass(frozen=True)
class InputSpec:
    """`shape` is a row's. `low` and `high` bound the values, ends included; None: any number will do.

    `is_range_assumed` where nobody said which whole numbers the model takes. `free` are axes of the row whose size
    stays open; they are tried at the size in `shape`, which is the largest, and at half of it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    is_range_assumed: bool = False
    free: tuple[int, ...] = ()


def parse_input(text: str) -> InputSpec:
    """One `--input`. The name is empty where none is given. Raises ExportError that shows the grammar."""
    parts = text.split(":")
    low = high = None
    if ".." in parts[-1]:
        low, high = _parse_range(parts.pop(), text)
    if not 1 <= len(parts) <= 3:
        raise ExportError(f"--input {text}: expected {GRAMMAR}.")
    *before, shape = parts
    dtype = before.pop() if before and before[-1] in DTYPES else "float32"
    if len(before) > 1:
        raise ExportError(f"--input {text}: {before[1]} is no dtype; expected one of {', '.join(DTYPES)}.")
    words = [word for word in shape.split("x") if word]
    if not re.fullmatch(r"(\d+\??(x\d+\??)*)?", shape) or any(int(word.rstrip("?")) == 0 for word in words):
        raise ExportError(f"--input {text}: the shape {shape!r} is not a row's sizes; expected {GRAMMAR}.")
    sizes = tuple(int(word.rstrip("?")) for word in words)
    free = tuple(axis for axis, word in enumerate(words) if word.endswith("?"))
    spec = InputSpec(before[0] if before else "", dtype, sizes, low, high, free=free)
    return spec if low is not None else assume_range(spec)


def assume_range(spec: InputSpec) -> InputSpec:
    """Whole numbers are 0 and 1: whatever a table of embeddings holds, it has these two."""
    if spec.dtype in FLOATS:
        return spec
    return replace(spec, low=0, high=1, is_range_assumed=spec.dtype in WHOLES)


def _parse_range(part: str, text: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in part.split(".."))
    except ValueError:
        raise ExportError(f"--input {text}: the range {part!r} is not LOW..HIGH; expected {GRAMMAR}.") from None
    if low > high:
        raise ExportError(f"--input {text}: the range {part!r} ends below its start.")
    return low, high


def example_of(given: Any, names: Sequence[str] | None) -> tuple[list[InputSpec], list[np.ndarray]]:
    """Specs and arrays of example inputs: a tensor, several, or a mapping by name; the batch axis first.

    Names are empty where none are given. Whole numbers keep to the range that the example spans.
    """
    values = (
        given if isinstance(given, Mapping) else dict(enumerate(given if isinstance(given, tuple | list) else [given]))
    )
    arrays = [_array_of(value) for value in values.values()]
    given_names = list(names or (values if isinstance(given, Mapping) else [""] * len(arrays)))
    if len(given_names) != len(arrays):
        raise ExportError(
            f"There are {len(given_names)} input names for {len(arrays)} example inputs; expected one each."
        )
    rows = {array.shape[0] for array in arrays}
    if len(rows) != 1 or 0 in rows:
        shapes = ", ".join(str(list(array.shape)) for array in arrays) or "none"
        raise ExportError(
            f"The example inputs are {shapes}; expected the same number of rows, 1 at least, on axis 0 of each."
        )
    return [_spec_of(name, array) for name, array in zip(given_names, arrays, strict=True)], arrays


def _array_of(value: Any) -> np.ndarray:
    # Tensors, numpy arrays and lists alike; torch is not needed for it.
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.name not in DTYPES:
        raise ExportError(
            f"An example input holds {array.dtype.name}; expected one of {', '.join(DTYPES)}. Convert it."
        )
    if array.ndim == 0:
        raise ExportError("An example input has no axes; expected the batch axis first. Give it as tensor[None].")
    return array


def _spec_of(name: str, array: np.ndarray) -> InputSpec:
    if array.dtype.name in FLOATS:
        return InputSpec(name, array.dtype.name, array.shape[1:])
    return InputSpec(name, array.dtype.name, array.shape[1:], float(array.min()), float(array.max()))


def name_inputs(specs: Sequence[InputSpec], defaults: Sequence[str]) -> list[InputSpec]:
    """The specs, with a default where they have no name. Raises ExportError where two are called the same."""
    fallback = ["input"] if len(specs) == 1 else [f"input_{index}" for index in range(len(specs))]
    usable = len(defaults) >= len(specs) and all(name.isidentifier() for name in defaults[: len(specs)])
    names = defaults if usable else fallback
    result = [replace(spec, name=spec.name or names[index]) for index, spec in enumerate(specs)]
    found = [spec.name for spec in result]
    if len(set(found)) != len(found):
        raise ExportError(
            f"The inputs are called {', '.join(found)}; expected a name of its own for each: --input NAME:…"
        )
    return result


def random_batch(specs: Iterable[InputSpec], rows: int, seed: int) -> Batch:
    """Normal numbers, or uniform ones where a range is stated. The same seed gives the same numbers."""
    source = np.random.default_rng(seed)
    return {spec.name: _random(spec, (rows, *spec.shape), source) for spec in specs}


def smaller(specs: Iterable[InputSpec]) -> list[InputSpec]:
    """The specs with their free sizes halved."""
    return [
        replace(
            spec, shape=tuple(max(1, size // 2) if axis in spec.free else size for axis, size in enumerate(spec.shape))
        )
        for spec in specs
    ]


def filled_batch(specs: Iterable[InputSpec], rows: int, pick: Any) -> Batch:
    """Every value the same: what `pick(spec)` says, brought into the input's range."""
    batch = {}
    for spec in specs:
        value = pick(spec)
        if spec.low is not None and spec.high is not None:
            value = min(max(value, spec.low), spec.high)
        batch[spec.name] = np.full((rows, *spec.shape), value, np.dtype(spec.dtype))
    return batch


def _random(spec: InputSpec, shape: tuple[int, ...], source: np.random.Generator) -> np.ndarray:
    if spec.dtype in FLOATS:
        if spec.low is None or spec.high is None:
            return source.standard_normal(shape).astype(spec.dtype)
        return source.uniform(spec.low, spec.high, shape).astype(spec.dtype)
    low, high = (0, 1) if spec.low is None or spec.high is None else (spec.low, spec.high)
    return source.integers(int(low), int(high), shape, endpoint=True).astype(spec.dtype)
