"""Detectors, segmenters and models of texts become packages of their task, which Sluice verifies, samples and all."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import sluice_export
import task_models
from service import REPOSITORY, what_is_missing
from sluice_export import ExportError, cli
from task_models import TOKENIZER

PACKED = {
    "packed": {"columns": ["box", "classes"], "transposed": True},
    "boxFormat": "cxcywh",
    "coordinates": "pixels",
    "threshold": 0.25,
}
QUERIES = {
    "boxes": "pred_boxes",
    "scores": "logits",
    "boxFormat": "cxcywh",
    "coordinates": "fractions",
    "activation": "softmax",
    "background": 3,
}
CLASSES = ["cat", "dog", "horse"]
FRAMED = {"resize": {"letterbox": [32, 48]}}
IDS = (torch.ones(2, 12, dtype=torch.int64), torch.ones(2, 12, dtype=torch.int64))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of every kind; those of texts and of open sizes by flags, as they are said there alone."""
    folder = tmp_path_factory.mktemp("models")
    picture = torch.zeros(2, 3, 32, 48)
    detector = {"task": "object-detection", "labels": CLASSES}
    packed, queries = task_models.made(task_models.Packed), task_models.made(task_models.Queries)
    sluice_export.export(
        packed, picture, output=folder / "packed" / "1", image=FRAMED, output_section=PACKED, **detector
    )
    sluice_export.export(
        queries,
        picture,
        output=folder / "queries" / "1",
        image={"resize": {"exact": [32, 48]}},
        output_section=QUERIES,
        **detector,
    )
    by_flags(folder, "Segmenter", ["--input", "3x32?x48?", *SEGMENTER, "--labels", labels(folder)])
    texts = ["--tokenizer", str(TOKENIZER), "--input", "int64:12", "--input", "int64:12"]
    by_flags(folder, "Texts", [*texts, "--task", "embedding", "--pooling", "mean"])
    by_flags(folder, "Sentiment", [*texts, "--task", "text-classification", "--labels", labels(folder)])
    again = ["--model", str(folder / "texts" / "1" / "model.onnx"), "-o", str(folder / "again" / "1")]
    inputs = ["--input", "input_ids:int64:12", "--input", "attention_mask:int64:12"]
    assert cli.main([*again, *inputs, *texts[:2], "--task", "embedding", "--pooling", "mean"]) == 0
    rows = {0: torch.export.Dim("batch")}
    fixed = torch.export.export(task_models.made(task_models.Texts), IDS, dynamic_shapes=(rows, rows))
    sluice_export.export(
        fixed, IDS, output=folder / "fixed" / "1", task="embedding", tokenizer=TOKENIZER, pooling="mean"
    )
    traced = torch.jit.trace(task_models.made(task_models.Texts), IDS)
    sluice_export.export(
        traced, IDS, output=folder / "traced" / "1", task="embedding", tokenizer=TOKENIZER, pooling="cls"
    )
    return folder


SEGMENTER = ["--task", "image-segmentation", "--resize", "32", "--output-section", '{"confidence": true}']
NAMES = ["packed", "queries", "segmenter", "texts", "sentiment", "again", "fixed", "traced"]


def by_flags(folder: Path, kind: str, flags: list[str]) -> None:
    weights = folder / f"{kind}.pth"
    torch.save(task_models.made(getattr(task_models, kind)).state_dict(), weights)
    words = ["--model", f"{Path(task_models.__file__)}:{kind}", "--weights", str(weights)]
    assert cli.main([*words, "-o", str(folder / kind.lower() / "1"), *flags]) == 0
    weights.unlink()


def labels(folder: Path) -> str:
    file = folder / "labels.txt"
    file.write_text("\n".join(CLASSES))
    return str(file)


def manifest_of(models: Path, name: str) -> dict[str, Any]:
    return sluice_export.Package.read(models / name / "1").manifest


