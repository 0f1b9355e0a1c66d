"""Every way in which a model is kept becomes a package that answers what the model answers."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import sluice_export
from architectures import ARCHITECTURES, Mlp
from sluice_export import cli
from sluice_export.session import Session

CODE = f"{Path(__file__).parent / 'architectures.py'}:Mlp"
EXAMPLE = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mlp() -> nn.Module:
    return ARCHITECTURES["mlp"].model()


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "models" / "net" / "1"


def check_answers(target: Path, model: nn.Module, example: torch.Tensor = EXAMPLE) -> None:
    session = Session(target / "model.onnx")
    with torch.no_grad():
        expected = model.eval()(example).numpy()
    (got,) = session.run({session.inputs[0].name: example.numpy()}).values()
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_whole_pickled_module_on_trust(target, tmp_path, mlp, capsys):
    torch.save(mlp, tmp_path / "net.pt")
    assert cli.main(["--model", str(tmp_path / "net.pt"), "--trust-pickle", "--input", "8", "-o", str(target)]) == 0
    check_answers(target, mlp)
    assert "note: Code from net.pt was run, as --trust-pickle says." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrap", "note"),
    [
        (lambda state: {"epoch": 3, "model_state_dict": state}, "net.pth is a checkpoint; its 'model_state_dict' was"),
        (lambda state: {f"module.{key}": value for key, value in state.items()}, "The prefix 'module.' of a wrapper"),
        (lambda state: {"state_dict": {f"_orig_mod.{key}": v for key, v in state.items()}}, "The prefix '_orig_mod.'"),
    ],
)
def test_weights_out_of_what_training_scripts_save(target, tmp_path, mlp, capsys, wrap, note):
    torch.save(wrap(mlp.state_dict()), tmp_path / "net.pth")
    words = ["--model", CODE, "--weights", str(tmp_path / "net.pth"), "--input", "8", "-o", str(target)]
    assert cli.main(words) == 0
    check_answers(target, mlp)
    assert note in capsys.readouterr().out


def test_weights_in_the_format_before_torch_1_6(target, tmp_path, mlp):
    torch.save(mlp.state_dict(), tmp_path / "net.bin", _use_new_zipfile_serialization=False)
    words = ["--model", CODE, "--weights", str(tmp_path / "net.bin"), "--input", "8", "-o", str(target)]
    assert cli.main(words) == 0
    check_answers(target, mlp)


@pytest.mark.parametrize(("name", "args"), [("make", '{"width": 8}'), ("Sized", "[8]")])
def test_a_factory_or_class_of_an_importable_module_with_arguments(target, tmp_path, monkeypatch, name, args):
    package = tmp_path / "zoo"
    package.mkdir()
    (package / "sizes.py").write_text("OUTPUTS = 3\n")
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text(
        "from torch import nn\nfrom zoo.sizes import OUTPUTS\n"
        "class Sized(nn.Linear):\n    def __init__(self, width):\n        super().__init__(width, OUTPUTS)\n"
        "def make(width):\n    return Sized(width)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = nn.Linear(8, 3)
    torch.save(model.state_dict(), tmp_path / "net.pth")
    words = ["--model", f"zoo.nets:{name}", "--args", args, "--weights", str(tmp_path / "net.pth")]
    assert cli.main([*words, "--input", "8", "-o", str(target)]) == 0
    check_answers(target, model)


def test_an_exported_program_with_a_free_batch_axis(target, tmp_path, mlp):
    program = torch.export.export(mlp.eval(), (EXAMPLE,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, tmp_path / "net.pt2")
    assert cli.main(["--model", str(tmp_path / "net.pt2"), "--input", "8", "-o", str(target)]) == 0
    check_answers(target, mlp)


def test_a_frozen_script(target, tmp_path, mlp):
    torch.jit.save(torch.jit.freeze(torch.jit.script(mlp.eval())), tmp_path / "net.pt")
    assert cli.main(["--model", str(tmp_path / "net.pt"), "--input", "8", "-o", str(target)]) == 0
    check_answers(target, mlp)


class Sinc(nn.Linear):
    def forward(self, x):
        return torch.sinc(super().forward(x))


def test_torchscript_with_an_operator_that_only_torch_export_knows(target, tmp_path):
    model = Sinc(8, 4)
    torch.jit.save(torch.jit.trace(model, EXAMPLE), tmp_path / "net.pt")
    assert cli.main(["--model", str(tmp_path / "net.pt"), "--input", "8", "-o", str(target)]) == 0
    check_answers(target, model)
    assert json.loads((target / "parity.json").read_text())["exporter"] == "torchscript to torch.export"
    assert Session(target / "model.onnx").inputs[0].shape == (None, 8)


def test_an_onnx_file_with_external_data_becomes_one_file(target, tmp_path, mlp):
    path = tmp_path / "net.onnx"
    options = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "verbose": False}
    torch.onnx.export(mlp.eval(), (EXAMPLE,), path, dynamo=True, external_data=True, **options)
    onnx.save_model(onnx.load_model(path), path, save_as_external_data=True, size_threshold=0, location="net.bin")
    assert cli.main(["--model", str(path), "-o", str(target)]) == 0
    check_answers(target, mlp)
    assert json.loads((target / "parity.json").read_text())["reference"].startswith("the ONNX file itself")


def test_a_model_that_mixes_rows_is_served_one_row_at_a_time_when_asked(target):
    model = OverRows()
    with pytest.raises(sluice_export.ExportError, match="Rows influence each other"):
        sluice_export.export(model, EXAMPLE, output=target)
    sluice_export.export(model, EXAMPLE, output=target, batch_one=True)
    check_answers(target, model, EXAMPLE[:1])
    assert Session(target / "model.onnx").inputs[0].shape == (1, 8)


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.triu(torch.full((4, 4), float("-inf")), 1))

    def forward(self, x):
        return (x @ x.transpose(1, 2) + self.mask).softmax(2)


def test_a_mask_of_infinities_is_no_damaged_weight(target):
    example = torch.randn(2, 4, 8)
    sluice_export.export(Causal(), example, output=target)
    check_answers(target, Causal(), example)


def test_examples_of_an_onnx_file_go_by_their_names(target, tmp_path):
    class Subtract(nn.Module):
        def forward(self, left, right):
            return left - right

    path, rows = tmp_path / "net.onnx", {0: torch.export.Dim("batch")}
    pair = (EXAMPLE, EXAMPLE.double())
    names = ["left", "right"]
    torch.onnx.export(Subtract().eval(), pair, path, input_names=names, dynamic_shapes=(rows, rows), verbose=False)
    example = {"right": pair[1], "left": pair[0]}
    sluice_export.export(path, example, output=target)
    with pytest.raises(sluice_export.ExportError, match=r"net.onnx takes left, right; came right. Give each"):
        sluice_export.export(path, {"right": pair[1]}, output=target, force=True)


class OverRows(nn.Module):
    def forward(self, x):
        return x / (1 + x.abs().amax(dim=(0, 1)))


class Named(nn.Module):
    """Takes by name what another order of positions would mix up, and answers a mapping."""

    def forward(self, left, scale=None, right=None):
        return OrderedDict(difference=left - right, left=left * 2)


def test_inputs_and_outputs_keep_their_names(target):
    left, right = torch.randn(3, 4), torch.randn(3, 4)
    sluice_export.export(Named(), {"left": left, "right": right}, output=target)
    answers = Session(target / "model.onnx").run({"left": left.numpy(), "right": right.numpy()})
    assert list(answers) == ["difference", "left_out"]
    np.testing.assert_allclose(answers["difference"], (left - right).numpy())


def test_the_modes_of_all_submodules_are_as_they_were(target, mlp):
    mlp.train()
    mlp.net[1].eval()
    before = [module.training for module in mlp.modules()]
    statistics = mlp.net[1].running_mean.clone()
    sluice_export.export(mlp, EXAMPLE, output=target)
    assert [module.training for module in mlp.modules()] == before
    assert torch.equal(mlp.net[1].running_mean, statistics)
    check_answers(target, mlp)


def test_a_script_in_train_mode_is_exported_in_eval_mode_and_keeps_its_mode(target, mlp):
    script = torch.jit.script(mlp.train())
    sluice_export.export(script, EXAMPLE, output=target)
    assert script.training
    check_answers(target, mlp)


def test_half_precision_is_compared_by_what_it_can_hold(target):
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4)).half()
    sluice_export.export(model, EXAMPLE.half(), output=target)
    assert json.loads((target / "samples/samples.json").read_text())["samples"][0]["tolerance"] == 1e-2
    assert Session(target / "model.onnx").inputs[0].dtype == np.float16


def test_an_onnx_file_that_answers_with_names_keeps_them(target, tmp_path):
    """As of a scikit-learn classifier that was trained on names."""
    from onnx import TensorProto, helper

    encoder = helper.make_node(
        "LabelEncoder", ["index"], ["name"], domain="ai.onnx.ml", keys_int64s=[0, 1, 2], values_strings=["a", "b", "c"]
    )
    graph = helper.make_graph(
        [helper.make_node("ArgMax", ["x"], ["index"], axis=1, keepdims=0), encoder],
        "names",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("name", TensorProto.STRING, ["N"])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    path = tmp_path / "names.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    assert cli.main(["--model", str(path), "-o", str(target)]) == 0
    rows = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    assert Session(target / "model.onnx").run({"x": rows})["name"].tolist() == ["b", "c"]


def test_sizes_that_an_onnx_file_leaves_open_stay_open(target, tmp_path, capsys):
    axes = {"x": {0: "batch", 1: "length"}}
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        nn.Linear(8, 4), (EXAMPLE[None],), path, input_names=["x"], dynamic_axes=axes, dynamo=False, opset_version=18
    )
    assert cli.main(["--model", str(path), "-o", str(target)]) == 2
    assert "The input x is [?, ?, 8]; say the sizes that are free: --input x:" in capsys.readouterr().err
    assert cli.main(["--model", str(path), "--input", "5x8", "-o", str(target)]) == 0
    assert Session(target / "model.onnx").inputs[0].shape == (None, None, 8)


def test_whole_numbers_keep_to_the_range_of_the_example(target):
    embedding = nn.Embedding(7, 3)
    sluice_export.export(embedding, torch.tensor([[0, 6, 2]]), output=target)
    parity = json.loads((target / "parity.json").read_text())
    assert {entry["verdict"] for entry in parity["comparisons"]} == {"pass"}


def test_the_user_is_told_when_whole_numbers_were_hardly_tried(target, tmp_path, capsys):
    torch.jit.save(torch.jit.script(nn.Embedding(7, 3)), tmp_path / "net.pt")
    words = ["--model", str(tmp_path / "net.pt"), "-o", str(target), "--force", "--input"]
    assert cli.main([*words, "ids:int64:5"]) == 0
    assert "note: ids was tried with 0 and 1 only." in capsys.readouterr().out
    assert cli.main([*words, "ids:int64:5:0..6"]) == 0
    assert "note" not in capsys.readouterr().out


def test_the_same_weights_give_the_same_bytes(tmp_path, mlp):
    for version in ("1", "2"):
        sluice_export.export(mlp, EXAMPLE, output=tmp_path / "net" / version)
    first, second = (tmp_path / "net" / version / "model.onnx" for version in ("1", "2"))
    assert first.read_bytes() == second.read_bytes()
    assert b"architectures.py" not in first.read_bytes()


def test_the_package_says_name_version_and_batch_size(tmp_path):
    sluice_export.export(Mlp(), EXAMPLE, output=tmp_path / "Build", name="net", version="7", max_batch_size=4)
    manifest = sluice_export.Package.read(tmp_path / "Build").manifest
    assert (manifest["name"], manifest["version"], manifest["batching"]) == ("net", "7", {"maxBatchSize": 4})


def test_the_terminal_stays_quiet(target, tmp_path, mlp, capfd):
    torch.jit.save(torch.jit.trace(mlp.eval(), EXAMPLE), tmp_path / "net.pt")
    capfd.readouterr()
    assert cli.main(["--model", str(tmp_path / "net.pt"), "--input", "8", "-o", str(target)]) == 0
    said = capfd.readouterr()
    assert [line.split(":")[0].split(" ")[0] for line in said.out.splitlines()] == ["parity", "wrote"]
    assert said.err == ""
