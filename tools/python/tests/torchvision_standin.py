"""Stand-ins for torchvision's transforms, as torchvision is not to be had for every build of torch: the same names,
modules and attributes, and the same results, so that what is read from them can be compared with what they do.
"""

from enum import Enum

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


class InterpolationMode(Enum):
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def _is_named_as(module: str):
    def rename(cls: type) -> type:
        cls.__module__ = module
        return cls

    return rename


v1 = _is_named_as("torchvision.transforms.transforms")


@v1
class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, picture):
        for transform in self.transforms:
            picture = transform(picture)
        return picture


@v1
class Resize:
    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        self.size = size
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def __call__(self, picture):
        is_tensor = isinstance(picture, torch.Tensor)
        height, width = picture.shape[-2:] if is_tensor else (picture.height, picture.width)
        if isinstance(self.size, int):
            short, long = sorted((height, width))
            longer = int(self.size * long / short)
            size = (self.size, longer) if height <= width else (longer, self.size)
        else:
            size = self.size
        if not is_tensor:
            return picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return F.interpolate(picture[None], size, mode="bilinear", antialias=self.antialias)[0]


@v1
class CenterCrop:
    def __init__(self, size):
        self.size = (size, size) if isinstance(size, int) else size

    def __call__(self, picture):
        height, width = self.size
        if isinstance(picture, torch.Tensor):
            top, left = (round((have - want) / 2.0) for have, want in zip(picture.shape[-2:], self.size, strict=True))
            return picture[..., top : top + height, left : left + width]
        if width > picture.width or height > picture.height:
            left, top = max(0, (width - picture.width) // 2), max(0, (height - picture.height) // 2)
            padded = Image.new(picture.mode, (max(width, picture.width), max(height, picture.height)))
            padded.paste(picture, (left, top))
            picture = padded
        left, top = round((picture.width - width) / 2.0), round((picture.height - height) / 2.0)
        return picture.crop((left, top, left + width, top + height))


@v1
class Grayscale:
    def __init__(self, num_output_channels=1):
        self.num_output_channels = num_output_channels

    def __call__(self, picture):
        return picture.convert("L")


@v1
class ToTensor:
    def __call__(self, picture):
        return ToImage()(picture).to(torch.float32) / 255


@v1
class Normalize:
    def __init__(self, mean, std, inplace=False):
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, tensor):
        return (tensor - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]


@_is_named_as("torchvision.transforms.v2._type_conversion")
class ToImage:
    def __call__(self, picture):
        pixels = torch.from_numpy(np.array(picture))
        return (pixels[:, :, None] if pixels.ndim == 2 else pixels).permute(2, 0, 1)


@_is_named_as("torchvision.transforms.v2._misc")
class ToDtype:
    def __init__(self, dtype, scale=False):
        self.dtype, self.scale = dtype, scale

    def __call__(self, tensor):
        return tensor.to(self.dtype) / (255 if self.scale else 1)


@v1
class RandomHorizontalFlip:
    def __init__(self, p=0.5):
        self.p = p


@v1
class Pad:
    def __init__(self, padding):
        self.padding = padding


@_is_named_as("torchvision.transforms._presets")
class ImageClassification:
    def __init__(self, crop_size, resize_size=256):
        self.crop_size, self.resize_size = [crop_size], [resize_size]
        self.mean, self.std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        self.interpolation, self.antialias = InterpolationMode.BILINEAR, True
