"""From a PyTorch model to a verified Sluice package.

`export` is imported on first use: it brings torch with it, which takes seconds that `--help` need not wait for.
"""

from typing import TYPE_CHECKING, Any

from sluice_export.errors import ExportError
from sluice_export.package import Package

if TYPE_CHECKING:
    from sluice_export.pipeline import export

__all__ = ["ExportError", "Package", "export"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "export":
        from sluice_export.pipeline import export

        return export
    raise AttributeError(f"module 'sluice_export' has no attribute '{name}'")
