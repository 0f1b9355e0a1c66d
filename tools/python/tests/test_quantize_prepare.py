"""What is done to a model before it is quantized stays out of the user's folders."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from quantize_models import quantize
from sluice_export.package import drafting


def write_distances(target):
    """A package with an operator that runs in onnxruntime, but whose shapes it cannot find."""
    inputs, outputs = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in "xy")
    source = np.random.default_rng(5)
    weights = [onnx.numpy_helper.from_array(source.random((64, 64), np.float32), name) for name in "wc"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("CDist", ["h", "c"], ["y"], domain="com.microsoft", metric="euclidean"),
    ]
    graph = helper.make_graph(nodes, "distances", [inputs], [outputs], weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    with drafting(target) as draft:
        onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=10), draft.folder / "model.onnx")
        draft.finish({"name": target.parent.name, "version": target.name})
    return target


def test_shapes_that_cannot_be_found_leave_nothing_in_the_working_directory(tmp_path, monkeypatch):
    package = write_distances(tmp_path / "distances" / "1")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    report = quantize(package, tmp_path / "distances" / "2", "--dynamic")
    assert report["nodes"] == 1
    assert list(here.iterdir()) == []
