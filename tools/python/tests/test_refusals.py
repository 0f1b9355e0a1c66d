"""What cannot be served as it is, is refused with a sentence that says what to do, and no package is written."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from architectures import ARCHITECTURES
from sluice_export import cli

CODE = f"{Path(__file__).parent / 'architectures.py'}:Mlp"
EXAMPLE = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mlp() -> nn.Module:
    return ARCHITECTURES["mlp"].model()


@pytest.fixture
def refused(tmp_path, capfd):
    """Runs the command line with an output folder; returns its one sentence after checking that it failed."""

    def run(*words: object) -> str:
        target = tmp_path / "models" / "net" / "1"
        capfd.readouterr()
        assert cli.main([*map(str, words), "-o", str(target)]) == 2
        assert not target.exists()
        said = capfd.readouterr()
        assert said.out == ""
        assert said.err.startswith("sluice-export: ")
        assert "Traceback" not in said.err
        assert said.err.count("\n") == 1
        return said.err

    return run


def saved(value: object, path: Path, save=torch.save) -> Path:
    save(value, path)
    return path


def test_a_traced_file_in_train_mode(refused, tmp_path, mlp):
    path = saved(torch.jit.trace(mlp.train(), EXAMPLE, check_trace=False), tmp_path / "net.pt", torch.jit.save)
    said = refused("--model", path, "--input", "8")
    assert "net.pt is in train mode: 2 operators (aten::batch_norm, aten::dropout)" in said
    assert "Call model.eval() before tracing" in said


def test_an_exported_program_in_train_mode(refused, tmp_path, mlp):
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(mlp.train(), (EXAMPLE,), dynamic_shapes=shapes)
    said = refused("--model", saved(program, tmp_path / "net.pt2", torch.export.save), "--input", "8")
    assert "net.pt2 is in train mode" in said


def test_an_onnx_file_in_train_mode(refused, tmp_path, mlp):
    options = {"dynamo": False, "training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    axes = {"x": {0: "batch"}}
    path = tmp_path / "net.onnx"
    torch.onnx.export(mlp.train(), (EXAMPLE,), path, input_names=["x"], dynamic_axes=axes, opset_version=18, **options)
    assert "net.onnx is in train mode: 2 operators (BatchNormalization, Dropout)" in refused("--model", path)


def test_a_module_whose_dropout_is_always_on(refused, tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n        return torch.nn.functional.dropout(super().forward(x), 0.5)\n"
    )
    weights = saved(nn.Linear(8, 4).state_dict(), tmp_path / "net.pth")
    said = refused("--model", f"{tmp_path / 'noisy.py'}:Net", "--args", "[8, 4]", "--weights", weights, "--input", "8")
    assert "differently each time, in eval mode too" in said
    assert "F.dropout(x, training=self.training)" in said


class FixedBatch(nn.Module):
    def forward(self, x):
        return x.reshape(4, 2, 4).sum(2)


def test_a_traced_file_with_a_fixed_batch(refused, tmp_path):
    path = saved(torch.jit.trace(FixedBatch(), EXAMPLE), tmp_path / "net.pt", torch.jit.save)
    said = refused("--model", path, "--input", "8")
    assert "does not take 2 rows" in said


def test_an_exported_program_with_a_fixed_batch(refused, tmp_path, mlp):
    program = torch.export.export(mlp.eval(), (EXAMPLE[:2],))
    said = refused("--model", saved(program, tmp_path / "net.pt2", torch.export.save), "--input", "8")
    assert "does not take 8 rows, only the number that it was traced, exported or written for" in said
    assert 'dynamic_shapes={0: Dim("batch")}' in said


@pytest.mark.parametrize(("rows", "advice"), [(2, "dynamic_axes)."), (1, "one row a run: --batch-one.")])
def test_an_onnx_file_with_a_fixed_batch(refused, tmp_path, mlp, rows, advice):
    path = tmp_path / "net.onnx"
    torch.onnx.export(mlp.eval(), (EXAMPLE[:rows],), path, dynamo=False, opset_version=18)
    said = refused("--model", path)
    assert f"has a fixed batch: its inputs are onnx::Gemm_0 [{rows}, 8]" in said or f"[{rows}, 8]" in said
    assert advice in said


def test_a_pickled_module_without_trust_whose_code_does_not_run(refused, tmp_path):
    class Evil(nn.Module):
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = saved(Evil(), tmp_path / "net.pth")
    said = refused("--model", path, "--input", "8")
    assert "unpickling runs code from the file, so it was not opened" in said
    assert "--trust-pickle" in said
    assert "unpickling runs code" in refused("--model", CODE, "--weights", path, "--input", "8")
    assert not (tmp_path / "ran").exists()


def test_a_wrong_input_shape_with_the_models_own_complaint(refused, tmp_path, mlp):
    weights = saved(mlp.state_dict(), tmp_path / "net.pth")
    said = refused("--model", CODE, "--weights", weights, "--input", "9")
    assert "does not take x float32[2, 9]: mat1 and mat2 shapes cannot be multiplied (2x9 and 8x16)" in said
    assert "Correct --input: the shape of one row, without the batch axis" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("3x224xN", "'3x224xN' is not a row's sizes"), ("ids:int46:9", "int46 is no dtype"), ("ids:int64:9:5..2", "ends")],
)
def test_an_input_that_cannot_be_read(refused, text, complaint):
    assert complaint in refused("--model", CODE, "--weights", "net.pth", "--input", text)


def test_missing_and_unexpected_weights_keys(refused, tmp_path, mlp):
    state = mlp.state_dict()
    state["net.9.weight"] = state.pop("net.4.weight")
    state["net.4.bias"] = torch.zeros(7)
    said = refused("--model", CODE, "--weights", saved(state, tmp_path / "net.pth"), "--input", "8")
    assert "1 missing: net.4.weight; 1 unexpected: net.9.weight" in said
    assert "1 of another shape: net.4.bias: [7] in the file, [4] in the model" in said


def test_weights_that_are_not_given(refused):
    assert "has no weights but random ones. Give the trained ones: --weights net.pth" in refused("--model", CODE)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers(refused, tmp_path, mlp, value):
    state = copy.deepcopy(mlp.state_dict())
    state["net.0.weight"][0, 0] = value
    said = refused("--model", CODE, "--weights", saved(state, tmp_path / "net.pth"), "--input", "8")
    assert "1 weights hold NaN or infinity: net.0.weight" in said


def test_answers_that_are_not_numbers(refused, tmp_path, mlp):
    with torch.no_grad():
        mlp.net[0].weight[0, 0] = float("nan")
    frozen = torch.jit.freeze(torch.jit.script(mlp.eval()))
    path = saved(frozen, tmp_path / "net.pt", torch.jit.save)
    assert "The model answers NaN only. Its weights" in refused("--model", path, "--input", "8")


class Mixing(nn.Module):
    def forward(self, x):
        return x - x.mean(0, keepdim=True)


@pytest.mark.parametrize("way", [torch.jit.script, lambda module: torch.jit.trace(module, EXAMPLE)])
def test_rows_that_influence_each_other(refused, tmp_path, way):
    path = saved(way(Mixing()), tmp_path / "net.pt", torch.jit.save)
    said = refused("--model", path, "--input", "8")
    assert "Rows influence each other: 1 rows alone are answered differently than among 8" in said
    assert "--batch-one" in said


class Bessel(nn.Linear):
    def forward(self, x):
        return torch.special.bessel_j0(super().forward(x))


def test_an_operator_that_torch_cannot_convert_without_a_dump_of_the_graph(refused, tmp_path):
    path = saved(torch.jit.trace(Bessel(8, 4).eval(), EXAMPLE), tmp_path / "net.pt", torch.jit.save)
    said = refused("--model", path, "--input", "8")
    assert (
        "torch cannot convert net.pt to ONNX: by torchscript: Exporting the operator 'aten::special_bessel_j0'" in said
    )
    assert "by torchscript to torch.export: No ONNX function found for <OpOverload(op='prims.bessel_j0'" in said


def test_an_unknown_task(refused, tmp_path):
    said = refused("--model", CODE, "--weights", "net.pth", "--task", "detection")
    assert "The task 'detection' is not known; expected one of tensor, image-classification" in said


def test_a_parity_that_fails(refused, tmp_path, mlp):
    weights = saved(mlp.state_dict(), tmp_path / "net.pth")
    said = refused("--model", CODE, "--weights", weights, "--input", "8", "--tolerance", "1e-12")
    assert "No package was written" in said
    assert "If that is good enough, say so: --tolerance" in said


def test_an_existing_target(tmp_path, capsys):
    target = tmp_path / "net" / "1"
    target.mkdir(parents=True)
    assert cli.main(["--model", CODE, "--weights", "net.pth", "--input", "8", "-o", str(target)]) == 2
    assert "exists; versions do not change" in capsys.readouterr().err


def test_a_file_that_is_no_model(refused, tmp_path):
    (tmp_path / "net.pt").write_bytes(b"PK is how these begin, but this one is text")
    assert "net.pt is no model that is known" in refused("--model", tmp_path / "net.pt")


def test_weights_alone(refused, tmp_path, mlp):
    said = refused("--model", saved(mlp.state_dict(), tmp_path / "net.pth"), "--input", "8")
    assert "holds weights only. Give the class too: --model module.py:Net --weights net.pth" in said


def test_a_name_that_the_file_does_not_have(refused, tmp_path):
    (tmp_path / "nets.py").write_text("def make(): pass\n")
    said = refused("--model", f"{tmp_path / 'nets.py'}:Net", "--weights", "net.pth")
    assert "nets.py has no Net; it has make" in said
