"""A module class or factory in the user's own code: `file.py:Name` or `pkg.mod:Name`."""

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from sluice_export.errors import ExportError


def is_code(text: str) -> bool:
    """Whether `text` names something in code rather than a file."""
    return ":" in text and not Path(text).exists()


def build_module(text: str, args: Any) -> nn.Module:
    """Call what `text` names; `args` is None, a list of arguments or a mapping of named ones.

    Raises ExportError where that fails or gives no torch.nn.Module.
    """
    factory = load_name(text)
    if isinstance(factory, nn.Module):
        return factory
    if not callable(factory):
        raise ExportError(
            f"{text} is a {type(factory).__name__}; expected a module class or a function that makes one."
        )
    try:
        model = _called(factory, args)
    except Exception as error:
        raise ExportError(f"{text} cannot be made: {_said(error)}. Give its arguments with --args JSON.") from error
    if not isinstance(model, nn.Module):
        raise ExportError(f"{text} made a {type(model).__name__}; expected a torch.nn.Module.")
    return model


def load_name(text: str) -> Any:
    """What `file.py:Name` or `pkg.mod:Name` stands for. Runs that code."""
    import_from_here()
    place, _, name = text.rpartition(":")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    if not hasattr(module, name):
        defined = [each for each, value in vars(module).items() if inspect.isclass(value) or inspect.isfunction(value)]
        raise ExportError(f"{place} has no {name}; it has {', '.join(defined) or 'no classes or functions'}.")
    return getattr(module, name)


def import_from_here() -> None:
    """Let code of the working directory be imported, as `python -m` does and an installed command does not."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ExportError(f"{path} is no file. Give the path of the Python file that has the model.")
    # As when the file is run: what lies beside it can be imported.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _load_module(path.stem) if _is_findable(path) else _load_detached(path)


def _is_findable(path: Path) -> bool:
    """Whether importing the file's name gives this very file, so that pickles and siblings see the same classes."""
    try:
        spec = importlib.util.find_spec(path.stem)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path.resolve()


def _load_detached(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"sluice_export_user_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ExportError(f"{path.name} cannot be imported: {_said(error)}.") from error
    return module


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ExportError(f"{name} cannot be imported: {_said(error)}.") from error


def _called(factory: Callable[..., Any], args: Any) -> Any:
    if args is None:
        return factory()
    return factory(**args) if isinstance(args, dict) else factory(*args)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")
