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
from sluice_export.labels import read_labels
from sluice_export.manifest import check_manifest
from sluice_export.package import name_and_version
from sluice_export.subject import Subject
from sluice_export.tasks.description import Description
from sluice_export.tasks.sections import sections_of
from sluice_export.tasks.tokens import Tokens


@dataclass(frozen=True)
class Target:
    """Where the package goes and what it says; `tolerance` is the largest difference that passes, None the usual."""

    folder: Path
    description: Description
    tolerance: float | None = None
    force: bool = False


@dataclass(frozen=True)
class Packing:
    """model.json without `files`, class names or none, the tokenizer or none, and notes for the user."""

    manifest: dict[str, Any]
    labels: list[str] | None
    tokens: Tokens | None
    notes: list[str]


def pack(target: Target, subject: Subject, tokens: Tokens | None) -> Packing:
    """Raises ExportError where what is wanted does not fit the model."""
    wanted = target.description
    name, version = wanted.name, wanted.version
    if name is None or version is None:
        own = name_and_version(target.folder)
        name, version = name or own[0], version or own[1]
    sections, notes = sections_of(wanted, subject, tokens)
    manifest: dict[str, Any] = {"name": name, "version": version, "task": wanted.task, **sections}
    if wanted.max_batch_size is not None:
        manifest["batching"] = {"maxBatchSize": wanted.max_batch_size}
    check_manifest(manifest)
    labels = None if wanted.labels is None else read_labels(wanted.labels)
    return Packing(manifest, labels, tokens, notes)


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
