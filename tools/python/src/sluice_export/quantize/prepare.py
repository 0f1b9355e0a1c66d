"""A float32 ONNX file made ready: loadable, not quantized yet, optimised, with shapes known and every node named."""

import contextlib
import copy
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import quant_pre_process

from sluice_export.errors import ExportError

# Scales per channel came with it.
OPSET = 13
INTEGER_OPS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger")


def prepare(path: Path) -> onnx.ModelProto:
    """The model, as onnxruntime's quantizers want it. Raises ExportError where it is no float32 model."""
    if path.suffix == ".ort":
        raise ExportError(f"{path} is in the format of mobile builds; quantize the package with model.onnx it is from.")
    model = onnx.load(path)
    kinds = Counter(node.op_type for node in model.graph.node)
    integer = [kind for kind in kinds if kind in INTEGER_OPS or kind.startswith(("QLinear", "DynamicQuantize"))]
    if integer:
        raise ExportError(
            f"{path} is quantized already: it has {', '.join(sorted(integer))}. Quantize the float32 package"
            " that it was made from."
        )
    if any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer):
        raise ExportError(f"{path} has float16 weights; quantize the float32 package it is from.")
    prepared = _preprocessed(_modern(model))
    _name_nodes(prepared)
    return prepared


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    version = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if version >= OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:
        raise ExportError(
            f"The model is of opset {version} and cannot be brought to {OPSET}, which scales per channel need: {error}."
            f" Export it again with opset {OPSET} or newer."
        ) from error


def _preprocessed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Constants folded, batch normalisation in the convolutions, shapes stated; as far as each step succeeds."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as folder, _working_in(folder):
            target = Path(folder) / "prepared.onnx"
            # Symbolic shapes fail on operators that they do not know; the rest does without them.
            for skip_symbolic in (False, True):
                try:
                    quant_pre_process(copy.deepcopy(model), target, skip_symbolic_shape=skip_symbolic)
                    return onnx.load(target)
                except Exception as error:
                    failure = error
            raise ExportError(f"onnxruntime cannot prepare the model for quantization: {failure}.") from failure
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """onnxruntime writes a model whose symbolic shapes it does not find, weights too, into the working directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _name_nodes(model: onnx.ModelProto) -> None:
    """Nodes are left out by name, so each needs one of its own."""
    seen: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{index}"
        seen.add(node.name)
