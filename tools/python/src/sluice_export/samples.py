"""Golden samples: requests that the service can be sent as they are, with the answers that PyTorch gives.

samples/samples.json lists them: `{"samples": [{"input": file, "contentType", "output": file, "tolerance": number}]}`.
An input is the body of a `POST /predict/<model>/<version>`. An output holds the model's raw outputs under `tensors`
and, for a classifier, the service's answer: `prediction` and `top` at its top level for a picture, or one such object
a row in `outputs`. Numbers may differ by `tolerance * max(1, |largest expected|)`.
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
from sluice_export.package import write_json

FOLDER = "samples"
# The service reads 4 MiB of JSON unless it is told to read more.
MAX_INPUT_BYTES = 1024 * 1024
PICTURES = ((48, 64), (96, 40))


@dataclass(frozen=True)
class SampleWriter:
    """`outputs` are names, in the order of the answers; `manifest` is model.json; `labels` are class names or none."""

    reference: Answers
    specs: Sequence[InputSpec]
    outputs: Sequence[str]
    manifest: Mapping[str, Any]
    labels: Sequence[str] | None
    tolerance: float
    sizes: Sequence[int]

    def write(self, package: Path) -> None:
        """The folder `samples` of the package."""
        folder = package / FOLDER
        folder.mkdir()
        entries = [self._write_picture(folder, number) for number in range(len(self._pictures()))]
        for rows in self.sizes:
            entry = self._write_tensors(folder, len(entries), rows)
            if entry is not None:
                entries.append(entry)
        write_json(folder / "samples.json", {"samples": entries})

    def _pictures(self) -> tuple[tuple[int, int], ...]:
        return PICTURES if "image" in self.manifest else ()

    def _write_tensors(self, folder: Path, number: int, rows: int) -> dict[str, Any] | None:
        numbers = {name: _short(array) for name, array in random_batch(self.specs, rows, seed=200 + rows).items()}
        text = json.dumps({"tensors": {name: array.tolist() for name, array in numbers.items()}})
        if len(text) > MAX_INPUT_BYTES:
            return None
        (folder / f"{number}.input.json").write_text(text + "\n", encoding="utf-8")
        answer = self._answer({spec.name: numbers[spec.name].astype(spec.dtype) for spec in self.specs})
        if "image" in self.manifest:
            answer["outputs"] = [self._classify(answer, row) for row in range(rows)]
        self._write_output(folder, number, answer)
        return self._entry(f"{number}.input.json", "application/json", number)

    def _write_picture(self, folder: Path, number: int) -> dict[str, Any]:
        picture = drawn_picture(PICTURES[number])
        picture.save(folder / f"{number}.input.png")
        row = preprocess(picture, self.manifest["image"]).astype(self.specs[0].dtype)
        answer = self._answer({self.specs[0].name: row[None]})
        self._write_output(folder, number, {**answer, **self._classify(answer, 0)})
        return self._entry(f"{number}.input.png", "image/png", number)

    def _answer(self, batch: Batch) -> dict[str, Any]:
        values = self.reference(batch)
        return {"tensors": {name: _plain(value) for name, value in zip(self.outputs, values, strict=True)}}

    def _classify(self, answer: Mapping[str, Any], row: int) -> dict[str, Any]:
        scores = np.asarray(answer["tensors"][self.outputs[0]][row], np.float64).ravel()
        return classify(scores, self.manifest.get("output", {}), self.labels)

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
