"""What a package says of its model: model.json and parity.json, from what the user wants and what was proved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch

from sluice_export.conversion.convert import Converted
from sluice_export.conversion.onnx_model import opset_of
from sluice_export.errors import ExportError
from sluice_export.image.spec import image_section
from sluice_export.labels import check_labels, read_labels
from sluice_export.manifest import TASKS, check_manifest
from sluice_export.package import name_and_version
from sluice_export.subject import Subject

LABELS = "labels.json"
CLASSIFIER = "image-classification"


@dataclass(frozen=True)
class Description:
    """What the user wants model.json to say; see `export` for the fields."""

    task: str = "tensor"
    name: str | None = None
    version: str | None = None
    image: Any = None
    labels: str | Path | Sequence[str] | None = None
    activation: str | None = None
    top_k: int | None = None
    max_batch_size: int | None = None

    def check(self, folder: Path) -> None:
        """Raises ExportError where the parts do not go together, before anything else is done."""
        if self.name is None or self.version is None:
            name_and_version(folder)
        if self.task not in TASKS:
            raise ExportError(f"The task {self.task!r} is not known; expected one of {', '.join(TASKS)}.")
        if self.task == CLASSIFIER:
            return
        given = [key for key in ("image", "labels", "activation", "top_k") if getattr(self, key) is not None]
        if given:
            raise ExportError(f"{', '.join(given)}: only for --task {CLASSIFIER}; the task is {self.task}.")


@dataclass(frozen=True)
class Packing:
    """model.json without `files`, class names or none, and notes for the user."""

    manifest: dict[str, Any]
    labels: list[str] | None
    notes: list[str]


def pack(wanted: Description, subject: Subject, target: Path) -> Packing:
    """Raises ExportError where what is wanted does not fit the model."""
    name, version = wanted.name, wanted.version
    if name is None or version is None:
        own = name_and_version(target)
        name, version = name or own[0], version or own[1]
    manifest: dict[str, Any] = {"name": name, "version": version, "task": wanted.task}
    labels, notes = None, []
    if wanted.task == CLASSIFIER:
        manifest["image"], notes = image_section(wanted.image, subject.specs)
        manifest["output"] = {
            "activation": wanted.activation or "softmax",
            "topK": 5 if wanted.top_k is None else wanted.top_k,
        }
        classes = _classes_of(subject)
        if wanted.labels is not None:
            labels = read_labels(wanted.labels)
            check_labels(labels, classes)
            manifest["output"]["labels"] = LABELS
        manifest["output"]["topK"] = min(manifest["output"]["topK"], classes)
    if wanted.max_batch_size is not None:
        manifest["batching"] = {"maxBatchSize": wanted.max_batch_size}
    check_manifest(manifest)
    return Packing(manifest, labels, notes)


def parity_of(subject: Subject, converted: Converted) -> dict[str, Any]:
    """parity.json: what was compared with what, how, and what came out."""
    model = onnx.load_model_from_string(converted.data)
    is_torch = subject.reference is not None
    return {
        "reference": f"torch {torch.__version__}" if is_torch else "the ONNX file itself, not optimised",
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "source": {"kind": subject.source.kind, "origin": subject.source.origin},
        "exporter": converted.exporter,
        "opset": opset_of(model),
        "irVersion": model.ir_version,
        "batchSizes": list(subject.sizes),
        "rowsIndependent": not subject.batch_one,
        "comparisons": converted.comparisons,
        "maxAbsDiff": _worst(converted.comparisons, "maxAbsDiff"),
        "maxRelDiff": _worst(converted.comparisons, "maxRelDiff"),
        "verdict": "pass",
    }


def _worst(comparisons: Sequence[Mapping[str, Any]], key: str) -> float:
    """Over inputs of usual size; extremes give values as large, and differences in proportion."""
    usual = [entry for entry in comparisons if entry["case"] in ("example", "random")]
    return max((entry[key] for entry in usual if key in entry), default=0.0)


def _classes_of(subject: Subject) -> int:
    scores = subject.answers(subject.example)[0]
    sizes = [size for size in scores.shape[1:] if size != 1]
    if scores.dtype.kind != "f" or len(sizes) > 1:
        raise ExportError(
            f"The first output is {scores.dtype.name}{list(scores.shape)}; expected floating point scores [N, classes]"
            " of a classifier. Return the scores first, or use --task tensor."
        )
    return sizes[0] if sizes else 1
