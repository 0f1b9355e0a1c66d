"""What the service relies on, tried on the model before anything is converted: it accepts its inputs, any number of
rows, keeps rows apart, and answers the same each time."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.inputs import Batch, InputSpec, random_batch, smaller
from sluice_export.reference import Reference

Answers = Callable[[Batch], list[np.ndarray]]

SIZES = (1, 2, 3, 5, 8)
# What people trace with; tried only to tell a fixed batch from a wrong shape.
COMMON_BATCHES = (1, 3, 4, 8, 10, 16, 32, 64, 128)
# Largest difference that is accepted, of values up to 1; of larger values in proportion. Whole numbers are to be equal.
TOLERANCES = {"float32": 1e-4, "float64": 1e-6, "float16": 1e-2}

BATCH_ONE_ADVICE = "or export it to run one row at a time: --batch-one"


def check_accepts(reference: Reference, specs: Sequence[InputSpec], example: Batch) -> list[str]:
    """One run of the example. Returns the outputs' names. Raises ExportError with the model's own complaint."""
    try:
        return reference.outputs_of(example)[1]
    except ExportError:
        raise
    except Exception as error:
        if _takes_another_size(reference, specs):
            raise _fixed_batch(example, error) from error
        shapes = ", ".join(f"{name} {array.dtype.name}{list(array.shape)}" for name, array in example.items())
        raise ExportError(
            f"The model does not take {shapes}: {first_line(error)}. Correct --input: the shape of one row,"
            " without the batch axis, and its dtype."
        ) from error


def check_repeatable(reference: Answers, example: Batch) -> None:
    """Raises ExportError where the same input gives two answers, or nothing but NaN."""
    first, second = reference(example), reference(example)
    if any(one.dtype.kind == "f" and one.size > 0 and np.isnan(one).all() for one in first):
        raise ExportError(
            "The model answers NaN only. Its weights or batch statistics are damaged, or the example is out of its"
            " range: give one, --input NAME:DTYPE:SHAPE:LOW..HIGH."
        )
    if any(not _is_same(one, other) for one, other in zip(first, second, strict=True)):
        raise ExportError(
            "The model answers the same input differently each time, in eval mode too: dropout or other noise is"
            " always on. Use nn.Dropout, or F.dropout(x, training=self.training)."
        )


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    # Strings come as objects, which numpy cannot ask for NaN.
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


def check_rows(reference: Answers, specs: Sequence[InputSpec]) -> None:
    """Raises ExportError where the number of rows is fixed, or rows influence each other."""
    whole = random_batch(specs, max(SIZES), seed=1)
    expected = _run(reference, whole)
    for rows in SIZES:
        part = {name: array[:rows] for name, array in whole.items()}
        for index, (got, want) in enumerate(zip(_run(reference, part), expected, strict=True)):
            if got.shape != (rows, *want.shape[1:]):
                raise ExportError(
                    f"For {rows} rows output {index} has shape {list(got.shape)}; expected {rows} rows on axis 0 of"
                    f" every output. Return one row an input, {BATCH_ONE_ADVICE}."
                )
            if not is_close(got, want[:rows], tolerance_of(want)):
                raise ExportError(
                    f"Rows influence each other: {rows} rows alone are answered differently than among {max(SIZES)}"
                    f" (by {difference(got, want[:rows]):.3g}). Statistics over the batch are the usual cause: use"
                    f" those of training, {BATCH_ONE_ADVICE}."
                )


def check_open_sizes(reference: Answers, specs: Sequence[InputSpec], rows: int) -> None:
    """Raises ExportError where sizes are to stay open and the model does not take half of them."""
    if not any(spec.free for spec in specs):
        return
    half = random_batch(smaller(specs), rows, seed=3)
    try:
        reference(half)
    except Exception as error:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in half.items())
        raise ExportError(
            f"Sizes are to stay open, and the model does not take {shapes}: {first_line(error)}. Leave sizes as numbers"
            " out of view, reshape and expand, give a size whose half it takes as well, or one without ?."
        ) from error


def _run(reference: Answers, batch: Batch) -> list[np.ndarray]:
    try:
        return reference(batch)
    except Exception as error:
        raise _fixed_batch(batch, error) from error


def _takes_another_size(reference: Answers, specs: Sequence[InputSpec]) -> bool:
    for rows in COMMON_BATCHES:
        try:
            reference(random_batch(specs, rows, seed=1))
            return True
        except Exception:
            continue
    return False


def _fixed_batch(batch: Batch, error: Exception) -> ExportError:
    rows = len(next(iter(batch.values())))
    return ExportError(
        f"The model does not take {rows} rows, only the number that it was traced, exported or written for:"
        f" {first_line(error)}. Trace or export it with a free batch axis (no sizes of the batch as numbers in"
        f' view, reshape and expand; torch.export with dynamic_shapes={{0: Dim("batch")}}), {BATCH_ONE_ADVICE}.'
    )


def is_close(got: np.ndarray, want: np.ndarray, tolerance: float) -> bool:
    """Equal within `tolerance`, relative to the largest expected value where that is above 1; NaN equals NaN."""
    if got.dtype.kind not in "fc":
        return bool(np.array_equal(got, want))
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return False
    return bool(difference(got, want) <= tolerance * scale_of(want))


def tolerance_of(answer: np.ndarray) -> float:
    return TOLERANCES.get(answer.dtype.name, 0.0)


def difference(got: np.ndarray, want: np.ndarray) -> float:
    """The largest absolute difference where `want` is finite; of strings, infinite where any differs."""
    if want.dtype.kind not in "fciub":
        return 0.0 if np.array_equal(got, want) else float("inf")
    finite = np.isfinite(want)
    if not finite.any():
        return 0.0
    return float(np.abs(got[finite].astype(np.float64) - want[finite].astype(np.float64)).max())


def scale_of(want: np.ndarray) -> float:
    """The largest finite value, or 1."""
    finite = np.abs(want[np.isfinite(want)].astype(np.float64))
    return max(1.0, float(finite.max())) if finite.size else 1.0


def first_line(error: BaseException) -> str:
    """The sentence of an exception that tells most: that of its deepest cause; in TorchScript it stands last."""
    while error.__cause__ is not None:
        error = error.__cause__
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("RuntimeError:", "IndexError:", "ValueError:"))]
    text = (said or lines or [type(error).__name__])[0]
    return text.removeprefix("RuntimeError: ").rstrip(".")[:300]
