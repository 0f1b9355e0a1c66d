"""Operators left in train mode inside a file, where `eval()` no longer reaches them."""

from collections.abc import Iterator
from typing import Any

import onnx
import torch
from onnx import numpy_helper

from sluice_export.errors import ExportError
from sluice_export.sources.source import Source

ADVICE = "Call model.eval() before tracing or exporting, and make the file again."
# Not use_input_stats of instance norm: true in eval mode too, where no statistics are tracked.
TRAINING_ARGUMENTS = ("train", "training")
NOISE = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")


def check_source(source: Source) -> None:
    """Raises ExportError where a program that is no longer Python keeps dropout or batch statistics in train mode.

    To be called in eval mode, which reaches scripts that ask for their mode when they run.
    """
    found: list[str] = []
    if source.kind == "torchscript":
        found = [node.kind() for node in _script_nodes(source.model.inlined_graph) if _script_node_trains(node)]
    elif source.kind == "exported-program":
        nodes = [node for node in source.model.graph.nodes if node.op == "call_function"]
        found = [str(node.target) for node in nodes if _fx_node_trains(node)]
    _refuse(source.origin, found)


def check_graph(model: onnx.ModelProto, origin: str) -> None:
    """Raises ExportError where an ONNX graph has nodes in train mode, or ones that draw random numbers."""
    constants = {each.name: each for each in model.graph.initializer}
    nodes = list(graph_nodes(model.graph))
    constants |= {
        node.output[0]: node.attribute[0].t for node in nodes if node.op_type == "Constant" and node.attribute
    }
    _refuse(origin, [node.op_type for node in nodes if _onnx_node_trains(node, constants)])
    noisy = sorted({node.op_type for node in nodes if node.op_type in NOISE})
    if noisy:
        raise ExportError(
            f"{origin} draws random numbers ({', '.join(noisy)}); expected a model that answers the same twice."
        )


def graph_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from graph_nodes(inner)


def _refuse(origin: str, found: list[str]) -> None:
    if found:
        kinds = ", ".join(sorted(set(found)))
        raise ExportError(f"{origin} is in train mode: {len(found)} operators ({kinds}) act as in training. {ADVICE}")


def _script_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.nodes():
        yield node
        for block in node.blocks():
            yield from _script_nodes(block)


def _script_node_trains(node: Any) -> bool:
    schema = node.schema()
    if not schema.startswith("aten::"):
        return False
    names = [argument.name for argument in torch._C.parse_schema(schema).arguments]
    inputs = list(node.inputs())
    return any(inputs[names.index(name)].toIValue() is True for name in TRAINING_ARGUMENTS if name in names)


def _fx_node_trains(node: Any) -> bool:
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    names = [argument.name for argument in schema.arguments]
    stated = dict(zip(names, node.args, strict=False)) | node.kwargs
    return any(stated.get(name) is True for name in TRAINING_ARGUMENTS)


def _onnx_node_trains(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type == "BatchNormalization":
        return any(attribute.name == "training_mode" and attribute.i == 1 for attribute in node.attribute)
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    mode = constants.get(node.input[2])
    return mode is None or bool(numpy_helper.to_array(mode))
