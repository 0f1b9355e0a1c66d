"""INT8 weights only: activations are quantized as they come, by the range that each run finds in its whole tensor.

That range is one for all rows of a run, so rows influence each other; see row_mixing.py.
"""

import copy
import tempfile
from collections.abc import Collection
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.onnx_model import ONNXModel

from sluice_export.errors import ExportError
from sluice_export.quantize.recipe import Recipe
from sluice_export.quantize.weights import weights_notes, weights_setting

# Convolutions are left out: without calibration they gain a tenth where static quantization makes them three times as
# fast (docs/quantization.md).
HEAVY = ("MatMul", "LSTM", "Attention")
OPS = (*HEAVY, "EmbedLayerNormalization", "Gather")


def dynamic_recipe(model: onnx.ModelProto, *, reduce_range: bool) -> Recipe:
    """Raises ExportError where no operator of the model has such a form with constant weights."""
    model = copy.deepcopy(model)
    # The quantizer would do it and give new names, by which nodes could not be left out.
    ONNXModel(model).replace_gemm_with_matmul()
    weights = {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    nodes = [node for node in model.graph.node if node.op_type in OPS and weights.intersection(node.input)]
    if not any(node.op_type in HEAVY for node in nodes):
        kinds = ", ".join(sorted({node.op_type for node in model.graph.node}))
        raise ExportError(
            f"The model has none of {', '.join(HEAVY)} or Gemm with constant weights, which is what dynamic"
            f" quantization makes smaller; it has {kinds}. Use --static for convolutions, or --fp16 for half the size."
        )

    def build(excluded: Collection[str]) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "model.onnx"
            quantize_dynamic(
                copy.deepcopy(model),
                target,
                op_types_to_quantize=list(OPS),
                per_channel=True,
                reduce_range=reduce_range,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(excluded),
            )
            return target.read_bytes()

    settings = {
        "weights": weights_setting(reduce_range=reduce_range),
        "activations": "uint8, a scale per tensor and run",
    }
    names = tuple(node.name for node in nodes)
    return Recipe("dynamic", names, settings, build, notes=weights_notes(reduce_range=reduce_range))
