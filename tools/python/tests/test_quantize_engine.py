"""Figures come from the engine of the service where it is there, and say so where it is not; answers are the same."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import sluice_export
from quantize_models import DIGITS, Convolutions, quantize, write_digits
from service import REPOSITORY
from sluice_export import Package
from sluice_export.image.preprocess import preprocess
from sluice_export.session import Session

HAS_NODE = shutil.which("node") is not None and (REPOSITORY / "node_modules/onnxruntime-node").is_dir()
needs_node = pytest.mark.skipif(not HAS_NODE, reason="node or onnxruntime-node is missing: run `npm ci`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The package digits/2 in models, its report, and pictures."""
    folder = tmp_path_factory.mktemp("folder")
    pictures = write_digits(folder / "pictures", 60)
    report = quantize(DIGITS, folder / "models" / "digits" / "2", "--static", "--calibrate", pictures)
    original = sluice_export.export(
        Convolutions(),
        torch.randn(2, 1, 16, 16),
        output=folder / "originals" / "shapes" / "1",
        task="image-classification",
        image={"resize": {"exact": [16, 16]}, "color": "GRAY"},
    )
    flags = ("--static", "--calibrate", pictures, "--agreement", "0")
    quantize(original.folder, folder / "models" / "shapes" / "2", *flags)
    return folder, report


@needs_node
def test_the_quantized_model_answers_in_onnxruntime_node_what_it_answers_in_python(folder):
    _, report = folder
    assert report["latency"]["engine"].startswith("onnxruntime-node ")
    assert "note" not in report["latency"]
    assert report["engines"]["rows"] == 32
    assert report["engines"]["top1Agreement"] == 1
    assert report["engines"]["maxRelDiff"] < 0.01


def test_without_node_time_is_taken_in_python_and_labelled_so(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = tmp_path / "digits" / "3"
    report = quantize(DIGITS, target, "--static", "--calibrate", folder[0] / "pictures")
    assert report["latency"]["engine"].endswith(" in Python")
    assert report["latency"]["note"] == "not measured in onnxruntime-node: node is not on the PATH"
    assert "Not measured in onnxruntime-node: node is not on the PATH." in report["notes"]
    assert "engines" not in report


@pytest.fixture(scope="module")
def service(folder, start_service):
    return start_service(folder[0] / "models")


def test_the_service_answers_what_the_samples_of_a_quantized_package_say(folder, service):
    samples = folder[0] / "models" / "shapes" / "2" / "samples"
    entries = json.loads((samples / "samples.json").read_text())["samples"]
    assert {entry["contentType"] for entry in entries} == {"image/png", "application/json"}
    for entry in entries:
        expected = json.loads((samples / entry["output"]).read_text())
        answer = service.predict("shapes", (samples / entry["input"]).read_bytes(), entry["contentType"])
        pairs = zip(answer.get("outputs", [answer]), expected.get("outputs", [expected]), strict=True)
        for got, want in pairs:
            assert got["prediction"] == want["prediction"]
            assert got["score"] == pytest.approx(want["score"], abs=entry["tolerance"])


def test_the_service_answers_pictures_with_the_class_that_python_finds(folder, service):
    package = Package.read(folder[0] / "models" / "digits" / "2")
    session = Session(package.model)
    for file in sorted((folder[0] / "pictures").iterdir())[:20]:
        with Image.open(file) as picture:
            row = preprocess(picture, package.manifest["image"])
        (scores,) = session.run({session.inputs[0].name: row[None]}).values()
        answer = service.predict("digits/2", file.read_bytes(), "image/png")
        assert answer["prediction"] == scores.argmax()
        powers = np.exp(scores[0] - scores.max())
        assert answer["score"] == pytest.approx(float(powers.max() / powers.sum()), abs=0.02)


def test_a_jpeg_is_calibrated_as_a_png_is(tmp_path, folder):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for file in (folder[0] / "pictures").iterdir():
        whole = io.BytesIO()
        Image.open(file).save(whole, "JPEG", quality=95)
        (pictures / f"{file.stem}.jpg").write_bytes(whole.getvalue())
    report = quantize(DIGITS, tmp_path / "digits" / "2", "--static", "--calibrate", pictures)
    assert report["heldOut"]["top1Agreement"] >= 0.99
