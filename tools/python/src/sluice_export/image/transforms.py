"""torchvision's transforms, v1 and v2, to the `image` section of model.json; what it cannot say is refused by name.

Known by class name and attributes, so that torchvision itself is not needed. What comes before the picture becomes a
tensor acts on bytes, as the service does; Resize on floats would round differently and is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sluice_export.errors import ExportError

ADVICE = (
    'Evaluate with transforms that can be said, or use the task "tensor" and prepare pictures where they are sent from.'
)
NOTHING_TO_DO = ("RGB", "ToPureTensor", "ToPILImage", "Identity")


@dataclass
class _Reading:
    """What was understood so far; `stage` is bytes, uint8 tensor or float tensor."""

    section: dict[str, Any] = field(default_factory=dict)
    stage: str = "bytes"


def read_transforms(transform: Any) -> dict[str, Any]:
    """The section for a Compose, a single transform, or the preset that comes with torchvision's weights.

    Raises ExportError that names what cannot be said.
    """
    reading = _Reading()
    for step in _steps(transform):
        name = type(step).__name__
        if name in NOTHING_TO_DO:
            continue
        reader = READERS.get(name)
        if reader is None:
            _refuse(step, "which the service does not do" if not name.startswith("Random") else "made for training")
        reader(step, reading)
    if reading.stage != "float":
        raise ExportError(
            "The transforms make no float tensor. Add ToTensor, or ToImage and ToDtype(torch.float32, scale=True)."
        )
    return reading.section


def _steps(transform: Any) -> Iterator[Any]:
    name = type(transform).__name__
    if name == "Compose":
        inner = transform.transforms
    elif name == "Sequential":
        inner = transform.children()
    else:
        yield transform
        return
    for step in inner:
        yield from _steps(step)


def _resize(step: Any, reading: _Reading) -> None:
    _once(step, reading, "resize")
    if "crop" in reading.section:
        _refuse(step, "which here comes after CenterCrop; the service resizes first")
    if reading.stage == "float":
        _refuse(step, "which here acts on a float tensor; put it before the picture becomes one")
    if getattr(step, "max_size", None) is not None:
        _refuse(step, f"here with max_size={step.max_size}")
    # On pictures Pillow always smooths, whatever is asked; on tensors only when asked.
    if reading.stage == "uint8" and getattr(step, "antialias", True) is False:
        _refuse(step, "here without antialias")
    _check_bilinear(step, getattr(step, "interpolation", None))
    size = step.size
    if isinstance(size, int):
        reading.section["resize"] = {"shorterSide": size}
    elif size is not None and len(size) == 1:
        reading.section["resize"] = {"shorterSide": int(size[0])}
    elif size is not None and len(size) == 2:
        reading.section["resize"] = {"exact": [int(side) for side in size]}
    else:
        _refuse(step, f"here with size={size}")


def _center_crop(step: Any, reading: _Reading) -> None:
    _once(step, reading, "crop")
    size = step.size
    reading.section["crop"] = [size, size] if isinstance(size, int) else [int(size[0]), int(size[-1])]


def _grayscale(step: Any, reading: _Reading) -> None:
    _once(step, reading, "color")
    if step.num_output_channels != 1:
        _refuse(step, f"here with num_output_channels={step.num_output_channels}; the service gives one gray channel")
    if "resize" in reading.section:
        _refuse(step, "which here comes after Resize; the service makes pictures gray first, so put it first")
    reading.section["color"] = "GRAY"


def _to_tensor(step: Any, reading: _Reading) -> None:
    _to_stage(step, reading, "float")


def _to_uint8(step: Any, reading: _Reading) -> None:
    _to_stage(step, reading, "uint8")


def _to_dtype(step: Any, reading: _Reading) -> None:
    dtype = str(step.dtype)
    if dtype == "torch.uint8":
        return
    if dtype not in ("torch.float32", "torch.float16"):
        _refuse(step, f"here to {dtype}; expected torch.float32")
    # v1's ConvertImageDtype always scales; v2's ToDtype only when asked.
    if not getattr(step, "scale", True):
        reading.section["scale"] = 1
    if reading.stage == "bytes":
        _refuse(step, "which here comes before ToImage")
    _to_stage(step, reading, "float")


def _normalize(step: Any, reading: _Reading) -> None:
    _once(step, reading, "mean")
    if reading.stage != "float":
        _refuse(step, "which here comes before the float tensor")
    channels = 1 if reading.section.get("color") == "GRAY" else 3
    for key, numbers in (("mean", step.mean), ("std", step.std)):
        numbers = [float(number) for number in numbers]
        # One number stands for all channels, as broadcasting has it.
        reading.section[key] = numbers * channels if len(numbers) == 1 else numbers


def _preset(step: Any, reading: _Reading) -> None:
    """`weights.transforms()` of torchvision: ImageClassification."""
    _check_bilinear(step, step.interpolation)
    reading.section["resize"] = {"shorterSide": int(step.resize_size[0])}
    if len(step.resize_size) > 1:
        reading.section["resize"] = {"exact": [int(side) for side in step.resize_size]}
    _center_crop(type("CenterCrop", (), {"size": (step.crop_size[0], step.crop_size[-1])})(), reading)
    reading.section |= {"mean": [float(number) for number in step.mean], "std": [float(number) for number in step.std]}
    _to_stage(step, reading, "float")


READERS = {
    "Resize": _resize,
    "CenterCrop": _center_crop,
    "Grayscale": _grayscale,
    "ToTensor": _to_tensor,
    "PILToTensor": _to_uint8,
    "ToImage": _to_uint8,
    "ConvertImageDtype": _to_dtype,
    "ToDtype": _to_dtype,
    "Normalize": _normalize,
    "ImageClassification": _preset,
}


def _check_bilinear(step: Any, interpolation: Any) -> None:
    value = getattr(interpolation, "value", interpolation)
    # 2 is Pillow's number for it, in older code.
    if value not in (None, "bilinear", 2):
        _refuse(step, f"here with interpolation {value}; the service resizes bilinearly with antialias")


def _to_stage(step: Any, reading: _Reading, stage: str) -> None:
    if reading.stage == "float":
        _refuse(step, "which here comes after the float tensor was made")
    reading.stage = stage


def _once(step: Any, reading: _Reading, key: str) -> None:
    if key in reading.section:
        _refuse(step, "which here comes twice")


def _refuse(step: Any, why: str) -> NoReturn:
    raise ExportError(f"The transforms contain {type(step).__name__}, {why}. {ADVICE}")
