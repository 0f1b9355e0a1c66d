"""Golden samples: requests that the service can be sent as they are, with the answers that PyTorch gives.

samples/samples.json lists them: `{"samples": [{"input": file, "contentType", "output": file, "tolerance": number}]}`.
An input is the body of a `POST /predict/<model>/<version>`. An output holds the model's raw outputs under `tensors`
where they are not too large, and the service's answer: of a classifier `prediction` and `top`, of an embedding model
`embedding`, at its top level for a picture or text, or one such object a row in `outputs`; of a detector or segmenter
the picture's `width` and `height`, for boxes and class maps are made of the raw outputs, which are compared. Numbers
may differ by `tolerance * max(1, |largest expected|)`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from sluice_export.behaviour import Answers
from sluice_export.image.preprocess import preprocess
from sluice_export.inputs import Batch, InputSpec, random_batch
from sluice_export.manifest import PICTURES
from sluice_export.package import write_json
from sluice_export.tasks.texts import vector_of
from sluice_export.tasks.tokens import Tokens

FOLDER = "samples"
# The service reads 4 MiB of JSON unless it is told to read more.
MAX_INPUT_BYTES = 1024 * 1024
# The service reads 16 MiB of a sample.
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
BYTES_A_NUMBER = 22
SIZES = ((48, 64), (96, 40))
TEXTS = ("A cat sits on the sofa.", "The quick brown fox jumps over the lazy dog, again and again.")


@dataclass(frozen=True)
class SampleWriter:
    """`outputs` are names, in the order of the answers; `manifest` is model.json; `labels` are class names or none, and
    `tokens` the tokenizer of a model of texts."""

    reference: Answers
    specs: Sequence[InputSpec]
    outputs: Sequence[str]
    manifest: Mapping[str, Any]
    labels: Sequence[str] | None
    tokens: Tokens | None
    tolerance: float
    sizes: Sequence[int]

    def write(self, package: Path) -> None:
        """The folder `samples` of the package."""
        folder = package / FOLDER
        folder.mkdir()
        entries: list[dict[str, Any]] = []
        if self._task in PICTURES:
            entries = [self._write_picture(folder, number) for number in range(len(SIZES))]
        elif self.tokens is not None:
            entries = [self._write_text(folder, number) for number in range(len(TEXTS))]
        for rows in self.sizes:
            entry = self._write_tensors(folder, len(entries), rows)
            if entry is not None:
                entries.append(entry)
        write_json(folder / "samples.json", {"samples": entries})

    @property
    def _task(self) -> str:
        return self.manifest["task"]

    @property
    def _is_classifier(self) -> bool:
        return self._task in ("image-classification", "text-classification")

    def _write_tensors(self, folder: Path, number: int, rows: int) -> dict[str, Any] | None:
        numbers = {name: _short(array) for name, array in random_batch(self.specs, rows, seed=200 + rows).items()}
        text = json.dumps({"tensors": {name: array.tolist() for name, array in numbers.items()}})
        if len(text) > MAX_INPUT_BYTES:
            return None
        answer = self._answer({spec.name: numbers[spec.name].astype(spec.dtype) for spec in self.specs})
        if not answer:
            return None
        (folder / f"{number}.input.json").write_text(text + "\n", encoding="utf-8")
        if self._is_classifier:
            answer["outputs"] = [self._classify(answer["tensors"][self.outputs[0]][row]) for row in range(rows)]
        self._write_output(folder, number, answer)
        return self._entry(f"{number}.input.json", "application/json", number)

    def _write_picture(self, folder: Path, number: int) -> dict[str, Any]:
        picture = drawn_picture(SIZES[number])
        picture.save(folder / f"{number}.input.png")
        row = preprocess(picture, self.manifest["image"]).astype(self.specs[0].dtype)
        answer = self._answer({self.specs[0].name: row[None]})
        if self._is_classifier:
            answer |= self._classify(answer["tensors"][self.outputs[0]][0])
        else:
            answer |= {"width": picture.width, "height": picture.height}
        self._write_output(folder, number, answer)
        return self._entry(f"{number}.input.png", "image/png", number)

    def _write_text(self, folder: Path, number: int) -> dict[str, Any]:
        (folder / f"{number}.input.txt").write_text(TEXTS[number], encoding="utf-8")
        batch = self.tokens.row_of(TEXTS[number], self.specs)
        values = dict(zip(self.outputs, self.reference(batch), strict=True))
        if self._is_classifier:
            answer = self._classify(values[self.outputs[0]][0])
        else:
            section = self.manifest["embedding"]
            answer = {"embedding": vector_of(values[section.get("output", self.outputs[0])], batch, section)}
        self._write_output(folder, number, answer)
        return self._entry(f"{number}.input.txt", "text/plain", number)

    def _answer(self, batch: Batch) -> dict[str, Any]:
        """The raw outputs; nothing where they are large, as those of segmenters may be."""
        values = self.reference(batch)
        if sum(value.size for value in values) * BYTES_A_NUMBER > MAX_OUTPUT_BYTES:
            return {}
        return {"tensors": {name: _plain(value) for name, value in zip(self.outputs, values, strict=True)}}

    def _classify(self, scores: Any) -> dict[str, Any]:
        return classify(np.asarray(scores, np.float64).ravel(), self.manifest.get("output", {}), self.labels)

    def _write_output(self, folder: Path, number: int, answer: Mapping[str, Any]) -> None:
        (folder / f"{number}.output.json").write_text(json.dumps(answer) + "\n", encoding="utf-8")

    def _entry(self, file: str, content_type: str, number: int) -> dict[str, Any]:
        output = f"{number}.output.json"
        return {"input": file, "contentType": content_type, "output": output, "tolerance": self.tolerance}


def classify(scores: np.ndarray, output: Mapping[str, Any], labels: Sequence[str] | None) -> dict[str, Any]:
    """The service's answer for one row of raw scores: the best classes, of equal ones the lower index first."""
    activation = output.get("activation", "softmax")
    if activation == "softmax":
        powers = np.exp(scores - scores.max())
        scores = powers / powers.sum()
    elif activation == "sigmoid":
        scores = 1 / (1 + np.exp(-scores))
    best = np.argsort(-scores, kind="stable")[: output.get("topK", 5)]
    top = [
        {"index": int(index), **({"label": labels[index]} if labels else {}), "score": float(scores[index])}
        for index in best
    ]
    first = {key: value for key, value in top[0].items() if key != "index"}
    return {"prediction": top[0]["index"], **first, "top": top}


def drawn_picture(size: tuple[int, int]) -> Image.Image:
    """A picture of shades and edges, the same every time: height and width in pixels."""
    height, width = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, width)[None]
    pixels[:, :, 1] = np.linspace(255, 0, height)[:, None]
    pixels[:, :, 2] = 90
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width // 2, height * 3 // 4), fill=(250, 240, 20))
    return picture


def _short(array: np.ndarray) -> np.ndarray:
    """Numbers of two decimals, as doubles: short in JSON, so that a picture's worth of them takes little space."""
    return array.astype(np.float64).round(2) if array.dtype.kind == "f" else array


def _plain(value: np.ndarray) -> Any:
    # As the service writes what JSON has no numbers for.
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        names = {np.inf: "Infinity", -np.inf: "-Infinity"}
        spelled = [float(x) if np.isfinite(x) else names.get(float(x), "NaN") for x in value.ravel()]
        return np.array(spelled, object).reshape(value.shape).tolist()
    return value.tolist()
