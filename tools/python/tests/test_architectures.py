"""Networks of many kinds, kept in every way in which people keep them, answer over HTTP what PyTorch answers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from architectures import ARCHITECTURES
from sluice_export import cli
from sluice_export.inputs import parse_input
from sluice_export.session import Session

WAYS = [(name, way) for name, architecture in ARCHITECTURES.items() for way in ("state-dict", *architecture.kept_as)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory):
    """Saves a model in one of the ways, in train mode as training leaves it; returns the flags that name it."""
    folder = tmp_path_factory.mktemp("kept")

    def save(name: str, way: str) -> list[str]:
        architecture = ARCHITECTURES[name]
        model = architecture.model()
        if way == "state-dict":
            spec = f"{Path(__file__).parent / 'architectures.py'}:{architecture.make.__name__}"
            if name == "mlp":
                save_file(model.state_dict(), folder / "mlp.safetensors")
                return ["--model", spec, "--weights", str(folder / "mlp.safetensors")]
            torch.save(model.state_dict(), folder / f"{name}.pth")
            return ["--model", spec, "--weights", str(folder / f"{name}.pth")]
        path = folder / f"{name}-{way}.pt"
        if way == "traced":
            torch.jit.save(torch.jit.trace(model.eval(), architecture.example(2)), path)
        else:
            torch.jit.save(torch.jit.script(model), path)
        return ["--model", str(path)]

    return save


@pytest.fixture(scope="module")
def packages(models: Path, keep) -> dict[tuple[str, str], Path]:
    """All of them, exported by the command line into one folder; what cannot be exported is missing."""
    written = {}
    for name, way in WAYS:
        flags = [word for text in ARCHITECTURES[name].inputs for word in ("--input", text)]
        folder = models / f"{name}-{way}" / "1"
        assert cli.main([*keep(name, way), *flags, "-o", str(folder)]) == 0, f"{name}, {way}"
        written[name, way] = folder
    return written


@pytest.fixture(scope="module")
def service(models: Path, packages, start_service):
    return start_service(models)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_its_package_proves_that_it_answers_what_pytorch_answers(packages, name, way):
    parity = json.loads((packages[name, way] / "parity.json").read_text())
    assert parity["verdict"] == "pass"
    assert {entry["rows"] for entry in parity["comparisons"] if entry["case"] == "random"} == {1, 2, 3, 5, 8}
    assert parity["maxAbsDiff"] < 1e-5


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_its_file_takes_any_number_of_rows_of_the_shape_that_was_tried(packages, name, way):
    session = Session(packages[name, way] / "model.onnx")
    rows = [parse_input(text).shape for text in ARCHITECTURES[name].inputs]
    assert [each.shape for each in session.inputs] == [(None, *row) for row in rows]
    assert all(each.shape[0] is None for each in session.outputs)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_it_answers_over_http_what_pytorch_answers(service, name, way):
    architecture = ARCHITECTURES[name]
    model = architecture.model().eval()
    example = architecture.example(3)
    with torch.no_grad():
        expected = model(*example)
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = [text.split(":")[0] for text in architecture.inputs if ":" in text] or list(_names(service, name, way))
    tensors = dict(zip(names, (tensor.tolist() for tensor in example), strict=True))
    answer = service.predict(f"{name}-{way}", {"tensors": tensors})
    for got, want in zip(answer["tensors"].values(), expected, strict=True):
        np.testing.assert_allclose(np.array(got), want.numpy(), atol=1e-4)


def _names(service, name: str, way: str) -> list[str]:
    """The inputs' names as a golden sample of the package has them."""
    sample = service.models / f"{name}-{way}" / "1" / "samples" / "0.input.json"
    return list(json.loads(sample.read_text())["tensors"])
