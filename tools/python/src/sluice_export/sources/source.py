"""A model as it was given, whichever way: its kind, the thing itself, and a word on where it came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["module", "torchscript", "exported-program", "onnx"]


@dataclass(frozen=True)
class Source:
    """`model` is a torch.nn.Module, a torch.jit.ScriptModule, a torch.export.ExportedProgram, or the path of an ONNX
    file. `origin` is for the report and names no folders. `notes` are for the user."""

    kind: Kind
    model: Any
    origin: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceRequest:
    """What the command line says about the model; see `sluice-export export --help`."""

    model: str
    weights: Path | None = None
    args: Any = None
    trust_pickle: bool = False