@pytest.mark.parametrize("name", NAMES)
def test_sluice_verifies_the_package_and_its_samples(models, name):
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(f"no service: {missing}")
    command = ["node", str(REPOSITORY / "dist/apps/cli/src/main.js"), "model", "verify", "--json"]
    done = subprocess.run([*command, str(models / name / "1")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = {check["check"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    assert statuses["samples"] == "passed"
    assert set(statuses.values()) == {"passed"}


def test_a_model_of_texts_has_its_tokenizer_and_says_how_many_tokens_it_takes(models):
    manifest = manifest_of(models, "texts")
    assert manifest["text"] == {"maxLength": 12}
    assert manifest["embedding"] == {"pooling": "mean", "normalize": True}
    assert (models / "texts" / "1" / "tokenizer.json").read_text() == TOKENIZER.read_text()
    assert "tokenizer.json" in manifest["files"]


def test_inputs_of_unusual_names_are_told_by_their_place(models):
    assert manifest_of(models, "sentiment")["text"]["inputs"] == {"ids": "words", "mask": "shown"}


@pytest.mark.parametrize("name", ["texts", "traced"])
def test_the_number_of_tokens_stays_open_and_is_proved_at_two(models, name):
    comparisons = json.loads((models / name / "1" / "parity.json").read_text())["comparisons"]
    assert "other sizes" in {each["case"] for each in comparisons}
    session = sluice_export.session.Session(models / name / "1" / "model.onnx")
    assert [each.shape for each in session.inputs] == [(None, None)] * 2


def test_samples_of_texts_are_texts_with_the_answer_of_the_service(models):
    folder = models / "texts" / "1" / "samples"
    first = json.loads((folder / "samples.json").read_text())["samples"][0]
    assert first["contentType"] == "text/plain"
    answer = json.loads((folder / first["output"]).read_text())
    assert torch.tensor(answer["embedding"]).norm().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"task": "embedding"}, r"Give the tokenizer of the training.*--tokenizer"),
        ({"task": "embedding", "tokenizer": "HERE"}, "--pooling mean or --pooling cls"),
        ({"task": "text-classification", "tokenizer": "HERE"}, r"expected floating point scores \[N, classes\]"),
        ({"task": "embedding", "tokenizer": "missing.json"}, "missing.json cannot be read"),
        ({"task": "embedding", "tokenizer": __file__}, "is no tokenizer.json of the Hugging Face format"),
        ({"task": "embedding", "tokenizer": "words.json"}, "words.json is no tokenizer.json of the Hugging"),
        ({"task": "tensor", "tokenizer": "HERE"}, "tokenizer: only for --task text-classification or embedding"),
        ({"task": "embedding", "tokenizer": "HERE", "pooling": "max"}, "--pooling mean or --pooling cls"),
        ({"task": "object-detection", "activation": "sigmoid"}, "activation: only for --task image-classification or"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, monkeypatch, wanted, complaint):
    words = {"model": {"type": "Characters", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}
    (tmp_path / "words.json").write_text(json.dumps(words))
    monkeypatch.chdir(tmp_path)
    given = {key: TOKENIZER if value == "HERE" else value for key, value in wanted.items()}
    with pytest.raises(ExportError, match=complaint):
        sluice_export.export(task_models.made(task_models.Texts), IDS, output=tmp_path / "net" / "1", **given)
    assert not (tmp_path / "net" / "1").exists()


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"box": "boxes"}, "output.box is not a known key"),
        ({"activation": "relu"}, "output.activation: came 'relu'"),
    ],
)
def test_an_output_section_that_the_service_would_refuse_is_refused(tmp_path, section, complaint):
    with pytest.raises(ExportError, match=complaint):
        sluice_export.export(
            task_models.made(task_models.Packed),
            torch.zeros(2, 3, 32, 48),
            output=tmp_path / "net" / "1",
            task="object-detection",
            image=FRAMED,
            output_section=section,
        )


def test_a_segmenter_has_a_name_for_each_class(tmp_path):
    with pytest.raises(ExportError, match="There are 2 labels; the model answers 3 classes"):
        sluice_export.export(
            task_models.made(task_models.Segmenter),
            torch.zeros(2, 3, 32, 48),
            output=tmp_path / "net" / "1",
            task="image-segmentation",
            labels=["sky", "road"],
        )


def test_a_tokenizer_with_more_ids_than_were_tried_is_refused(tmp_path, capsys):
    torch.save(task_models.made(task_models.Texts).state_dict(), tmp_path / "net.pth")
    words = ["--model", f"{Path(task_models.__file__)}:Texts", "--weights", str(tmp_path / "net.pth")]
    words += ["--task", "embedding", "--pooling", "mean", "--tokenizer", str(TOKENIZER), "-o", str(tmp_path / "net/1")]
    assert cli.main([*words, "--input", "int64:12:0..9", "--input", "int64:12"]) == 2
    assert "The tokenizer has 96 ids; --input says that input_ids takes 0..9" in capsys.readouterr().err
