"""Flags say what model.json says; what cannot be is refused in a sentence."""

from pathlib import Path

import pytest
import torch

import sluice_export
from architectures import ARCHITECTURES
from sluice_export import cli

TRANSFORMS = """\
import torchvision_standin as T
VALIDATION = T.Compose([T.Resize(20), T.CenterCrop(16), T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3)])
"""


@pytest.fixture
def export(tmp_path):
    """Exports a CNN of 3x16x16 and five classes with further flags; returns the exit status and model.json."""
    torch.save(ARCHITECTURES["cnn"].model().state_dict(), tmp_path / "net.pth")
    (tmp_path / "labels.txt").write_text("cat\ndog\nhorse\nship\ntruck\n\n")
    (tmp_path / "transforms_of_training.py").write_text(TRANSFORMS)
    (tmp_path / "image.json").write_text('{"crop": [16, 16], "std": [0.5, 0.5, 0.5]}')
    target = tmp_path / "models" / "net" / "1"
    words = ["--model", f"{Path(__file__).parent / 'architectures.py'}:Cnn", "--weights", f"{tmp_path}/net.pth"]
    words += ["--task", "image-classification", "-o", str(target)]

    def run(*flags: str, shape: str = "3x16x16"):
        status = cli.main([*words, "--input", shape, *(flag.replace("HERE", str(tmp_path)) for flag in flags)])
        return status, sluice_export.Package.read(target) if status == 0 else None

    return run


@pytest.mark.parametrize(
    ("flags", "section"),
    [
        (
            ("--transform", "HERE/transforms_of_training.py:VALIDATION"),
            {"resize": {"shorterSide": 20}, "crop": [16, 16], "mean": [0.5] * 3, "std": [0.25] * 3},
        ),
        (("--image", "HERE/image.json"), {"crop": [16, 16], "std": [0.5] * 3}),
        (
            ("--resize", "18", "--crop", "16", "--color", "BGR", "--mean", "0.1,0.2,0.3"),
            {"resize": {"shorterSide": 18}, "crop": [16, 16], "color": "BGR", "mean": [0.1, 0.2, 0.3]},
        ),
        (("--resize", "16x16", "--std", "1,1,2"), {"resize": {"exact": [16, 16]}, "std": [1, 1, 2]}),
    ],
)
def test_the_preparation_of_pictures_is_given_in_many_ways(export, flags, section):
    status, package = export(*flags)
    assert status == 0
    assert package.manifest["image"] == section


def test_without_any_the_user_is_told_what_was_taken(export, capsys):
    _, package = export()
    assert package.manifest["image"] == {"resize": {"exact": [16, 16]}, "color": "RGB"}
    assert "note: Nothing says how pictures were prepared: they are resized to [16, 16]" in capsys.readouterr().out


def test_labels_activation_and_top_k_are_written(export):
    _, package = export("--labels", "HERE/labels.txt", "--activation", "sigmoid", "--top-k", "2")
    assert package.manifest["output"] == {"activation": "sigmoid", "topK": 2, "labels": "labels.json"}
    assert (package.folder / "labels.json").read_text() == '["cat", "dog", "horse", "ship", "truck"]\n'


@pytest.mark.parametrize(
    "content",
    [
        '["a", "b", "c", "d", "e"]',
        '{"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}',
        '{"0": ["n1", "a"], "1": ["n2", "b"], "2": ["n3", "c"], "3": ["n4", "d"], "4": ["n5", "e"]}',
        '{"object_type_names": ["a", "b", "c", "d", "e"]}',
    ],
)
def test_labels_come_in_every_form_of_torchserve(export, tmp_path, content):
    (tmp_path / "index_to_name.json").write_text(content)
    _, package = export("--labels", "HERE/index_to_name.json")
    assert (package.folder / "labels.json").read_text() == '["a", "b", "c", "d", "e"]\n'


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--image", "imagenet"), "gives 3x224x224; the model takes x:float32:3x16x16"),
        (("--resize", "16"), "leaves their size open"),
        (("--crop", "16", "--color", "GRAY"), "gives 1x16x16; the model takes x:float32:3x16x16"),
        (("--crop", "16", "--mean", "0.5"), "image.mean: came [0.5], expected 3 numbers"),
        (("--crop", "16", "--image", "imagenet"), "exclude each other"),
        (("--crop", "a"), "--crop a: expected pixels"),
        (("--mean", "a,b,c"), "--mean a,b,c: expected numbers by comma"),
        (("--image", "HERE/missing.json"), "missing.json cannot be read"),
        (("--labels", "HERE/missing.txt"), "missing.txt cannot be read"),
        (("--labels", "HERE/image.json"), "expected each of the class indices 0 to 1 once"),
        (("--activation", "relu"), "output.activation: came 'relu', expected softmax, sigmoid or none"),
        (("--top-k", "0"), "output.topK: came 0"),
        (("--task", "tensor", "--labels", "HERE/labels.txt"), "labels: only for --task image-classification"),
        (("--args", "{"), "--args { is not JSON"),
        (("--args", "8"), "--args 8: expected an object by name, or an array"),
    ],
)
def test_what_cannot_be_is_refused(export, capsys, flags, complaint):
    status, _ = export(*flags)
    assert status == 2
    assert complaint in capsys.readouterr().err


def test_as_many_labels_as_classes_are_expected(export, tmp_path, capsys):
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    status, _ = export("--labels", "HERE/labels.txt")
    assert status == 2
    assert "There are 2 labels; the model answers 5 classes" in capsys.readouterr().err
