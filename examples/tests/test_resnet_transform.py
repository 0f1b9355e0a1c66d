"""The two forms in which the ResNet example says its preprocessing, a Compose and JSON, say the same."""

import json
import sys

import numpy as np
from PIL import Image

import torchvision_standin
from service import REPOSITORY
from sluice_export.image.transforms import read_transforms
from sluice_export.sources.code import load_name

FOLDER = REPOSITORY / "examples/resnet-imagenet"


def test_the_compose_for_torchvision_is_read_into_the_section_of_image_json(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", torchvision_standin)
    monkeypatch.setitem(sys.modules, "torchvision.transforms", torchvision_standin)
    compose = load_name(f"{FOLDER / 'transform.py'}:validation")
    assert read_transforms(compose) == json.loads((FOLDER / "image.json").read_text(encoding="utf-8"))


def test_what_stands_in_for_torchvision_in_the_example_prepares_alike():
    by_hand = load_name(f"{FOLDER / 'transform.py'}:by_hand")
    T = torchvision_standin
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    compose = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(mean, std)])
    for width, height in ((640, 427), (301, 900), (225, 227), (100, 80)):
        pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels)
        np.testing.assert_allclose(by_hand(picture).numpy(), compose(picture).numpy(), atol=1e-6)
