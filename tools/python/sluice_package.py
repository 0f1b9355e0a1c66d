"""Shared by the scripts in this folder: export a torch model to one ONNX file, and write a package's model.json."""

import hashlib
import json
import re
import time
from pathlib import Path

import numpy as np
import onnx
import torch

OPSET = 18


def sha256_of(path):
    """A file's SHA-256 in the form model.json wants: `sha256-<hex>`."""
    return "sha256-" + hashlib.sha256(Path(path).read_bytes()).hexdigest()


def export_onnx(model, shape, path, input_name, output_name="logits"):
    """Write `model` (in eval mode) as a single self-contained ONNX file whose first axis is dynamic.

    The exporter notes source files and stack traces on every node; they are dropped, so that the
    same weights give the same bytes wherever the script runs.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        model.eval(),
        (torch.zeros(2, *shape),),
        input_names=[input_name],
        output_names=[output_name],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    proto = program.model_proto
    graph = proto.graph
    for item in [proto, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path), save_as_external_data=False)


def compare(model, shape, path, input_name):
    """Fail if the exported file's answers are off torch's by 1e-5 or more; say by how much, and the time per row."""
    try:
        import onnxruntime
    except ImportError:
        return "onnxruntime is not installed: not compared"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    said = []
    for batch in (1, 7):
        x = torch.rand(batch, *shape, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            worst = np.abs(session.run(None, {input_name: x.numpy()})[0] - model.eval()(x).numpy()).max()
        if worst >= 1e-5:
            raise SystemExit(f"{path}: answers differ from torch's by {worst} at batch {batch}")
        said.append(f"{worst:.1e} at batch {batch}")
    feed, spent = {input_name: np.random.default_rng(0).random((32, *shape), np.float32)}, []
    for _ in range(300):
        start = time.perf_counter()
        session.run(None, feed)
        spent.append(time.perf_counter() - start)
    speed = f"{np.median(spent) / 32 * 1e6:.1f} us per row at batch 32 on one thread"
    return f"onnxruntime {onnxruntime.__version__} is off torch by {', '.join(said)}; {speed}"


def write_json(path, value):
    """Indented JSON, with arrays of plain values kept on one line."""
    text = json.dumps(value, indent=2)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text)
    Path(path).write_text(text + "\n", encoding="utf-8")


def write_manifest(folder, manifest, files):
    """Write `folder`/model.json: the manifest, and the SHA-256 of each of the package's files."""
    folder = Path(folder)
    write_json(folder / "model.json", {**manifest, "files": {name: sha256_of(folder / name) for name in files}})
