"""Golden samples can be sent to the service as they are, and it answers what they say."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sluice_export
from architectures import ARCHITECTURES

PACKAGES = ("classifier", "sigmoid", "two-outputs", "tokens", "not-finite")


class NotFinite(nn.Module):
    """Answers NaN for negative numbers, and infinity for 0."""

    def forward(self, x):
        return torch.cat([x.log(), 1 / x.round().abs()], 1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("classifier", "sigmoid"):
        architecture = ARCHITECTURES["cnn"]
        sluice_export.export(
            architecture.model(),
            architecture.example(2),
            output=folder / name / "1",
            task="image-classification",
            image={"resize": {"shorterSide": 20}, "crop": [16, 16], "color": "BGR", "mean": [0.4, 0.5, 0.6]},
            labels=[*"abcde"] if name == "classifier" else None,
            activation="softmax" if name == "classifier" else "sigmoid",
            top_k=3,
        )
    for name in ("two-outputs", "tokens"):
        sluice_export.export(ARCHITECTURES[name].model(), ARCHITECTURES[name].example(20), output=folder / name / "1")
    sluice_export.export(NotFinite(), torch.randn(2, 3), output=folder / "not-finite" / "1")
    return folder


@pytest.fixture(scope="module")
def service(models, start_service):
    return start_service(models)


def samples_of(package: Path) -> list[dict[str, Any]]:
    return json.loads((package / "samples" / "samples.json").read_text())["samples"]


def check_close(got: Any, want: Any, tolerance: float) -> None:
    if isinstance(want, dict):
        assert got.keys() >= want.keys()
        for key in want:
            check_close(got[key], want[key], tolerance)
    elif isinstance(want, list):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            check_close(one, other, tolerance)
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=tolerance, abs=tolerance)
    else:
        assert got == want


@pytest.mark.parametrize("name", PACKAGES)
def test_the_service_answers_what_the_samples_say(models, service, name):
    samples = samples_of(models / name / "1")
    for sample in samples:
        folder = models / name / "1" / "samples"
        expected = json.loads((folder / sample["output"]).read_text())
        answer = service.predict(name, (folder / sample["input"]).read_bytes(), sample["contentType"])
        if "prediction" in expected or "outputs" in expected:
            # A classifier answers classes; its raw outputs are for whoever runs the file itself.
            del expected["tensors"]
        check_close(answer, expected, sample["tolerance"])


def test_a_classifier_has_pictures_and_rows_as_samples(models):
    kinds = [sample["contentType"] for sample in samples_of(models / "classifier" / "1")]
    assert kinds == ["image/png", "image/png", *["application/json"] * 3]


def test_samples_of_several_rows_are_there(models):
    folder = models / "tokens" / "1" / "samples"
    rows = [
        len(json.loads((folder / sample["input"]).read_text())["tensors"]["ids"])
        for sample in samples_of(folder.parent)
    ]
    assert rows == [1, 2, 3]
