"""How pictures are prepared for validation: ImageNet's way, by torchvision, or by Pillow where that is missing."""

import numpy as np
import torch
from PIL import Image

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def by_hand(picture: Image.Image) -> torch.Tensor:
    """float32 [3, 224, 224] of an RGB picture."""
    width, height = picture.size
    short = min(width, height)
    picture = picture.resize((width * 256 // short, height * 256 // short), Image.Resampling.BILINEAR)
    left, top = (round((side - 224) / 2) for side in picture.size)
    pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), dtype=np.float32) / 255
    return torch.from_numpy((pixels - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)


try:
    from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor
except ModuleNotFoundError:
    validation = by_hand
else:
    validation = Compose([Resize(256), CenterCrop(224), ToTensor(), Normalize(MEAN, STD)])
