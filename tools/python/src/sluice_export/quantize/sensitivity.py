"""Which nodes stay in float32: none if that is good enough, else the fewest of the worst that make it so.

Invariant: at most `tries` models are judged, and the ranking of nodes is made only when the first one fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sluice_export.quantize.judging import Judgement, Threshold, Yardstick
from sluice_export.quantize.recipe import Recipe
from sluice_export.session import Session


@dataclass(frozen=True)
class Attempt:
    """One quantized file, and how it answered."""

    excluded: tuple[str, ...]
    data: bytes
    judgement: Judgement
    is_accepted: bool


@dataclass(frozen=True)
class Search:
    """All attempts in order. `chosen` is None where none was good enough."""

    attempts: tuple[Attempt, ...]
    chosen: Attempt | None

    @property
    def closest(self) -> Attempt:
        return max(self.attempts, key=lambda each: (each.judgement.agreement or 0.0, -each.judgement.max_rel_diff))


def rank(recipe: Recipe, yardstick: Yardstick) -> list[str]:
    """All nodes, the worst first: by the noise in the answers where a node alone is quantized."""
    noise = {}
    for node in recipe.nodes:
        alone = recipe.build([other for other in recipe.nodes if other != node])
        noise[node] = yardstick.noise(Session(alone))
    return sorted(recipe.nodes, key=lambda node: -noise[node])


def find_attempt(
    attempt: Callable[[Sequence[str]], Attempt], ranking: Callable[[], Sequence[str]], *, tries: int
) -> Search:
    """Leave out none, then 1, 2, 4, … of the worst, then search between the last two numbers."""
    attempts = [attempt([])]
    if attempts[0].is_accepted or tries <= 1:
        return Search(tuple(attempts), attempts[0] if attempts[0].is_accepted else None)
    worst = ranking()
    too_few, count, chosen = 0, 1, None
    # With every node left out nothing would be quantized.
    while len(attempts) < tries and too_few + 1 < len(worst) and count - too_few > 0:
        tried = attempt(worst[:count])
        attempts.append(tried)
        if tried.is_accepted:
            chosen = tried
        else:
            too_few = count
        most = len(chosen.excluded) if chosen else None
        count = min(2 * too_few, len(worst) - 1) if most is None else (too_few + most) // 2
    return Search(tuple(attempts), chosen)


def attempting(recipe: Recipe, yardstick: Yardstick | None, threshold: Threshold) -> Callable[[Sequence[str]], Attempt]:
    """Builds and judges. Without a yardstick nothing is judged and the first is taken."""

    def attempt(excluded: Sequence[str]) -> Attempt:
        data = recipe.build(excluded)
        session = Session(data)
        if yardstick is None:
            return Attempt(tuple(excluded), data, Judgement(0, None, 0.0, 0.0, None), True)
        judgement = yardstick.judge(session)
        return Attempt(tuple(excluded), data, judgement, threshold.accepts(judgement))

    return attempt
