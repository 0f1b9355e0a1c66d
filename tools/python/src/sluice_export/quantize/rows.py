"""Which rows calibrate and which judge. Invariant: no row does both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.quantize.examples import Examples, read_examples
from sluice_export.quantize.random_rows import random_examples
from sluice_export.quantize.request import QuantizeRequest
from sluice_export.session import TensorSpec

FEWEST = 8
HELD_OUT_EVERY = 4


@dataclass(frozen=True)
class Rows:
    """`judging` is None where the user gave no rows; then `trying` are random, else the same as `judging`."""

    calibration: Examples | None
    judging: Examples | None
    trying: Examples


def choose_rows(request: QuantizeRequest, inputs: list[TensorSpec], image: Mapping[str, Any] | None) -> Rows:
    """Raises ExportError where a folder holds no rows for this model, or too few."""
    given = read_examples(request.calibrate, inputs, image) if request.calibrate else None
    if request.held_out is not None:
        held_out = read_examples(request.held_out, inputs, image)
        return Rows(given, held_out, held_out)
    if given is None:
        return Rows(None, None, random_examples(inputs, FEWEST))
    if len(given) < FEWEST:
        raise ExportError(
            f"{request.calibrate} holds {len(given)} rows, of which a part is held out to judge by; expected at least"
            f" {FEWEST}, and 100 or more for ranges to rely on. Add some, or name others with --held-out."
        )
    # Not in turn: files are often sorted by class, or written class after class.
    order = np.random.default_rng(0).permutation(len(given)).tolist()
    count = len(given) // HELD_OUT_EVERY
    held_out = given.part(sorted(order[:count]))
    return Rows(given.part(sorted(order[count:])), held_out, held_out)
