"""What the flags of `export` say that take more than a word: JSON, sections of model.json, sizes."""

import argparse
import json
from pathlib import Path
from typing import Any

from sluice_export.errors import ExportError
from sluice_export.package import read_json


def arguments_of(text: str | None) -> Any:
    """--args: the arguments of a class, by name or in order."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ExportError(f"--args {text} is not JSON: {error}.") from None
    if not isinstance(value, dict | list):
        raise ExportError(f"--args {text}: expected an object by name, or an array.")
    return value


def section_of(flag: str, text: str) -> dict[str, Any]:
    """A section of model.json, as JSON or as a file of it."""
    if not text.startswith("{"):
        value = read_json(Path(text))
    else:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ExportError(f"{flag} {text} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ExportError(f"{flag} {text}: expected an object.")
    return value


def image_of(args: argparse.Namespace) -> Any:
    """What --image, --transform or the single flags say of pictures; None where they say nothing."""
    flags = {key: getattr(args, key) for key in ("resize", "crop", "color", "mean", "std") if getattr(args, key)}
    given = [
        word for word, value in (("--image", args.image), ("--transform", args.transform), ("flags", flags)) if value
    ]
    if len(given) > 1:
        raise ExportError("--image, --transform and --resize, --crop, --color, --mean, --std exclude each other.")
    if args.transform:
        from sluice_export.sources.code import load_name

        return load_name(args.transform)
    if not flags:
        return section_of("--image", args.image) if (args.image or "").startswith("{") else args.image
    section: dict[str, Any] = {}
    if "resize" in flags:
        sizes = _sizes("--resize", flags["resize"])
        section["resize"] = {"shorterSide": sizes[0]} if len(sizes) == 1 else {"exact": sizes}
    if "crop" in flags:
        sizes = _sizes("--crop", flags["crop"])
        section["crop"] = sizes * (3 - len(sizes))
    if "color" in flags:
        section["color"] = flags["color"]
    for key in ("mean", "std"):
        if key in flags:
            section[key] = _numbers(f"--{key}", flags[key])
    return section


def _sizes(flag: str, text: str) -> list[int]:
    parts = text.split("x")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise ExportError(f"{flag} {text}: expected pixels, as 256, or height x width, as 224x224.")
    return [int(part) for part in parts]


def _numbers(flag: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ExportError(f"{flag} {text}: expected numbers by comma, one a channel.") from None
