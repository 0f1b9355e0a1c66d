"""A model of texts, as transformers or sentence-transformers saves it, to a package of embeddings or classes.

Run from the repository's root, with the versions of tools/python/requirements.txt and transformers 5.24:

    pip install torch transformers onnx onnxruntime onnxscript
    python tools/python/make_text_package.py path/to/all-MiniLM-L6-v2 -o models/minilm/1

The folder holds config.json, the weights and tokenizer.json. A model ...ForSequenceClassification becomes classes, with
the labels of its config; any other becomes embeddings, and `modules.json`, `1_Pooling/config.json` and
`sentence_bert_config.json` say how. What it writes is compared with torch before it takes its place.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForSequenceClassification

OPSET = 18
TOLERANCE = 1e-4
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
TRIALS = [
    "A cat sits on the sofa.",
    "Zürich",
    "",
    "The quick brown fox jumps over the lazy dog, again and again, until nobody looks any more.",
]


def read(folder: Path, file: str) -> Any:
    """The JSON of a file; None where there is none."""
    path = folder / file
    return json.loads(path.read_text()) if path.is_file() else None


def pooling_of(source: Path) -> str:
    """What the folder says: "mean" or "cls"."""
    config = read(source, "1_Pooling/config.json")
    if config is None:
        sys.exit(f"{source} has no 1_Pooling/config.json. Say how the model was trained: --pooling mean or cls.")
    modes = [key.removeprefix("pooling_mode_") for key, value in config.items() if value is True]
    modes = [mode for mode in modes if mode != "include_prompt"]
    known = {"mean_tokens": "mean", "cls_token": "cls"}
    if len(modes) != 1 or modes[0] not in known:
        sys.exit(f"{source} pools by {', '.join(modes)}; mean_tokens or cls_token can be served.")
    return known[modes[0]]


def is_classifier(source: Path) -> bool:
    return any(name.endswith("ForSequenceClassification") for name in read(source, "config.json")["architectures"])


class OneOutput(torch.nn.Module):
    """The model with nothing but `output` to answer."""

    def __init__(self, model: torch.nn.Module, output: str) -> None:
        super().__init__()
        self.model = model
        self.output = output
        self.takes_types = getattr(model.config, "type_vocab_size", 0) > 1

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        types = {"token_type_ids": token_type_ids} if self.takes_types else {}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types)[self.output]


def export(source: Path, target: Path) -> OneOutput:
    """Writes the ONNX with free rows and tokens; gives what it was made from."""
    kind, output = (
        (AutoModelForSequenceClassification, "logits") if is_classifier(source) else (AutoModel, "last_hidden_state")
    )
    model = kind.from_pretrained(source, attn_implementation="eager").eval()
    net = OneOutput(model, output).eval()
    names = INPUTS if net.takes_types else INPUTS[:2]
    # A tensor each: of two inputs that are one tensor, the export makes one.
    examples = tuple(torch.ones(2, 7, dtype=torch.int64) for _ in names)
    free = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens", max=model.config.max_position_embeddings)}
    program = torch.onnx.export(
        net,
        examples,
        input_names=list(names),
        output_names=[output],
        dynamic_shapes=tuple(free for _ in names),
        dynamo=True,
        opset_version=OPSET,
        verbose=False,
    )
    program.save(str(target), external_data=False)
    return net


def feeds(tokenizer: Tokenizer, texts: list[str]) -> dict[str, np.ndarray]:
    """[texts, longest] of each input, as the service makes them."""
    rows = tokenizer.encode_batch(texts)
    longest = max(len(row.ids) for row in rows)
    result = {name: np.zeros((len(rows), longest), np.int64) for name in INPUTS}
    for i, row in enumerate(rows):
        for name, values in zip(INPUTS, (row.ids, row.attention_mask, row.type_ids), strict=True):
            result[name][i, : len(values)] = values
    return result


def embeddings(model: Path, tokenizer: Tokenizer, texts: list[str], *, pooling: str, normalize: bool) -> np.ndarray:
    """What onnxruntime and numpy make of the texts: [texts, size]."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    given = feeds(tokenizer, texts)
    (states,) = session.run(None, {name: array for name, array in given.items() if name in wanted})
    mask = given["attention_mask"][..., None]
    vectors = states[:, 0] if pooling == "cls" else (states * mask).sum(1) / mask.sum(1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if normalize else vectors


def tokenizer_of(file: Path, max_length: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer


def check(net: OneOutput, model: Path, tokenizer: Tokenizer) -> float:
    """The largest difference between torch, text by text, and onnxruntime, all together."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    wanted = [value.name for value in session.get_inputs()]
    together = feeds(tokenizer, TRIALS)
    (came,) = session.run(None, {name: together[name] for name in wanted})
    worst = 0.0
    for i, text in enumerate(TRIALS):
        alone = feeds(tokenizer, [text])
        with torch.no_grad():
            expected = net(*(torch.from_numpy(alone[name]) for name in wanted)).numpy()[0]
        worst = max(worst, float(np.abs(came[i, : len(expected)] - expected).max()))
    if worst > TOLERANCE:
        sys.exit(
            f"onnxruntime differs from torch by {worst:.1e}; at most {TOLERANCE} was expected. Nothing was written."
        )
    return worst


def manifest(folder: Path, place: Path, sections: dict[str, Any]) -> None:
    files = {file.name: f"sha256-{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in sorted(folder.iterdir())}
    whole = {"name": place.parent.name, "version": place.name, **sections, "files": files}
    (folder / "model.json").write_text(json.dumps(whole, indent=2) + "\n")


def embedding_sections(source: Path, pooling: str | None) -> dict[str, Any]:
    modules = read(source, "modules.json") or []
    normalize = any(module["type"].endswith("Normalize") for module in modules)
    section = {"pooling": pooling or pooling_of(source), "normalize": normalize}
    return {"task": "embedding", "embedding": section}


def classifier_sections(source: Path, folder: Path) -> dict[str, Any]:
    config = read(source, "config.json")
    labels = config.get("id2label", {})
    several = config.get("problem_type") == "multi_label_classification"
    output = {"activation": "sigmoid" if several or len(labels) == 1 else "softmax"}
    if len(labels) > 1:
        names = [labels[str(i)] for i in range(len(labels))]
        (folder / "labels.json").write_text(json.dumps(names, ensure_ascii=False) + "\n")
        output["labels"] = "labels.json"
    return {"task": "text-classification", "output": output}


def length_of(source: Path) -> int:
    """Tokens of a row. Positions of RoBERTa's kind begin behind the padding token's."""
    config = read(source, "config.json")
    limit = (read(source, "sentence_bert_config.json") or {}).get("max_seq_length")
    behind = config["pad_token_id"] + 1 if "roberta" in config["model_type"] else 0
    return limit or config["max_position_embeddings"] - behind


def make(source: Path, target: Path, *, pooling: str | None = None) -> None:
    """Writes the package. It appears whole or not at all."""
    target = target.resolve()
    if target.exists():
        sys.exit(f"{target} is there already. A version does not change: choose another, or remove it.")
    limit = length_of(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
        folder = Path(scratch) / "package"
        folder.mkdir()
        sections = classifier_sections(source, folder) if is_classifier(source) else embedding_sections(source, pooling)
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        net = export(source, folder / "model.onnx")
        worst = check(net, folder / "model.onnx", tokenizer_of(folder / "tokenizer.json", limit))
        manifest(folder, target, {**sections, "text": {"maxLength": limit}})
        folder.rename(target)
    print(f"wrote {target}: {sections['task']}, {limit} tokens; torch and onnxruntime differ by {worst:.1e} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the model, as transformers saves it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="<name>/<version> of the package")
    parser.add_argument("--pooling", choices=("mean", "cls"), help="of embeddings, where the folder does not say")
    given = parser.parse_args()
    make(given.source, given.output, pooling=given.pooling)


if __name__ == "__main__":
    main()
