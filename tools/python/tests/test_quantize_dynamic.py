"""Weights only, and half precision: smaller, near enough, and safe where rows would influence each other."""

import json

import numpy as np
import onnx
import pytest
import torch

from quantize_models import DIGITS, Attending, TextLstm, export, quantize, write_digits, write_rows
from sluice_export import Package
from sluice_export.session import Session


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The packages lstm/1 and attending/1, and rows for them in lstm-rows and attending-rows."""
    folder = tmp_path_factory.mktemp("models")
    ids = torch.tensor([range(12), range(88, 100)])
    export(TextLstm(), ids, folder / "lstm" / "1")
    export(Attending(), torch.randn(2, 5, 32), folder / "attending" / "1")
    write_rows(folder / "lstm-rows" / "rows.npy", (24, 12), high=100)
    write_rows(folder / "attending-rows" / "rows.npy", (24, 5, 32))
    return folder


@pytest.mark.parametrize("name", ["lstm", "attending"])
def test_dynamic_quantization_keeps_the_answers_of_rows_that_run_alone(tmp_path, folder, name):
    report = quantize(folder / name / "1", tmp_path / name / "2", "--dynamic", "--held-out", folder / f"{name}-rows")
    assert report["heldOut"]["rows"] == 24
    assert 0 < report["heldOut"]["maxRelDiff"] <= 0.05
    assert report["bytes"]["ratio"] < 0.5
    assert report["excludedNodes"] == []


@pytest.mark.parametrize("name", ["lstm", "attending"])
def test_rows_that_would_mix_are_told_and_run_one_at_a_time(tmp_path, folder, name):
    report = quantize(folder / name / "1", tmp_path / name / "2", "--dynamic", "--held-out", folder / f"{name}-rows")
    assert report["rowMixing"]["mixes"]
    assert report["rowMixing"]["after"] > 1e-3 > 1e-5 > report["rowMixing"]["before"]
    assert any("maxBatchSize is set to 1" in note for note in report["notes"])
    assert Package.read(tmp_path / name / "2").manifest["batching"] == {"maxBatchSize": 1}


def test_static_quantization_does_not_mix_rows_and_keeps_batches(tmp_path, folder):
    target = tmp_path / "attending" / "2"
    report = quantize(folder / "attending" / "1", target, "--static", "--calibrate", folder / "attending-rows")
    assert report["rowMixing"] == {"before": report["rowMixing"]["before"], "after": 0, "mixes": False}
    assert "batching" not in Package.read(target).manifest


def test_without_rows_nothing_is_judged_and_the_report_says_so(tmp_path, folder):
    report = quantize(folder / "lstm" / "1", tmp_path / "lstm" / "2", "--dynamic")
    assert (report["wanted"], "heldOut" in report) == ("not judged", False)
    assert any("Name a folder with --held-out" in note for note in report["notes"])
    assert report["rowMixing"]["mixes"]


def nodes_of(folder):
    return onnx.load(folder / "attending" / "2" / "model.onnx").graph.node


def test_nodes_can_be_left_out_of_dynamic_quantization(tmp_path, folder):
    rows = folder / "attending-rows"
    whole = quantize(folder / "attending" / "1", tmp_path / "attending" / "2", "--dynamic", "--held-out", rows)
    assert whole["nodes"] == len([node for node in nodes_of(tmp_path) if node.op_type == "MatMulInteger"])
    wanted = whole["heldOut"]["maxRelDiff"] * 0.9
    flags = ("--dynamic", "--held-out", rows, "--max-difference", str(wanted))
    report = quantize(folder / "attending" / "1", tmp_path / "attending" / "3", *flags)
    assert report["heldOut"]["maxRelDiff"] <= wanted
    kept = onnx.load(tmp_path / "attending" / "3" / "model.onnx").graph.node
    assert 0 < len(report["excludedNodes"]) < report["nodes"]
    assert set(report["excludedNodes"]) < {node.name for node in kept}


def test_half_precision_is_half_the_size_with_inputs_and_outputs_as_before(tmp_path):
    pictures = write_digits(tmp_path / "pictures", 20)
    report = quantize(DIGITS, tmp_path / "digits" / "2", "--fp16", "--held-out", pictures)
    session = Session(tmp_path / "digits" / "2" / "model.onnx")
    assert {spec.dtype for spec in (*session.inputs, *session.outputs)} == {np.dtype(np.float32)}
    assert 0.5 <= report["bytes"]["ratio"] < 0.53
    assert report["heldOut"]["top1Agreement"] == 1
    assert report["heldOut"]["maxRelDiff"] < 0.005
    assert any("for size and for GPUs" in note for note in report["notes"])


def test_the_report_is_written_where_it_is_wanted_as_well(tmp_path, folder):
    file = tmp_path / "report.json"
    report = quantize(folder / "lstm" / "1", tmp_path / "lstm" / "2", "--dynamic", "--report", file)
    assert json.loads(file.read_text()) == report
    assert report["source"]["model.onnx"] == Package.read(folder / "lstm" / "1").manifest["files"]["model.onnx"]
    assert set(report["latency"]["rows"]) == {"1", "8", "32"}


def test_the_table_shows_before_and_after(tmp_path, folder, capsys):
    quantize(folder / "lstm" / "1", tmp_path / "lstm" / "2", "--dynamic")
    said = capsys.readouterr().out
    assert "before      after" in said
    assert "32 rows a run" in said
    assert "note: Rows of one run influence each other" in said
