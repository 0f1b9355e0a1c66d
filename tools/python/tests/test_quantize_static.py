"""Static quantization: a whole package that answers nearly the same, or none."""

import json
import shutil

import numpy as np
import onnx
import pytest
import torch

from quantize_models import DIGITS, Spoiled, export, quantize, write_digits, write_rows
from sluice_export import Package
from sluice_export.cli import main
from sluice_export.session import Session


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("pictures") / "digits", 80)


@pytest.fixture(scope="module")
def digits(tmp_path_factory, pictures):
    """The package, and its report."""
    folder = tmp_path_factory.mktemp("models") / "digits" / "2"
    return folder, quantize(DIGITS, folder, "--static", "--calibrate", pictures)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    return export(Spoiled(), torch.randn(2, 16), tmp_path_factory.mktemp("models") / "spoiled" / "1")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.npy", (64, 16))


def test_pictures_in_a_folder_make_a_package_a_third_as_large_that_answers_the_same(digits):
    _, report = digits
    assert report["heldOut"]["rows"] == 20
    assert report["heldOut"]["classesPredicted"] >= 8
    assert report["heldOut"]["top1Agreement"] >= 0.99
    assert report["bytes"]["ratio"] < 0.33
    assert report["settings"]["calibrationRows"] == 60


def test_the_package_is_whole_and_says_of_itself_what_the_original_said(digits):
    folder, _ = digits
    package, original = Package.read(folder), Package.read(DIGITS)
    changed = {"version": "2", "files": package.manifest["files"]}
    assert package.manifest == {**original.manifest, **changed}
    assert set(package.manifest["files"]) >= {"model.onnx", "labels.json", "quantization.json"}
    assert (folder / "labels.json").read_bytes() == (DIGITS / "labels.json").read_bytes()


def test_weights_are_int8_by_channel_and_activations_uint8(digits):
    graph = onnx.load(digits[0] / "model.onnx").graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scales = [(node, values[node.input[1]]) for node in graph.node if node.op_type == "DequantizeLinear"]
    weights = [scale for node, scale in scales if values.get(node.input[0], np.zeros(0)).dtype == np.int8]
    assert [scale.shape for scale in weights] == [(16,), (32,), (48,), (64,), (10,)]
    zeros = [values[node.input[2]].dtype for node in graph.node if node.op_type == "QuantizeLinear"]
    assert zeros
    assert set(zeros) == {np.dtype(np.uint8)}


def test_scores_are_not_rounded_to_8_bits(digits):
    graph = onnx.load(digits[0] / "model.onnx").graph
    (last,) = (node for node in graph.node if graph.output[0].name in node.output)
    assert last.op_type == "Gemm"


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_each_method_of_calibration_gives_a_good_package(tmp_path, pictures, method):
    report = quantize(DIGITS, tmp_path / "digits" / "2", "--static", "--calibrate", pictures, "--method", method)
    assert report["settings"]["method"] == method
    assert report["heldOut"]["top1Agreement"] >= 0.99


def test_layers_that_spoil_the_answers_stay_in_float32_and_no_others(tmp_path, spoiled, rows):
    report = quantize(spoiled, tmp_path / "spoiled" / "2", "--static", "--calibrate", rows)
    model = onnx.load(tmp_path / "spoiled" / "2" / "model.onnx")
    names = {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    kept = [node for node in model.graph.node if node.op_type == "Gemm" and names & set(node.input)]
    assert [node.name for node in kept] == sorted(report["excludedNodes"])
    assert any("loud" in name for node in kept for name in node.input)
    assert any("listening" in name for node in kept for name in node.input)
    assert len(report["excludedNodes"]) == 2
    assert [each["accepted"] for each in report["tries"]] == [False, False, True]
    assert report["heldOut"]["maxRelDiff"] <= 0.05


def test_rows_of_one_class_are_said_to_prove_little(tmp_path, pictures):
    (tmp_path / "sevens").mkdir()
    for index in range(7, 80, 10):
        shutil.copy(pictures / f"{index:03}.png", tmp_path / "sevens")
    flags = ("--static", "--calibrate", pictures, "--held-out", tmp_path / "sevens")
    report = quantize(DIGITS, tmp_path / "digits" / "2", *flags)
    assert report["heldOut"]["classesPredicted"] == 1
    assert any("Give rows of every class" in note for note in report["notes"])


def test_tries_are_bounded_and_a_model_that_is_not_good_enough_is_not_written(tmp_path, spoiled, rows, capsys):
    flags = ["--static", "--calibrate", str(rows), "--tries", "2", "--seconds", "0"]
    assert main(["quantize", str(spoiled), "-o", str(tmp_path / "spoiled" / "2"), *flags]) == 2
    said = capsys.readouterr().err
    assert "largest difference 0.05 of the largest value was wanted" in said
    assert "the best of 2 tries has" in said
    assert "more --tries" in said
    assert list(tmp_path.rglob("*.onnx")) == []


def test_samples_are_kept_with_the_answers_of_the_quantized_model(tmp_path, rows, spoiled):
    report = quantize(spoiled, tmp_path / "spoiled" / "2", "--static", "--calibrate", rows)
    before, after = spoiled / "samples", tmp_path / "spoiled" / "2" / "samples"
    session = Session(after.parent / "model.onnx")
    entries = json.loads((after / "samples.json").read_text())["samples"]
    assert (
        len(entries) == len(json.loads((before / "samples.json").read_text())["samples"]) == report["samples"]["kept"]
    )
    for entry in entries:
        assert (after / entry["input"]).read_bytes() == (before / entry["input"]).read_bytes()
        got, want = (json.loads((folder / entry["output"]).read_text())["tensors"] for folder in (after, before))
        (name,) = want
        rows = json.loads((after / entry["input"]).read_text())["tensors"]
        feeds = {key: np.array(value, np.float32) for key, value in rows.items()}
        assert np.array_equal(session.run(feeds)[name], np.array(got[name], np.float32))
        difference = np.abs(np.array(got[name]) - np.array(want[name])).max()
        assert 0 < difference <= 2.2 * entry["tolerance"] * max(1, np.abs(want[name]).max())


def test_held_out_rows_can_be_given_and_calibration_then_uses_all_of_its_own(tmp_path, pictures):
    held_out = write_digits(tmp_path / "held-out", 12)
    target = tmp_path / "digits" / "2"
    report = quantize(DIGITS, target, "--static", "--calibrate", pictures, "--held-out", held_out)
    assert (report["settings"]["calibrationRows"], report["heldOut"]["rows"]) == (80, 12)
