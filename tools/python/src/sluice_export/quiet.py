"""Silence for torch's exporters: their warnings and graph dumps would drown what the user must read."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Warnings, log lines and prints are dropped inside; errors are raised as ever."""
    disabled = logging.root.manager.disable
    # Whole graphs, written past Python's standard output on every operator that is not supported. The switch for it
    # (_jit_set_onnx_log_enabled) is turned on again by the exporter itself.
    dump_graph = getattr(torch._C, "_jit_onnx_log", None)
    torch._C._jit_onnx_log = lambda *_: None
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(disabled)
        torch._C._jit_onnx_log = dump_graph
