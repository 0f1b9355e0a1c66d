"""An ONNX model in memory: made into what the package keeps, and checked against what the service loads."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from google.protobuf.message import EncodeError

from sluice_export.conversion.training_ops import check_graph
from sluice_export.errors import ExportError
from sluice_export.inputs import InputSpec
from sluice_export.session import Session
from sluice_export.sources.weights import check_finite

# What onnxruntime-node 1.30 of the service was seen to load; see docs/export.md.
NEWEST_OPSET = 26
NEWEST_IR = 13
MAX_BYTES = 2**31 - 1


def load_onnx(path: Path) -> onnx.ModelProto:
    """An ONNX file with its external data. Raises ExportError where it is newer than the service, or in train mode."""
    try:
        model = onnx.load_model(path)
    except Exception as error:
        raise ExportError(f"{path.name} cannot be read: {error}. Its external data must lie beside it.") from error
    opset = opset_of(model)
    if opset > NEWEST_OPSET or model.ir_version > NEWEST_IR:
        raise ExportError(
            f"{path.name} has opset {opset} and IR version {model.ir_version}; the service loads up to"
            f" {NEWEST_OPSET} and {NEWEST_IR}. Export it with opset_version=18, or lower model.ir_version."
        )
    check_graph(model, path.name)
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators; 0 where the model uses none of them."""
    return next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def settle(model: onnx.ModelProto) -> None:
    """Remove all traces of the machine that made the model.

    The exporters note source files and stack traces on every node; without them the same weights give the same bytes
    wherever the export runs.
    """
    graph = model.graph
    for item in [model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def state_shapes(model: onnx.ModelProto, specs: Sequence[InputSpec], batch: str | int) -> None:
    """Give the inputs the shapes that are proved, and the outputs what follows from them."""
    shapes = {spec.name: _open_shape(spec) for spec in specs}
    for value in model.graph.input:
        if value.name in shapes:
            _state_shape(value, (batch, *shapes[value.name]))
    _infer_outputs(model, batch)


def check_weights(model: onnx.ModelProto) -> None:
    """Raises ExportError where a weight is NaN or infinite."""
    floats = [each for each in model.graph.initializer if each.data_type in (1, 10, 11)]
    # A single infinite number is a bound or a fill.
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in floats}
    check_finite({name: torch.from_numpy(array.copy()) for name, array in arrays.items() if array.size > 1})


def serialise(model: onnx.ModelProto) -> bytes:
    """One self-contained file. Raises ExportError above 2 GB, which is as much as one ONNX file can hold."""
    try:
        data = model.SerializeToString()
    except (EncodeError, ValueError):
        data = b""
    if not 0 < len(data) <= MAX_BYTES:
        raise ExportError(
            "The model is larger than 2 GB, which one ONNX file cannot hold. Export it in float16, or smaller."
        )
    return data


def batch_axis_of(session: Session) -> str:
    """'free', 'one' or 'none', by the rules of the service (docs/models.md)."""
    for kind, size in (("free", None), ("one", 1)):
        if all(len(each.shape) > 0 and each.shape[0] == size for each in session.inputs):
            return kind
    return "none"


def _state_shape(value: onnx.ValueInfoProto, sizes: Sequence[str | int]) -> None:
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for size in sizes:
        dim = shape.dim.add()
        if isinstance(size, str):
            dim.dim_param = size
        else:
            dim.dim_value = size


def _open_shape(spec: InputSpec) -> tuple[str | int, ...]:
    return tuple(f"{spec.name}_{axis + 1}" if axis in spec.free else size for axis, size in enumerate(spec.shape))


def _infer_outputs(model: onnx.ModelProto, batch: str | int) -> None:
    """Outputs whose shapes the exporter left open get what onnx can infer of them."""
    outputs = model.graph.output
    if all(_is_stated(value) for value in outputs):
        return
    inferred = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.output}
    for value in outputs:
        if not _is_stated(value) and _is_stated(inferred[value.name]):
            value.CopyFrom(inferred[value.name])
            if len(value.type.tensor_type.shape.dim) > 0 and isinstance(batch, str):
                value.type.tensor_type.shape.dim[0].dim_param = batch


def _is_stated(value: onnx.ValueInfoProto) -> bool:
    tensor = value.type.tensor_type
    return tensor.HasField("shape") and all(dim.HasField("dim_value") or dim.dim_param for dim in tensor.shape.dim)
