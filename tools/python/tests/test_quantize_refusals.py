"""What cannot be quantized is refused with a sentence that says what to do, and leaves no package behind."""

import re

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from quantize_models import DIGITS, Attending, Convolutions, export, quantize, write_digits, write_rows
from sluice_export.cli import main
from sluice_export.package import drafting


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Packages, and folders of rows."""
    folder = tmp_path_factory.mktemp("models")
    write_digits(folder / "pictures", 20)
    write_digits(folder / "few", 5)
    write_rows(folder / "rows" / "rows.npy", (20, 5, 32))
    export(Attending(), torch.randn(2, 5, 32), folder / "attending" / "1")
    export(Convolutions(), torch.randn(2, 1, 8, 8), folder / "convolutions" / "1")
    export(nn.Sequential(nn.GELU(), nn.Softmax(1)), torch.randn(2, 4), folder / "light" / "1")
    quantize(DIGITS, folder / "digits" / "2", "--static", "--calibrate", folder / "pictures")
    quantize(DIGITS, folder / "digits" / "16", "--fp16")
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "a.png").write_bytes(b"no picture")
    write_hand_made(folder / "custom" / "1", helper.make_node("Magic", ["x"], ["y"], domain="acme"), rows="n")
    write_hand_made(folder / "fixed" / "1", helper.make_node("MatMul", ["x", "w"], ["y"]), rows=4)
    return folder


def write_hand_made(target, node, *, rows):
    """A package of one node, which the exporter would not have written."""
    shape = [rows, 4]
    inputs, outputs = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    weight = onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("acme", 1)]
    graph = helper.make_graph([node], "hand-made", [inputs], [outputs], [weight])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    with drafting(target) as draft:
        onnx.save_model(model, draft.folder / "model.onnx")
        draft.finish({"name": target.parent.name, "version": target.name})


CASES = {
    "no calibration": ("digits-given", ["--static"], r"name a folder of 100 or more with --calibrate"),
    "no folder": ("digits-given", ["--static", "--calibrate", "nowhere"], r"nowhere is no folder. Name a folder"),
    "empty": (
        "digits-given",
        ["--static", "--calibrate", "empty"],
        r"empty holds no pictures; expected files",
    ),
    "too few": ("digits-given", ["--static", "--calibrate", "few"], r"holds 5 rows, .* expected at least 8.*Add some"),
    "broken": (
        "digits-given",
        ["--dynamic", "--held-out", "broken"],
        r"cannot be read as a picture.*Replace",
    ),
    "rows of another": ("digits-given", ["--static", "--calibrate", "rows"], r"expected numbers, rows of 1x16x16"),
    "pictures for rows": ("attending/1", ["--static", "--calibrate", "pictures"], r"no rows; expected .*\.npy"),
    "quantized": ("digits/2", ["--static", "--calibrate", "pictures"], r"quantized already.*Quantize the float32"),
    "half": ("digits/16", ["--fp16"], r"has float16 weights; quantize the float32 package it is from"),
    "unknown operator": ("custom/1", ["--dynamic"], r"cannot load the model.*Magic"),
    "only convolutions": ("convolutions/1", ["--dynamic"], r"none of MatMul, LSTM.*it has.*Conv.*Use --static"),
    "nothing heavy": ("light/1", ["--static", "--calibrate", "four"], r"none of Conv.*Use --dynamic.*or --fp16"),
    "no weights": ("light/1", ["--fp16"], r"no float32 weights, so that --fp16 would change nothing"),
    "fixed rows": ("fixed/1", ["--dynamic"], r"x \[4, 4\]; expected axis 0 to count rows.*free batch axis"),
    "agreement": ("attending/1", ["--dynamic", "--agreement", "0.9"], r"has none. Use --max-difference"),
    "no part": ("digits-given", ["--dynamic", "--agreement", "99"], r"expected a part from 0 to 1"),
    "node engine": (
        "attending/1",
        ["--dynamic", "--node-engine", "empty"],
        r"Name a checkout of Sluice",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_refusal_says_what_to_do(tmp_path, folder, capsys, case):
    name, flags, complaint = CASES[case]
    write_rows(folder / "four" / "rows.npy", (20, 4))
    package = DIGITS if name == "digits-given" else folder / name
    words = [str(folder / word) if (folder / word).is_dir() else word for word in flags]
    assert main(["quantize", str(package), "-o", str(tmp_path / "out" / "1"), "--seconds", "0", *words]) == 2
    said = capsys.readouterr().err
    assert re.search(complaint, said, re.DOTALL), said
    assert list(tmp_path.rglob("*.onnx")) == []


def test_an_existing_version_is_not_overwritten(folder, capsys):
    before = (folder / "digits" / "2" / "model.onnx").read_bytes()
    flags = ["--static", "--calibrate", str(folder / "pictures")]
    assert main(["quantize", str(DIGITS), "-o", str(folder / "digits" / "2"), *flags]) == 2
    assert "exists; versions do not change" in capsys.readouterr().err
    assert (folder / "digits" / "2" / "model.onnx").read_bytes() == before


def test_one_way_must_be_chosen(capsys):
    with pytest.raises(SystemExit):
        main(["quantize", str(DIGITS), "-o", "models/digits/9"])
    assert "one of the arguments --static --dynamic --fp16 is required" in capsys.readouterr().err
