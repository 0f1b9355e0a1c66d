"""What a task of texts says in model.json, and what the service answers to a text."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sluice_export.errors import ExportError
from sluice_export.inputs import Batch
from sluice_export.subject import Subject
from sluice_export.tasks.description import Description
from sluice_export.tasks.tokens import USUAL, Tokens, roles_of

# Outputs that the service knows by name: vectors of texts, and of tokens.
TEXT_OUTPUTS = ("sentence_embedding", "text_embeds", "embedding", "embeddings")
TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


def text_section(subject: Subject, tokens: Tokens) -> dict[str, Any]:
    """Raises ExportError where the tokenizer gives ids that the model was not tried with."""
    names = [spec.name for spec in subject.specs]
    roles = roles_of(names)
    ids = subject.specs[roles.index("ids")]
    if ids.high is not None and ids.high < tokens.size - 1:
        raise ExportError(
            f"The tokenizer has {tokens.size} ids; --input says that {ids.name} takes 0..{ids.high:g}. Give the"
            " tokenizer of the training, or a range that holds all of its ids."
        )
    section: dict[str, Any] = {"maxLength": ids.shape[0]}
    if any(name not in USUAL[role] for name, role in zip(names, roles, strict=True)):
        section["inputs"] = dict(zip(roles, names, strict=True))
    return section


def embedding_section(wanted: Description, subject: Subject) -> dict[str, Any]:
    """Raises ExportError where vectors of tokens come and nothing says how they become one."""
    usual = (*TEXT_OUTPUTS, *TOKEN_OUTPUTS)
    name = next((name for name in usual if name in subject.outputs), subject.outputs[0])
    values = subject.answers(subject.example)[subject.outputs.index(name)]
    if values.dtype.kind != "f" or values.ndim not in (2, 3):
        raise ExportError(
            f"The output {name} is {values.dtype.name}{list(values.shape)}; expected vectors of texts [N, size] or of"
            " tokens [N, tokens, size]. Return them first."
        )
    if values.ndim == 3 and wanted.pooling not in ("mean", "cls"):
        raise ExportError(
            f"The output {name} is {list(values.shape)}, a vector a token. Say how training made one of them:"
            " --pooling mean or --pooling cls."
        )
    if values.ndim == 2 and wanted.pooling not in (None, "none"):
        raise ExportError(f"The output {name} is {list(values.shape)}, a vector a text: leave --pooling out.")
    section: dict[str, Any] = {"pooling": wanted.pooling or "none", "normalize": wanted.normalize is not False}
    return {**section, "output": name} if len(subject.outputs) > 1 else section


def vector_of(values: np.ndarray, batch: Batch, section: Mapping[str, Any]) -> list[float]:
    """The service's answer to one text: its vector, from the output of a run of one row."""
    row = values[0].astype(np.float64)
    names = list(batch)
    roles = roles_of(names)
    if section["pooling"] == "cls":
        row = row[0]
    elif section["pooling"] == "mean":
        mask = batch[names[roles.index("mask")]][0] if "mask" in roles else np.ones(len(row))
        row = (row * mask[:, None]).sum(0) / mask.sum()
    return (row / np.linalg.norm(row) if section["normalize"] else row).tolist()
