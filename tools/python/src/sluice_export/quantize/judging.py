"""How far a quantized model's answers are from the float32 ones, on rows that calibration has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice_export.quantize.examples import Examples, Row
from sluice_export.session import Session


@dataclass(frozen=True)
class Judgement:
    """`agreement` is the part of rows with the same best class, None where the model is no classifier.

    Differences are of raw outputs: the largest absolute one, and the same as a part of the largest expected value.
    """

    rows: int
    agreement: float | None
    max_abs_diff: float
    max_rel_diff: float
    classes: int | None

    def as_json(self) -> dict[str, Any]:
        whole = {
            "rows": self.rows,
            "top1Agreement": self.agreement,
            "classesPredicted": self.classes,
            "maxAbsDiff": self.max_abs_diff,
            "maxRelDiff": self.max_rel_diff,
        }
        return {key: value for key, value in whole.items() if value is not None}


@dataclass(frozen=True)
class Threshold:
    """What is good enough; None where it does not matter."""

    agreement: float | None
    max_difference: float | None

    def accepts(self, judgement: Judgement) -> bool:
        if not np.isfinite(judgement.max_abs_diff):
            return False
        if self.agreement is not None and judgement.agreement is not None and judgement.agreement < self.agreement:
            return False
        return self.max_difference is None or judgement.max_rel_diff <= self.max_difference

    def __str__(self) -> str:
        parts = []
        if self.agreement is not None:
            parts.append(f"top-1 agreement {self.agreement:g}")
        if self.max_difference is not None:
            parts.append(f"largest difference {self.max_difference:g} of the largest value")
        return " and ".join(parts) or "finite answers"


class Yardstick:
    """The float32 answers on some rows, and the judge of other models by them.

    `size` rows are run at a time; `is_classifier`: the first output holds the scores.
    """

    def __init__(self, reference: Session, examples: Examples, *, size: int, is_classifier: bool) -> None:
        self.examples = examples
        self._size = size
        self._is_classifier = is_classifier
        self._expected = self.answers(reference)

    def answers(self, session: Session) -> list[np.ndarray]:
        """Every output over all rows."""
        runs = [list(session.run(batch).values()) for batch in self.examples.batches(self._size)]
        return [np.concatenate(parts) for parts in zip(*runs, strict=True)]

    def judge(self, session: Session) -> Judgement:
        return self.compare(self.answers(session))

    def compare(self, got: list[np.ndarray]) -> Judgement:
        """`got` are outputs over all rows, as `answers` gives them."""
        agreement = classes = None
        if self._is_classifier:
            expected, found = (best_classes(answers[0]) for answers in (self._expected, got))
            agreement, classes = float((expected == found).mean()), len(np.unique(expected))
        pairs = list(zip(got, self._expected, strict=True))
        return Judgement(
            rows=len(self.examples),
            agreement=agreement,
            max_abs_diff=max(largest_difference(one, other) for one, other in pairs),
            max_rel_diff=max(largest_difference(one, other) / largest(other) for one, other in pairs),
            classes=classes,
        )

    def noise(self, session: Session) -> float:
        """The root mean square of all differences, as a part of that of the expected values."""
        worst = 0.0
        for got, want in zip(self.answers(session), self._expected, strict=True):
            power = float(np.sqrt(np.mean(np.square(want, dtype=np.float64)))) or 1.0
            worst = max(worst, float(np.sqrt(np.mean(np.square(got - want, dtype=np.float64)))) / power)
        return worst if np.isfinite(worst) else float("inf")


def best_classes(scores: np.ndarray) -> np.ndarray:
    """The index of the best score of each row."""
    return scores.reshape(len(scores), -1).argmax(axis=1)


def largest_difference(got: np.ndarray, want: np.ndarray) -> float:
    """Infinite where one of them is not a number and the other is."""
    if not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return float("inf")
    finite = np.isfinite(want)
    return float(np.abs(got[finite].astype(np.float64) - want[finite]).max(initial=0.0))


def largest(values: np.ndarray) -> float:
    """The largest absolute value that is finite; 1 where there is none above 0."""
    return float(np.abs(values[np.isfinite(values)].astype(np.float64)).max(initial=0.0)) or 1.0


def one_batch(examples: Examples, rows: int) -> Row:
    """So many rows in one batch, repeated where there are fewer."""
    return examples.batch([position % len(examples) for position in range(rows)])
