"""What is exported and proved: the model's right answers, its inputs with names, and an example."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from sluice_export.behaviour import SIZES, Answers, check_accepts, check_open_sizes, check_repeatable, check_rows
from sluice_export.conversion.onnx_model import batch_axis_of, load_onnx, serialise
from sluice_export.conversion.training_ops import check_source
from sluice_export.errors import ExportError
from sluice_export.inputs import Batch, InputSpec, assume_range, name_inputs, random_batch
from sluice_export.parity.cases import Case, cases_of
from sluice_export.reference import Reference
from sluice_export.session import Session, TensorSpec
from sluice_export.sources.source import Source

EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class InputRequest:
    """Specs, perhaps without names; `arrays` are example inputs in the same order, or None for random ones;
    `output_names` are the user's, or None for the usual ones."""

    specs: Sequence[InputSpec]
    arrays: Sequence[np.ndarray] | None = None
    output_names: Sequence[str] | None = None
    batch_one: bool = False


@dataclass(frozen=True)
class Subject:
    """`answers` is valid inside `examining` only. `reference` is None for an ONNX file, whose answers are its own."""

    source: Source
    answers: Answers
    reference: Reference | None
    specs: list[InputSpec]
    example: Batch
    outputs: list[str]
    batch_one: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        return (1,) if self.batch_one else SIZES

    def cases(self) -> list[Case]:
        return list(cases_of(self.specs, self.example, self.sizes))


@contextmanager
def examining(source: Source, request: InputRequest) -> Iterator[Subject]:
    """The subject, after everything that the service relies on was tried. Raises ExportError with what failed."""
    if source.kind == "onnx":
        subject = _of_onnx(source, request)
        _check(subject)
        yield subject
        return
    reference = Reference(source)
    if not request.specs:
        raise ExportError("Nothing says what the model takes. Give --input with the shape of a row, such as 3x224x224.")
    specs = name_inputs(request.specs, reference.parameter_names())
    example = _example(specs, request)
    with reference.evaluating():
        check_source(source)
        outputs = _output_names(check_accepts(reference, specs, example), request.output_names, specs)
        subject = Subject(source, reference, reference, specs, example, outputs, request.batch_one)
        _check(subject)
        yield subject


def _check(subject: Subject) -> None:
    check_repeatable(subject.answers, subject.example)
    check_open_sizes(subject.answers, subject.specs, subject.sizes[0])
    if not subject.batch_one:
        check_rows(subject.answers, subject.specs)


def _of_onnx(source: Source, request: InputRequest) -> Subject:
    session = Session(serialise(load_onnx(source.model)), optimised=False)
    axis = batch_axis_of(session)
    if axis == "none" or (axis == "one" and not request.batch_one):
        shapes = ", ".join(f"{each.name} {_shown(each)}" for each in session.inputs)
        raise ExportError(
            f"{source.origin} has a fixed batch: its inputs are {shapes}; expected a free axis 0. Export it with a free"
            " batch axis (dynamic_shapes, or dynamic_axes)"
            + (", or take it as it is, one row a run: --batch-one." if axis == "one" else ".")
        )
    given = name_inputs(request.specs, [each.name for each in session.inputs]) if request.specs else []
    specs = [_spec_of(each, given) for each in session.inputs]
    unknown = {spec.name for spec in given} - {spec.name for spec in specs}
    if unknown or (request.arrays is not None and len(given) < len(specs)):
        raise ExportError(f"{source.origin} takes {_names(specs)}; came {_names(given)}. Give each, by these names.")

    if request.arrays is not None:
        # In the order of the file, which need not be that of the user.
        order = [[each.name for each in given].index(spec.name) for spec in specs]
        request = replace(request, arrays=[request.arrays[index] for index in order])

    def answers(batch: Batch) -> list[np.ndarray]:
        return list(session.run(batch).values())

    outputs = [each.name for each in session.outputs]
    return Subject(source, answers, None, specs, _example(specs, request), outputs, request.batch_one)


def _spec_of(stated: TensorSpec, given: Sequence[InputSpec]) -> InputSpec:
    """What the user says of an input, where it is one that the file takes; else what the file says."""
    spec = next((each for each in given if each.name == stated.name), None)
    row = stated.shape[1:]
    if spec is None:
        if None in row:
            raise ExportError(
                f"The input {stated.name} is {_shown(stated)}; say the sizes that are free: --input {stated.name}:…"
            )
        sizes = tuple(size for size in row if size is not None)
        return assume_range(InputSpec(stated.name, stated.dtype.name, sizes))
    free = tuple(axis for axis, size in enumerate(row) if size is None)
    fits = len(spec.shape) == len(row) and all(size in (None, own) for size, own in zip(row, spec.shape, strict=True))
    if not fits or spec.dtype != stated.dtype.name:
        raise ExportError(
            f"--input says {spec.name} is {spec.dtype}{list(spec.shape)}; the file takes {stated.dtype.name}"
            f"{_shown(stated)}, the batch axis first. Correct --input."
        )
    return replace(spec, name=stated.name, free=free)


def _example(specs: Sequence[InputSpec], request: InputRequest) -> Batch:
    if request.arrays is None:
        return random_batch(specs, 1 if request.batch_one else EXAMPLE_ROWS, seed=0)
    rows = 1 if request.batch_one else None
    return {spec.name: np.array(array[:rows]) for spec, array in zip(specs, request.arrays, strict=True)}


def _output_names(own: list[str], wanted: Sequence[str] | None, specs: Sequence[InputSpec]) -> list[str]:
    if wanted is None:
        # In one graph an output of an input's name would be the same value.
        taken = {spec.name for spec in specs}
        return [f"{name}_out" if name in taken else name for name in own]
    if len(wanted) != len(own) or len({*wanted, *(spec.name for spec in specs)}) != len(wanted) + len(specs):
        raise ExportError(
            f"The outputs are to be called {', '.join(wanted)}; expected {len(own)} names, none twice or an input's."
        )
    return list(wanted)


def _shown(stated: TensorSpec) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in stated.shape) + "]"


def _names(specs: Sequence[InputSpec]) -> str:
    return ", ".join(spec.name for spec in specs)
