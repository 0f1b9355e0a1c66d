"""onnxruntime on the CPU with one thread: the same numbers on every run, and no cores taken from others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from sluice_export.errors import ExportError

# The names of dtypes in Sluice, and what onnxruntime calls them.
DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(string)": "str",
    **{f"tensor({name})": name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    "tensor(bool)": "bool",
}


@dataclass(frozen=True)
class TensorSpec:
    """An input or output as the file states it; None in `shape` where any size will do."""

    name: str
    dtype: np.dtype
    shape: tuple[int | None, ...]


class Session:
    """One loaded model. `model` is a path or the serialised file; `optimised` is how the service loads it.

    Raises ExportError where onnxruntime cannot load it or the file has inputs or outputs that are no tensors.
    """

    def __init__(self, model: str | Path | bytes, *, optimised: bool = True) -> None:
        options = onnxruntime.SessionOptions()
        if not optimised:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what fails is raised
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError(f"onnxruntime {onnxruntime.__version__} cannot load the model: {error}") from error
        self.inputs = [_spec_of(value) for value in self._session.get_inputs()]
        self.outputs = [_spec_of(value) for value in self._session.get_outputs()]

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs by name. Raises what onnxruntime raises."""
        values = self._session.run(None, dict(feeds))
        return {spec.name: np.asarray(value) for spec, value in zip(self.outputs, values, strict=True)}


def _spec_of(value: onnxruntime.NodeArg) -> TensorSpec:
    if value.type not in DTYPES:
        raise ExportError(
            f"{value.name} is {value.type}; only tensors of {', '.join(DTYPES.values())} are served. Convert it in the"
            " model (from scikit-learn: options={'zipmap': False} in convert_sklearn)."
        )
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return TensorSpec(value.name, np.dtype(DTYPES[value.type]), shape)
