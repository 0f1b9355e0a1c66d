"""model.json: what the service accepts, checked here so that no package is written that it would refuse.

Mirrors libs/inference/src/packages/manifest.ts; the service stays the judge.
"""

import re
from collections.abc import Mapping
from typing import Any

from sluice_export.errors import ExportError

PICTURES = ("image-classification", "object-detection", "image-segmentation")
TEXTS = ("text-classification", "embedding")
TASKS = ("tensor", *PICTURES, *TEXTS)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
KEYS = {
    "": {"name", "version", "task", "image", "text", "embedding", "output", "batching", "runTimeoutMs", "files"},
    "image": {"resize", "crop", "color", "scale", "mean", "std", "layout"},
    "text": {"tokenizer", "maxLength", "maxBytes", "inputs"},
    "embedding": {"pooling", "normalize", "output"},
    "batching": {"maxBatchSize", "maxDelayMs"},
}
CLASSES = {"activation", "topK", "labels"}
BOXES = {
    *("boxes", "scores", "classes", "packed", "boxFormat", "coordinates", "activation", "threshold", "maxDetections"),
    *("nms", "background", "labels", "firstLabel"),
}
MAPS = {"map", "values", "activation", "threshold", "confidence", "form", "labels"}
OUTPUT_KEYS = {"object-detection": BOXES, "image-segmentation": MAPS}
COLORS = {"RGB": 3, "BGR": 3, "GRAY": 1}
MAX_SIDE = 16_384


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Raises ExportError at the first thing that the service would refuse."""
    for section, known in KEYS.items():
        if section != "image":
            _check_keys(section, manifest if section == "" else manifest.get(section, {}), known=known)
    _expect(bool(NAME.fullmatch(str(manifest.get("name")))), "name", manifest.get("name"), _NAME_RULE)
    _expect(bool(VERSION.fullmatch(str(manifest.get("version")))), "version", manifest.get("version"), _VERSION_RULE)
    task = manifest.get("task", "tensor")
    _expect(task in TASKS, "task", task, f"one of {', '.join(TASKS)}")
    if task in PICTURES:
        check_image(manifest.get("image"))
    apart = {"image": task in PICTURES, "text": task in TEXTS, "embedding": task == "embedding"}
    for section, is_wanted in apart.items():
        _expect(
            is_wanted or section not in manifest, section, manifest.get(section), f'nothing, as the task is "{task}"'
        )
    output = manifest.get("output", {})
    _check_keys("output", output, known=OUTPUT_KEYS.get(task, CLASSES))
    _check_texts(manifest)
    activation = output.get("activation", "softmax")
    _expect(activation in ("softmax", "sigmoid", "none"), "output.activation", activation, "softmax, sigmoid or none")
    _expect_whole("output.topK", output.get("topK", 5), range(1, 1001))
    _expect_whole("batching.maxBatchSize", manifest.get("batching", {}).get("maxBatchSize", 32), range(1, 4097))


def _check_texts(manifest: Mapping[str, Any]) -> None:
    _expect_whole("text.maxLength", manifest.get("text", {}).get("maxLength", 512), range(2, 131_073))
    pooling = manifest.get("embedding", {}).get("pooling", "none")
    _expect(pooling in ("mean", "cls", "none"), "embedding.pooling", pooling, "mean, cls or none")


_NAME_RULE = 'small letters, digits, ".", "_" and "-", 64 at most, a letter or digit first'
_VERSION_RULE = 'a string of letters, digits, ".", "_" and "-", 32 at most'


def check_image(image: Any) -> None:
    """Raises ExportError at the first thing in an `image` section that the service would refuse."""
    _expect(isinstance(image, Mapping), "image", image, "an object that says how training prepared its pictures")
    _check_keys("image", image, known=KEYS["image"])
    color = image.get("color", "RGB")
    _expect(color in COLORS, "image.color", color, "RGB, BGR or GRAY")
    _expect(image.get("layout", "NCHW") in ("NCHW", "NHWC"), "image.layout", image.get("layout"), "NCHW or NHWC")
    scale = image.get("scale", 1 / 255)
    _expect(_is_number(scale) and scale > 0, "image.scale", scale, "a number above 0")
    for key in ("mean", "std"):
        numbers = image.get(key)
        if numbers is None:
            continue
        fits = isinstance(numbers, list) and len(numbers) == COLORS[color] and all(map(_is_number, numbers))
        _expect(fits, f"image.{key}", numbers, f"{COLORS[color]} numbers, one a channel of {color}")
        _expect(key == "mean" or min(numbers) > 0, f"image.{key}", numbers, "numbers above 0")
    resize = image.get("resize")
    if resize is not None:
        _expect(_is_resize(resize), "image.resize", resize, _RESIZE_RULE)
    crop = image.get("crop")
    is_framed = isinstance(resize, Mapping) and "letterbox" in resize
    _expect(not (is_framed and crop), "image.crop", crop, "nothing, as image.resize.letterbox gives the size")
    _expect(crop is None or _is_size(crop), "image.crop", crop, "[height, width]")


_RESIZE_RULE = '{"shorterSide": pixels}, {"exact": [height, width]} or {"letterbox": [height, width], "fill": gray}'


def _is_resize(resize: Any) -> bool:
    if not isinstance(resize, Mapping):
        return False
    if "letterbox" in resize:
        fill = resize.get("fill", 114)
        return set(resize) <= {"letterbox", "fill"} and _is_size(resize["letterbox"]) and fill in range(256)
    return len(resize) == 1 and (_is_side(resize.get("shorterSide")) or _is_size(resize.get("exact")))


def _check_keys(section: str, part: Any, *, known: set[str]) -> None:
    _expect(isinstance(part, Mapping), section or "the whole", part, "an object")
    for key in part:
        if key not in known:
            place = f"{section}.{key}" if section else key
            raise ExportError(f"model.json: {place} is not a known key; known are {', '.join(sorted(known))}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_side, value))


def _expect_whole(place: str, value: Any, allowed: range) -> None:
    fits = isinstance(value, int) and not isinstance(value, bool) and value in allowed
    _expect(fits, place, value, f"a whole number from {allowed[0]} to {allowed[-1]}")


def _expect(fits: bool, place: str, *story: Any) -> None:
    if not fits:
        came, expected = story
        raise ExportError(f"model.json: {place}: came {came!r}, expected {expected}.")
