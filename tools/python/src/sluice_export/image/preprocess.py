"""A picture to a row, with Pillow and numpy, exactly as the service does it from the `image` section of model.json.

The service's own is libs/inference/src/engine/image; both do what torchvision does on Pillow images.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps


def preprocess(picture: Image.Image, spec: Mapping[str, Any]) -> np.ndarray:
    """One row, float32, [channels, height, width] or, with layout NHWC, [height, width, channels]."""
    color = spec.get("color", "RGB")
    placed = place(picture, spec)
    pixels = np.asarray(placed)
    if color == "GRAY":
        pixels = pixels[:, :, None]
    elif color == "BGR":
        pixels = pixels[:, :, ::-1]
    channels = pixels.shape[2]
    scaled = (pixels.astype(np.float64) * spec.get("scale", 1 / 255)).astype(np.float32)
    mean = np.asarray(spec.get("mean", [0] * channels), np.float32)
    std = np.asarray(spec.get("std", [1] * channels), np.float32)
    row = (scaled - mean) / std
    return np.ascontiguousarray(row if spec.get("layout") == "NHWC" else row.transpose(2, 0, 1))


def place(picture: Image.Image, spec: Mapping[str, Any]) -> Image.Image:
    """Turned upright, in the model's colours, resized and cropped: still bytes."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I;16"):
        # Pillow would clip what is above 255 to white.
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    placed = upright.convert("RGB")
    if spec.get("color") == "GRAY":
        placed = placed.convert("L")
    resize = spec.get("resize")
    if resize is not None:
        placed = placed.resize(_resized(placed.size, resize), Image.Resampling.BILINEAR)
        if "letterbox" in resize:
            return _framed(placed, resize)
    return _cropped(placed, spec["crop"]) if spec.get("crop") else placed


def _resized(size: tuple[int, int], resize: Mapping[str, Any]) -> tuple[int, int]:
    if "exact" in resize:
        height, width = resize["exact"]
        return width, height
    width, height = size
    if "letterbox" in resize:
        ratio = min(resize["letterbox"][0] / height, resize["letterbox"][1] / width)
        return max(1, round(width * ratio)), max(1, round(height * ratio))
    side = resize["shorterSide"]
    return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)


def _framed(picture: Image.Image, resize: Mapping[str, Any]) -> Image.Image:
    height, width = resize["letterbox"]
    gray = resize.get("fill", 114)
    frame = Image.new(picture.mode, (width, height), gray if picture.mode == "L" else (gray,) * 3)
    frame.paste(picture, (-_offset(picture.width, width), -_offset(picture.height, height)))
    return frame


def _cropped(picture: Image.Image, crop: tuple[int, int]) -> Image.Image:
    height, width = crop
    left, top = _offset(picture.width, width), _offset(picture.height, height)
    # Pillow fills with black what lies outside the picture.
    return picture.crop((left, top, left + width, top + height))


def _offset(size: int, crop: int) -> int:
    """Halves round to the even number, and padding puts the odd pixel below, as torchvision does."""
    return -((crop - size) // 2) if crop > size else round((size - crop) / 2)
