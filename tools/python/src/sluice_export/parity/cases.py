"""The inputs on which PyTorch and onnxruntime are compared: the example, random ones at several sizes, extremes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sluice_export.inputs import FLOATS, Batch, InputSpec, filled_batch, random_batch, smaller

SIZES = (1, 2, 3, 5, 8)
LARGE = 1e3


@dataclass(frozen=True)
class Case:
    name: str
    batch: Batch

    @property
    def rows(self) -> int:
        return len(next(iter(self.batch.values())))


def cases_of(specs: Sequence[InputSpec], example: Batch, sizes: Sequence[int] = SIZES) -> Iterator[Case]:
    """`sizes` are the numbers of rows to try; (1,) for a model that takes one."""
    example_rows = len(next(iter(example.values())))
    if example_rows in sizes or len(sizes) > 1:
        yield Case("example", example)
    for rows in sizes:
        yield Case("random", random_batch(specs, rows, seed=100 + rows))
    rows = sizes[min(1, len(sizes) - 1)]
    if any(spec.free for spec in specs):
        yield Case("other sizes", random_batch(smaller(specs), rows, seed=300))
    extremes = {
        "zeros": lambda spec: 0,
        "ones": lambda spec: 1,
        "large": lambda spec: LARGE if spec.dtype in FLOATS else _edge(spec.high),
        "large negative": lambda spec: -LARGE if spec.dtype in FLOATS else _edge(spec.low),
    }
    for name, pick in extremes.items():
        yield Case(name, filled_batch(specs, rows, pick))


def _edge(end: float | None) -> float:
    """Whole numbers stay within what the example spans: beyond it they may index past a table."""
    return 0 if end is None else end


def rows_of(batch: Batch, start: int, stop: int) -> Batch:
    return {name: np.ascontiguousarray(array[start:stop]) for name, array in batch.items()}
