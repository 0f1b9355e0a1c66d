"""The tokenizer of a package: texts to rows of ids, as the service makes them (libs/inference/src/engine/text)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.inputs import Batch, InputSpec
from sluice_export.subject import InputRequest

TOKENIZER = "tokenizer.json"
USUAL = {
    "ids": ("input_ids", "ids", "tokens"),
    "mask": ("attention_mask", "mask"),
    "types": ("token_type_ids", "type_ids", "segment_ids"),
}


@dataclass(frozen=True)
class Tokens:
    """`text` is tokenizer.json as it stands; `size` is one more than the largest id that it gives."""

    text: str
    size: int

    def row_of(self, words: str, specs: Sequence[InputSpec]) -> Batch:
        """One text as the model's inputs: cut to the length that was tried, padded where that is fixed."""
        from tokenizers import Tokenizer

        length = specs[0].shape[0]
        tokenizer = Tokenizer.from_str(self.text)
        tokenizer.enable_truncation(length)
        tokenizer.no_padding()
        row = tokenizer.encode(words)
        padding = 0 if specs[0].free else length - len(row.ids)
        values = {"ids": row.ids, "mask": [1] * len(row.ids), "types": row.type_ids}
        filler = {"ids": self._pad(), "mask": 0, "types": 0}
        roles = roles_of([spec.name for spec in specs])
        return {
            spec.name: np.array([[*values[role], *[filler[role]] * padding]], np.dtype(spec.dtype))
            for spec, role in zip(specs, roles, strict=True)
        }

    def _pad(self) -> int:
        whole = json.loads(self.text)
        return (whole.get("padding") or {}).get("pad_id", 0)


def read_tokens(given: str | Path) -> Tokens:
    """A tokenizer.json, or the folder that holds it. Raises ExportError where it cannot be read."""
    path = Path(given)
    if path.is_dir():
        path = path / TOKENIZER
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ExportError(
            "Texts need the library tokenizers, which is not installed. pip install './tools/python[text]'."
        ) from None
    try:
        text = path.read_text(encoding="utf-8")
        ids = Tokenizer.from_str(text).get_vocab().values()
    except OSError as error:
        raise ExportError(
            f"{path} cannot be read: {error.strerror}. tokenizer.save_pretrained writes a tokenizer.json."
        ) from None
    except Exception as error:
        raise ExportError(f"{path} is no tokenizer.json of the Hugging Face format: {error}.") from None
    return Tokens(text, max(ids) + 1)


def roles_of(names: Sequence[str]) -> list[str]:
    """What each input takes, by its name, else by its place: ids, mask, types."""
    known = {name: role for role, names_of in USUAL.items() for name in names_of}
    found = [known.get(name) for name in names]
    if None in found or len(set(found)) != len(found) or "ids" not in found:
        return list(USUAL)[: len(names)]
    return [role for role in found if role is not None]


def with_texts(request: InputRequest, tokens: Tokens, kind: str) -> InputRequest:
    """The inputs of a model of texts: as many tokens as there are, at most those of --input, and ids that exist.

    A file that was exported or converted has said already which sizes stay open.
    """
    if not 1 <= len(request.specs) <= len(USUAL) or any(len(spec.shape) != 1 for spec in request.specs):
        shapes = ", ".join("x".join(map(str, spec.shape)) for spec in request.specs) or "none"
        raise ExportError(
            f"A model of texts takes rows of tokens: ids, and perhaps a mask and types; came the shapes {shapes}."
            " Give each as NAME:int64:TOKENS, with the most tokens that it takes."
        )
    roles = roles_of([spec.name for spec in request.specs])
    free = (0,) if kind in ("module", "torchscript") else ()
    most = {"ids": tokens.size - 1, "mask": 1, "types": 1}
    specs = []
    for spec, role in zip(request.specs, roles, strict=True):
        # An example need not hold every id; flags say what they mean.
        if spec.is_range_assumed or request.arrays is not None:
            spec = replace(spec, low=0, high=most[role], is_range_assumed=False)
        specs.append(replace(spec, free=spec.free or free))
    return replace(request, specs=specs)
