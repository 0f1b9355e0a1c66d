"""What the user asks for."""

from dataclasses import dataclass
from pathlib import Path

from sluice_export.errors import ExportError
from sluice_export.quantize.judging import Threshold

MODES = ("static", "dynamic", "fp16")
AGREEMENT = 0.99
# Of the largest value, for models whose answers have no best class.
MAX_DIFFERENCE = 0.05


@dataclass(frozen=True)
class QuantizeRequest:
    """`package` is read, `target` written; both `<name>/<version>`.

    calibrate, held_out: folders of rows (see examples.py). Without the second a fourth of the first is held out.
    method: minmax, entropy or percentile. reduce_range: weights of 7 bits (see weights.py).
    agreement, max_difference: what is good enough; None for the usual of the model's task.
    tries: the most models that are judged to find which nodes to leave out.
    seconds: of timing, for each number of rows. node_engine: a checkout of Sluice, None to look for one.
    """

    package: Path
    target: Path
    mode: str
    calibrate: Path | None = None
    held_out: Path | None = None
    method: str = "minmax"
    reduce_range: bool = True
    agreement: float | None = None
    max_difference: float | None = None
    tries: int = 8
    seconds: float = 3.0
    node_engine: Path | None = None
    force: bool = False

    def check(self) -> None:
        """Raises ExportError where the parts do not go together."""
        if self.mode == "static" and self.calibrate is None:
            raise ExportError(
                "Static quantization needs rows like those of production to find the ranges of values: name a folder"
                " of 100 or more with --calibrate. Without any, use --dynamic or --fp16."
            )
        if self.agreement is not None and not 0 <= self.agreement <= 1:
            raise ExportError(f"--agreement {self.agreement:g}: expected a part from 0 to 1, as 0.99.")
        if self.max_difference is not None and self.max_difference < 0:
            raise ExportError(f"--max-difference {self.max_difference:g}: expected a number from 0.")
        if self.tries < 1:
            raise ExportError(f"--tries {self.tries}: expected 1 or more.")

    def threshold(self, *, is_classifier: bool) -> Threshold:
        if is_classifier:
            return Threshold(AGREEMENT if self.agreement is None else self.agreement, self.max_difference)
        if self.agreement is not None:
            raise ExportError("--agreement compares best classes; this model's task has none. Use --max-difference.")
        return Threshold(None, MAX_DIFFERENCE if self.max_difference is None else self.max_difference)
