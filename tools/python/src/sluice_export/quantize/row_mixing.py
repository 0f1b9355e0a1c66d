"""Whether the rows of one run influence each other: each alone beside the same among others.

Dynamic quantization finds one range for the whole tensor of a run, so that a neighbour with large values coarsens
everyone's. What is calibrated or in float does not; there a difference is a rounding that went the other way.
"""

import numpy as np

from sluice_export.quantize.examples import Examples, Row
from sluice_export.quantize.judging import largest, largest_difference, one_batch
from sluice_export.session import Session

ROWS = 8
# A caller may send what the others do not; so much larger are the values of the last row.
LOUD = 4.0
# As parts of the largest value. Float kernels differ by less between batch sizes.
LIMIT = 1e-5


def row_mixing(session: Session, examples: Examples) -> float:
    """The largest difference, as a part of the largest value, that the neighbours make to a row."""
    batch = one_batch(examples, ROWS)
    for name, array in batch.items():
        if array.dtype.kind == "f":
            batch[name] = np.concatenate([array[:-1], array[-1:] * array.dtype.type(LOUD)])
    together = list(session.run(batch).values())
    worst = 0.0
    for row in range(ROWS - 1):
        alone = session.run(_only(batch, row)).values()
        for got, want in zip(together, alone, strict=True):
            if len(got) == ROWS:
                worst = max(worst, largest_difference(got[row : row + 1], want) / largest(want))
    return worst


def _only(batch: Row, row: int) -> Row:
    return {name: array[row : row + 1] for name, array in batch.items()}
