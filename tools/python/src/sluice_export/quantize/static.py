"""INT8 by calibration: weights int8 a channel, activations uint8 a tensor, written as QuantizeLinear/DequantizeLinear.

uint8 by int8 is what the dot product of x86 (VNNI: vpdpbusd) multiplies: int8 activations took 2.5 times as long there
and were no truer (docs/quantization.md). Why weights are kept to 7 bits: weights.py.
"""

import copy
from collections.abc import Collection
from dataclasses import dataclass

import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from sluice_export.errors import ExportError
from sluice_export.quantize.calibration import MOST_ROWS, ranges_of
from sluice_export.quantize.examples import Examples
from sluice_export.quantize.recipe import Recipe
from sluice_export.quantize.weights import weights_notes, weights_setting

# Those that onnxruntime multiplies in integers, and those around them with an integer kernel on the CPU: any other
# would only be wrapped in conversions. Softmax and Sigmoid have one but lose much and save little.
HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")
LIGHT = ("Add", "Mul", "AveragePool", "GlobalAveragePool", "Concat", "LeakyRelu", "Where", "Resize", "MaxPool")
PASSING = ("Relu", "Clip", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather", "Pad")
OPS = (*HEAVY, *LIGHT, *PASSING)


@dataclass(frozen=True)
class StaticOptions:
    method: str = "minmax"
    reduce_range: bool = True


def static_recipe(model: onnx.ModelProto, examples: Examples, *, options: StaticOptions, size: int) -> Recipe:
    """Calibrates once. Raises ExportError where the model has nothing to quantize, or does not take the rows."""
    if not any(node.op_type in HEAVY for node in model.graph.node):
        raise ExportError(
            f"The model has none of {', '.join(HEAVY)}, which is what static quantization makes faster."
            " Use --dynamic for LSTM models, or --fp16 for half the size."
        )
    used = examples.spread(MOST_ROWS)
    ranges = ranges_of(model, used, method=options.method, ops=OPS, size=size)

    def build(excluded: Collection[str]) -> bytes:
        quantizer = QDQQuantizer(
            copy.deepcopy(model),
            per_channel=True,
            reduce_range=options.reduce_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=list(excluded),
            op_types_to_quantize=list(OPS),
            extra_options={},
        )
        quantizer.quantize_model()
        written = quantizer.model.model
        _keep_scores(written)
        return written.SerializeToString()

    return Recipe(
        mode="static",
        nodes=tuple(node.name for node in model.graph.node if node.op_type in (*HEAVY, *LIGHT)),
        settings={
            "format": "QDQ",
            "weights": weights_setting(reduce_range=options.reduce_range),
            "activations": "uint8, a scale per tensor",
            "method": options.method,
            "calibrationRows": len(used),
        },
        build=build,
        notes=weights_notes(reduce_range=options.reduce_range),
    )


def _keep_scores(model: onnx.ModelProto) -> None:
    """Outputs of the graph are not rounded to 8 bits: nothing would be faster, and close scores would become equal."""
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        last = made_by.get(output.name)
        before = made_by.get(last.input[0]) if last is not None and last.op_type == "DequantizeLinear" else None
        if last is None or before is None or before.op_type != "QuantizeLinear":
            continue
        inner = before.input[0]
        source = made_by.get(inner)
        readers = [node for node in graph.node if inner in node.input]
        shared = [node for node in graph.node if before.output[0] in node.input]
        if source is None or len(readers) != 1 or len(shared) != 1:
            continue
        graph.node.remove(last)
        graph.node.remove(before)
        source.output[list(source.output).index(inner)] = output.name
