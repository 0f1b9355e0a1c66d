"""The `image` section of model.json from what the user gives: a preset, JSON, a Compose, a mapping, or nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice_export.errors import ExportError
from sluice_export.image.transforms import read_transforms
from sluice_export.inputs import InputSpec
from sluice_export.manifest import COLORS, check_image
from sluice_export.package import read_json

IMAGENET = {
    "resize": {"shorterSide": 256},
    "crop": [224, 224],
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
PRESETS = {"imagenet": IMAGENET}


def image_section(given: Any, specs: list[InputSpec]) -> tuple[dict[str, Any], list[str]]:
    """The section, and notes for the user. Raises ExportError where it cannot be said or does not fit the model."""
    notes: list[str] = []
    if given is None:
        section = _plain(specs)
        notes.append(
            f"Nothing says how pictures were prepared: they are resized to {section['resize']['exact']} and scaled to"
            " 0..1. If training normalised them, say so: --transform, --image or --mean and --std."
        )
    elif isinstance(given, str | Path):
        section = PRESETS[str(given)] if str(given) in PRESETS else read_json(Path(given))
    elif isinstance(given, Mapping):
        section = dict(given)
    else:
        section = read_transforms(given)
    check_image(section)
    _check_fit(section, specs)
    return section, notes


def _plain(specs: list[InputSpec]) -> dict[str, Any]:
    if len(specs) != 1 or len(specs[0].shape) != 3:
        raise ExportError(
            f"A model of pictures takes one input of channels x height x width; this model takes {_shown(specs)}."
            " Use --task tensor."
        )
    channels, height, width = specs[0].shape
    return {"resize": {"exact": [height, width]}, "color": "GRAY" if channels == 1 else "RGB"}


def _check_fit(section: Mapping[str, Any], specs: list[InputSpec]) -> None:
    channels = COLORS[section.get("color", "RGB")]
    resize = section.get("resize", {})
    size = resize.get("letterbox") or section.get("crop") or resize.get("exact")
    sides = (0, 1) if section.get("layout") == "NHWC" else (1, 2)
    if size is None and len(specs) == 1 and set(sides) <= set(specs[0].free):
        size = [specs[0].shape[axis] for axis in sides]
    if size is None:
        raise ExportError(
            "The preparation of pictures leaves their size open; the model takes one size. Add a crop, or resize to"
            " [height, width]; or leave the size open: --input 3x224?x224?."
        )
    made = (*size, channels) if section.get("layout") == "NHWC" else (channels, *size)
    if len(specs) != 1 or specs[0].shape != made:
        raise ExportError(
            f"The preparation of pictures gives {'x'.join(map(str, made))}; the model takes {_shown(specs)}."
            " Correct the crop, the colour, the layout or --input."
        )
    if specs[0].dtype not in ("float32", "float16"):
        raise ExportError(f"Pictures are given as float32 or float16; the model takes {specs[0].dtype}. Convert in it.")


def _shown(specs: list[InputSpec]) -> str:
    return " and ".join(f"{spec.name}:{spec.dtype}:{'x'.join(map(str, spec.shape))}" for spec in specs)
