"""Half precision: weights and arithmetic in float16, inputs and outputs in float32, so that model.json stays true."""

import copy
import logging
import math
from collections.abc import Collection

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from sluice_export.errors import ExportError
from sluice_export.quantize.recipe import Recipe


def half_recipe(model: onnx.ModelProto) -> Recipe:
    """Raises ExportError where the model has no float32 weights."""
    weights = {
        tensor.name
        for tensor in model.graph.initializer
        # A lone number is a constant of some formula.
        if tensor.data_type == onnx.TensorProto.FLOAT and math.prod(tensor.dims) > 1
    }
    nodes = tuple(node.name for node in model.graph.node if any(name in weights for name in node.input))
    if not nodes:
        raise ExportError("The model has no float32 weights, so that --fp16 would change nothing.")

    def build(excluded: Collection[str]) -> bytes:
        disabled = logging.root.manager.disable
        # A line for each weight that is next to zero in float16; what it does to the answers is measured.
        logging.disable(logging.WARNING)
        try:
            halved = convert_float_to_float16(
                copy.deepcopy(model), keep_io_types=True, node_block_list=list(excluded) or None
            )
        finally:
            logging.disable(disabled)
        return halved.SerializeToString()

    return Recipe("fp16", nodes, {"weights": "float16", "activations": "float16, inputs and outputs float32"}, build)
