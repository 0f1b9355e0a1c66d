"""model.json: what the service accepts, checked here so that no package is written that it would refuse.

Mirrors libs/inference/src/packages/manifest.ts; the service stays the judge.
"""

import re
from collections.abc import Mapping
from typing import Any

from sluice_export.errors import ExportError

TASKS = ("tensor", "image-classification")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
KEYS = {
    "": {"name", "version", "task", "image", "output", "batching", "runTimeoutMs", "files"},
    "image": {"resize", "crop", "color", "scale", "mean", "std", "layout"},
    "output": {"activation", "topK", "labels"},
    "batching": {"maxBatchSize", "maxDelayMs"},
}
COLORS = {"RGB": 3, "BGR": 3, "GRAY": 1}
MAX_SIDE = 16_384


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Raises ExportError at the first thing that the service would refuse."""
    for section in ("", "output", "batching"):
        _check_keys(section, manifest if section == "" else manifest.get(section, {}))
    _expect(bool(NAME.fullmatch(str(manifest.get("name")))), "name", manifest.get("name"), _NAME_RULE)
    _expect(bool(VERSION.fullmatch(str(manifest.get("version")))), "version", manifest.get("version"), _VERSION_RULE)
    task = manifest.get("task", "tensor")
    _expect(task in TASKS, "task", task, f"one of {', '.join(TASKS)}")
    if task == "image-classification":
        check_image(manifest.get("image"))
    else:
        _expect("image" not in manifest, "image", manifest.get("image"), f'nothing, as the task is "{task}"')
    output = manifest.get("output", {})
    activation = output.get("activation", "softmax")
    _expect(activation in ("softmax", "sigmoid", "none"), "output.activation", activation, "softmax, sigmoid or none")
    _expect_whole("output.topK", output.get("topK", 5), range(1, 1001))
    _expect_whole("batching.maxBatchSize", manifest.get("batching", {}).get("maxBatchSize", 32), range(1, 4097))


_NAME_RULE = 'small letters, digits, ".", "_" and "-", 64 at most, a letter or digit first'
_VERSION_RULE = 'a string of letters, digits, ".", "_" and "-", 32 at most'


def check_image(image: Any) -> None:
    """Raises ExportError at the first thing in an `image` section that the service would refuse."""
    _expect(isinstance(image, Mapping), "image", image, "an object that says how training prepared its pictures")
    _check_keys("image", image)
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
        fits = isinstance(resize, Mapping) and len(resize) == 1
        fits = fits and (_is_side(resize.get("shorterSide")) or _is_size(resize.get("exact")))
        _expect(fits, "image.resize", resize, '{"shorterSide": pixels} or {"exact": [height, width]}')
    crop = image.get("crop")
    _expect(crop is None or _is_size(crop), "image.crop", crop, "[height, width]")


def _check_keys(section: str, part: Mapping[str, Any]) -> None:
    known = KEYS[section]
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
