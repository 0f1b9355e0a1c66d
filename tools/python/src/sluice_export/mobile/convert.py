"""From a package with model.onnx to one with model.ort, onnxruntime's own format, which mobile builds load.

Invariants: the graph is optimised once, here, and without layouts that only some processors have; a package whose
answers changed on the way is not written.
"""

import io
import logging
import re
import shutil
import tempfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from sluice_export.errors import ExportError
from sluice_export.mobile.compare import Comparison, batches_for, compare
from sluice_export.package import Package, check_target, drafting, name_and_version
from sluice_export.samples import FOLDER as SAMPLES
from sluice_export.session import Session

OPERATORS = "required_operators.config"
# What is said of model.onnx alone, and so not of model.ort.
LEFT_BEHIND = {"parity.json"}


@dataclass(frozen=True)
class MobileReport:
    """What was written. `operators` are `<domain> <name>`; sizes are in bytes."""

    onnx_bytes: int
    ort_bytes: int
    operators: list[str]
    comparison: Comparison
    onnxruntime: str


def to_mobile(source: str | Path, target: str | Path, *, force: bool = False) -> MobileReport:
    """Write the mobile package of `source` at `target`, both folders `<name>/<version>`.

    Raises ExportError where `source` is no package with model.onnx, `target` exists (unless `force`), onnxruntime
    cannot load the model, or the converted model answers otherwise.
    """
    source, target = Path(source), Path(target)
    name, version = name_and_version(target)
    check_target(target, force=force)
    package = Package.read(source)
    if package.model.suffix != ".onnx":
        raise ExportError(f"{source} holds {package.model.name}; a package with model.onnx is converted.")
    with tempfile.TemporaryDirectory() as scratch:
        model, config = _convert(package.model, Path(scratch))
        original = Session(package.model)
        comparison = compare(original, Session(model), batches_for(original, package.folder / SAMPLES))
        if not comparison.is_equal:
            raise ExportError(
                f"The converted model answers otherwise: {comparison}. Nothing was written. Report this to onnxruntime"
                f" with the model; onnxruntime {onnxruntime.__version__} made it."
            )
        with drafting(target, force=force) as draft:
            shutil.copyfile(model, draft.folder / "model.ort")
            operators = config.read_text(encoding="utf-8")
            # The comment says where the file was made.
            (draft.folder / OPERATORS).write_text(
                re.sub(r"^#.*\n", "", operators, flags=re.MULTILINE), encoding="utf-8"
            )
            _copy_data(package, draft.folder)
            draft.finish({**package.manifest, "name": name, "version": version})
        return MobileReport(
            onnx_bytes=package.model.stat().st_size,
            ort_bytes=model.stat().st_size,
            operators=operators_of(operators),
            comparison=comparison,
            onnxruntime=onnxruntime.__version__,
        )


def operators_of(config: str) -> list[str]:
    """The operators that a required_operators.config lists: `domain;opset;Name{types},Name…` on each line."""
    found = []
    for line in config.splitlines():
        if line and not line.startswith(("#", "!")):  # a line of "!" names types for all operators
            domain, _, names = line.split(";", 2)
            found += [f"{domain} {name}" for name in re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", "", names).split(",")]
    return found


def _convert(model: Path, folder: Path) -> tuple[Path, Path]:
    """The paths of the .ort file and of its list of operators and types."""
    from onnxruntime.tools import convert_onnx_models_to_ort as tool

    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
    Session(model)  # which says why, where it cannot be loaded
    # "Fixed" is for the CPU and XNNPACK. NNAPI and CoreML do better with "Runtime", which optimises again on load.
    with redirect_stdout(io.StringIO()):
        tool.convert_onnx_models_to_ort(
            model,
            output_dir=folder,
            optimization_styles=[tool.OptimizationStyle.Fixed],
            enable_type_reduction=True,
        )
    return folder / f"{model.stem}.ort", folder / f"{model.stem}.required_operators_and_types.config"


def _copy_data(package: Package, folder: Path) -> None:
    """Labels, samples and whatever else model.json names, but nothing that belongs to model.onnx."""
    declared = set(package.manifest.get("files", {}))
    declared |= {labels for labels in [package.manifest.get("output", {}).get("labels")] if labels}
    for file in sorted(declared - LEFT_BEHIND):
        if not file.startswith(package.model.name):
            shutil.copyfile(package.folder / file, folder / file)
    if (package.folder / SAMPLES).is_dir():
        shutil.copytree(package.folder / SAMPLES, folder / SAMPLES)
