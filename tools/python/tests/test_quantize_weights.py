"""Weights of 7 bits: a package answers alike on every CPU, also where products are added in 16 bits."""

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from quantize_models import DIGITS, Attending, TextLstm, export, quantize, write_digits, write_rows
from sluice_export.session import Session

# x86 without VNNI adds two products of an activation, at most 255, and a weight in int16.
FITTING = (2**15 - 1) // (2 * 255)
NOTE = "Serve this package on CPUs with VNNI and on ARM only."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The packages lstm/1 and attending/1, and rows for the second and for digits."""
    folder = tmp_path_factory.mktemp("models")
    export(TextLstm(), torch.tensor([range(12), range(88, 100)]), folder / "lstm" / "1")
    export(Attending(), torch.randn(2, 5, 32), folder / "attending" / "1")
    write_rows(folder / "attending-rows" / "rows.npy", (24, 5, 32))
    write_digits(folder / "digits-rows", 20)
    return folder


def run(folder, target, name, *flags):
    """The report of `name`, quantized to `target`; whatever its answers are on this CPU."""
    package = DIGITS if name == "digits" else folder / name / "1"
    anything = ("--agreement", "0") if name == "digits" else ("--max-difference", "9")
    rows = ("--calibrate", folder / f"{name}-rows") if "--static" in flags else ()
    return quantize(package, target, *flags, *rows, *anything)


def largest_weight(target):
    arrays = map(onnx.numpy_helper.to_array, onnx.load(target / "model.onnx").graph.initializer)
    return max(np.abs(array.astype(int)).max() for array in arrays if array.dtype == np.int8 and array.ndim > 1)


CASES = [("digits", "--static"), ("attending", "--static"), ("attending", "--dynamic"), ("lstm", "--dynamic")]


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_two_products_of_any_activations_fit_into_what_the_weakest_cpu_adds_them_in(tmp_path, folder, name, mode):
    report = run(folder, tmp_path / name / "2", name, mode)
    assert largest_weight(tmp_path / name / "2") == FITTING
    assert report["settings"]["weights"] == "int8, a scale per channel, 7 bits"
    assert not any(NOTE in note for note in report["notes"])


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_weights_can_take_8_bits_and_the_report_says_where_to_serve_them(tmp_path, folder, name, mode):
    report = run(folder, tmp_path / name / "2", name, mode, "--no-reduce-range")
    assert largest_weight(tmp_path / name / "2") == 127
    assert report["settings"]["weights"] == "int8, a scale per channel"
    assert any(NOTE in note for note in report["notes"])


def test_the_answers_on_this_cpu_are_those_of_exact_arithmetic(tmp_path, folder):
    target = tmp_path / "attending" / "2"
    run(folder, target, "attending", "--dynamic")
    session = Session(target / "model.onnx")
    exact = ReferenceEvaluator(onnx.load(target / "model.onnx"))
    for row in np.load(folder / "attending-rows" / "rows.npy")[:8]:
        feeds = {session.inputs[0].name: row[None]}
        (got,), (want,) = session.run(feeds).values(), exact.run(None, feeds)
        assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
