"""A mobile package answers as the package it was made from, in onnxruntime for Python and in the service's engine."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sluice_export import ExportError, Package
from sluice_export.cli import main
from sluice_export.mobile.compare import Comparison, batches_for, compare
from sluice_export.mobile.convert import operators_of, to_mobile
from sluice_export.package import drafting
from sluice_export.session import Session

REPOSITORY = Path(__file__).parents[3]
DIGITS = REPOSITORY / "models" / "digits" / "1"
ENGINE = REPOSITORY / "dist" / "libs" / "inference" / "src" / "engine" / "index.js"
PICTURE = REPOSITORY / "examples" / "digits" / "seven.png"

# With `packages`, `engine` and `picture`: prints the classes that the service's engine answers for each package.
PREDICT = """
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
const [engine, picture, ...packages] = process.argv.slice(1);
const { openModel } = await import(pathToFileURL(engine));
const answers = [];
for (const folder of packages) {
  const model = await openModel(folder);
  answers.push(await model.predict(await readFile(picture)));
  await model.close();
}
console.log(JSON.stringify(answers));
"""


def model_of(nodes: list[onnx.NodeProto], inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
    """A serialised model of `[N, 4]` inputs and `[N, ?]` outputs, given by name and element type."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, dtype, ["N", 4]) for name, dtype in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, ["N", None]) for name, dtype in outputs.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def package_of(folder: Path, model: bytes, files: dict[str, str] | None = None) -> Path:
    with drafting(folder) as draft:
        (draft.folder / "model.onnx").write_bytes(model)
        for name, text in (files or {}).items():
            (draft.folder / name).parent.mkdir(exist_ok=True)
            (draft.folder / name).write_text(text)
        draft.finish({"name": folder.parent.name, "version": folder.name, "task": "tensor"})
    return folder


RELU = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": TensorProto.FLOAT}, {"y": TensorProto.FLOAT})


def test_the_command_writes_a_package_with_the_same_manifest_and_labels(tmp_path, capsys):
    target = tmp_path / "mobile" / "digits" / "2"
    assert main(["mobile", str(DIGITS), "-o", str(target)]) == 0
    said = capsys.readouterr().out
    assert "answers: a difference of" in said and "operators: ai.onnx Gemm," in said
    package, source = Package.read(target), Package.read(DIGITS)
    assert package.model.name == "model.ort"
    assert {**package.manifest, "files": {}} == {**source.manifest, "version": "2", "files": {}}
    assert sorted(package.manifest["files"]) == ["labels.json", "model.ort", "required_operators.config"]
    assert (target / "labels.json").read_bytes() == (DIGITS / "labels.json").read_bytes()


def test_the_command_of_the_documentation_prints_what_stands_there(tmp_path, capsys, monkeypatch):
    page = (REPOSITORY / "docs" / "edge.md").read_text(encoding="utf-8")
    command = re.search(r"^sluice-export (mobile .*)$", page, re.MULTILINE)[1]
    printed = re.search(r"^```text\n(mobile/.*?)^```", page, re.MULTILINE | re.DOTALL)[1]
    (tmp_path / "models").symlink_to(REPOSITORY / "models")
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 0
    assert without_figures(capsys.readouterr().out) == without_figures(printed)


def without_figures(text: str) -> str:
    """Sizes and differences change with the version of onnxruntime."""
    return re.sub(r"\d[\d.e+-]*", "#", text)


def test_model_ort_answers_what_model_onnx_answers(tmp_path):
    to_mobile(DIGITS, tmp_path / "digits" / "1")
    pictures = np.random.default_rng(1).random((5, 1, 16, 16), dtype=np.float32)
    expected = Session(DIGITS / "model.onnx").run({"image": pictures})["logits"]
    came = Session(tmp_path / "digits" / "1" / "model.ort").run({"image": pictures})["logits"]
    np.testing.assert_allclose(came, expected, atol=1e-4)
    assert np.ptp(expected) > 1


def test_the_engine_of_the_service_loads_model_ort_and_scores_the_same(tmp_path):
    node = shutil.which("node")
    if node is None or not ENGINE.is_file():
        pytest.skip('left out: the service\'s engine on model.ort (needs Node, and "npm ci && npm run build" before)')
    to_mobile(DIGITS, tmp_path / "digits" / "1")
    command = [node, "--input-type=module", "-e", PREDICT, ENGINE, PICTURE, DIGITS, tmp_path / "digits" / "1"]
    answered = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    expected, came = json.loads(answered.stdout)
    assert came["prediction"] == expected["prediction"] == 7
    for one, other in zip(came["top"], expected["top"], strict=True):
        assert one["label"] == other["label"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)


