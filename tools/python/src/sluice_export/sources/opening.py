"""From what the user names to a Source: the one place that decides which way a model is opened."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from sluice_export.errors import ExportError
from sluice_export.quiet import quiet
from sluice_export.sources.code import build_module, import_from_here, is_code
from sluice_export.sources.detect import detect
from sluice_export.sources.source import Source, SourceRequest
from sluice_export.sources.weights import apply_weights, load_pickle_safely, load_weights


def open_request(request: SourceRequest) -> Source:
    """The model that the flags name. Raises ExportError where they do not fit together or a file cannot be read."""
    if is_code(request.model):
        return _open_code(request)
    path = Path(request.model)
    kind = detect(path)
    if request.weights is not None:
        raise ExportError(
            f"--weights goes with a class: --model module.py:Net; {path.name} is a {kind} file. Leave --weights out."
        )
    if kind == "pickle":
        return _open_pickle(path, trust=request.trust_pickle)
    if kind == "safetensors":
        raise ExportError(
            f"{path.name} holds weights only. Give the class too: --model module.py:Net --weights {path.name}"
        )
    return open_file(path)


def open_object(model: Any) -> Source:
    """A model from Python: a module, a ScriptModule, an ExportedProgram, or the path of a file."""
    if isinstance(model, str | Path):
        return open_request(SourceRequest(str(model)))
    if isinstance(model, torch.jit.ScriptModule):
        return Source("torchscript", model, "a ScriptModule")
    if isinstance(model, torch.export.ExportedProgram):
        return Source("exported-program", model, "an ExportedProgram")
    if isinstance(model, nn.Module):
        return Source("module", model, type(model).__name__)
    raise ExportError(
        f"The model is a {type(model).__name__}; expected a torch.nn.Module, ScriptModule, ExportedProgram or a path."
    )


def open_file(path: Path) -> Source:
    """A TorchScript file, an ExportedProgram or an ONNX file."""
    kind = detect(path)
    if kind == "onnx":
        return Source("onnx", path, path.name)
    try:
        if kind == "torchscript":
            with quiet():
                model = torch.jit.load(str(path), map_location="cpu")
            return Source("torchscript", model, path.name)
        return Source("exported-program", torch.export.load(path), path.name)
    except Exception as error:
        raise ExportError(
            f"torch {torch.__version__} cannot load {path.name}: {str(error).splitlines()[0]}."
            " Save it again with a torch of the same version, or give the class and its state_dict."
        ) from error


def _open_code(request: SourceRequest) -> Source:
    if request.weights is None:
        raise ExportError(f"{request.model} has no weights but random ones. Give the trained ones: --weights net.pth")
    model = build_module(request.model, request.args)
    state, notes = load_weights(request.weights)
    apply_weights(model, state, request.weights.name)
    name = request.model.rpartition(":")[2]
    return Source("module", model, f"{name} with {request.weights.name}", tuple(notes))


def _open_pickle(path: Path, *, trust: bool) -> Source:
    if not trust:
        # Tensors only are no model either; a whole module is refused here with what to do.
        load_pickle_safely(path)
        raise ExportError(
            f"{path.name} holds weights only. Give the class too: --model module.py:Net --weights {path.name}"
        )
    import_from_here()
    try:
        model = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise ExportError(
            f"{path.name} cannot be unpickled: {type(error).__name__}: {error}. Its classes must be importable: run in"
            " the folder of the code that saved it, or give the class and its state_dict."
        ) from error
    if not isinstance(model, nn.Module):
        raise ExportError(f"{path.name} holds a {type(model).__name__}; expected a torch.nn.Module.")
    return Source(
        "module", model, f"{path.name}, unpickled", (f"Code from {path.name} was run, as --trust-pickle says.",)
    )
