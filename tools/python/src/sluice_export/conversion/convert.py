"""The first way to ONNX whose file passes every comparison with PyTorch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from sluice_export.behaviour import first_line
from sluice_export.conversion.onnx_model import batch_axis_of, check_weights, load_onnx, serialise, settle, state_shapes
from sluice_export.conversion.routes import Conversion, Route, routes_of
from sluice_export.conversion.training_ops import check_graph
from sluice_export.errors import ExportError
from sluice_export.inputs import random_batch, smaller
from sluice_export.parity.report import check, compare
from sluice_export.session import Session
from sluice_export.subject import Subject

# torch.export takes an axis of one row for a fixed one.
LEAST_ROWS = 2


@dataclass(frozen=True)
class Converted:
    """One self-contained ONNX file that passed, how it was made, and the comparisons."""

    data: bytes
    exporter: str
    comparisons: list[dict[str, Any]]


def convert(subject: Subject, *, tolerance: float | None) -> Converted:
    """Raises ExportError where no way gives a file that answers what the model answers."""
    if subject.reference is None:
        return _proved(load_onnx(subject.source.model), "none", subject=subject, tolerance=tolerance)
    failed: dict[str, str] = {}
    refused: ExportError | None = None
    for name, route in routes_of(subject.source.kind):
        try:
            model = _try(route, subject)
        except Exception as error:
            failed[name] = first_line(error)
            continue
        try:
            return _proved(model, name, subject=subject, tolerance=tolerance)
        except ExportError as error:
            # What the best way complains of tells most.
            refused = refused or error
    if refused is not None:
        raise refused
    said = "; ".join(f"by {name}: {reason}" for name, reason in failed.items())
    raise ExportError(
        f"torch cannot convert {subject.source.origin} to ONNX: {said}. Replace the operator that it names, or, if this"
        " is a TorchScript file, export from the class and its state_dict."
    )


def _try(route: Route, subject: Subject) -> onnx.ModelProto:
    example = subject.example
    rows = len(next(iter(example.values())))
    if not subject.batch_one and rows < LEAST_ROWS:
        example = {name: np.concatenate([array] * LEAST_ROWS) for name, array in example.items()}
    return route(Conversion(subject.reference, example, subject.outputs, subject.batch_one, _free_axes(subject)))


def _free_axes(subject: Subject) -> dict[str, list[int]]:
    """Axes behind the batch axis whose size stays open: those of inputs as wanted, those of outputs as they follow."""
    free = {spec.name: [axis + 1 for axis in spec.free] for spec in subject.specs if spec.free}
    if not free:
        return {}
    rows = 1 if subject.batch_one else LEAST_ROWS
    whole, half = (
        subject.answers(random_batch(specs, rows, seed=2)) for specs in (subject.specs, smaller(subject.specs))
    )
    for name, one, other in zip(subject.outputs, whole, half, strict=True):
        free[name] = [axis for axis in range(1, one.ndim) if one.shape[axis] != other.shape[axis]]
    return free


def _proved(model: onnx.ModelProto, exporter: str, *, subject: Subject, tolerance: float | None) -> Converted:
    origin = subject.source.origin
    check_graph(model, origin)
    check_weights(model)
    settle(model)
    if subject.source.kind == "torchscript":
        # The exporters of TorchScript leave sizes open which were never tried.
        state_shapes(model, subject.specs, 1 if subject.batch_one else "batch")
    data = serialise(model)
    session = Session(data)
    wanted = "one" if subject.batch_one else "free"
    if batch_axis_of(session) != wanted:
        raise ExportError(f"The exporter fixed the batch axis of {origin}; expected a free one. Use --batch-one.")
    stated = {each.name: each.shape for each in session.inputs}
    for spec in subject.specs:
        if any(stated[spec.name][axis + 1] is not None for axis in spec.free):
            raise ExportError(
                f"The exporter fixed a size of {spec.name} that is to stay open: it is {list(stated[spec.name])}. Leave"
                " sizes as numbers out of view, reshape and expand, or give a size without ?."
            )
    comparisons = compare(subject.answers, session, subject.cases(), tolerance=tolerance)
    check(comparisons, origin)
    return Converted(data, exporter, comparisons)
