"""How long a run takes, of several models in turn on one thread: in onnxruntime-node, or where there is none in Python.

Medians of interleaved runs. The child answers as well what the last model gives, so that engines can be compared.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from sluice_export.errors import ExportError
from sluice_export.package import write_json
from sluice_export.quantize.examples import Examples, Row
from sluice_export.quantize.judging import one_batch
from sluice_export.session import Session

SCRIPT = Path(__file__).with_name("node_timing.mjs")
RUNTIME = Path("node_modules/onnxruntime-node/package.json")
MIN_ROUNDS, MAX_ROUNDS = 5, 1001
# What the child has no arrays for.
NOT_IN_NODE = ("float16",)


@dataclass(frozen=True)
class Timing:
    """`engine` names the runtime and its version, `note` says why it is not the service's; `median_ms` holds, by number
    of rows, the time of a run of each model; `answers` what the last model gave for the most rows, where node ran it.
    """

    engine: str
    note: str | None
    rounds: Mapping[int, int]
    median_ms: Mapping[int, Sequence[float]]
    answers: Row | None


@dataclass(frozen=True)
class NodeEngine:
    """A folder with `node_modules/onnxruntime-node`, or the reason why there is none."""

    root: Path | None
    reason: str | None = None

    @classmethod
    def find(cls, given: Path | None) -> "NodeEngine":
        """Raises ExportError where `given` is no such folder; else looks around here and around this package."""
        if given is not None:
            if not (given / RUNTIME).is_file():
                raise ExportError(f"{given} holds no {RUNTIME.parent}. Name a checkout of Sluice after `npm ci`.")
            if shutil.which("node") is None:
                raise ExportError("node is not on the PATH; install Node.js, or leave out --node-engine.")
            return cls(given.resolve())
        if shutil.which("node") is None:
            return cls(None, "node is not on the PATH")
        for start in (Path.cwd(), Path(__file__).resolve()):
            for folder in (start, *start.parents):
                if (folder / RUNTIME).is_file():
                    return cls(folder)
        return cls(None, "no checkout with onnxruntime-node was found; name one with --node-engine")


def measure(
    models: Sequence[Path], examples: Examples, *, sizes: Sequence[int], seconds: float, engine: NodeEngine
) -> Timing:
    """Each model, run on `sizes` rows at a time, for about `seconds` each."""
    batches = [one_batch(examples, rows) for rows in sizes]
    kinds = {array.dtype.name for array in batches[0].values()}
    if engine.root is None:
        return _in_python(models, batches, seconds=seconds, note=f"not measured in onnxruntime-node: {engine.reason}")
    if kinds & set(NOT_IN_NODE):
        reason = f"not measured in onnxruntime-node: inputs are {', '.join(sorted(kinds))}"
        return _in_python(models, batches, seconds=seconds, note=reason)
    return _in_node(models, batches, seconds=seconds, root=engine.root)


def _in_node(models: Sequence[Path], batches: Sequence[Row], *, seconds: float, root: Path) -> Timing:
    outputs = Session(models[-1]).outputs
    with tempfile.TemporaryDirectory() as folder:
        files = {spec.name: Path(folder) / f"answer{index}" for index, spec in enumerate(outputs)}
        plan = {
            "root": str(root),
            "models": [str(model) for model in models],
            "seconds": seconds,
            "batches": [_written(batch, Path(folder)) for batch in batches],
        }
        for batch in plan["batches"]:
            batch["answers"] = {name: str(file) for name, file in files.items()} if batch is plan["batches"][-1] else {}
        write_json(Path(folder) / "plan.json", plan)
        child = subprocess.run(
            ["node", str(SCRIPT), str(Path(folder) / "plan.json")], capture_output=True, text=True, check=False
        )
        if child.returncode != 0:
            raise ExportError(
                f"The models cannot be run in onnxruntime-node: {child.stderr.strip()[-1000:]}"
                " Bring onnxruntime-node up to date, or name another with --node-engine."
            )
        said = json.loads(child.stdout)
        rows = len(next(iter(batches[-1].values())))
        answers = {spec.name: np.fromfile(files[spec.name], spec.dtype) for spec in outputs}
        return Timing(
            engine=f"onnxruntime-node {said['version']}",
            note=None,
            rounds={each["rows"]: each["rounds"] for each in said["batches"]},
            median_ms={each["rows"]: each["medianMs"] for each in said["batches"]},
            answers={name: flat.reshape(rows, -1) for name, flat in answers.items()},
        )


def _written(batch: Row, folder: Path) -> dict:
    inputs = []
    rows = len(next(iter(batch.values())))
    for index, (name, array) in enumerate(batch.items()):
        file = folder / f"input{index}.{rows}"
        np.ascontiguousarray(array).tofile(file)
        inputs.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "file": str(file)})
    return {"rows": rows, "inputs": inputs}


def _in_python(models: Sequence[Path], batches: Sequence[Row], *, seconds: float, note: str) -> Timing:
    sessions = [Session(model) for model in models]
    rounds, medians = {}, {}
    for batch in batches:
        rows = len(next(iter(batch.values())))
        for session in sessions:
            session.run(batch)
        spent: list[list[float]] = [[] for _ in sessions]
        end = time.perf_counter() + seconds
        while len(spent[0]) < MIN_ROUNDS or (len(spent[0]) < MAX_ROUNDS and time.perf_counter() < end):
            for index, session in enumerate(sessions):
                start = time.perf_counter()
                session.run(batch)
                spent[index].append((time.perf_counter() - start) * 1000)
        rounds[rows] = len(spent[0])
        medians[rows] = [statistics.median(each) for each in spent]
    return Timing(f"onnxruntime {onnxruntime.__version__} in Python", note, rounds, medians, None)
