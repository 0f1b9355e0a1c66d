"""Weights from a file into a module: every key must find its place, and every number must be finite."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sluice_export.errors import ExportError
from sluice_export.sources.detect import detect

# Where training scripts put the state_dict within a checkpoint.
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net")
# What wrappers put before every key: DataParallel, torch.compile.
WRAPPER_PREFIXES = ("module.", "_orig_mod.")
SHOWN_KEYS = 5

State = dict[str, torch.Tensor]


def load_weights(path: Path) -> tuple[State, list[str]]:
    """A state_dict from a .pth or safetensors file, and notes on what was unwrapped. No code of the file runs."""
    kind = detect(path)
    if kind == "safetensors":
        from safetensors.torch import load_file

        return load_file(path), []
    if kind != "pickle":
        raise ExportError(
            f"{path.name} is a {kind} file, which has its code with it. Give it as --model, without --weights."
        )
    return _unwrapped(load_pickle_safely(path), path.name)


def load_pickle_safely(path: Path) -> Any:
    """What torch.save wrote, where it is tensors and plain values only."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ExportError(
            f"{path.name} is a pickle with more in it than tensors, such as a whole model; unpickling runs code from"
            " the file, so it was not opened. Save model.state_dict() instead, or, if you trust whoever made the file,"
            f" give it as --model {path.name} --trust-pickle, without --weights."
        ) from error
    except Exception as error:
        raise ExportError(f"{path.name} cannot be read: {error}. Copy the file again.") from error


def apply_weights(model: nn.Module, state: State, origin: str) -> None:
    """Load `state` into `model`. Raises ExportError that lists the keys that do not fit."""
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key}: {list(state[key].shape)} in the file, {list(own[key].shape)} in the model"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = [
        f"{len(keys)} {what}: {_some(keys)}"
        for keys, what in ((missing, "missing"), (unexpected, "unexpected"), (shapes, "of another shape"))
        if keys
    ]
    if faults:
        raise ExportError(
            f"The weights in {origin} are not those of this model. {'; '.join(faults)}. Give the weights of the same"
            " class, made with the same arguments (--args)."
        )
    model.load_state_dict(state)


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raises ExportError where weights hold NaN or infinity; masks, which are infinite or one other number, may."""
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not _is_usable(value)]
    if bad:
        raise ExportError(
            f"{len(bad)} weights hold NaN or infinity: {_some(bad)}."
            " Training diverged, or the file is damaged; export an earlier checkpoint."
        )


def _is_usable(value: torch.Tensor) -> bool:
    finite = torch.isfinite(value)
    if finite.all():
        return True
    return not value.isnan().any() and value[finite].unique().numel() == 1


def _unwrapped(loaded: Any, origin: str) -> tuple[State, list[str]]:
    notes = []
    if isinstance(loaded, Mapping) and not _is_state(loaded):
        inner = [key for key in CHECKPOINT_KEYS if _is_state(loaded.get(key))]
        if len(inner) == 1:
            notes.append(f"{origin} is a checkpoint; its {inner[0]!r} was taken.")
            loaded = loaded[inner[0]]
    if not _is_state(loaded):
        keys = f" with the keys {', '.join(map(str, list(loaded)[:SHOWN_KEYS]))}" if isinstance(loaded, Mapping) else ""
        raise ExportError(
            f"{origin} holds a {type(loaded).__name__}{keys}; expected a state_dict: names and tensors."
            " Save model.state_dict()."
        )
    state = dict(loaded)
    for prefix in WRAPPER_PREFIXES:
        if all(key.startswith(prefix) for key in state):
            notes.append(f"The prefix {prefix!r} of a wrapper was removed from the keys of {origin}.")
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state, notes


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN_KEYS]) + (", …" if len(names) > SHOWN_KEYS else "")


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, torch.Tensor) for each in value.values())
