"""The golden samples of a quantized package: the requests of the original, with the answers of the quantized file.

They prove that a copy, or another CPU, answers as the file did here. Rounding may go the other way elsewhere, so the
tolerance is half of what quantization itself changed, or that of the original where it is larger; a file that is
further away is another model. How far the answers are from the original's is told in quantization.json.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.package import Package, read_json, write_json
from sluice_export.quantize.examples import Row, read_file
from sluice_export.quantize.judging import largest_difference
from sluice_export.samples import FOLDER, classify
from sluice_export.session import Session

INDEX = "samples.json"


@dataclass(frozen=True)
class Golden:
    """`labels` are class names, or none."""

    package: Package
    original: Session
    quantized: Session
    labels: Sequence[str] | None

    def write(self, target: Path) -> dict[str, Any] | None:
        """The folder `samples` of the package `target`; returns what the report says, None where there are none."""
        source = self.package.folder / FOLDER
        if not (source / INDEX).is_file():
            return None
        (target / FOLDER).mkdir()
        kept, dropped, same, worst, tolerance = [], 0, 0, 0.0, 0.0
        for entry in read_json(source / INDEX)["samples"]:
            try:
                rows = self._rows_of(source / entry["input"])
            except ExportError:
                dropped += 1
                continue
            got, want = self.quantized.run(rows), self.original.run(rows)
            if not all(np.isfinite(array).all() for array in got.values()):
                dropped += 1
                continue
            shutil.copyfile(source / entry["input"], target / FOLDER / entry["input"])
            answer = self._answer(got, is_picture=entry["contentType"].startswith("image/"))
            (target / FOLDER / entry["output"]).write_text(json.dumps(answer) + "\n", encoding="utf-8")
            # As the service compares: of values up to 1 absolute, of larger ones in proportion.
            change = max(
                largest_difference(got[name], want[name]) / max(1.0, float(np.abs(want[name]).max(initial=0)))
                for name in got
            )
            worst, tolerance = max(worst, change), max(tolerance, entry["tolerance"])
            same += self._is_same(got, want)
            kept.append(entry)
        tolerance = max(tolerance, _rounded_up(worst / 2))
        write_json(target / FOLDER / INDEX, {"samples": [{**entry, "tolerance": tolerance} for entry in kept]})
        told = {"kept": len(kept), "dropped": dropped, "tolerance": tolerance, "maxDiffToOriginal": worst}
        return {**told, "samePrediction": same} if self._is_classifier else told

    @property
    def _is_classifier(self) -> bool:
        return self.package.manifest.get("task") == "image-classification"

    def _rows_of(self, file: Path) -> Row:
        examples = read_file(file, self.original.inputs, self.package.manifest.get("image"))
        return examples.batch(range(len(examples)))

    def _answer(self, got: Row, *, is_picture: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {"tensors": {name: array.tolist() for name, array in got.items()}}
        if not self._is_classifier:
            return answer
        classes = [self._classify(row) for row in next(iter(got.values()))]
        return {**answer, **classes[0]} if is_picture else {**answer, "outputs": classes}

    def _classify(self, scores: np.ndarray) -> Mapping[str, Any]:
        return classify(scores.astype(np.float64).ravel(), self.package.manifest.get("output", {}), self.labels)

    def _is_same(self, got: Row, want: Row) -> bool:
        first, other = (next(iter(answers.values())) for answers in (got, want))
        return bool(np.array_equal(first.reshape(len(first), -1).argmax(1), other.reshape(len(other), -1).argmax(1)))


def _rounded_up(value: float) -> float:
    """To two digits."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.ceil(value / unit) * unit:.2g}")
