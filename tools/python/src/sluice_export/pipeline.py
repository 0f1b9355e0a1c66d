"""From a model to a package: open, try, convert, compare, write. Nothing is written before everything was proved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice_export.behaviour import tolerance_of
from sluice_export.conversion.convert import convert
from sluice_export.inputs import example_of
from sluice_export.package import check_target, drafting, write_json
from sluice_export.packing import Target, pack, parity_of
from sluice_export.samples import SampleWriter
from sluice_export.sources.opening import open_object
from sluice_export.sources.source import Source
from sluice_export.subject import InputRequest, examining
from sluice_export.tasks.description import Description
from sluice_export.tasks.sections import LABELS
from sluice_export.tasks.tokens import TOKENIZER, read_tokens, with_texts


@dataclass(frozen=True)
class Exported:
    """The package that was written, what its parity.json says, and notes for the user."""

    folder: Path
    parity: dict[str, Any]
    notes: tuple[str, ...]


def export(
    model: Any,
    example_inputs: Any,
    *,
    output: str | Path,
    name: str | None = None,
    version: str | None = None,
    task: str = "tensor",
    image: Any = None,
    labels: str | Path | Sequence[str] | None = None,
    activation: str | None = None,
    top_k: int | None = None,
    output_section: Mapping[str, Any] | None = None,
    tokenizer: str | Path | None = None,
    pooling: str | None = None,
    normalize: bool | None = None,
    max_batch_size: int | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_one: bool = False,
    tolerance: float | None = None,
    force: bool = False,
) -> Exported:
    """Write the package `output` (`<name>/<version>`) for `model`, proved to answer what the model answers.

    model: a torch.nn.Module (its mode is restored), ScriptModule, ExportedProgram, or the path of a file of such.
    example_inputs: a tensor, a tuple of tensors, or tensors by name; the batch axis first. Whole numbers keep to the
        range that the example spans, so let it hold the smallest and the largest.
    name, version: what model.json says; by default the last two parts of `output`, which the service expects.
    input_names, output_names: as callers will know them; by default the parameters of `forward`, and "output".
    task: which of those of docs/packages.md.
    image: for tasks of pictures: a torchvision transform, "imagenet", the path of a JSON file, or the `image` section.
    labels: class names, or a file of them. activation (softmax), top_k (5): how classifiers' scores are answered.
    output_section: for detectors and segmenters: the `output` section of model.json, without labels.
    tokenizer: for tasks of texts: a tokenizer.json, or the folder with it. The example's tokens are the most of a row.
    pooling (mean, cls, none), normalize (True): what becomes of an embedding model's vectors.
    batch_one: the batch axis is fixed at 1, for models that cannot take several rows or mix them.
    tolerance: the largest difference of values up to 1; by default 1e-4 for float32, 1e-2 for float16.

    Raises ExportError, and leaves no package behind, where the model cannot be served as it is.
    """
    description = Description(
        task=task,
        name=name,
        version=version,
        image=image,
        labels=labels,
        activation=activation,
        top_k=top_k,
        output_section=output_section,
        tokenizer=tokenizer,
        pooling=pooling,
        normalize=normalize,
        max_batch_size=max_batch_size,
    )
    specs, arrays = example_of(example_inputs, input_names)
    target = Target(Path(output), description, tolerance=tolerance, force=force)
    check_wanted(target)
    inputs = InputRequest(specs, arrays, output_names, batch_one=batch_one)
    return export_source(open_object(model), inputs, target)


def check_wanted(target: Target) -> None:
    """Raises ExportError for what is wrong whatever the model is; before it is opened, which may take long."""
    target.description.check(target.folder)
    check_target(target.folder, force=target.force)


def export_source(source: Source, inputs: InputRequest, target: Target) -> Exported:
    """The same for a model that is open and a target that was checked."""
    wanted = target.description
    tokens = None if wanted.tokenizer is None else read_tokens(wanted.tokenizer)
    if tokens is not None:
        inputs = with_texts(inputs, tokens, source.kind)
    with examining(source, inputs) as subject:
        packing = pack(target, subject, tokens)
        converted = convert(subject, tolerance=target.tolerance)
        parity = parity_of(subject, converted)
        samples = SampleWriter(
            reference=subject.answers,
            specs=subject.specs,
            outputs=subject.outputs,
            manifest=packing.manifest,
            labels=packing.labels,
            tokens=tokens,
            tolerance=target.tolerance or max(map(tolerance_of, subject.answers(subject.example))),
            sizes=subject.sizes[:3],
        )
        with drafting(target.folder, force=target.force) as draft:
            (draft.folder / "model.onnx").write_bytes(converted.data)
            write_json(draft.folder / "parity.json", parity)
            if packing.labels is not None:
                text = json.dumps(packing.labels, ensure_ascii=False)
                (draft.folder / LABELS).write_text(text + "\n", encoding="utf-8")
            if tokens is not None:
                (draft.folder / TOKENIZER).write_text(tokens.text, encoding="utf-8")
            samples.write(draft.folder)
            draft.finish(packing.manifest)
    notes = [
        f"{spec.name} was tried with 0 and 1 only. Say what it takes: --input {spec.name}:{spec.dtype}:…:0..999"
        for spec in subject.specs
        if spec.is_range_assumed
    ]
    return Exported(target.folder, parity, (*source.notes, *packing.notes, *notes))
