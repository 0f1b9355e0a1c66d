"""Whether two files of one model answer the same, on inputs made up from what the first says of them."""

from dataclasses import dataclass

import numpy as np

from sluice_export.session import Session, TensorSpec

ROWS = 3
FREE_SIZE = 8
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """`difference` is the largest over all outputs, relative to the largest value of its output or 1.

    It is None where the first model refused inputs that were made up, and infinite where outputs differ in kind.
    """

    difference: float | None

    @property
    def is_equal(self) -> bool:
        return self.difference is None or self.difference <= TOLERANCE

    def __str__(self) -> str:
        if self.difference is None:
            return "not compared, as the model refuses made-up inputs"
        return f"a difference of {self.difference:.2g} on {ROWS} made-up rows (allowed: {TOLERANCE:g})"


def compare(first: Session, second: Session) -> Comparison:
    """Raises what onnxruntime raises where `second` fails on inputs that `first` takes."""
    random = np.random.default_rng(0)
    feeds = {spec.name: _made_up(spec, random) for spec in first.inputs}
    try:
        expected = first.run(feeds)
    except Exception:
        return Comparison(None)
    came = second.run(feeds)
    return Comparison(max((_difference(expected[name], came.get(name)) for name in expected), default=0.0))


def _made_up(spec: TensorSpec, random: np.random.Generator) -> np.ndarray:
    """Numbers around 0; whole numbers are 0 or 1, which are valid indices of nearly everything."""
    shape = [size if size is not None else (ROWS if axis == 0 else FREE_SIZE) for axis, size in enumerate(spec.shape)]
    if spec.dtype.kind == "f":
        return random.standard_normal(shape).astype(spec.dtype)
    if spec.dtype.kind == "U":
        return np.full(shape, "a", dtype=object)
    return random.integers(0, 2, shape).astype(spec.dtype)


def _difference(expected: np.ndarray, came: np.ndarray | None) -> float:
    if came is None or came.shape != expected.shape or came.dtype != expected.dtype:
        return float("inf")
    if expected.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(expected, came) else float("inf")
    if expected.size == 0 or np.array_equal(expected, came, equal_nan=expected.dtype.kind == "f"):
        return 0.0
    gap = np.abs(expected.astype(np.float64) - came.astype(np.float64)).max()
    # NaN on one side alone compares as the largest difference there is.
    return float("inf") if np.isnan(gap) else float(gap / max(1.0, np.nanmax(np.abs(expected.astype(np.float64)))))
