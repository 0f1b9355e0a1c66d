"""The model in PyTorch, whose answers are the right ones: on the CPU, in eval mode, without gradients."""

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from sluice_export.errors import ExportError
from sluice_export.inputs import DTYPES, Batch
from sluice_export.sources.source import Source
from sluice_export.sources.weights import check_finite


class Reference:
    """A torch model that is called with arrays by name and answers with a list of arrays.

    Inputs are passed by position, in the order of the batch; of a module by name, where all are names of parameters
    of its `forward`.
    """

    def __init__(self, source: Source) -> None:
        self.kind = source.kind
        self.model = source.model
        if self.kind == "exported-program":
            self._callable = source.model.module()
            check_finite(source.model.state_dict)
            return
        if any(value.device.type != "cpu" for value in self.model.state_dict().values()):
            self.model = copy.deepcopy(self.model).to("cpu")
        self._callable = self.model
        check_finite(self.model.state_dict())

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Eval mode and no gradients inside; afterwards each submodule is in the mode in which it was."""
        modules = [] if self.kind == "exported-program" else list(self.model.modules())
        modes = [getattr(module, "training", None) for module in modules]
        try:
            if any(modes):
                self.model.eval()
            with torch.no_grad():
                yield
        finally:
            for module, mode in zip(modules, modes, strict=True):
                if mode is not None and module.training != mode:
                    module.training = mode

    def __call__(self, batch: Batch) -> list[np.ndarray]:
        """The flattened outputs. Raises what the model raises. Only within `evaluating`."""
        return [value.detach().numpy() for value in self.outputs_of(batch)[0]]

    def outputs_of(self, batch: Batch) -> tuple[list[torch.Tensor], list[str]]:
        """Output tensors and their names: keys where the model answers a mapping, else invented ones."""
        tensors = tensors_of(batch)
        by_name = self.takes_names(list(batch))
        result = self._callable(**tensors) if by_name else self._callable(*tensors.values())
        values, _ = pytree.tree_flatten(result)
        if not values or not all(isinstance(value, torch.Tensor) for value in values):
            kinds = ", ".join(sorted({type(value).__name__ for value in values})) or "nothing"
            raise ExportError(
                f"The model answers {kinds}; expected tensors. Wrap it in a module that returns tensors only."
            )
        odd = sorted({str(value.dtype) for value in values} - {f"torch.{name}" for name in DTYPES})
        if odd:
            raise ExportError(f"The model answers {', '.join(odd)}, which is not served. Convert it: .float()")
        return values, _output_names(result, len(values))

    def takes_names(self, names: list[str]) -> bool:
        """Whether inputs are passed by name: a module's, where position would put one elsewhere."""
        own = self.parameter_names()
        return self.kind == "module" and set(names) <= set(own) and names != own[: len(names)]

    def parameter_names(self) -> list[str]:
        """Names of forward's parameters; none where they cannot be told."""
        if self.kind == "torchscript":
            return (
                [argument.name for argument in self.model.forward.schema.arguments][1:]
                if _has_schema(self.model)
                else []
            )
        if self.kind == "exported-program":
            signature = self.model.graph_signature.user_inputs
            return [name for name in signature if isinstance(name, str)]
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = inspect.signature(self.model.forward).parameters.values()
        return [each.name for each in parameters if each.kind in kinds]


def tensors_of(batch: Batch) -> dict[str, torch.Tensor]:
    # Copies: a model may write into its input.
    return {name: torch.from_numpy(np.array(array)) for name, array in batch.items()}


def positional(reference: Reference, names: list[str]) -> nn.Module:
    """The module, taking its inputs by position in the order of `names`."""
    if not reference.takes_names(names):
        return reference.model
    return _ByName(reference.model, names).eval()


class _ByName(nn.Module):
    def __init__(self, model: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.model(**dict(zip(self.names, inputs, strict=True)))


def _has_schema(model: torch.jit.ScriptModule) -> bool:
    return hasattr(getattr(model, "forward", None), "schema")


def _output_names(result: Any, count: int) -> list[str]:
    if isinstance(result, Mapping) and len(result) == count:
        return [str(key) for key in result]
    return ["output"] if count == 1 else [f"output_{index}" for index in range(count)]
