"""Preprocessing without drift: Pillow and PyTorch in Python, and Sluice over HTTP, see the same picture."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import nn

import sluice_export
import torchvision_standin as T
from service import REPOSITORY
from sluice_export.image.preprocess import preprocess
from sluice_export.samples import drawn_picture

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
FIXTURES = REPOSITORY / "test/fixtures/images"
SHARED = REPOSITORY.parent / "shared/data/images"
CLASSES = 12
TRANSFORMS = {
    "v1": T.Compose([T.Resize(40), T.CenterCrop(32), T.ToTensor(), T.Normalize(MEAN, STD)]),
    "v2": T.Compose([T.ToImage(), T.Resize([32, 32]), T.ToDtype(torch.float32, scale=True), T.Normalize(MEAN, STD)]),
    "gray": T.Compose([T.Grayscale(), T.Resize(32), T.CenterCrop(32), T.ToTensor()]),
}


def pictures() -> dict[str, bytes]:
    """Twenty at least: generated ones, the repository's fixtures, and photographs where they are to be had."""
    found = {path.name: path.read_bytes() for path in sorted(FIXTURES.iterdir()) if "refused" not in path.name}
    for size in ((48, 64), (90, 41), (200, 300), (33, 32), (7, 120)):
        for name, options in (("PNG", {}), ("JPEG", {"quality": 92}), ("WEBP", {"lossless": True})):
            file = io.BytesIO()
            drawn_picture(size).save(file, name, **options)
            found[f"drawn {size[0]}x{size[1]} {name}"] = file.getvalue()
    if SHARED.is_dir():
        found |= {path.name: path.read_bytes() for path in sorted(SHARED.iterdir())}
    return found


PICTURES = pictures()


def classifier(channels: int) -> nn.Module:
    """Random, but decided: it answers many classes, and with scores that are far from even."""
    torch.manual_seed(1)
    head = nn.Linear(16 * 16, CLASSES)
    model = nn.Sequential(nn.Conv2d(channels, 16, 5, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), head)
    with torch.no_grad():
        head.weight.mul_(8)
    return model.eval()


@pytest.fixture(scope="module")
def service(tmp_path_factory, start_service):
    models = tmp_path_factory.mktemp("models")
    for name, transform in TRANSFORMS.items():
        channels = 1 if name == "gray" else 3
        sluice_export.export(
            classifier(channels),
            torch.zeros(2, channels, 32, 32),
            output=models / name / "1",
            task="image-classification",
            image=transform,
            labels=[f"class {index}" for index in range(CLASSES)],
        )
    return start_service(models)


def upright(data: bytes) -> Image.Image:
    """As the service reads it (docs/models.md): turned by its EXIF orientation, 16 bits to 8, in RGB."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return picture.convert("RGB")


def test_there_are_twenty_pictures_at_least():
    assert len(PICTURES) >= 20


@pytest.mark.skipif(not SHARED.is_dir(), reason="photographs are missing: ../shared/data/images")
def test_photographs_are_among_them():
    assert "kitten.jpg" in PICTURES


@pytest.mark.parametrize("name", TRANSFORMS)
def test_sluice_gives_the_same_top_5_and_probabilities_within_a_thousandth(service, name):
    model = classifier(1 if name == "gray" else 3)
    predicted = set()
    for file, data in PICTURES.items():
        with torch.no_grad():
            scores = model(TRANSFORMS[name](upright(data))[None]).softmax(1)[0].double().numpy()
        answer = service.predict(name, data, "application/octet-stream")
        order = np.argsort(-scores, kind="stable")[:5]
        top = [each["index"] for each in answer["top"]]
        # A picture that was a tensor when it was resized is off by a level here and there: enough to swap two classes
        # whose probabilities are the same but for a thousandth.
        assert top == list(order) or (name == "v2" and np.allclose(scores[top], scores[order], atol=1e-3)), file
        np.testing.assert_allclose([each["score"] for each in answer["top"]], scores[order], atol=1e-3, err_msg=file)
        assert answer["label"] == f"class {order[0]}"
        predicted.add(answer["prediction"])
    assert len(predicted) >= 3


@pytest.mark.parametrize("name", TRANSFORMS)
def test_pictures_are_prepared_in_python_from_model_json_as_by_the_transforms(service, name):
    section = sluice_export.Package.read(service.models / name / "1").manifest["image"]
    for file, data in PICTURES.items():
        expected = TRANSFORMS[name](upright(data)).numpy()
        got = preprocess(Image.open(io.BytesIO(data)), section)
        np.testing.assert_allclose(got, expected, atol=0.018 if name == "v2" else 1e-6, err_msg=file)
