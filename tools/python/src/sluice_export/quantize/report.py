"""quantization.json: what was done to which model, how good, how large and how fast it is, and what to know of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice_export.package import Package, sha256_of
from sluice_export.quantize.conditions import conditions
from sluice_export.quantize.judging import Threshold, best_classes, largest, largest_difference, one_batch
from sluice_export.quantize.recipe import Recipe
from sluice_export.quantize.rows import Rows
from sluice_export.quantize.sensitivity import Search
from sluice_export.quantize.timing import Timing
from sluice_export.session import Session


@dataclass(frozen=True)
class Evidence:
    """All that was found. `mixing` is what neighbours change of a row, before and after; None with one row a run."""

    package: Package
    model: Path
    recipe: Recipe
    rows: Rows
    search: Search
    threshold: Threshold
    timing: Timing
    mixing: tuple[float, float] | None
    is_mixing: bool
    samples: dict[str, Any] | None


def report_of(found: Evidence, quantized: Session) -> dict[str, Any]:
    """The whole report, as JSON has it. `quantized` is the new model, to compare engines."""
    before, after = found.package.model.stat().st_size, found.model.stat().st_size
    chosen = found.search.chosen
    report: dict[str, Any] = {
        "source": {
            "name": found.package.name,
            "version": found.package.version,
            found.package.model.name: sha256_of(found.package.model),
        },
        "mode": found.recipe.mode,
        "settings": dict(found.recipe.settings),
        "nodes": len(found.recipe.nodes),
        "excludedNodes": list(chosen.excluded),
        "wanted": str(found.threshold) if found.rows.judging is not None else "not judged",
        "tries": [
            {"excluded": len(each.excluded), **each.judgement.as_json(), "accepted": each.is_accepted}
            for each in found.search.attempts
        ],
        "bytes": {"before": before, "after": after, "ratio": round(after / before, 4)},
    }
    if found.rows.judging is not None:
        report["heldOut"] = chosen.judgement.as_json()
    if found.mixing is not None:
        report["rowMixing"] = {"before": found.mixing[0], "after": found.mixing[1], "mixes": found.is_mixing}
    report["latency"] = _latency(found.timing)
    if found.timing.answers is not None:
        report["engines"] = _engines(found, quantized)
    if found.samples is not None:
        report["samples"] = found.samples
    report["conditions"] = conditions()
    report["notes"] = _notes(found, report)
    return report


def _latency(timing: Timing) -> dict[str, Any]:
    rows = {}
    for size, (before, after) in timing.median_ms.items():
        rows[str(size)] = {
            "beforeMs": round(before, 4),
            "afterMs": round(after, 4),
            "speedup": round(before / after, 2),
            "rounds": timing.rounds[size],
        }
    told = {"engine": timing.engine, "threads": 1, "rows": rows}
    return {**told, "note": timing.note} if timing.note else told


def _engines(found: Evidence, quantized: Session) -> dict[str, Any]:
    """The new model in both engines on the same rows."""
    size = max(found.timing.median_ms)
    here = list(quantized.run(one_batch(found.rows.trying, size)).values())
    there = [array.reshape(like.shape) for array, like in zip(found.timing.answers.values(), here, strict=True)]
    return {
        "rows": size,
        "maxRelDiff": max(
            largest_difference(one, other) / largest(other) for one, other in zip(there, here, strict=True)
        ),
        "top1Agreement": float((best_classes(there[0]) == best_classes(here[0])).mean()),
    }


def _notes(found: Evidence, report: dict[str, Any]) -> list[str]:
    notes = list(found.recipe.notes)
    if found.rows.judging is None:
        notes.append("No rows were given, so accuracy was not judged. Name a folder with --held-out.")
    elif found.search.chosen.judgement.classes == 1:
        notes.append("All held-out rows are of one class: their agreement proves little. Give rows of every class.")
    if found.is_mixing:
        notes.append(
            "Rows of one run influence each other: scales of activations are found for the whole run. maxBatchSize is"
            " set to 1, so that every caller gets the answer of his row alone. --static keeps batches."
        )
    if found.timing.note:
        notes.append(found.timing.note[0].upper() + found.timing.note[1:] + ".")
    speedups = [each["speedup"] for each in report["latency"]["rows"].values()]
    if found.recipe.mode == "fp16":
        notes.append(
            "onnxruntime computes most of float16 in float32 on a CPU, with conversions around it: this is for size and"
            " for GPUs."
        )
    elif max(speedups) < 1:
        notes.append("It is not faster than float32 here: keep it for its size, or not at all.")
    if found.recipe.mode != "fp16" and report["conditions"]["vnni"] is False:
        notes.append("This CPU has no INT8 dot product (VNNI): times say little about one that has.")
    return notes
