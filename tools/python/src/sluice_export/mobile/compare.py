"""Whether two files of one model answer the same: on the samples of a package, and on inputs that are made up."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sluice_export.behaviour import difference, is_close, scale_of
from sluice_export.inputs import Batch
from sluice_export.session import Session, TensorSpec

ROWS = 3
FREE_SIZE = 8
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """`batches` that both were given; `difference` is the largest, as a part of the largest value where that is
    above 1, and infinite where shapes, dtypes or values that are no floating point numbers differ."""

    batches: int
    difference: float

    @property
    def is_equal(self) -> bool:
        return self.difference <= TOLERANCE

    def __str__(self) -> str:
        if self.batches == 0:
            return "not compared: the package has no samples of tensors, and the model refuses made-up ones"
        batches = "1 batch" if self.batches == 1 else f"{self.batches} batches"
        return f"a difference of {self.difference:.2g} over {batches} (allowed: {TOLERANCE:g})"


def compare(first: Session, second: Session, batches: Iterable[Batch]) -> Comparison:
    """Batches that `first` refuses are passed over. Raises what onnxruntime raises where `second` alone fails."""
    compared, worst = 0, 0.0
    for batch in batches:
        try:
            expected = first.run(batch)
        except Exception:
            continue
        came = second.run(batch)
        compared += 1
        worst = max([worst, *(_difference(came.get(name), want) for name, want in expected.items())])
    return Comparison(compared, worst)


def batches_for(session: Session, samples: Path) -> Iterator[Batch]:
    """What the sample requests in the folder `samples` hold as tensors, then one made-up batch."""
    for path in sorted(samples.glob("*.input.json")):
        tensors = json.loads(path.read_text(encoding="utf-8")).get("tensors", {})
        if tensors.keys() == {spec.name for spec in session.inputs}:
            yield {spec.name: np.array(tensors[spec.name], spec.dtype) for spec in session.inputs}
    random = np.random.default_rng(0)
    yield {spec.name: _made_up(spec, random) for spec in session.inputs}


def _made_up(spec: TensorSpec, random: np.random.Generator) -> np.ndarray:
    """Numbers around 0; whole numbers are 0 or 1, which are valid indices of nearly everything."""
    shape = [size if size is not None else (ROWS if axis == 0 else FREE_SIZE) for axis, size in enumerate(spec.shape)]
    if spec.dtype.kind == "f":
        return random.standard_normal(shape).astype(spec.dtype)
    if spec.dtype.kind == "U":
        return np.full(shape, "a", dtype=object)
    return random.integers(0, 2, shape).astype(spec.dtype)


def _difference(came: np.ndarray | None, want: np.ndarray) -> float:
    if came is None or came.shape != want.shape or came.dtype != want.dtype:
        return float("inf")
    if want.dtype.kind == "f" and np.array_equal(np.isfinite(came), np.isfinite(want)):
        return difference(came, want) / scale_of(want)
    return 0.0 if is_close(came, want, TOLERANCE) else float("inf")
