"""Packages are written whole or not at all, and read only when they are what model.json says."""

import json
from pathlib import Path

import pytest

from sluice_export import ExportError, Package
from sluice_export.package import drafting, name_and_version, write_json

MANIFEST = {"name": "net", "version": "1", "task": "tensor"}


def write(target: Path, *, force: bool = False, content: bytes = b"model") -> None:
    with drafting(target, force=force) as draft:
        (draft.folder / "model.onnx").write_bytes(content)
        (draft.folder / "samples").mkdir()
        draft.finish(MANIFEST)


def test_a_package_that_was_written_reads_back_with_the_sha256_of_its_files(tmp_path):
    write(tmp_path / "net" / "1")
    package = Package.read(tmp_path / "net" / "1")
    assert (package.name, package.version, package.model.read_bytes()) == ("net", "1", b"model")
    assert list(package.manifest["files"]) == ["model.onnx"]


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZeroDivisionError), drafting(tmp_path / "net" / "1") as draft:
        (draft.folder / "model.onnx").write_bytes(b"model")
        raise ZeroDivisionError
    assert list((tmp_path / "net").iterdir()) == []


def test_an_existing_target_is_refused_and_replaced_only_when_forced(tmp_path):
    write(tmp_path / "net" / "1")
    with pytest.raises(ExportError, match=r"exists; versions do not change.*--force"):
        write(tmp_path / "net" / "1", content=b"other")
    assert Package.read(tmp_path / "net" / "1").model.read_bytes() == b"model"
    write(tmp_path / "net" / "1", content=b"other", force=True)
    assert Package.read(tmp_path / "net" / "1").model.read_bytes() == b"other"
    assert [path.name for path in (tmp_path / "net").iterdir()] == ["1"]


def test_a_folder_that_is_no_package_is_never_replaced(tmp_path):
    precious = tmp_path / "net" / "1" / "thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("text")
    with pytest.raises(ExportError, match="is no model package, so it is not replaced"):
        write(tmp_path / "net" / "1", force=True)
    assert precious.read_text() == "text"


def test_a_file_that_was_changed_afterwards_is_noticed(tmp_path):
    write(tmp_path / "net" / "1")
    (tmp_path / "net" / "1" / "model.onnx").write_bytes(b"other")
    with pytest.raises(ExportError, match=r"model.onnx is not the file that model.json describes"):
        Package.read(tmp_path / "net" / "1")


@pytest.mark.parametrize("folder", ["Net/1", "net/v 1", "net/-1"])
def test_a_path_that_cannot_be_served_is_refused_with_an_example(tmp_path, folder):
    with pytest.raises(ExportError, match=r"lies in <name>/<version>; came .*For example: -o models/my-net/1"):
        name_and_version(tmp_path / folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"labels": "labels.json"}, "labels is not a known key"),
        ({"task": "detection"}, "task: came 'detection', expected one of tensor, image-classification"),
        ({"image": {}}, 'expected nothing, as the task is "tensor"'),
        ({"task": "image-classification"}, "image: came None, expected an object"),
        ({"task": "image-classification", "image": {"color": "GRAY", "mean": [0, 0, 0]}}, "expected 1 numbers"),
        ({"output": {"topK": 0}}, "output.topK: came 0, expected a whole number from 1 to 1000"),
    ],
)
def test_a_manifest_that_the_service_would_refuse_is_not_written(tmp_path, change, complaint):
    with pytest.raises(ExportError, match=complaint), drafting(tmp_path / "net" / "1") as draft:
        draft.finish({**MANIFEST, **change})


def test_json_keeps_numbers_on_one_line_and_strings_as_they_are(tmp_path):
    value = {"crop": [224, 224], "labels": ["a,  b", "[ 1 ]"], "empty": []}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text()
    assert '"crop": [224, 224]' in text
    assert json.loads(text) == value


def test_the_digits_package_of_the_repository_reads():
    assert Package.read(Path(__file__).parents[3] / "models" / "digits" / "1").name == "digits"
