"""What the three ways of quantizing have in common: the nodes that they change, and the file without some of them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """`nodes` are the names of those that would be quantized; `build` makes the ONNX file, leaving some as they are.

    `settings` and `notes` go into the report.
    """

    mode: str
    nodes: tuple[str, ...]
    settings: Mapping[str, Any]
    build: Callable[[Collection[str]], bytes]
    notes: tuple[str, ...] = ()
