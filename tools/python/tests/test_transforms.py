"""Transforms of training become the `image` section, or are refused by name; what it says gives the same numbers."""

import numpy as np
import pytest
import torch
from PIL import Image

import torchvision_standin as T
from sluice_export import ExportError
from sluice_export.image.preprocess import preprocess
from sluice_export.image.transforms import read_transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
FLOAT = T.ToDtype(torch.float32, scale=True)

READ = {
    "v1": (
        T.Compose([T.Resize(40), T.CenterCrop(32), T.ToTensor(), T.Normalize(MEAN, STD)]),
        {"resize": {"shorterSide": 40}, "crop": [32, 32], "mean": MEAN, "std": STD},
    ),
    "v2": (
        T.Compose([T.ToImage(), T.Resize([32, 24]), FLOAT, T.Normalize(MEAN, STD)]),
        {"resize": {"exact": [32, 24]}, "mean": MEAN, "std": STD},
    ),
    "gray, in a compose of its own": (
        T.Compose([T.Compose([T.Grayscale(), T.Resize((20, 30))]), T.ToTensor(), T.Normalize([0.5], [0.25])]),
        {"color": "GRAY", "resize": {"exact": [20, 30]}, "mean": [0.5], "std": [0.25]},
    ),
    "without normalisation": (
        T.Compose([T.CenterCrop((30, 50)), T.ToTensor()]),
        {"crop": [30, 50]},
    ),
    "unscaled": (
        T.Compose([T.Resize([8, 8]), T.ToImage(), T.ToDtype(torch.float32)]),
        {"resize": {"exact": [8, 8]}, "scale": 1},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_transforms_become_the_image_section(name):
    transform, section = READ[name]
    assert read_transforms(transform) == section


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("size", [(64, 48), (31, 97), (24, 20)])
def test_the_section_gives_what_the_transforms_give(name, size):
    transform, section = READ[name]
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    picture = Image.fromarray(pixels)
    expected = transform(picture).numpy()
    got = preprocess(picture, section)
    # A picture that was made a tensor before it was resized may be off by one level of 255.
    level = (1 / 255 / min(STD)) * 1.001 if name == "v2" else 0
    np.testing.assert_allclose(got, expected, atol=max(level, 1e-6))


def test_the_preset_that_comes_with_torchvisions_weights_is_read():
    assert read_transforms(T.ImageClassification(crop_size=224)) == {
        "resize": {"shorterSide": 256},
        "crop": [224, 224],
        "mean": MEAN,
        "std": STD,
    }


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([T.Resize(8, T.InterpolationMode.BICUBIC), T.ToTensor()], "Resize, here with interpolation bicubic"),
        ([T.Resize(8, max_size=9), T.ToTensor()], "Resize, here with max_size=9"),
        ([T.ToImage(), T.Resize(8, antialias=False), FLOAT], "Resize, here without antialias"),
        ([T.ToTensor(), T.Resize(8)], "Resize, which here acts on a float tensor"),
        ([T.CenterCrop(8), T.Resize(8), T.ToTensor()], "Resize, which here comes after CenterCrop"),
        ([T.Resize(8), T.Resize(9), T.ToTensor()], "Resize, which here comes twice"),
        ([T.RandomHorizontalFlip(), T.ToTensor()], "RandomHorizontalFlip, made for training"),
        ([T.Pad(2), T.ToTensor()], "Pad, which the service does not do"),
        ([lambda picture: picture, T.ToTensor()], "function, which the service does not do"),
        ([T.Grayscale(3), T.ToTensor()], "Grayscale, here with num_output_channels=3"),
        ([T.Resize(8), T.Grayscale(), T.ToTensor()], "Grayscale, which here comes after Resize"),
        ([T.Normalize(MEAN, STD), T.ToTensor()], "Normalize, which here comes before the float tensor"),
        ([T.ToImage(), T.ToDtype(torch.float64)], "ToDtype, here to torch.float64"),
        ([T.Resize(8)], "The transforms make no float tensor. Add ToTensor"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(steps, complaint):
    with pytest.raises(ExportError, match=complaint):
        read_transforms(T.Compose(steps))
