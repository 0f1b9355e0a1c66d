"""From a float32 package to a quantized one: prepare, quantize, judge, leave out what spoils it, time, write."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from sluice_export.errors import ExportError
from sluice_export.labels import read_labels
from sluice_export.package import MANIFEST, Package, check_target, drafting, name_and_version, write_json
from sluice_export.quantize.dynamic import dynamic_recipe
from sluice_export.quantize.golden import Golden
from sluice_export.quantize.half import half_recipe
from sluice_export.quantize.judging import Threshold, Yardstick
from sluice_export.quantize.prepare import prepare
from sluice_export.quantize.recipe import Recipe
from sluice_export.quantize.report import Evidence, report_of
from sluice_export.quantize.request import QuantizeRequest
from sluice_export.quantize.row_mixing import LIMIT, row_mixing
from sluice_export.quantize.rows import Rows, choose_rows
from sluice_export.quantize.sensitivity import Search, attempting, find_attempt, rank
from sluice_export.quantize.static import StaticOptions, static_recipe
from sluice_export.quantize.timing import NodeEngine, measure
from sluice_export.session import Session, TensorSpec

REPORT = "quantization.json"
# Says what was proved of the original file, not of this one.
NOT_COPIED = (MANIFEST, REPORT, "parity.json")
BATCH = 8
SIZES = (1, 8, 32)
RANKING_ROWS = 16


@dataclass(frozen=True)
class Quantized:
    """The package that was written, and its quantization.json."""

    folder: Path
    report: dict[str, Any]


def quantize(request: QuantizeRequest, tell: Callable[[str], None] = lambda _: None) -> Quantized:
    """`tell` is called with what is being done, where it may take minutes.

    Raises ExportError, and leaves no package behind, where the model cannot be quantized well enough.
    """
    request.check()
    package = Package.read(request.package)
    check_target(request.target, force=request.force)
    is_classifier = package.manifest.get("task") == "image-classification"
    threshold = request.threshold(is_classifier=is_classifier)
    engine = NodeEngine.find(request.node_engine)
    original = Session(package.model)
    model = prepare(package.model)
    takes_rows = _takes_many(original.inputs)
    rows = choose_rows(request, original.inputs, package.manifest.get("image"))
    if rows.calibration is not None:
        tell(f"calibrating on {len(rows.calibration)} rows")
    recipe = _recipe_of(request, model, rows, size=BATCH if takes_rows else 1)

    # Judged as it will be served: rows that would mix run one at a time.
    size = BATCH if takes_rows and request.mode != "dynamic" else 1
    search = _search(recipe, rows, original, threshold=threshold, tries=request.tries, size=size, tell=tell)
    if search.chosen is None:
        raise ExportError(_not_good_enough(search, threshold, request))
    quantized = Session(search.chosen.data)
    mixing = (row_mixing(original, rows.trying), row_mixing(quantized, rows.trying)) if takes_rows else None
    is_mixing = mixing is not None and request.mode == "dynamic" and mixing[1] > max(LIMIT, mixing[0])

    with drafting(request.target, force=request.force) as draft:
        _copy_files(package, draft.folder)
        path = draft.folder / "model.onnx"
        path.write_bytes(search.chosen.data)
        tell("timing")
        timing = measure(
            [package.model, path],
            rows.trying,
            sizes=SIZES if takes_rows else SIZES[:1],
            seconds=request.seconds,
            engine=engine,
        )
        labels = package.manifest.get("output", {}).get("labels")
        names = read_labels(package.folder / labels) if labels else None
        samples = Golden(package, original, quantized, names).write(draft.folder)
        evidence = Evidence(package, path, recipe, rows, search, threshold, timing, mixing, is_mixing, samples)
        report = report_of(evidence, quantized)
        write_json(draft.folder / REPORT, report)
        draft.finish(_manifest_of(package, request.target, is_mixing=is_mixing))
    return Quantized(request.target, report)


def _recipe_of(request: QuantizeRequest, model: onnx.ModelProto, rows: Rows, *, size: int) -> Recipe:
    if request.mode == "dynamic":
        return dynamic_recipe(model, reduce_range=request.reduce_range)
    if request.mode == "fp16":
        return half_recipe(model)
    options = StaticOptions(request.method, request.reduce_range)
    return static_recipe(model, rows.calibration, options=options, size=size)


def _search(
    recipe: Recipe,
    rows: Rows,
    original: Session,
    *,
    threshold: Threshold,
    tries: int,
    size: int,
    tell: Callable[[str], None],
) -> Search:
    if rows.judging is None:
        return find_attempt(attempting(recipe, None, threshold), list, tries=1)
    yardstick = Yardstick(original, rows.judging, size=size, is_classifier=threshold.agreement is not None)

    def ranking() -> list[str]:
        tell(f"not good enough: trying each of {len(recipe.nodes)} nodes alone")
        seen = (rows.calibration or rows.judging).spread(RANKING_ROWS)
        return rank(recipe, Yardstick(original, seen, size=size, is_classifier=False))

    return find_attempt(attempting(recipe, yardstick, threshold), ranking, tries=tries)


def _takes_many(inputs: list[TensorSpec]) -> bool:
    """Whether runs may hold several rows. Raises ExportError where axis 0 does not count rows."""
    first = {spec.shape[0] if spec.shape else 0 for spec in inputs}
    if first == {None}:
        return True
    if first == {1}:
        return False
    shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in inputs)
    raise ExportError(
        f"The inputs are {shapes}; expected axis 0 to count rows: free, or 1. Export the model with a free batch axis."
    )


def _not_good_enough(search: Search, threshold: Threshold, request: QuantizeRequest) -> str:
    best = search.closest
    came = f"largest difference {best.judgement.max_rel_diff:.3g} of the largest value"
    if best.judgement.agreement is not None:
        came = f"top-1 agreement {best.judgement.agreement:.4f} over {best.judgement.rows} rows, {came}"
    is_reduced = request.reduce_range and request.mode != "fp16"
    wider = " --no-reduce-range where all CPUs have VNNI or are ARM," if is_reduced else ""
    return (
        f"No package was written: {threshold} was wanted on held-out rows; the best of {len(search.attempts)} tries"
        f" has {came}, with {len(best.excluded)} nodes left in float32. Give more or truer rows to --calibrate, another"
        f" --method, more --tries,{wider} --fp16 instead, or accept it with --agreement or --max-difference."
    )


def _copy_files(package: Package, target: Path) -> None:
    for file in package.folder.iterdir():
        if file.is_file() and file.name not in NOT_COPIED and file != package.model:
            shutil.copyfile(file, target / file.name)


def _manifest_of(package: Package, target: Path, *, is_mixing: bool) -> dict[str, Any]:
    name, version = name_and_version(target)
    manifest = {**package.manifest, "name": name, "version": version}
    if is_mixing:
        manifest["batching"] = {**manifest.get("batching", {}), "maxBatchSize": 1}
    return manifest
