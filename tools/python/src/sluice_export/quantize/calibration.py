"""The range of values of every tensor, over the rows of calibration."""

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator

from sluice_export.errors import ExportError
from sluice_export.quantize.examples import Examples, Row

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
MOST_ROWS = 256


class _Reader(CalibrationDataReader):
    def __init__(self, batches: Iterator[Row]) -> None:
        self._batches = batches

    def get_next(self) -> Row | None:
        return next(self._batches, None)


def ranges_of(model: onnx.ModelProto, examples: Examples, *, method: str, ops: Sequence[str], size: int) -> TensorsData:
    """Ranges by tensor; `size` rows are run at a time. Raises ExportError where the model does not take the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save_model(model, path)
        calibrator = create_calibrator(
            path,
            list(ops),
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=METHODS[method],
            # By default percentiles are taken of absolute values, which wastes half of uint8 after a ReLU.
            extra_options={"symmetric": False},
        )
        try:
            # Histograms are made of whole activations: batch by batch they need not all be in memory. onnxruntime
            # prints as it makes them.
            for batch in examples.batches(size):
                with contextlib.redirect_stdout(io.StringIO()):
                    calibrator.collect_data(_Reader(iter([batch])))
            with contextlib.redirect_stdout(io.StringIO()):
                return calibrator.compute_data()
        except Exception as error:
            raise ExportError(f"Calibration ({method}) failed: {error}. Try another --method.") from error
