"""Where figures were taken: the CPU, whether it has the dot product of INT8, and versions."""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

CPUINFO = Path("/proc/cpuinfo")


def conditions() -> dict[str, Any]:
    """`vnni` is None where the system does not say."""
    fields = {}
    if CPUINFO.is_file():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "vnni": any("vnni" in flag for flag in flags) if flags else None,
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "numpy": np.__version__,
    }
