"""The sections of model.json that a task has, from what the user wants and what the model answers."""

from typing import Any

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.image.spec import image_section
from sluice_export.labels import check_labels, read_labels
from sluice_export.manifest import PICTURES
from sluice_export.subject import Subject
from sluice_export.tasks.description import Description
from sluice_export.tasks.texts import embedding_section, text_section
from sluice_export.tasks.tokens import Tokens

LABELS = "labels.json"
Sections = dict[str, Any]


def sections_of(wanted: Description, subject: Subject, tokens: Tokens | None) -> tuple[Sections, list[str]]:
    """The sections, and notes for the user. Raises ExportError where what is wanted does not fit the model."""
    notes: list[str] = []
    sections: Sections = {}
    if wanted.task in PICTURES:
        sections["image"], notes = image_section(wanted.image, subject.specs)
    if wanted.task in ("image-classification", "text-classification"):
        sections["output"] = _classes(wanted, subject)
    elif wanted.task in ("object-detection", "image-segmentation"):
        sections["output"] = dict(wanted.output_section or {})
        if wanted.labels is not None:
            sections["output"]["labels"] = LABELS
    if wanted.task == "image-segmentation":
        _check_map(wanted, subject, sections)
    if wanted.task == "embedding":
        sections["embedding"] = embedding_section(wanted, subject)
    if tokens is not None:
        sections["text"] = text_section(subject, tokens)
    return sections, notes


def _classes(wanted: Description, subject: Subject) -> Sections:
    classes = _classes_of(subject)
    top_k = 5 if wanted.top_k is None else wanted.top_k
    output: Sections = {"activation": wanted.activation or "softmax", "topK": min(top_k, classes)}
    if wanted.labels is not None:
        check_labels(read_labels(wanted.labels), classes)
        output["labels"] = LABELS
    return output


def _classes_of(subject: Subject) -> int:
    scores = subject.answers(subject.example)[0]
    sizes = [size for size in scores.shape[1:] if size != 1]
    if scores.dtype.kind != "f" or len(sizes) > 1:
        raise ExportError(
            f"The first output is {scores.dtype.name}{list(scores.shape)}; expected floating point scores [N, classes]"
            " of a classifier. Return the scores first, or use --task tensor."
        )
    return sizes[0] if sizes else 1


def _check_map(wanted: Description, subject: Subject, sections: Sections) -> None:
    output = sections["output"]
    name = output.get("map", subject.outputs[0])
    if name not in subject.outputs:
        raise ExportError(f"output.map: came {name!r}, expected an output of the model: {', '.join(subject.outputs)}.")
    values = subject.answers(subject.example)[subject.outputs.index(name)]
    if values.ndim not in (3, 4):
        raise ExportError(
            f"The output {name} is {_shown(values)}; expected scores [N, classes, height, width] or classes"
            " [N, height, width] of a segmenter. Name another: --output-section '{\"map\": …}'."
        )
    is_scores = values.ndim == 4 and values.dtype.kind == "f" and output.get("values", "scores") == "scores"
    axis = 3 if sections["image"].get("layout") == "NHWC" else 1
    if wanted.labels is not None and is_scores and values.shape[axis] > 1:
        check_labels(read_labels(wanted.labels), values.shape[axis])


def _shown(values: np.ndarray) -> str:
    return f"{values.dtype.name}{list(values.shape)}"
