"""PyTorch beside onnxruntime, case by case, and the verdict; as it goes into parity.json."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sluice_export.behaviour import Answers, difference, first_line, is_close, scale_of, tolerance_of
from sluice_export.errors import ExportError
from sluice_export.parity.cases import Case
from sluice_export.session import Session


def compare(
    reference: Answers, session: Session, cases: Iterable[Case], *, tolerance: float | None
) -> list[dict[str, Any]]:
    """One entry a case and output. Raises nothing where they differ: see `check`."""
    entries = []
    for case in cases:
        try:
            expected = reference(case.batch)
        except Exception as error:
            # Extremes need not be valid input of any model; everything else was tried before.
            entries.append({"case": case.name, "rows": case.rows, "verdict": "not valid", "reason": first_line(error)})
            continue
        try:
            answers = session.run(case.batch)
        except Exception as error:
            entries.append({"case": case.name, "rows": case.rows, "verdict": "fail", "reason": first_line(error)})
            continue
        for (name, got), want in zip(answers.items(), expected, strict=True):
            entry = _entry(got, want, tolerance or tolerance_of(want))
            entries.append({"case": case.name, "rows": case.rows, "output": name, **entry})
    return entries


def failures(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["verdict"] == "fail"]


def check(entries: Iterable[dict[str, Any]], origin: str) -> None:
    """Raises ExportError that tells the worst of the failed cases."""
    failed = failures(entries)
    if not failed:
        return
    worst = max(failed, key=lambda entry: entry.get("maxAbsDiff", float("inf")))
    if "reason" in worst:
        what = f"fails in onnxruntime: {worst['reason']}"
    else:
        what = (
            f"differs by {worst['maxAbsDiff']:.3g} in {worst['output']}; at most {worst['tolerance']:.3g} was expected"
        )
    raise ExportError(
        f"No package was written: {len(failed)} comparisons of {origin} with its ONNX file failed. The case"
        f' "{worst["case"]}" of {worst["rows"]} rows {what}. If that is good enough, say so: --tolerance.'
    )


def _entry(got: np.ndarray, want: np.ndarray, tolerance: float) -> dict[str, Any]:
    if got.shape != want.shape or got.dtype != want.dtype:
        reason = f"it answers {got.dtype.name}{list(got.shape)}, PyTorch {want.dtype.name}{list(want.shape)}"
        return {"verdict": "fail", "reason": reason}
    worst = difference(got, want) if _is_numeric(want) else 0.0
    finite = np.isfinite(want) if want.dtype.kind == "f" else np.ones(want.shape, bool)
    relative = _relative(got[finite], want[finite]) if _is_numeric(want) else 0.0
    return {
        "maxAbsDiff": worst,
        "maxRelDiff": relative,
        "tolerance": tolerance * (scale_of(want) if want.dtype.kind == "f" else 1.0),
        "verdict": "pass" if is_close(got, want, tolerance) else "fail",
    }


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "fiub"


def _relative(got: np.ndarray, want: np.ndarray) -> float:
    """The largest difference as a part of the expected value, of values that are not next to nothing."""
    got, want = got.astype(np.float64), want.astype(np.float64)
    counted = np.abs(want) > 1e-6
    return float((np.abs(got - want)[counted] / np.abs(want[counted])).max()) if counted.any() else 0.0
