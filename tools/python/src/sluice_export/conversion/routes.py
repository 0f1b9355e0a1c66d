"""The ways from torch to ONNX, best first for each kind of model. Which one is kept is decided by what came out.

Modules and ExportedPrograms go through torch.export. TorchScript goes through torch's older exporter, which knows its
loops and branches, and after that through torch's converter to an ExportedProgram.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import torch

from sluice_export.inputs import Batch
from sluice_export.quiet import quiet
from sluice_export.reference import Reference, positional, tensors_of

# The newest that both of torch's exporters write without converting afterwards, and one that every onnxruntime since
# 1.14 loads; onnxruntime-node of the service is newer.
OPSET = 18


@dataclass(frozen=True)
class Conversion:
    """What is to be converted: the reference, an example whose rows are taken as free unless `batch_one`.

    `free` are further axes that stay open, by input or output, the batch axis counted.
    """

    reference: Reference
    example: Batch
    outputs: list[str]
    batch_one: bool
    free: Mapping[str, Sequence[int]]

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        return tuple(tensors_of(self.example).values())

    @property
    def names(self) -> list[str]:
        return list(self.example)


Route = Callable[[Conversion], onnx.ModelProto]


def routes_of(kind: str) -> Iterator[tuple[str, Route]]:
    """Names and functions; each function raises whatever torch raises."""
    if kind == "module":
        yield "torch.export", _by_export
        yield "torchscript", _by_torchscript
    elif kind == "torchscript":
        yield "torchscript", _by_torchscript
        yield "torchscript to torch.export", _by_converter
    else:
        yield "torch.export", _by_program


def _by_export(conversion: Conversion) -> onnx.ModelProto:
    model = positional(conversion.reference, conversion.names)
    shapes = tuple(_dims(conversion, name) for name in conversion.example)
    if not any(shapes):
        shapes = None
    if shapes is not None and model is not conversion.reference.model:
        shapes = (shapes,)  # of *inputs, which is one parameter
    return _exported(conversion, model, dynamic_shapes=shapes)


def _dims(conversion: Conversion, name: str) -> dict[int, Any]:
    batch = {} if conversion.batch_one else {0: torch.export.Dim("batch")}
    return batch | {axis: torch.export.Dim.DYNAMIC for axis in conversion.free.get(name, ())}


def _by_program(conversion: Conversion) -> onnx.ModelProto:
    return _exported(conversion, conversion.reference.model)


def _by_converter(conversion: Conversion) -> onnx.ModelProto:
    # Not part of torch's promised interface, hence not the first choice and not imported at the top.
    from torch._export.converter import TS2EPConverter

    with quiet():
        program = TS2EPConverter(conversion.reference.model, conversion.tensors).convert()
    return _exported(conversion, program)


def _exported(conversion: Conversion, model: Any, **options: Any) -> onnx.ModelProto:
    with quiet():
        program = torch.onnx.export(
            model,
            conversion.tensors,
            input_names=conversion.names,
            output_names=conversion.outputs,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            **options,
        )
    return program.model_proto


def _by_torchscript(conversion: Conversion) -> onnx.ModelProto:
    names = [*conversion.names, *conversion.outputs]
    batch = {} if conversion.batch_one else {0: "batch"}
    free = {name: {axis: f"{name}_{axis}" for axis in conversion.free.get(name, ())} for name in names}
    axes = {name: batch | free[name] for name in names if batch or free[name]} or None
    file = io.BytesIO()
    with quiet():
        torch.onnx.export(
            positional(conversion.reference, conversion.names),
            conversion.tensors,
            file,
            input_names=conversion.names,
            output_names=conversion.outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_model_from_string(file.getvalue())
