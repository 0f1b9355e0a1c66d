"""Rows to time a model with, and to look for mixing, where the user gives none."""

import numpy as np

from sluice_export.inputs import InputSpec, random_batch
from sluice_export.quantize.examples import Examples
from sluice_export.session import TensorSpec

# Of axes that the file leaves open, such as the length of a text.
OPEN_SIZE = 16


def random_examples(inputs: list[TensorSpec], rows: int) -> Examples:
    """Normal numbers; whole ones are 0 or 1, which every table of embeddings has. The same each time."""
    specs = [
        InputSpec(spec.name, np.dtype(spec.dtype).name, tuple(size or OPEN_SIZE for size in spec.shape[1:]))
        for spec in inputs
    ]
    batch = random_batch(specs, rows, seed=7)
    return Examples([lambda row=row: {name: array[row] for name, array in batch.items()} for row in range(rows)])