def test_the_list_of_operators_has_their_types_and_no_folder_of_the_machine(tmp_path):
    to_mobile(package_of(tmp_path / "relu" / "1", RELU), tmp_path / "mobile" / "relu" / "1")
    assert (tmp_path / "mobile" / "relu" / "1" / "required_operators.config").read_text() == (
        'ai.onnx;14;Relu{"inputs": {"0": ["float"]}}\n'
    )


def test_operators_are_read_apart_from_their_types():
    listed = '# made\nai.onnx;13;Cast{"inputs": {"0": ["float", "int8_t"]}, "outputs": {}},Gemm\ncom.microsoft;1;Gelu\n'
    assert operators_of(listed) == ["ai.onnx Cast", "ai.onnx Gemm", "com.microsoft Gelu"]


def test_samples_come_along_and_what_was_proved_of_model_onnx_alone_does_not(tmp_path):
    files = {"parity.json": "{}", "notes.txt": "text", "samples/0.json": "[1]"}
    to_mobile(package_of(tmp_path / "relu" / "1", RELU, files), tmp_path / "mobile" / "relu" / "1")
    written = {path.name for path in (tmp_path / "mobile" / "relu" / "1").rglob("*") if path.is_file()}
    assert written == {"model.json", "model.ort", "required_operators.config", "notes.txt", "0.json"}


def test_a_package_without_model_onnx_is_refused(tmp_path, capsys):
    to_mobile(DIGITS, tmp_path / "digits" / "1")
    assert main(["mobile", str(tmp_path / "digits" / "1"), "-o", str(tmp_path / "digits" / "2")]) == 2
    assert "holds model.ort; a package with model.onnx is converted" in capsys.readouterr().err
    assert not (tmp_path / "digits" / "2").exists()


def test_a_model_that_onnxruntime_cannot_load_is_refused_with_its_reason(tmp_path):
    unknown = model_of([helper.make_node("Nonsense", ["x"], ["y"])], {"x": TensorProto.FLOAT}, {"y": TensorProto.FLOAT})
    with pytest.raises(ExportError, match=r"cannot load the model:.*Nonsense"):
        to_mobile(package_of(tmp_path / "net" / "1", unknown), tmp_path / "mobile" / "net" / "1")


def compared(first: bytes, second: bytes) -> Comparison:
    one = Session(first)
    return compare(one, Session(second), batches_for(one, Path("none")))


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING])
def test_files_that_answer_otherwise_are_told_apart_whatever_they_hold(dtype):
    def model(*nodes: onnx.NodeProto) -> bytes:
        return model_of(list(nodes), {"x": dtype}, {"y": dtype})

    copy = model(helper.make_node("Identity", ["x"], ["y"]))
    twice = model(helper.make_node("Concat", ["x", "x"], ["y"], axis=1))
    assert compared(copy, copy) == Comparison(1, 0)
    assert not compared(copy, twice).is_equal


@pytest.mark.parametrize(("factor", "is_equal"), [(1.00001, True), (1.001, False), (float("nan"), False)])
def test_rounding_is_let_pass_and_a_real_difference_is_not(factor, is_equal):
    def scaled(by: float) -> bytes:
        constant = helper.make_node("Constant", [], ["by"], value=helper.make_tensor("by", TensorProto.FLOAT, [], [by]))
        nodes = [constant, helper.make_node("Mul", ["x", "by"], ["y"])]
        return model_of(nodes, {"x": TensorProto.FLOAT}, {"y": TensorProto.FLOAT})

    assert compared(scaled(1000), scaled(1000 * factor)).is_equal == is_equal


def picky() -> bytes:
    """Takes any number of rows that is a multiple of 5."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 20])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    return model_of(nodes, {"x": TensorProto.FLOAT}, {"y": TensorProto.FLOAT})


def test_inputs_that_cannot_be_made_up_are_said_not_to_be_compared(tmp_path):
    report = to_mobile(package_of(tmp_path / "net" / "1", picky()), tmp_path / "mobile" / "net" / "1")
    assert str(report.comparison).startswith("not compared: the package has no samples")


def test_the_samples_of_the_package_are_compared_where_it_has_them(tmp_path):
    sample = {"samples/0.input.json": json.dumps({"tensors": {"x": [[0.5] * 4] * 5}})}
    report = to_mobile(package_of(tmp_path / "net" / "1", picky(), sample), tmp_path / "mobile" / "net" / "1")
    assert report.comparison == Comparison(1, 0)
