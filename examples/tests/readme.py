"""Reads an example's README: its commands in order, and what it says they print.

A block fenced as `sh` is typed as it stands; the `text` block after it is what it prints. `npm start`, with or without
`SLUICE_MODELS=<folder>` before it, ends a block, as it keeps its terminal. In what is printed, `…` stands for anything
(alone on a line, for any lines), numbers with a decimal point may be off by a tolerance, and numbers in scientific
notation are rounding errors, of which none is above `ROUNDING`. All else is literal.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROUNDING = 1e-4
START = re.compile(r"^(?:SLUICE_MODELS=(\S+) )?npm start$")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\w)")


@dataclass(frozen=True)
class Step:
    """`commands` for bash, what they print, and the models folder of the service that is to run afterwards."""

    commands: str
    printed: str | None
    models: str | None


def steps_of(readme: Path) -> list[Step]:
    """Raises AssertionError where a block tells what is printed and none was typed before it."""
    steps: list[Step] = []
    previous = ""
    for language, text in BLOCK.findall(readme.read_text(encoding="utf-8")):
        if language == "sh":
            *before, last = text.strip().split("\n")
            start = START.match(last)
            steps.append(
                Step("\n".join(before if start else [*before, last]), None, (start[1] or "models") if start else None)
            )
        elif language == "text":
            assert previous == "sh", f"{readme}: nothing is typed before {text!r}"
            steps[-1] = Step(steps[-1].commands, text, steps[-1].models)
        previous = language
    return steps


def difference(expected: str, printed: str, *, tolerance: float) -> str | None:
    """Where `printed` is not what the README says; None where it is."""
    wanted, got = expected.strip().split("\n"), printed.strip().split("\n")
    if "…" in wanted:
        place = wanted.index("…")
        # As many lines as are left between those before and those after it.
        wanted[place : place + 1] = ["…"] * max(0, len(got) - len(wanted) + 1)
    for number, line in enumerate(wanted):
        if number >= len(got) or not _matches(line, got[number], tolerance):
            return f"expected: {line}\nprinted:  {got[number] if number < len(got) else 'no such line'}"
    return None if len(got) == len(wanted) else f"printed besides: {got[len(wanted)]}"


def _matches(line: str, printed: str, tolerance: float) -> bool:
    numbers: list[str] = []
    pattern, end = "", 0
    for number in NUMBER.finditer(line):
        if "." not in number[0] and "e" not in number[0]:
            continue
        pattern += _literal(line[end : number.start()]) + r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
        numbers.append(number[0])
        end = number.end()
    found = re.fullmatch(pattern + _literal(line[end:]), printed)
    pairs = zip(numbers, found.groups(), strict=True) if found else ()
    return found is not None and all(_is_close(*pair, tolerance) for pair in pairs)


def _literal(text: str) -> str:
    return ".*?".join(map(re.escape, text.split("…")))


def _is_close(expected: str, got: str, tolerance: float) -> bool:
    if "e" in expected:
        return abs(float(got)) <= ROUNDING
    return abs(float(got) - float(expected)) <= tolerance
