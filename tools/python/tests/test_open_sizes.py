"""A size with ? behind it stays open in the ONNX file, and is proved at another one."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from sluice_export import ExportError
from sluice_export.inputs import parse_input
from sluice_export.packing import Target
from sluice_export.pipeline import export_source
from sluice_export.session import Session
from sluice_export.sources.opening import open_object
from sluice_export.subject import InputRequest
from sluice_export.tasks.description import Description


class Shifted(nn.Module):
    """Takes any size, unless it is told one: then a number stands in its graph."""

    def __init__(self, size: int | None = None):
        super().__init__()
        self.body, self.size = nn.Conv2d(3, 2, 3, padding=1), size

    def forward(self, x):
        values = self.body(x)
        return values if self.size is None else values.reshape(-1, 2, self.size, self.size)


@pytest.fixture
def export(tmp_path):
    def run(model: nn.Module, shape: str):
        target = Target(tmp_path / "net" / "1", Description())
        return export_source(open_object(model.eval()), InputRequest([parse_input(shape)]), target).folder

    return run


@pytest.mark.parametrize("kind", ["module", "torchscript"])
def test_an_open_size_is_open_in_the_file_and_proved_at_half_of_it(export, kind):
    model = Shifted().eval() if kind == "module" else torch.jit.script(Shifted().eval())
    folder = export(model, "3x16?x24?")
    session = Session(folder / "model.onnx")
    assert session.inputs[0].shape == (None, 3, None, None)
    (values,) = session.run({"x": np.zeros((2, 3, 7, 9), np.float32)}).values()
    assert values.shape == (2, 2, 7, 9)
    comparisons = json.loads((folder / "parity.json").read_text())["comparisons"]
    assert {each["verdict"] for each in comparisons if each["case"] == "other sizes"} == {"pass"}


def test_without_it_sizes_are_fixed(export):
    session = Session(export(Shifted(), "3x16x24") / "model.onnx")
    assert session.inputs[0].shape == (None, 3, 16, 24)


def test_a_model_that_has_the_size_as_a_number_is_refused(export):
    with pytest.raises(ExportError, match=r"Sizes are to stay open, and the model does not take x \[1, 3, 8, 8\]"):
        export(Shifted(16), "3x16?x16?")


@pytest.mark.parametrize("shape", ["3x?x16", "3x16??", "?", "3x0?"])
def test_a_question_mark_without_a_size_is_refused(shape):
    with pytest.raises(ExportError, match="is not a row's sizes"):
        parse_input(shape)
